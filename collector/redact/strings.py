"""Every text position of OTLP, in one place: what is not listed here cannot be redacted.

Visited: attribute keys and values (arrays, maps, bytes) of resource, scope, span, event, link, log record,
metric, data point and exemplar; span and event names, status messages, trace states; schema URLs; entity
references; scope names and versions; log bodies, severity texts and event names; metric names, descriptions
and units. A test walks the descriptors of the three signals and fails when a text field is missing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import ExportRequest, data_points

MAX_DEPTH = 32
"""Attribute values nested deeper are replaced whole (OTLP decoders stop at about 50)."""

TOO_DEEP = "too-deep"
BYTES = "bytes"

Slot = tuple[Any, str, int]
"""Where a text came from: the message, its field, and the index in a repeated field (-1 for a single one)."""


class Texts:
    """The texts of one request and the places they came from, to be read together and written back singly."""

    __slots__ = ("_known", "replaced", "slots", "texts")

    def __init__(self, known_keys: set[str]) -> None:
        self.texts: list[str] = []
        self.slots: list[Slot] = []
        self.replaced: list[str] = []
        self._known = known_keys

    def put(self, index: int, text: str) -> None:
        """Write `text` where text number `index` was read."""
        message, field, at = self.slots[index]
        if at < 0:
            setattr(message, field, text)
        else:
            getattr(message, field)[at] = text

    def take(self, message: Any, *fields: str) -> None:
        for field in fields:
            text = getattr(message, field)
            if text:
                self.texts.append(text)
                self.slots.append((message, field, -1))

    def take_attributes(self, pairs: Iterable[Any], depth: int = 0) -> None:
        known, texts, slots = self._known, self.texts, self.slots
        for pair in pairs:
            key = pair.key
            if key not in known:
                texts.append(key)
                slots.append((pair, "key", -1))
            value = pair.value
            kind = value.WhichOneof("value")
            if kind == "string_value":
                texts.append(value.string_value)
                slots.append((value, "string_value", -1))
            elif kind is not None and kind not in _NUMBERS:
                self.take_value(value, kind, depth)

    def take_value(self, value: Any, kind: str | None, depth: int) -> None:
        if kind == "string_value":
            self.texts.append(value.string_value)
            self.slots.append((value, "string_value", -1))
        elif kind == "bytes_value":
            # Nobody can say what bytes hold (a compressed prompt, an image): their size is all that stays.
            value.string_value = f"[REDACTED:{BYTES} {len(value.bytes_value)} B]"
            self.replaced.append(BYTES)
        elif kind in ("array_value", "kvlist_value"):
            if depth >= MAX_DEPTH:
                value.string_value = f"[REDACTED:{TOO_DEEP}]"
                self.replaced.append(TOO_DEEP)
            elif kind == "array_value":
                for item in value.array_value.values:
                    self.take_value(item, item.WhichOneof("value"), depth + 1)
            else:
                self.take_attributes(value.kvlist_value.values, depth + 1)


_NUMBERS = {"int_value", "double_value", "bool_value", "string_value_strindex"}


def collect(request: ExportRequest, known_keys: set[str]) -> Texts:
    """List every text of `request` but the attribute keys in `known_keys`; bytes are replaced on the way."""
    texts = Texts(known_keys)
    if isinstance(request, ExportTraceServiceRequest):
        _traces(texts, request)
    elif isinstance(request, ExportLogsServiceRequest):
        _logs(texts, request)
    else:
        _metrics(texts, request)
    return texts


def _traces(texts: Texts, request: ExportTraceServiceRequest) -> None:
    attributes = texts.take_attributes
    for resource in request.resource_spans:
        _resource(texts, resource)
        for scope in resource.scope_spans:
            _scope(texts, scope)
            for span in scope.spans:
                texts.take(span, "name", "trace_state")
                if span.HasField("status"):
                    texts.take(span.status, "message")
                attributes(span.attributes)
                for event in span.events:
                    texts.take(event, "name")
                    attributes(event.attributes)
                for link in span.links:
                    texts.take(link, "trace_state")
                    attributes(link.attributes)


def _logs(texts: Texts, request: Any) -> None:
    for resource in request.resource_logs:
        _resource(texts, resource)
        for scope in resource.scope_logs:
            _scope(texts, scope)
            for record in scope.log_records:
                texts.take(record, "severity_text", "event_name")
                texts.take_value(record.body, record.body.WhichOneof("value"), 0)
                texts.take_attributes(record.attributes)


def _metrics(texts: Texts, request: Any) -> None:
    for resource in request.resource_metrics:
        _resource(texts, resource)
        for scope in resource.scope_metrics:
            _scope(texts, scope)
            for metric in scope.metrics:
                texts.take(metric, "name", "description", "unit")
                texts.take_attributes(metric.metadata)
                for point in data_points(metric):
                    texts.take_attributes(point.attributes)
                    for exemplar in getattr(point, "exemplars", ()):
                        texts.take_attributes(exemplar.filtered_attributes)


def _resource(texts: Texts, holder: Any) -> None:
    texts.take(holder, "schema_url")
    resource = holder.resource
    texts.take_attributes(resource.attributes)
    for reference in resource.entity_refs:
        texts.take(reference, "schema_url", "type")
        for field in ("id_keys", "description_keys"):
            for index, key in enumerate(getattr(reference, field)):
                texts.texts.append(key)
                texts.slots.append((reference, field, index))


def _scope(texts: Texts, holder: Any) -> None:
    texts.take(holder, "schema_url")
    texts.take(holder.scope, "name", "version")
    texts.take_attributes(holder.scope.attributes)
