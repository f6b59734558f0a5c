#!/bin/sh
# Every folder names in .may_include the folders whose headers it may include; nothing else may be included.
status=0
check() { # folder, root that its includes are relative to
	allowed=" $(basename "$1") $(grep -v '^#' "$1/.may_include" | tr '\n' ' ') "
	for file in "$1"/*.[ch]; do
		for included in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file"); do
			case "$included" in
			*/*) folder=${included%/*} ;;
			*) folder=$(basename "$1") ;;
			esac
			case "$allowed" in
			*" $folder "*) ;;
			*) echo "$file includes $included, which .may_include of its folder does not allow"; status=1 ;;
			esac
		done
	done
}
for folder in lib/*/ wrappers/ wrappers/proxy/; do
	folder=${folder%/}
	[ -f "$folder/.may_include" ] || { echo "$folder has no .may_include"; status=1; continue; }
	check "$folder"
done
# The library is libc's alone, and speaks to people through base/log.
if grep -nE '#include <(glib|gio|stdio)' lib/*/*.[ch]; then status=1; fi
if grep -nE '\b(malloc|calloc|realloc|abort|exit|_exit|printf|fprintf|signal|pthread_create) *\(' lib/*/*.c; then status=1; fi
# A command's text leaves it by wrappers/show alone, which makes it printable; a table of answers has no foreign text.
if grep -nE '(^|[^a-z_])(printf|fprintf|vprintf|vfprintf|g_print|g_printerr|perror|dprintf) *\(' wrappers/*.c |
	grep -vE '^wrappers/(show|isosocks-rescue)\.c:'; then status=1; fi
exit $status
