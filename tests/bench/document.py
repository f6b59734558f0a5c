#!/usr/bin/env python3
"""document.py ROWS [DOC]: the rows that run.sh left in ROWS as text, or as DOC/benchmark.md with its plots.

How a table is shown stands in its script, in lines "#: WORD ...":
  title, unit, command, text   what it is
  added BASE [| WORD]          cells have the difference from row BASE too, those of columns with WORD in their names
  ratio BASE [| WORD]          the same, as the median of the ratios within each round
  low                          both are those of the lower quartiles, which the noise of a machine touches least
  columns                      the rows become columns
  plot bars COLUMN KIND: TITLE           KIND is value, added or ratio
  plot lines GROUP WORD: X, Y            over the number that columns with WORD in their names begin with
  goal ROW | COLUMN | KIND | LIMIT | WHAT
"""
import html
import os
import re
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GROUP = " : "
ORDER = ["none", "none, a filter", "curl --socks5-hostname", "pipelined", "stepwise", "library", "library, policy", "env(1)", "isosocks", "isosocks:no-guard",
         "isosocks, connecting", "isosocks, cold", "isosocks:02", "isosocks:00", "torsocks", "proxychains4", "tsocks", "socksify", "isosocks-proxy", "dante", "microsocks"]
# A background of its own: readable on light and dark.
BACKGROUND, TEXT, OURS, OTHER = "#1f2428", "#e1e4e8", "#85e89d", "#79b8ff"
LINES = {"pipelined": "#e1e4e8", "isosocks": OURS, "isosocks:no-guard": "#34d058", "isosocks:02": "#22863a", "isosocks:00": "#bef5cb",
         "isosocks, cold": "#ffea7f",
         "torsocks": "#b392f0", "proxychains4": "#79b8ff", "tsocks": "#ffab70", "socksify": "#f97583"}


def table_names():
    with open(f"{HERE}/table/order") as order:
        return [line.strip() for line in order if line.strip() and not line.startswith("#")]


class Table:
    def __init__(self, name, rows):
        self.name, self.text, self.plots, self.goals, self.says = name, "", [], [], {}
        with open(f"{HERE}/table/{name}.sh") as script:
            for line in script:
                if line.startswith("#: "):
                    self.read(*line[3:].strip().partition(" ")[::2])
        self.samples, self.rows, self.columns = {}, [], []
        with open(rows) as lines:
            for line in lines:
                row, column, value = line.rstrip("\n").split("\t")
                self.samples.setdefault((row, column), []).append(value)
                if row not in self.rows:
                    self.rows.append(row)
                if column not in self.columns:
                    self.columns.append(column)
        self.columns.sort(key=lambda c: number(c) or 0)
        groups = list(dict.fromkeys(group(r) for r in self.rows))
        self.rows.sort(key=lambda r: (groups.index(group(r)), rank(r[len(group(r)):])))

    def read(self, word, rest):
        if word == "text":
            self.text += rest + "\n"
        elif word in ("plot", "goal"):
            getattr(self, word + "s").append(rest)
        else:
            self.says[word] = rest

    def numbers(self, row, column):
        """The samples, None if there are none or one is no number."""
        samples = self.samples.get((row, column), [])
        try:
            return [float(s) for s in samples] or None
        except ValueError:
            return None

    def compared(self, row, column, how):
        """The median of the differences from the base row, or of the ratios to it."""
        own, its = self.numbers(row, column), self.numbers(group(row) + self.base(how), column)
        if not own or not its or self.says[how].partition(" | ")[2] not in column:
            return None
        of = lower_quartile if "low" in self.says else statistics.median
        if how == "added":
            return of(own) - of(its)
        return of(own) / of(its) if "low" in self.says else of([a / b for a, b in zip(own, its)])

    def value(self, row, column, kind):
        if kind in ("added", "ratio"):
            return self.compared(row, column, kind)
        own = self.numbers(row, column)
        return statistics.median(own) if own else None

    def base(self, how):
        return self.says.get(how, "").partition(" | ")[0]

    def is_base(self, row):
        return row[len(group(row)):] in (self.base("added"), self.base("ratio"))

    def cell(self, row, column):
        samples = self.samples.get((row, column))
        if not samples:
            return ""
        own = self.numbers(row, column)
        if own is None:
            said = [s for s in samples if not re.fullmatch(r"[0-9.]+", s)]
            often = "" if len(said) == len(samples) else f" ({len(said)} of {len(samples)} times)"
            return said[0] + often
        text = short(statistics.median(own))
        if len(own) > 2:
            low, _, high = statistics.quantiles(own, n=4, method="inclusive")
            text += f" ({short(low)}-{short(high)})"
        if not self.is_base(row):
            added, ratio = self.compared(row, column, "added"), self.compared(row, column, "ratio")
            text += f" **{'+' if added >= 0 else '-'}{short(abs(added))}**" if added is not None else ""
            text += f" **×{ratio:.2f}**" if ratio is not None else ""
        return text

    def grid(self):
        """Lines of cells, the first is the head."""
        lines_of = [[*names(row), *(self.cell(row, c) for c in self.columns)] for row in self.rows]
        heads = [re.sub(r"^1 (\w+)s$", r"1 \1", c) for c in self.columns]
        head = [""] * (len(lines_of[0]) - len(self.columns)) + heads
        lines_of = [head, *lines_of]
        return [list(line) for line in zip(*lines_of)] if "columns" in self.says else lines_of


def group(row):
    return row[:row.index(GROUP) + len(GROUP)] if GROUP in row else ""


def lower_quartile(values):
    return statistics.quantiles(values, n=4, method="inclusive")[0] if len(values) > 1 else values[0]


def rank(name):
    return ORDER.index(name) if name in ORDER else len(ORDER)


def names(row):
    return row.split(GROUP)


def short(value):
    """Three digits, or what stands before the point."""
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def number(text):
    found = re.match(r"[0-9.]+", text)
    return float(found[0]) if found else None


# ---- plots ----

def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def gnuplot(path, title, width, height, commands):
    head = f"""set terminal svg size {width},{height} dynamic rounded background rgb "{BACKGROUND}" font "sans-serif,13"
set output {quoted(path)}
set title {quoted(title)} textcolor rgb "{TEXT}"
set border lc rgb "#6a737d"
set tics textcolor rgb "{TEXT}" nomirror
set key textcolor rgb "{TEXT}"
set encoding utf8
"""
    subprocess.run(["gnuplot"], input=head + commands, text=True, check=True)
    with open(path) as plain:
        picture = plain.read().replace("<title>Gnuplot</title>", f"<title>{html.escape(title)}</title>")
    with open(path, "w") as named:
        named.write(picture)


def bars(table, column, kind, title, path):
    rows = [r for r in table.rows if (r, column) in table.samples and not (kind != "value" and table.is_base(r))]
    shown = []
    for row in rows:
        value = table.value(row, column, kind)
        label = table.cell(row, column) if value is None else f"{value:.2f}" if kind == "ratio" else short(value)
        colour = OURS if row.startswith(("isosocks", "library")) else OTHER
        shown.append(f"{quoted(row)} {max(value or 0, 0)} {quoted(label)} {int(colour[1:], 16)}")
    most = max(float(line.split('" ')[1].split(" ")[0]) for line in shown)
    gnuplot(path, title, 720, 70 + 26 * len(shown), f"""set yrange [{len(shown) - 0.5}:-0.5]
set xrange [0:{most * 1.2 or 1}]
set format x ""
set xtics 0,{most * 10 or 1}
unset key
$rows << END
{chr(10).join(shown)}
END
plot $rows using (0):0:(0):2:($0-0.35):($0+0.35):4:ytic(1) with boxxyerror fill solid lc rgb variable, \
     $rows using 2:0:3 with labels left offset 0.7,0 textcolor rgb "{TEXT}"
""")


def lines(table, which, word, axes, path):
    x, y = (part.strip() for part in axes.split(",", 1))
    columns = [c for c in table.columns if word in c]
    wanted = "" if which == "-" else which + GROUP
    blocks, plots = "", []
    for row in (r for r in table.rows if group(r) == wanted):
        points = [(number(c), table.value(row, c, "value")) for c in columns]
        points = [f"{a:g} {b:g}" for a, b in points if b]
        if not points:
            continue
        style = len(plots)
        blocks += f"$line{style} << END\n" + "\n".join(points) + "\nEND\n"
        plots.append(f"$line{style} with linespoints lc rgb {quoted(LINES.get(row[len(wanted):], TEXT))} "
                     f"pt {4 + style} ps 0.7 title {quoted(row[len(wanted):])}")
    gnuplot(path, f"{y}, over {x}", 720, 400, f"""set logscale xy
set xtics ({", ".join(f'"{number(c):g}" {number(c):g}' for c in columns)})
set xrange [{number(columns[0]) * 0.9}:{number(columns[-1]) * 1.1}]
set xlabel {quoted(x)} textcolor rgb "{TEXT}"
set key outside right top
{blocks}
plot {", ".join(plots)}
""")


def plot(table, description, path):
    kind, _, rest = description.partition(" ")
    if kind == "bars":
        head, _, title = rest.partition(": ")
        column, _, what = head.rpartition(" ")
        bars(table, column, what, title, path)
    else:
        head, _, axes = rest.partition(": ")
        which, _, word = head.partition(" ")
        lines(table, which, word, axes, path)


# ---- text ----

def read_pairs(path):
    with open(path) as lines_of:
        return [line.rstrip("\n").split("\t") for line in lines_of]


def as_table(lines_of):
    out = ["| " + " | ".join(line) + " |" for line in lines_of]
    return "\n".join([out[0], "|" + "---|" * len(lines_of[0]), *out[1:]]) + "\n"


def goals(tables):
    out = [["what", "goal", "here", ""]]
    for table in tables:
        for goal in table.goals:
            row, column, kind, limit, what = (part.strip() for part in goal.split(" | "))
            value = table.value(row, column, kind)
            here = "not measured" if value is None else f"{value:.2f}" if kind == "ratio" or value < 0 else short(value)
            verdict = "" if value is None else "reached" if value <= float(limit) else "missed"
            out.append([what, f"at most {limit}" + (" times" if kind == "ratio" else ""), here, verdict])
    return out


def section(table, folder):
    out = [f"## {table.says['title']}\n", table.text]
    out.append(f"In {table.says['unit']}; `{table.says['command']}`. "
               f"This table alone: `TABLES={table.name}`.\n")
    out.append(as_table(table.grid()))
    for count, description in enumerate(table.plots):
        file = f"benchmark-{table.name}{count or ''}.svg"
        if folder and shutil.which("gnuplot"):
            plot(table, description, f"{folder}/{file}")
        if folder:
            out.append(f"![{html.escape(description.partition(': ')[2])}]({file})\n")
    return "\n".join(out)


HEAD = """# Benchmark

Written by `make bench`: the tables from one run on one machine, in a network namespace with nothing but loopback, where the
proxy is the least that one can be (tests/bench/answer.c), so that what is measured is the client's side. What is compared is
run in turn, round by round. A cell is the median of all rounds, in brackets the middle half of them, and in bold what it is more
than the row that it is compared with, or how many times that. What a peer did instead of giving a figure stands in its place.
With TABLES in its environment `make bench` runs the tables that are named there, and prints them.
"""

COMPARED = """
| row | what it is |
|---|---|
| none | the program without anything |
| pipelined, stepwise | the program speaks SOCKS by itself, by hand: 0x97 in one write, or with a wait for each answer |
| isosocks | the command with `-x 127.0.0.1:PORT --`, to a proxy that takes 0x97 |
| isosocks:no-guard | the same with `--no-guard`: no filter in the kernel |
| isosocks:02, isosocks:00 | to a proxy that takes 0x02 (as Tor does), or 0x00 alone |
| torsocks | `torsocks`, TORSOCKS_CONF_FILE with TorPort, TORSOCKS_LOG_LEVEL=1; 0x00, as all peers |
| proxychains4 | `proxychains4 -q -f FILE`, strict_chain, proxy_dns |
| tsocks | `tsocks`, TSOCKS_CONF_FILE with the server |
| socksify | `socksify` of dante-client, SOCKS_CONF with a route and `resolveprotocol: fake` |
"""


def main():
    rows, folder = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    tables = [Table(n, f"{rows}/{n}.rows") for n in table_names() if os.path.exists(f"{rows}/{n}.rows")]
    text = [HEAD, "## Goals\n", as_table(goals(tables)), "## Machine and versions\n",
            as_table([["", ""], *read_pairs(f"{rows}/machine"), *read_pairs(f"{rows}/versions")]),
            "## What is compared", COMPARED] + [section(t, folder) for t in tables]
    out = open(f"{folder}/benchmark.md", "w") if folder else sys.stdout
    out.write(re.sub(r"\n{3,}", "\n\n", "\n".join(text)).rstrip("\n") + "\n")


main()
