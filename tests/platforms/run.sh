#!/bin/sh
# On a minimal Debian of the release $1, with git, make and ca-certificates, does what stands behind it: USER:TARGET is that target
# of the Makefile, or the tests that USER:SUITE/TEST names, in a fresh checkout of the last commit, as root or as user, an ordinary
# one for whom root has installed what is missing; steps.sh knows some more. Ends with 1 when one fails; what came of each is in build/platforms/$1/results.
set -eu
release=$1
shift
folder=build/platforms/$release
mkdir -p "$folder"
sh tests/chroot/make.sh "build/platforms/roots/$release" "$release" git make ca-certificates
rm -rf "$folder"
mkdir -p "$folder"
git clone -q --bare --depth 1 "file://$PWD" "$folder/source"
cp tests/platforms/steps.sh "$folder"
NETWORK=yes exec sh tests/chroot/enter.sh "build/platforms/roots/$release" "$folder" sh /mnt/steps.sh "$@"
