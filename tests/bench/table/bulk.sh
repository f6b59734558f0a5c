#: title Bulk transfer
#: unit MB/s
#: command bulk shim PORT down 400 65536
#: text One connection, by read() and write() of 64 KiB or 1 KiB. The proxy is the target too.
#: ratio pipelined
. "$here/peers.sh"
start_proxies 0
for round in 1 2 3; do
	for name in pipelined isosocks isosocks:no-guard $peers; do
		for way in down up; do
			measure 20 $name $name "$way, 64 KiB" "$bench/bulk" "$(mode $name)" "$with_97" $way 400 65536
			measure 20 $name $name "$way, 1 KiB" "$bench/bulk" "$(mode $name)" "$with_97" $way 50 1000
		done
	done
done
