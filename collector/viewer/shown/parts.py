"""A session in parts: its turns as the lists tell them, and which of their spans are read and shown together.

What a page or an answer reads does not grow with the session: the outline of a session is a few bytes a span, and the
content is read of one part alone. A part is as many whole turns as fit; a turn that is too long for one is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from collector.store.outline import OutlinedSpan
from collector.viewer.shown.roots import grouped_by_turn

MOST_SPANS = 150
MOST_BYTES = 8 * 1024 * 1024
"""A part holds at most so many spans, which take about so many bytes; a span that is larger is a part by itself."""
MOST_AT_ONCE = 1000
"""A session of up to so many spans can be shown as a whole where that is asked for."""

MOST_CHANGES = 100
"""A part of what changed holds at most so many tool calls: their diffs are long."""

_SPENDS = ("LLM", "EMBEDDING", "RERANKER")
_ONLY_READS = frozenset(
    {"bash", "read", "grep", "glob", "list", "ls", "webfetch", "websearch", "task", "todowrite", "todoread", "skill"}
)
"""Tools whose calls name no change of a file."""


@dataclass(slots=True)
class OutlinedTurn:
    """A turn by its number from 1, without its content; `spans` are oldest first, the root's own among them."""

    number: int
    root: OutlinedSpan | None
    spans: list[OutlinedSpan]
    tokens: int = 0
    cost: float = 0.0
    calls: int = 0
    tools: int = 0
    failed_tools: int = 0

    def __post_init__(self) -> None:
        for span in self.spans:
            if span.kind in _SPENDS:
                self.tokens += span.tokens
                self.cost += span.cost
                self.calls += span.kind == "LLM"
            elif span.kind == "TOOL":
                self.tools += 1
                self.failed_tools += span.failed

    @property
    def start_ns(self) -> int:
        return self.spans[0].start_ns

    @property
    def end_ns(self) -> int:
        return max(span.end_ns for span in self.spans)


@dataclass(frozen=True, slots=True)
class TurnSlice:
    """The spans of a turn that stand in one part: from `first` (counted from 0) to before `until`."""

    turn: OutlinedTurn
    first: int
    until: int

    @property
    def spans(self) -> Sequence[OutlinedSpan]:
        return self.turn.spans[self.first : self.until]

    @property
    def is_whole(self) -> bool:
        return self.is_start and self.is_end

    @property
    def is_start(self) -> bool:
        return self.first == 0

    @property
    def is_end(self) -> bool:
        return self.until == len(self.turn.spans)


@dataclass(slots=True)
class Outline:
    """A session or trace without its content, and the parts it is read in; parts are numbered from 1."""

    turns: list[OutlinedTurn]
    parts: list[list[TurnSlice]] = field(default_factory=list)

    @classmethod
    def of(cls, spans: Iterable[OutlinedSpan], most_spans: int = MOST_SPANS, most_bytes: int = MOST_BYTES) -> Outline:
        found = {(span.trace_id, span.span_id): span for span in spans}
        turns = [OutlinedTurn(number, *group) for number, group in enumerate(grouped_by_turn(found.values()), 1)]
        return cls(turns, _parts(turns, most_spans, most_bytes))

    def recut(self, most_spans: int, most_bytes: int) -> Outline:
        """The same in larger or smaller parts."""
        return Outline(self.turns, _parts(self.turns, most_spans, most_bytes))

    def of_changes(self) -> Outline:
        """Of all this, the tool calls that can have changed a file."""
        changing = [(turn, [span for span in turn.spans if _can_change(span)]) for turn in self.turns]
        turns = [OutlinedTurn(turn.number, turn.root, spans) for turn, spans in changing if spans]
        return Outline(turns, _parts(turns, MOST_CHANGES, MOST_BYTES))

    @property
    def spans(self) -> int:
        return sum(len(turn.spans) for turn in self.turns)

    def part_of(self, name: str) -> int:
        """The part in which a span stands by its id, or a turn as `t5` begins; 0 where there is none."""
        for number, part in enumerate(self.parts, 1):
            for piece in part:
                if (piece.is_start and name == f"t{piece.turn.number}") or any(
                    span.span_id == name for span in piece.spans
                ):
                    return number
        return 0

    def slices(self, part: int) -> list[TurnSlice]:
        """What stands in a part; 0 stands for all of it."""
        return self.parts[part - 1] if part else [TurnSlice(turn, 0, len(turn.spans)) for turn in self.turns]

    def wanted(self, part: int) -> list[OutlinedSpan]:
        """The spans to read for a part: its own, and the roots of turns that began before it."""
        found: list[OutlinedSpan] = []
        for piece in self.slices(part):
            found += piece.spans
            if not piece.is_start and piece.turn.root is not None and piece.turn.root not in piece.spans:
                found.append(piece.turn.root)
        return found


def _can_change(span: OutlinedSpan) -> bool:
    return span.kind == "TOOL" and not span.failed and span.tool.lower() not in _ONLY_READS


def _parts(turns: Sequence[OutlinedTurn], most_spans: int, most_bytes: int) -> list[list[TurnSlice]]:
    parts: list[list[TurnSlice]] = []
    count = size = 0
    for turn in turns:
        for first, until in _cuts(turn.spans, most_spans, most_bytes):
            bytes_of = sum(span.size for span in turn.spans[first:until])
            if not parts or count + until - first > most_spans or size + bytes_of > most_bytes:
                parts.append([])
                count = size = 0
            parts[-1].append(TurnSlice(turn, first, until))
            count, size = count + until - first, size + bytes_of
    return parts


def _cuts(spans: Sequence[OutlinedSpan], most_spans: int, most_bytes: int) -> list[tuple[int, int]]:
    """Where a turn is cut: nowhere where it fits into a part."""
    cuts: list[tuple[int, int]] = []
    first = size = 0
    for at, span in enumerate(spans):
        if at > first and (at - first >= most_spans or size + span.size > most_bytes):
            cuts.append((first, at))
            first, size = at, 0
        size += span.size
    return [*cuts, (first, len(spans))]
