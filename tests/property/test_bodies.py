"""Bodies of any kind are taken or are the sender's fault: no decoder and no intake fails in another way."""

from __future__ import annotations

from harness.damage import BODIES, LINES, changed
from harness.telemetry import JSON, PROTOBUF
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Signal
from collector.errors import SenderError
from collector.pipeline.events import Intake
from collector.pipeline.otlp import Pipeline
from collector.redact.seal import Sealer, always

PIPELINE = Pipeline(always(Sealer()))
INTAKE = Intake(always(Sealer()), "opencode")
NOW = 1_795_361_000_000

CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6), st.integers(0, 8)), min_size=1, max_size=6)


def run(signal: Signal, body: bytes, kind: str) -> None:
    try:
        processed = PIPELINE.run(signal, body, kind)
    except SenderError:
        return
    assert processed.batch is None or processed.batch.items > 0


@given(what=st.sampled_from(sorted(BODIES)), changes=CHANGES)
def test_a_damaged_export_request_is_taken_or_refused(
    what: tuple[Signal, str], changes: list[tuple[int, bytes, int]]
) -> None:
    run(what[0], changed(BODIES[what], changes), what[1])


@given(signal=st.sampled_from(list(Signal)), kind=st.sampled_from([PROTOBUF, JSON]), body=st.binary(max_size=300))
def test_bytes_of_any_kind_are_taken_or_refused(signal: Signal, kind: str, body: bytes) -> None:
    run(signal, body, kind)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(signal=st.sampled_from(list(Signal)), value=VALUES)
def test_json_of_any_shape_is_taken_or_refused(signal: Signal, value: object) -> None:
    import json

    key = {Signal.TRACES: "resourceSpans", Signal.LOGS: "resourceLogs", Signal.METRICS: "resourceMetrics"}[signal]
    for document in (value, {key: value}, {key: [value]}, {key: [{"resource": value}]}):
        run(signal, json.dumps(document).encode("utf-8", "surrogatepass"), JSON)


@given(line=st.sampled_from(LINES), changes=CHANGES)
def test_a_damaged_event_is_taken_or_refused(line: bytes, changes: list[tuple[int, bytes, int]]) -> None:
    try:
        result = INTAKE.take(changed(line, changes), NOW)
    except SenderError:
        return
    assert all(isinstance(row.data, bytes) for row in result.rows)


@given(body=st.binary(max_size=300))
def test_events_of_any_bytes_are_taken_or_refused(body: bytes) -> None:
    try:
        INTAKE.take(body, NOW)
    except SenderError:
        return


@given(item=VALUES, hook=st.sampled_from(["event", "chat.message", "chat.params", "tool.execute.after", "x"]))
def test_events_of_any_shape_are_taken_or_counted(item: object, hook: str) -> None:
    lines = [item, {"type": item}, {"type": "message.updated", "properties": item}, {"hook": hook, "input": item}]
    lines += [{"id": "e", "type": "session.status", "data": item}, {"directory": item, "payload": item}]
    result = INTAKE.take_items(lines, NOW)
    assert result.items == len(lines)
