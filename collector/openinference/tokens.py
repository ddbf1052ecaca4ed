"""Token counts, and the one writer of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from operator import attrgetter
from typing import TypeAlias

from openinference.semconv.trace import SpanAttributes

from collector.openinference.messages import Put

Count: TypeAlias = int | float | None


@dataclass(slots=True)
class TokenCounts:
    """What a request cost in tokens; None where nobody said.

    As OpenInference counts, `prompt` includes what the cache gave and took, and `completion` the reasoning.
    """

    prompt: Count = None
    completion: Count = None
    total: Count = None
    cache_read: Count = None
    cache_write: Count = None
    reasoning: Count = None
    prompt_audio: Count = None
    completion_audio: Count = None

    def take(self, name: str, count: Count) -> None:
        """Set the count `name` unless it is set already; what is below zero, or no number, says nothing."""
        if count is not None and count >= 0 and isfinite(count) and getattr(self, name) is None:
            setattr(self, name, count)

    def fill(self, other: TokenCounts) -> None:
        """Take the counts of `other` that are not set yet."""
        for name in KEYS:
            self.take(name, getattr(other, name))

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in KEYS)

    def complete(self) -> None:
        """Work out the total of two counts, or the completion of the total and the prompt."""
        if self.total is None:
            if self.prompt is not None and self.completion is not None:
                self.total = self.prompt + self.completion
        elif self.completion is None and self.prompt is not None and self.total >= self.prompt:
            self.completion = self.total - self.prompt


KEYS = {
    "prompt": SpanAttributes.LLM_TOKEN_COUNT_PROMPT,
    "completion": SpanAttributes.LLM_TOKEN_COUNT_COMPLETION,
    "total": SpanAttributes.LLM_TOKEN_COUNT_TOTAL,
    "cache_read": SpanAttributes.LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_READ,
    "cache_write": SpanAttributes.LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_WRITE,
    "reasoning": SpanAttributes.LLM_TOKEN_COUNT_COMPLETION_DETAILS_REASONING,
    "prompt_audio": SpanAttributes.LLM_TOKEN_COUNT_PROMPT_DETAILS_AUDIO,
    "completion_audio": SpanAttributes.LLM_TOKEN_COUNT_COMPLETION_DETAILS_AUDIO,
}
"""Under which key each count is written."""
_ALL = attrgetter(*KEYS)


def write_tokens(put: Put, counts: TokenCounts) -> None:
    """Write the counts that are known, and a total or completion that follows from the others.

    A count below zero, or one that is no number, is some sender's way of saying that it does not know.
    """
    for name, count in zip(KEYS, _ALL(counts), strict=True):
        if count is not None and not 0 <= count < inf:
            setattr(counts, name, None)
    counts.complete()
    for key, count in zip(KEYS.values(), _ALL(counts), strict=True):
        if count is not None:
            put(key, count)
