#!/bin/sh
# doc/compatibility.md, from the rows that a run has left in the folder $1.
set -eu
. /etc/os-release
cat <<END
# Programs

Every program here was run by \`make compatibility\` on $PRETTY_NAME, $(uname -m), Linux $(uname -r | cut -d. -f1,2), as an unprivileged user
and as root, with the guard on: without isosocks, where it must fail; then through isosocks-proxy to a server by its name, and
by its address, where the proxy must have logged the target and the key; then with a proxy that refuses, where it must say
what the last column has (or only fail). \`make check\` runs the first of them, \`make check-all\` all.

| program | version | by name | by address | refused |
|---|---|---|---|---|
END
cat "$1"/*
printf '\n%d programs.\n' "$(cat "$1"/* | wc -l)"
