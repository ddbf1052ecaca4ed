"""Two turns beside each other: spans aligned, what they hold as diffs, and what each cost."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson
from markupsafe import escape

from collector.viewer.shown import words
from collector.viewer.shown.edits import DiffLine, FileEdit
from collector.viewer.shown.figures import count, duration, money
from collector.viewer.shown.items import is_side_call
from collector.viewer.shown.masks import draw
from collector.viewer.shown.spans import ShownMessage, ShownSpan
from collector.viewer.shown.turns import ShownTurn


@dataclass(slots=True)
class Pair:
    """Two spans that stand for each other, or one that has none; differences of what they hold, as diffs."""

    left: ShownSpan | None
    right: ShownSpan | None
    differences: list[FileEdit] = field(default_factory=list)


def aligned(left: ShownTurn, right: ShownTurn) -> list[Pair]:
    """The spans of two turns side by side: those of like kind and name, in order, stand for each other."""
    first = [span for span in left.spans if span.kind in ("LLM", "TOOL", "AGENT")]
    second = [span for span in right.spans if span.kind in ("LLM", "TOOL", "AGENT")]
    matcher = difflib.SequenceMatcher(None, _names(first), _names(second), autojunk=False)
    pairs: list[Pair] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            pairs += [_pair(one, two) for one, two in zip(first[a:b], second[c:d], strict=True)]
        else:
            pairs += [Pair(span, None) for span in first[a:b]]
            pairs += [Pair(None, span) for span in second[c:d]]
    return pairs


def _names(spans: Sequence[ShownSpan]) -> list[tuple[str, str]]:
    return [(span.kind, _role(span)) for span in spans]


def _role(span: ShownSpan) -> str:
    """What a span must share with another one to stand for it: a tool its name; a title is not an answer."""
    if span.kind == "TOOL":
        return words.tool(span)
    return span.text("agent.name") if is_side_call(span) else ""


def _pair(left: ShownSpan, right: ShownSpan) -> Pair:
    pair = Pair(left, right)
    held = [(key, left.text(key), right.text(key)) for key in ("input.value", "output.value")]
    if left.kind == "LLM":
        held = [
            ("model", left.text("llm.model_name"), right.text("llm.model_name")),
            ("parameters", left.text("llm.invocation_parameters"), right.text("llm.invocation_parameters")),
            ("messages sent", _messages(left.input_messages), _messages(right.input_messages)),
            ("answer", _messages(left.output_messages), _messages(right.output_messages)),
        ]
    pair.differences = [_difference(key, one, two) for key, one, two in held if one != two]
    return pair


def _messages(messages: Sequence[ShownMessage]) -> str:
    """Messages as lines, role by role, with the calls they hold."""
    lines: list[str] = []
    for message in messages:
        lines += [f"{message.role}:", *message.text.splitlines()]
        lines += [f"calls {call.name} {call.arguments}" for call in message.calls]
    return "\n".join(lines)


def _difference(key: str, one: str, two: str) -> FileEdit:
    before, after = _pretty(one)[:400], _pretty(two)[:400]
    lines: list[DiffLine] = []
    for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(2):
        for tag, a, b, c, d in group:
            if tag == "equal":
                lines += [DiffLine(" ", None, None, draw(str(escape(line)))) for line in before[a:b]]
                continue
            lines += [DiffLine("-", None, None, draw(str(escape(line)))) for line in before[a:b]]
            lines += [DiffLine("+", None, None, draw(str(escape(line)))) for line in after[c:d]]
    added = sum(line.sign == "+" for line in lines)
    return FileEdit(key, tuple(lines), added, sum(line.sign == "-" for line in lines))


def _pretty(text: str) -> list[str]:
    if text[:1] in ("{", "["):
        try:
            return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode().splitlines()
        except orjson.JSONDecodeError:
            pass
    return text.splitlines()


def totals(left: ShownTurn, right: ShownTurn) -> list[tuple[str, str, str, str]]:
    """What two turns took and spent; of one that is not read as a whole, what the lists tell of all of it."""

    def row(name: str, a: float, b: float, show: Callable[[float], str]) -> tuple[str, str, str, str]:
        sign = "+" if b > a else "−" if b < a else ""
        return name, show(a), show(b), f"{sign}{show(abs(b - a))}" if a != b else "same"

    one, two = left.sums, right.sums
    rows = [
        row("time", one.end_ns - one.start_ns, two.end_ns - two.start_ns, duration),
        row("model calls", one.calls, two.calls, count),
        row("tool calls", one.tools, two.tools, count),
        row("failed tools", one.failed_tools, two.failed_tools, count),
    ]
    if left.piece is None and right.piece is None:
        rows.append(row("tokens in", left.usage.prompt, right.usage.prompt, count))
        rows.append(row("tokens out", left.usage.output, right.usage.output, count))
    else:
        rows.append(row("tokens", one.tokens, two.tokens, count))
    return [*rows, row("cost", one.cost, two.cost, lambda dollars: money(dollars, fine=True))]
