#!/bin/sh
# run.sh [--document FILE] FOLDER [JUDGE...]: other projects' own tests as judges of the library. Each judge runs bare, under
# isosocks with loopback=direct, and under isosocks with loopback=proxy, where all it does on loopback goes through
# isosocks-proxy. A test that passes bare and not under isosocks is the library's doing: it must stand in `expected` beside
# this script, with its reason, or this ends with 1. FOLDER keeps what was built and all that was said; --document writes
# the figures down.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BUILD:-build/release}" && pwd)
modes='direct proxy'
tab=$(printf '\t')

# ---- one part of one run, in a network namespace with nothing but loopback: run.sh inside MODE OUTPUT COMMAND... ----

if [ "${1-}" = inside ]; then
	mode=$2 output=$3
	shift 3
	ip link set lo up
	mkdir -p "$output.files"
	cd "$output.files"
	if [ "$mode" = bare ]; then
		"$@"
		exit
	fi
	mkfifo "$output.port"
	"$build/isosocks-proxy" --listen 127.0.0.1:0 --print-port --log-json "$output.log" >"$output.port" &
	read -r port <"$output.port"
	rm "$output.port"
	printf '[proxy]\nurl=127.0.0.1:%s\n[network]\nloopback=%s\n' "$port" "$mode" >"$output.conf"
	"$build/isosocks" -c "$output.conf" -- "$@"
	exit
fi

# Runs COMMAND so, for SECONDS at the longest; nothing of it stays behind.
bounded() { # SECONDS MODE OUTPUT COMMAND...
	seconds=$1 mode=$2 output=$3
	shift 3
	timeout -k 5 "$seconds" unshare $unprivileged --net --pid --fork --kill-child --mount-proc \
		sh "$here/run.sh" inside "$mode" "$output" "$@" </dev/null
}
unprivileged=$([ "$(id -u)" = 0 ] || echo --map-root-user)

# ---- what is expected ----

# The rows of `expected` for this mode that say this: "PATTERN<tab>REASON".
rows() { # MODE WORD
	awk -F '\t' -v mode="$1" -v word="$2" '($1 == mode || $1 == "every") && $2 == word { print $3 "\t" $4 }' "$here/expected"
}

left_out() { # MODE
	rows "$1" leave | cut -f 1
}

# The reason why this test may be worse in this mode; without one it fails.
reason() { # MODE TEST
	{ rows "$1" leave && rows "$1" fails; } | {
		while IFS="$tab" read -r pattern reason; do
			case $2 in
			$pattern) echo "$reason" && exit 0 ;;
			esac
		done
		exit 1
	}
}

# ---- the judges: a run leaves lines "TEST ok|fail|skip" in files $work/JUDGE.MODE.*.verdicts ----

PYTHON=/usr/bin/python3

need_cpython() {
	$PYTHON -c 'import test.test_socket' 2>/dev/null || absent "CPython's tests (libpython3.11-testsuite)"
	$PYTHON --version
}

modules_cpython() {
	printf 'test_%s\n' socket select epoll poll selectors
	$PYTHON -c 'import os, test.test_asyncio as t
for name in sorted(os.listdir(t.__path__[0])):
	if name.startswith("test_") and name.endswith(".py"): print("test_asyncio." + name[:-3])'
}

# A test that was started and did not end has hung, or the process ended with it.
verdicts_cpython() {
	awk '$1 == "start" { open[$2] = 1 } $1 == "end" { delete open[$2]; print $2, $3 }
		END { for (test in open) print test, "fail" }'
}

# Until all have had their turn: a run ends with the test that hangs.
part_cpython() { # MODE MODULE [SUFFIX]
	output=$work/cpython.$1.$2${3-}
	: >"$output.said"
	set -f
	while
		began=$(wc -l <"$output.said")
		! bounded 300 "$1" "$output" $PYTHON "$here/cpython.py" "$2" "$output.said" $(left_out "$1") \
			>>"$output.said" 2>>"$output.err" && [ "$began" != "$(wc -l <"$output.said")" ]
	do :; done
	set +f
	verdicts_cpython <"$output.said" >"$output.verdicts"
}

run_cpython() { # MODE
	modules_cpython | xargs -P "$jobs" -I '{}' sh "$here/run.sh" part cpython "$work" "$1" '{}'
}
# Most of them wait most of the time.
jobs=$(($(nproc) * 2))

again_cpython() { # MODE TEST
	module=$(echo "$2" | sed -E 's/^test\.(test_asyncio\.[^.]*|[^.]*)\..*/\1/')
	[ -f "$work/cpython.$1.$module.again.verdicts" ] || part_cpython "$1" "$module" .again
	grep -qxF "$2 ok" "$work/cpython.$1.$module.again.verdicts"
}

# ---- comparing ----

absent() {
	echo "$1: not installed" >&2
	exit 77
}

# What passed bare and did not in this mode: "TEST fail|skip|missing".
worse() { # JUDGE MODE
	awk 'NR == FNR { if ($2 == "ok") passed[$1] = 1; next }
		$1 in passed { if ($2 != "ok") print; delete passed[$1] }
		END { for (test in passed) print test, "missing" }' "$work/$1.bare" "$work/$1.$2" | sort
}

# Many of these tests have clocks in them: what fails without a reason has a second try.
judge() { # JUDGE MODE
	: >"$work/$1.$2.reasons"
	worse "$1" "$2" | while read -r test verdict; do
		if reason=$(reason "$2" "$test"); then
			printf '%s\t%s\t%s\n' "$test" "$verdict" "$reason" >>"$work/$1.$2.reasons"
		elif "again_$1" "$2" "$test"; then
			echo "$1, loopback=$2: $test: passed when tried again"
		else
			echo "$1, loopback=$2: $test: $verdict" | tee -a "$work/unexpected"
		fi
	done
}

count() { # VERDICT FILE
	grep -c " $1\$" "$2" || true
}

requests() { # JUDGE MODE
	cat "$work/$1.$2".*.log 2>/dev/null | grep -c '"event":"request"' || true
}

run() { # JUDGE MODE
	rm -rf "$work/$1.$2".*
	began=$(date +%s)
	"run_$1" "$2"
	sort "$work/$1.$2".*.verdicts >"$work/$1.$2"
	echo $(($(date +%s) - began)) >"$work/$1.$2.seconds"
}

# "MODE PASSED FAILED SKIPPED REQUESTS SECONDS"
figures() { # JUDGE MODE
	file=$work/$1.$2
	echo "$2 $(count ok "$file") $(count fail "$file") $(count skip "$file") $(requests "$1" "$2") $(cat "$file.seconds")"
}

# The library is judged only by what has gone through it.
check_requests() { # JUDGE
	[ "$(requests "$1" direct)" = 0 ] || echo "$1, loopback=direct: the proxy was asked" | tee -a "$work/unexpected"
	[ "$(requests "$1" proxy)" != 0 ] || echo "$1, loopback=proxy: the proxy was not asked" | tee -a "$work/unexpected"
}

# ---- writing down ----

document_judge() { # JUDGE
	printf '\n## %s\n\n%s\n\n' "$1" "$(cat "$work/$1.version")"
	echo '| run | passed | failed | skipped | requests to the proxy | seconds |'
	echo '|---|---|---|---|---|---|'
	for mode in bare $modes; do
		figures "$1" "$mode" | sed 's/ / | /g; s/^/| /; s/$/ |/'
	done
	for mode in $modes; do
		printf '\n%d tests pass bare and not with loopback=%s.\n\n' "$(wc -l <"$work/$1.$mode.reasons")" "$mode"
		awk -F '\t' '{ verdicts[$3] = verdicts[$3] $2 " "; count[$3]++ }
			END { for (reason in count) printf "- %d (%s): %s\n", count[reason],
				verdicts[reason] ~ /missing/ ? "not run" : "fail", reason }' "$work/$1.$mode.reasons" | sort -k 2nr
	done
}

document() { # JUDGE...
	. /etc/os-release
	cat <<END
# Judges

Other projects' own tests, run by \`make judges\` on $PRETTY_NAME, $(uname -m), Linux $(uname -r | cut -d. -f1,2), $(nproc) cores: bare, under
isosocks with loopback=direct, and under isosocks with loopback=proxy, where every connection to loopback goes through
isosocks-proxy; each in a network namespace of its own, with the guard on. A test that passes bare and fails, skips or is
missing under isosocks stands below with its reason. All reasons, by the tests' names: tests/judges/expected.
\`make check-all\` fails on every other.

Of CPython each module runs in a process by itself (tests/judges/cpython.py); left out in all runs:
$(rows every leave | awk -F '\t' '{ print "`" $1 "` (" $2 ")" }').
END
	for name in "$@"; do
		document_judge "$name"
	done
}

# Parts of a run go on at the same time: run.sh part JUDGE FOLDER MODE PART
if [ "${1-}" = part ]; then
	work=$3
	"part_$2" "$4" "$5"
	exit
fi

document=
if [ "${1-}" = --document ]; then
	document=$2
	shift 2
fi
mkdir -p "$1"
work=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- cpython
: >"$work/unexpected"
for name in "$@"; do
	"need_$name" >"$work/$name.version"
done
for name in "$@"; do
	for mode in bare $modes; do
		run "$name" "$mode"
		echo "$name $(figures "$name" "$mode" | sed -E 's/(.*) (.*) (.*) (.*) (.*) (.*)/\1: \2 passed, \3 failed, \4 skipped, \5 requests to the proxy, \6 s/')"
	done
	for mode in $modes; do
		judge "$name" "$mode"
	done
	check_requests "$name"
done
[ -z "$document" ] || document "$@" >"$document"
[ ! -s "$work/unexpected" ]
