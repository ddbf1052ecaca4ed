"""A recorded session as it would have been told had the clock of its machine been set meanwhile."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

from collector.assemble.ids import span_id, time_in, trace_id
from collector.assemble.spans.otlp import BuiltSpan
from harness.opencode import NOW, attributes

_TIMES = range(1_700_000_000_000, 1_900_000_000_000)
_ID = re.compile(r"(?!ses_)[a-z]{3}_[0-9a-f]{12}\w{14}")
"""Ids that hold their time; those of sessions descend, and are left alone."""

Setting = tuple[int, int]
"""At which time of the machine's clock it was set, and by how many ms."""


class Clock:
    """What a clock said that was set at some moments, and goes on in steps of `grain` ms."""

    def __init__(self, settings: Iterable[Setting], grain: int = 1) -> None:
        self._grain = grain
        ordered = sorted(settings)
        self._moments = [at for at, _ in ordered]
        self._shifts = [0]
        for _, by in ordered:
            self._shifts.append(self._shifts[-1] + by)
        self.ids: dict[str, str] = {}
        """Ids as they were made by the right clock, and as they are by this."""

    def at(self, at: int) -> int:
        found = self._exact(at)
        return found - found % self._grain

    def _exact(self, at: int) -> int:
        return at + self._shifts[bisect_right(self._moments, at)]

    def told(self, value: Any) -> Any:
        """`value` with all times and ids as this clock makes them."""
        if isinstance(value, dict):
            return {key: self.told(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.told(item) for item in value]
        if isinstance(value, int) and value in _TIMES:
            return self.at(value)
        if isinstance(value, str) and _ID.fullmatch(value):
            return self.id(value)
        return value

    def id(self, identifier: str) -> str:
        made = time_in(identifier, NOW)
        if made is None or identifier in self.ids:
            return self.ids.get(identifier, identifier)
        said, bits = self.at(made), int(identifier[4:16], 16)
        counted = self._exact(made) - said  # while the clock says the same, ids are counted
        moved = (bits + (said - made) * 4096 + counted) % 2**48
        self.ids[identifier] = found = f"{identifier[:4]}{moved:012x}{identifier[16:]}"
        return found

    def as_right(self, made: list[BuiltSpan]) -> list[tuple[bytes, bytes, bytes]]:
        """Trace, span and parent of each, by the ids that the right clock gave."""
        sessions = {built.session for built in made}
        names: dict[bytes, bytes] = {}
        calls = {str(attributes(built).get("tool_call.id", "")) for built in made}
        for right, told in self.ids.items():
            for call in calls:  # OpenCode 2 gives them no ids of their own
                names[span_id(f"{told}:3tool:{call}")] = span_id(f"{right}:3tool:{call}")
            for more in _NAMES:
                names[span_id(told, *more)] = span_id(right, *more)
            for session in sessions if right.startswith("msg_") else ():
                names[trace_id(session, told)] = trace_id(session, right)
        return [
            (
                names.get(span.trace_id, span.trace_id),
                names.get(span.span_id, span.span_id),
                names.get(span.parent_span_id, span.parent_span_id),
            )
            for span in (built.span for built in made)
        ]


_NAMES: list[tuple[str, ...]] = [
    (),
    ("compaction",),
    *((name, str(number)) for name in ("attempt", "title") for number in range(1, 6)),
]


def times(value: Any) -> Iterator[int]:
    """All times in `value`."""
    if isinstance(value, dict):
        for item in value.values():
            yield from times(item)
    elif isinstance(value, list):
        for item in value:
            yield from times(item)
    elif isinstance(value, int) and value in _TIMES:
        yield value
