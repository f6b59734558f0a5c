#: title Connects under way at once
#: unit us
#: command concurrent epoll shim PORT 4096
#: text Processor time of the client for each connect, when so many are under way; replies after 100 ms.
#: ratio pipelined
#: plot lines epoll at once: connects under way, us of processor time each
. "$here/peers.sh"
start_proxies 100
for backend in epoll poll; do
	for count in 1 16 256 1024 4096; do
		for round in 1 2 3; do
			for name in pipelined isosocks isosocks:no-guard; do
				measure 20 $name "$backend : $name" "-;-;$count at once;-" "$bench/concurrent" $backend "$(mode $name)" "$with_97" $count
			done
		done
	done
done
