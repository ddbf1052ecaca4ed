"""Tables and numbers for people; JSON for programs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


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
