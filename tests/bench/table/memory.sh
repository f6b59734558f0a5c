#: title Memory
#: unit KiB
#: command sleep 600
#: text Private dirty memory of a sleeping sleep(1), which looks at no network: all of it, and what is in the mappings of the library.
#: added none | private
#: plot bars private dirty added: KiB of private dirty memory added
#: goal isosocks | private dirty | added | 24 | private dirty memory for a process, KiB added
. "$here/peers.sh"
start_proxies 0
trap 'kill $servers ${pid:-} 2>/dev/null' EXIT
dirty() { # PID PATTERN
	awk -v pattern="$2" '
		/^[0-9a-f]+-[0-9a-f]+ / { mine = pattern == "" || index($0, pattern) }
		/^Private_Dirty:/ && mine { sum += $2 }
		END { print sum + 0 }' "/proc/$1/smaps"
}
# The command execs it: the same process, once it is called sleep and waits in the kernel.
is_asleep() { # PID
	[ "$(cat "/proc/$1/comm")" = sleep ] && grep -q '^State:.S' "/proc/$1/status"
}
look() { # ROW PATTERN WORD...
	line=$1 pattern=$2
	shift 2
	"$@" sleep 600 &
	pid=$!
	until is_asleep $pid; do
		[ -d /proc/$pid ] || return
	done 2>/dev/null
	row "$line" "private dirty" "$(dirty $pid "")"
	row "$line" "in the library" "$(dirty $pid "$pattern")"
	kill $pid
	wait $pid 2>/dev/null
	pid=
}
for round in 1 2 3; do
	look none none env
	for name in isosocks isosocks:no-guard $peers; do
		case $name in
		isosocks*) pattern=libisosocks ;;
		proxychains4) pattern=libproxychains ;;
		socksify) pattern=libdsocks ;;
		*) pattern=lib$name ;;
		esac
		if is_installed $name; then
			look $name $pattern $(words $name)
		else
			row $name "private dirty" "not installed"
		fi
	done
done
