#!/usr/bin/env python3
"""doc/platforms.md, from the results that run.sh and its siblings left in the folder."""

import re
import sys
from pathlib import Path

HEAD = """# Where isosocks builds, and what happens there

Made by `make platforms`: each cell is what came of a run. A row is a minimal Debian (debootstrap --variant=minbase) with git, make and
ca-certificates, in namespaces of its own, and a fresh checkout in it; what else is needed the targets install themselves.
The ordinary user has no rights; root has installed for it what `make deps` installs.

"""
COLUMNS = ["all", "demo", "check", "deb", "guard/*", "leak/*"]
TITLES = {"all": "build", "guard/*": "guard", "leak/*": "leak lab"}


def read(path):
    """Step to (status, seconds, last line)."""
    found = {}
    for line in path.read_text().splitlines():
        step, status, seconds, last = line.split("\t", 3)
        found[step] = (int(status), int(seconds), last)
    return found


def cell(result):
    if result is None:
        return "not run"
    status, seconds, last = result
    counts = re.search(r"\d+ passed, \d+ failed, \d+ skipped", last)
    words = counts.group().replace(", 0 failed", "").replace(", 0 skipped", "") if counts else "ok"
    return (words if status == 0 else f"**fails** ({status}: {last})") + f", {seconds} s"


def releases(folder):
    yield "| platform | user | " + " | ".join(TITLES.get(c, c) for c in COLUMNS) + " |"
    yield "|---" * (2 + len(COLUMNS)) + "|"
    for path in sorted(folder.glob("*/results"), key=lambda p: read(p).get("root:facts", (0, 0, ""))[2]):
        results = read(path)
        facts = results.get("root:facts", (0, 0, path.parent.name))[2]
        for user in ("root", "user"):
            cells = [cell(results.get(f"{user}:{c}")) for c in COLUMNS]
            yield f"| {facts} | {user} | " + " | ".join(cells) + " |"


def packages(folder):
    yield ""
    yield "| packages of | lintian | built again elsewhere | installed, demo, purged |"
    yield "|---|---|---|---|"
    for path in sorted(folder.glob("*/results")):
        results = read(path)
        cells = [cell(results.get(f"root:{c}")) for c in ("deb", "reproducible", "packages")]
        yield f"| {path.parent.name} | " + " | ".join(cells) + " |"


def skips(folder):
    """What was skipped, by reason, as the runs said it."""
    yield ""
    yield "## What was skipped, and why"
    yield ""
    for path in sorted(folder.glob("*/*-check.log")):
        lines = [l[7:] for l in path.read_text(errors="replace").splitlines() if l.startswith("[SKIP] ")]
        yield f"- {path.parent.name}, {path.name.split('-')[0]}: " + ("; ".join(lines) if lines else "nothing")


def others(folder):
    """Tables of their own: other architectures, other C libraries."""
    for path in sorted(folder.glob("*.md")):
        yield ""
        yield from path.read_text().splitlines()


def main(folder):
    parts = [*releases(folder), *packages(folder), *skips(folder), *others(folder)]
    print(HEAD + "\n".join(parts))


main(Path(sys.argv[1]))
