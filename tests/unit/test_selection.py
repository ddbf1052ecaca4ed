"""What a destination is sent, chosen by service, session, kind and attributes."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.app.destinations import selection_of
from collector.otlp.names import canonical, glob
from collector.otlp.selection import Selection, drop_other_services, keep_selected
from collector.settings.destination_tables import FilterTable

ALL = Selection()


def _put(holder: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        pair = holder.attributes.add(key=key)
        if isinstance(value, str):
            pair.value.string_value = value
        elif isinstance(value, bool):
            pair.value.bool_value = value
        else:
            pair.value.int_value = value


def spans(*services: tuple[str, list[dict[str, Any]]]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    for service, items in services:
        resource = request.resource_spans.add()
        _put(resource.resource, {"service.name": service})
        scope = resource.scope_spans.add()
        for number, attributes in enumerate(items):
            _put(scope.spans.add(name=f"{service}{number}"), attributes)
    return request


def names(request: ExportTraceServiceRequest) -> list[str]:
    return [span.name for rs in request.resource_spans for scope in rs.scope_spans for span in scope.spans]


REQUEST = spans(
    ("a", [{"openinference.span.kind": "LLM", "session.id": "s1"}, {"openinference.span.kind": "tool ", "n": 3}]),
    ("b-web", [{"gen_ai.conversation.id": "s2", "flag": True}, {}]),
)


@pytest.mark.parametrize(
    ("only", "kept"),
    [
        (Selection(), ["a0", "a1", "b-web0", "b-web1"]),
        (Selection(services=("b-*",)), ["b-web0", "b-web1"]),
        (Selection(services=("b-*", "a")), ["a0", "a1", "b-web0", "b-web1"]),
        (Selection(kinds=("TOOL",)), ["a1"]),
        (Selection(sessions=("s*",)), ["a0", "b-web0"]),
        (Selection(services=("a",), sessions=("s2",)), []),
        (Selection(attributes={"n": ("3",)}), ["a1"]),
        (Selection(attributes={"flag": ("true",)}), ["b-web0"]),
        (Selection(attributes={"absent": ("*",)}), []),
    ],
)
def test_an_item_must_match_all_that_is_given(only: Selection, kept: list[str]) -> None:
    found, left = keep_selected(REQUEST, only, ())
    assert names(found) == kept
    assert left == 4 - len(kept)
    assert all(rs.scope_spans for rs in found.resource_spans)


def test_what_is_excluded_goes_whatever_else_it_matches() -> None:
    never = (Selection(kinds=("TOOL",)), Selection(sessions=("s2",)))
    assert names(keep_selected(REQUEST, ALL, never)[0]) == ["a0", "b-web1"]


def test_a_request_of_which_all_is_wanted_is_passed_on_as_it_is() -> None:
    assert keep_selected(REQUEST, ALL, ()) == (REQUEST, 0)
    assert keep_selected(REQUEST, ALL, ())[0] is REQUEST


def test_metrics_are_chosen_by_their_data_points_and_logs_by_their_records() -> None:
    metrics = ExportMetricsServiceRequest()
    scope = metrics.resource_metrics.add().scope_metrics.add()
    for values in (["x", "y"], ["y"]):
        metric = scope.metrics.add(name="m")
        for value in values:
            _put(metric.sum.data_points.add(as_int=1), {"k": value})
    found, left = keep_selected(metrics, Selection(attributes={"k": ("x",)}), ())
    assert left == 2
    [metric] = found.resource_metrics[0].scope_metrics[0].metrics
    assert len(metric.sum.data_points) == 1
    assert len(scope.metrics[0].sum.data_points) == 2, "what is kept is a copy"
    logs = ExportLogsServiceRequest()
    _put(logs.resource_logs.add().scope_logs.add().log_records.add(), {"session.id": "s1"})
    assert keep_selected(logs, Selection(sessions=("s1",)), ())[1] == 0
    assert keep_selected(logs, Selection(kinds=("LLM",)), ())[1] == 1


@pytest.mark.parametrize("written", ["TOOL", " tool", "Tool\u200b", "\uff34OOL", "TO\x00OL", "TOOL\n"])
def test_names_are_compared_in_one_form(written: str) -> None:
    assert canonical(written).upper() == "TOOL"


def test_a_pattern_takes_time_linear_in_the_text() -> None:
    assert not glob("*a*a*a*a*a*a*a*b", "a" * 1_000_000)
    assert glob("a*b*c", "a-b-c") and not glob("a*b*c", "a-c-b")


def test_each_list_of_a_filters_table_chooses() -> None:
    """A list added to the table and forgotten in what is built from it would choose nothing, in silence."""
    for name in FilterTable.model_fields:
        given: Any = {"some.key": ["a*"]} if name == "attribute" else ["a*"]
        assert not selection_of(FilterTable(**{name: given})).is_empty, name


def test_what_is_of_no_allowed_service_goes_whatever_its_items_call_themselves() -> None:
    request = spans(("shop-1", [{}, {}]), ("payroll", [{"service.name": "shop-1"}]), ("shop", [{}]))
    request.resource_spans.add().scope_spans.add().spans.add(name="of none")
    assert drop_other_services(request, ["shop-*"]) == 3
    assert names(request) == ["shop-10", "shop-11"]


def test_a_second_name_beside_an_allowed_one_is_not_allowed() -> None:
    request = spans(("shop-1", [{}]))
    _put(request.resource_spans[0].resource, {"service.name": "payroll"})
    assert drop_other_services(request, ["shop-*"]) == 1
