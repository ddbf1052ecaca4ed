"""What was told already and may be told again: requests to models that left with their tokens, and calls of tools.

Remembered for a while, by the ids of their spans and of the spans right above them.
"""

from __future__ import annotations

from threading import Lock
from typing import Generic, NamedTuple, TypeVar

MOST = 20_000
"""Spans remembered of each sort, about 3 MB; the oldest are forgotten first."""

Said = TypeVar("Said")


class ToolCallOfSpan(NamedTuple):
    """Which tool a span calls, and the id of the call; empty where none was given."""

    name: str
    call_id: str

    def may_be(self, other: ToolCallOfSpan) -> bool:
        """Whether both may be one call: of one tool, and not of two ids."""
        same_id = self.call_id == other.call_id or not (self.call_id and other.call_id)
        return bool(self.name) and self.name == other.name and same_id


class _Newest(Generic[Said]):
    """What was said of the newest spans; safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._said: dict[bytes, Said] = {}
        self._lock = Lock()

    def keep(self, trace_id: bytes, span_id: bytes, said: Said) -> None:
        with self._lock:
            self._said[trace_id + span_id] = said
            if len(self._said) > self._most:
                del self._said[next(iter(self._said))]

    def drop(self, trace_id: bytes, span_id: bytes) -> None:
        with self._lock:
            self._said.pop(trace_id + span_id, None)

    def get(self, trace_id: bytes, span_id: bytes) -> Said | None:
        return self._said.get(trace_id + span_id)


class CountedSpans:
    """LLM and TOOL spans that left, and what is right above and below them; safe to share between threads."""

    def __init__(self, most: int = MOST) -> None:
        self._counted: _Newest[bool] = _Newest(most)
        self._above: _Newest[bool] = _Newest(most)
        self._tools: _Newest[ToolCallOfSpan] = _Newest(most)
        self._above_tools: _Newest[ToolCallOfSpan] = _Newest(most)

    def remember(self, trace_id: bytes, span_id: bytes) -> None:
        """Keep that this span left with its tokens, or is within one that did."""
        self._counted.keep(trace_id, span_id, True)

    def remember_above(self, trace_id: bytes, parent_id: bytes) -> None:
        """Keep that `parent_id`, which has not come yet, is above a span that left with its tokens."""
        if parent_id:
            self._above.keep(trace_id, parent_id, True)

    def has(self, trace_id: bytes, span_id: bytes) -> bool:
        """Whether that span left with its tokens, or is within one that did."""
        return self._counted.get(trace_id, span_id) is not None

    def is_above(self, trace_id: bytes, span_id: bytes) -> bool:
        """Whether that span is above one which left with its tokens in an earlier request."""
        return self._above.get(trace_id, span_id) is not None

    def forget_above(self, trace_id: bytes, span_id: bytes) -> None:
        """Forget that a span is above one with tokens: that one leaves without them after all."""
        self._above.drop(trace_id, span_id)

    def remember_tool(self, trace_id: bytes, span_id: bytes, parent_id: bytes, call: ToolCallOfSpan) -> None:
        """Keep that this span left as a TOOL, and that `parent_id` is right above it."""
        self._tools.keep(trace_id, span_id, call)
        self._above_tools.keep(trace_id, parent_id, call)

    def told_tool(self, trace_id: bytes, span_id: bytes, parent_id: bytes, call: ToolCallOfSpan) -> bool:
        """Whether a TOOL of the same call left already, right above or right below that span."""
        above, below = self._tools.get(trace_id, parent_id), self._above_tools.get(trace_id, span_id)
        return any(other is not None and call.may_be(other) for other in (above, below))
