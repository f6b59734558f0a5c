#!/bin/sh
# A Debian of its own for tests, in the folder $1: from the archive that apt here uses, with the packages named behind it.
# Made once; a folder that is complete is left as it is.
set -eu
folder=$1
shift
[ ! -f "$folder/.complete" ] || exit 0
site=$(apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' | awk '$2 !~ /-/ && $3 == "main" { print $1, $2; exit }')
[ -n "$site" ] || { echo "apt knows no archive: run apt-get update" >&2; exit 1; }
rm -rf "$folder"
mkdir -p "$folder"
debootstrap --variant=minbase --include="$(echo "$*" | tr ' ' ,)" "${site#* }" "$folder" "${site% *}" >"$folder.log" 2>&1 ||
	{ tail -5 "$folder.log" >&2; exit 1; }
touch "$folder/.complete"
