#!/bin/sh
# A Debian of its own for tests, in the folder $1: from the archive that apt here uses, of the release $2 (`here`: this machine's),
# with the packages named behind it. Made once; a folder that is complete is left as it is.
set -eu
folder=$1 release=$2
shift 2
[ ! -f "$folder/.complete" ] || exit 0
site=$(apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' | awk '$2 !~ /-/ && $3 == "main" { print $1, $2; exit }')
[ -n "$site" ] || { echo "apt knows no archive: run apt-get update" >&2; exit 1; }
[ "$release" != here ] || release=${site#* }
# A debootstrap older than the release has no script for it: all since 2012 are made in the same way.
script=/usr/share/debootstrap/scripts/$release
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
rm -rf "$folder"
mkdir -p "$folder"
debootstrap --variant=minbase --include="$(echo "$*" | tr ' ' ,)" "$release" "$folder" "${site% *}" "$script" >"$folder.log" 2>&1 ||
	{ tail -5 "$folder.log" >&2; exit 1; }
# How apt here reaches the archive is how it does there.
apt-config dump | grep '^Acquire::' | grep -v '::IndexTargets\|::Changelogs\|::CompressionTypes' >"$folder/etc/apt/apt.conf.d/90here"
touch "$folder/.complete"
