#: title The longest stall of an event loop
#: unit ms
#: command concurrent paced shim PORT 100
#: text An epoll loop that wants a turn each millisecond and begins one connect in each, 100 in all, replies after 100 ms: the most
#: text time between two turns. The peers are given 30 connects.
#: plot bars stall value: ms between two turns of an event loop
. "$here/peers.sh"
apart
start_proxies 100
for round in 1 2 3 4 5 6 7 8 9; do
	for name in pipelined $ours; do
		measure 10 $name $name "-;-;-;stall" "$bench/concurrent" paced "$(mode $name)" "$with_97" 100
	done
done
for name in $peers; do
	measure 6 $name $name "-;-;-;stall" "$bench/concurrent" paced shim "$with_97" 30 >"$own/row.$name" &
	others="${others:-} $!"
done
wait $others
cat "$own"/row.*
