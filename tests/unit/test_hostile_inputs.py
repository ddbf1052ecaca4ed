"""Hostile input costs bounded time and memory, has a clear outcome, and is counted."""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.errors import BadRequest, ConfigError
from collector.otlp.read import PROTOBUF
from collector.pipeline.otlp import Pipeline
from collector.policy.demands import demands
from collector.policy.schema import UserDocument, read_document
from collector.redact.otlp.fields import glob
from collector.redact.ruleset import catalog, preset_policy
from collector.redact.seal import Sealer, always

SECONDS = 20
"""Far above what each takes here (under two), far below what an unbounded one would."""


def request() -> tuple[ExportTraceServiceRequest, Any]:
    whole = ExportTraceServiceRequest()
    span = whole.resource_spans.add().scope_spans.add().spans.add(name="x", trace_id=b"\1" * 16, span_id=b"\1" * 8)
    return whole, span


def seal(whole: ExportTraceServiceRequest) -> Any:
    start = time.monotonic()
    batch = Sealer(preset_policy()).seal(Signal.TRACES, whole)
    assert time.monotonic() - start < SECONDS
    return batch


def test_an_attribute_of_50_mb_becomes_a_placeholder() -> None:
    """Passing it over unread, as linters do with large files, would let it through."""
    whole, span = request()
    span.attributes.add(key="big").value.string_value = "a b " * 12_500_000
    batch = seal(whole)
    assert b"[REDACTED:too-large 50000000 B]" in batch.data
    assert len(batch.data) < 1000
    assert batch.actions[("too-large", "placeholder")] == 1


def test_a_million_attributes_are_cut_and_counted() -> None:
    whole, span = request()
    one = ExportTraceServiceRequest.FromString(b"")
    del one
    pair = span.attributes.add(key="k")
    pair.value.int_value = 1
    encoded = pair.SerializeToString()
    field = b"\x4a" + bytes([len(encoded)]) + encoded  # field 9 of Span
    span.ClearField("attributes")
    span.MergeFromString(field * 1_000_000)
    batch = seal(whole)
    assert batch.actions[("too-many", "drop")] == 990_000
    out = ExportTraceServiceRequest.FromString(batch.data).resource_spans[0].scope_spans[0].spans[0]
    assert out.dropped_attributes_count == 990_000


def test_a_hundred_thousand_events_are_cut_and_counted() -> None:
    whole, span = request()
    for _ in range(100_000):
        span.events.add(name="e")
    assert seal(whole).actions[("too-many", "drop")] == 90_000


def test_depth_500_is_refused_or_replaced() -> None:
    """Protobuf's own reader stops at a hundred; what it lets in is replaced below our limit."""
    inner = b"\x0a\x01x"
    for _ in range(500):
        array = b"\x0a" + varint(len(inner)) + inner
        inner = b"\x2a" + varint(len(array)) + array
    pair = b"\x0a\x01k\x12" + varint(len(inner)) + inner
    body = b"\x4a" + varint(len(pair)) + pair
    body = b"\x0a\x10" + b"\1" * 16 + b"\x12\x08" + b"\1" * 8 + body
    for field in (b"\x12", b"\x12", b"\x0a"):
        body = field + varint(len(body)) + body
    try:
        outcome = Pipeline(always(Sealer())).run(Signal.TRACES, body, PROTOBUF)
    except BadRequest:
        return
    assert outcome.left_out.total == 1 or (outcome.batch and b"too-deep" in outcome.batch.data)


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_depth_below_protobufs_limit_is_replaced_below_ours() -> None:
    whole, span = request()
    value = span.attributes.add(key="deep").value
    for _ in range(40):
        value = value.array_value.values.add()
    value.string_value = "bottom"
    batch = seal(whole)
    assert b"bottom" not in batch.data
    assert batch.actions[("too-deep", "placeholder")] == 1


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a*)*", "a{1,50000}", "(?=a)b", r"(a)\1", ".*", ""])
def test_a_pattern_that_is_not_linear_is_refused_or_harmless(pattern: str) -> None:
    """Policies arrive over the network as well: a pattern must not be able to stop a collector."""
    text = f"[[rule]]\nid = 'acme-x'\npattern = '{pattern}'\nmatch = ['{'a' * 30}']\nno_match = ['zzz']"
    start = time.monotonic()
    try:
        found = demands(read_document(UserDocument, text.encode(), "f"), "f", catalog())
    except ConfigError:
        found = None
    assert time.monotonic() - start < SECONDS
    if found is not None:
        from collector.redact.engine.engine import Engine
        from collector.redact.ruleset import compiled

        Engine([compiled(found["rule"][0])]).find(b"a" * 40 + b"!")
    assert time.monotonic() - start < SECONDS


def test_globs_take_linear_time() -> None:
    start = time.monotonic()
    assert not glob("*a*a*a*a*a*a*a*b", "a" * 200_000)
    assert glob("llm.*.content", "llm." + "x" * 100_000 + ".content")
    assert time.monotonic() - start < SECONDS


def test_many_different_keys_do_not_fill_the_memory() -> None:
    """Keys are the client's: what is remembered of them is bounded."""
    sealer = Sealer(preset_policy())
    for start in range(0, 30_000, 5_000):
        whole, span = request()
        for number in range(start, start + 5_000):
            span.attributes.add(key=f"k{number}").value.int_value = 1
        sealer.seal(Signal.TRACES, whole)
    assert sum(len(table) for table in sealer._actions[Signal.TRACES].tables.values()) <= 10_000
