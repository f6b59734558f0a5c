#!/bin/sh
# The library exports the REPLACED and OLDER rows of base/libc.h, what isosocks.h declares and nothing else, and needs libc alone.
library=${BUILD:-build/release}/libisosocks.so
exported=$(nm -D --defined-only "$library" | awk '{ print $3 }' | grep -v '^_init$\|^_fini$' | sort)
listed=$({
	sed -nE 's/.*(REPLACED|OLDER)\(([A-Za-z0-9_]*)\).*/\2/p' lib/base/libc.h | grep -v '^name$'
	sed -n 's/^[a-z].* \**\(isosocks_[a-z_]*\)(.*/\1/p' lib/isosocks.h
} | sort)
if [ "$exported" != "$listed" ]; then
	echo "exports and list differ:"
	printf '%s\n' "$exported" >"${TMPDIR:-/tmp}/exported.$$"
	printf '%s\n' "$listed" | diff - "${TMPDIR:-/tmp}/exported.$$"
	rm -f "${TMPDIR:-/tmp}/exported.$$"
	exit 1
fi
needed=$(readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -vE '^(libc\.so\.6|ld-linux-.*)$')
[ -z "$needed" ] || { echo "the library needs more than libc: $needed"; exit 1; }
