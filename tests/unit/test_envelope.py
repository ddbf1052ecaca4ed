"""Items are taken out of their envelopes whole: none is lost, none is doubled, each keeps its resource and scope."""

from __future__ import annotations

from typing import Any

import pytest
from harness.telemetry import logs, metrics, span_ids, traces
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import count_items, data_points
from collector.otlp.envelope import halves, prune, select, take_range, take_span


def _metrics(points: list[int]) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    number = 0
    for at, count in enumerate(points):
        metric = scope.metrics.add(name=f"m{at}", unit="ms")
        metric.sum.is_monotonic = True
        for _ in range(count):
            metric.sum.data_points.add(as_int=number)
            number += 1
    return request


def _values(request: ExportMetricsServiceRequest) -> list[int]:
    return [
        point.as_int
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in data_points(metric)
    ]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.data())
def test_ranges_of_data_points_cut_through_metrics(points: list[int], data: Any) -> None:
    """The ledger counts data points, so what is queued and settled is a range of them, not of metrics."""
    request = _metrics(points)
    first = data.draw(st.integers(0, sum(points) - 1))
    items = data.draw(st.integers(1, sum(points) - first))
    part = take_range(request, first, items)
    assert _values(part) == list(range(first, first + items))
    taken = [metric for scope in part.resource_metrics[0].scope_metrics for metric in scope.metrics]
    assert all(metric.unit == "ms" and metric.sum.is_monotonic for metric in taken)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_halves_hold_every_span_once_in_order(counts: list[int]) -> None:
    request = ExportTraceServiceRequest()
    for count in counts:
        request.MergeFrom(traces(count))
    first, second = halves(request)
    assert span_ids(first) + span_ids(second) == span_ids(request)
    assert count_items(second) - count_items(first) in (0, 1)


@pytest.mark.parametrize("request_", [traces(3), logs(3), metrics(3)], ids=["traces", "logs", "metrics"])
def test_the_whole_range_is_the_request_itself(request_: Any) -> None:
    assert take_range(request_, 0, count_items(request_)) == request_


def test_a_span_is_taken_with_its_resource_and_scope() -> None:
    request = traces(3)
    span = request.resource_spans[0].scope_spans[0].spans[1]
    alone = take_span(request, span.trace_id, span.span_id)
    assert alone is not None
    assert span_ids(alone) == [span.span_id.hex()]
    assert alone.resource_spans[0].resource == request.resource_spans[0].resource
    assert alone.resource_spans[0].scope_spans[0].scope.name == "test"
    assert take_span(request, span.trace_id, b"\0" * 8) is None


def test_what_is_not_wanted_leaves_no_empty_envelope() -> None:
    request = traces(2)
    request.MergeFrom(traces(2, session="other"))
    assert select(request, lambda *_: False) == ExportTraceServiceRequest()
    kept = select(request, lambda _, __, span: span == request.resource_spans[1].scope_spans[0].spans[0])
    assert len(kept.resource_spans) == 1


def test_empty_envelopes_are_dropped() -> None:
    request = traces(1)
    request.resource_spans.add().scope_spans.add()
    request.resource_spans[0].scope_spans.add()
    prune(request)
    assert request == ExportTraceServiceRequest.FromString(request.SerializeToString())
    assert [len(resource.scope_spans) for resource in request.resource_spans] == [1]
