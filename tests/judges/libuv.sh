# libuv's tests, a part for each test.

uv_run_tests=$sources/libuv1/build/uv_run_tests

about='Each test runs in a process by itself, with the helpers it asks for.'

# It does not run as root unless it is told to, and its clocks are for a machine that does nothing else.
export UV_RUN_AS_ROOT=1 UV_TEST_TIMEOUT_MULTIPLIER=4

need() {
	[ -x "$uv_run_tests" ] || absent "libuv's tests (tests/judges/sources.sh)"
	echo "libuv $(cat "$sources/libuv1.version")"
}

parts() {
	"$uv_run_tests" --list | cut -d ' ' -f 1
}

part_of() { # TEST
	echo "$1"
}

part() { # MODE TEST OUTPUT
	bounded 120 "$1" "$3" "$uv_run_tests" "$2" >"$3.said" 2>"$3.err" || true
	verdict=fail
	grep -q "^ok 1 - $2" "$3.said" && verdict=ok
	grep -q "^ok 1 - $2 # SKIP" "$3.said" && verdict=skip
	echo "$2 $verdict" >"$3.verdicts"
}
