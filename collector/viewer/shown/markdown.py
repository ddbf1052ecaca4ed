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
    return "\n".join([f"# {title}", "", *(turn_markdown(turn, most_output) for turn in turns)])


def turn_markdown(turn: ShownTurn, most_output: int = _MOST_OUTPUT) -> str:
    """One turn: prompt, what was said and done, and what it cost."""
    facts = [duration(turn.end_ns - turn.start_ns), plural(turn.calls, "call"), plural(turn.tools, "tool")]
    if turn.usage.total:
        facts.append(f"{count(turn.usage.total)} tokens")
    if turn.usage.cost:
        facts.append(money(turn.usage.cost, fine=True))
    lines = [f"## Turn {turn.number}", "", f"*{', '.join(facts)}; trace {turn.trace_id}*", ""]
    if turn.prompt:
        lines += [f"> {line}" for line in turn.prompt.splitlines()] + [""]
    lines += _lines(turn.items, 0, most_output)
    return "\n".join(lines).rstrip() + "\n"


def span_markdown(span: ShownSpan) -> str:
    """One span: what it was, what it was given and gave, and every attribute that says more."""
    facts = [span.kind or "span", duration(span.duration_ns), *filter(None, [words.outcome(span)])]
    lines = [f"# {span.name}", "", f"*{', '.join(facts)}; span {span.trace_id}/{span.span_id}*", ""]
    if span.session_id:
        lines += [f"*session {span.session_id}*", ""]
    if span.error:
        lines += [f"**failed**: {span.error}", ""]
    for heading, messages in (("sent", span.input_messages), ("answered", span.output_messages)):
        for message in messages:
            lines += [f"## {message.role or 'message'}, {heading}", ""]
            lines += [message.text, ""] if message.text else []
            lines += [line for call in message.calls for line in (f"calls **{call.name}** `{call.arguments}`", "")]
    told = ("llm.input_messages.", "llm.output_messages.")
    repeated = ("input.value", "output.value") if span.input_messages else ()
    for key, value in span.attributes.items():
        text = words.written(value)
        if key.startswith(told) or key in repeated or not text:
            continue
        if "\n" in text or len(text) > 100:
            fence = "`" * max(3, _longest_run(text) + 1)
            lines += [f"* {key}", "", fence, text, fence, ""]
        else:
            lines.append(f"* {key}: `{text}`" if "`" not in text else f"* {key}: {text}")
    for event in span.events:
        values = ", ".join(f"{key} {words.written(value)}" for key, value in event.attributes.items())
        lines.append(f"* event {event.name}, {(event.at_ns - span.start_ns) / 1e6:.0f} ms from the start {values}")
    return "\n".join(lines).rstrip() + "\n"


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
            yield from (f"### {what}{words.label(item.span)}", "")
            yield from _lines(item.items, depth + 1, most_output)
        elif item.what == "note":
            yield from (f"*{item.text}{': ' + item.detail if item.detail else ''}*", "")


def _tool(item: TurnItem, span: ShownSpan, most_output: int) -> Iterator[str]:
    yield f"**{words.tool(span)}** `{words.what(span)}` {words.outcome(span)}, {duration(span.duration_ns)}".replace(
        "``", ""
    )
    yield ""
    if item.edits:
        for edit in item.edits:
            yield from (f"```diff\n--- {edit.path}",)
            for line in edit.lines:
                yield "..." if line.sign == "gap" else line.sign + line.html.striptags()
            yield from ("```", "")
        return
    text = words.output(span) or span.error
    if text:
        fence = "`" * max(3, _longest_run(text) + 1)
        cut = (
            text if len(text) <= most_output else text[:most_output] + f"\n[{len(text) - most_output} more characters]"
        )
        yield from (fence, cut.rstrip("\n"), fence, "")


def _longest_run(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
