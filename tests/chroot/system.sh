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

# The other end of a cable: a machine of its own, as far as the network goes.
far() { nsenter --target $far --net "$@"; }
plug_in() {
	unshare --net sleep 1000 &
	far=$!
	while [ "$(readlink /proc/$far/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done
	ip link add near type veth peer name there netns $far
	ip link add bare type veth peer name giver netns $far
	ip addr add 10.8.0.1/24 dev near && ip link set near up && ip link set bare up
	far ip addr add 10.8.0.2/24 dev there && far ip link set there up && far ip link set lo up
	far ip addr add 10.9.0.1/24 dev giver && far ip link set giver up
}
# Waits until something listens on port $1, in the namespace that the command behind it enters.
listens() {
	port=$1
	shift
	for tries in $(seq 3000); do
		"$@" ss -Hltn "sport = :$port" | grep -q . && return
	done
	wrong "nothing listens on port $port"
}

leaves_servers_of_the_system_alone() {
	plug_in
	ssh-keygen -q -t ed25519 -N '' -f /root/id && mkdir -p /root/.ssh /run/sshd && cp /root/id.pub /root/.ssh/authorized_keys
	ssh="ssh -i /root/id -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	/usr/sbin/sshd
	listens 22
	ends 0 isosocksctl system enable
	ends 0 far $ssh root@10.8.0.1 echo before the restart
	kill "$(cat /run/sshd.pid)" && while [ -e /run/sshd.pid ]; do :; done
	/usr/sbin/sshd
	listens 22
	ends 0 far $ssh root@10.8.0.1 echo restarted
	says restarted

	setpriv --reuid 8 --regid 8 --clear-groups python3 -m http.server -d /etc 2525 >/dev/null 2>&1 &
	listens 2525
	ends 0 far curl -sS http://10.8.0.1:2525/hostname

	printf 'interface giver\nstart 10.9.0.50\nend 10.9.0.60\n' >/run/udhcpd.conf
	touch /run/leases && echo lease_file /run/leases >>/run/udhcpd.conf
	far busybox udhcpd -f /run/udhcpd.conf >/dev/null 2>&1 &
	ends 0 busybox udhcpc -i bare -n -q -t 20 -T 1 -s /bin/true
	says 'obtained'
}

sends_a_user_through_the_proxy() {
	plug_in
	echo beyond >/run/page
	far python3 -m http.server -d /run 80 >/dev/null 2>&1 &
	isosocks-proxy --map www.test=10.8.0.2:80 --log-json /run/log &
	listens 9050
	listens 80 far
	ends 0 isosocksctl system enable
	ends 0 user curl -sS http://www.test/page
	says beyond
	grep -q '"host":"www.test".*user=1234;app=/usr/bin/curl"' /run/log 2>/dev/null ||
		grep -q 'user=1234' /run/log || wrong "$(cat /run/log)"
	ends 0 user env ISOSOCKS_ISOLATION=mine ISOSOCKS_KEY_TAB=7 curl -sS http://www.test/page
	grep -q 'token=mine' /run/log && grep -q '"TAB":"7"' /run/log || wrong "$(cat /run/log)"
	requests=$(grep -c '"event":"request"' /run/log)
	ends 0 user curl -sS http://10.8.0.2/page # by address too, though there is a way
	[ "$(grep -c '"event":"request"' /run/log)" = $((requests + 1)) ] || wrong 'not by the proxy'
	ends 0 curl -sS http://10.8.0.2/page # root's own is direct
	[ "$(grep -c '"event":"request"' /run/log)" = $((requests + 1)) ] || wrong "root's by the proxy"
	user python3 -m http.server -d /run 8080 >/dev/null 2>&1 &
	listens 8080
	ends 0 curl -sS http://127.0.0.1:8080/page
	ends 7 far curl -sS -m 20 http://10.8.0.1:8080/page
}

cannot_be_weakened_by_a_user() {
	plug_in
	printf '[isolation]\nrequire=always\n[network]\ndeny=10.8.0.2\n' >/etc/isosocks.conf
	far python3 -m http.server -d /etc 80 >/dev/null 2>&1 &
	listens 80 far
	isosocks-proxy --methods none --log-json /run/log &
	listens 9050
	ends 0 isosocksctl system enable
	printf '[isolation]\nrequire=never\n[network]\ndirect=10.8.0.2\n' >/run/loose.conf
	for variable in ISOSOCKS_PROXY=127.0.0.1:9050 ISOSOCKS_ISOLATION=x ISOSOCKS_KEY_A=b ISOSOCKS_KEYS=a=b ISOSOCKS_BY=user \
		ISOSOCKS_LOG=none ISOSOCKS_LOG_FILE=/run/l ISOSOCKS_CONFIG=/run/loose.conf ISOSOCKS_POLICY=x LD_PRELOAD= \
		ISOSOCKS_NAMES=3:4; do
		for url in http://10.8.0.2/hostname http://other.test/; do
			user env "$variable" curl -sS -m 20 "$url" >/dev/null 2>&1 && wrong "$variable gets $url"
		done
	done
	grep -q '"event":"request"' /run/log 2>/dev/null && wrong "a request without keys: $(cat /run/log)"
}

is_taken_out_with_the_package() {
	ends 0 isosocksctl system enable
	dpkg --remove isosocks >/dev/null 2>&1 || wrong 'the package cannot be removed'
	[ ! -e $list ] && [ ! -e $policy ] || wrong 'something stays'
	works removed
}

$1
exit $bad
