#!/bin/sh
# The variables that the library reads, those that the command takes out of the program's environment, and those of the
# manual's ENVIRONMENT are the same.
status=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{
	sed -n 's/^	{ "\([A-Z_]*\)", offsetof(struct environment, .*/ISOSOCKS_\1/p' lib/session/environment.c
	sed -n 's/^#define KEY	"\(KEY_\)"$/ISOSOCKS_\1/p' lib/session/environment.c
} | sort >"$folder/read"
{
	sed -n '/ consumed\[\] = {/,/};/p' wrappers/environment.c | grep -oE '"ISOSOCKS_[A-Z_]+"' | tr -d '"'
	sed -n 's/^#define KEY_PREFIX "\(.*\)"$/\1/p' wrappers/environment.c
} | sort >"$folder/consumed"
# .It Ev ONE , TWO and .It Ev PREFIX_ Ns Ar NAME
sed -n '/^\.Sh ENVIRONMENT/,/^\.Sh FILES/s/^\.It Ev//p' doc/isosocks.1 | grep -oE 'ISOSOCKS_[A-Z_]+' | sort >"$folder/shown"

[ "$(wc -l <"$folder/read")" -gt 9 ] || { echo "the rows of lib/session/environment.c are not found"; status=1; }
compare() { # FILE WHERE
	for name in $(comm -23 "$folder/read" "$folder/$1"); do
		echo "$2 lacks $name, which lib/session/environment.c has"
		status=1
	done
	for name in $(comm -13 "$folder/read" "$folder/$1"); do
		echo "$2 has $name, which lib/session/environment.c does not know"
		status=1
	done
}
compare shown doc/isosocks.1
compare consumed wrappers/environment.c
exit $status
