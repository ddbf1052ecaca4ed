"""When each span ran, as bars: positions in percent of the time shown, so that no script and no style is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from collector.viewer.shown.figures import duration
from collector.viewer.shown.spans import ShownSpan, parents_of

_LEAST = 0.35
_NICE = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One span's row; `first` is where its first token came, `waited` how far it waited before it ran (percent)."""

    span: ShownSpan
    depth: int
    x: float
    width: float
    first: float | None = None
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The rows, and the labels of the axis at 0, 25, 50, 75 and 100 percent."""

    bars: tuple[Bar, ...]
    ticks: tuple[str, ...]
    length_ns: int


def waterfall(spans: Sequence[ShownSpan], most: int = 2000) -> Waterfall:
    """Lay out `spans` (of one turn, or of several on one clock) below their parents."""
    if not spans:
        return Waterfall((), (), 0)
    start = min(span.start_ns for span in spans)
    length = _round_up(max(max(span.end_ns for span in spans) - start, 1))
    parent = parents_of(spans)
    children: dict[str, list[ShownSpan]] = defaultdict(list)
    for span in sorted(spans, key=lambda s: (s.start_ns, s.end_ns)):
        children[parent[span.span_id]].append(span)
    bars: list[Bar] = []
    waiting = [(span, 1) for span in reversed(children[""])]
    while waiting and len(bars) < most:
        span, depth = waiting.pop()
        bars.append(_bar(span, min(depth, 4), start, length))
        waiting += [(child, depth + 1) for child in reversed(children[span.span_id])]
    ticks = tuple("0" if not part else duration(length * part / 4) for part in range(5))
    return Waterfall(tuple(bars), ticks, length)


def _bar(span: ShownSpan, depth: int, start: int, length: int) -> Bar:
    first = next((event.at_ns for event in span.events if event.name == "first_token"), None)
    waited = sum(
        int(event.attributes.get("opencode.waited_ms") or 0) * 1_000_000
        for event in span.events
        if event.name.endswith(".replied")
    )
    return Bar(
        span,
        depth,
        100 * (span.start_ns - start) / length,
        max(_LEAST, 100 * span.duration_ns / length),
        None if first is None or not span.start_ns <= first <= span.end_ns else 100 * (first - start) / length,
        min(100 * waited / length, 100 * span.duration_ns / length) if waited else 0.0,
    )


def _round_up(length: int) -> int:
    """The next length whose quarters are round numbers."""
    unit = 1
    while unit * 10 < length:
        unit *= 10
    return next(int(unit * nice) for nice in _NICE if unit * nice >= length)
