#: title Blocking connect, one after the other
#: unit us
#: command sequential shim PORT 2000
#: text 2000 connects a round, client and proxy on the same processor, or it is the waking of another that is measured. pipelined
#: text and stepwise are a client that speaks 0x97 by hand, in one write or with a wait for each answer. The ratio is that of the
#: text lower quartiles, which the noise of a machine touches least.
#: ratio pipelined
#: low
#: plot bars a connect value: us for a blocking connect
#: goal isosocks | a connect | ratio | 1.05 | blocking connect against a client that pipelines by hand
#: goal isosocks:no-guard | a connect | ratio | 1.05 | the same without the guard
. "$here/peers.sh"
pin='taskset -c 0'
start_proxies 0
for round in 1 2 3 4 5 6 7; do
	for name in pipelined stepwise $ours $peers; do
		measure 20 $name $name "a connect" "$bench/sequential" "$(mode $name)" "$with_97" 2000
	done
done
