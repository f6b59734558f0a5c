#!/bin/sh
# run.sh [--document FILE] FOLDER [JUDGE...]: other projects' own tests as judges of the library. Each judge runs bare, under
# isosocks with loopback=direct, and under isosocks with loopback=proxy, where all it does on loopback goes through
# isosocks-proxy. A test that passes bare and not under isosocks is the library's doing: it must stand in JUDGE.expected
# beside this script, with its reason, or this ends with 1. FOLDER keeps all that was said; --document writes the figures down.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BUILD:-build/release}" && pwd)
sources=$(dirname "$build")/judges/sources
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
#
# JUDGE.expected, tabs between: the setting of loopback, or "every" for the run without isosocks as well; "fails", or "leave"
# for what is not run at all; the test, with * for any characters; the reason.

# The rows for this mode that say this: "PATTERN<tab>REASON".
rows() { # MODE WORD
	awk -F '\t' -v mode="$1" -v word="$2" '($1 == mode || $1 == "every") && $2 == word { print $3 "\t" $4 }' \
		"$here/$judge.expected"
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

# ---- the judges ----
#
# JUDGE.sh says what it is made of: `need` prints the version, or that it is absent; `parts` lists what can run at the same
# time; `part MODE PART OUTPUT` runs one of them and leaves lines "TEST ok|fail|skip" in OUTPUT.verdicts; `part_of TEST` is the
# part that a test is in.

absent() {
	echo "$1: not there" >&2
	exit 77
}

output_of() { # MODE PART
	echo "$work/$judge.$1.$(echo "$2" | tr / .)"
}

# Standard input without the names that are left out.
kept() { # MODE
	set -f
	patterns=$(left_out "$1")
	while read -r name; do
		for pattern in $patterns; do
			case $name in
			$pattern) continue 2 ;;
			esac
		done
		echo "$name"
	done
	set +f
}

# Most of them wait most of the time.
run_parts() { # MODE
	parts | kept "$1" | xargs -P $(($(nproc) * 2)) -I '{}' sh "$here/run.sh" part "$judge" "$work" "$1" '{}'
}

passes_again() { # MODE TEST
	part=$(part_of "$2")
	again=$(output_of "$1" "$part").again
	[ -f "$again.verdicts" ] || (part "$1" "$part" "$again")
	grep -qxF "$2 ok" "$again.verdicts"
}

# ---- comparing ----

# What passed bare and did not in this mode, or was skipped and fails now: "TEST fail|skip|missing".
worse() { # MODE
	awk 'NR == FNR { if ($2 != "fail") bare[$1] = $2; next }
		$1 in bare { if ($2 == "fail" || ($2 == "skip" && bare[$1] == "ok")) print; delete bare[$1] }
		END { for (test in bare) if (bare[test] == "ok") print test, "missing" }' \
		"$work/$judge.bare" "$work/$judge.$1" | sort
}

is_unstable() { # TEST
	grep -qxF "$1" "$work/$judge.unstable"
}

# Many of these tests have clocks in them: what fails has a second try, without isosocks as well.
judge() { # MODE
	: >"$work/$judge.$1.reasons"
	worse "$1" | while read -r test verdict; do
		if reason=$(reason "$1" "$test"); then
			printf '%s\t%s\t%s\n' "$test" "$verdict" "$reason" >>"$work/$judge.$1.reasons"
		elif passes_again "$1" "$test"; then
			echo "$judge, loopback=$1: $test: passed when tried again"
		elif is_unstable "$test" || ! passes_again bare "$test"; then
			is_unstable "$test" || echo "$test" >>"$work/$judge.unstable"
			echo "$judge, loopback=$1: $test: $verdict, and unstable without isosocks as well"
		else
			echo "$judge, loopback=$1: $test: $verdict" | tee -a "$work/unexpected"
		fi
	done
}

# What fails bare and passes when it is tried again.
find_unstable() {
	sed -n 's/ fail$//p' "$work/$judge.bare" | while read -r test; do
		! passes_again bare "$test" || echo "$test"
	done >"$work/$judge.unstable"
}

count() { # VERDICT FILE
	grep -c " $1\$" "$2" || true
}

requests() { # MODE
	cat "$work/$judge.$1".*.log 2>/dev/null | grep -c '"event":"request"' || true
}

run() { # MODE
	rm -rf "$work/$judge.$1".*
	began=$(date +%s)
	run_parts "$1"
	cat "$work/$judge.$1".*.verdicts | sort >"$work/$judge.$1"
	echo $(($(date +%s) - began)) >"$work/$judge.$1.seconds"
	requests "$1" >"$work/$judge.$1.requests"
}

# "MODE PASSED FAILED SKIPPED REQUESTS SECONDS"
figures() { # MODE
	file=$work/$judge.$1
	echo "$1 $(count ok "$file") $(count fail "$file") $(count skip "$file") $(cat "$file.requests" "$file.seconds" | paste -s -d ' ')"
}

# The library is judged only by what has gone through it.
check_requests() {
	! grep -E '"event":"request".*"host":"(127\.|::1|localhost)' "$work/$judge.direct".*.log ||
		echo "$judge, loopback=direct: the proxy was asked for loopback" | tee -a "$work/unexpected"
	[ "$(cat "$work/$judge.proxy.requests")" != 0 ] || echo "$judge, loopback=proxy: the proxy was not asked" | tee -a "$work/unexpected"
}

run_judge() { # NAME
	judge=$1
	. "$here/$judge.sh"
	need >"$work/$judge.version"
	for mode in bare $modes; do
		run "$mode"
		echo "$judge $(figures "$mode" | sed -E 's/(.*) (.*) (.*) (.*) (.*) (.*)/\1: \2 passed, \3 failed, \4 skipped, \5 requests to the proxy, \6 s/')"
	done
	find_unstable
	for mode in $modes; do
		judge "$mode"
	done
	check_requests
}

# ---- writing down ----

# "TEST" of each line, as a sentence.
list() { # FILE
	sed 's/.*/`&`/' "$1" | paste -s -d , | sed 's/,/, /g'
}

document_judge() { # NAME
	judge=$1
	. "$here/$judge.sh"
	printf '\n## %s\n\n%s. %s Left out in all runs:\n' "$judge" "$(cat "$work/$judge.version")" "$about"
	rows every leave | awk -F '\t' '{ patterns[$2] = patterns[$2] (patterns[$2] ? ", " : "") "`" $1 "`" }
		END { for (reason in patterns) printf "\n- %s: %s", patterns[reason], reason; print "" }' | sort
	printf '\n| run | passed | failed | skipped | requests to the proxy | seconds |\n|---|---|---|---|---|---|\n'
	for mode in bare $modes; do
		figures "$mode" | sed 's/ / | /g; s/^/| /; s/$/ |/'
	done
	[ ! -s "$work/$judge.unstable" ] || printf '\nUnstable without isosocks as well, and not judged: %s.\n' "$(list "$work/$judge.unstable")"
	for mode in $modes; do
		printf '\n%d tests do worse with loopback=%s than bare.\n\n' "$(wc -l <"$work/$judge.$mode.reasons")" "$mode"
		awk -F '\t' '{ verdicts[$3] = verdicts[$3] $2 " "; count[$3]++ }
			END { for (reason in count) printf "- %d (%s): %s\n", count[reason],
				verdicts[reason] ~ /missing/ ? "not run" : "fail", reason }' "$work/$judge.$mode.reasons" | sort -k 2nr
	done
}

document() { # JUDGE...
	. /etc/os-release
	cat <<END
# Judges

Other projects' own tests, run by \`make judges\` on $PRETTY_NAME, $(uname -m), Linux $(uname -r | cut -d. -f1,2), $(nproc) cores: bare, under
isosocks with loopback=direct, and under isosocks with loopback=proxy, where every connection to loopback goes through
isosocks-proxy; each in a network namespace of its own, with the guard on. A test that passes bare and fails, skips or is
missing under isosocks, or is skipped bare and fails under isosocks, stands below with its reason. All reasons, by the tests'
names: tests/judges/*.expected. \`make check-all\` fails on every other. A test that fails is tried a second time; one that
then passes without isosocks is unstable, and is not judged.
END
	for name in "$@"; do
		document_judge "$name"
	done
}

# Parts of a run go on at the same time: run.sh part JUDGE FOLDER MODE PART
if [ "${1-}" = part ]; then
	judge=$2 work=$3
	. "$here/$judge.sh"
	part "$4" "$5" "$(output_of "$4" "$5")"
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
[ $# -gt 0 ] || set -- cpython libevent libuv
: >"$work/unexpected"
for name in "$@"; do
	run_judge "$name"
done
[ -z "$document" ] || document "$@" >"$document"
[ ! -s "$work/unexpected" ]
