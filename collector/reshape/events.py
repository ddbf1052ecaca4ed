"""Messages that came as events: span events, log records joined to their span, or a list in an attribute.

Source: the GenAI conventions before 1.37 ("gen_ai.user.message" and so on), which most instrumentations still
write, and 1.37's single `gen_ai.client.inference.operation.details`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collector.openinference.messages import ChatMessage
from collector.otlp.values import Value, read_json, to_text
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
MESSAGE_EVENTS = frozenset({*ROLES, CHOICE, PROMPT, COMPLETION, DETAILS})

_CONTENT_KEYS = {
    **{name: {"content", "tool_calls", "message", "gen_ai.event.content"} for name in ROLES},
    CHOICE: {"message", "content", "tool_calls", "tool.result", "gen_ai.event.content"},
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
    for event in events:
        name = event.name
        if name not in MESSAGE_EVENTS or name == DETAILS:
            continue
        fields = _fields(event)
        if name == CHOICE:
            told.output += _read_choice(fields, reading)
        elif name == COMPLETION:
            told.output += read_messages(fields.get("gen_ai.completion"), "assistant", reading)
        elif name == PROMPT:
            told.input += read_messages(fields.get("gen_ai.prompt"), "user", reading)
        else:
            told.input += _read_message(fields, ROLES[name], reading)
        told.redundant.setdefault(name, set()).update(_CONTENT_KEYS[name] & event.attributes.keys())
    return told


def _fields(event: SourceEvent) -> Mapping[str, Value]:
    """The fields of a message, wherever its instrumentation put them: attributes, or the body of a log record."""
    body = read_json(event.body)
    if not isinstance(body, dict):
        body = {} if body is None else {"content": body}
    fields = {**event.attributes, **body}
    packed = read_json(fields.get("gen_ai.event.content"))
    if packed is not None:
        fields.update(packed if isinstance(packed, dict) else {"content": packed})
    return fields


def _read_message(fields: Mapping[str, Value], role: str, reading: MessageReading) -> list[ChatMessage]:
    content = _blocks(fields.get("content"))
    given = fields.get("role")
    message = {"role": given if isinstance(given, str) and given else role, "content": content}
    for key in ("tool_calls", "tool_call_id", "name"):
        if fields.get(key):
            message[key] = fields[key]
    if role == "tool":
        message["role"] = role
        message.setdefault("tool_call_id", fields.get("id"))
    return read_messages(message, role, reading)


def _read_choice(fields: Mapping[str, Value], reading: MessageReading) -> list[ChatMessage]:
    inner = read_json(fields.get("message"))
    if isinstance(inner, dict) and not _is_block(inner):
        message = {"role": "assistant", **inner, "content": _blocks(inner.get("content"))}
    else:
        message = {"role": "assistant", "content": _blocks(inner if inner is not None else fields.get("content"))}
    if fields.get("tool_calls") and not message.get("tool_calls"):
        message["tool_calls"] = fields["tool_calls"]
    if fields.get("finish_reason"):
        message["finish_reason"] = to_text(fields["finish_reason"])
    return read_messages(message, "assistant", reading)


def _blocks(content: Value) -> Value:
    """Content blocks, also where they came as JSON text; any other text as it is."""
    found = read_json(content)
    if isinstance(found, list) and found and all(_is_block(item) for item in found):
        return found
    return found if isinstance(content, (list, dict)) else content


def _is_block(item: Value) -> bool:
    if not isinstance(item, dict):
        return False
    return isinstance(item.get("type"), str) or (len(item) == 1 and _OF_A_MESSAGE.isdisjoint(item))


_OF_A_MESSAGE = {"role", "content", "tool_calls"}
