"""Redaction sees every place where OTLP can hold text; a field added to OTLP fails these tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from harness.credentials import GITHUB, NEEDLES, PLANTED, assert_no_secret
from harness.generate import requests
from harness.telemetry import traces
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Signal
from collector.otlp.write import to_json
from collector.policy.model import ContentLevel
from collector.redact.engine.engine import Engine
from collector.redact.seal import Sealer

_IDS = {"trace_id", "span_id", "parent_span_id"}


def _plant(message: Any, path: str, depth: int = 0) -> Iterator[str]:
    """Fill every string and bytes field with a credential; yield where."""
    for field in message.DESCRIPTOR.fields:
        place = f"{path}.{field.name}"
        if field.message_type is not None:
            if depth > 14 or path.count(field.message_type.name) > 2:
                continue
            if field.containing_oneof is not None and field.message_type.name in ("ArrayValue", "KeyValueList"):
                continue  # tried by `_values`
            target = getattr(message, field.name)
            yield from _plant(target.add() if field.is_repeated else target, place, depth + 1)
        elif field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                getattr(message, field.name).append(GITHUB)
            else:
                setattr(message, field.name, GITHUB)
            yield place
        elif field.type == FieldDescriptor.TYPE_BYTES:
            size = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}.get(field.name)
            setattr(message, field.name, b"\x01" * size if size else GITHUB.encode())
            yield place


METRIC_KINDS = ["gauge", "sum", "histogram", "exponential_histogram", "summary"]


@pytest.mark.parametrize("level", list(ContentLevel))
@pytest.mark.parametrize(
    ("signal", "kind"), [(Signal.TRACES, ""), (Signal.LOGS, ""), *((Signal.METRICS, kind) for kind in METRIC_KINDS)]
)
def test_no_string_or_bytes_field_escapes(signal: Signal, kind: str, level: ContentLevel) -> None:
    """Walks the descriptors, so a field that a new version of OTLP brings is planted as well."""
    request = signal.request()
    places = list(_plant(request, signal.value))
    if signal is Signal.METRICS:
        _plant_metric(request, kind)
    assert len(places) > 10
    assert GITHUB.encode() in request.SerializeToString()
    batch = Sealer(level).seal(signal, request)
    assert_no_secret(batch.data, f"{signal} at {level}")
    assert_no_secret(to_json(signal.request.FromString(batch.data)), f"{signal} as JSON")


def _plant_metric(request: Any, kind: str) -> None:
    metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
    metric.ClearField("gauge")
    list(_plant(getattr(metric, kind), kind))


@pytest.mark.parametrize(
    "value",
    [
        {"array_value": {"values": [{"string_value": GITHUB}]}},
        {"kvlist_value": {"values": [{"key": GITHUB, "value": {"string_value": "x"}}]}},
        {"kvlist_value": {"values": [{"key": "k", "value": {"array_value": {"values": [{"string_value": GITHUB}]}}}]}},
        {"bytes_value": GITHUB.encode()},
        {"array_value": {"values": [{"bytes_value": GITHUB.encode()}]}},
    ],
)
def test_nested_values_are_redacted(value: dict[str, Any]) -> None:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

    request = traces()
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k").value.CopyFrom(AnyValue(**value))
    assert_no_secret(Sealer().seal(Signal.TRACES, request).data, "a nested value")


def test_values_beyond_the_depth_limit_are_replaced_whole() -> None:
    request = traces()
    value = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="deep").value
    for _ in range(45):
        value = value.array_value.values.add()
    value.string_value = GITHUB
    batch = Sealer().seal(Signal.TRACES, request)
    assert_no_secret(batch.data, "a deep value")
    assert batch.findings["too-deep"] == 1


def test_fields_unknown_to_this_version_are_discarded() -> None:
    """Protobuf keeps unknown fields through decode and encode, and no rule would look at them."""
    data = traces().SerializeToString()
    secret = GITHUB.encode()
    unknown = b"\xa2\x06" + bytes([len(secret)]) + secret
    request = Signal.TRACES.request.FromString(data + unknown)
    assert secret in request.SerializeToString()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.MergeFromString(unknown)
    assert_no_secret(Sealer().seal(Signal.TRACES, request).data, "an unknown field")


def test_duplicate_attribute_keys_are_both_redacted() -> None:
    request = traces()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    for _ in range(2):
        span.attributes.add(key="same").value.string_value = GITHUB
    assert Sealer().seal(Signal.TRACES, request).findings["github-token"] == 2


@pytest.mark.parametrize("kind", sorted(PLANTED))
def test_each_kind_of_credential_is_masked_and_counted(kind: str) -> None:
    request = traces(1, {"input.value": f"before {PLANTED[kind]} after"})
    batch = Sealer().seal(Signal.TRACES, request)
    assert_no_secret(batch.data, kind)
    assert b"before " in batch.data and b" after" in batch.data
    assert sum(batch.findings.values()) >= 1


@pytest.mark.parametrize("kind", sorted(NEEDLES))
def test_json_inside_a_string_stays_json(kind: str) -> None:
    """The npm plugin's `metadata` is JSON text, and consumers parse it."""
    import json

    text = json.dumps({"metadata": {"output": f"token: {PLANTED[kind]} end", "n": 1}})
    request = traces(1, {"metadata": text})
    Sealer().seal(Signal.TRACES, request)
    value = request.resource_spans[0].scope_spans[0].spans[0].attributes[1].value.string_value
    assert json.loads(value)["metadata"]["n"] == 1
    assert_no_secret(value, "JSON in a string")


def test_a_known_attribute_key_is_not_trusted_with_another_text() -> None:
    """Keys found clean are remembered to save time; only the very same key is."""
    sealer = Sealer()
    sealer.seal(Signal.TRACES, traces(1, {"a.key": "x"}))
    batch = sealer.seal(Signal.TRACES, traces(1, {f"a.key.{GITHUB}": "x"}))
    assert_no_secret(batch.data, "an attribute key")


def test_a_value_that_cannot_be_redacted_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Engine, "find", fail)
    monkeypatch.setattr(Engine, "find_all", fail)
    batch = Sealer().seal(Signal.TRACES, traces(1, {"input.value": GITHUB}))
    assert_no_secret(batch.data, "a value whose redaction failed")
    assert batch.findings["error"] >= 1


@given(st.data(), st.sampled_from(list(Signal)), st.sampled_from(list(ContentLevel)))
def test_no_message_lets_a_credential_through(data: st.DataObject, signal: Signal, level: ContentLevel) -> None:
    """Whatever OTLP can hold, wherever a credential stands in it."""
    secrets = st.sampled_from(sorted(PLANTED.values()))
    text = st.builds("{}{}{}".format, st.sampled_from(["", "x ", '{"a": "']), secrets, st.sampled_from(["", " y"]))
    batch = Sealer(level).seal(signal, data.draw(requests(signal, text)))
    assert_no_secret(batch.data, f"{signal} at {level}")


@given(st.data(), st.sampled_from(list(Signal)), st.sampled_from(list(ContentLevel)))
def test_sealing_twice_changes_nothing_more(data: st.DataObject, signal: Signal, level: ContentLevel) -> None:
    text = st.sampled_from([*PLANTED.values(), "plain", "a b", ""])
    sealer = Sealer(level)
    once = sealer.seal(signal, data.draw(requests(signal, text))).data
    again = sealer.reseal(signal, once)
    # At the metadata level a placeholder for a credential becomes one for content: no less is hidden.
    assert _alike(to_json(signal.request.FromString(again.data))) == _alike(to_json(signal.request.FromString(once)))


def _alike(text: bytes) -> bytes:
    return re.sub(rb"\[REDACTED:[a-z0-9 -]+B?\]", b"[REDACTED]", text)
