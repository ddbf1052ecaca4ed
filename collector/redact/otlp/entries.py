"""What the local store lists of each span, read from the redacted message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.batch import SpanEntry
from collector.openinference.session_ids import SESSION_KEYS, listed_session

_MODEL = ("llm.model_name", "gen_ai.request.model")
_KIND = "openinference.span.kind"
_TOKENS = "llm.token_count.total"
_COST = "llm.cost.total"
_TOOL = ("tool.name", "gen_ai.tool.name")
_AGENT = ("agent.name", "gen_ai.agent.name")
_TITLE = "opencode.session_title"
_DIRECTORY = "opencode.directory"
_PROMPT = "input.value"
_LONGEST_LINE = 200
LISTED = frozenset({*SESSION_KEYS, *_MODEL, _KIND, _TOKENS, _COST, *_TOOL, *_AGENT, _TITLE, _DIRECTORY, _PROMPT})
"""The attributes that an entry is made of."""


def entries(request: ExportTraceServiceRequest, listed: Sequence[Sequence[KeyValue]]) -> tuple[SpanEntry, ...]:
    """One entry a span, in the order of the request; `listed` are the `LISTED` attributes of each."""
    found: list[SpanEntry] = []
    at = iter(listed)
    for resource in request.resource_spans:
        service = next(
            (pair.value.string_value for pair in resource.resource.attributes if pair.key == "service.name"),
            "",
        )
        for scope in resource.scope_spans:
            found += [_entry(span, service, next(at)) for span in scope.spans]
    return tuple(found)


def list_again(request: ExportTraceServiceRequest) -> list[list[KeyValue]]:
    """The `LISTED` attributes that each span has now."""
    return [
        [pair for pair in span.attributes if pair.key in LISTED]
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _entry(span: Span, service: str, listed: Sequence[KeyValue]) -> SpanEntry:
    wanted: dict[str, Any] = {}
    prompt: KeyValue | None = None
    for pair in listed:
        key, value = pair.key, pair.value
        if key == _PROMPT:
            prompt = pair
        elif text := value.string_value:
            wanted[key] = text
        elif (kind := value.WhichOneof("value")) in ("string_value", "int_value", "double_value"):
            wanted[key] = getattr(value, kind)
    get = wanted.get
    span_kind = str(get(_KIND) or "")
    error = span.status.code == Status.STATUS_CODE_ERROR
    parent = span.parent_span_id
    of_turn = span_kind == "AGENT" or not parent
    return SpanEntry(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=parent.hex(),
        session_id=listed_session(_first(wanted, SESSION_KEYS)),
        service=service,
        name=span.name,
        kind=span_kind,
        start_ns=min(span.start_time_unix_nano, _MOST),
        end_ns=min(span.end_time_unix_nano, _MOST),
        error=error,
        model=_first(wanted, _MODEL),
        tokens=int(_number(get(_TOKENS))),
        cost=float(_number(get(_COST))),
        tool=_first(wanted, _TOOL) if span_kind == "TOOL" else "",
        title=str(get(_TITLE) or ""),
        directory=str(get(_DIRECTORY) or ""),
        agent=_first(wanted, _AGENT),
        prompt=prompt.value.string_value[:_LONGEST_LINE] if of_turn and prompt is not None else "",
        failure=span.status.message[:_LONGEST_LINE] if of_turn and error else "",
    )


_MOST = 2**63 - 1  # SQLite's largest integer


def _first(wanted: dict[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        if value := wanted.get(key):
            return str(value)
    return ""


def _number(value: Any) -> float:
    """A count as sent; a value that is no finite, storable number counts as none."""
    if isinstance(value, (int, float)) and abs(value) < _MOST:
        return value
    return 0
