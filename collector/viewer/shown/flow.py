"""What happened below one span, in order of time: answers, calls, tools and groups of them, subagents, waits."""

from __future__ import annotations

from collections import Counter

from collector.viewer.shown.edits import edits_of
from collector.viewer.shown.figures import duration
from collector.viewer.shown.items import SummedUsage, TurnItem, is_side_call, usage_of
from collector.viewer.shown.masks import masks_of
from collector.viewer.shown.spans import ShownMessage, ShownSpan

_DEEPEST = 2
_LEAST_GROUP = 3


def flow(
    spans: list[ShownSpan],
    children: dict[str, list[ShownSpan]],
    depth: int,
    called: Counter[tuple[str, str]],
    number: int = 0,
) -> list[TurnItem]:
    """What happened below one span, in order of time; tools that ran one after another without failing are a group.

    Calls are numbered on from `number`.
    """
    items: list[TurnItem] = []
    tools: list[TurnItem] = []

    def flush() -> None:
        if len(tools) >= _LEAST_GROUP and not any(tool.edits or tool.items for tool in tools):
            items.append(TurnItem("group", tools[0].span, items=list(tools)))
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


def _answer(span: ShownSpan, number: int) -> list[TurnItem]:
    items: list[TurnItem] = _notes(span)
    if is_side_call(span):
        return [*items, TurnItem("call", span, span.text("output.value"), span.text("agent.name"), usage_of(span))]
    for message in span.output_messages:
        items += _said(span, message)
    if not span.output_messages and (text := span.text("output.value")):
        items.append(TurnItem("say", span, text))
    items.append(TurnItem("call", span, number=number, usage=usage_of(span), masked=len(masks_of(span))))
    if span.failed:
        items.append(TurnItem("note", span, span.error or "the call failed", icon="fail"))
    return items


def _said(span: ShownSpan, message: ShownMessage) -> list[TurnItem]:
    items = []
    if message.reasoning:
        tokens = span.number("llm.token_count.completion_details.reasoning")
        items.append(TurnItem("reasoning", span, message.reasoning, f"{int(tokens):,} tokens" if tokens else ""))
    if message.text:
        items.append(TurnItem("say", span, message.text))
    return items


def _tool(
    span: ShownSpan, children: dict[str, list[ShownSpan]], depth: int, called: Counter[tuple[str, str]]
) -> TurnItem:
    inner = children.get(span.span_id, [])
    same = (span.text("tool.name") or span.name, span.text("input.value"))
    called[same] += 1
    item = TurnItem("tool", span, edits=edits_of(span), repeated=called[same], masked=len(masks_of(span)))
    if inner:
        item.items = _inner(inner, children, depth, called)
    return item


def _inner(
    spans: list[ShownSpan], children: dict[str, list[ShownSpan]], depth: int, called: Counter[tuple[str, str]]
) -> list[TurnItem]:
    found: list[TurnItem] = []
    for span in sorted(spans, key=lambda s: s.start_ns):
        found += _nested(span, children, depth, called) if span.kind not in ("LLM", "TOOL") else flow(
            [span], children, depth, called
        )  # fmt: skip
    return found


def _nested(
    span: ShownSpan, children: dict[str, list[ShownSpan]], depth: int, called: Counter[tuple[str, str]]
) -> list[TurnItem]:
    """A subagent, a compaction, a workflow's step: under a line of its own, two deep; deeper ones are linked."""
    below = children.get(span.span_id, [])
    if span.kind == "CHAIN" and span.name == "compaction":
        by = "compacted by itself" if span.attributes.get("opencode.compaction.auto") else "compacted by hand"
        usage = SummedUsage()
        for each in below:
            usage.add(usage_of(each))
        return [TurnItem("note", span, by, span.text("output.value"), usage, icon="cut")]
    if span.kind != "AGENT" and not below and not span.text("input.value", "output.value"):
        return [TurnItem("note", span, span.name, duration(span.duration_ns), icon="fail" if span.failed else "chain")]
    item = TurnItem("nest", span, span.text("input.value"), usage=SummedUsage())
    if depth < _DEEPEST:
        item.items = flow(below, children, depth + 1, Counter())
        if not any(each.what == "say" for each in item.items) and (answer := span.text("output.value")):
            item.items.append(TurnItem("say", span, answer))
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


def _notes(span: ShownSpan) -> list[TurnItem]:
    """Waits and retries, as marks on the line of time."""
    notes: list[TurnItem] = []
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
            notes.append(TurnItem("note", span, f"waited {waited / 1000:.1f} s for {what}{name}", reply, icon="pause"))
    if span.kind == "LLM" and span.failed:
        for event in span.events:
            if event.name == "retry":
                reason = str(event.attributes.get("opencode.message") or span.error)
                notes.append(TurnItem("note", span, f"tried again: {reason}", icon="again"))
    return notes


def root_notes(root: ShownSpan) -> list[TurnItem]:
    notes = []
    for event in root.events:
        if event.name in ("command.executed", "session.reverted"):
            name = str(event.attributes.get("opencode.name") or event.attributes.get("opencode.command") or "")
            notes.append(TurnItem("note", root, f"{event.name.replace('.', ' ')} {name}".strip(), icon="chain"))
    if root.attributes.get("opencode.incomplete"):
        notes.append(TurnItem("note", root, "not told to its end", icon="cut"))
    return notes
