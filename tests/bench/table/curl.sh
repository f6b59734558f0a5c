#: title curl -Z, 20 URLs
#: unit ms
#: command curl -Z --parallel-immediate http://host-[1-20].example.test/2
#: text Replies after 300 ms; from start to end. The first row is curl's own SOCKS client (--socks5-hostname).
#: ratio curl --socks5-hostname
#: plot bars start to end value: ms for curl -Z with 20 URLs
#: goal isosocks | start to end | ratio | 1.1 | `curl -Z` 20 URLs, 300 ms, against `curl --socks5-hostname`
. "$here/peers.sh"
command -v curl >/dev/null || { row "curl --socks5-hostname" "start to end" "not installed"; exit; }
start_proxies 300
cat >"$own/fetch" <<'END'
#!/bin/sh
# Milliseconds; all pages must have come.
began=$(date +%s%N)
got=$(curl -fsS -Z --parallel-immediate --parallel-max 20 "$@" "http://host-[1-20].example.test/2" | wc -c) || exit
ended=$(date +%s%N)
[ "$got" = 40 ] || { echo "curl: $((got / 2)) of 20 pages" >&2; exit 1; }
echo $(((ended - began) / 10000)) | sed 's/..$/.&/'
END
chmod +x "$own/fetch"
for round in 1 2 3 4 5; do
	measure 20 none "curl --socks5-hostname" "start to end" "$own/fetch" --socks5-hostname "127.0.0.1:$with_00"
	for name in $ours; do
		measure 20 $name $name "start to end" "$own/fetch"
	done
done
for name in $peers; do
	measure 20 $name $name "start to end" "$own/fetch" >"$own/row.$name" &
	others="${others:-} $!"
done
wait $others
cat "$own"/row.*
