"""A protobuf body that upb refuses is looked at again before it is given up."""

from __future__ import annotations

import pytest
from harness.telemetry import PROTOBUF, traces

from collector.batch import Signal
from collector.errors import BadRequest
from collector.otlp.read import Decoded, decode


def _decode(body: bytes) -> Decoded:
    return decode(Signal.TRACES, body, PROTOBUF)


def test_invalid_utf8_in_one_string_is_repaired_and_costs_nothing() -> None:
    """Exporters in other languages pass on what a tool printed, byte by byte."""
    request = traces(3, {"tool.output": "PLACEHOLDER"})
    decoded = _decode(request.SerializeToString().replace(b"PLACEHOLDER", b"PLACE\xff\xfeLDER", 1))
    spans = decoded.request.resource_spans[0].scope_spans[0].spans
    assert (len(spans), decoded.left_out.total) == (3, 0)
    assert spans[0].attributes[1].value.string_value == "PLACE��LDER"


def _nested(depth: int) -> bytes:
    """An AnyValue nested `depth` times, in wire format: upb would not build it."""
    value = b"\x0a\x01x"
    for _ in range(depth):
        array = b"\x0a" + _length(value) + value
        value = b"\x2a" + _length(array) + array
    return value


def _length(data: bytes) -> bytes:
    size, out = len(data), bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size])


def test_a_span_nested_beyond_reading_costs_only_itself() -> None:
    request = traces(2)
    pair = b"\x0a\x01k\x12" + _length(_nested(200)) + _nested(200)
    span = b"\x0a\x10" + b"\x01" * 16 + b"\x12\x08" + b"\x02" * 8 + b"\x4a" + _length(pair) + pair
    scope = b"\x12" + _length(span) + span
    resource = b"\x12" + _length(scope) + scope
    decoded = _decode(request.SerializeToString() + b"\x0a" + _length(resource) + resource)
    kept = [s for r in decoded.request.resource_spans for c in r.scope_spans for s in c.spans]
    assert (len(kept), decoded.left_out.total) == (2, 1)


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\xff", b"\x0a\x05ab", b"plain text, no protobuf"])
def test_what_is_no_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        _decode(body)


def test_concatenated_requests_are_one_request() -> None:
    """What the forwarder relies on to send batches together without decoding them."""
    decoded = _decode(traces(2).SerializeToString() + traces(3).SerializeToString())
    assert len(decoded.request.resource_spans) == 2
