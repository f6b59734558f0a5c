#!/bin/sh
# Each header compiles alone.
status=0
glib=$(pkg-config --cflags gio-2.0 gio-unix-2.0)
for header in lib/*.h lib/*/*.h wrappers/*.h wrappers/proxy/*.h; do
	printf '#include "%s"\n' "$PWD/$header" | ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Wall -Werror -Ilib -Iwrappers $glib \
		-fsyntax-only -x c - || status=1
done
exit $status
