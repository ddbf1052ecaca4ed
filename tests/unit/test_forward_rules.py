"""The pure part of forwarding: what an answer means, how long to wait, how telemetry is split."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from harness.telemetry import logs, metrics, span_ids, traces
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.batch import Signal
from collector.forward.backoff import delay
from collector.forward.outcome import (
    Blocked,
    Delivered,
    NotServed,
    OtherEncoding,
    Rejected,
    Retry,
    TooBig,
    judge,
    retry_after,
)
from collector.forward.split import parts
from collector.otlp.write import to_json

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _judge(status: int, signal: Signal = Signal.TRACES, body: bytes = b"", **headers: str):  # type: ignore[no-untyped-def]
    return judge(signal, status, {key.replace("_", "-"): value for key, value in headers.items()}, body, NOW)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Delivered), (202, Delivered), (429, Retry), (502, Retry), (503, Retry), (504, Retry),
        (401, Blocked), (403, Blocked), (301, Blocked), (404, Blocked), (413, TooBig), (415, OtherEncoding),
        (400, Rejected), (422, Rejected), (500, Rejected), (508, Rejected),
    ],
)  # fmt: skip
def test_each_status_has_one_meaning(status: int, kind: type) -> None:
    """Only 429, 502, 503 and 504 may be retried as they are (specification, "Retryable Response Codes")."""
    assert isinstance(_judge(status), kind)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_destination_without_a_path_for_logs_does_not_take_logs(status: int) -> None:
    """Phoenix answers /v1/logs with 405; a wrong traces address is a mistake a person can mend."""
    assert isinstance(_judge(status, Signal.LOGS), NotServed)
    assert isinstance(_judge(status, Signal.TRACES), Blocked)


def test_partial_success_is_read_in_both_encodings() -> None:
    body = orjson.dumps({"partialSuccess": {"rejectedSpans": "3", "errorMessage": "CANARY7"}})
    answer = _judge(200, body=body, content_type="application/json; charset=utf-8")
    assert answer == Delivered("HTTP 200, 3 spans left out", 3)
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = 2
    assert _judge(200, body=response.SerializeToString(), content_type="application/x-protobuf").refused == 2
    logs_body = orjson.dumps({"partialSuccess": {"rejectedLogRecords": 1}})
    assert _judge(200, Signal.LOGS, body=logs_body, content_type="application/json").refused == 1


@pytest.mark.parametrize(
    "body", [b"", b"ok", b"[]", b"null", b'{"partialSuccess":[]}', b'{"partialSuccess":{"rejectedSpans":"x"}}']
)
def test_an_unreadable_success_is_still_a_success(body: bytes) -> None:
    """Sending it again would only make doubles."""
    assert _judge(200, body=body, content_type="application/json") == Delivered("HTTP 200", 0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("99999999999999", 600.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.integers(1, 1000), st.none() | st.floats(0, 600), st.floats(0, 1))
def test_waiting_grows_to_a_bound_and_honours_the_destination(
    failures: int, after: float | None, chance: float
) -> None:
    wait = delay(failures, after, chance)
    assert wait >= (after or 0)
    assert 0.5 <= wait <= max(30, after or 0)


def _plain(signal: Signal, data: bytes) -> bytes:
    return to_json(signal.request.FromString(data))


@given(st.integers(1, 40), st.integers(0, 400), st.integers(900, 20_000))
def test_splitting_keeps_every_span_once_and_each_body_small_enough(count: int, size: int, most: int) -> None:
    request = traces(count, size=size)
    found = list(parts(Signal.TRACES, request.SerializeToString(), _plain, most))
    assert all(part.body is not None and len(part.body) <= most for part in found)
    ids = [span_id for part in found for span_id in span_ids(Signal.TRACES.request.FromString(part.data))]
    assert ids == span_ids(request)


def test_each_half_keeps_its_resource_and_scope() -> None:
    found = list(parts(Signal.TRACES, traces(8, size=500).SerializeToString(), _plain, 2000))
    assert len(found) > 1
    for part in found:
        resource = Signal.TRACES.request.FromString(part.data).resource_spans[0]
        assert resource.resource.attributes[0].value.string_value == "opencode"
        assert resource.scope_spans[0].scope.name == "test"


def test_a_span_too_large_for_any_post_has_its_largest_value_cut_and_marked() -> None:
    request = traces(1, {"small": "stays"}, size=100_000)
    (part,) = parts(Signal.TRACES, request.SerializeToString(), _plain, 20_000)
    assert part.body is not None and len(part.body) <= 20_000
    assert b"[CUT from 100000 B]" in part.body
    assert b"stays" in part.body


def test_a_span_that_cannot_be_made_small_enough_has_no_body() -> None:
    """Many small values: cutting each of them would leave nothing worth sending."""
    request = traces(1, {f"key{index}": "x" * 100 for index in range(1000)})
    (part,) = parts(Signal.TRACES, request.SerializeToString(), _plain, 10_000)
    assert part.body is None


@pytest.mark.parametrize(("signal", "request_"), [(Signal.LOGS, logs(9, "x" * 300)), (Signal.METRICS, metrics(3))])
def test_logs_and_metrics_are_split_too(signal: Signal, request_) -> None:  # type: ignore[no-untyped-def]
    most = 1200
    for part in parts(signal, request_.SerializeToString(), _plain, most):
        assert part.body is not None and len(part.body) <= most
