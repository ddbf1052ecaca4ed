"""Tables and numbers for people; JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TextIO

_GAP = 2
_USUAL = 60
"""Characters of a cell that its column is made wide enough for, where it is not cut."""


def print_json(value: Any) -> None:
    print(json_text(value, indent=2))


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON in which characters that could steer a terminal, or turn text around in it, are written as escapes."""
    return escaped(json.dumps(value, ensure_ascii=False, indent=indent))


def escaped(document: str) -> str:
    """The same JSON document without a character that does more than show itself."""
    if document.replace("\n", "").isprintable():
        return document
    return "".join(char if char == "\n" or char.isprintable() else _escape(char) for char in document)


def write_document(line: bytes) -> None:
    """Write JSON as it is; to a terminal with escapes in it."""
    if sys.stdout.isatty():
        line = escaped(line.decode("utf-8", "replace")).encode("utf-8", "replace")
    sys.stdout.buffer.write(line)


def write_text(data: bytes) -> None:
    """Write text as it is; to a terminal line by line as it can be shown."""
    if sys.stdout.isatty():
        data = "\n".join(printable(line) for line in data.decode("utf-8", "replace").split("\n")).encode()
    sys.stdout.buffer.write(data)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else json.dumps(char)[1:-1]


def say(line: str, file: TextIO | None = None) -> None:
    """Print a line that may hold what a client or a destination wrote."""
    print(printable(line), file=file, flush=True)


def say_wrapped(line: str, indent: int) -> None:
    """Print a line for people, broken at words to the terminal's width, or COLUMNS; what follows is indented."""
    line = printable(line)
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        width = max(shutil.get_terminal_size().columns, 2 * indent)
        line = textwrap.fill(
            line,
            width,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    print(line, flush=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. One of little `weight` goes first where the table is too wide; one with `least` may be cut
    to so many characters, at its end, or a path at its beginning."""

    name: str
    weight: int = 100
    right: bool = False
    least: int = 0
    is_path: bool = False


def print_table(columns: Sequence[str | Column], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Print a table that fits the terminal, or COLUMNS; elsewhere with whole cells. `empty` without rows."""
    from rich.console import Console  # only who prints a table pays for it
    from rich.table import Table
    from rich.text import Text

    console = Console()
    shown = [[printable(cell) for cell in row] for row in rows]
    if not shown:
        console.print(Text(empty))
        return
    known = [column if isinstance(column, Column) else _plain_column(column) for column in columns]
    if not (console.is_terminal or os.environ.get("COLUMNS", "").isdigit()):
        _print_whole(known, shown)
        return
    console.width = max(console.width, 20)
    kept = fitting(known, shown, console.width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, size in kept:
        justify: Literal["left", "right"] = "right" if known[at].right else "left"
        table.add_column(known[at].name, justify=justify, no_wrap=True, overflow="ellipsis", width=size)
    for row in shown:
        table.add_row(*(Text(_cut(row[at], size, known[at].is_path)) for at, size in kept))
    console.print(table)


def _print_whole(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Every cell whole, under its column's name; one that is longer than most is not what all others are padded to."""
    from rich.cells import cell_len

    used = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    names = [column.name for column in columns]
    widths = {
        at: max(size for row in (names, *rows) if (size := cell_len(row[at])) <= _USUAL or row is names) for at in used
    }
    for row in (names, *rows):
        cells = [(row[at], " " * max(0, widths[at] - cell_len(row[at])), columns[at].right) for at in used]
        print((" " * _GAP).join(space + cell if right else cell + space for cell, space, right in cells).rstrip())


def fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[tuple[int, int]]:
    """The columns that a table of `width` holds, as (index, width): empty ones and the lightest are left out."""
    from rich.cells import cell_len

    needed = {
        at: max(cell_len(column.name), *(cell_len(row[at]) for row in rows))
        for at, column in enumerate(columns)
        if any(row[at] for row in rows)
    }
    least = {at: min(columns[at].least or size, size) for at, size in needed.items()}
    while len(least) > 1 and sum(least.values()) + _GAP * (len(least) - 1) > width:
        del least[min(least, key=lambda at: columns[at].weight)]
    left = width - sum(least.values()) - _GAP * (len(least) - 1)
    for at in sorted(least, key=lambda at: -columns[at].weight):
        more = max(0, min(left, needed[at] - least[at]))
        least[at], left = least[at] + more, left - more
    return list(least.items())


def _plain_column(name: str) -> Column:
    return Column(name, right=name in ("spans", "traces", "errors", "tokens", "cost", "took"))


def _cut(text: str, width: int, is_path: bool) -> str:
    """A path loses its beginning; what else is too long is cut by the table, at its end."""
    return f"…{text[len(text) - width + 1 :]}" if is_path and len(text) > width > 1 else text


def printable(text: str) -> str:
    """Telemetry must not steer the terminal: control characters are shown, not sent."""
    return "".join(char if char.isprintable() else "�" for char in text)


def moment(ns: int) -> str:
    """A time of day today, else a date; local time."""
    then = time.localtime(min(ns / 1e9, 253402300799))
    same_day = time.strftime("%Y%m%d", then) == time.strftime("%Y%m%d")
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M", then)


def span_of_time(start_ns: int, end_ns: int) -> str:
    seconds = max(end_ns - start_ns, 0) / 1e9
    return (
        f"{seconds * 1000:.0f} ms"
        if seconds < 1
        else f"{seconds:.1f} s"
        if seconds < 600
        else f"{seconds / 60:.0f} min"
    )


def number(value: float) -> str:
    return f"{value:,.0f}" if value else ""


def money(value: float) -> str:
    return f"{value:.4f}" if value else ""
