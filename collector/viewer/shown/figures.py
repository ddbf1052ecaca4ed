"""Numbers, times and paths as the page writes them: short, with their unit, and never invented."""

from __future__ import annotations

import time
from datetime import datetime

_MINUTE_NS = 60_000_000_000


def count(number: float) -> str:
    """`950`, `13.3k`, `1.24M`."""
    if number < 1000:
        return f"{number:.0f}"
    if number < 100_000:
        return f"{number / 1000:.1f}k"
    if number < 1_000_000:
        return f"{number / 1000:.0f}k"
    return f"{number / 1_000_000:.2f}M"


def whole(number: float) -> str:
    """`48,213`."""
    return f"{number:,.0f}"


def size(number: float) -> str:
    """`412 B`, `2.1 kB`, `6.2 MB`."""
    if number < 1000:
        return f"{number:.0f} B"
    if number < 1_000_000:
        return f"{number / 1000:.1f} kB"
    if number < 1_000_000_000:
        return f"{number / 1_000_000:.1f} MB"
    return f"{number / 1_000_000_000:.2f} GB"


def money(dollars: float, *, fine: bool = False) -> str:
    """Cents on sessions, a tenth of a cent on turns and calls (`fine`); what is less than that is not nothing."""
    if 0 < dollars < (0.0005 if fine else 0.005):
        return "<$0.001" if fine else "<$0.01"
    return f"${dollars:,.3f}" if fine else f"${dollars:,.2f}"


def duration(nanoseconds: float) -> str:
    """`0.3 s` below a minute, `3:19` above, `1:02:03` above an hour."""
    if nanoseconds < _MINUTE_NS - 50_000_000:
        return f"{nanoseconds / 1e9:.1f} s"
    seconds = round(nanoseconds / 1e9)
    hours, rest = divmod(seconds, 3600)
    if hours:
        return f"{hours}:{rest // 60:02}:{rest % 60:02}"
    return f"{seconds // 60}:{seconds % 60:02}"


def clock(at_ns: int) -> str:
    """Local time of day with seconds."""
    return datetime.fromtimestamp(at_ns / 1e9).strftime("%H:%M:%S")


def age(at_ns: int, now_ns: int | None = None) -> str:
    """`now`, `18 min`, `3 h`, `2 d`."""
    seconds = ((time.time_ns() if now_ns is None else now_ns) - at_ns) / 1e9
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 86400:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} d"


def day(at_ns: int, now_ns: int) -> str:
    """The heading a session stands under: Now, Today, Yesterday, or its date."""
    if now_ns - at_ns < 2 * _MINUTE_NS:
        return "Now"
    then, today = datetime.fromtimestamp(at_ns / 1e9).date(), datetime.fromtimestamp(now_ns / 1e9).date()
    days = (today - then).days
    if days <= 0:
        return "Today"
    return "Yesterday" if days == 1 else f"{then.day} {then:%B %Y}"


def percent(part: float, whole_: float) -> str:
    """`76%`; nothing of nothing is 0 %."""
    return f"{100 * part / whole_:.0f}%" if whole_ else "0%"


def plural(number: int, noun: str) -> str:
    """`1 turn`, `3 turns`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def short_path(path: str, most: int = 48) -> str:
    """A path loses its beginning: the home directory is `~`, and what is too long starts with an ellipsis."""
    parts = path.replace("\\", "/").split("/")
    if len(parts) > 3 and parts[0] == "" and parts[1] in ("home", "Users"):
        path = "/".join(["~", *parts[3:]])
    if len(path) <= most:
        return path
    kept = path[-most:]
    return "…/" + kept.partition("/")[2] if "/" in kept else "…" + kept


def short_text(text: str, most: int = 120) -> str:
    """A text loses its end, and stands on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
