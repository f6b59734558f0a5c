#!/bin/sh
# run.sh: speed and memory beside the peers that are installed, in a network of its own, where the
# proxy is the least that one can be. Every figure of a table is from the same run; what is compared
# is run in turn, round by round, and the medians are printed. BUILD is the build to measure.
set -eu

BUILD=${BUILD:-build/release}

if [ -z "${BENCH_INSIDE:-}" ]; then
	as_root=--map-root-user
	[ "$(id -u)" = 0 ] && as_root=
	# shellcheck disable=SC2086
	unshare $as_root --net true 2>/dev/null || {
		echo "SKIPPED: bench: a network namespace cannot be had here"
		exit 0
	}
	# shellcheck disable=SC2086
	BENCH_INSIDE=1 exec unshare $as_root --net --mount-proc --fork --pid sh "$0"
fi

ip link set lo up
build=$(cd "$BUILD" && pwd)
bench=$build/tests/bench
folder=$(mktemp -d)
# Copies, as install(1) makes them: what the linker has written lies in the kernel's memory page by
# page, and takes a tenth of a millisecond longer to start.
cp "$build/isosocks" "$build/libisosocks.so" "$folder"
isosocks=$folder/isosocks
trap 'rm -rf "$folder"; kill $server 2>/dev/null || true' EXIT
# What the caller has set would be measured too.
for name in $(env | sed -n 's/^\(ISOSOCKS_[A-Z_]*\|LD_PRELOAD\)=.*/\1/p'); do
	unset "$name"
done

# Closed connections that wait take ports away from the next ones, the more the longer it goes on.
echo 0 >/proc/sys/net/ipv4/tcp_max_tw_buckets

mkfifo "$folder/port"
"$bench/answer" >"$folder/port" &
server=$!
read -r port <"$folder/port"

has() {
	command -v "$1" >/dev/null 2>&1 || {
		absent="${absent:-} $1"
		return 1
	}
}

printf 'TorAddress 127.0.0.1\nTorPort %s\n' "$port" >"$folder/torsocks.conf"
printf 'quiet_mode\nstrict_chain\nproxy_dns\n[ProxyList]\nsocks5 127.0.0.1 %s\n' "$port" \
	>"$folder/proxychains.conf"
export TORSOCKS_CONF_FILE="$folder/torsocks.conf" TORSOCKS_LOG_LEVEL=1

under_isosocks="$isosocks -x 127.0.0.1:$port --"
under_torsocks=torsocks
under_proxychains="proxychains4 -q -f $folder/proxychains.conf"

median() {
	sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# ---- connect ----------------------------------------------------------------------------------------

connect_once() { # NAME COUNT, prints microseconds
	case $1 in
	pipelined | stepwise) taskset -c 0 "$bench/sequential" "$1" "$port" "$2" ;;
	isosocks) $under_isosocks taskset -c 0 "$bench/sequential" shim "$port" "$2" ;;
	torsocks) $under_torsocks taskset -c 0 "$bench/sequential" shim "$port" "$2" ;;
	proxychains4) $under_proxychains taskset -c 0 "$bench/sequential" shim "$port" "$2" 2>/dev/null ;;
	esac
}

echo "blocking connect, one after the other (0x97; torsocks and proxychains4: 0x00), us, median of 9 rounds"
who='pipelined stepwise isosocks'
for peer in torsocks proxychains4; do
	has $peer && who="$who $peer"
done
# On one processor, or it is the waking of another that is measured.
taskset -cp 0 $server >/dev/null
for round in 1 2 3 4 5 6 7 8 9; do
	for name in $who; do
		connect_once "$name" 2000 >>"$folder/connect.$name"
	done
done
taskset -cp "0-$(($(nproc --all) - 1))" $server >/dev/null
base=$(median "$folder/connect.pipelined")
for name in $who; do
	value=$(median "$folder/connect.$name")
	awk -v n="$name" -v v="$value" -v b="$base" \
		'BEGIN { printf "  %-14s %9.2f   %.3f x pipelined by hand\n", n, v, v / b }'
done
# The noise of a machine is in each round alike, so the ratio within a round is what it costs.
paste "$folder/connect.isosocks" "$folder/connect.pipelined" | awk '{ print $1 / $2 }' >"$folder/ratio"
echo "  isosocks / pipelined within a round: $(median "$folder/ratio") (goal 1.05)"

# ---- start-up ---------------------------------------------------------------------------------------

echo
echo "start-up of /bin/true, us, median of 400 in turn: whole, and added to the first line"
set -- "/bin/true" "$isosocks /bin/true" "$isosocks --no-guard /bin/true" "env /bin/true"
has torsocks && set -- "$@" "$under_torsocks /bin/true"
has proxychains4 && set -- "$@" "$under_proxychains /bin/true"
"$bench/startup" 400 "$@"
# Started by a program that has no hooks itself.
echo "the library alone: with the policy that the command gives, and without"
policy=$($under_isosocks env | grep '^ISOSOCKS_POLICY=')
"$bench/startup" 1000 "/bin/true" "LD_PRELOAD=$folder/libisosocks.so $policy /bin/true"

# ---- calls ------------------------------------------------------------------------------------------

echo
echo "single calls, ns, best of 60 rounds: bare, and added by leash, hooks and guard; by leash and hooks alone"
for round in 1 2 3; do
	"$bench/guard" 20 >>"$folder/calls.bare"
	$under_isosocks "$bench/guard" 20 >>"$folder/calls.guarded"
	$isosocks -x "127.0.0.1:$port" --no-guard -- "$bench/guard" 20 >>"$folder/calls.unguarded"
done
for column in bare guarded unguarded; do
	awk '!($1 in least) { order[++n] = $1; least[$1] = $2 } $2 < least[$1] { least[$1] = $2 }
		END { for (i = 1; i <= n; i++) print order[i], least[order[i]] }' "$folder/calls.$column" >"$folder/best.$column"
done
paste -d ' ' "$folder/best.bare" "$folder/best.guarded" "$folder/best.unguarded" |
	awk '{ printf "  %-26s %7d %+7d %+7d\n", $1, $2, $4 - $2, $6 - $2 }'

# ---- names ------------------------------------------------------------------------------------------

resolve_once() { # NAME NAMES COUNT
	case $1 in
	isosocks) $under_isosocks "$bench/resolve" "$2" "$3" ;;
	torsocks) $under_torsocks "$bench/resolve" "$2" "$3" ;;
	proxychains4) $under_proxychains "$bench/resolve" "$2" "$3" 2>/dev/null ;;
	esac
}

# libc reads /etc/hosts too, so its size counts; the nameserver does not exist.
echo
echo "getaddrinfo of a name, us a call, median of 5 rounds ($(wc -c </etc/hosts) bytes of /etc/hosts)"
for names in 100 10000; do
	rm -f "$folder"/resolve.*
	for round in 1 2 3 4 5; do
		resolve_once isosocks $names 100000 >>"$folder/resolve.isosocks"
		# The peers take a connection, or a search of their table, for each: few calls say enough.
		for peer in torsocks proxychains4; do
			[ $names = 100 ] && has $peer || continue
			resolve_once $peer $names 200 >>"$folder/resolve.$peer" || rm -f "$folder/resolve.$peer"
		done
	done
	for name in isosocks torsocks proxychains4; do
		[ -s "$folder/resolve.$name" ] || continue
		printf '  %-14s %9s   %s names\n' "$name" "$(median "$folder/resolve.$name")" $names
	done
done

# ---- memory -----------------------------------------------------------------------------------------

# Private dirty KiB of a sleeping process: in all, and in the mappings of a file.
dirty() { # PID [PATTERN]
	awk -v pattern="${2:-}" '
		/^[0-9a-f]+-[0-9a-f]+ / { mine = pattern == "" || index($0, pattern) }
		/^Private_Dirty:/ && mine { sum += $2 }
		END { print sum + 0 }' "/proc/$1/smaps"
}

# Starts a sleep by these words, waits until it sleeps, and prints both figures.
measure() { # PATTERN WORD...
	pattern=$1
	shift
	"$@" sleep 600 &
	pid=$!
	# The command execs it: the same process, once it is called sleep and waits in the kernel.
	until [ "$(cat /proc/$pid/comm)" = sleep ] && grep -q nanosleep "/proc/$pid/wchan" 2>/dev/null ||
		{ [ "$(cat /proc/$pid/comm)" = sleep ] && grep -q '^State:.S' "/proc/$pid/status"; }; do
		:
	done
	echo "$(dirty $pid) $(dirty $pid "$pattern")"
	kill $pid
	wait $pid 2>/dev/null || true
}

echo
echo "private dirty memory of sleep(1), KiB: in all, added, in the library's own mappings"
bare=$(measure none env)
row() { # NAME FIGURES
	echo "$2" | awk -v n="$1" -v b="${bare% *}" '{ printf "  %-14s %6d %+6d %6d\n", n, $1, $1 - b, $2 }'
}
row "bare" "$bare"
row isosocks "$(measure libisosocks.so $under_isosocks)"
has torsocks && row torsocks "$(measure libtorsocks.so $under_torsocks)"
has proxychains4 && row proxychains4 "$(measure libproxychains $under_proxychains)"

[ -z "${absent:-}" ] || echo "
SKIPPED: not installed:$(echo "$absent" | tr ' ' '\n' | sort -u | tr '\n' ' ')"
