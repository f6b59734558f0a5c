#!/bin/sh
# The preload for the whole machine, on a machine that is thrown away afterwards: the case $1. Says what is wrong and ends
# with 1, or says nothing.
set -u
dpkg -i /mnt/*.deb >/dev/null || exit 1
list=/etc/ld.so.preload policy=/etc/isosocks.policy
library=$(dpkg -L isosocks | grep libisosocks.so)
bad=0

wrong() {
	echo "wrong: $*"
	bad=1
}
# It ends with status $1; what it prints is in $out.
ends() {
	want=$1
	shift
	out=$("$@" 2>&1)
	got=$?
	[ "$got" = "$want" ] || wrong "$* ended with $got, not $want: $out"
}
says() {
	case "$out" in
	*"$1"*) ;;
	*) wrong "it does not say '$1': $out" ;;
	esac
}
user() { HOME=/ setpriv --reuid 1234 --regid 1234 --clear-groups "$@"; }
# What a boot and a log-in need, for root and for a user, without a word on standard error.
works() {
	for program in true 'ls /' id 'cat /etc/passwd' 'sh -c :' 'bash -c :' 'mount --version' 'dpkg --version' 'perl -e 1' \
		'python3 -c pass' 'su --version' 'getent passwd root' 'sleep 0'; do
		for who in '' user; do
			err=$($who $program 2>&1 >/dev/null) || wrong "$1: $who $program ends with $?"
			[ -z "$err" ] || wrong "$1: $who $program says $err"
		done
	done
}
is_off() {
	ends 1 isosocksctl system status
	says 'preload   off'
	[ ! -e $policy ] || wrong "$policy is still there"
}

goes_on_and_off() {
	ends 1 isosocksctl system status
	ends 0 isosocksctl system enable
	says "isosocks-rescue disable"
	ends 0 isosocksctl system status
	says 'from number 1000 on'
	[ "$(cat $list)" = "$library" ] || wrong "$list: $(cat $list)"
	works enabled
	ends 0 isosocksctl system enable --users root,1234
	ends 0 isosocksctl system status --json
	says '"concerns":"users 0, 1234"'
	ends 0 isosocksctl system enable # the scope stays
	says 'users 0, 1234'
	ends 0 isosocksctl system enable --min-uid 500
	says 'from number 500 on'
	ends 0 isosocksctl system disable
	is_off
	[ ! -e $list ] || wrong "$list is still there"
	works disabled
}

keeps_what_others_preload() {
	printf '# mine\n/lib/x86_64-linux-gnu/libm.so.6 /old/libisosocks.so\n' >$list
	ends 0 isosocksctl system enable
	[ "$(sed -n 3p $list)" = "$library" ] && ! grep -q old $list && grep -q 'libm.so.6' $list || wrong "$(cat $list)"
	works enabled
	ends 0 isosocksctl system disable
	[ "$(tr -s ' ' <$list)" = "$(printf '# mine\n/lib/x86_64-linux-gnu/libm.so.6 ')" ] || wrong "$(cat -A $list)"
	works disabled
}

refuses_what_is_no_list() {
	exec 2>/dev/null # the dynamic linker's complaints
	printf 'a\0b' >$list
	ends 1 isosocksctl system enable
	says 'holds a NUL byte'
	says 'the machine is as it was'
	[ "$(wc -c <$list)" = 3 ] || wrong "$list was changed"
}

wants_root() {
	ends 1 user isosocksctl system enable
	says 'sudo isosocksctl system'
	ends 1 user isosocksctl system disable
	ends 1 user isosocksctl system status
	[ ! -e $list ] || wrong "$list was made"
}

refuses_bad_words() {
	ends 1 isosocksctl system enable --min-uid x
	says 'x is no user number'
	ends 1 isosocksctl system enable --min-uid=-1
	ends 1 isosocksctl system enable --users nobody,who
	says 'who is no user of this machine'
	ends 1 isosocksctl system enable --users ''
	ends 2 isosocksctl system
	ends 2 isosocksctl system on
	ends 2 isosocksctl system enable now
	ends 2 isosocksctl system enable --min-uid 1 --users root
	echo '[proxy]
url=http://127.0.0.1:1' >/etc/isosocks.conf
	ends 1 isosocksctl system enable
	says '/etc/isosocks.conf:2:'
	[ ! -e $list ] && [ ! -e $policy ] || wrong 'something was made'
	works refused
}

refuses_a_library_that_others_can_change() {
	chmod g+w "$library"
	ends 1 isosocksctl system enable
	says 'could be changed by users other than root'
	chmod g-w "$library"
	chmod o-r "$library"
	ends 1 isosocksctl system enable
	says 'cannot be read by every user'
	chmod o+r "$library"
	mv "$library" /root
	ends 1 isosocksctl system enable
	says 'is not installed'
	[ ! -e $list ] || wrong "$list was made"
	works refused
}

refuses_a_library_that_crashes() {
	cp /mnt/crash.so "$library"
	ends 1 isosocksctl system enable
	says 'the rehearsal failed: true'
	[ ! -e $list ] && [ ! -e $policy ] || wrong 'something was made'
	works refused
}

is_mended_by_the_rescue() {
	ends 0 isosocksctl system enable
	cp /mnt/crash.so "$library.new" && mv "$library.new" "$library"
	/bin/true 2>/dev/null && wrong 'a library that crashes does no harm?'
	isosocks-rescue status >/dev/null || wrong 'the rescue does not see it'
	isosocks-rescue disable >/dev/null || wrong 'the rescue does not work'
	works rescued
}

lives_without_the_library() {
	ends 0 isosocksctl system enable
	rm "$library"
	ls / >/dev/null 2>&1 || wrong 'programs do not run'
	ends 0 isosocks-rescue disable
	works rescued
}

lives_with_a_broken_policy() {
	ends 0 isosocksctl system enable
	for damage in 'head -c 100 /dev/urandom' 'head -c 0 /dev/null' 'head -c 1000000 /dev/zero'; do
		$damage >$policy
		works "$damage"
		ends 1 isosocksctl system status
	done
	ends 0 isosocksctl system disable
	is_off
}

survives_a_full_disk() {
	mkdir /small && mount -t tmpfs -o size=32k small /small && cp /etc/passwd /etc/group /etc/isosocks.conf /small &&
		cat /dev/zero >/small/full 2>/dev/null
	mount --bind /small /etc
	ends 1 isosocksctl system enable
	says 'the machine is as it was'
	[ ! -e $list ] || [ ! -s $list ] || wrong "$list was made"
	rm -f $list $policy
	works full
	rm /etc/full
	ends 0 isosocksctl system enable
	cat /dev/zero >/etc/full 2>/dev/null
	ends 0 isosocksctl system disable
	is_off
}

survives_a_disk_that_cannot_be_written() {
	mount --bind /etc /etc && mount -o remount,bind,ro /etc
	ends 1 isosocksctl system enable
	says 'Read-only file system'
	says 'the machine is as it was'
	mount -o remount,bind,rw /etc
	ends 0 isosocksctl system enable
	mount -o remount,bind,ro /etc
	ends 1 isosocksctl system disable
	says 'Read-only file system'
	ends 0 isosocksctl system status
	works read-only
}

# Killed at each of the calls that could have changed something, it leaves a machine that works.
survives_kill_9() {
	calls=openat,write,fsync,rename,renameat,renameat2,unlink,fallocate,umask,fchmod,close
	for verb in enable disable; do
		n=0
		killed=137
		while [ $killed = 137 ]; do
			n=$((n + 1))
			[ $verb = enable ] || isosocksctl system enable >/dev/null || wrong 'cannot be enabled'
			strace -qq -o /dev/null -e trace=$calls -e inject=$calls:signal=KILL:when=$n isosocksctl system $verb >/dev/null 2>&1
			killed=$?
			works "$verb killed at call $n"
			isosocksctl system status >/dev/null 2>&1
			[ $? -le 1 ] || wrong "$verb killed at call $n: status does not answer"
			isosocks-rescue disable >/dev/null || wrong "$verb killed at call $n: the rescue does not work"
			rm -f $policy
			[ $bad = 0 ] || return
		done
		[ $killed = 0 ] || wrong "$verb ended with $killed after $n calls"
		[ $n -gt 10 ] || wrong "$verb was killed at $n calls only"
	done
}

is_taken_out_with_the_package() {
	ends 0 isosocksctl system enable
	dpkg --remove isosocks >/dev/null 2>&1 || wrong 'the package cannot be removed'
	[ ! -e $list ] && [ ! -e $policy ] || wrong 'something stays'
	works removed
}

$1
exit $bad
