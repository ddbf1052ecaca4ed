"""What was read of a session: one part, two, or all; how the page leads to the others, and what is known of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from collector.store.outline import OutlinedSpan
from collector.viewer.shown.addresses import Address
from collector.viewer.shown.figures import count, duration, money, percent, plural
from collector.viewer.shown.items import SummedUsage
from collector.viewer.shown.parts import MOST_AT_ONCE, MOST_BYTES, MOST_SPANS, Outline
from collector.viewer.shown.spans import ShownSpan
from collector.viewer.shown.turns import ShownTurn, turns_in, turns_of

_FEW = MOST_SPANS // 2
_LONG = MOST_SPANS // 2


@dataclass(frozen=True, slots=True)
class ShownPart:
    """A part with its turns; its number is 0 where nothing is left out."""

    number: int
    turns: list[ShownTurn]


@dataclass(frozen=True, slots=True)
class Pager:
    """The way to what a page leaves out, each empty where there is nothing: before it, after it, and all at once."""

    about: str
    earlier: str
    later: str
    newest: str
    whole: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Which parts of an outline a page shows: from `first` to `last`, or all for 0.

    `session` is the outline of all that there is, where `outline` holds only what a view is about.
    """

    outline: Outline
    session: Outline
    first: int = 0
    last: int = 0

    @classmethod
    def chosen(
        cls, session: Outline, part: int = 0, at: str = "", *, whole: bool = False, changes: bool = False
    ) -> Excerpt:
        """The part that was asked for by its number, or by a span or turn that stands in it.

        Otherwise the newest, with the one before it while it holds little. With `changes`, of what can have changed
        a file alone.
        """
        outline = session.of_changes() if changes and len(session.parts) > 1 else session
        parts = len(outline.parts)
        if parts <= 1 or (whole and may_be_whole(outline)):
            return cls(outline, session)
        if wanted := min(part, parts) or (outline.part_of(at) if at else 0):
            return cls(outline, session, wanted, wanted)
        held = sum(len(piece.spans) for piece in outline.parts[-1])
        return cls(outline, session, parts - 1 if held < _FEW else parts, parts)

    @property
    def numbers(self) -> Sequence[int]:
        return range(self.first, self.last + 1)

    @property
    def is_whole(self) -> bool:
        return self.last == 0

    @property
    def tells_all(self) -> bool:
        """Whether nothing of the session is left out."""
        return self.is_whole and self.outline is self.session

    @property
    def is_newest(self) -> bool:
        return self.last in (0, len(self.outline.parts))

    @property
    def is_long(self) -> bool:
        """Whether what is folded is left out of the page."""
        return (
            not self.is_whole
            and sum(len(piece.spans) for number in self.numbers for piece in self.outline.slices(number)) > _LONG
        )

    @property
    def wanted(self) -> list[OutlinedSpan]:
        """The spans to read."""
        return [span for number in self.numbers for span in self.outline.wanted(number)]

    @property
    def _of_changes(self) -> str:
        return "" if self.outline is self.session else "; only calls that can have changed a file"

    def pager(self, address: Address, view: str) -> Pager | None:
        """How to get to what is left out; None where nothing is."""
        parts = len(self.outline.parts)
        if parts <= 1:
            return None
        if self.is_whole:
            return Pager(f"all {plural(self.outline.spans, 'span')}", "", "", address.to(view=view), "")
        pieces = [piece for number in self.numbers for piece in self.outline.slices(number)]
        first, last = pieces[0], pieces[-1]
        turns = f"turn {first.turn.number}" if first.turn is last.turn else (
            f"turns {first.turn.number} to {last.turn.number}"
        )  # fmt: skip
        words = f"{turns} of {len(self.outline.turns):,}"
        if first.turn is last.turn and not (first.is_start and last.is_end):
            words += f", spans {first.first + 1:,} to {last.until:,} of {len(first.turn.spans):,}"
        return Pager(
            words + self._of_changes,
            address.to(view=view, part=self.first - 1) if self.first > 1 else "",
            address.to(view=view, part=self.last + 1) if self.last < parts else "",
            address.to(view=view) if self.last < parts else "",
            address.to(view=view, whole=1) if may_be_whole(self.outline) else "",
        )


def may_be_whole(outline: Outline) -> bool:
    """Whether a session that takes several parts is short enough to be shown at once."""
    size = sum(span.size for turn in outline.turns for span in turn.spans)
    return outline.spans <= MOST_AT_ONCE and size <= MOST_BYTES


def parts_shown(spans: list[ShownSpan], usual: float, excerpt: Excerpt | None) -> list[ShownPart]:
    """The parts that these spans were read for, with their turns."""
    if excerpt is None or excerpt.is_whole:
        return [ShownPart(0, turns_of(spans, usual))]
    costs = [turn.cost for turn in excerpt.outline.turns]
    return [
        ShownPart(number, turns_in(excerpt.outline.slices(number), spans, costs, usual)) for number in excerpt.numbers
    ]


SessionFigure = tuple[str, str, str, bool]
"""Its name, its value, what else is to be said, and whether that is bad."""


def facts_of(
    turns: list[ShownTurn], total: SummedUsage, masked: Counter[str], excerpt: Excerpt | None
) -> list[SessionFigure]:
    """The numbers of a session, as far as they are known without reading what the page leaves out."""
    is_whole = excerpt is None or excerpt.tells_all
    told = turns if excerpt is None or excerpt.tells_all else excerpt.session.turns
    if not told:  # the first turn has begun, and nothing can be counted yet
        return []
    failed = sum(turn.failed_tools for turn in told)
    facts = [
        ("Turns", f"{len(told):,}", "", False),
        ("Calls", f"{sum(turn.calls for turn in told):,}", "", False),
        ("Tools", f"{sum(turn.tools for turn in told):,}", f"{failed:,} failed" if failed else "", bool(failed)),
    ]
    if is_whole:
        tokens, cost = total.total, total.cost
    else:
        assert excerpt is not None
        tokens = sum(turn.tokens for turn in excerpt.session.turns)
        cost = sum(turn.cost for turn in excerpt.session.turns)
    if tokens:
        cached = f"{percent(total.cache_read, total.prompt)} cached" if is_whole else ""
        facts.append(("Tokens", count(tokens), cached, False))
    if cost:
        facts.append(("Cost", money(cost), "", False))
    worked = sum(turn.end_ns - turn.start_ns for turn in told)
    waited = sum(turn.waited_ns for turn in turns)
    waits = f"{duration(waited)} waiting for you" if waited and is_whole else ""
    facts.append(("Time", duration(worked), waits, False))
    if masked:
        rules = plural(len(masked), "rule") + ("" if is_whole else ", in this part")
        facts.append(("Masked", str(sum(masked.values())), rules, False))
    return facts
