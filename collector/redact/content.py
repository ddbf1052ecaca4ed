"""The metadata level: what may stay when no content may leave.

An allow-list by exact key, type and shape; everything else goes. A key that is not listed is dropped with
its value, a listed key whose value has another shape keeps only a placeholder, and free text (names, status
messages, log bodies, descriptions) stays only where it has the shape of an identifier.
"""

from __future__ import annotations

import re
from collections import Counter
from enum import StrEnum
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import ExportRequest, data_points

CONTENT = "content"


class ContentLevel(StrEnum):
    """How much text may leave: credentials masked, or nothing but metadata."""

    MASK = "mask"
    METADATA = "metadata"


_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,127}")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,99}")
_SCOPE = re.compile(r"@?[A-Za-z][A-Za-z0-9_./-]{0,99}")
_UNIT = re.compile(r"[A-Za-z0-9%./{}_-]{0,40}")
_SCHEMA = re.compile(r"https://opentelemetry\.io/schemas/[0-9.]{1,12}")
_VERSION = re.compile(r"v?[0-9][A-Za-z0-9.+-]{0,39}")
_KIND = re.compile(r"AGENT|LLM|TOOL|CHAIN|RETRIEVER|EMBEDDING|RERANKER|GUARDRAIL|EVALUATOR|PROMPT|UNKNOWN")
_ROLE = re.compile(r"system|developer|user|assistant|tool|function")
_MIME = re.compile(r"text/plain|application/json")

_SHAPES: dict[str, re.Pattern[str]] = {
    **dict.fromkeys(
        [
            "session.id",
            "conversation.id",
            "gen_ai.conversation.id",
            "user.id",
            "agent.id",
            "agent.name",
            "gen_ai.agent.id",
            "gen_ai.agent.name",
            "agent.stop_reason",
            "opencode.message_id",
            "opencode.parent_session_id",
            "service.name",
            "service.namespace",
            "service.instance.id",
            "deployment.environment",
            "deployment.environment.name",
            "llm.finish_reason",
            "tool.name",
            "tool.id",
            "tool_call.id",
            "gen_ai.tool.name",
            "gen_ai.tool.call.id",
            "gen_ai.tool.type",
            "gen_ai.operation.name",
            "gen_ai.response.id",
            "gen_ai.response.finish_reasons",
            "graph.node.id",
            "graph.node.parent_id",
            "ai.operationId",
            "operation.name",
            "exception.type",
            "error.type",
            "os.type",
            "host.arch",
            "process.runtime.name",
            "telemetry.sdk.name",
            "telemetry.sdk.language",
            "telemetry.distro.name",
            "openinference.project.name",
            "redaction.policy",
            "llm.input_messages.N.message.tool_call_id",
            "llm.input_messages.N.message.tool_calls.N.tool_call.id",
            "llm.input_messages.N.message.tool_calls.N.tool_call.function.name",
            "llm.output_messages.N.message.tool_calls.N.tool_call.id",
            "llm.output_messages.N.message.tool_calls.N.tool_call.function.name",
        ],
        _IDENTIFIER,
    ),
    **dict.fromkeys(
        [
            "llm.model_name",
            "llm.system",
            "llm.provider",
            "gen_ai.system",
            "gen_ai.provider.name",
            "gen_ai.request.model",
            "gen_ai.response.model",
            "embedding.model_name",
            "reranker.model_name",
            "ai.model.id",
            "ai.model.provider",
            "ai.response.model",
        ],
        _MODEL,
    ),
    **dict.fromkeys(["service.version", "telemetry.sdk.version", "process.runtime.version"], _VERSION),
    **dict.fromkeys(["input.mime_type", "output.mime_type"], _MIME),
    "openinference.span.kind": _KIND,
    "llm.input_messages.N.message.role": _ROLE,
    "llm.output_messages.N.message.role": _ROLE,
}
_NUMBERS = re.compile(
    r"llm\.(token_count|cost)\.[a-z_.]{1,60}|gen_ai\.usage\.[a-z_.]{1,60}|ai\.usage\.[A-Za-z.]{1,60}"
    r"|gen_ai\.request\.(max_tokens|temperature|top_p|top_k|seed)"
    r"|ai\.response\.(msToFirstChunk|msToFinish|avgOutputTokensPerSecond)"
    r"|opencode\.(turn_number|cost_usd)|agent\.(tool|llm)_call_count|llm\.streaming|exception\.escaped"
    r"|redaction\.(revision|count)|http\.response\.status_code"
)
_PLACEHOLDER = re.compile(r"\[REDACTED:(?:content|bytes) [0-9]{1,12} B\]")
_INDEX = re.compile(r"\.[0-9]{1,6}(?=\.)")


def keep_metadata(request: ExportRequest, findings: Counter[str]) -> None:
    """Take all content out of `request`, counting every value that went under `content`."""
    reduce = _Reducer(findings)
    if isinstance(request, ExportTraceServiceRequest):
        for resource in request.resource_spans:
            reduce.resource(resource)
            for scope in resource.scope_spans:
                reduce.scope(scope)
                for span in scope.spans:
                    reduce.span(span)
    elif isinstance(request, ExportLogsServiceRequest):
        for logs in request.resource_logs:
            reduce.resource(logs)
            for scope_logs in logs.scope_logs:
                reduce.scope(scope_logs)
                for record in scope_logs.log_records:
                    reduce.text(record, "severity_text", _WORD)
                    reduce.text(record, "event_name", _WORD)
                    if record.HasField("body"):
                        reduce.replace(record.body)
                    reduce.attributes(record.attributes)
    else:
        for metrics in request.resource_metrics:
            reduce.resource(metrics)
            for scope_metrics in metrics.scope_metrics:
                reduce.scope(scope_metrics)
                for metric in scope_metrics.metrics:
                    reduce.text(metric, "name", _SCOPE)
                    reduce.text(metric, "unit", _UNIT)
                    reduce.text(metric, "description", None)
                    reduce.attributes(metric.metadata)
                    for point in data_points(metric):
                        reduce.attributes(point.attributes)
                        for exemplar in getattr(point, "exemplars", ()):
                            reduce.attributes(exemplar.filtered_attributes)


class _Reducer:
    def __init__(self, findings: Counter[str]) -> None:
        self._findings = findings

    def text(self, message: Any, field: str, shape: re.Pattern[str] | None) -> None:
        """Keep a field whose whole text has `shape`; otherwise leave only its size."""
        value = getattr(message, field)
        if value and not (shape and shape.fullmatch(value)) and not _PLACEHOLDER.fullmatch(value):
            setattr(message, field, self._placeholder(len(value.encode("utf-8", "surrogatepass"))))

    def replace(self, value: Any) -> None:
        """Leave the size of what an attribute or a log body held."""
        if _PLACEHOLDER.fullmatch(value.string_value):
            return
        value.string_value = self._placeholder(value.ByteSize())

    def _placeholder(self, size: int) -> str:
        self._findings[CONTENT] += 1
        return f"[REDACTED:{CONTENT} {size} B]"

    def resource(self, holder: Any) -> None:
        self.text(holder, "schema_url", _SCHEMA)
        self.attributes(holder.resource.attributes)
        if holder.resource.entity_refs:
            self._findings[CONTENT] += len(holder.resource.entity_refs)
            del holder.resource.entity_refs[:]

    def scope(self, holder: Any) -> None:
        self.text(holder, "schema_url", _SCHEMA)
        if holder.HasField("scope"):
            self.text(holder.scope, "name", _SCOPE)
            self.text(holder.scope, "version", _VERSION)
            self.attributes(holder.scope.attributes)

    def span(self, span: Span) -> None:
        self.attributes(span.attributes)
        name = span.name
        if not _WORD.fullmatch(name):
            span.name = _safe_name(span) or (name and self._placeholder(len(name.encode("utf-8", "surrogatepass"))))
        self._clear(span, "trace_state")
        if span.HasField("status"):
            self.text(span.status, "message", None)
        for event in span.events:
            self.text(event, "name", _WORD)
            self.attributes(event.attributes)
        for link in span.links:
            self._clear(link, "trace_state")
            self.attributes(link.attributes)

    def _clear(self, message: Any, field: str) -> None:
        if getattr(message, field):
            self._findings[CONTENT] += 1
            message.ClearField(field)

    def attributes(self, pairs: Any) -> None:
        gone = []
        for index, pair in enumerate(pairs):
            key = _INDEX.sub(".N", pair.key)
            shape = _SHAPES.get(key)
            kind = pair.value.WhichOneof("value")
            if shape is not None:
                if not self._fits(pair.value, kind, shape):
                    self.replace(pair.value)
            elif _NUMBERS.fullmatch(key) and kind in ("int_value", "double_value", "bool_value"):
                pass
            elif _is_content(key):
                self.replace(pair.value)
            else:
                gone.append(index)
        for index in reversed(gone):
            self._findings[CONTENT] += 1
            del pairs[index]

    def _fits(self, value: Any, kind: str | None, shape: re.Pattern[str]) -> bool:
        if kind == "string_value":
            return shape.fullmatch(value.string_value) is not None
        if kind == "array_value":
            return all(
                item.WhichOneof("value") == "string_value" and shape.fullmatch(item.string_value)
                for item in value.array_value.values
            )
        return kind is None


_CONTENT_KEYS = {
    "input.value",
    "output.value",
    "metadata",
    "llm.invocation_parameters",
    "exception.message",
    "exception.stacktrace",
}
_CONTENT_SHAPE = re.compile(
    r"llm\.(input|output)_messages\.N\.message\.(content|contents\.N\.message_content\.(text|type))"
    r"|llm\.(input|output)_messages\.N\.message\.tool_calls\.N\.tool_call\.function\.arguments"
)


def _is_content(key: str) -> bool:
    """Keys whose presence is worth knowing: they stay, with the size of what they held."""
    return key in _CONTENT_KEYS or _CONTENT_SHAPE.fullmatch(key) is not None


def _safe_name(span: Span) -> str:
    """A name built from attributes that passed the allow-list, where the given one may not stay."""
    kept = {
        pair.key: pair.value.string_value for pair in span.attributes if pair.key in _NAMING and pair.value.string_value
    }
    if any(text.startswith("[REDACTED:") for text in kept.values()):
        return ""
    model = kept.get("llm.model_name") or kept.get("gen_ai.request.model")
    tool = kept.get("tool.name") or kept.get("gen_ai.tool.name")
    if tool and span.name.startswith(tool):
        return tool
    if model and span.name.endswith(model):
        operation = span.name.removesuffix(model).rstrip("/ ")
        return f"{operation}/{model}" if operation == kept.get("llm.provider") else model
    return ""


_NAMING = {"llm.model_name", "gen_ai.request.model", "tool.name", "gen_ai.tool.name", "llm.provider"}
