"""
A shell in a terminal, and somebody at it, who types what is below and waits for what must appear.
Ends with 1, and with all that was shown, when it does not.

Usage: terminal.py COMMAND...
"""
import os, pty, select, sys

SECONDS = 120
PROMPT = "ready> "
# One process: dash, as others, executes commands by vfork(2), and cannot be stopped meanwhile.
JOB = "sh -c 'echo run''ning; exec tr a-z A-Z'\n"
# What is typed, and what the terminal must show then, one after the other. What was typed is echoed:
# words that are waited for are not in it as they are.
STEPS = [
    ("PS1='rea''dy> '; bind 'set enable-bracketed-paste off'; set -o monitor\n", PROMPT),
    ("printf 'a\\nb\\na\\n' | sort | uniq -c | tr -d ' \\n'; echo\n", "2a1b", PROMPT),
    (JOB, "running"),
    ("\x03", PROMPT),
    ("echo status=$?\n", "status=130", PROMPT),
    (JOB, "running"),
    ("\x1a", "Stopped", PROMPT),
    ("kill %1; bg; wait %1; echo ended=$?\n", "ended=143", PROMPT),
    ("sleep 1000 &\n", PROMPT),
    ("jobs\n", "Running", PROMPT),
    ("kill %1; wait %1; echo both=$?\n", "both=143", PROMPT),
    (JOB, "running"),
    ("\x1a", "Stopped", PROMPT),
    ("fg\n", "sh -c"),
    ("again\n", "AGAIN"),
    ("\x03", PROMPT),
    ("echo then=$?\n", "then=130", PROMPT),
    ("{ echo run''ning; cat; } | tr x y\n", "running"),
    ("xxx\n\x04", "yyy", PROMPT),
    ("tty | cut -c1-5 | tr / =\n", "=dev=", PROMPT),
    ("python3 -c 'import os; print(os.getpgrp() == os.tcgetpgrp(0), os.isatty(1))'\n",
     "True True", PROMPT),
    ("curl -sS http://$HOST/page; echo curl=$?\n", "curl=0", PROMPT),
    ("exec 3<>/dev/tcp/$HOST/80; printf 'GET /page HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3\n",
     "a page that only the proxy reaches", PROMPT),
]


def read_until(terminal, wanted, shown):
    """False: the shell has ended, or says nothing for too long. What comes behind waits."""
    new = b""
    while not new.endswith(wanted):
        if not select.select([terminal], [], [], SECONDS)[0]:
            return False
        try:
            some = os.read(terminal, 1)
        except OSError:  # the other end of the terminal is closed
            return False
        new += some
        shown += some
    return True


def work(terminal, shown):
    for typed, *answers in STEPS:
        os.write(terminal, typed.encode())
        for wanted in answers:
            if not read_until(terminal, wanted.encode(), shown):
                return "after %r there is no %r" % (typed, wanted)
    os.write(terminal, b"exit 7\n")
    read_until(terminal, b"\0", shown)
    return None


child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown = bytearray()
problem = work(terminal, shown)
print(shown.decode(errors="replace"))
if problem:
    sys.exit(problem)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
