"""A turn or a session as Markdown: what one copies into an issue, and what agents and terminals read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.viewer.shown import words
from collector.viewer.shown.figures import count, duration, money, plural
from collector.viewer.shown.items import TurnItem
from collector.viewer.shown.spans import ShownSpan
from collector.viewer.shown.turns import ShownTurn

_MOST_OUTPUT = 4000


def session_markdown(title: str, turns: Iterable[ShownTurn], most_output: int = _MOST_OUTPUT) -> str:
    """A whole session; of each tool's output at most `most_output` characters."""
    return "\n".join([f"# {_line(title)}", "", *(turn_markdown(turn, most_output) for turn in turns)])


def turn_markdown(turn: ShownTurn, most_output: int = _MOST_OUTPUT) -> str:
    """One turn: prompt, what was said and done, and what it cost."""
    facts = [duration(turn.end_ns - turn.start_ns), plural(turn.calls, "call"), plural(turn.tools, "tool")]
    if turn.usage.total:
        facts.append(f"{count(turn.usage.total)} tokens")
    if turn.usage.cost:
        facts.append(money(turn.usage.cost, fine=True))
    piece, which = turn.piece, ""
    if piece is not None:
        which = f", spans {piece.first + 1:,} to {piece.until:,} of {len(piece.turn.spans):,}"
    lines = [f"## Turn {turn.number}{which}", "", f"*{', '.join(facts)}; trace {turn.trace_id}*", ""]
    if turn.prompt and (piece is None or piece.is_start):
        lines += [f"> {line}" for line in turn.prompt.splitlines()] + [""]
    lines += _lines(turn.items, 0, most_output)
    return "\n".join(lines).rstrip() + "\n"


def span_markdown(span: ShownSpan) -> str:
    """One span: what it was, what it was given and gave, and every attribute that says more."""
    facts = [span.kind or "span", duration(span.duration_ns), *filter(None, [words.outcome(span)])]
    lines = [f"# {_line(span.name)}", "", f"*{', '.join(facts)}; span {span.trace_id}/{span.span_id}*", ""]
    if span.session_id:
        lines += [f"*session {_line(span.session_id)}*", ""]
    if span.error:
        lines += [f"**failed**: {span.error}", ""]
    for heading, messages in (("sent", span.input_messages), ("answered", span.output_messages)):
        for message in messages:
            lines += [f"## {_line(message.role) or 'message'}, {heading}", ""]
            lines += [message.text, ""] if message.text else []
            lines += [
                line for call in message.calls for line in (f"calls **{_line(call.name)}** {_code(call.arguments)}", "")
            ]
    told = ("llm.input_messages.", "llm.output_messages.")
    repeated = ("input.value", "output.value") if span.input_messages else ()
    for key, value in span.attributes.items():
        text = words.written(value)
        if key.startswith(told) or key in repeated or not text:
            continue
        lines += _value(key, text)
    for event in span.events:
        lines.append(f"* event {_line(event.name)}, {(event.at_ns - span.start_ns) / 1e6:.0f} ms from the start")
        for key, value in event.attributes.items():
            lines += _value(f"event {event.name}, {key}", words.written(value))
    return "\n".join(lines).rstrip() + "\n"


def _value(key: str, text: str) -> Iterator[str]:
    """An attribute as an item of a list; a long one stands below its name."""
    name = _line(key) if key[:1].isalnum() else _code(key)
    if "\n" in text or len(text) > 100:
        yield from (f"* {name}", "", *_block(text), "")
    else:
        yield f"* {name}: {_code(text)}"


def _lines(items: Iterable[TurnItem], depth: int, most_output: int) -> Iterator[str]:
    for item in items:
        if item.what == "say":
            yield from (item.text, "")
        elif item.what == "reasoning":
            yield from ("<details><summary>Reasoning</summary>", "", item.text, "", "</details>", "")
        elif item.what == "tool" and item.span is not None:
            yield from _tool(item, item.span, most_output)
            yield from _lines(item.items, depth + 1, most_output)
        elif item.what == "group":
            yield from _lines(item.items, depth, most_output)
        elif item.what == "nest" and item.span is not None:
            what = "Subagent " if item.span.kind == "AGENT" else ""
            yield from (f"### {what}{_line(words.label(item.span))}", "")
            yield from _lines(item.items, depth + 1, most_output)
        elif item.what == "note":
            yield from (f"*{item.text}{': ' + item.detail if item.detail else ''}*", "")


def _tool(item: TurnItem, span: ShownSpan, most_output: int) -> Iterator[str]:
    yield f"**{_line(words.tool(span))}** {_code(words.what(span))} {words.outcome(span)}, {duration(span.duration_ns)}"
    yield ""
    if item.edits:
        for edit in item.edits:
            told = ["..." if line.sign == "gap" else line.sign + line.html.striptags() for line in edit.lines]
            yield from (*_block("\n".join([f"--- {_line(edit.path)}", *told]), "diff"), "")
        return
    text = words.output(span) or span.error
    if text:
        cut = (
            text if len(text) <= most_output else text[:most_output] + f"\n[{len(text) - most_output} more characters]"
        )
        yield from (*_block(cut.rstrip("\n")), "")


def _line(text: str) -> str:
    """A name or title on one line: what follows a line break would be a heading or a list of its own."""
    return " ".join(text.split())


def _code(text: str) -> str:
    """A short text as code, whatever it holds (CommonMark 0.31, 6.1)."""
    text = _line(text)
    mark = "`" * (_longest_run(text) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{mark}{space}{text}{space}{mark}" if text else ""


def _block(text: str, language: str = "") -> tuple[str, str, str]:
    """A text as a block of code, with a fence that does not stand in it."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}", text, fence


def _longest_run(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
