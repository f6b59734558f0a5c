#!/bin/sh
# run.sh SECONDS FILE...: fuzzes each target (tests/fuzz/fuzz_NAME.c) for so long, under ASan and
# UBSan, from a copy of its corpus. A finding ends the run and stays in build/fuzz, from where it is
# to be taken into the corpus once it is understood.
set -eu

seconds=${1:?usage: run.sh SECONDS FILE...}
shift
CC=${FUZZ_CC:-clang}
build=build/fuzz
packages='glib-2.0 gio-2.0 gio-unix-2.0'

# What the replays are linked from: the pure layers, the tools and the proxy without their mains.
sources=$(ls lib/base/*.c lib/socks5/*.c lib/keys/*.c lib/policy/*.c lib/names/*.c lib/elf/*.c \
	lib/dns/*.c lib/hooks/answered.c lib/session/environment.c lib/session/inheritance.c lib/session/self.c lib/session/source.c wrappers/*.c wrappers/proxy/*.c 2>/dev/null |
	grep -v -e '^wrappers/isosocks[^/]*\.c$' -e '^wrappers/ctl_' -e '/proxy/main\.c$' || true)

command -v "$CC" >/dev/null || {
	echo "fuzz: $CC is not installed" >&2
	exit 1
}

mkdir -p "$build"
flags="-std=gnu11 -D_GNU_SOURCE -DISOSOCKS_VERSION=\"fuzz\" -O1 -g -fno-omit-frame-pointer
	-fno-sanitize-recover=undefined -fsanitize=address,undefined
	-Ilib -Iwrappers $(pkg-config --cflags $packages)"

# The common sources once, then each target.
objects=
for source in $sources; do
	object=$build/$(echo "$source" | tr / _ | sed 's/c$/o/')
	objects="$objects $object"
	$CC $flags -fsanitize=fuzzer-no-link -c "$source" -o "$object"
done

for target in "$@"; do
	name=$(basename "$target" .c)
	corpus=tests/fuzz/corpus/${name#fuzz_}
	program=$build/$name
	$CC $flags -fsanitize=fuzzer "$target" $objects -o "$program" $(pkg-config --libs $packages)
	rm -rf "$build/$name.corpus" "$build/$name.findings"
	mkdir -p "$build/$name.findings"
	cp -r "$corpus" "$build/$name.corpus"
	echo "fuzz: $name for $seconds seconds"
	if ! "$program" -max_total_time="$seconds" -timeout=25 -max_len=70000 -print_final_stats=1 \
		-artifact_prefix="$build/$name.findings/" "$build/$name.corpus" \
		>"$build/$name.log" 2>&1; then
		tail -n 60 "$build/$name.log" >&2
		echo "fuzz: $name: found $(ls "$build/$name.findings"/* 2>/dev/null || echo nothing that can be replayed)" >&2
		exit 1
	fi
	grep -e 'number_of_executed_units' -e 'new_units_added' "$build/$name.log"
done
