"""What a message said to a model when it was sent, as OpenCode 1 turns messages into requests (pure).

An assistant message that failed is not sent at all. The result of a tool that was cleared, or that never came, is a
placeholder. The content of a text file stands in texts beside it; other files stand as name, type and size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from collector.assemble.attachments import (
    MediaManner,
    MediaPlace,
    describe,
    is_apart,
    refusal,
    sent_by_user,
    transcribed,
)
from collector.assemble.facts import PartFact, ToolFact
from collector.assemble.fold.message import SessionMessage, is_settled
from collector.assemble.spans.conversation import SentMessage
from collector.openinference.messages import ToolCall
from collector.otlp.values import to_json

TITLE_PROMPT = "Generate a title for this conversation:\n"
_COMPACTED = "What did we do so far?"
_SUBTASK = "The following tool was executed by the user"
_CLEARED = "[Old tool result content cleared]"
_INTERRUPTED = "[Tool execution was interrupted]"
BEHIND = "Attached media from tool result:"
_AS_TEXT = ("text/plain", "application/x-directory")
ABORTED = "MessageAbortedError"
_LONGEST_RESULT = 2000


class Manner(NamedTuple):
    """How a request shows messages: those of another model as `foreign`, and its media."""

    foreign: bool = False
    media: MediaManner = MediaManner()


PLAIN = Manner()


def said(message: SessionMessage, at: int, manner: Manner = PLAIN) -> Sequence[SentMessage]:
    """What `message` said in a request that left at `at`, and the results of the tools it called."""
    known = message.said
    state = (message.state_at(at), manner)
    if known[0] != state:
        found = said_by(message, message.parts_at(at), message.tools_at(at), at, manner)
        known = message.said = (state, found)
    return known[1]  # type: ignore[no-any-return]


def said_by(
    message: SessionMessage, parts: list[PartFact], tools: list[ToolFact], at: int, manner: Manner = PLAIN
) -> list[SentMessage]:
    """What `message` said by these of its parts and tool calls."""
    if message.role == "assistant":
        if _is_left_out(message, parts, tools):
            return []
        found: list[SentMessage] = []
        for some_parts, some_tools in _attempts(parts, tools):
            answer = _answered_before(some_parts, some_tools, foreign=manner.foreign)
            if answer.contents or answer.calls or _is_empty_answer(message, some_parts):
                found.append(answer)
            found += [_result(tool, at, manner.media.place) for tool in some_tools]
        behind = [word for tool in tools for word in _media(tool, at) if is_apart(word, manner.media.place)]
        if behind:
            words = [sent_by_user(word, manner.media) for word in behind]
            found.append(SentMessage("user", "\n".join([BEHIND, *words])))
        return found
    words = [word for part in parts if (word := _prompt_word(part, manner.media))]
    return [SentMessage("user", "\n".join(words))] if words else []


def _attempts(parts: list[PartFact], tools: list[ToolFact]) -> Iterator[tuple[list[PartFact], list[ToolFact]]]:
    """What was said from each start of the step on: a step that is begun again is sent as an answer for each time."""
    starts = sorted(part.part for part in parts if part.type == "start")
    if not starts or starts[-1] <= min(
        [*(p.part for p in parts if p.type != "start"), *(t.part for t in tools)], default=""
    ):
        yield parts, tools
        return
    bounds = ["", *starts]
    for index, since in enumerate(bounds):
        until = bounds[index + 1] if index + 1 < len(bounds) else None

        def within(fact: PartFact | ToolFact, since: str = since, until: str | None = until) -> bool:
            return since <= fact.part and (until is None or fact.part < until)

        some = [p for p in parts if p.type != "start" and within(p)], [t for t in tools if within(t)]
        if some[0] or some[1]:
            yield some


def _is_empty_answer(message: SessionMessage, parts: list[PartFact]) -> bool:
    """Whether it was cut before its text was kept: OpenCode 1 sends that again as an answer without words."""
    return message.info.parent is not None and any(part.type == "text" for part in parts)


def _prompt_word(part: PartFact, manner: MediaManner) -> str | None:
    match part.type:
        case "text":
            return None if part.ignored else part.text
        case "file" if part.mime not in _AS_TEXT:
            return refusal(part.mime, part.filename, manner) or describe(part.mime, part.filename, part.bytes)
        case "compaction":
            return _COMPACTED
        case "subtask":
            return _SUBTASK
    return None


def _is_left_out(message: SessionMessage, parts: list[PartFact], tools: list[ToolFact]) -> bool:
    if (
        message.info.error_type is None or message.info.parent is None
    ):  # OpenCode 2 names no parent, and leaves none out
        return False
    has_content = bool(tools) or any(part.type not in ("start", "reasoning") for part in parts)
    return message.info.error_type != ABORTED or not has_content


def asked(messages: Iterable[SessionMessage]) -> str:
    """What a person asked: without what the agent added to it, such as the content of a file."""
    return "\n".join(words for message in messages if (words := _asked(message)))


def _asked(message: SessionMessage) -> str:
    if message.role != "user":
        return ""
    parts = [p for p in message.sorted_parts() if p.type == "file" or (p.type in ("text", "subtask") and p.text)]
    parts = [p for p in parts if p.sent is None] or parts  # what only a history shows, another plugin added
    own = [p for p in parts if not p.synthetic]
    if not any(p.type != "file" for p in own):
        own = parts
    words = [describe(p.mime, p.filename, p.bytes) if p.type == "file" else p.text or "" for p in own]
    return "\n".join(words)


def answered(message: SessionMessage) -> SentMessage:
    """What the model answered in a step, whatever became of its texts later."""
    parts = _answer_parts(message)
    reasoning = "\n".join(part.text for part in parts if part.type == "reasoning" and part.text)
    return SentMessage("assistant", _text(parts), reasoning, [_call(tool) for tool in message.sorted_tools()])


def answered_text(message: SessionMessage) -> str:
    """The text of that."""
    return _text(_answer_parts(message))


def _answer_parts(message: SessionMessage) -> list[PartFact]:
    return message.parts_at(message.info.completed) if message.info.completed else message.sorted_parts()


def _text(parts: list[PartFact]) -> str:
    return "\n".join(part.text for part in parts if part.type == "text" and part.text)


def _answered_before(parts: list[PartFact], tools: list[ToolFact], *, foreign: bool) -> SentMessage:
    """An answer as it is sent again: its texts as one, and of another model its reasoning as text."""
    texts = [p.text for p in parts if p.text and (p.type == "text" or (foreign and p.type == "reasoning"))]
    reasoning = [p.text for p in parts if p.text and p.type == "reasoning" and not foreign]
    calls = [_call(tool) for tool in tools]
    return SentMessage("assistant", "".join(texts), "\n".join(reasoning), calls)


def _call(tool: ToolFact) -> ToolCall:
    return ToolCall(tool.call, tool.name or "", as_text(tool.input))


def _result(tool: ToolFact, at: int, media: MediaPlace | None) -> SentMessage:
    if _is_cleared(tool, at):
        text = _CLEARED
    elif is_settled(tool) and (tool.end or 0) <= at:
        inside = [word for word in _media(tool, at) if not is_apart(word, media)]
        words = [tool.output or tool.error or "", *inside]
        text = "\n".join(word for word in words if word)
    else:
        text = _INTERRUPTED
    return SentMessage("tool", text, call_id=tool.call, name=tool.name or "")


def _media(tool: ToolFact, at: int) -> list[str]:
    """The attachments of a result, where it is sent."""
    is_sent = is_settled(tool) and (tool.end or 0) <= at and not _is_cleared(tool, at)
    return tool.attachments or [] if is_sent else []


def _is_cleared(tool: ToolFact, at: int) -> bool:
    return tool.pruned is not None and (tool.sent is not None or tool.pruned <= at)


def as_text(value: Any) -> str:
    """A tool's input as JSON text; a text stays what it is."""
    if value is None:
        return "{}"
    return value if isinstance(value, str) else to_json(value)


def transcript(message: SessionMessage, parts: list[PartFact], tools: list[ToolFact], at: int) -> str:
    """What `message` said, as the text that later versions of OpenCode 1 put into the request of a compaction."""
    if message.role == "user":
        text = "\n".join(part.text for part in parts if part.type == "text" and not part.ignored and part.text)
        files = [_attached(part) for part in parts if part.type == "file"]
        return "\n".join([*([f"[User]: {text}"] if text else []), *files])
    lines: list[str] = []
    items: list[PartFact | ToolFact] = [*parts, *tools]
    for item in sorted(items, key=lambda item: item.part):
        if isinstance(item, ToolFact):
            lines += _call_transcript(item, at)
        elif item.text and item.type in ("text", "reasoning"):
            lines.append(f"[Assistant{' reasoning' if item.type == 'reasoning' else ''}]: {item.text}")
    return "\n".join(lines)


def _call_transcript(tool: ToolFact, at: int) -> list[str]:
    lines = [f"[Assistant tool call]: {tool.name}({as_text(tool.input)})"]
    if tool.status == "error":
        lines.append(f"[Tool error]: {tool.error or ''}")
    elif tool.status == "completed":
        output = "\n".join([tool.output or "", *map(transcribed, tool.attachments or ())])
        if len(output) > _LONGEST_RESULT:
            output = f"{output[:_LONGEST_RESULT]}\n[truncated]"
        lines.append(f"[Tool result]: {_CLEARED if _is_cleared(tool, at) else output}")
    return lines


def _attached(part: PartFact) -> str:
    return f"[Attached {part.mime}: {part.filename or 'file'}]"
