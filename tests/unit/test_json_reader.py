"""Where protobuf's own JSON mapping, the specification and real clients part ways."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from harness.telemetry import JSON, SPAN_ID, TRACE_ID

from collector.batch import Signal
from collector.errors import BadRequest
from collector.otlp.read import Decoded, decode


def _decode(body: bytes) -> Decoded:
    return decode(Signal.TRACES, body, JSON)


def _span(**fields: Any) -> Any:
    span = {"traceId": TRACE_ID, "spanId": SPAN_ID, **fields}
    decoded = _decode(orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}))
    spans = decoded.request.resource_spans[0].scope_spans[0].spans
    return spans[0] if spans else None


def _raw_span(fields: bytes) -> Any:
    """A span whose JSON text holds `fields` as they stand."""
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s",%s}]}]}]}'
    decoded = _decode(body % (TRACE_ID.encode(), SPAN_ID.encode(), fields))
    return decoded.request.resource_spans[0].scope_spans[0].spans[0]


def _value(value: Any) -> Any:
    return _span(attributes=[{"key": "k", "value": value}]).attributes[0].value


def test_json_ids_are_hex() -> None:
    """Protobuf's own JSON mapping would read them as base64 and get 24 bytes."""
    span = _span(parentSpanId=SPAN_ID.upper())
    assert (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, SPAN_ID, SPAN_ID)


def test_ids_in_base64_are_told_by_their_length() -> None:
    """catalyst-tracing for Python sends them (24 and 12 characters)."""
    trace_id = base64.b64encode(bytes.fromhex(TRACE_ID)).decode()
    span_id = base64.b64encode(bytes.fromhex(SPAN_ID)).decode()
    span = _span(traceId=trace_id, spanId=span_id)
    assert (span.trace_id.hex(), span.span_id.hex()) == (TRACE_ID, SPAN_ID)


@pytest.mark.parametrize(("name", "number"), [("SPAN_KIND_INTERNAL", 1), (3, 3), ("3", 3), (99, 99)])
def test_enums_are_read_as_numbers_and_as_names(name: Any, number: int) -> None:
    assert _span(kind=name).kind == number


@pytest.mark.parametrize("value", ["5", 5, 5.0, "5.0", "5e0"])
def test_integers_are_read_as_text_and_as_numbers(value: Any) -> None:
    assert _value({"intValue": value}).int_value == 5


@pytest.mark.parametrize("value", [True, "x", 1.5, "1_0", str(2**63), [], "9" * 400])
def test_what_is_no_integer_costs_its_span_only(value: Any) -> None:
    span = {"traceId": TRACE_ID, "spanId": SPAN_ID}
    bad = {**span, "attributes": [{"key": "k", "value": {"intValue": value}}]}
    decoded = _decode(orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span, bad, span]}]}]}))
    assert len(decoded.request.resource_spans[0].scope_spans[0].spans) == 2
    assert decoded.left_out.total == 1
    assert "attributes[0].value.intValue" in str(decoded.left_out)


def test_numbers_beyond_64_bit_cost_their_span_only() -> None:
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s","startTimeUnixNano":1%s}]}]}]}'
    decoded = _decode(body % (TRACE_ID.encode(), SPAN_ID.encode(), b"0" * 40))
    assert decoded.left_out.total == 1


@pytest.mark.parametrize(("text", "shown"), [("NaN", "nan"), ("Infinity", "inf"), ("-Infinity", "-inf"), (1.5, "1.5")])
def test_doubles_are_read_as_numbers_and_as_names(text: Any, shown: str) -> None:
    assert str(_value({"doubleValue": text}).double_value) == shown


def test_bare_nan_is_read() -> None:
    """Not JSON, but some exporters print it."""
    span = _raw_span(b'"attributes":[{"key":"k","value":{"doubleValue":NaN}}]')
    assert str(span.attributes[0].value.double_value) == "nan"


@pytest.mark.parametrize("empty", [{}, None, {"stringValue": None}, {"futureValue": 1}])
def test_an_empty_value_keeps_its_key(empty: Any) -> None:
    """gemini-cli really sends `{}`."""
    span = _span(attributes=[{"key": "k", "value": empty}])
    assert span.attributes[0].key == "k"
    assert span.attributes[0].value.WhichOneof("value") is None


def test_two_values_in_one_are_refused() -> None:
    assert _span(attributes=[{"key": "k", "value": {"stringValue": "a", "intValue": 1}}]) is None


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    """A truncated emoji must not cost the batch."""
    span = _raw_span(b'"name":"a\\ud83d b\\ud83d\\ude00"')
    assert span.name == "a� b😀"


def test_a_byte_order_mark_is_skipped() -> None:
    assert _decode(b'\xef\xbb\xbf{"resourceSpans":[]}').left_out.total == 0


@pytest.mark.parametrize("text", ["-_-_", "+/+/", "-_-_-_8", "-_-_-_8="])
def test_bytes_are_read_from_any_base64(text: str) -> None:
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    assert _value({"bytesValue": text}).bytes_value == base64.b64decode(standard + "=" * (-len(standard) % 4))


def test_snake_case_keys_are_read_too() -> None:
    assert _span(start_time_unix_nano="7").start_time_unix_nano == 7


def test_deep_nesting_is_cut_at_the_value() -> None:
    value: Any = {"stringValue": "x"}
    for _ in range(60):
        value = {"arrayValue": {"values": [value]}}
    span = _span(attributes=[{"key": "deep", "value": value}, {"key": "flat", "value": {"stringValue": "y"}}])
    assert b"too-deep" in span.SerializeToString()
    assert span.attributes[1].value.string_value == "y"


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"resourceSpans":' + b"[" * 5000, b'{"a":' * 100_000])
def test_bottomless_nesting_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        _decode(body)


@pytest.mark.parametrize(
    "body",
    [b"[]", b"null", b'"x"', b"1", b"{", b"", b"  ", b'{"resourceSpans":{}}', b'{"resourceSpans":[1]}', b"\xff\xfe"],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        _decode(body)


def test_duplicate_json_keys_take_the_last() -> None:
    body = b'{"resourceSpans":[],"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s"}]}]}]}'
    decoded = _decode(body % (TRACE_ID.encode(), SPAN_ID.encode()))
    assert len(decoded.request.resource_spans) == 1


def test_invalid_utf8_in_json_is_repaired() -> None:
    span = _raw_span(b'"name":"a\xffb"')
    assert span.name == "a�b"


def test_links_with_invalid_ids_go_and_are_counted_as_dropped() -> None:
    span = _span(links=[{"traceId": TRACE_ID, "spanId": SPAN_ID}, {"traceId": "x", "spanId": SPAN_ID}])
    assert (len(span.links), span.dropped_links_count) == (1, 1)


def test_a_zero_parent_means_a_root() -> None:
    assert _span(parentSpanId="0" * 16).parent_span_id == b""
