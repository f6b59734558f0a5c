# libevent's regress, a part for each test. Its first part is the backend: the same tests run over each.

regress=$sources/libevent/build/bin/regress

about="Each test runs in a process by itself; those of readiness and connections over each of the four backends."

need() {
	[ -x "$regress" ] || absent "libevent's regress (tests/judges/sources.sh)"
	echo "libevent $(cat "$sources/libevent.version")"
}

parts() {
	for backend in epoll changelist poll select; do
		# Standard error has the list.
		"$regress" --list-tests 2>&1 | sed -n "s,^ *\([a-z]*/[A-Za-z0-9_]*\).*,$backend/\1,p"
	done
}

part_of() { # TEST
	echo "$1"
}

# libevent takes the best backend that these leave it.
backend() { # NAME
	case $1 in
	epoll) ;;
	changelist) echo EVENT_EPOLL_USE_CHANGELIST=1 ;;
	poll) echo EVENT_NOEPOLL=1 ;;
	select) echo EVENT_NOEPOLL=1 EVENT_NOPOLL=1 ;;
	esac
}

part() { # MODE TEST OUTPUT
	bounded 60 "$1" "$3" env $(backend "${2%%/*}") "$regress" --timeout 20 "${2#*/}" >"$3.said" 2>"$3.err" || true
	verdict=fail
	grep -q "^${2#*/}: .*OK\$" "$3.said" && verdict=ok
	grep -qE "^${2#*/}: .*(SKIPPED|DISABLED)\$" "$3.said" && verdict=skip
	echo "$2 $verdict" >"$3.verdicts"
}
