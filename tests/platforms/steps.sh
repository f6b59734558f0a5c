#!/bin/sh
# Inside, as root of a machine that is thrown away: each step $@ (run.sh) in its user's checkout. Beside targets and tests there
# are packages, reproducible and facts, which are functions here.
set -u
status=0
useradd --create-home user
user_home=/home/user root_home=/root

# USER COMMAND...: in that user's checkout, made when it is first needed.
as() {
	user=$1
	shift
	eval "home=\$${user}_home"
	if [ ! -d "$home/isosocks" ]; then
		git clone -q /mnt/source "$home/isosocks" && chown -R "$user:" "$home/isosocks"
		[ "$user" = root ] || make -s -C "$home/isosocks" deps >/mnt/deps.log 2>&1
	fi
	if [ "$user" = root ]; then
		(cd "$home/isosocks" && "$@")
	else
		setpriv --reuid "$user" --regid "$user" --init-groups env HOME="$home" sh -c 'cd "$HOME/isosocks" && exec "$@"' sh "$@"
	fi
}

# The packages that root:deb built, as a user of them has them; nothing of isosocks may be left behind them.
packages() {
	cd /root/isosocks && dpkg -i build/deb/isosocks_*.deb build/deb/isosocks-proxy_*.deb >/dev/null && BUILD=/usr/bin sh tests/support/demo.sh &&
		dpkg --purge isosocks isosocks-proxy >/dev/null || return
	left=$(find / -xdev -name '*isosocks*' -not -path '/root/*' -not -path '/home/*' -not -path '/tmp/*')
	[ -z "$left" ] && echo "installed, run and purged" || { echo "left behind: $left"; return 1; }
}

# Built again by somebody else, elsewhere, at another time and in another place of the world: byte for byte the same.
reproducible() {
	as user env TZ=Pacific/Kiritimati LC_ALL=C LANG=C make deb || return
	for package in /root/isosocks/build/deb/*.deb; do
		cmp "$package" "/home/user/isosocks/build/deb/${package##*/}" || return
	done
	echo "the same"
}

facts() {
	. /etc/os-release
	echo "${PRETTY_NAME#Debian GNU/}: gcc $(gcc -dumpfullversion), glibc $(ldd --version | sed -n '1s/.* //p'), Python $(python3 -c 'import platform; print(platform.python_version())')"
}

step() {
	user=${1%%:*} what=${1#*:}
	case "$what" in
	packages | reproducible | facts) "$what" ;;
	*/*) as "$user" env BUILD=build/release VARIANT=release build/release/tests/isosocks-tests --timeout 300 -j"$(nproc)" --filter "$what" ;;
	*) as "$user" make "$what" ;;
	esac
}

for step in "$@"; do
	log=/mnt/$(echo "$step" | tr -c 'a-z\n' -).log
	begun=$(date +%s)
	echo "--- $step"
	{ step "$step" </dev/null 2>&1; echo $? >/mnt/status; } | tee "$log"
	ended=$(cat /mnt/status)
	[ "$ended" = 0 ] || status=1
	echo "$step	$ended	$(($(date +%s) - begun))	$(grep -a ' passed, .* skipped$' "$log" || tail -n 1 "$log")" >>/mnt/results
done
exit $status
