#!/bin/sh
# sources.sh FOLDER: fetches Debian's source packages of the judges that are written in C, from where this machine has its
# other packages, and builds their tests. What is in FOLDER already stays as it is.
set -eu
mkdir -p "$1"
cd "$1"

# Lists of our own, since the machine's need not have sources; and nothing of the machine's apt is changed.
apt() {
	apt-get -q -q -o Acquire::Retries=3 -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$PWD/lists" \
		-o Dir::Cache="$PWD/cache" -o APT::Sandbox::User= "$@"
}

# The release itself comes first: it has all that it lists.
list_sources() {
	apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
		sort -u -k 3 >sources.list
	[ -s sources.list ] || { echo "no Debian sources: apt-get update" >&2 && return 1; }
	mkdir -p lists/partial cache/archives/partial
	apt update
}

fetch() { # PACKAGE
	[ ! -d "$1" ] || return 0
	[ -f sources.list ] || list_sources
	rm -f "$1"_*
	apt source --download-only "$1"
	# apt has checked it.
	dpkg-source --no-check -x "$1"_*.dsc "$1.part" >/dev/null
	sed -n 's/^Version: //p' "$1"_*.dsc | head -1 >"$1.version"
	mv "$1.part" "$1"
}

build() { # PACKAGE TARGET OPTION...
	package=$1 target=$2
	shift 2
	cmake -S "$package" -B "$package/build" -DCMAKE_BUILD_TYPE=Release "$@" >"$package.build.log" 2>&1 &&
		cmake --build "$package/build" --target "$target" -j "$(nproc)" >>"$package.build.log" 2>&1 ||
		{ tail -30 "$package.build.log" >&2 && return 1; }
}

fetch libevent
[ -x libevent/build/bin/regress ] || build libevent regress -DEVENT__LIBRARY_TYPE=STATIC -DEVENT__DISABLE_OPENSSL=ON \
	-DEVENT__DISABLE_SAMPLES=ON -DEVENT__DISABLE_BENCHMARK=ON
fetch libuv1
# Its sockets in the file system have one place for all: several tests at once need a folder for each.
sed -i 's,"/tmp/uv-test-sock,"uv-test-sock,' libuv1/test/task.h
[ -x libuv1/build/uv_run_tests ] || build libuv1 uv_run_tests -DLIBUV_BUILD_BENCH=OFF
