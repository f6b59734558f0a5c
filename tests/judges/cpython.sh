# CPython's tests of sockets and event loops, a part for each module.

PYTHON=/usr/bin/python3

about='Each module runs in a process by itself (tests/judges/cpython.py).'

need() {
	$PYTHON -c 'import test.test_socket' 2>/dev/null || absent "CPython's tests (libpython3.11-testsuite)"
	$PYTHON --version
}

parts() {
	printf 'test_%s\n' socket select epoll poll selectors
	$PYTHON -c 'import os, test.test_asyncio as t
for name in sorted(os.listdir(t.__path__[0])):
	if name.startswith("test_") and name.endswith(".py"): print("test_asyncio." + name[:-3])'
}

part_of() { # TEST
	echo "$1" | sed -E 's/^test\.(test_asyncio\.[^.]*|[^.]*)\..*/\1/'
}

# Until all have had their turn: a run ends with the test that hangs.
part() { # MODE MODULE OUTPUT
	: >"$3.said"
	set -f
	while
		began=$(wc -l <"$3.said")
		! bounded 300 "$1" "$3" $PYTHON "$here/cpython.py" "$2" "$3.said" $(left_out "$1") \
			>>"$3.said" 2>>"$3.err" && [ "$began" != "$(wc -l <"$3.said")" ]
	do :; done
	set +f
	verdicts <"$3.said" >"$3.verdicts"
}

# A test that was started and did not end has hung, or the process ended with it.
verdicts() {
	awk '$1 == "start" { open[$2] = 1 } $1 == "end" { delete open[$2]; print $2, $3 }
		END { for (test in open) print test, "fail" }'
}
