"""The conversation a model was sent, as OpenInference messages (pure).

What a hook said of it holds. Without hooks it is put together from the messages of the session that came before,
from the last compaction on. Attachments stand as name, type and size.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.assemble.attachments import describe
from collector.assemble.facts import ToolFact
from collector.assemble.fold.message import SessionMessage
from collector.assemble.fold.session import SessionState
from collector.assemble.spans.otlp import put_text
from collector.openinference.messages import ChatMessage, ToolCall, text_contents, write_message
from collector.otlp.values import to_json

MOST_BYTES = 2 * 1024 * 1024
"""Of one conversation; what came first gives way (destinations take about 4 MiB a request)."""


class SentMessage(ChatMessage):
    """One message of a conversation, which keeps its attributes as bytes: the next call sends it again."""

    __slots__ = ("_encoded", "_size")
    __hash__ = object.__hash__

    def __init__(
        self,
        role: str,
        text: str = "",
        reasoning: str = "",
        calls: list[ToolCall] | None = None,
        *,
        call_id: str = "",
        name: str = "",
    ) -> None:
        super().__init__(role, text_contents(text, reasoning), calls or [], call_id, name)
        self._encoded = (-1, b"")
        self._size = 0

    def __eq__(self, other: object) -> bool:
        """Messages are compared by identity: conversations of thousands of them are compared at every call."""
        return self is other

    def encoded(self, index: int) -> bytes:
        """The attributes of input message `index`, as the bytes of a span that has only those.

        Messages after messages put together are the span's: that is how protobuf joins repeated fields.
        """
        if self._encoded[0] != index:
            span = Span()
            write_message(partial(put_text, span), f"llm.input_messages.{index}.", self)
            self._encoded = (index, span.SerializeToString())
        return self._encoded[1]

    def size(self) -> int:
        """About how many bytes its attributes take."""
        if not self._size:
            arguments = sum(len(call.arguments) + 200 for call in self.calls)
            self._size = sum(len(content["text"]) for content in self.contents) + arguments + 100
        return self._size


def said(message: SessionMessage) -> list[SentMessage]:
    """What a message says, and the results of the tools it called."""
    version, found = message.said
    if version != message.version:
        found = _said(message)
        message.said = (message.version, found)
    return found  # type: ignore[no-any-return]


def _said(message: SessionMessage) -> list[SentMessage]:
    if message.role == "assistant":
        answer = answered(message)
        results = [_result(tool) for tool in message.sorted_tools()]
        return [answer, *results] if answer.text or answer.reasoning or answer.calls else results
    words = []
    for part in message.sorted_parts():
        if part.type == "text" and part.text:
            words.append(part.text)
        elif part.type == "file":
            words.append(describe(part.mime, part.filename, part.bytes))
        elif part.type == "compaction":
            words.append("[compaction]")  # the agent asks for what was done so far, in words of its own
    return [SentMessage("user", "\n".join(words))] if words else []


def asked(message: SessionMessage) -> str:
    """What a person asked: without what the agent added to it, such as the content of a file."""
    if message.role != "user":
        return ""
    parts = [p for p in message.sorted_parts() if p.type == "file" or (p.type == "text" and p.text)]
    own = [p for p in parts if not p.synthetic]
    if not any(p.type == "text" for p in own):
        own = parts
    words = [describe(p.mime, p.filename, p.bytes) if p.type == "file" else p.text or "" for p in own]
    return "\n".join(words)


def answered(message: SessionMessage) -> SentMessage:
    """What the model answered in a step."""
    parts = message.sorted_parts()
    return SentMessage(
        "assistant",
        "\n".join(part.text for part in parts if part.type == "text" and part.text),
        "\n".join(part.text for part in parts if part.type == "reasoning" and part.text),
        [ToolCall(tool.call, tool.name or "", as_text(tool.input)) for tool in message.sorted_tools()],
    )


def _result(tool: ToolFact) -> SentMessage:
    words = [tool.output or tool.error or "", *(tool.attachments or ())]
    return SentMessage("tool", "\n".join(word for word in words if word), call_id=tool.call, name=tool.name or "")


def as_text(value: Any) -> str:
    """A tool's input as JSON text; a text stays what it is."""
    if value is None:
        return "{}"
    return value if isinstance(value, str) else to_json(value)


def sent(session: SessionState, step: SessionMessage, start: int) -> list[SentMessage]:
    """The conversation that went to the model for `step`, whose request left at `start`, without system prompt."""
    told = spoken_before(session, step, start)
    if told is not None:
        return told
    summary = max(
        (c for c in session.compactions.facts if c.text and c.error_type is None and c.at <= step.created),
        key=lambda c: c.at,
        default=None,
    )
    messages = before(session, step, start)
    if summary is None:
        return _all_said(session, messages)
    return [SentMessage("user", summary.text), *_all_said(session, [m for m in messages if m.created >= summary.at])]


def _all_said(session: SessionState, messages: list[SessionMessage]) -> list[SentMessage]:
    """What `messages` say; they mostly begin as those of the call before did."""
    versions = [message.version for message in messages]
    known, known_versions, held = session.said
    found: list[SentMessage] = held
    count = len(known)
    if messages[:count] != known or versions[:count] != known_versions:
        count, found = 0, []
    found = found.copy()
    for message in messages[count:]:
        if message.info.delivered is not False:
            found += said(message)
    session.said = (messages, versions, found)
    return found


def before(session: SessionState, step: SessionMessage, start: int) -> list[SessionMessage]:
    """The messages that went to the model for `step`, whose request left at `start`, in order."""
    ordered, count = session.ordered, session.before(step)
    since = 0
    for index in range(count - 1, -1, -1):
        if ordered[index][2].role == "assistant" and ordered[index][2].has_own_event:
            since = ordered[index][0]
            break
    told = session.histories.last(start, since)
    if told is not None:
        return [session.messages[m] for m in told.messages if m in session.messages and m != step.id]
    summaries = [m for m in session.summaries.values() if m.done and m.info.error_type is None]
    last = max((m for m in summaries if session.before(m) < count), key=session.before, default=None)
    first = 0
    if last is not None:
        first = session.before(session.messages.get(last.info.parent or "") or last)
    return [message for _, _, message in ordered[first:count]]


class Encoding:
    """The attributes of the input messages of a call; mostly they begin as those of the call before did."""

    __slots__ = ("_data", "_messages", "_sizes")

    def __init__(self) -> None:
        self._messages: list[SentMessage] = []
        self._data = b""
        self._sizes = 0

    def of(self, messages: list[SentMessage]) -> tuple[bytes, int]:
        """`messages` as the bytes of a span that has only them, and how many of the oldest did not fit."""
        count = len(self._messages)
        if messages[:count] != self._messages:
            count, self._data, self._sizes = 0, b"", 0
        fresh = messages[count:]
        self._sizes += sum(message.size() for message in fresh)
        if self._sizes > MOST_BYTES:
            self._messages, self._data, self._sizes = [], b"", 0
            kept, dropped = within(messages)
            return b"".join([message.encoded(index) for index, message in enumerate(kept)]), dropped
        parts = [message.encoded(index) for index, message in enumerate(fresh, count)]
        self._data = b"".join([self._data, *parts])
        self._messages = messages
        return self._data, 0


def spoken_before(session: SessionState, step: SessionMessage, start: int) -> list[SentMessage] | None:
    """The conversation as the hook of OpenCode 2 showed it, before the request of `step` left."""
    told = session.spoken.last(start + 2000, step.created - 5000)
    if told is None:
        return None
    found = []
    for item in told.messages:
        calls = [
            ToolCall(str(call.get("id", "")), str(call.get("name", "")), as_text(call.get("input")))
            for call in item.get("calls") or ()
        ]
        results = item.get("results") or ()
        words = str(item.get("text") or "")
        if words or calls or item.get("reasoning") or not results:
            role = str(item.get("role") or "user")
            found.append(SentMessage(role, words, str(item.get("reasoning") or ""), calls))
        found += [SentMessage("tool", str(r.get("output") or ""), call_id=str(r.get("id") or "")) for r in results]
    return found


def within(messages: list[SentMessage], most_bytes: int = MOST_BYTES) -> tuple[list[SentMessage], int]:
    """The newest messages that fit, and how many older ones do not; system prompts stay."""
    sizes = [message.size() for message in messages]
    excess = sum(sizes) - most_bytes
    if excess <= 0:
        return messages, 0
    kept, dropped = [], 0
    for index, message in enumerate(messages):
        if excess > 0 and message.role != "system" and index < len(messages) - 1:
            excess -= sizes[index]
            dropped += 1
        else:
            kept.append(message)
    return kept, dropped
