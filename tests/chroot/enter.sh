#!/bin/sh
# Runs the command $3... as root in a copy of the Debian in $1 that is thrown away afterwards, with the folder $2 as /mnt. A
# PID namespace and a root of its own, unlike in a chroot, let it make namespaces in turn. Its network is loopback alone, or with
# NETWORK=yes the machine's. Needs root.
set -eu
if [ "${ISOSOCKS_TEST_INSIDE:-}" != yes ]; then
	[ "${NETWORK:-}" = yes ] && net= || net=--net
	exec env ISOSOCKS_TEST_INSIDE=yes unshare --mount $net --pid --fork --kill-child sh "$0" "$@"
fi
base=$(cd "$1" && pwd) given=$(cd "$2" && pwd)
shift 2
root=$base.mount
mkdir -p "$root"
mount -t tmpfs copy "$root"
mkdir "$root/upper" "$root/work" "$root/root"
mount -t overlay -o "lowerdir=$base,upperdir=$root/upper,workdir=$root/work" overlay "$root/root"
cd "$root/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys 2>/dev/null || mount --rbind /sys sys
mount --rbind /dev dev
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
mount --bind dev/pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs run run
mount --bind "$given" mnt
[ "${NETWORK:-}" = yes ] && cat /etc/resolv.conf >etc/resolv.conf || ip link set lo up
pivot_root . .
umount -l .
exec env -i ${CI:+CI="$CI"} PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
