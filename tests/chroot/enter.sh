#!/bin/sh
# Runs the command $3... as root in a copy of the Debian in $1 that is thrown away afterwards, with loopback alone for a
# network, and the folder $2 as /mnt. Needs root.
set -eu
if [ "${ISOSOCKS_TEST_INSIDE:-}" != yes ]; then
	exec env ISOSOCKS_TEST_INSIDE=yes unshare --mount --net --pid --fork --kill-child sh "$0" "$@"
fi
base=$(cd "$1" && pwd) given=$(cd "$2" && pwd)
shift 2
root=$(mktemp -d)
mount -t tmpfs copy "$root"
mkdir "$root/upper" "$root/work" "$root/root"
mount -t overlay -o "lowerdir=$base,upperdir=$root/upper,workdir=$root/work" overlay "$root/root"
cd "$root/root"
mount -t proc proc proc
mount --bind /dev dev
mount -t tmpfs run run
mount --bind "$given" mnt
ip link set lo up
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot . "$@"
