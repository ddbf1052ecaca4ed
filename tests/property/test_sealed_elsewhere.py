"""What other processes seal is what this one would have sealed: bytes, ids, lists, counts, answers and the ledger."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from harness.damage import LINES, changed
from harness.generate import requests
from harness.opencode import DOORS, recording, scenarios
from harness.sealing import SealedBothWays
from harness.telemetry import FIXTURES, JSON, PROTOBUF
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Signal
from collector.errors import BadRequest
from collector.otlp.read import decode
from collector.otlp.write import to_json
from collector.receive import exports

pytestmark = pytest.mark.slow  # starts processes

CONVENTIONS = sorted(path.name for path in FIXTURES.iterdir() if path.name not in ("redaction", "opencode-plugin"))
CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6), st.integers(0, 8)), min_size=1, max_size=6)
NOW = 1_795_361_000_000
_ROOTS = {"resourceSpans": Signal.TRACES, "resourceLogs": Signal.LOGS, "resourceMetrics": Signal.METRICS}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SealedBothWays]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exports, "_SMALL_BYTES", -1)
        made = SealedBothWays(tmp_path_factory.mktemp("both"))
        yield made
        made.close()


def _documents(found: Any) -> Iterator[tuple[Signal, Any]]:
    """Every export request that stands anywhere in a file, with its signal."""
    if isinstance(found, dict):
        signal = next((signal for root, signal in _ROOTS.items() if root in found), None)
        if signal is not None:
            yield signal, found
            return
    for each in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from _documents(each)


def _recorded(path: Path) -> Iterator[tuple[Signal, Any]]:
    """Spans, the log records that belong to them (which complete them), and the spans once more."""
    document = json.loads(path.read_text(encoding="utf-8"))
    logs = document.pop("companion_logs", []) if isinstance(document, dict) else []
    for part in (document, logs, document):
        yield from _documents(part)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_recorded_export_is_sealed_the_same(both: SealedBothWays, convention: str) -> None:
    """In both encodings, in turns."""
    for number, path in enumerate(sorted((FIXTURES / convention).rglob("*.json"))):
        for signal, document in _recorded(path):
            body, content_type = json.dumps(document).encode(), JSON
            if number % 2:
                body, content_type = decode(signal, body, JSON).request.SerializeToString(), PROTOBUF
            here, there = both.take(signal, body, content_type)
            assert here == there, path.name
    assert both.ledgers()[0] == both.ledgers()[1]


@given(data=st.data(), signal=st.sampled_from(list(Signal)), json_body=st.booleans(), compressed=st.booleans())
def test_any_request_is_sealed_the_same(
    both: SealedBothWays, data: st.DataObject, signal: Signal, json_body: bool, compressed: bool
) -> None:
    request = data.draw(requests(signal))
    body = to_json(request) if json_body else request.SerializeToString()
    encoding = "gzip" if compressed else ""
    here, there = both.take(
        signal, gzip.compress(body) if compressed else body, JSON if json_body else PROTOBUF, encoding
    )
    assert here == there


@given(
    body=st.binary(max_size=100), signal=st.sampled_from(list(Signal)), content_type=st.sampled_from([JSON, PROTOBUF])
)
def test_any_bytes_are_refused_in_the_same_words(
    both: SealedBothWays, body: bytes, signal: Signal, content_type: str
) -> None:
    here, there = both.take(signal, body, content_type)
    assert here == there
    try:
        decode(signal, body, content_type)
    except BadRequest as error:
        assert there == (BadRequest, str(error))


@pytest.mark.parametrize("door", DOORS)
def test_recorded_events_are_sealed_the_same(both: SealedBothWays, door: str) -> None:
    """One body after the other: what a hook says before it says for whom is known there too."""
    for scenario in scenarios(door):
        items = recording(scenario, door)
        for at in range(0, len(items), 20):
            here, there = both.take_events(b"\n".join(map(orjson.dumps, items[at : at + 20])), NOW)
            assert here == there, scenario


@given(lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=5), changes=CHANGES)
def test_damaged_events_are_sealed_the_same(
    both: SealedBothWays, lines: list[bytes], changes: list[tuple[int, bytes, int]]
) -> None:
    here, there = both.take_events(changed(b"\n".join(lines), changes), NOW)
    assert here == there


@given(body=st.binary(max_size=100).map(lambda rest: b"[" + rest))
def test_events_that_are_none_are_refused_in_the_same_words(both: SealedBothWays, body: bytes) -> None:
    here, there = both.take_events(body, NOW)
    assert here == there


def test_a_large_body_is_sealed_the_same(both: SealedBothWays) -> None:
    span = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "chat", "attributes": []}
    span["attributes"] = [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}] + [
        {"key": f"note.{number}", "value": {"stringValue": f"call {number} " + "word " * 3000}} for number in range(120)
    ]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    assert len(body) > 1024 * 1024
    here, there = both.take(Signal.TRACES, body, JSON)
    assert here == there
    assert both.ledgers()[0] == both.ledgers()[1]
