#!/bin/sh
# The files, functions and other names that README.md and doc/design.md speak of in `…` are there.
status=0
for document in README.md doc/design.md; do
	for name in $(grep -oE '`[A-Za-z0-9_./]+(\(\))?`' "$document" | tr -d '`()' | sort -u); do
		case "$name" in
		/*) ;;
		*/*) ls -d "$name" "$name".* lib/"$name" lib/"$name".* 2>/dev/null | grep -q . || {
			echo "$document speaks of $name, which is not there"
			status=1
		} ;;
		*) [ -n "$(find lib wrappers tests doc -name "$name")" ] ||
			grep -rqwF --include='*.[ch]' --include='*.py' --include='*.conf' --include=Makefile -e "$name" lib wrappers tests config Makefile || {
			echo "$document speaks of $name, which no source has"
			status=1
		} ;;
		esac
	done
done
# The drawings.
for name in $(grep -oE '^    (hooks|tunnel|socks5|names)/[a-z]+\.c' doc/design.md); do
	[ -f "lib/$name" ] || { echo "doc/design.md draws $name, which is not there"; status=1; }
done
exit $status
