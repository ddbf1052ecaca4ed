"""Every text position of OTLP, in one place: what is not listed here cannot be redacted.

Visited: attribute keys and values (arrays, maps, bytes) of resource, scope, span, event, link, log record,
metric, data point and exemplar; span and event names, status messages, trace states; schema URLs; entity
references; scope names and versions; log bodies, severity texts and event names; metric names, descriptions
and units. A test walks the descriptors of the three signals and fails when a text field is missing here.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import ExportRequest, data_points
from collector.policy.model import Place
from collector.redact.otlp.fields import Subject
from collector.redact.otlp.lengths import limit_length
from collector.redact.otlp.strings import Fields, Texts

_SPAN: Fields = (("name", Place.NAME), ("trace_state", Place.TRACE_STATE))
_STATUS: Fields = (("message", Place.STATUS),)
_EVENT: Fields = (("name", Place.EVENT_NAME),)
_LINK: Fields = (("trace_state", Place.TRACE_STATE),)
_RECORD: Fields = (("severity_text", Place.SEVERITY), ("event_name", Place.EVENT_NAME))
_METRIC: Fields = (("name", Place.NAME), ("description", Place.DESCRIPTION), ("unit", Place.UNIT))
_SCHEMA: Fields = (("schema_url", Place.SCHEMA_URL),)
_SCOPE: Fields = (("name", Place.SCOPE), ("version", Place.SCOPE))
_ENTITY: Fields = (("schema_url", Place.SCHEMA_URL), ("type", Place.RESOURCE))


def collect(texts: Texts, request: ExportRequest) -> None:
    """List every text of `request` but the attribute keys that were read before."""
    if isinstance(request, ExportTraceServiceRequest):
        _traces(texts, request)
    elif isinstance(request, ExportLogsServiceRequest):
        _logs(texts, request)
    else:
        _metrics(texts, request)
    limit_length(texts)


def _traces(texts: Texts, request: ExportTraceServiceRequest) -> None:
    attributes = texts.take_attributes
    limits = texts.limits
    for resource in request.resource_spans:
        _resource(texts, resource)
        for scope in resource.scope_spans:
            _scope(texts, scope)
            for span in scope.spans:
                texts.begin(span)
                texts.take(span, _SPAN)
                if span.HasField("status"):
                    texts.take(span.status, _STATUS)
                attributes(span, span.attributes, Place.ATTR)
                if events := span.events:
                    texts.cut_items(span, events, limits.max_events, "dropped_events_count")
                    for event in events:
                        texts.take(event, _EVENT)
                        attributes(event, event.attributes, Place.EVENT_ATTR)
                if links := span.links:
                    texts.cut_items(span, links, limits.max_links, "dropped_links_count")
                    for link in links:
                        texts.take(link, _LINK)
                        attributes(link, link.attributes, Place.LINK_ATTR)
            texts.end_spans()


def _logs(texts: Texts, request: Any) -> None:
    for resource in request.resource_logs:
        _resource(texts, resource)
        for scope in resource.scope_logs:
            _scope(texts, scope)
            for record in scope.log_records:
                texts.subject = Subject(record, texts.subject.resource)
                texts.take(record, _RECORD)
                if record.HasField("body") and not texts.treat_body(record.body):
                    texts.take_value(record.body, record.body.WhichOneof("value"), Place.BODY, 0)
                texts.take_attributes(record, record.attributes, Place.ATTR)


def _metrics(texts: Texts, request: Any) -> None:
    for resource in request.resource_metrics:
        _resource(texts, resource)
        for scope in resource.scope_metrics:
            _scope(texts, scope)
            for metric in scope.metrics:
                texts.take(metric, _METRIC)
                texts.take_attributes(metric, metric.metadata, Place.METRIC_METADATA)
                for point in data_points(metric):
                    texts.take_attributes(point, point.attributes, Place.ATTR)
                    for exemplar in getattr(point, "exemplars", ()):
                        texts.take_attributes(exemplar, exemplar.filtered_attributes, Place.EXEMPLAR)


def _resource(texts: Texts, holder: Any) -> None:
    texts.subject = Subject(None, holder.resource)
    texts.take(holder, _SCHEMA)
    resource = holder.resource
    texts.take_attributes(resource, resource.attributes, Place.RESOURCE)
    for reference in resource.entity_refs:
        texts.take(reference, _ENTITY)
        for field in ("id_keys", "description_keys"):
            texts.take_each(reference, field)


def _scope(texts: Texts, holder: Any) -> None:
    texts.take(holder, _SCHEMA)
    texts.take(holder.scope, _SCOPE)
    texts.take_attributes(holder.scope, holder.scope.attributes, Place.SCOPE)
