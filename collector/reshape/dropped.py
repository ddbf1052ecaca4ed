"""Internal spans that were dropped, remembered by trace: what comes later must not hang below them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from collector.otlp.values import Value

MOST = 200_000
"""Spans remembered, about 40 MB; those of the trace heard of longest ago are forgotten first."""

_MOST_STEPS = 1000


class DroppedSpans:
    """The parents of dropped spans, and what they said that spans below them ask for; safe to share between threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._count = 0
        self._traces: OrderedDict[bytes, dict[bytes, tuple[bytes, Mapping[str, Value]]]] = OrderedDict()
        self._lock = Lock()

    def remember(self, trace_id: bytes, span_id: bytes, parent_id: bytes, said: Mapping[str, Value]) -> None:
        """Keep that `span_id` was dropped, that `parent_id` is above it, and what it said."""
        with self._lock:
            spans = self._traces.setdefault(trace_id, {})
            self._traces.move_to_end(trace_id)
            self._count += span_id not in spans
            spans[span_id] = (parent_id, said)
            while self._count > self._most:
                self._count -= len(self._traces.popitem(last=False)[1])

    def kept_above(self, trace_id: bytes, parent_id: bytes) -> bytes:
        """The nearest span above `parent_id`, itself included, that was not dropped; empty where there is none."""
        with self._lock:
            spans = self._traces.get(trace_id)
            if spans is None:
                return parent_id
            for _ in range(_MOST_STEPS):
                found = spans.get(parent_id)
                if found is None:
                    return parent_id
                parent_id = found[0]
            return b""  # a circle of parents

    def said_by(self, trace_id: bytes, span_id: bytes) -> tuple[bytes, Mapping[str, Value]] | None:
        """The parent of a dropped span, and what it said; None for a span that was not dropped."""
        with self._lock:
            spans = self._traces.get(trace_id)
            return None if spans is None else spans.get(span_id)

    def has(self, trace_id: bytes) -> bool:
        """Whether any span of the trace was dropped."""
        return trace_id in self._traces

    def __bool__(self) -> bool:
        return self._count > 0
