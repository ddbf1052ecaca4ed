"""Conversations as the attributes of a span: each message encoded once, the newest that fit (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.assemble.spans.otlp import put, put_texts
from collector.batch import Beginning, Passage, PassageRun
from collector.openinference.messages import (
    ChatMessage,
    Content,
    ToolCall,
    read_messages,
    text_contents,
    write_message,
)
from collector.openinference.tools import ToolDefinition, write_tools

MOST_BYTES = 2 * 1024 * 1024
"""Of one conversation; what came first gives way (destinations take about 4 MiB a request)."""
MOST_ATTRIBUTES = 9_500
"""The same: of a span with more than 10,000 attributes, a policy's default limit takes the last away."""
_STRIDES = 8
_INPUT = "llm.input_messages"
_KNOWN_TOOLS = 8
"""Lists of tools that are kept encoded: one for each agent, and for each of a few projects."""


_WRITTEN = {"calls": "calls", "_text": "text", "_reasoning": "reasoning"}
"""What is read from the attributes of a message that holds these alone."""
_NOTHING = Passage(b"", 0)
_NO_CALLS: list[ToolCall] = []
"""Stands for those of a message that calls no tool; never written to."""


class SentMessage(ChatMessage):
    """One message of a conversation, which keeps its attributes as bytes: the next call sends it again.

    Thousands of them are held: its contents are made of its two texts when they are asked for.
    """

    __slots__ = ("_count", "_index", "_passage", "_reasoning", "_size", "_text")
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
        self.role, self.calls = role, calls or _NO_CALLS
        self.call_id, self.name, self.finish_reason = call_id, name, ""
        self._text, self._reasoning = text, reasoning
        self._index, self._passage = -1, _NOTHING
        self._size = self._count = 0

    @property
    def contents(self) -> list[Content]:  # type: ignore[override]
        return text_contents(self._text, self._reasoning)

    @property
    def text(self) -> str:
        return self._text

    @property
    def reasoning(self) -> str:
        return self._reasoning

    def settle(self) -> None:
        """Hold its attributes alone: what they say is read from them when it is asked for."""
        if self._index >= 0 and not isinstance(self, _SettledMessage):
            _ = self.size(), self.count()
            del self.calls, self._text, self._reasoning
            self.__class__ = _SettledMessage

    def __eq__(self, other: object) -> bool:
        """Messages are compared by identity: conversations of thousands of them are compared at every call."""
        return self is other

    def encoded(self, index: int) -> Passage:
        """The attributes of input message `index`."""
        if self._index != index:
            self._index, self._passage = index, _passage_at(index, self)
        return self._passage

    def size(self) -> int:
        """About how many bytes its attributes take."""
        if not self._size:
            arguments = sum(len(call.arguments) + 200 for call in self.calls)
            self._size = len(self._text) + len(self._reasoning) + arguments + 100
        return self._size

    def count(self) -> int:
        """How many attributes it takes at most."""
        if not self._count:
            contents = 4 if self._text and self._reasoning else 1 if self._text or self._reasoning else 0
            self._count = 3 + contents + 4 * len(self.calls)
        return self._count


class _SettledMessage(SentMessage):
    """One that holds its attributes alone; a class of its own, as what has `__getattr__` is slow to read."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What stands in its attributes alone."""
            if name not in _WRITTEN:
                raise AttributeError(name)
            return getattr(self._read(), _WRITTEN[name])

    def encoded(self, index: int) -> Passage:
        if self._index != index:
            self._index, self._passage = index, _passage_at(index, self._read())
        return self._passage

    def _read(self) -> ChatMessage:
        written = {pair.key: pair.value.string_value for pair in Span.FromString(self._passage.data).attributes}
        return read_messages(written, _INPUT)[0]


def put_message(span: Span, base: str, message: ChatMessage) -> None:
    """Add the attributes of `message`, whose keys begin with `base`."""
    written: dict[str, str] = {}
    write_message(written.__setitem__, base, message)
    put_texts(span, written)


class ConversationEncoding:
    """The attributes of the input messages of a call; mostly they begin as those of the call before did."""

    __slots__ = ("_count", "_dropped", "_kept", "_messages", "_over", "_run", "_size")

    def __init__(self) -> None:
        self._messages: list[SentMessage] = []
        self._size = self._count = 0
        self._kept: list[SentMessage] = []
        self._over: tuple[int, int] | None = None
        """How much of the messages is over, where the oldest that are `_dropped` are enough."""
        self._dropped = 0
        self._run = PassageRun()
        """What these messages are encoded as."""

    def of(self, messages: list[SentMessage]) -> tuple[list[Beginning], int]:
        """The attributes of `messages`, and how many of the oldest did not fit."""
        count = len(self._messages)
        if messages[:count] != self._messages:
            count = self._size = self._count = 0
        new = messages[count:]
        self._size += sum([message.size() for message in new])
        self._count += sum([message.count() for message in new])
        self._messages = messages
        over = _in_strides(self._size, MOST_BYTES), _in_strides(self._count, MOST_ATTRIBUTES)
        if count and over == self._over:
            kept = [*self._kept, *new]
        else:
            kept, self._dropped, is_enough = _newest(messages, *over)
            self._over = over if is_enough else None
        count = len(self._kept)
        if kept[:count] != self._kept:
            count, self._run = 0, PassageRun()
        self._run.extend([message.encoded(index) for index, message in enumerate(kept[count:], count)])
        self._kept = kept
        return [self._run.whole()], self._dropped


class ToolsEncoding:
    """The attributes of the tools that a call offers: mostly those of a call before, of this session or another."""

    def __init__(self) -> None:
        self._known: list[tuple[list[dict[str, Any]], Beginning]] = []

    def of(self, tools: list[dict[str, Any]]) -> Beginning:
        """The attributes of `tools`."""
        index = next((i for i, item in enumerate(self._known) if item[0] is tools or item[0] == tools), None)
        if index is None:
            span = Span()
            definitions = [
                ToolDefinition(str(tool.get("name") or ""), str(tool.get("description") or ""), tool.get("parameters"))
                for tool in tools
            ]
            write_tools(lambda key, value: put(span, {key: value}), definitions)
            self._known = [(tools, PassageRun([_passage_of(span)]).whole()), *self._known[: _KNOWN_TOOLS - 1]]
        elif index:
            self._known.insert(0, self._known.pop(index))
        return self._known[0][1]


def _passage_at(index: int, message: ChatMessage) -> Passage:
    span = Span()
    put_message(span, f"{_INPUT}.{index}.", message)
    return _passage_of(span)


def _passage_of(span: Span) -> Passage:
    return Passage(span.SerializeToString(), len(span.attributes))


def within(
    messages: list[SentMessage],
    size: int,
    count: int,
    most_bytes: int = MOST_BYTES,
    most_attributes: int = MOST_ATTRIBUTES,
) -> tuple[list[SentMessage], int]:
    """The newest of `messages` that fit, and how many older ones do not; system prompts stay.

    All together have `size` bytes in `count` attributes. The oldest give way in strides: until the next, each
    conversation begins as the one before did.
    """
    return _newest(messages, _in_strides(size, most_bytes), _in_strides(count, most_attributes))[:2]


def _newest(messages: list[SentMessage], bytes_over: int, attributes_over: int) -> tuple[list[SentMessage], int, bool]:
    """What is left of `messages` without the oldest, how many these are, and whether they are all that is over."""
    kept: list[SentMessage] = []
    for index, message in enumerate(messages):
        is_enough = bytes_over <= 0 and attributes_over <= 0
        if is_enough or index == len(messages) - 1:
            return [*kept, *messages[index:]], index - len(kept), is_enough
        if message.role == "system":
            kept.append(message)
        else:
            bytes_over -= message.size()
            attributes_over -= message.count()
    return kept, 0, True


def _in_strides(held: int, most: int) -> int:
    """How much of what is held is over, in whole strides."""
    stride = most // _STRIDES
    return -(-max(0, held - most) // stride) * stride
