"""A session as turns, and a turn as what happened in it: prompt, reasoning, answers, calls, tools, waits.

A turn is a span without a kept parent, with all that stands below it. What is still under way has no root yet:
its spans are a turn of their own until the root arrives.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from collector.viewer.shown.edits import FileEdit, edits_of
from collector.viewer.shown.masks import masks_of
from collector.viewer.shown.spans import ShownMessage, ShownSpan, parents_of

_DEEPEST = 2
OUTLIER = 3.0
"""A turn is an outlier from this many times the median on (at least three turns are compared)."""


@dataclass(slots=True)
class Usage:
    """Tokens and cost, added up over model calls; `prompt` holds cache reads and writes too."""

    prompt: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    total: int = 0
    cost: float = 0.0

    def add(self, other: Usage) -> None:
        self.prompt += other.prompt
        self.cache_read += other.cache_read
        self.cache_write += other.cache_write
        self.output += other.output
        self.total += other.total
        self.cost += other.cost

    @property
    def fresh(self) -> int:
        return max(0, self.prompt - self.cache_read - self.cache_write)


@dataclass(slots=True)
class Item:
    """One thing that happened: `what` is say, reasoning, call, tool, group, nest or note."""

    what: str
    span: ShownSpan | None = None
    text: str = ""
    detail: str = ""
    usage: Usage | None = None
    number: int = 0
    edits: list[FileEdit] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    repeated: int = 0
    masked: int = 0
    icon: str = ""

    @property
    def failed(self) -> bool:
        return self.span is not None and self.span.failed


@dataclass(slots=True)
class Turn:
    """A turn: its root where it has arrived, its spans in order, and what happened."""

    number: int
    root: ShownSpan | None
    spans: list[ShownSpan]
    prompt: str = ""
    items: list[Item] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    calls: int = 0
    tools: int = 0
    failed_tools: int = 0
    waited_ns: int = 0
    outlier: float = 0.0

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


def turns_of(spans: Iterable[ShownSpan]) -> list[Turn]:
    """The turns that these spans make, oldest first; costs are compared with the median of those given."""
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
    usual = median(costs) if len(costs) >= 3 else 0.0
    for turn in turns:
        turn.outlier = turn.usage.cost / usual if usual and turn.usage.cost >= OUTLIER * usual else 0.0
    return turns


def usage_of(span: ShownSpan) -> Usage:
    """What one model call used; nothing that its span does not say."""
    read = span.number("llm.token_count.prompt_details.cache_read") or 0
    write = span.number("llm.token_count.prompt_details.cache_write") or 0
    prompt = span.number("llm.token_count.prompt") or 0
    output = span.number("llm.token_count.completion") or 0
    total = span.number("llm.token_count.total") or prompt + output
    cost = span.number("llm.cost.total") or 0.0
    return Usage(int(prompt), int(read), int(write), int(output), int(total), float(cost))


def is_side_call(span: ShownSpan) -> bool:
    """Whether a model was called for the agent's own ends (a title, a summary), not to answer."""
    return span.kind == "LLM" and span.text("agent.name") in ("title", "summary")


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


def _turn(number: int, root: ShownSpan | None, spans: list[ShownSpan]) -> Turn:
    turn = Turn(number, root, spans)
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
    first = ([root] if root is not None and root.kind not in ("AGENT", "CHAIN", "") else []) + children[""]
    if root is not None:
        first += children[root.span_id]
    turn.items = _flow(sorted(first, key=lambda s: s.start_ns), children, 0, Counter())
    if root is not None:
        turn.items += _root_notes(root)
        if root.failed and root.error:
            turn.items.append(Item("note", root, root.error, icon="fail"))
    if root is not None and root.kind == "AGENT" and not any(item.what == "say" for item in turn.items):
        answer = root.text("output.value")
        if answer:
            turn.items.append(Item("say", root, answer))
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


def _flow(
    spans: list[ShownSpan], children: dict[str, list[ShownSpan]], depth: int, called: Counter[tuple[str, str]]
) -> list[Item]:
    """What happened below one span, in order of time; tools that ran one after another without failing are a group."""
    items: list[Item] = []
    tools: list[Item] = []
    number = 0

    def flush() -> None:
        if len(tools) >= 3 and not any(tool.edits or tool.items for tool in tools):
            items.append(Item("group", tools[0].span, items=list(tools)))
        else:
            items.extend(tools)
        tools.clear()

    for span in spans:
        if span.kind == "LLM":
            flush()
            number += not is_side_call(span)
            items += _answer(span, number)
        elif span.kind == "TOOL":
            items_before = _notes(span)
            if items_before or span.failed:
                flush()
            items += items_before
            tool = _tool(span, children, depth, called)
            if span.failed or tool.items:
                flush()
                items.append(tool)
            else:
                tools.append(tool)
        else:
            flush()
            items += _nested(span, children, depth, called)
    flush()
    return items


def _answer(span: ShownSpan, number: int) -> list[Item]:
    items: list[Item] = _notes(span)
    if is_side_call(span):
        return [*items, Item("call", span, span.text("output.value"), span.text("agent.name"), usage_of(span))]
    for message in span.output_messages:
        items += _said(span, message)
    if not span.output_messages and (text := span.text("output.value")):
        items.append(Item("say", span, text))
    items.append(Item("call", span, number=number, usage=usage_of(span), masked=len(masks_of(span))))
    if span.failed:
        items.append(Item("note", span, span.error or "the call failed", icon="fail"))
    return items


def _said(span: ShownSpan, message: ShownMessage) -> list[Item]:
    items = []
    if message.reasoning:
        tokens = span.number("llm.token_count.completion_details.reasoning")
        items.append(Item("reasoning", span, message.reasoning, f"{int(tokens):,} tokens" if tokens else ""))
    if message.text:
        items.append(Item("say", span, message.text))
    return items


def _tool(span: ShownSpan, children: dict[str, list[ShownSpan]], depth: int, called: Counter[tuple[str, str]]) -> Item:
    inner = children.get(span.span_id, [])
    same = (span.text("tool.name") or span.name, span.text("input.value"))
    called[same] += 1
    item = Item("tool", span, edits=edits_of(span), repeated=called[same], masked=len(masks_of(span)))
    if inner:
        item.items = _inner(inner, children, depth, called)
    return item


def _inner(
    spans: list[ShownSpan], children: dict[str, list[ShownSpan]], depth: int, called: Counter[tuple[str, str]]
) -> list[Item]:
    found: list[Item] = []
    for span in sorted(spans, key=lambda s: s.start_ns):
        found += _nested(span, children, depth, called) if span.kind not in ("LLM", "TOOL") else _flow(
            [span], children, depth, called
        )  # fmt: skip
    return found


def _nested(
    span: ShownSpan, children: dict[str, list[ShownSpan]], depth: int, called: Counter[tuple[str, str]]
) -> list[Item]:
    """A subagent, a compaction, a workflow's step: under a line of its own, two deep; deeper ones are linked."""
    below = children.get(span.span_id, [])
    if span.kind == "CHAIN" and span.name == "compaction":
        by = "compacted by itself" if span.attributes.get("opencode.compaction.auto") else "compacted by hand"
        usage = Usage()
        for each in below:
            usage.add(usage_of(each))
        return [Item("note", span, by, span.text("output.value"), usage, icon="cut")]
    item = Item("nest", span, span.text("input.value"), usage=Usage())
    if depth < _DEEPEST:
        item.items = _flow(below, children, depth + 1, Counter())
        if not any(each.what == "say" for each in item.items) and (answer := span.text("output.value")):
            item.items.append(Item("say", span, answer))
    for each in _all_below(span, children):
        if each.kind == "LLM" and item.usage is not None:
            item.usage.add(usage_of(each))
            item.number += 1
        item.repeated += each.kind == "TOOL"
    return [item]


def _all_below(span: ShownSpan, children: dict[str, list[ShownSpan]]) -> list[ShownSpan]:
    found: list[ShownSpan] = []
    waiting = list(children.get(span.span_id, []))
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += children.get(each.span_id, [])
    return found


def _notes(span: ShownSpan) -> list[Item]:
    """Waits and retries, as marks on the line of time."""
    notes: list[Item] = []
    asked = ""
    for event in span.events:
        attributes = event.attributes
        if event.name.endswith(".asked"):
            asked = str(attributes.get("opencode.permission") or "an answer")
        elif event.name.endswith(".replied"):
            waited = int(attributes.get("opencode.waited_ms") or 0)
            what = "permission" if event.name.startswith("permission") else "an answer"
            reply = str(attributes.get("opencode.reply") or "")
            name = f": {asked}" if what == "permission" and asked else ""
            notes.append(Item("note", span, f"waited {waited / 1000:.1f} s for {what}{name}", reply, icon="pause"))
    if span.kind == "LLM" and span.failed:
        for event in span.events:
            if event.name == "retry":
                reason = str(event.attributes.get("opencode.message") or span.error)
                notes.append(Item("note", span, f"tried again: {reason}", icon="again"))
    return notes


def _root_notes(root: ShownSpan) -> list[Item]:
    notes = []
    for event in root.events:
        if event.name in ("command.executed", "session.reverted"):
            name = str(event.attributes.get("opencode.name") or event.attributes.get("opencode.command") or "")
            notes.append(Item("note", root, f"{event.name.replace('.', ' ')} {name}".strip(), icon="chain"))
    if root.attributes.get("opencode.incomplete"):
        notes.append(Item("note", root, "not told to its end", icon="cut"))
    return notes


def calls_of(turns: Sequence[Turn]) -> list[tuple[Turn, ShownSpan, Usage]]:
    """Every model call of these turns, in order of time."""
    return [
        (turn, span, usage_of(span))
        for turn in turns
        for span in turn.spans
        if span.kind == "LLM" and not is_side_call(span)
    ]
