#: title Threads
#: unit connects a second
#: command threads shim PORT 16 4000
#: text Blocking connects by so many threads at once.
#: ratio pipelined
#: plot lines - threads: threads, connects a second
. "$here/peers.sh"
start_proxies 0
for count in 1 4 16 64; do
	for round in 1 2 3; do
		for name in pipelined isosocks isosocks:no-guard $peers; do
			measure 10 $name $name "$count threads" "$bench/threads" "$(mode $name)" "$with_97" $count 4000
		done
	done
done
