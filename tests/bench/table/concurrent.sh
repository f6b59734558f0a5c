#: title Many non-blocking connects at once
#: unit ms
#: command concurrent epoll shim PORT 200
#: text The proxy answers each after 100 ms. "total" is until the last one is connected, "longest" the longest single connect(): how
#: text long an event loop stands still. pipelined is the same client speaking SOCKS by hand. "before" tells epoll of the socket
#: text before its connect(). There is one connect before the clock starts, so that the library knows the proxy as the client by hand
#: text does; "cold" is without. Afterwards every connection is asked for a page; whose first events came before it was connected is
#: text "wrong result". Client and proxy have a processor each. The peers are run with 10 connects everywhere, with more by epoll, all four at the same time since they wait
#: text most of it.
#: ratio pipelined | total
#: plot lines epoll total: connects at once, ms until all are connected
#: goal epoll : isosocks | 200 total | ratio | 1.05 | 200 connects at once, 100 ms replies, epoll, against by hand
#: goal et : isosocks | 200 total | ratio | 1.05 | the same, edge-triggered
#: goal poll : isosocks | 200 total | ratio | 1.05 | the same, poll
#: goal select : isosocks | 200 total | ratio | 1.05 | the same, select
#: goal epoll : isosocks | 200 longest | value | 0.5 | longest single connect() of these, ms, epoll
#: goal et : isosocks | 200 longest | value | 0.5 | the same, edge-triggered
#: goal poll : isosocks | 200 longest | value | 0.5 | the same, poll
#: goal select : isosocks | 200 longest | value | 0.5 | the same, select
. "$here/peers.sh"
apart
start_proxies 100
try() { # SECONDS NAME BACKEND COUNT [cold]
	measure "$1" "$2" "$3 : $2${5:+, $5}" "$4 total;$4 longest" \
		"$bench/concurrent" "$3" "$(mode "$2")" "$with_97" "$4" ${5:-}
}
some=$ours
for backend in epoll et before poll select; do
	for count in 10 200 1000; do
		for round in 1 2 3 4 5; do
			for name in pipelined $some; do
				try 10 $name $backend $count
			done
			[ $backend != epoll ] || try 10 isosocks $backend $count cold
		done
	done
	for name in $peers; do
		try 5 $name $backend 10 >"$own/$backend.$name" &
		others="${others:-} $!"
	done
	wait $others
	cat "$own/$backend".*
	others=
	some='isosocks isosocks:no-guard'
done
for name in $peers; do
	for count in 200 1000; do
		try 30 $name epoll $count >"$own/$count.$name" &
		others="$others $!"
	done
done
wait $others
cat "$own"/200.* "$own"/1000.*
