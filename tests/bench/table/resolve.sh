#: title getaddrinfo of a name
#: unit us
#: command resolve 100 100000
#: text A call, when so many names are in use. The peers are asked less often: torsocks asks the proxy each time, proxychains4
#: text searches its table. No nameserver can be reached.
#: plot lines - names: names in use, us a call
#: goal isosocks | 100 names | value | 5 | getaddrinfo of a name, us
. "$here/peers.sh"
pin='taskset -c 0'
start_proxies 0
for count in 1 10 100 1000 10000; do
	for round in 1 2 3 4 5; do
		for name in isosocks isosocks:no-guard; do
			measure 20 $name $name "$count names" "$bench/resolve" $count 50000
		done
	done
	for round in 1 2 3; do
		for name in $peers; do
			[ ! -e "$own/stopped.$name" ] || continue
			measure 5 $name $name "$count names" "$bench/resolve" $count 200 >"$own/row"
			cat "$own/row"
			# What is too slow with these is not faster with more.
			grep -q "over\|fails" "$own/row" && : >"$own/stopped.$name"
		done
	done
done
