"""Chat messages, and the one writer of them: as OpenInference's numbered keys, and as JSON of OpenAI's chat form.

What is assembled of events and what is reshaped of OTLP is written here, so that both look the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from openinference.semconv.trace import MessageAttributes, MessageContentAttributes, SpanAttributes, ToolCallAttributes

from collector.otlp.values import Value

MOST_KEYS = 20_000
"""Keys written from one list. A message of ten bytes could else grow a hundredfold; the whole list still stands in
input.value or output.value."""

Put: TypeAlias = Callable[[str, Value], None]
"""Sets an attribute; whether an empty text is worth an attribute is decided by who holds the attributes."""

Content: TypeAlias = dict[str, Value]
"""One content by the rest of its keys, after `message_content.`."""

_ROLE = MessageAttributes.MESSAGE_ROLE
_NAME = MessageAttributes.MESSAGE_NAME
_CONTENT = MessageAttributes.MESSAGE_CONTENT
_CONTENTS = MessageAttributes.MESSAGE_CONTENTS
_CALLS = MessageAttributes.MESSAGE_TOOL_CALLS
_RESULT_OF = MessageAttributes.MESSAGE_TOOL_CALL_ID
_CONTENT_OF = MessageContentAttributes.MESSAGE_CONTENT_TYPE.removesuffix("type")
_CALL_ID = ToolCallAttributes.TOOL_CALL_ID
_CALL_NAME = ToolCallAttributes.TOOL_CALL_FUNCTION_NAME
_CALL_ARGUMENTS = ToolCallAttributes.TOOL_CALL_FUNCTION_ARGUMENTS_JSON

_REASONING = "reasoning"
UNKNOWN = "unknown"
"""The type of a content that has no place in OpenInference: its text is the part as JSON, and is written as text."""


@dataclass(slots=True)
class ToolCall:
    """A call as a model asked for it; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str
    signature: str = ""
    """Of the reasoning that led to the call, to be sent back to the model."""


@dataclass(slots=True)
class ChatMessage:
    """One message: contents in order, then the tool calls, or the result of the call `call_id`."""

    role: str
    contents: list[Content] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    call_id: str = ""
    name: str = ""
    finish_reason: str = ""

    @property
    def text(self) -> str:
        """Its text contents, a line each."""
        return "\n".join(str(content["text"]) for content in self.contents if content.get("type") == "text")

    @property
    def reasoning(self) -> str:
        """Its reasoning, a line each; what is encrypted is left out."""
        return "\n".join(str(content.get("text", "")) for content in self.contents if content.get("type") == _REASONING)


def text_contents(text: str, reasoning: str = "") -> list[Content]:
    """The contents of a message that holds a text and the reasoning that led to it, either of which may be empty."""
    found = [{"type": _REASONING, "text": reasoning}] if reasoning else []
    return [*found, {"type": "text", "text": text}] if text else found


def write_input_messages(put: Put, messages: Sequence[ChatMessage]) -> None:
    """Write `messages` as llm.input_messages."""
    _write_messages(put, SpanAttributes.LLM_INPUT_MESSAGES, messages)


def write_output_messages(put: Put, messages: Sequence[ChatMessage]) -> None:
    """Write `messages` as llm.output_messages, and the finish reason the first of them has.

    What a model says is the assistant's, whatever role it was given.
    """
    for message in messages:
        if message.role in ("user", "system"):
            message.role = "assistant"
    _write_messages(put, SpanAttributes.LLM_OUTPUT_MESSAGES, messages)
    finish = next((message.finish_reason for message in messages if message.finish_reason), "")
    if finish:
        put(SpanAttributes.LLM_FINISH_REASON, finish)


def _write_messages(put: Put, prefix: str, messages: Sequence[ChatMessage]) -> None:
    left = MOST_KEYS
    for index, message in enumerate(messages):
        if left <= 0:
            return
        left -= write_message(put, f"{prefix}.{index}.", message)


def write_message(put: Put, base: str, message: ChatMessage) -> int:
    """Write one message under `base`, which ends with a dot; returns how many keys were written, about.

    A single text is message.content. Several contents are message.contents, and where reasoning or what nobody knows is
    among them the text is message.content as well: a reader that knows no more looks for it there.
    """
    put(base + _ROLE, message.role)
    if message.name:
        put(base + _NAME, message.name)
    if message.call_id:
        put(base + _RESULT_OF, message.call_id)
    contents, calls = message.contents, message.calls
    written = 3 * len(calls) + 2
    if len(contents) == 1 and contents[0].get("type") in _TEXTS:
        put(base + _CONTENT, contents[0]["text"])
    elif contents:
        if text := _beside_others(message):
            put(base + _CONTENT, text)
        for at, content in enumerate(contents):
            place = f"{base}{_CONTENTS}.{at}.{_CONTENT_OF}"
            written += len(content)
            for key, value in content.items():
                put(place + key, "text" if value == UNKNOWN and key == "type" else value)
    elif not calls:
        put(base + _CONTENT, "")
    for at, call in enumerate(calls):
        place = f"{base}{_CALLS}.{at}."
        put(place + _CALL_ID, call.id)
        put(place + _CALL_NAME, call.name)
        put(place + _CALL_ARGUMENTS, call.arguments)
        if call.signature:
            put(place + ToolCallAttributes.TOOL_CALL_REASONING_SIGNATURE, call.signature)
    return written


_TEXTS = ("text", UNKNOWN)


def _beside_others(message: ChatMessage) -> str:
    """The text of a message that holds some, and besides nothing but reasoning and what nobody knows."""
    kinds = {content.get("type") for content in message.contents}
    return message.text if "text" in kinds and {"text"} < kinds <= {"text", _REASONING, UNKNOWN} else ""


def chat_form(messages: Sequence[ChatMessage]) -> Value:
    """One plain message as its text; others as a list of OpenAI's chat messages; None for none."""
    if not messages:
        return None
    only = messages[0]
    if len(messages) == 1 and not only.calls and len(only.contents) == 1 and only.contents[0].get("type") in _TEXTS:
        return only.contents[0]["text"]
    return [chat_message(message) for message in messages]


def chat_message(message: ChatMessage) -> dict[str, Value]:
    """`message` as OpenAI's chat messages are written, with `reasoning_content` as many servers add it."""
    found: dict[str, Value] = {"role": message.role}
    shown = [_as_text(content) for content in message.contents if content.get("type") != _REASONING]
    if len(shown) == 1 and shown[0].get("type") == "text":
        found["content"] = shown[0]["text"]
    elif shown:
        found["content"] = shown
    elif not message.contents and not message.calls:
        found["content"] = ""
    if reasoning := message.reasoning:
        found["reasoning_content"] = reasoning
    if message.calls:
        found["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.call_id:
        found["tool_call_id"] = message.call_id
    return found


def _as_text(content: Content) -> Content:
    return {**content, "type": "text"} if content.get("type") == UNKNOWN else content


def read_messages(attributes: Mapping[str, Value], prefix: str) -> list[ChatMessage]:
    """The messages that `write_message` wrote below `prefix`, such as `llm.input_messages`, in their order."""
    found: dict[int, ChatMessage] = {}
    contents: dict[int, dict[int, Content]] = {}
    calls: dict[int, dict[int, ToolCall]] = {}
    for key, value in attributes.items():
        if not key.startswith(prefix):
            continue
        match = _NUMBERED.fullmatch(key, len(prefix))
        if match is None:
            continue
        at, rest, index = int(match["at"]), match["rest"], int(match["inner"] or 0)
        message = found.setdefault(at, ChatMessage(""))
        if match["list"] == "contents":
            contents.setdefault(at, {}).setdefault(index, {})[rest.removeprefix(_CONTENT_OF)] = value
        elif match["list"] == "tool_calls":
            call = calls.setdefault(at, {}).setdefault(index, ToolCall("", "", ""))
            if rest in _CALL_FIELDS:
                setattr(call, _CALL_FIELDS[rest], str(value))
        elif rest == "content":
            message.contents = [{"type": "text", "text": value}]
        elif rest in _FIELDS:
            setattr(message, _FIELDS[rest], str(value))
    for at, message in found.items():
        if at in contents:
            message.contents = [content for _, content in sorted(contents[at].items())]
        message.calls = [call for _, call in sorted(calls.get(at, {}).items())]
    return [message for _, message in sorted(found.items())]


_NUMBERED = re.compile(
    r"\.(?P<at>[0-9]{1,6})\.message\.(?:(?P<list>contents|tool_calls)\.(?P<inner>[0-9]{1,6})\.)?(?P<rest>[a-z_.]+)"
)
_FIELDS = {"role": "role", "name": "name", "tool_call_id": "call_id"}
_CALL_FIELDS = {
    _CALL_ID: "id",
    _CALL_NAME: "name",
    _CALL_ARGUMENTS: "arguments",
    ToolCallAttributes.TOOL_CALL_REASONING_SIGNATURE: "signature",
}
