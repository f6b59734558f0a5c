#: title Calls of a program at work
#: unit ns
#: command calls hot 10
#: text Calls on descriptors that are none of the proxy's business: what each takes without anything, and what is added to it. A sample
#: text is the best of a process's rounds; in bold the difference of the lower quartiles, which the noise of a machine touches least. The
#: text guard is a seccomp filter, and a process that has one goes a longer way into the kernel at each call: "none, a filter" is
#: text without isosocks, under a filter of one instruction that lets all pass. "connecting" has a connect under way on another
#: text descriptor all the time.
#: columns
#: low
#: added none
#: goal isosocks:no-guard | read | added | 5 | ns that the library adds to read
#: goal isosocks:no-guard | write | added | 5 | ns that the library adds to write
#: goal isosocks:no-guard | poll | added | 5 | ns that the library adds to poll
#: goal isosocks:no-guard | epoll_wait | added | 30 | ns that the library adds to epoll_wait
#: goal isosocks:no-guard | epoll_ctl | added | 30 | ns that the library adds to epoll_ctl
#: goal isosocks | read | added | 5 | ns added to read with the guard
. "$here/peers.sh"
pin='taskset -c 0'
start_proxies 60000
# Prints "CALL NANOSECONDS" lines, which measure() could not take.
calls() { # ROW WHICH WORD...
	line=$1 which=$2
	shift 2
	timeout -k 1 20 $pin "$@" "$bench/calls" "$which" 10 2>/dev/null </dev/null | awk -v line="$line" -v OFS='\t' '{ print line, $1, $2 }'
}
for round in 1 2 3 4 5 6 7 8 9 10 11; do
	calls none hot
	calls "none, a filter" filter
	for name in isosocks isosocks:no-guard $peers; do
		if is_installed $name; then
			calls $name hot $(words $name)
		else
			row $name read "not installed"
		fi
	done
	calls "isosocks, connecting" pending $(words isosocks)
done
