"""Facts of one kind, found by time (pure)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import Any

from collector.assemble.facts import Fact

_NO_FACTS: list[Any] = []
_NO_KEYS: set[str] = set()
"""Stand for those of a kind of which a session has none, as of most; never written to."""


class Timeline:
    """Facts of one kind by time, each once."""

    __slots__ = ("_keys", "facts")

    def __init__(self) -> None:
        self.facts = _NO_FACTS
        self._keys = _NO_KEYS

    def add(self, fact: Fact) -> bool:
        """Take `fact` in; whether its key was new."""
        if fact.key in self._keys:
            return False
        if not self._keys:
            self.facts, self._keys = [], set()
        self._keys.add(fact.key)
        if not self.facts or self.facts[-1].at < fact.at:  # mostly
            self.facts.append(fact)
        else:
            insort(self.facts, fact, key=_when)
        return True

    def put(self, fact: Fact) -> bool:
        """Take `fact` in, in the place of one with its key and time; whether that says anything else."""
        if self.add(fact):
            return True
        index = bisect_left(self.facts, _when(fact), key=_when)
        if index == len(self.facts) or _when(self.facts[index]) != _when(fact) or self.facts[index] == fact:
            return False
        self.facts[index] = fact
        return True

    def last(self, until: int, since: int = 0) -> Any:
        """The last fact at or before `until`, not before `since`; None when there is none."""
        facts = self.facts
        index = len(facts) if not facts or facts[-1].at <= until else bisect_right(facts, until, key=_at)
        return facts[index - 1] if index and facts[index - 1].at >= since else None

    def between(self, since: int, until: int) -> list[Any]:
        """Those at or after `since`, before `until`."""
        facts = self.facts
        if not facts or facts[-1].at < since:
            return []
        first = 0 if facts[0].at >= since else bisect_left(facts, since, key=_at)
        return facts[first:] if facts[-1].at < until else facts[first : bisect_left(facts, until, key=_at)]

    def forget(self, before: int) -> None:
        """Let go of the facts before `before`, but the last of them."""
        index = bisect_right(self.facts, before - 1, key=_at) - 1  # the last one may still hold
        if index <= 0:
            return
        for fact in self.facts[:index]:
            self._keys.discard(fact.key)
        del self.facts[:index]


def _at(fact: Fact) -> int:
    return fact.at


def _when(fact: Fact) -> tuple[int, str]:
    return fact.at, fact.key
