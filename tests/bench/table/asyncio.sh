#: title 1000 connections by Python's asyncio
#: unit ms
#: command asyncio_client.py shim PORT 1000
#: text Replies after 100 ms; until all are there. pipelined is the same program speaking SOCKS by hand.
#: ratio pipelined
#: goal isosocks | all | ratio | 1.05 | 1000 connections by asyncio against by hand
. "$here/peers.sh"
start_proxies 100
for round in 1 2 3; do
	for name in pipelined $ours; do
		measure 20 $name $name all python3 "$here/asyncio_client.py" "$(mode $name)" "$with_97" 1000
	done
done
for name in $peers; do
	measure 10 $name $name all python3 "$here/asyncio_client.py" shim "$with_97" 1000 >"$own/row.$name" &
	others="${others:-} $!"
done
wait $others
cat "$own"/row.*
