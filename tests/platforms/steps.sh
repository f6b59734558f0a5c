#!/bin/sh
# Inside, as root of a machine that is thrown away: each step $@ (run.sh) in its user's checkout.
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

step() {
	user=${1%%:*} what=${1#*:}
	case "$what" in
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
	echo "$step	$ended	$(($(date +%s) - begun))	$(tail -n 1 "$log")" >>/mnt/results
done
exit $status
