#: title Calls that make sockets and look at them
#: unit ns
#: command calls socket 5
#: text As above, for what the guard and the leash have a part in.
#: columns
#: low
#: added none
. "$here/peers.sh"
pin='taskset -c 0'
start_proxies 0
calls() { # ROW WORD...
	line=$1
	shift
	timeout -k 1 20 $pin "$@" "$bench/calls" socket 5 2>/dev/null </dev/null | awk -v line="$line" -v OFS='\t' '{ print line, $1, $2 }'
}
for round in 1 2 3 4 5; do
	calls none
	for name in isosocks isosocks:no-guard; do
		calls $name $(words $name)
	done
done
