"""Terminal output as HTML: ANSI colours as classes, every other control sequence left out."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from collector.viewer.shown.masks import draw

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_OTHER = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"  # sequences of ECMA-48
    r"|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]"
)
_COLOURS = {31: "red", 91: "red", 32: "green", 92: "green", 33: "yellow", 93: "yellow", 36: "cyan", 96: "cyan",
            34: "cyan", 94: "cyan", 35: "yellow", 95: "yellow", 90: "dim", 37: "", 97: ""}  # fmt: skip


def terminal(text: str) -> Markup:
    """`text` as escaped HTML with the classes red, green, yellow, cyan, dim and bold."""
    text = _carriage_returns(text)
    if "\x1b" not in text:
        return draw(str(escape(_OTHER.sub("", text))))
    parts: list[str] = []
    classes: set[str] = set()
    at = 0
    for found in _SGR.finditer(text):
        parts.append(_piece(text[at : found.start()], classes))
        classes = _next(classes, found[1])
        at = found.end()
    parts.append(_piece(text[at:], classes))
    return draw("".join(parts))


def _carriage_returns(text: str) -> str:
    """A line that was written over, such as a progress bar, is what was written last."""
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _piece(text: str, classes: set[str]) -> str:
    words = str(escape(_OTHER.sub("", text)))
    return f'<span class="{" ".join(sorted(classes))}">{words}</span>' if words and classes else words


def _next(classes: set[str], codes: str) -> set[str]:
    """The classes after a "select graphic rendition" sequence (ECMA-48, 8.3.117)."""
    now = set(classes)
    numbers = [int(code) if code.isdigit() else 0 for code in re.split("[;:]", codes)]
    at = 0
    while at < len(numbers):
        number = numbers[at]
        if number == 0:
            now = set()
        elif number == 1:
            now.add("bold")
        elif number == 2:
            now.add("dim")
        elif number == 22:
            now -= {"bold", "dim"}
        elif number in (38, 48):  # a colour of a palette: its numbers are passed over
            at += 2 if at + 1 < len(numbers) and numbers[at + 1] == 5 else 4
        elif number == 39 or number in _COLOURS:
            now -= {"red", "green", "yellow", "cyan"}
            if colour := _COLOURS.get(number):
                now.add(colour)
        at += 1
    return now
