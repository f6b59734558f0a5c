#!/bin/sh
# The manuals are clean, and name every option that the commands have.
status=0
for manual in doc/*.[1-8]; do
	mandoc -T lint -W warning "$manual" || status=1
done
for command in isosocks isosocks-proxy; do
	for option in $("${BUILD:-build/release}/$command" --help | grep -oE '(^|[ ,])--[a-z0-9-]+' | tr -d ' ,' | sort -u); do
		grep -q -e "$(printf '%s' "${option#--}" | sed 's/-/\\\\*-/g')" "doc/$command.1" ||
			{ echo "doc/$command.1 does not mention $option"; status=1; }
	done
done
exit $status
