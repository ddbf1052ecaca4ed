"""A batch of which more may come is due a little later, and is sent as what is known by then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.store import HOST, LANE, MIB, Engine, seal, settle
from harness.telemetry import traces

from collector.batch import SealedBatch, Signal
from collector.store import Store
from collector.store.entries import Completable, Refusal

NONE = Refusal(Signal.TRACES, {})


def _batch(size: int = 0, count: int = 2) -> SealedBatch:
    return seal(traces(count, session="ses_1", size=size))


def _put(store: Store, batch: SealedBatch, *, number: int = 7) -> None:
    store.put(batch, NONE, completable=Completable(number, 2.0)).result(5)


class Later:
    """A clock that stands until it is told to go on."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Later:
    return Later()


@pytest.fixture
def store(engine: Engine, tmp_path: Path, clock: Later) -> Iterator[Store]:
    made = engine.open(tmp_path, {HOST: [Signal.TRACES]}, monotonic=clock)
    yield made
    made.close()


def test_it_is_sent_once_as_it_was_completed(store: Store, clock: Later) -> None:
    first, last = _batch(), _batch(size=100)
    _put(store, first)
    assert store.lease(LANE, MIB) == store.lease(LANE, MIB, retries=True) == []
    assert store.due_in(LANE) == pytest.approx(2.0, abs=0.01)
    assert store.complete(7, last).result(5) is True
    clock.seconds += 2.1
    (leased,) = store.lease(LANE, MIB, retries=True)
    assert (leased.data, leased.attempts) == (last.data, 0)
    settle(store, [leased])
    assert store.lease(LANE, MIB) == store.lease(LANE, MIB, retries=True) == []


def test_it_is_sent_as_it_is_when_nothing_comes(store: Store, clock: Later) -> None:
    first = _batch()
    _put(store, first)
    clock.seconds += 2.1
    assert [leased.data for leased in store.lease(LANE, MIB, retries=True)] == [first.data]


def test_a_crash_sends_what_there_is(engine: Engine, tmp_path: Path, clock: Later) -> None:
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, monotonic=clock)
    first = _batch()
    _put(store, first)
    store.close()
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, monotonic=clock)
    clock.seconds += 2.1
    assert [leased.data for leased in store.lease(LANE, MIB, retries=True)] == [first.data]
    assert store.complete(7, _batch(size=100)).result(5) is False  # what it was is forgotten, and it is on its way
    store.close()


def test_what_is_on_its_way_cannot_be_completed(store: Store, clock: Later) -> None:
    _put(store, _batch())
    clock.seconds += 2.1
    (leased,) = store.lease(LANE, MIB, retries=True)
    assert store.complete(7, _batch(size=100)).result(5) is False
    settle(store, [leased])
    assert store.complete(7, _batch(size=100)).result(5) is False


def test_it_is_completed_by_its_number_and_with_as_many_items(store: Store) -> None:
    """Ranges of a batch are ranges of items: another number of them would be others."""
    _put(store, _batch())
    assert store.complete(8, _batch(size=100)).result(5) is False
    assert store.complete(7, _batch(count=3)).result(5) is False
    assert store.complete(7, _batch(size=100)).result(5) is True


def test_without_a_destination_it_is_completed_where_it_is_shown(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {})
    _put(store, _batch())
    assert store.complete(7, _batch(size=100)).result(5) is True
    store.close()
