"""What was redacted, in numbers: by rule and action, and by rule for each span. Never what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from collector.policy.model import Action

CONTENT = "content"
FIELD = "field"
BYTES = "bytes"
TOO_DEEP = "too-deep"
TOO_LARGE = "too-large"
TOO_MANY = "too-many"
SHORT_ITEMS = "short-items"
INLINE_DATA = "inline-data"
FORGED = "forged-report"
ERROR = "error"

SECRET_FIELD = "secret-field"
"""The rule for values whose key says that they are a secret, whatever they look like."""

OWN_WORDS = frozenset({CONTENT, FIELD, BYTES, TOO_DEEP, TOO_LARGE, TOO_MANY, SHORT_ITEMS, INLINE_DATA, FORGED, ERROR})
"""What placeholders name beside rules."""


class Tally:
    """Counts for one request; `at` is the number of the span at hand, or -1."""

    __slots__ = ("at", "by_span", "total")

    def __init__(self) -> None:
        self.total: Counter[tuple[str, str]] = Counter()
        self.by_span: dict[int, Counter[str]] = {}
        self.at = -1

    def add(self, rule: str, action: Action, times: int = 1) -> None:
        self.total[rule, action.word] += times
        if self.at >= 0:
            self.by_span.setdefault(self.at, Counter())[rule] += times

    def add_all(self, rules: Iterable[str], actions: Mapping[str, Action], span: int) -> None:
        """Count findings of the span numbered `span`."""
        self.at = span
        for rule in rules:
            self.add(rule, actions.get(rule, Action.PLACEHOLDER))

    def by_rule(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (rule, _), times in self.total.items():
            found[rule] += times
        return dict(found)
