"""A policy change reaches what still waits, before it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.store import HOST, LANE, Engine, settle, until
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import SealedBatch, Signal
from collector.errors import Unavailable
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer
from collector.store import Store
from collector.store.entries import Caps, Refusal, Then

CAPS = Caps(10**9, 10**6, 10**9)
MASK, METADATA = Sealer(preset_policy("secrets-and-pii")), Sealer(preset_policy("metadata-only"))


def batch(sealer: Sealer, text: str, number: int = 1) -> SealedBatch:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(
        name=f"ask {text}", trace_id=b"\1" * 16, span_id=bytes([number]) * 8
    )  # fmt: skip
    span.attributes.add(key="input.value").value.string_value = text
    return sealer.seal(Signal.TRACES, request)


def put(store: Store, sealed: SealedBatch) -> None:
    store.put(sealed, Refusal(Signal.TRACES, {})).result()


def opened(engine: Engine, path: Path) -> Store:
    return engine.open(path, {HOST: (Signal.TRACES,)}, CAPS)


def change(store: Store, sealer: Sealer) -> int:
    waiting = store.adopt(sealer.fingerprint).result()
    store.reseal(waiting, sealer.reseal).result()
    store.adopted(sealer.fingerprint).result()
    return len(waiting)


def test_what_waits_is_sealed_again_and_listed_again(engine: Engine, tmp_path: Path) -> None:
    store = opened(engine, tmp_path)
    assert change(store, MASK) == 0
    put(store, batch(MASK, "please remember me"))
    assert change(store, METADATA) == 1
    [waiting] = store.lease(LANE, 10**6)
    assert b"remember" not in waiting.data
    reader = engine.read(tmp_path)
    assert "remember" not in reader.spans()[0].name
    assert store.sizes["queued_bytes"] == len(waiting.data)
    account = reader.ledger()[HOST]["traces"]
    assert (account["received"], account["queued"]) == (1, 1)
    reader.close()
    store.close()


def test_dead_letters_are_sealed_again_too(engine: Engine, tmp_path: Path) -> None:
    """They can be sent again by hand; the index that is searched forgets too."""
    store = opened(engine, tmp_path)
    reading = engine.read(tmp_path)
    change(store, MASK)
    put(store, batch(MASK, "please remember me"))
    until(lambda: bool(reading.search("remember")))
    [waiting] = store.lease(LANE, 10**6)
    settle(store, [waiting], Then.DEAD, cause="HTTP 400")
    assert change(store, METADATA) == 1
    assert reading.search("remember") == []
    reading.close()
    store.close()
    assert b"remember" not in b"".join(path.read_bytes() for path in tmp_path.glob("*.db"))


def test_the_same_policy_has_nothing_to_do(engine: Engine, tmp_path: Path) -> None:
    store = opened(engine, tmp_path)
    change(store, MASK)
    put(store, batch(MASK, "hello"))
    store.close()
    again = opened(engine, tmp_path)
    assert change(again, MASK) == 0
    again.close()


def test_a_crash_half_way_is_made_good_at_the_next_start(engine: Engine, tmp_path: Path) -> None:
    store = opened(engine, tmp_path)
    change(store, MASK)
    for number in (1, 2, 3):
        put(store, batch(MASK, f"please remember {number}", number))
    waiting = store.adopt(METADATA.fingerprint).result()
    store.reseal(waiting[:1], METADATA.reseal).result()
    store.close()
    again = opened(engine, tmp_path)
    assert change(again, METADATA) in (2, 3)  # an engine may know which one was done
    assert not any(b"remember" in each.data for each in again.lease(LANE, 10**6))
    again.close()


def test_what_was_sealed_under_the_old_policy_is_not_taken_after_the_change(engine: Engine, tmp_path: Path) -> None:
    """A large request may be under way while the policy changes; its sender tries again."""
    store = opened(engine, tmp_path)
    change(store, METADATA)
    with pytest.raises(Unavailable):
        put(store, batch(MASK, "late"))
    put(store, batch(METADATA, "in time"))
    assert len(store.lease(LANE, 10**6)) == 1
    store.close()


def test_what_cannot_be_sealed_again_is_dropped_and_counted(engine: Engine, tmp_path: Path) -> None:
    store = opened(engine, tmp_path)
    change(store, MASK)
    put(store, SealedBatch(Signal.TRACES, b"\xff\xff", 2))
    assert change(store, METADATA) == 1
    assert store.lease(LANE, 10**6) == []
    reader = engine.read(tmp_path)
    account = reader.ledger()[HOST]["traces"]
    assert account["dropped"] == {"could not be sealed under the changed policy": 2}
    assert account["received"] == 2
    assert account["queued"] == 0
    assert store.sizes["queued_bytes"] == 0
    reader.close()
    store.close()
