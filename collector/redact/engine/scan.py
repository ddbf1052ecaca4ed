"""Where the triggers of all rules match: by Hyperscan where it is installed, by `re` where it is not.

Both give the same places; only the time differs. Text comes between two zero bytes, which no trigger crosses.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from collector.redact.engine.rule import Trigger

hyperscan: Any
try:
    import hyperscan
except ImportError:  # no wheel for this platform
    hyperscan = None

Hit = tuple[int, int]
"""The number of a trigger, and where a match of the trigger ends."""
_NONE = 1 << 62


class Storm(Exception):
    """More matches than any honest text has."""


class Scanner(Protocol):
    """Finds every place where a trigger matches; safe to share between threads."""

    @property
    def name(self) -> str: ...

    def hits(self, text: bytes, most: int, uncounted: int = _NONE) -> list[Hit]:
        """In no order, each once; raises `Storm` when there are more than `most` of triggers below `uncounted`."""
        ...

    def first(self, text: memoryview) -> int:
        """Where the first match of any trigger ends, or -1."""
        ...


class HyperscanScanner:
    """All triggers in one pass. Hyperscan allows one scratch to one thread at a time: each thread has its own."""

    name = "hyperscan"

    def __init__(self, triggers: Mapping[int, Trigger]) -> None:
        self._blob = _compiled(tuple((number, trigger.source, trigger.once) for number, trigger in triggers.items()))
        self._own = threading.local()

    def _database(self) -> Any:
        try:
            return self._own.database
        except AttributeError:
            database = hyperscan.loadb(self._blob, hyperscan.HS_MODE_BLOCK)
            database.scratch = hyperscan.Scratch(database)
            self._own.database = database
            return database

    def hits(self, text: bytes, most: int, uncounted: int = _NONE) -> list[Hit]:
        found: list[Hit] = []
        others: list[Hit] = []

        def on_match(trigger: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            if trigger >= uncounted:
                others.append((trigger, end))
                return None
            found.append((trigger, end))
            return len(found) > most or None

        try:
            self._database().scan(text, match_event_handler=on_match)
        except hyperscan.ScanTerminated:
            raise Storm from None
        return found + others

    def first(self, text: memoryview) -> int:
        ends: list[int] = []

        def on_match(_trigger: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            ends.append(end)
            return True

        try:
            self._database().scan(text, match_event_handler=on_match)
        except hyperscan.ScanTerminated:
            return ends[0]
        return -1


@lru_cache(maxsize=32)
def _compiled(sources: tuple[tuple[int, str, bool], ...]) -> bytes:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[source.encode() for _, source, _ in sources],
        ids=[number for number, _, _ in sources],
        flags=[hyperscan.HS_FLAG_SINGLEMATCH if once else 0 for _, _, once in sources],
    )
    blob: bytes = hyperscan.dumpb(database)
    return blob


_BORDER = re.compile(rb"\b")


class ReScanner:
    """The same places by `re`: one search for each trigger whose literal is in the text."""

    name = "re"

    def __init__(self, triggers: Mapping[int, Trigger]) -> None:
        self._triggers = [
            (
                number,
                re.compile(trigger.source.encode()),
                trigger.literals,
                trigger.once,
                trigger.source.endswith(r"\b"),
            )
            for number, trigger in triggers.items()
        ]

    def hits(self, text: bytes, most: int, uncounted: int = _NONE) -> list[Hit]:
        found: list[Hit] = []
        counted = 0
        lowered = text.lower()
        for number, pattern, literals, once, at_border in self._triggers:
            if literals and not any(literal in lowered for literal in literals):
                continue
            if once:
                if hit := pattern.search(text):
                    found.append((number, hit.end()))
            else:
                ends: set[int] = set()
                at = 0
                while hit := pattern.search(text, at):
                    at = hit.start() + 1
                    ends.add(hit.end())
                    # Hyperscan tells every end, `re` the greedy one: the shorter ones are asked for. Where the text is
                    # cut for that, it seems to have a border of a word.
                    while hit := pattern.match(text, at - 1, hit.end() - 1):
                        if not at_border or _BORDER.match(text, hit.end()):
                            ends.add(hit.end())
                    if number < uncounted and counted + len(ends) > most:
                        raise Storm
                found += [(number, end) for end in ends]
                counted += len(ends) * (number < uncounted)
        return found

    def first(self, text: memoryview) -> int:
        ends = [match.end() for _, pattern, *_ in self._triggers if (match := pattern.search(text))]
        return min(ends, default=-1)


def scanner(triggers: Sequence[Trigger] | Mapping[int, Trigger], name: str = "") -> Scanner:
    """The fastest scanner there is here, or the one called `name`; a trigger's number is its key or its place."""
    if not isinstance(triggers, Mapping):
        triggers = dict(enumerate(triggers))
    if name == "re" or (not name and hyperscan is None):
        return ReScanner(triggers)
    return HyperscanScanner(triggers)


class Gated:
    """A scanner that is asked only behind the first match of another, quicker one.

    Every match of `scanner` must hold a match of `gate`, which is `width` bytes wide.
    """

    def __init__(self, gate: Scanner, width: int, scanner: Scanner) -> None:
        self._gate = gate
        self._width = width
        self._scanner = scanner

    def first(self, text: memoryview) -> int:
        """Where the first match of `scanner` ends, or -1."""
        passed = self._gate.first(text)
        if passed < 0:
            return -1
        hit = self._scanner.first(text[passed - self._width :])
        return hit if hit < 0 else hit + passed - self._width


class First(Protocol):
    """What knows where the first match in a text ends, or -1."""

    def first(self, text: memoryview) -> int: ...


class Ahead:
    """The first match of several scanners from a place on; none reads again what it has read ahead.

    No match is wider than `widest`.
    """

    def __init__(self, text: memoryview, scanners: Sequence[First], widest: int) -> None:
        self._text = text
        self._scanners = scanners
        self._widest = widest
        self._ends = [-1] * len(scanners)

    def first_end(self, at: int) -> int:
        """Where the first match behind `at` ends, or -1; places are asked for in ascending order."""
        for number, scanner in enumerate(self._scanners):
            if self._ends[number] < at + self._widest:
                hit = scanner.first(self._text[at:])
                self._ends[number] = at + hit if hit >= 0 else _NONE
        nearest = min(self._ends)
        return -1 if nearest == _NONE else nearest


def touched(marks: First, joined: bytes, starts: Sequence[int]) -> set[int]:
    """Which of the texts that begin at `starts` in `joined` the scanner finds anything in."""
    found: set[int] = set()
    view = memoryview(joined)
    at = 0
    while (hit := marks.first(view[at:])) >= 0:
        number = bisect_right(starts, at + hit - 1) - 1
        found.add(number)
        at = starts[number + 1]
    return found
