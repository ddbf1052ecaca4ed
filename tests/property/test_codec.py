"""What must hold for every message and for every body."""

from __future__ import annotations

import contextlib
import json

import orjson
import pytest
from harness.generate import requests
from harness.telemetry import JSON, PROTOBUF
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Signal
from collector.errors import BadRequest
from collector.otlp.read import decode
from collector.otlp.write import to_document, to_json

SIGNALS = st.sampled_from(list(Signal))


@given(st.data(), SIGNALS)
def test_a_request_survives_the_way_through_json(data: st.DataObject, signal: Signal) -> None:
    """NaN is not equal to itself, so the bytes are compared."""
    request = data.draw(requests(signal))
    decoded = decode(signal, to_json(request), JSON)
    assert not decoded.left_out.total
    assert decoded.request.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True)


@given(st.data(), SIGNALS)
def test_what_leaves_as_text_is_what_is_shown_as_an_object(data: st.DataObject, signal: Signal) -> None:
    """Attributes are written without an object for each; the viewer reads them as objects."""
    request = data.draw(requests(signal))
    assert to_json(request) == orjson.dumps(to_document(request))


@given(st.data(), SIGNALS)
def test_a_request_survives_the_way_through_protobuf(data: st.DataObject, signal: Signal) -> None:
    request = data.draw(requests(signal))
    decoded = decode(signal, request.SerializeToString(), PROTOBUF)
    assert decoded.request.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True)


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
@given(body=st.binary(max_size=200), signal=SIGNALS)
def test_any_bytes_are_read_or_refused_and_never_raise_otherwise(
    content_type: str, body: bytes, signal: Signal
) -> None:
    try:
        decode(signal, body, content_type)
    except BadRequest as error:
        assert len(str(error)) < 300


@given(st.data(), SIGNALS, st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_byte_never_raises_anything_else(data: st.DataObject, signal: Signal, at: int, byte: int) -> None:
    body = bytearray(data.draw(requests(signal)).SerializeToString())
    if body:
        body[at % len(body)] = byte
    with contextlib.suppress(BadRequest):
        decode(signal, bytes(body), PROTOBUF)


def _nested(kinds: list[bool]) -> dict[str, object]:
    """A value in arrays (false) and maps (true), the outermost first."""
    value: dict[str, object] = {"stringValue": "bottom"}
    for is_map in reversed(kinds):
        inner = {"values": [{"key": "k", "value": value} if is_map else value]}
        value = {"kvlistValue" if is_map else "arrayValue": inner}
    return value


def _messages_above(kinds: list[bool]) -> int:
    """An array puts two messages around its value, a map three; the text of a map is no message of its own."""
    return 2 * len(kinds) + sum(kinds) - (3 if kinds and kinds[-1] else 0)


_IDS = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1"}


@given(kinds=st.lists(st.booleans(), max_size=60) | st.integers(0, 60).map(lambda depth: [True] * depth))
def test_what_is_read_from_json_can_be_read_again_however_deep_it_is(kinds: list[bool]) -> None:
    """A batch that cannot be read again is answered with 200 and can never be sent."""
    attributes = [{"key": "a", "value": _nested(kinds)}]
    span = {**_IDS, "attributes": attributes, "events": [{"attributes": attributes}]}
    point = {"asInt": "1", "exemplars": [{"asInt": "1", "filteredAttributes": attributes}]}
    record = {"body": _nested(kinds), "attributes": attributes}
    documents = {
        Signal.TRACES: {"resourceSpans": [{"scopeSpans": [{"spans": [{**span, "links": [span]}]}]}]},
        Signal.METRICS: {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": {"dataPoints": [point]}}]}]}]},
        Signal.LOGS: {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]},
    }
    for signal, document in documents.items():
        request = decode(signal, json.dumps(document).encode(), JSON).request
        again = signal.request.FromString(request.SerializeToString())
        assert again == request
        assert (b"bottom" in again.SerializeToString()) is (_messages_above(kinds) <= 88)


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(_JSON_VALUES, st.sampled_from(["spans", "attributes", "name", "traceId", "events", "status", "kind"]))
def test_any_json_in_any_place_is_read_or_left_out(value: object, place: str) -> None:
    span = {"traceId": "1" * 32, "spanId": "2" * 16}
    spans = value if place == "spans" else [{**span, place: value}, span]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    try:
        decoded = decode(Signal.TRACES, body, JSON)
    except BadRequest:
        assert place == "spans"
    else:
        if place != "spans":
            assert len(decoded.request.resource_spans[0].scope_spans[0].spans) >= 1
