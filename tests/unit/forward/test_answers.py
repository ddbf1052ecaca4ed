"""The pure part of forwarding: what an answer means, how long to wait, how telemetry is split."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.batch import Signal
from collector.forward.backoff import delay, suspect_delay
from collector.forward.outcome import (
    Blocked,
    Delivered,
    NotServed,
    OtherEncoding,
    Refused,
    TooBig,
    TryLater,
    judge,
    retry_after,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _judge(status: int, signal: Signal = Signal.TRACES, body: bytes = b"", **headers: str):  # type: ignore[no-untyped-def]
    return judge(signal, status, {key.replace("_", "-"): value for key, value in headers.items()}, body, NOW)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Delivered), (202, Delivered), (429, TryLater), (502, TryLater), (503, TryLater), (504, TryLater),
        (401, Blocked), (407, Blocked), (301, Blocked), (404, Blocked), (413, TooBig), (415, OtherEncoding),
        (403, TryLater), (400, Refused), (410, Refused), (422, Refused),
        (408, TryLater), (425, TryLater), (500, TryLater), (508, TryLater), (520, TryLater), (529, TryLater),
        (402, Blocked), (431, Blocked), (101, TryLater), (0, TryLater), (999, TryLater),
    ],
)  # fmt: skip
def test_each_status_has_one_meaning(status: int, kind: type) -> None:
    assert isinstance(_judge(status), kind)


@pytest.mark.parametrize(
    ("status", "gives_up"), [(429, False), (502, False), (403, False), (408, True), (500, True), (101, True)]
)
def test_only_what_may_be_retried_as_it_is_is_retried_without_end(status: int, gives_up: bool) -> None:
    """429, 502, 503 and 504 may be (specification, "Retryable Response Codes"); a 500 is tried a while, then dead."""
    answer = _judge(status)
    assert isinstance(answer, TryLater)
    assert answer.gives_up == gives_up


def test_too_many_requests_say_nothing_of_the_data() -> None:
    answer = _judge(429)
    assert isinstance(answer, TryLater)
    assert answer.busy
    assert not any(found.busy for status in (403, 500, 502, 503) if isinstance(found := _judge(status), TryLater))


def test_what_is_forbidden_comes_with_what_to_change() -> None:
    answer = _judge(403)
    assert isinstance(answer, TryLater)
    assert "set a token that may write there" in answer.advice


@pytest.mark.parametrize("status", [401, 402, 404, 407, 431, 302])
def test_what_a_person_must_change_is_said(status: int) -> None:
    answer = _judge(status)
    assert isinstance(answer, Blocked)
    assert answer.advice


def test_a_page_of_html_is_taken_as_delivered_and_said_to_be_odd() -> None:
    """A login page or a proxy's front page answers 200 as well."""
    answer = _judge(200, body=b"<html>", content_type="text/html")
    assert isinstance(answer, Delivered)
    assert "HTML" in answer.odd


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_destination_without_a_path_for_logs_does_not_take_logs(status: int) -> None:
    """Phoenix answers /v1/logs with 405; a wrong traces address is a mistake a person can mend."""
    assert isinstance(_judge(status, Signal.LOGS), NotServed)
    assert isinstance(_judge(status, Signal.TRACES), Blocked)


def test_partial_success_is_read_in_both_encodings() -> None:
    body = orjson.dumps({"partialSuccess": {"rejectedSpans": "3", "errorMessage": "CANARY7"}})
    answer = _judge(200, body=body, content_type="application/json; charset=utf-8")
    assert answer == Delivered("HTTP 200, 3 spans left out", 3, "CANARY7")
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


@given(st.integers(0, 100))
def test_suspects_wait_longer_each_time_up_to_ten_minutes(suspicion: int) -> None:
    assert 0 <= suspect_delay(suspicion) <= suspect_delay(suspicion + 1) <= 600
