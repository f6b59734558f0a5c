#!/bin/sh
# Installs the named Debian packages that are missing, when it can: as root, or by sudo without a question. `a|b` stands for the
# first of them that this release has, since names differ. Those behind -- are wanted by single tests, which are skipped without.
export LC_ALL=C

# What is installed, and what that provides; another architecture's as NAME:ARCHITECTURE.
installed=" $(dpkg-query -W -f '${db:Status-Status} ${Architecture} ${Package} ${Provides}\n' | sed 's/([^)]*)//g; s/,/ /g' |
	awk -v native="$(dpkg --print-architecture)" '$1 == "installed" {
		printf "%s:%s ", $3, $2
		for (i = 3; i <= NF && ($2 == native || $2 == "all"); i++) printf "%s ", $i
	}') "

is_installed() {
	for name in $(echo "$1" | tr '|' ' '); do
		case "$installed" in *" $name "*) return 0 ;; esac
	done
	return 1
}

needed= wanted= kind=needed
for package in "$@"; do
	case "$package" in
	--) kind=wanted ;;
	*) is_installed "$package" || eval "$kind=\"\$$kind $package\"" ;;
	esac
done
[ -n "$needed$wanted" ] || exit 0

# Of each alternative the first that apt can install, in $found; those of which it has none in $unknown.
choose() {
	known=" $(apt-cache policy $(echo "$*" | tr '|' ' ') 2>/dev/null |
		awk '/^[^ ]/ { name = $1 } /^  Candidate: [^(]/ { sub(":$", "", name); print name }' | tr '\n' ' ') "
	found= unknown=
	for package in "$@"; do
		for name in $(echo "$package" | tr '|' ' ') -; do
			case "$known" in *" $name "*) break ;; esac
		done
		if [ "$name" = - ]; then unknown="$unknown $package"; else found="$found $name"; fi
	done
}

if [ "$(id -u)" = 0 ]; then
	as_root=env
elif sudo -n true 2>/dev/null; then
	as_root='sudo env'
else
	choose $needed $wanted
	if [ -n "$needed" ]; then
		echo "missing packages; install them as root:" >&2
		echo "  apt-get install$found$unknown" >&2
		exit 1
	fi
	echo "not installed, and what wants them is skipped:$found$unknown" >&2
	exit 0
fi

$as_root apt-get update -qq || exit 1
choose $needed
[ -z "$unknown" ] || { echo "this release has no package$unknown" >&2; exit 1; }
packages=$found
choose $wanted
[ -z "$unknown" ] || echo "this release has no package, and what wants it is skipped:$unknown" >&2
packages=$packages$found
[ -n "$packages" ] || exit 0
echo "installing:$packages"
# Small systems lack apt-utils, and debconf would say what it does without.
$as_root DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get install -y -qq --no-install-recommends $packages >/dev/null
