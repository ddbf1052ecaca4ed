"""One kept span with its attributes as plain values, and the messages that they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.openinference.session_ids import SESSION_KEYS, listed_session
from collector.otlp.values import read_attributes


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event of a span, at `at_ns` (since the epoch)."""

    name: str
    at_ns: int
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShownCall:
    """A tool call as the model asked for it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """One message that a model was sent or answered."""

    role: str
    text: str = ""
    reasoning: str = ""
    calls: tuple[ShownCall, ...] = ()
    call_id: str = ""
    name: str = ""
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownSpan:
    """A kept span; times in nanoseconds since the epoch, ids in hexadecimal."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    service: str
    scope: str
    start_ns: int
    end_ns: int
    failed: bool
    error: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: tuple[ShownEvent, ...] = field(default=())

    def text(self, *keys: str) -> str:
        """The first of these attributes that is there and not empty, as text."""
        for key in keys:
            value = self.attributes.get(key)
            if value not in (None, ""):
                return value if isinstance(value, str) else str(value)
        return ""

    def number(self, *keys: str) -> float | None:
        """The first of these attributes that is a finite number."""
        for key in keys:
            value = self.attributes.get(key)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
                return value
        return None

    @property
    def duration_ns(self) -> int:
        return max(0, self.end_ns - self.start_ns)

    @property
    def session_id(self) -> str:
        """The id under which its session is listed."""
        return listed_session(self.text(*SESSION_KEYS))

    @property
    def key(self) -> str:
        return f"{self.trace_id}/{self.span_id}"

    @cached_property
    def input_messages(self) -> list[ShownMessage]:
        """What the model was sent, oldest first."""
        return _messages(self.attributes, "llm.input_messages.")

    @cached_property
    def output_messages(self) -> list[ShownMessage]:
        """What the model answered."""
        return _messages(self.attributes, "llm.output_messages.")

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The `metadata` attribute where it is a JSON object."""
        return as_object(self.attributes.get("metadata"))

    @cached_property
    def tool_input(self) -> dict[str, Any]:
        """What a tool was called with, where that is a JSON object."""
        return as_object(self.attributes.get("input.value") or self.attributes.get("tool.parameters"))


def as_object(value: Any) -> dict[str, Any]:
    """A JSON object written as text; anything else is an empty one."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}
    return {}


def read_spans(requests: Iterable[ExportTraceServiceRequest]) -> Iterator[ShownSpan]:
    """Every span of these requests, in their order."""
    for request in requests:
        for resource_spans in request.resource_spans:
            resource = read_attributes(resource_spans.resource.attributes)
            service = str(resource.get("service.name") or "")
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    yield _read(span, resource, service, scope_spans.scope.name)


def _read(span: Span, resource: dict[str, Any], service: str, scope: str) -> ShownSpan:
    attributes = read_attributes(span.attributes)
    return ShownSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=str(attributes.get("openinference.span.kind") or ""),
        service=service,
        scope=scope,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        error=span.status.message,
        attributes=attributes,
        resource=resource,
        events=tuple(ShownEvent(e.name, e.time_unix_nano, read_attributes(e.attributes)) for e in span.events),
    )


def _messages(attributes: dict[str, Any], prefix: str) -> list[ShownMessage]:
    by_index: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if key.startswith(prefix):
            number, _, rest = key[len(prefix) :].partition(".message.")
            if number.isdigit() and rest:
                by_index.setdefault(int(number), {})[rest] = value
    return [_message(by_index[index]) for index in sorted(by_index)]


def _message(fields: dict[str, Any]) -> ShownMessage:
    texts: list[str] = []
    reasoning: list[str] = []
    attachments: list[str] = []
    for item in _listed(fields, "contents.", ".message_content."):
        kind, text = str(item.get("type") or "text"), str(item.get("text") or "")
        if kind == "reasoning":
            reasoning.append(text)
        elif kind == "text":
            texts.append(text)
        else:
            attachments.append(str(item.get("image.image.url") or item.get("audio.audio.url") or text or kind)[:200])
    content = fields.get("content")
    calls = tuple(
        ShownCall(
            str(item.get("id") or ""),
            str(item.get("function.name") or ""),
            str(item.get("function.arguments") or ""),
        )
        for item in _listed(fields, "tool_calls.", ".tool_call.")
    )
    return ShownMessage(
        role=str(fields.get("role") or ""),
        text=str(content) if content not in (None, "") else "\n".join(filter(None, texts)),
        reasoning="\n".join(filter(None, reasoning)),
        calls=calls,
        call_id=str(fields.get("tool_call_id") or ""),
        name=str(fields.get("name") or ""),
        attachments=tuple(attachments),
    )


def _listed(fields: dict[str, Any], prefix: str, inner: str) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for key, value in fields.items():
        if key.startswith(prefix):
            number, _, rest = key[len(prefix) :].partition(inner)
            if number.isdigit() and rest:
                found.setdefault(int(number), {})[rest] = value
    return [found[index] for index in sorted(found)]
