"""Requests to models that were told with their tokens, remembered for a while: what comes later may tell them again."""

from __future__ import annotations

from threading import Lock

MOST = 20_000
"""Spans remembered, about 6 MB; the oldest are forgotten first."""


class CountedSpans:
    """LLM spans that left with token counts, what is right above and below them; safe to share between threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._counted: dict[bytes, None] = {}
        self._above: dict[bytes, None] = {}
        self._lock = Lock()

    def remember(self, trace_id: bytes, span_id: bytes) -> None:
        """Keep that this span left with its tokens, or is within one that did."""
        self._keep(self._counted, trace_id + span_id)

    def remember_above(self, trace_id: bytes, parent_id: bytes) -> None:
        """Keep that `parent_id`, which has not come yet, is above a span that left with its tokens."""
        if parent_id:
            self._keep(self._above, trace_id + parent_id)

    def _keep(self, kept: dict[bytes, None], key: bytes) -> None:
        with self._lock:
            kept[key] = None
            if len(kept) > self._most:
                del kept[next(iter(kept))]

    def has(self, trace_id: bytes, span_id: bytes) -> bool:
        """Whether that span left with its tokens, or is within one that did."""
        return trace_id + span_id in self._counted

    def is_above(self, trace_id: bytes, span_id: bytes) -> bool:
        """Whether that span is above one which left with its tokens in an earlier request."""
        return trace_id + span_id in self._above
