# peers.sh: what every table begins with. The proxies, who goes through them and how, and a client under one of them for a
# bounded time. $1 is a folder for the table; here, folder, tab, bench, isosocks are run.sh's.
# shellcheck shell=sh disable=SC2154,SC2086
set -u
own=$1
ours='isosocks isosocks:no-guard isosocks:02 isosocks:00'
peers='torsocks proxychains4 tsocks socksify'
pin=        # words in front of everything, such as: taskset -c 0
server_pin= # in front of the proxies instead
servers=
trap 'kill $servers 2>/dev/null' EXIT

# Client and proxy on a processor each, if there are two: neither takes the other's.
apart() {
	[ "$(nproc)" -gt 1 ] || return 0
	pin='taskset -c 0'
	server_pin='taskset -c 1'
}

# One proxy; its port into the variable NAME.
start_proxy() { # NAME DELAY METHODS
	mkfifo "$own/port"
	${server_pin:-$pin} "$bench/answer" "$2" "$3" >"$own/port" &
	servers="$servers $!"
	read -r "$1" <"$own/port"
	rm "$own/port"
}

# Proxies that take their time for each reply: one with 0x97, one as Tor is, one that knows 0x00 alone, which is what the
# peers speak. The files that the peers want to have.
start_proxies() { # DELAY
	start_proxy with_97 "$1" 97,02,00
	start_proxy with_02 "$1" 02,00
	start_proxy with_00 "$1" 00
	printf 'TorAddress 127.0.0.1\nTorPort %s\n' "$with_00" >"$own/torsocks.conf"
	printf 'quiet_mode\nstrict_chain\nproxy_dns\n[ProxyList]\nsocks5 127.0.0.1 %s\n' "$with_00" >"$own/proxychains.conf"
	printf 'server = 127.0.0.1\nserver_port = %s\nserver_type = 5\n' "$with_00" >"$own/tsocks.conf"
	printf '%s\n' "logoutput: $own/dante.log" 'resolveprotocol: fake' \
		'route {' 'from: 0.0.0.0/0 to: 127.0.0.0/8 via: direct' '}' \
		'route {' "from: 0.0.0.0/0 to: 0.0.0.0/0 via: 127.0.0.1 port = $with_00" \
		'proxyprotocol: socks_v5' 'method: none' 'command: connect' '}' \
		'route {' "from: 0.0.0.0/0 to: . via: 127.0.0.1 port = $with_00" \
		'proxyprotocol: socks_v5' 'method: none' 'command: connect' '}' >"$own/socks.conf"
	export TORSOCKS_CONF_FILE="$own/torsocks.conf" TORSOCKS_LOG_LEVEL=1 TSOCKS_CONF_FILE="$own/tsocks.conf" SOCKS_CONF="$own/socks.conf"
}

# The words in front of a program. none, pipelined and stepwise go without.
words() { # NAME
	case $1 in
	isosocks) echo "$isosocks -x 127.0.0.1:$with_97 --" ;;
	isosocks:no-guard) echo "$isosocks --no-guard -x 127.0.0.1:$with_97 --" ;;
	isosocks:02) echo "$isosocks -x 127.0.0.1:$with_02 --" ;;
	isosocks:00) echo "$isosocks -x 127.0.0.1:$with_00 --" ;;
	proxychains4) echo "proxychains4 -q -f $own/proxychains.conf" ;;
	torsocks | tsocks | socksify) echo "$1" ;;
	esac
}

# What a client is told to be.
mode() { # NAME
	case $1 in
	pipelined | stepwise) echo "$1" ;;
	*) echo shim ;;
	esac
}

is_installed() { # NAME
	case $1 in
	torsocks | proxychains4 | tsocks | socksify) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

row() { # ROW COLUMN VALUE
	printf '%s\t%s\t%s\n' "$1" "$2" "$3"
}

# Runs a client under NAME for SECONDS at the longest. The words that it prints are the values of COLUMNS (separated by
# semicolons; one called - is left out); one that prints none has said in its last line what happened.
measure() { # SECONDS NAME ROW COLUMNS COMMAND...
	seconds=$1 name=$2 line=$3 columns=$4
	shift 4
	if is_installed "$name"; then
		said=$(timeout -k 1 "$seconds" $pin $(words "$name") "$@" 2>"$own/errors.$name" </dev/null)
		case $? in
		0) ;;
		124 | 137) said="over $seconds s" ;;
		*) said=$(tail -1 "$own/errors.$name" | tr '\t' ' ' | sed 's/^.*: *//; s/^[^a-z]*$//' | cut -c 1-40)
			said="fails${said:+: $said}" ;;
		esac
	else
		said='not installed'
	fi
	case $said in
	[0-9]*) ;;
	*wrong\ result*) said='wrong result' ;;
	esac
	echo "$columns" | tr ';' '\n' | {
		number=0
		while read -r column; do
			number=$((number + 1))
			case $said in
			[0-9]*) value=$(echo "$said" | cut -d ' ' -f $number) ;;
			*) value=$said ;;
			esac
			[ "$column" = - ] || row "$line" "$column" "$value"
		done
	}
}
