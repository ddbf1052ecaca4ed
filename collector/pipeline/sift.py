"""OpenCode's own OTLP export: its internal spans told apart, its model and tool spans grouped by session (pure).

With `OTEL_EXPORTER_OTLP_ENDPOINT` set OpenCode sends hundreds of internal spans a turn, and one trace for the life of
a process. The spans of the AI SDK (`ai.*`) and `Tool.execute` are kept: their trace id is derived from their session,
and a parent that is left out is no parent. Of a session whose events come here too, the events tell more.

The npm plugin tells the same turns as events do, and tokens would be doubled: a span of it is left out when events told
of the same turn, call or message first, and what is kept of it leaves marks, by which events that come later are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.assemble.ids import trace_id
from collector.assemble.marks import events_begun_like_npm, events_like_npm, marks_of_npm
from collector.batch import ExportRequest

INTERNAL = "internal span of OpenCode"
DOUBLE = "told by OpenCode's events as well"
TWICE = "told by OpenCode's events before the npm plugin"

_SCOPE = "opencode"
_SDK = "@effect/opentelemetry"
_NPM = "@inference/trace-opencode"
_SESSION = ("session.id", "ai.telemetry.metadata.sessionId")
_WANTED = ("ai.", "gen_ai.", "llm.", "openinference.")


class Sieve:
    """Leaves in a request what OpenCode tells once: the wanted spans of its own export, one teller's spans of a turn.

    `has_events` says of which sessions events come here, `told` whether any of some marks was left.
    """

    def __init__(
        self,
        has_events: Callable[[str], bool] = lambda _: False,
        told: Callable[[Collection[bytes]], bool] = lambda _: False,
        *,
        keep_internal: bool = False,
    ) -> None:
        self._has_events = has_events
        self._told = told
        self._keep_internal = keep_internal

    def sift(self, request: ExportRequest) -> Counter[str]:
        """Change `request` in place; how many spans were left out, by reason."""
        dropped: Counter[str] = Counter()
        if isinstance(request, ExportTraceServiceRequest):
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    if scope.scope.name == _SCOPE and _is_opencode(resource.resource):
                        self._scope(scope, dropped)
                    elif scope.scope.name == _NPM:
                        self._npm(scope, dropped)
        return dropped

    def _npm(self, scope: Any, dropped: Counter[str]) -> None:
        for index in reversed(range(len(scope.spans))):
            span = scope.spans[index]
            session = _text(span, "session.id")
            if session and self._has_events(session) and (self._told(events_like_npm(span)) or self._begun(span)):
                dropped[TWICE] += 1
                del scope.spans[index]

    def _begun(self, span: Span) -> bool:
        """Whether events tell of a turn that is not over: of its prompt, and of what was answered."""
        prompts, answers = events_begun_like_npm(span)
        return bool(prompts) and self._told(prompts) and self._told(answers)

    def _scope(self, scope: Any, dropped: Counter[str]) -> None:
        spans = scope.spans
        wanted = [_is_wanted(span) for span in spans]
        kept = {span.span_id for span, want in zip(spans, wanted, strict=True) if want or self._keep_internal}
        calls = {
            call: span.span_id
            for span in spans
            if span.name == "ai.toolCall" and (call := _text(span, "ai.toolCall.id"))
        }
        for index in reversed(range(len(spans))):
            span = spans[index]
            if not wanted[index]:
                if not self._keep_internal:
                    dropped[INTERNAL] += 1
                    del spans[index]
                continue
            session = next((found for name in _SESSION if (found := _text(span, name))), "")
            if session and self._has_events(session):
                dropped[DOUBLE] += 1
                del spans[index]
            elif session:
                span.trace_id = trace_id(session, "native")
                span.parent_span_id = _parent(span, kept, calls)


def npm_marks(request: ExportRequest) -> tuple[bytes, ...]:
    """The marks of what the npm plugin's spans in a request tell."""
    if not isinstance(request, ExportTraceServiceRequest):
        return ()
    scopes = (scope for resource in request.resource_spans for scope in resource.scope_spans)
    return tuple(
        mark for scope in scopes if scope.scope.name == _NPM for span in scope.spans for mark in marks_of_npm(span)
    )


def _is_opencode(resource: Any) -> bool:
    for pair in resource.attributes:
        value = pair.value.string_value
        if pair.key in ("opencode.client", "opencode.run"):
            return True
        if (pair.key, value) in (("service.name", "opencode"), ("telemetry.sdk.name", _SDK)):
            return True
    return False


def _is_wanted(span: Span) -> bool:
    if span.name.startswith("ai.") or span.name == "Tool.execute":
        return True
    return any(pair.key.startswith(_WANTED) for pair in span.attributes)


def _parent(span: Span, kept: set[bytes], calls: dict[str, bytes]) -> bytes:
    """The parent that stays: calls below `ai.*` operations have one of those, operations have none."""
    if span.name == "Tool.execute":
        return calls.get(_text(span, "tool.call_id"), b"")
    inner = span.name == "ai.toolCall" or span.name.count(".") > 1
    return span.parent_span_id if inner or span.parent_span_id in kept else b""


def _text(span: Span, key: str) -> str:
    return next((pair.value.string_value for pair in span.attributes if pair.key == key), "")
