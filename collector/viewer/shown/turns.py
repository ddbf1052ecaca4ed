"""A session as turns, and a turn as what happened in it: prompt, reasoning, answers, calls, tools, waits.

A turn is a span without a kept parent, with all that stands below it. What is still under way has no root yet:
its spans are a turn of their own until the root arrives.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from collector.viewer.shown.flow import flow, root_notes
from collector.viewer.shown.items import SummedUsage, TurnItem, is_side_call, usage_of
from collector.viewer.shown.spans import ShownSpan, parents_of

OUTLIER = 3.0
"""A turn is an outlier from this many times the median on, of its session (of at least three turns) or its project."""


@dataclass(slots=True)
class ShownTurn:
    """A turn: its root where it has arrived, its spans in order, and what happened."""

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

    @property
    def trace_id(self) -> str:
        return self.spans[0].trace_id

    @property
    def id(self) -> str:
        return f"t{self.number}"

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
    every = sorted(spans, key=lambda span: (span.start_ns, span.end_ns, span.span_id))
    by_trace: dict[str, list[ShownSpan]] = defaultdict(list)
    for span in every:
        by_trace[span.trace_id].append(span)
    groups: list[tuple[ShownSpan | None, list[ShownSpan]]] = []
    for trace in by_trace.values():
        groups += _roots(trace)
    groups.sort(key=lambda group: min(span.start_ns for span in group[1]))
    turns = [_turn(number, root, below) for number, (root, below) in enumerate(groups, 1)]
    costs = [turn.usage.cost for turn in turns if turn.usage.cost]
    of_session = median(costs) if len(costs) >= 3 else 0.0
    for turn in turns:
        for whose, typical in (("project's", usual), ("session's", of_session)):
            if typical and turn.usage.cost >= OUTLIER * typical:
                turn.outlier, turn.outlier_of = turn.usage.cost / typical, whose
    return turns


def _roots(trace: list[ShownSpan]) -> list[tuple[ShownSpan | None, list[ShownSpan]]]:
    """The spans of one trace by the root they stand under; those whose parent is not here yet belong together."""
    parent = parents_of(trace)
    below: dict[str, list[ShownSpan]] = defaultdict(list)
    for span in trace:
        at = span.span_id
        while parent[at]:
            at = parent[at]
        below[at].append(span)
    tops = [span for span in trace if not parent[span.span_id]]
    whole = [span for span in tops if not span.parent_id or span.kind == "AGENT"]
    groups: list[tuple[ShownSpan | None, list[ShownSpan]]] = [(top, below[top.span_id]) for top in whole]
    waiting = [span for top in tops if top not in whole for span in below[top.span_id]]
    if waiting:
        groups.append((None, sorted(waiting, key=lambda span: span.start_ns)))
    return groups


def _turn(number: int, root: ShownSpan | None, spans: list[ShownSpan]) -> ShownTurn:
    turn = ShownTurn(number, root, spans)
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
    turn.attachments = _attachments(spans)
    first = ([root] if root is not None and root.kind not in ("AGENT", "CHAIN", "") else []) + children[""]
    if root is not None:
        first += children[root.span_id]
    turn.items = flow(sorted(first, key=lambda s: s.start_ns), children, 0, Counter())
    if root is not None:
        turn.items += root_notes(root)
        if root.failed and root.error:
            turn.items.append(TurnItem("note", root, root.error, icon="fail"))
    if root is not None and root.kind == "AGENT" and not any(item.what == "say" for item in turn.items):
        answer = root.text("output.value")
        if answer:
            turn.items.append(TurnItem("say", root, answer))
    return turn


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
