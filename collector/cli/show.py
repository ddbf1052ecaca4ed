"""Tables and numbers for people; JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, TextIO


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


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Print a table, as wide as it needs to be where the output is no terminal; `empty` where there are no rows."""
    from rich.console import Console  # only who prints a table pays for it
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    console = Console()
    if not console.is_terminal:
        console.width = 500
    if not rows:
        console.print(Text(empty))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        number = column in ("spans", "traces", "errors", "tokens", "cost", "took")
        table.add_column(column, justify="right" if number else "left", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


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
