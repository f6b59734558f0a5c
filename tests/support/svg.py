#!/usr/bin/env python3
"""Terminal output (standard input, with colours) as an SVG picture (standard output)."""
import html
import re
import sys

WIDTH, HEIGHT, MARGIN = 8.43, 19, 16  # of a character, of a line, around it all; pixels
COLOURS = {"31": "#f97583", "32": "#85e89d"}
STYLES = {"1": 'font-weight="bold"', "2": 'fill-opacity="0.65"'}


def spans(line):
    """The line as tspans; a style holds until the next one."""
    style, out = "", []  # plain blanks would run together
    for part in re.split(r"(\x1b\[\d*m)", line):
        code = re.fullmatch(r"\x1b\[(\d*)m", part)
        if code:
            colour = COLOURS.get(code[1])
            style = f'fill="{colour}"' if colour else STYLES.get(code[1], "")
        elif part:
            text = html.escape(part).replace(" ", "\u00a0")
            out.append(f"<tspan {style}>{text}</tspan>" if style else text)
    return "".join(out)


lines = sys.stdin.read().replace("\r", "").strip("\n").split("\n")
columns = max(len(re.sub(r"\x1b\[\d*m", "", line)) for line in lines)
width, height = columns * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
      f'viewBox="0 0 {width:.0f} {height}">')
print("<title>isosocks in a terminal: two programs under two keys, and an error that says what happened</title>")
print(f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1f2428"/>')
print('<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" fill="#e1e4e8">')
for number, line in enumerate(lines):
    if line:
        print(f'<text x="{MARGIN}" y="{MARGIN + (number + 1) * HEIGHT - 5}">{spans(line)}</text>')
print("</g>\n</svg>")
