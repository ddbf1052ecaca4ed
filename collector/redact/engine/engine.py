"""Finding, choosing and replacing, apart: rules yield extents, the extents that hold are chosen, then text changes."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from collector.redact.engine import views
from collector.redact.engine.compile import RuleError, compile_rule
from collector.redact.engine.encoded import ENCODED, EncodedScanner, cuts_encoded
from collector.redact.engine.extents import (
    Extent,
    Render,
    Strictness,
    brought_back,
    choose,
    placeholder,
    replace,
    settle,
)
from collector.redact.engine.hits_left import hits_left
from collector.redact.engine.quicker import is_apart, quicker
from collector.redact.engine.rule import ByteRange, Rule, Trigger
from collector.redact.engine.scan import Hit, Storm, scanner, touched
from collector.redact.engine.segments import Segments
from collector.redact.engine.views import Joins
from collector.redact.placeholders import HEADS, HEADS_PATTERN, placeholder_ranges
from collector.redact.report import ERROR, TOO_LARGE
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

_HEAD = Trigger(HEADS_PATTERN, None, tuple(head.lower() for head in HEADS))
_PLACEHOLDER = _HEAD._replace(once=True)
_TOGETHER = 1 << 18
_ALONE = 1 << 15
_PIECE = 4096
_LEAST_IN_PIECE = 64
"""A line of a settings file or a table has a few matches; what has one every eight bytes is no text anyone wrote.

Those of fixed width are not counted: the look at them is short, and base64 of zeros has one at every byte.
"""
_LONGEST_TRIGGER = 512
"""Of the packs; the triggers of an organisation's own rules are as long as the rules say."""
_MOST_LABELS = 48
_MOST_TOKENS = 256
_ROW = 48
_SHORT_ROW = 12
_CROWDED_BYTES = 2048
Hits = tuple[list[Hit], list[ByteRange]]
"""Where triggers match, and the ranges of the text that could not be read."""
_NOTHING: Hits = ([], [])
_GAP = re.compile(rb"[\s\"'`\x00]")
_WORD_END = re.compile(rb"[^\s\"'`\x00]*\Z")
_MOST_ROUNDS = 10
_PLAIN_ROUNDS = 3
_NEAR = 64
_DECODED_TIMES = 4
_DECODED_LEAST = 1 << 20


class Engine:
    """Finds what its rules describe; may be shared between threads.

    Time is linear in the text. What cannot be handled is found under `error`, never passed on. Where findings overlap
    the rule with the strictest action holds, by `strictness`.
    """

    def __init__(
        self,
        rules: Sequence[Rule] = DEFAULT_RULES,
        *,
        scanner_name: str = "",
        decode_depth: int = 3,
        strictness: Strictness | None = None,
    ) -> None:
        self._rules = tuple(rules)
        self._depth = decode_depth
        self._strictness = strictness or {}
        owners = [(rule, quicker(trigger, rule)) for rule in self._rules for trigger in rule.triggers]
        numbers = {id(rule): number for number, rule in enumerate(self._rules)}
        self._owner = [(numbers[id(rule)], trigger.width or 0) for rule, trigger in owners]
        self._escaped, self._joined, self._masked, self._coded = range(len(owners), len(owners) + 4)
        triggers = {number: trigger for number, (_, trigger) in enumerate(owners)}
        apart = {number: trigger for number, trigger in triggers.items() if is_apart(trigger)}
        marks = {self._escaped: views.ESCAPED, self._masked: _PLACEHOLDER, self._coded: ENCODED}
        self._scanner = scanner(
            {number: trigger for number, trigger in {**triggers, **marks}.items() if number not in apart}, scanner_name
        )
        self._apart = scanner({**apart, self._joined: views.JOINED}, scanner_name)
        self._widest = max(_LONGEST_TRIGGER, *(rule.reach for rule in self._rules), 0)
        self._tokens = {rule.id for rule in self._rules if rule.token}
        self._heads = scanner([_HEAD], scanner_name)
        self._encoded = EncodedScanner(scanner_name)

    @property
    def name(self) -> str:
        """What looks for the triggers: `hyperscan`, or `re` where there is no wheel of it (same findings, slower)."""
        return self._scanner.name

    def find(self, data: bytes) -> list[Extent]:
        """What the rules find in UTF-8 text: in order, none over another."""
        return self._find(data, DecodeBudget.of(len(data)))

    def find_all(self, texts: Sequence[str]) -> Iterable[tuple[int, bytes, list[Extent]]]:
        """The texts with findings, by index, in no order. Short texts are scanned together."""
        sizes = list(map(len, texts))
        budget = DecodeBudget.of(sum(sizes))
        short = list(range(len(texts)))
        if max(sizes, default=0) >= _ALONE:
            short = [index for index, size in enumerate(sizes) if size < _ALONE]
            for index, size in enumerate(sizes):
                if size >= _ALONE:
                    data = texts[index].encode("utf-8", "surrogatepass")
                    if extents := self._find(data, budget):
                        yield index, data, extents
        ends = list(accumulate(sizes[index] for index in short))
        at = 0
        while at < len(short):
            most = (ends[at - 1] if at else 0) + _TOGETHER
            end = max(at + 1, bisect_right(ends, most))
            batch = short[at:end]
            yield from self._find_batch(batch, [texts[index] for index in batch], budget)
            at = end

    def _find(self, data: bytes, budget: DecodeBudget) -> list[Extent]:
        try:
            return self._stable(data, None, budget)
        except Exception:  # whatever went wrong, the value does not pass
            return _whole(data)

    def _find_batch(
        self, indexes: Sequence[int], texts: Sequence[str], budget: DecodeBudget
    ) -> Iterator[tuple[int, bytes, list[Extent]]]:
        text = "\0".join(("", *texts, ""))
        joined = text.encode("utf-8", "surrogatepass")
        sizes: Iterable[int] = map(len, texts)
        if len(joined) != len(text):
            sizes = (len(text.encode("utf-8", "surrogatepass")) for text in texts)
        starts = list(accumulate(sizes, lambda at, size: at + size + 1, initial=0))  # each at the zero byte before
        try:
            hits = self._read(joined, _most(joined))
        except Exception:  # one of them is to blame: each by itself
            for index, text in zip(indexes, texts, strict=True):
                data = text.encode("utf-8", "surrogatepass")
                if extents := self._find(data, budget):
                    yield index, data, extents
            return
        mine: defaultdict[int, list[Hit]] = defaultdict(list)
        escapes: defaultdict[int, list[Hit]] = defaultdict(list)
        marks: set[int] = set()
        for trigger, end in hits:
            if trigger >= self._masked:
                marks.add(trigger)
            else:
                at = bisect_right(starts, end - 1) - 1
                (mine if trigger < self._escaped else escapes)[at].append((trigger, end - starts[at]))
        if self._masked in marks:
            for at in touched(self._heads, joined, starts):
                mine[at].append((self._masked, 0))
        encoded = self._encoded.touched(joined, starts, self._coded in marks)
        # Most texts hold nothing that any rule or decoded view would look at: they are not gone through one by one.
        for at in {*mine, *escapes, *encoded}:
            data = joined[starts[at] + 1 : starts[at + 1]]
            try:
                if self._coded in marks:
                    mine[at].append((self._coded, 0))
                hits_here: Hits | None = (mine[at] + escapes[at], []) if len(mine[at]) <= _most(data) else None
                extents = self._stable(data, hits_here, budget, at in encoded)
            except Exception:
                extents = _whole(data)
            if extents:
                yield indexes[at], data, extents

    def _stable(
        self,
        data: bytes,
        hits: Hits | None,
        budget: DecodeBudget,
        encoded: bool = True,
    ) -> list[Extent]:
        """Find again in what masking would leave, until that finds nothing: a second pass changes nothing.

        Each round covers more of the text, and the later ones what lies between findings too, so there are few.
        `encoded` tells whether there may be encoded text at all.
        """
        hits = hits or self._hits(data)
        if hits == _NOTHING and not (encoded and self._encoded.touches(data)):
            return []  # as in most texts
        extents = self._scan(data, hits, budget, 0, Joins.ANY if encoded else Joins.NONE)
        for number in range(_MOST_ROUNDS):
            if not extents:
                return extents
            left = replace(data, extents)
            again = self._scan(
                left,
                self._hits_left(data, hits, extents, left),
                DecodeBudget.of(len(left)),
                0,
                Joins.ANY if encoded and cuts_encoded(data, extents) else Joins.NONE,
            )
            if not again:
                return extents
            more = brought_back(data, extents, again)
            extents = choose([*extents, *_widened(data, extents, more, number)], self._strictness)
        raise Storm

    def _scan(
        self,
        data: bytes,
        hits: Hits | None,
        budget: DecodeBudget,
        depth: int,
        encoded: Joins = Joins.ANY,
    ) -> list[Extent]:
        matches, lost = hits or self._hits(data)
        found = [Extent(start, end, ERROR) for start, end in lost]
        places: defaultdict[int, set[int]] = defaultdict(set)
        marks: set[int] = set()
        escapes: views.Marks = ([], [])
        for trigger, end in matches:
            if trigger >= self._masked:
                marks.add(trigger)
            elif trigger >= self._escaped:
                escapes[trigger - self._escaped].append(end)
            else:
                number, width = self._owner[trigger]
                place = end - 1 - width  # -1 where the match begins with the zero byte before the text
                if place <= len(data):
                    places[number].add(max(place, 0))
        placeholders = self._placeholders(data) if self._masked in marks else []
        segments = Segments(data, placeholders) if placeholders else None
        covered: list[ByteRange] = []  # by tokens: no label can say more about them
        for number in sorted(places):
            rule = self._rules[number]
            wanted = sorted(places[number])
            most = _MOST_TOKENS if rule.token else _MOST_LABELS
            if len(wanted) > most:
                wanted, crowds = _uncrowded(data, wanted, most)
                found += [Extent(*settle(data, start, end), ERROR) for start, end in crowds]
            if covered and not rule.token and rule.pattern is None:  # an organisation's own rule is no label
                wanted = [place for place in wanted if not _inside(covered, place)]
            ranges = rule.find(data, wanted) if rule.token or segments is None else segments.find(rule, wanted)
            for start, end in ranges:
                start, end = settle(data, start, end)
                found.append(Extent(start, end, rule.id))
                if rule.token:
                    insort(covered, (start, end))
        if depth < self._depth:
            regions: list[ByteRange] = []
            marked = self._coded in marks
            if (encoded is not Joins.NONE and marked) or (encoded is Joins.ANY and self._encoded.touches(data)):
                found += self._in_encoded(data, budget, depth, marked, regions)
            if any(escapes):
                found += self._in_unescaped(data, escapes, regions, budget, depth)
            found += self._across_placeholders(data, placeholders, budget)
        return choose(found, self._strictness)

    def _placeholders(self, data: bytes) -> list[ByteRange]:
        return placeholder_ranges(data, [end for _, end in self._heads.hits(data, len(data))])

    def _hits_left(self, data: bytes, hits: Hits, extents: list[Extent], left: bytes) -> Hits | None:
        """Where triggers match in what masking leaves, where that is sooner known than by reading all of it."""
        matches, lost = hits
        if lost:
            return None
        once = [hit for hit in matches if hit[0] >= self._masked]  # elsewhere, too, they may match
        others = [hit for hit in matches if hit[0] < self._masked] if once else matches
        most = _most(left)
        found = hits_left(lambda part: self._read(part, most), data, others, extents, left, self._widest)
        if found is None or sum(trigger < self._escaped for trigger, _ in found) > most:
            return None
        return found + once, []

    def _read(self, text: bytes, most: int) -> list[Hit]:
        """Where triggers match in a text between zero bytes."""
        return self._scanner.hits(text, most, self._escaped) + self._apart.hits(text, most, self._escaped)

    def _hits(self, data: bytes) -> Hits:
        """Where triggers match, and what could not be read: a text with very many matches is read in pieces."""
        try:
            return self._read(b"\0%b\0" % data, _most(data)), []
        except Storm:
            pass
        hits: list[Hit] = []
        lost: list[ByteRange] = []
        for start in range(0, len(data), _PIECE):
            end = min(start + _PIECE, len(data))
            low, high = max(0, start - self._widest), min(end + 1, len(data))
            most = max(_LEAST_IN_PIECE, (high - low) // 8)
            try:
                found = self._read(b"\0%b\0" % data[low:high], 2 * (high - low))
                if sum(not self._owner[trigger][1] for trigger, _ in found if trigger < self._escaped) > most:
                    raise Storm
            except Storm:
                if lost and lost[-1][1] == start:
                    start = lost.pop()[0]
                lost.append((start, end))
                continue
            hits += [(trigger, stop + low) for trigger, stop in found if start < stop + low <= end + 1]
        return hits, lost

    def _in_unescaped(
        self, data: bytes, marks: views.Marks, encoded: list[ByteRange], budget: DecodeBudget, depth: int
    ) -> Iterator[Extent]:
        if view := views.unescaped(data, marks, encoded):
            for start, end, rule in self._scan(view.data, None, budget, depth + 1, view.joins_encoded):
                yield Extent(*settle(data, *view.raw(start, end)), rule)

    def _across_placeholders(
        self, data: bytes, placeholders: list[ByteRange], budget: DecodeBudget
    ) -> Iterator[Extent]:
        if placeholders and (view := views.without_placeholders(data, placeholders)):
            for start, end, rule in self._scan(view.data, None, budget, self._depth):
                if view.joins(start, end) or (rule not in self._tokens and view.joins(start - 1, end)):
                    yield Extent(*settle(data, *view.raw(start, end)), rule)

    def _in_encoded(
        self, data: bytes, budget: DecodeBudget, depth: int, marked: bool, regions: list[ByteRange]
    ) -> Iterator[Extent]:
        """What encoded text says; where it stands is put in `regions`."""
        for region in self._encoded.regions(data, lambda: budget.left, marked):
            regions.append((region.start, region.end))
            if not budget.take(len(region.data)):
                yield Extent(*settle(data, region.start, region.end), TOO_LARGE)
            elif inner := self._scan(region.data, None, budget, depth + 1):
                yield Extent(*settle(data, region.start, region.end), inner[0].rule)


class DecodeBudget:
    """How many decoded bytes may still be looked at: text can say more than its size, and nested text much more."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    @classmethod
    def of(cls, size: int) -> DecodeBudget:
        """The budget of a text, or of all texts of a request, of `size` bytes."""
        return cls(_DECODED_TIMES * size + _DECODED_LEAST)

    def take(self, size: int) -> bool:
        """Whether `size` bytes more may be looked at."""
        self.left -= size
        return self.left >= 0


def _uncrowded(data: bytes, places: list[int], most: int) -> tuple[list[int], list[ByteRange]]:
    """The places without those of which more than `most` crowd in one unbroken word, and where such words stand.

    A look reads to the end of the word: many in one take time that grows with its square, and nobody writes such words.
    In a row of one character, such as base64 of zeros, there is nothing to find but at its start.
    """
    places = [at for at in places if not _in_row(data, at)]
    kept: list[int] = []
    crowds: list[ByteRange] = []
    at = 0
    while at < len(places):
        last = at + most
        if last >= len(places) or places[last] - places[at] > _CROWDED_BYTES:
            kept.append(places[at])
            at += 1
        elif gap := _GAP.search(data, places[at], places[last]):
            until = bisect_left(places, gap.end())
            kept += places[at:until]
            at = max(until, at + 1)
        else:
            gap = _GAP.search(data, places[last])
            end = gap.start() if gap else len(data)
            before = data[max(0, places[at] - _CROWDED_BYTES) : places[at]]
            crowds.append((places[at] - len(_WORD_END.search(before)[0]), end))  # type: ignore[index]
            at = bisect_left(places, end)
    return kept, crowds


def _in_row(data: bytes, at: int) -> bool:
    same = data[at : at + 1]
    return data[at : at + _ROW] == same * _ROW or (at > 0 and data[at - 1 : at + _SHORT_ROW] == same * (_SHORT_ROW + 1))


def _inside(ranges: list[ByteRange], place: int) -> bool:
    at = bisect_left(ranges, (place, 0)) - 1
    return at >= 0 and ranges[at][0] < place < ranges[at][1]


def _whole(data: bytes) -> list[Extent]:
    return [Extent(0, len(data), ERROR)] if data else []


def _most(data: bytes) -> int:
    """How many matches of triggers a text may have at once: most text stays far below one in a thousand bytes."""
    return 2048 + len(data) // 64


def _widened(data: bytes, extents: list[Extent], more: Iterable[Extent], number: int) -> Iterator[Extent]:
    """What round `number` adds: `more`, from the fourth on with what lies between it and the findings near it."""
    starts = [extent.start for extent in extents]
    for start, end, rule in more:
        if number >= _PLAIN_ROUNDS:
            reach = _NEAR << (number - _PLAIN_ROUNDS)
            before = bisect_right(starts, start) - 1
            after = bisect_right(starts, end)
            if before >= 0 and start - extents[before].end <= reach:
                start = min(start, extents[before].end - 1)
            if after < len(extents) and extents[after].start - end <= reach:
                end = max(end, extents[after].start + 1)
        yield Extent(*settle(data, start, end), rule)
