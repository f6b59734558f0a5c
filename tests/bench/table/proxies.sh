#: title The proxy beside others
#: unit a second
#: command through PORT connects 5000; through PORT bytes 1000
#: text isosocks-proxy, dante and microsocks, each by itself, method 00, without a log. 64 connects at a time, each until the target's first
#: text byte has come; megabytes of one connection. Client and target together have a processor, the proxy has one. "none" is without a proxy.
#: ratio isosocks-proxy
#: goal dante | MB/s | ratio | 0.67 | throughput of dante, against isosocks-proxy
#: goal dante | connects/s | ratio | 1 | connects a second through dante, against isosocks-proxy
#: goal microsocks | connects/s | ratio | 1 | connects a second through microsocks, against isosocks-proxy
. "$here/peers.sh"
apart

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# One that says nothing when it is ready: it is asked.
await() { # PORT
	python3 - "$1" <<-'END'
		import socket, sys, time
		for tries in range(500):
		    if socket.socket().connect_ex(("127.0.0.1", int(sys.argv[1]))) == 0:
		        break
		    time.sleep(0.02)
	END
}

start() { # COMMAND...
	$server_pin "$@" >/dev/null 2>&1 &
	servers="$servers $!"
}

port_isosocks=$(free_port)
start "$proxy" --listen "127.0.0.1:$port_isosocks"
port_dante=$(free_port)
printf '%s\n' 'logoutput: /dev/null' "internal: 127.0.0.1 port = $port_dante" 'external: lo' 'clientmethod: none' \
	'socksmethod: none' 'client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }' 'socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }' >"$own/danted.conf"
dante=$(command -v danted || command -v sockd) || dante=
[ -z "$dante" ] || start "$dante" -f "$own/danted.conf"
port_microsocks=$(free_port)
microsocks=$(command -v microsocks) || microsocks=
[ -z "$microsocks" ] || start "$microsocks" -i 127.0.0.1 -p "$port_microsocks"
for port in "$port_isosocks" ${dante:+"$port_dante"} ${microsocks:+"$port_microsocks"}; do
	await "$port"
done

try() { # ROW PORT
	measure 60 none "$1" connects/s "$bench/through" "$2" connects 5000
	measure 60 none "$1" MB/s "$bench/through" "$2" bytes 1000
}

for round in 1 2 3 4 5; do
	try none 0
	try isosocks-proxy "$port_isosocks"
	if [ -n "$dante" ]; then try dante "$port_dante"; else row dante MB/s 'not installed'; fi
	if [ -n "$microsocks" ]; then try microsocks "$port_microsocks"; else row microsocks MB/s 'not installed'; fi
done
