"""Messages that came as events: span events, log records joined to their span, or a list in an attribute.

Source: the GenAI conventions before 1.37 ("gen_ai.user.message" and so on), which most instrumentations still
write, and 1.37's single `gen_ai.client.inference.operation.details`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collector.openinference.messages import ChatMessage
from collector.otlp.values import Value, read_json, to_text
from collector.reshape.forms import is_message, is_part, parts_in
from collector.reshape.messages import DEFAULT, MessageReading, read_messages
from collector.reshape.source import SourceEvent

DETAILS = "gen_ai.client.inference.operation.details"
CHOICE = "gen_ai.choice"
PROMPT = "gen_ai.content.prompt"
COMPLETION = "gen_ai.content.completion"
ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
SPLIT = "strands.telemetry.tracer"
"""The record that AWS's distribution makes of a span's messages, named by the scope it took them from."""

MESSAGE_EVENTS = frozenset({*ROLES, CHOICE, PROMPT, COMPLETION, DETAILS, SPLIT})

_CONTENT_KEYS = {
    **{name: {"content", "tool_calls", "message", "gen_ai.event.content", "body"} for name in ROLES},
    CHOICE: {"message", "content", "tool_calls", "gen_ai.event.content", "body"},
    PROMPT: {"gen_ai.prompt"},
    COMPLETION: {"gen_ai.completion"},
}


@dataclass(slots=True)
class EventMessages:
    """What the events of one span tell: what was asked and answered, and which of their keys said so."""

    input: list[ChatMessage] = field(default_factory=list)
    output: list[ChatMessage] = field(default_factory=list)
    redundant: dict[str, set[str]] = field(default_factory=dict)


def read_events(events: Iterable[SourceEvent], reading: MessageReading = DEFAULT) -> EventMessages:
    """The messages of `events`, in their order; other events are passed over."""
    told = EventMessages()
    choices: list[tuple[Value, list[ChatMessage]]] = []
    for event in events:
        name = event.name
        if name not in MESSAGE_EVENTS or name == DETAILS:
            continue
        fields = _fields(event)
        if name == CHOICE:
            choices.append((fields.get("index"), _read_choice(fields, reading)))
        elif name == COMPLETION:
            told.output += read_messages(fields.get("gen_ai.completion"), "assistant", reading)
        elif name == PROMPT:
            told.input += read_messages(fields.get("gen_ai.prompt"), "user", reading)
        elif name == SPLIT:
            told.input += _read_split(event.body, "input", reading)
            told.output += _read_split(event.body, "output", reading)
        else:
            told.input += _read_message(fields, ROLES[name], reading)
        told.redundant.setdefault(name, set()).update(_CONTENT_KEYS.get(name, set()) & event.attributes.keys())
    for messages in _by_index(choices):
        told.output += messages
    return told


def _by_index(choices: list[tuple[Value, list[ChatMessage]]]) -> Iterable[list[ChatMessage]]:
    """The choices of one answer by their number, since a stream ends them in any order; others as they came."""
    by_number = {index: messages for index, messages in choices if isinstance(index, int)}
    if len(by_number) < len(choices):
        return [messages for _, messages in choices]
    return [by_number[index] for index in sorted(by_number)]


def _fields(event: SourceEvent) -> Mapping[str, Value]:
    """The fields of a message, wherever its instrumentation put them: attributes, or the body of a log record."""
    fields = {**event.attributes, **_of_message(event.body)}
    for packed in _PACKED:
        fields.update(_of_message(fields.get(packed)))
    return fields


def _of_message(said: Value) -> dict[str, Value]:
    """The fields that `said` holds, as an object or as its JSON; any other text is the content."""
    read = read_json(said)
    if isinstance(read, dict) and (isinstance(said, dict) or not _FIELDS.isdisjoint(read)):
        return read
    return {} if said is None else {"content": said}


_PACKED = ("gen_ai.event.content", "body")
_FIELDS = {"content", "message", "tool_calls", "parts"}


def _read_message(fields: Mapping[str, Value], role: str, reading: MessageReading) -> list[ChatMessage]:
    given = fields.get("role")
    message = {"role": given if isinstance(given, str) and given else role, "content": parts_in(fields.get("content"))}
    for key in ("tool_calls", "tool_call_id", "name"):
        if fields.get(key):
            message[key] = fields[key]
    if role == "tool":
        message["role"] = role
        message.setdefault("tool_call_id", fields.get("id"))
    return read_messages(message, role, reading)


def _read_choice(fields: Mapping[str, Value], reading: MessageReading) -> list[ChatMessage]:
    message = {"role": "assistant", **_chosen(fields.get("message"), fields)}
    message["content"] = parts_in(message.get("content"))
    if fields.get("tool_calls") and not message.get("tool_calls"):
        message["tool_calls"] = fields["tool_calls"]
    if fields.get("finish_reason"):
        message["finish_reason"] = to_text(fields["finish_reason"])
    return read_messages(message, "assistant", reading)


def _chosen(said: Value, fields: Mapping[str, Value]) -> dict[str, Value]:
    """The message of a choice: an object or its JSON, parts, or the text of an answer, which may well be JSON too."""
    if said is None:
        return {"content": fields.get("content")}
    read = read_json(said)
    if isinstance(read, dict) and not is_part(read) and (isinstance(said, dict) or is_message(read)):
        return read
    return {"content": [read] if isinstance(read, dict) and is_part(read) else said}


def _read_split(body: Value, side: str, reading: MessageReading) -> list[ChatMessage]:
    """The messages on one side of a split record: each with a role, and a span event's fields as its content."""
    told = body.get(side) if isinstance(body, dict) else None
    items = told.get("messages") if isinstance(told, dict) else None
    found: list[ChatMessage] = []
    for item in items if isinstance(items, list) else ():
        role = to_text(item.get("role")) if isinstance(item, dict) else ""
        content = item.get("content") if isinstance(item, dict) else None
        fields = content if isinstance(content, dict) else {"content": content}
        if side == "output":
            found += _read_choice(fields, reading)
        else:
            found += _read_message(fields, role or "user", reading)
    return found
