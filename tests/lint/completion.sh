#!/bin/sh
# zsh's completion has every option (bash's asks --help by itself).
status=0
for option in $("${BUILD:-build/release}/isosocks" --help | grep -oE '(^|[ ,])--[a-z0-9-]+' | tr -d ' ,' | sort -u); do
	grep -qE -- "[{',)]$option[}'[]" config/completion/isosocks.zsh || { echo "config/completion/isosocks.zsh lacks $option"; status=1; }
done
exit $status
