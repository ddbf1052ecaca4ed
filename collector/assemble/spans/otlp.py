"""Spans as OTLP: begun, given attributes and events, ended, and put into a request (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.assemble.fold.session import SessionState
from collector.batch import Beginning, Passages

SCOPE = "opencode-collector"

AttributeValue = str | bool | int | float
_NONE, _NO_SPAN = ExportTraceServiceRequest(), Span()


@dataclass(slots=True)
class BuiltSpan:
    """A span in a request of its own, and the session and OpenCode version it is of.

    `passages` are the attributes of its conversation, up to 2 MiB, which are put to the others when it is sealed.
    """

    span: Span
    session: str
    version: str
    request: ExportTraceServiceRequest
    passages: list[Beginning] = field(default_factory=list)

    def whole(self) -> Span:
        """The span with all its attributes."""
        if self.passages:
            self.span.MergeFromString(b"".join([passage.data() for passage in self.passages]))
            self.passages = []
        return self.span

    def size(self) -> int:
        """How many bytes the whole span takes."""
        return self.span.ByteSize() + sum([passage.size for passage in self.passages])


@dataclass(slots=True, kw_only=True)
class SpanHead:
    """What a span begins with: `kind` is OpenInference's, times are milliseconds, `agent` is a name."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    kind: str
    start: int
    end: int
    agent: str | None


def begin(service: str, session: SessionState, head: SpanHead) -> BuiltSpan:
    """A span of `session`; `service` is the id of the agent it is of."""
    version = session.info.version or ""
    request = ExportTraceServiceRequest.FromString(_around(service, version))
    span = request.resource_spans[0].scope_spans[0].spans.add()
    span.MergeFromString(_of_kind(head.kind) + _of_session(session.id) + _of_agent(service, head.agent or service))
    span.trace_id, span.span_id, span.parent_span_id = head.trace_id, head.span_id, head.parent_id
    span.name = head.name
    span.start_time_unix_nano = head.start * 1_000_000
    span.end_time_unix_nano = max(head.start, head.end) * 1_000_000
    return BuiltSpan(span, session.id, version, request)


@lru_cache(maxsize=256)
def _around(service: str, version: str) -> bytes:
    """A request with what stands around a span."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    put_texts(resource.resource, {"service.name": service})
    put(resource.resource, {"service.version": version})
    resource.scope_spans.add().scope.name = SCOPE
    return request.SerializeToString()


@lru_cache(maxsize=8)
def _of_kind(kind: str) -> bytes:
    """What all spans of a kind begin with: spans put together are one with the attributes of all of them."""
    return _head(Span(kind=Span.SPAN_KIND_INTERNAL), {"openinference.span.kind": kind})


@lru_cache(maxsize=256)
def _of_session(session: str) -> bytes:
    return _head(Span(), {"session.id": session})


@lru_cache(maxsize=256)
def _of_agent(service: str, agent: str) -> bytes:
    return _head(Span(), {"agent.id": service, "agent.name": agent})


def _head(span: Span, attributes: Mapping[str, AttributeValue]) -> bytes:
    put(span, attributes)
    return span.SerializeToString()


def put(span: Any, attributes: Mapping[str, AttributeValue]) -> None:
    """Add attributes, but empty texts: what is not known is absent."""
    add = span.attributes.add
    for key, value in attributes.items():
        if value == "":
            continue
        pair = add()  # given a key, it takes twice as long
        pair.key = key
        if isinstance(value, str):
            pair.value.string_value = value if value.isascii() else sound(value)
        elif value is True or value is False:
            pair.value.bool_value = value
        elif isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.double_value = value


def put_texts(span: Any, texts: Mapping[str, str]) -> None:
    """Add texts, also empty ones."""
    add = span.attributes.add
    for key, text in texts.items():
        pair = add()
        pair.key = key
        pair.value.string_value = text if text.isascii() else sound(text)


def event(span: Span, name: str, at: int, attributes: Mapping[str, AttributeValue]) -> None:
    """Add an event at `at` (ms); attributes that no convention names are `opencode.*`."""
    named = {key if key.startswith("exception.") else f"opencode.{key}": value for key, value in attributes.items()}
    put(span.events.add(name=name, time_unix_nano=at * 1_000_000), named)


def finish(span: Span, error_type: str | None = None, error: str | None = None, *, incomplete: bool = False) -> None:
    """Give a span its status; `incomplete` marks one of which the end was not heard."""
    if incomplete:
        put(span, {"opencode.incomplete": True})
    if error_type is None:
        span.status.code = Status.STATUS_CODE_OK
        return
    message = error or error_type
    span.status.code, span.status.message = Status.STATUS_CODE_ERROR, sound(message)
    event(
        span,
        "exception",
        span.end_time_unix_nano // 1_000_000,
        {"exception.type": error_type, "exception.message": message},
    )


def export_request(made: list[BuiltSpan]) -> ExportTraceServiceRequest:
    """Spans as an export request, with one resource for each version of OpenCode among them.

    It takes them over: `made` is empty afterwards, and who else holds one of them holds no span any more.
    """
    for item in made:
        item.whole()
    return shared_request(made)[0]


def shared_request(made: list[BuiltSpan]) -> tuple[ExportTraceServiceRequest, Passages]:
    """The same without the passages of the spans, which stand beside it."""
    passages = {item.span.span_id: item.passages for item in made if item.passages}
    request: ExportTraceServiceRequest | None = None
    scopes: dict[str, Any] = {}
    for item in made:
        scope = scopes.get(item.version)
        if scope is not None:
            scope.spans.append(item.span)
        elif request is None:
            request = item.request
            scopes[item.version] = request.resource_spans[0].scope_spans[0]
        else:
            request.resource_spans.append(item.request.resource_spans[0])
            scopes[item.version] = request.resource_spans[-1].scope_spans[0]
        item.request, item.span = _NONE, _NO_SPAN
    made.clear()
    return request or ExportTraceServiceRequest(), passages


def sound(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
