#!/bin/sh
# run.sh FOLDER [TABLE...]: speed and memory beside the peers that are installed, in a network of its own, where the proxy is
# the least that one can be. Each script of table/ is run and leaves its rows in FOLDER, "ROW<tab>COLUMN<tab>VALUE" for every
# single measurement; what is compared is run in turn, round by round. document.py makes a document of them.
# BUILD is the build to measure.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BUILD:-build/release}" && pwd)

if [ "$1" != inside ]; then
	out=$1
	shift
	as_root=--map-root-user
	[ "$(id -u)" = 0 ] && as_root=
	unshare $as_root --net --pid --fork --mount-proc true 2>/dev/null || {
		echo "SKIPPED: bench: namespaces cannot be had here"
		exit 1
	}
	mkdir -p "$out"
	out=$(cd "$out" && pwd)
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	unshare $as_root --net --pid --fork --kill-child --mount-proc sh "$here/run.sh" inside "$out" "$folder" "$@"
	exit
fi

out=$2 folder=$3
shift 3
tab=$(printf '\t')
ip link set lo up
# Closed connections that wait take ports away from the next ones, the more the longer it goes on.
echo 0 >/proc/sys/net/ipv4/tcp_max_tw_buckets
echo 65535 >/proc/sys/net/core/somaxconn
# What the caller has set would be measured too.
for name in $(env | sed -n 's/^\(ISOSOCKS_[A-Z_]*\|LD_PRELOAD\|[a-z_]*_proxy\)=.*/\1/p'); do
	unset "$name"
done
# Copies, as install(1) makes them: what the linker has written lies in the kernel's memory page by page, and takes a tenth of
# a millisecond longer to start.
cp "$build/isosocks" "$build/libisosocks.so" "$folder"
# Pages that the disk does not have yet would count as memory of the process.
sync "$folder/isosocks" "$folder/libisosocks.so"
export here folder tab
export bench="$build/tests/bench" isosocks="$folder/isosocks" proxy="$build/isosocks-proxy"

# ---- what machine, and which versions ----

first() { # FILE PATTERN: what stands behind the colon
	sed -n "s/^$2[^:]*: *//p" "$1" 2>/dev/null | head -1
}

package() { # PACKAGE NAME
	version=$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null) || version='not installed'
	printf '%s\t%s\n' "$2" "${version:-not installed}"
}

{
	printf 'date\t%s\n' "$(date -u '+%Y-%m-%d %H:%M UTC')"
	model=$(first /proc/cpuinfo 'model name')
	printf 'processor\t%s\n' "${model:-$(uname -m)}, $(nproc) cores$(grep -qw hypervisor /proc/cpuinfo && echo ', in a virtual machine')"
	printf 'memory\t%s MB\n' "$(awk '/^MemTotal/ { printf "%d", $2 / 1000 }' /proc/meminfo)"
	printf 'kernel\t%s\n' "$(uname -sr)"
	# shellcheck disable=SC1091
	printf 'system\t%s, libc %s\n' "$(. /etc/os-release && echo "$PRETTY_NAME")" "$(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2)"
	printf 'load before\t%s processes\n' "$(cut -d ' ' -f 1 /proc/loadavg)"
} >"$out/machine"
{
	printf 'isosocks\t%s\n' "$("$isosocks" --version | head -1 | grep -o '[0-9][0-9.]*' | head -1)$(
		git -C "$here" rev-parse --short HEAD 2>/dev/null | sed 's/^/, commit /')"
	package torsocks torsocks
	package proxychains4 proxychains4
	package tsocks tsocks
	package dante-client socksify
	package dante-server dante
	package microsocks microsocks
	package curl curl
	package python3 python3
} >"$out/versions"

# ---- the tables ----

[ $# -gt 0 ] || set -- $(sed 's/ *#.*//' "$here/table/order")
for table in "$@"; do
	mkdir -p "$folder/$table"
	began=$(date +%s)
	sh "$here/table/$table.sh" "$folder/$table" >"$out/$table.rows" 2>"$folder/$table/said" || {
		echo "$table: ended with $?"
		cat "$folder/$table/said"
	} >&2
	printf '  %-11s %3d s, %d values\n' "$table" $(($(date +%s) - began)) "$(wc -l <"$out/$table.rows")" >&2
done
