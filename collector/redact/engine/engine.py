"""Finding, choosing and replacing, apart: rules yield extents, the extents that hold are chosen, then text changes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from collector.redact.engine import views
from collector.redact.engine.compile import RuleError, compile_rule
from collector.redact.engine.extents import (
    Extent,
    Render,
    choose,
    outside,
    placeholder,
    replace,
    settle,
)
from collector.redact.engine.rule import ByteRange, Rule, Trigger
from collector.redact.engine.scan import Hit, Scanner, Storm, scanner
from collector.redact.placeholders import HEADS, HEADS_PATTERN, placeholder_ranges
from collector.redact.report import ERROR
from collector.redact.rules import DEFAULT_RULES

__all__ = [
    "DEFAULT_RULES",
    "Engine",
    "Extent",
    "Render",
    "Rule",
    "RuleError",
    "compile_rule",
    "placeholder",
    "replace",
]

_PLACEHOLDER = Trigger(HEADS_PATTERN, None, tuple(head.lower() for head in HEADS), once=True)
_END = b"\0"
_TOGETHER = 1 << 18
_ALONE = 1 << 15


class Engine:
    """Finds what its rules describe; may be shared between threads.

    Time is linear in the text. A text that cannot be handled is found as a whole, under `error`, never passed on.
    """

    def __init__(self, rules: Sequence[Rule] = DEFAULT_RULES, *, scanner_name: str = "", decode_depth: int = 3) -> None:
        self._rules = tuple(rules)
        self._depth = decode_depth
        owners = [(rule, trigger) for rule in self._rules for trigger in rule.triggers]
        self._owner = [(self._rules.index(rule), trigger.width) for rule, trigger in owners]
        self._escaped, self._masked = len(owners), len(owners) + 1
        triggers = [trigger for _, trigger in owners]
        self._scanner = scanner([*triggers, views.ESCAPED, _PLACEHOLDER], scanner_name)
        self._tokens = {rule.id for rule in self._rules if rule.token}
        self._marks = scanner([views.ESCAPED], scanner_name)
        self._encoded = scanner(views.ENCODED, scanner_name)

    @property
    def name(self) -> str:
        """What looks for the triggers: `hyperscan`, or `re` where there is no wheel of it (same findings, slower)."""
        return self._scanner.name

    def find(self, data: bytes) -> list[Extent]:
        """What the rules find in UTF-8 text: in order, none over another."""
        try:
            return self._stable(data, self._scanner.hits(_END + data + _END, _most(data)))
        except Exception:  # whatever went wrong, the value does not pass
            return [Extent(0, len(data), ERROR)] if data else []

    def find_all(self, texts: Sequence[str]) -> Iterable[tuple[int, bytes, list[Extent]]]:
        """The texts with findings, by index, in no order. Short texts are scanned together."""
        sizes = list(map(len, texts))
        short = list(range(len(texts)))
        if max(sizes, default=0) >= _ALONE:
            short = [index for index, size in enumerate(sizes) if size < _ALONE]
            for index, size in enumerate(sizes):
                if size >= _ALONE:
                    data = texts[index].encode("utf-8", "surrogatepass")
                    if extents := self.find(data):
                        yield index, data, extents
        ends = list(accumulate(sizes[index] for index in short))
        at = 0
        while at < len(short):
            most = (ends[at - 1] if at else 0) + _TOGETHER
            end = max(at + 1, bisect_right(ends, most))
            batch = short[at:end]
            yield from self._find_batch(batch, [texts[index] for index in batch])
            at = end

    def mask(self, texts: Sequence[str], findings: Counter[str]) -> dict[int, str]:
        """Return the texts that change, by their index, and count what was found by rule."""
        changed: dict[int, str] = {}
        for index, data, extents in self.find_all(texts):
            changed[index] = replace(data, extents).decode("utf-8", "replace")
            findings.update(extent.rule for extent in extents)
        return changed

    def _find_batch(self, indexes: Sequence[int], texts: Sequence[str]) -> Iterator[tuple[int, bytes, list[Extent]]]:
        text = "\0".join(("", *texts, ""))
        joined = text.encode("utf-8", "surrogatepass")
        sizes: Iterable[int] = map(len, texts)
        if len(joined) != len(text):
            sizes = (len(text.encode("utf-8", "surrogatepass")) for text in texts)
        starts = list(accumulate(sizes, lambda at, size: at + size + 1, initial=0))  # each at the zero byte before
        try:
            hits = self._scanner.hits(joined, _most(joined))
        except Exception:  # one of them is to blame: each by itself
            for index, text in zip(indexes, texts, strict=True):
                data = text.encode("utf-8", "surrogatepass")
                if extents := self.find(data):
                    yield index, data, extents
            return
        mine: defaultdict[int, list[Hit]] = defaultdict(list)
        marks: set[int] = set()
        for trigger, end in hits:
            if trigger >= self._escaped:
                marks.add(trigger)
            else:
                at = bisect_right(starts, end - 1) - 1
                mine[at].append((trigger, end - starts[at]))
        if self._escaped in marks:
            for at in _touched(self._marks, joined, starts):
                mine[at].append((self._escaped, 0))
        if self._masked in marks:
            for at in _holding(HEADS, joined, starts):
                mine[at].append((self._masked, 0))
        encoded = _touched(self._encoded, joined, starts)
        # Most texts hold nothing that any rule or decoded view would look at: they are not gone through one by one.
        for at in {*mine, *encoded}:
            data = joined[starts[at] + 1 : starts[at + 1]]
            try:
                extents = self._stable(data, mine[at], at in encoded) if len(mine[at]) <= _most(data) else _whole(data)
            except Exception:
                extents = _whole(data)
            if extents:
                yield indexes[at], data, extents

    def _stable(self, data: bytes, hits: list[Hit], encoded: bool = True) -> list[Extent]:
        """Find again in what masking would leave, until that finds nothing: a second pass changes nothing.

        `encoded` tells whether there may be encoded text at all.
        """
        extents = self._scan(data, hits, 0, encoded)
        for _ in range(4):
            if not extents:
                return extents
            left = replace(data, extents)
            again = self._scan(left, None, 0)
            if not again:
                return extents
            extents = _merge(data, extents, again)
        raise Storm

    def _scan(self, data: bytes, hits: list[Hit] | None, depth: int, encoded: bool = True) -> list[Extent]:
        if hits is None:
            hits = self._scanner.hits(_END + data + _END, _most(data))
        places: defaultdict[int, set[int]] = defaultdict(set)
        escaped = masked = False
        for trigger, end in hits:
            if trigger == self._escaped:
                escaped = True
                continue
            if trigger == self._masked:
                masked = True
                continue
            number, width = self._owner[trigger]
            place = end - 1 - (width or 0)
            if 0 <= place <= len(data):
                places[number].add(place)
        found: list[Extent] = []
        placeholders = placeholder_ranges(data) if masked else []
        covered: list[ByteRange] = []  # by tokens: no label can say more about them
        for number in sorted(places):
            rule = self._rules[number]
            wanted = sorted(places[number])
            if covered and not rule.token and rule.pattern is None:  # an organisation's own rule is no label
                wanted = [place for place in wanted if not _inside(covered, place)]
            for start, end in rule.find(data, wanted):
                if placeholders and not rule.token:
                    start, end = outside(placeholders, start, end)
                if start < end:
                    start, end = settle(data, start, end)
                    found.append(Extent(start, end, rule.id))
                    if rule.token:
                        insort(covered, (start, end))
        if depth < self._depth:
            found += self._in_views(data, escaped, placeholders, depth)
            if encoded:
                found += self._in_encoded(data, depth)
        return choose(found)

    def _in_views(self, data: bytes, escaped: bool, placeholders: list[ByteRange], depth: int) -> Iterator[Extent]:
        if escaped and (view := views.unescaped(data, self._marks.first)):
            for start, end, rule in self._scan(view.data, None, depth + 1):
                yield Extent(*settle(data, *view.raw(start, end)), rule)
        if placeholders and (view := views.without_placeholders(data, placeholders)):
            for start, end, rule in self._scan(view.data, None, self._depth):
                if rule in self._tokens and view.joins(start, end):
                    yield Extent(*settle(data, *view.raw(start, end)), rule)

    def _in_encoded(self, data: bytes, depth: int) -> Iterator[Extent]:
        text = memoryview(data)
        at = 0
        while (hit := self._encoded.first(text[at:])) >= 0:
            region = views.encoded(data, at + hit, at)
            inner = self._scan(region.data, None, depth + 1)
            if inner:
                yield Extent(*settle(data, region.start, region.end), inner[0].rule)
            at = max(region.end, at + hit)


def _inside(ranges: list[ByteRange], place: int) -> bool:
    at = bisect_left(ranges, (place, 0)) - 1
    return at >= 0 and ranges[at][0] < place < ranges[at][1]


def _touched(marks: Scanner, joined: bytes, starts: list[int]) -> set[int]:
    """Which of the texts that begin at `starts` in `joined` the scanner finds anything in."""
    found: set[int] = set()
    view = memoryview(joined)
    at = 0
    while (hit := marks.first(view[at:])) >= 0:
        number = bisect_right(starts, at + hit - 1) - 1
        found.add(number)
        at = starts[number + 1]
    return found


def _holding(words: Sequence[bytes], joined: bytes, starts: list[int]) -> Iterator[int]:
    """Which of the texts that begin at `starts` in `joined` hold any of `words`."""
    for word in words:
        at = joined.find(word)
        while at >= 0:
            number = bisect_right(starts, at) - 1
            yield number
            at = joined.find(word, starts[number + 1])


def _whole(data: bytes) -> list[Extent]:
    return [Extent(0, len(data), ERROR)]


def _most(data: bytes) -> int:
    """How many triggers a text may pull: honest text stays far below one in a thousand bytes."""
    return 2048 + len(data) // 64


def _merge(data: bytes, extents: list[Extent], again: list[Extent]) -> list[Extent]:
    """`again` was found in what replacing `extents` leaves: bring it back to the text itself."""
    pieces: list[tuple[int, int, int, int]] = []  # left start, left end, text start, text end
    at = shift = 0
    for extent in extents:
        new = len(replace(data, [extent])) - len(data) + extent.end - extent.start
        pieces.append((at + shift, extent.start + shift, at, extent.start))
        pieces.append((extent.start + shift, extent.start + shift + new, extent.start, extent.end))
        shift += new - (extent.end - extent.start)
        at = extent.end
    pieces.append((at + shift, len(data) + shift, at, len(data)))

    def back(place: int, end: bool) -> int:
        for left, left_end, start, stop in pieces:
            if (left < place <= left_end) if end else (left <= place < left_end):
                if left_end - left == stop - start:
                    return start + place - left
                return stop if end else start
        return len(data) if end else 0

    more = [Extent(back(start, False), back(end, True), rule) for start, end, rule in again]
    return choose([*extents, *more])
