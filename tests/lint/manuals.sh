#!/bin/sh
# The manuals are clean, and name every option that the commands have.
command -v mandoc >/dev/null || { echo "mandoc is not installed"; exit 77; }
status=0
bin=${BUILD:-build/release}
for manual in doc/*.[1-8]; do
	mandoc -T lint -W warning "$manual" || status=1
done
# manual, command with the arguments that come before --help
check() {
	manual=$1
	shift
	for option in $("$@" --help | grep -oE '(^|[ ,])--[a-z0-9-]+' | tr -d ' ,' | sort -u); do
		grep -q -e "$(printf '%s' "${option#--}" | sed 's/-/\\\\*-/g')" "$manual" ||
			{ echo "$manual does not mention $option of $*"; status=1; }
	done
}
check doc/isosocks.1 "$bin/isosocks"
check doc/isosocks-proxy.1 "$bin/isosocks-proxy"
check doc/isosocksctl.8 "$bin/isosocksctl"
for command in $("$bin/isosocksctl" --help | sed -n 's/^  \([a-z]\{1,\}\).*/\1/p'); do
	grep -q "^\.Cm $command\|^\.It Cm $command" doc/isosocksctl.8 ||
		{ echo "doc/isosocksctl.8 does not mention the command $command"; status=1; }
	check doc/isosocksctl.8 "$bin/isosocksctl" "$command"
done
exit $status
