"""The metadata level: what may stay when no content may leave.

An allow-list by exact key, type and shape; everything else goes. A key that is not listed is dropped with
its value, a listed key whose value has another shape keeps only a placeholder, and free text (names, status
messages, log bodies, descriptions) stays only where it has the shape of an identifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import ExportRequest, data_points
from collector.policy.model import Action, FieldRule, Policy
from collector.redact.otlp.fields import REPORT, Subject, fits
from collector.redact.otlp.items import cut, delete
from collector.redact.otlp.opaque import opaque
from collector.redact.placeholders import rule_named_by, sized
from collector.redact.report import CONTENT, FORGED, Tally

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
            "opencode.child_session_id",
            "opencode.project_id",
            "opencode.error_type",
            "opencode.variant",
            "opencode.permission",
            "opencode.reply",
            "opencode.request_id",
            "llm.tools.N.tool.name",
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
            "llm.request.model_name",
            "llm.response.model_name",
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
    **dict.fromkeys(
        ["opencode.version", "service.version", "telemetry.sdk.version", "process.runtime.version"], _VERSION
    ),
    **dict.fromkeys(["input.mime_type", "output.mime_type"], _MIME),
    "openinference.span.kind": _KIND,
    "llm.input_messages.N.message.role": _ROLE,
    "llm.output_messages.N.message.role": _ROLE,
}
_NUMBERS = re.compile(
    r"llm\.(token_count|cost)\.[a-z_.]{1,60}|gen_ai\.usage\.[a-z_.]{1,60}|ai\.usage\.[A-Za-z.]{1,60}"
    r"|gen_ai\.request\.(max_tokens|temperature|top_p|top_k|seed)"
    r"|ai\.response\.(msToFirstChunk|msToFinish|avgOutputTokensPerSecond)"
    r"|opencode\.(turn_number|cost_usd|attempt|exit_code|exit|incomplete|synthetic|time_to_first_token_ms|next_ms)"
    r"|opencode\.(waited_ms|count|file_count|pending|in_progress|completed|cancelled|additions|deletions)"
    r"|opencode\.(dropped_input_messages|compaction\.(auto|overflow))|agent\.(tool|llm)_call_count|llm\.streaming|exception\.escaped"
    r"|http\.response\.status_code"
)
_INDEX = re.compile(r"\.[0-9]{1,6}(?=\.)")


LosesContent = Callable[[Subject | None], bool]
"""Which items lose their content; asked for None where no item is meant: a resource, a scope."""


def keep_metadata(
    request: ExportRequest,
    tally: Tally,
    policy: Policy,
    keep: Sequence[FieldRule],
    loses: LosesContent = lambda _: True,
) -> None:
    """Take the content out of what `loses` it, counting every value that went under `content`.

    Attributes beyond the limit go first, as they would without this: what it takes away must not make room for others.
    """
    reduce = _Reducer(tally, keep, policy.limits.max_attributes)
    shared = loses(None)
    resources, scopes, items = _FIELDS[type(request)]
    number = 0
    for resource in getattr(request, resources):
        if shared:
            reduce.resource(resource)
        for scope in getattr(resource, scopes):
            if shared:
                reduce.scope(scope)
            for item in getattr(scope, items):
                if items == "spans":
                    tally.at = number
                    number += 1
                if loses(Subject(item, resource.resource)):
                    getattr(reduce, items)(item)
            tally.at = -1


_FIELDS = {
    ExportTraceServiceRequest: ("resource_spans", "scope_spans", "spans"),
    ExportLogsServiceRequest: ("resource_logs", "scope_logs", "log_records"),
    ExportMetricsServiceRequest: ("resource_metrics", "scope_metrics", "metrics"),
}


class _Reducer:
    def __init__(self, tally: Tally, keep: Sequence[FieldRule], most: int) -> None:
        self._tally = tally
        self._most = most
        self._keep = {rule.key: rule for rule in keep}

    def text(self, message: Any, field: str, shape: re.Pattern[str] | None) -> None:
        """Keep a field whose whole text has `shape`; otherwise leave only its size."""
        value = getattr(message, field)
        if value and not (shape and shape.fullmatch(value)) and not opaque(value):
            setattr(message, field, self._placeholder(len(value.encode("utf-8", "surrogatepass"))))

    def replace(self, value: Any) -> None:
        if not (value.WhichOneof("value") == "string_value" and opaque(value.string_value)):
            value.string_value = self._placeholder(value.ByteSize())

    def _placeholder(self, size: int) -> str:
        self._tally.add(CONTENT, Action.PLACEHOLDER)
        return sized(CONTENT, size)

    def resource(self, holder: Any) -> None:
        self.text(holder, "schema_url", _SCHEMA)
        self.attributes(holder.resource, holder.resource.attributes)
        if holder.resource.entity_refs:
            self._tally.add(CONTENT, Action.DROP, len(holder.resource.entity_refs))
            del holder.resource.entity_refs[:]

    def scope(self, holder: Any) -> None:
        self.text(holder, "schema_url", _SCHEMA)
        if holder.HasField("scope"):
            self.text(holder.scope, "name", _SCOPE)
            self.text(holder.scope, "version", _VERSION)
            self.attributes(holder.scope, holder.scope.attributes)

    def spans(self, span: Span) -> None:
        self.attributes(span, span.attributes)
        name = span.name
        if not _WORD.fullmatch(name) and not opaque(name):
            span.name = _safe_name(span) or (name and self._placeholder(len(name.encode("utf-8", "surrogatepass"))))
        self._clear(span, "trace_state")
        if span.HasField("status"):
            self.text(span.status, "message", None)
        for event in span.events:
            self.text(event, "name", _WORD)
            self.attributes(event, event.attributes)
        for link in span.links:
            self._clear(link, "trace_state")
            self.attributes(link, link.attributes)

    def log_records(self, record: Any) -> None:
        self.text(record, "severity_text", _WORD)
        self.text(record, "event_name", _WORD)
        if record.HasField("body"):
            self.replace(record.body)
        self.attributes(record, record.attributes)

    def metrics(self, metric: Any) -> None:
        self.text(metric, "name", _SCOPE)
        self.text(metric, "unit", _UNIT)
        self.text(metric, "description", None)
        self.attributes(metric, metric.metadata)
        for point in data_points(metric):
            self.attributes(point, point.attributes)
            for exemplar in getattr(point, "exemplars", ()):
                self.attributes(exemplar, exemplar.filtered_attributes)

    def _clear(self, message: Any, field: str) -> None:
        if getattr(message, field):
            self._tally.add(CONTENT, Action.DROP)
            message.ClearField(field)

    def attributes(self, holder: Any, pairs: Any) -> None:
        cut(holder, pairs, self._most, "dropped_attributes_count", self._tally)
        gone = []
        for index, pair in enumerate(pairs):
            key = pair.key
            found = _classify(key)
            kind = pair.value.WhichOneof("value")
            if key in self._keep:
                if not fits(self._keep[key], pair.value):
                    self.replace(pair.value)
            elif isinstance(found, re.Pattern):
                if not self._fits(pair.value, kind, found):
                    self.replace(pair.value)
            elif found is CONTENT:
                self.replace(pair.value)
            elif not (found is _NUMBER and kind in ("int_value", "double_value", "bool_value")):
                gone.append(index)
                self._tally.add(FORGED if key.startswith(REPORT) else CONTENT, Action.DROP)
        if gone:
            delete(pairs, gone)

    def _fits(self, value: Any, kind: str | None, shape: re.Pattern[str]) -> bool:
        if kind == "string_value":
            return shape.fullmatch(value.string_value) is not None
        if kind == "array_value":
            return len(value.array_value.values) <= _MOST_WORDS and all(
                item.WhichOneof("value") == "string_value" and shape.fullmatch(item.string_value)
                for item in value.array_value.values
            )
        return kind is None


_MOST_WORDS = 16
_NUMBER = "number"


@lru_cache(4096)
def _classify(key: str) -> re.Pattern[str] | str | None:
    """What a key may hold: text of a shape, a number, content (its size stays), or nothing at all."""
    if len(key) > _LONGEST_KEY:
        return None
    key = _INDEX.sub(".N", key)
    if key in _SHAPES:
        return _SHAPES[key]
    if _NUMBERS.fullmatch(key):
        return _NUMBER
    return CONTENT if _is_content(key) else None


_LONGEST_KEY = 256


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
    if any(map(rule_named_by, kept.values())):
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
