"""A session as turns, and a turn as what happened in it: prompt, reasoning, answers, calls, tools, waits.

A turn is a span without a kept parent, with all that stands below it. What is still under way has no root yet:
its spans are a turn of their own until the root arrives.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from collector.viewer.shown.flow import flow, root_notes
from collector.viewer.shown.items import SummedUsage, TurnItem, is_side_call, usage_of
from collector.viewer.shown.parts import TurnSlice
from collector.viewer.shown.roots import grouped_by_turn, parents_of
from collector.viewer.shown.spans import ShownSpan

OUTLIER = 3.0
"""A turn is an outlier from this many times the median on, of its session (of at least three turns) or its project."""


class TurnSums(NamedTuple):
    """What a turn took and spent."""

    start_ns: int
    end_ns: int
    calls: int
    tools: int
    failed_tools: int
    tokens: int
    cost: float


@dataclass(slots=True)
class ShownTurn:
    """A turn: its root where it has arrived, its spans in order, and what happened.

    Of one that is too long for a part, the `piece` that stands in it: sums and times are of that piece.
    """

    number: int
    root: ShownSpan | None
    spans: list[ShownSpan]
    prompt: str = ""
    attachments: tuple[str, ...] = ()
    items: list[TurnItem] = field(default_factory=list)
    usage: SummedUsage = field(default_factory=SummedUsage)
    calls: int = 0
    tools: int = 0
    failed_tools: int = 0
    waited_ns: int = 0
    outlier: float = 0.0
    outlier_of: str = ""
    piece: TurnSlice | None = None

    @property
    def trace_id(self) -> str:
        return self.spans[0].trace_id

    @property
    def id(self) -> str:
        """Of a piece that does not begin the turn, with the number of its first span."""
        if self.piece is None or self.piece.is_start:
            return f"t{self.number}"
        return f"t{self.number}-{self.piece.first + 1}"

    @property
    def sums(self) -> TurnSums:
        """What is known of the whole turn, also where this is a piece of it."""
        if self.piece is not None:
            turn = self.piece.turn
            return TurnSums(
                turn.start_ns, turn.end_ns, turn.calls, turn.tools, turn.failed_tools, turn.tokens, turn.cost
            )
        used = self.usage
        return TurnSums(self.start_ns, self.end_ns, self.calls, self.tools, self.failed_tools, used.total, used.cost)

    @property
    def start_ns(self) -> int:
        return min(span.start_ns for span in self.spans)

    @property
    def end_ns(self) -> int:
        return max(span.end_ns for span in self.spans)

    @property
    def failed(self) -> bool:
        return self.root is not None and self.root.failed

    @property
    def incomplete(self) -> bool:
        return self.root is not None and bool(self.root.attributes.get("opencode.incomplete"))


def turns_of(spans: Iterable[ShownSpan], usual: float = 0.0) -> list[ShownTurn]:
    """The turns that these spans make, oldest first; costs are compared with their median, and with the `usual` one."""
    turns = [_turn(number, root, below) for number, (root, below) in enumerate(grouped_by_turn(spans), 1)]
    _mark_outliers(turns, [turn.usage.cost for turn in turns], usual)
    return turns


def turns_in(
    slices: Iterable[TurnSlice], spans: Iterable[ShownSpan], costs: Sequence[float], usual: float = 0.0
) -> list[ShownTurn]:
    """The turns of a part, of the `spans` that were read for it; `costs` are those of all turns of the session."""
    known = {(span.trace_id, span.span_id): span for span in spans}
    turns: list[ShownTurn] = []
    for piece in slices:
        own = [span for each in piece.spans if (span := known.get((each.trace_id, each.span_id))) is not None]
        root = known.get((piece.turn.root.trace_id, piece.turn.root.span_id)) if piece.turn.root is not None else None
        if own:  # what was forgotten since the outline was read is left out
            turns.append(_turn(piece.turn.number, root, own, None if piece.is_whole else piece))
    _mark_outliers([turn for turn in turns if turn.piece is None], costs, usual)
    return turns


def _mark_outliers(turns: Iterable[ShownTurn], costs: Iterable[float], usual: float) -> None:
    spent = [cost for cost in costs if cost]
    of_session = median(spent) if len(spent) >= 3 else 0.0
    for turn in turns:
        for whose, typical in (("project's", usual), ("session's", of_session)):
            if typical and turn.usage.cost >= OUTLIER * typical:
                turn.outlier, turn.outlier_of = turn.usage.cost / typical, whose


def _turn(number: int, root: ShownSpan | None, spans: list[ShownSpan], piece: TurnSlice | None = None) -> ShownTurn:
    """A turn, or the `piece` of a long one that stands in this part: its root may stand in another."""
    turn = ShownTurn(number, root, spans, piece=piece)
    children: dict[str, list[ShownSpan]] = defaultdict(list)
    parent = parents_of(spans)
    for span in spans:
        if span is not root:
            children[parent[span.span_id]].append(span)
    for span in spans:
        if span.kind in ("LLM", "EMBEDDING", "RERANKER"):
            turn.usage.add(usage_of(span))
            turn.calls += span.kind == "LLM"
        elif span.kind == "TOOL":
            turn.tools += 1
            turn.failed_tools += span.failed
        for event in span.events:
            if event.name.endswith(".replied"):
                turn.waited_ns += int(event.attributes.get("opencode.waited_ms") or 0) * 1_000_000
    turn.prompt = _prompt(root, spans)
    turn.attachments = _attachments(spans) if piece is None or piece.is_start else ()
    own_root = root if any(span is root for span in spans) else None
    first = ([own_root] if own_root is not None and own_root.kind not in ("AGENT", "CHAIN", "") else []) + children[""]
    if own_root is not None:
        first += children[own_root.span_id]
    before = sum(span.kind == "LLM" for span in piece.turn.spans[: piece.first]) if piece is not None else 0
    turn.items = flow(sorted(first, key=lambda s: s.start_ns), children, 0, Counter(), before)
    if root is not None and (piece is None or piece.is_end):
        _end(turn, root)
    return turn


def _end(turn: ShownTurn, root: ShownSpan) -> None:
    """What only the root of a turn tells."""
    turn.items += root_notes(root)
    if root.failed and root.error:
        turn.items.append(TurnItem("note", root, root.error, icon="fail"))
    if root.kind == "AGENT" and not any(item.what == "say" for item in turn.items):
        answer = root.text("output.value")
        if answer:
            turn.items.append(TurnItem("say", root, answer))


def _prompt(root: ShownSpan | None, spans: list[ShownSpan]) -> str:
    if root is not None and (text := root.text("input.value")):
        return text
    for span in spans:
        if span.kind == "LLM":
            asked = [message.text for message in span.input_messages if message.role == "user" and message.text]
            if asked:
                return asked[-1]
    return root.name if root is not None else ""


def _attachments(spans: list[ShownSpan]) -> tuple[str, ...]:
    """What was attached to the message that the first call of a turn answered, by name or type and size."""
    for span in spans:
        if span.kind == "LLM" and not is_side_call(span):
            asked = [message for message in span.input_messages if message.role == "user"]
            return tuple(map(_plain_name, asked[-1].attachments)) if asked else ()
    return ()


def _plain_name(attachment: str) -> str:
    """`[attachment: a.png, image/png]` without what only says that it is one."""
    return attachment.removeprefix("[attachment: ").removesuffix("]")


def calls_of(turns: Sequence[ShownTurn]) -> list[tuple[ShownTurn, ShownSpan, SummedUsage]]:
    """Every model call of these turns, in order of time."""
    return [
        (turn, span, usage_of(span))
        for turn in turns
        for span in turn.spans
        if span.kind == "LLM" and not is_side_call(span)
    ]
