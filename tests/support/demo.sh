#!/bin/sh
# make demo: isosocks-proxy on loopback, two programs under two keys, and an extended error that becomes its errno.
set -eu
build=${BUILD:-build/release}
folder=$(mktemp -d)
trap 'kill $proxy $web 2>/dev/null || true; rm -rf "$folder"' EXIT INT TERM
proxy= web=

if [ -t 1 ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') green=$(printf '\033[32m') red=$(printf '\033[31m') off=$(printf '\033[0m')
else
	bold= dim= green= red= off=
fi
title() { printf '\n%s%s%s\n' "$bold" "$1" "$off"; }
shown() { printf '%s$ %s%s\n' "$green" "$*" "$off"; }

# A web server on loopback stands for the internet: the proxy leads example.com there.
printf 'hello from example.com\n' >"$folder/index.html"
python3 -u -c '
import functools, http.server, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *ignored): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=sys.argv[1]))
print(server.server_port, flush=True)
server.serve_forever()
' "$folder" >"$folder/web-port" &
web=$!
wait_for() { while [ ! -s "$1" ]; do kill -0 "$2" || exit 1; done; cat "$1"; }
web_port=$(wait_for "$folder/web-port" $web)

"$build/isosocks-proxy" --listen 127.0.0.1:0 --print-port --log-json "$folder/log" \
	--map "example.com=127.0.0.1:$web_port" --fault 'hidden.onion=reply:e0' >"$folder/proxy-port" &
proxy=$!
ISOSOCKS_PROXY=127.0.0.1:$(wait_for "$folder/proxy-port" $proxy)
export ISOSOCKS_PROXY
PATH=$(cd "$build" && pwd):$PATH

printf '%sisosocks-proxy listens on %s; example.com exists only behind it%s\n' "$dim" "$ISOSOCKS_PROXY" "$off"

title 'One program, one key'
shown isosocks -k ISOLATION=alice curl http://example.com/
isosocks -k ISOLATION=alice curl -sS http://example.com/

title 'Another program, another key'
shown ISOSOCKS_ISOLATION=work isosocks wget -qO- http://example.com/
ISOSOCKS_ISOLATION=work isosocks wget -qO- http://example.com/

title 'What the proxy was told (method 0x97 of proposal 229)'
python3 - "$folder/log" <<'EOF'
import json, sys
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == "request":
        pairs = ", ".join(f"{k} = {v}" for k, v in event["pairs"].items())
        print(f'  method 0x{event["method"]:02x}   {event["host"]}:{event["port"]}   {pairs}')
EOF

title 'An extended reply code becomes the errno that says what happened'
printf '%sthe proxy answers E0 for hidden.onion: onion service not found%s\n' "$dim" "$off"
shown 'isosocks python3 -c '"'"'socket.create_connection(("hidden.onion", 80))'"'"
isosocks python3 -c '
import errno, socket, sys
try:
    socket.create_connection(("hidden.onion", 80))
except OSError as error:
    print(f"{sys.argv[1]}{errno.errorcode[error.errno]}{sys.argv[2]}: {error.strerror}")
else:
    sys.exit("it connected")
' "$red" "$off"
