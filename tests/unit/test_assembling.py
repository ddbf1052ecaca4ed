"""Kept events to sealed spans, with a store that is full, a policy that changes, and a process that ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.opencode import NOW, assemble, export, ids, recording
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.app import assembling
from collector.app.assembling import Assembling
from collector.app.policy_switch import Sealers
from collector.assemble.facts import AnyFact
from collector.batch import Passages, SealedBatch, Signal
from collector.enforce.in_force import InForce
from collector.errors import StoreFull, Unavailable
from collector.pipeline.events import Intake
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer, always
from collector.store.entries import Caps
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path, Caps(1 << 26, 86400, 1 << 26), {})
    yield made
    made.close()


def started(
    store: SqliteStore,
    seal: Callable[[Any, Passages], SealedBatch],
    kept: list[SealedBatch],
    again: Callable[[SealedBatch], SealedBatch] = lambda batch: Sealer().reseal(Signal.TRACES, batch.data),
) -> Assembling:
    made = Assembling(store.inbox, seal, again, kept.append, service="opencode", metadata={}, quiet_seconds=600)
    made.start()
    return made


def keep(store: SqliteStore, items: list[Any]) -> list[Any]:
    taken = Intake(always(Sealer()), "opencode").take_items(items, NOW)
    store.inbox.keep(taken.rows, taken.unknown).result()
    return taken.rows


def seal(request: Any, passages: Passages) -> SealedBatch:
    return Sealer().seal(Signal.TRACES, request, passages)


def _said(batch: SealedBatch) -> bytes:
    """What a batch says, whatever the order of its attributes."""
    request = ExportTraceServiceRequest.FromString(batch.data)
    for resource in request.resource_spans:
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            span.attributes.sort(key=lambda pair: pair.key)
    return request.SerializeToString()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@dataclass(frozen=True)
class _Text:
    """A fact that is larger than what it tells."""

    fact: AnyFact
    data: bytes


def test_bytes_wait_until_they_are_learnt(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in two threads: what is lost of a count would have events refused for ever, or taken for ever."""
    kept: list[SealedBatch] = []
    worker = started(store, seal, kept)
    until(lambda: worker._term > 0)
    held, go = threading.Event(), threading.Event()
    learn = worker._learn
    monkeypatch.setattr(worker, "_learn", lambda fact: (held.set(), go.wait(10), learn(fact)))
    row = keep(store, recording("text"))[0]
    worker.take([_Text(row.fact, bytes(4 << 20))])
    held.wait(10)
    for size in (3 << 20, 3 << 20):
        worker.take([_Text(row.fact, bytes(size))])
    assert worker.waiting_bytes() > 6 << 20
    go.set()
    until(lambda: not worker.waiting_bytes())
    worker.stop()
    assert worker._taken_bytes == worker._learnt_bytes


@pytest.mark.parametrize("can_wait", [True, False])
def test_turns_that_have_not_left_are_counted_of_those_who_can_wait(store: SqliteStore, can_wait: bool) -> None:
    """An import is told to wait by them; agents at work, however many, are nothing that it has to wait for."""
    kept: list[SealedBatch] = []
    worker = started(store, seal, kept)
    until(lambda: worker._term > 0)
    counted: list[int] = []
    worker._changed = lambda: counted.append(worker.turns_ahead())
    worker.take(keep(store, recording("text")), can_wait=can_wait)
    until(lambda: bool(kept) and not worker.open_turns())
    until(lambda: not worker.turns_ahead())
    worker.stop()
    assert max(counted) == can_wait


@pytest.mark.parametrize(("door", "is_restarted"), [("export", False), ("plugin_hooks", False), ("plugin_hooks", True)])
def test_what_is_told_again_of_a_turn_that_is_over_does_not_wait_in_the_inbox(
    store: SqliteStore, door: str, is_restarted: bool
) -> None:
    """An import that is made twice would wait there for thirty days, and be read at each start."""
    items = export("multi") if door == "export" else recording("multi")
    kept: list[SealedBatch] = []
    worker = started(store, seal, kept)
    worker.take(keep(store, items))
    until(lambda: any(b"AGENT" in batch.data for batch in kept), 30)
    left = sum(len(store.inbox.facts(session)) for session in store.inbox.sessions())
    told = len(kept)
    if is_restarted:
        worker.stop()
        worker = started(store, seal, kept)
    worker.take(keep(store, items))
    until(lambda: not worker.waiting_bytes())
    until(lambda: sum(len(store.inbox.facts(session)) for session in store.inbox.sessions()) <= left)
    worker.stop()
    assert left <= 5  # of the session itself, and that its agent is idle
    assert len(kept) == told


def test_spans_sealed_under_a_policy_that_changed_are_sealed_again(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store takes only what was sealed under the policy in force: the same batch would be refused for ever."""
    monkeypatch.setattr(assembling, "_RETRY_SECONDS", 0.05)
    sealed: list[SealedBatch] = []
    kept: list[SealedBatch] = []
    real = store.inbox.keep_spans

    def assembled(batch: Any, spans: Any, settled: Any, left_out: Any) -> Any:
        if len(sealed) < 3:
            raise Unavailable("the policy changed while this was sealed")
        return real(batch, spans, settled, left_out)

    def first(request: Any, passages: Passages) -> SealedBatch:
        sealed.append(seal(request, passages))
        return sealed[-1]

    def again(batch: SealedBatch) -> SealedBatch:
        sealed.append(Sealer().reseal(Signal.TRACES, batch.data))
        return sealed[-1]

    monkeypatch.setattr(store.inbox, "keep_spans", assembled)
    worker = started(store, first, kept, again)
    worker.take(keep(store, recording("text")))
    until(lambda: sum(batch.items for batch in kept) == 3)
    worker.stop()
    assert len(sealed) >= 3
    assert {_said(batch) for batch in sealed if batch.items == kept[0].items} == {_said(kept[0])}


def test_what_waits_for_room_keeps_what_it_shares(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a store is full each batch is refused first; sealed again, each would hold its whole conversation."""
    monkeypatch.setattr(assembling, "_RETRY_SECONDS", 0.05)
    sealers = Sealers(InForce(preset_policy(), b""))
    kept: list[SealedBatch] = []
    real = store.inbox.keep_spans
    refused: list[SealedBatch] = []

    def full(batch: Any, spans: Any, settled: Any, left_out: Any) -> Any:
        if batch is not None and batch not in refused:
            refused.append(batch)
            raise StoreFull("the queue of undelivered telemetry is full")
        return real(batch, spans, settled, left_out)

    monkeypatch.setattr(store.inbox, "keep_spans", full)
    worker = started(store, lambda *made: sealers().seal(Signal.TRACES, *made), kept, sealers.again)
    worker.take(keep(store, recording("multi")))
    until(lambda: sum(batch.items for batch in kept) == len(assemble(recording("multi"))))
    worker.stop()
    assert any(batch.shared for batch in kept)
    assert [id(batch) for batch in kept] == [id(batch) for batch in refused]


def test_what_is_done_when_the_process_ends_leaves_before(store: SqliteStore, tmp_path: Path) -> None:
    """Nobody wants to see the last turn of the day only after the next start."""
    kept: list[SealedBatch] = []
    worker = started(store, seal, kept)
    worker.take(keep(store, recording("multi")))
    worker.stop()
    assert sum(batch.items for batch in kept) == len(assemble(recording("multi")))
    assert store.inbox.sessions() in ([], ["ses_dfc20c4e4ffehkYWsLJbl0IQlc"])


def test_a_turn_that_was_told_in_part_is_told_to_its_end_after_a_restart(store: SqliteStore, tmp_path: Path) -> None:
    items = recording("multi")
    kept: list[SealedBatch] = []
    worker = started(store, seal, kept)
    worker.take(keep(store, items[:80]))
    until(lambda: len(kept) > 0)
    worker.stop()
    assert 0 < sum(batch.items for batch in kept) < len(assemble(items))

    worker = started(store, seal, kept)
    worker.take(keep(store, items[80:]))
    until(lambda: sum(batch.items for batch in kept) == len(assemble(items)))
    worker.stop()
    reader = SqliteReading(tmp_path)
    found = {(span.trace_id, span.span_id, span.parent_id) for span in reader.spans(limit=100)}
    reader.close()
    assert found == {tuple(part.hex() for part in one) for one in ids(assemble(items))}
