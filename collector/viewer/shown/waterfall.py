"""When each span ran, as bars: positions in percent of the time shown, so that no script and no style is needed.

Time in which nothing but the agent itself ran is folded to a narrow strip where it is long; a part of the time can be
shown alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from collector.viewer.shown.figures import duration
from collector.viewer.shown.roots import parents_of
from collector.viewer.shown.spans import ShownSpan
from collector.viewer.shown.under_way import is_running

_LEAST = 0.35
_NICE = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10)
_FOLD_FROM = 0.12
"""Idle time is folded from this part of the whole on."""
_FOLD_FROM_NS = 2_000_000_000
_FOLDED = 3.0
"""Percent of the width that a fold takes."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One span's row; `first` is where its first token came, `waited` how far it waited before it ran (percent).

    `live`: it runs, and its bar reaches now.
    """

    span: ShownSpan
    depth: int
    x: float
    width: float
    first: float | None = None
    waited: float = 0.0
    live: bool = False


@dataclass(frozen=True, slots=True)
class Fold:
    """Idle time that is not drawn to scale: where its strip stands (percent), and how long it was."""

    x: float
    width: float
    lasted_ns: int


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The rows, the labels of the axis at 0, 25, 50, 75 and 100 percent, and what is folded."""

    bars: tuple[Bar, ...]
    ticks: tuple[str, ...]
    length_ns: int
    folds: tuple[Fold, ...] = ()


class _Scale:
    """From time to percent; `folds` are idle times (from, to) that get a strip of their own."""

    def __init__(self, start: int, length: int, folds: Sequence[tuple[int, int]]) -> None:
        self.start = start
        busy = max(length - sum(end - begin for begin, end in folds), 1)
        self._per_ns = (100 - _FOLDED * len(folds)) / busy
        self.pieces: list[tuple[int, int, float, float]] = []
        at, x = start, 0.0
        for begin, end in (*folds, (start + length, start + length)):
            width = (begin - at) * self._per_ns
            self.pieces.append((at, begin, x, x + width))
            x += width
            if end > begin:
                self.pieces.append((begin, end, x, x + _FOLDED))
                x += _FOLDED
            at = end

    def at(self, time_ns: int) -> float:
        for begin, end, left, right in self.pieces:
            if time_ns <= end:
                return left + (right - left) * max(0, time_ns - begin) / max(end - begin, 1)
        return 100.0

    def time_at(self, percent: float) -> int:
        for begin, end, left, right in self.pieces:
            if percent <= right + 1e-9 and right > left:
                return int(begin + (end - begin) * max(0.0, percent - left) / (right - left))
        return self.pieces[-1][1]


def waterfall(spans: Sequence[ShownSpan], most: int = 2000, zoom: str = "") -> Waterfall:
    """Lay out `spans` of one turn below their parents; with `zoom`, a span's id, only while that span ran."""
    if not spans:
        return Waterfall((), (), 0)
    shown = next((span for span in spans if span.span_id == zoom), None)
    if shown is not None:
        spans = [span for span in spans if span.end_ns >= shown.start_ns and span.start_ns <= shown.end_ns]
    first, last = (
        (shown.start_ns, shown.end_ns)
        if shown is not None
        else (min(span.start_ns for span in spans), max(span.end_ns for span in spans))
    )
    folds = _idle(spans, first, last)
    folded = sum(end - begin for begin, end in folds)
    length = _round_up(max(last - first - folded, 1)) + folded
    scale = _Scale(first, length, folds)
    parent = parents_of(spans)
    children: dict[str, list[ShownSpan]] = defaultdict(list)
    for span in sorted(spans, key=lambda s: (s.start_ns, s.end_ns)):
        children[parent[span.span_id]].append(span)
    bars: list[Bar] = []
    waiting = [(span, 1) for span in reversed(children[""])]
    while waiting and len(bars) < most:
        span, depth = waiting.pop()
        bars.append(_bar(span, min(depth, 4), scale, first, last))
        waiting += [(child, depth + 1) for child in reversed(children[span.span_id])]
    ticks = tuple("0" if not part else duration(scale.time_at(25 * part) - first) for part in range(5))
    strips = tuple(Fold(scale.at(begin), _FOLDED, end - begin) for begin, end in folds)
    return Waterfall(tuple(bars), ticks, length, strips)


def _idle(spans: Sequence[ShownSpan], first: int, last: int) -> list[tuple[int, int]]:
    """Long times in which no call and no tool ran."""
    least = max(_FOLD_FROM * (last - first), _FOLD_FROM_NS)
    idle: list[tuple[int, int]] = []
    until = first
    ran = sorted((span.start_ns, span.end_ns) for span in spans if span.kind not in ("AGENT", "CHAIN"))
    for begin, end in (*ran, (last, last)) if ran else ():
        if begin - until >= least:
            idle.append((until, begin))
        until = max(until, end)
    return idle[:8]


def _bar(span: ShownSpan, depth: int, scale: _Scale, first: int, last: int) -> Bar:
    token = next((event.at_ns for event in span.events if event.name == "first_token"), None)
    waited = sum(
        int(event.attributes.get("opencode.waited_ms") or 0) * 1_000_000
        for event in span.events
        if event.name.endswith(".replied")
    )
    begin, end = max(span.start_ns, first), min(max(span.end_ns, span.start_ns), last)
    x = scale.at(begin)
    width = max(scale.at(end) - x, 0.0)
    return Bar(
        span,
        depth,
        min(x, 100 - _LEAST),
        max(_LEAST, width),
        None if token is None or not begin <= token <= end else scale.at(token),
        min(scale.at(min(begin + waited, end)) - x, width) if waited else 0.0,
        is_running(span),
    )


def _round_up(length: int) -> int:
    """The next length whose quarters are round numbers."""
    unit = 1
    while unit * 10 < length:
        unit *= 10
    return next(int(unit * nice) for nice in _NICE if unit * nice >= length)
