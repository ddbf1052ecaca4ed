"""The engines that the contract of the store is run on; a new engine is one more entry."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from collector.batch import SealedBatch, Signal
from collector.redact.seal import Sealer
from collector.store import Reading, Store
from collector.store.entries import Account, Caps, Lane, Leased, Settlement, Then
from collector.store.postgres.reading import PostgresReading
from collector.store.postgres.store import PostgresStore
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.store import SqliteStore
from harness.postgres import server
from harness.process import assert_balanced

MIB = 1024 * 1024
HOST = "collector.example:443"
LANE = Lane(HOST, Signal.TRACES)


class Engine(Protocol):
    """Opens a store of one engine, as often as it is asked to, and reads it."""

    def open(
        self,
        directory: Path,
        destinations: Mapping[str, Collection[Signal]],
        caps: Caps = ...,
        monotonic: Callable[[], float] = ...,
        reserved: Collection[str] = ...,
    ) -> Store: ...

    def read(self, directory: Path) -> Reading: ...


class Sqlite:
    """The engine that needs nothing installed."""

    def open(
        self,
        directory: Path,
        destinations: Mapping[str, Collection[Signal]],
        caps: Caps = Caps(16 * MIB, 86400, 256 * MIB),  # noqa: B008 - frozen
        monotonic: Callable[[], float] = time.monotonic,
        reserved: Collection[str] = (),
    ) -> Store:
        return SqliteStore(directory, caps, destinations, monotonic=monotonic, reserved=reserved)

    def read(self, directory: Path) -> Reading:
        return SqliteReading(directory)


class Postgres:
    """The engine that collectors share; each directory stands for a schema of its own."""

    def __init__(self) -> None:
        self._urls: dict[Path, str] = {}

    def url(self, directory: Path) -> str:
        if directory not in self._urls:
            self._urls[directory] = server().new_schema()
        return self._urls[directory]

    def open(
        self,
        directory: Path,
        destinations: Mapping[str, Collection[Signal]],
        caps: Caps = Caps(16 * MIB, 86400, 256 * MIB),  # noqa: B008 - frozen
        monotonic: Callable[[], float] = time.monotonic,
        reserved: Collection[str] = (),
    ) -> Store:
        return PostgresStore(self.url(directory), caps, destinations, monotonic=monotonic, reserved=reserved)

    def read(self, directory: Path) -> Reading:
        return PostgresReading(self.url(directory))


ENGINES: dict[str, Engine] = {"sqlite": Sqlite(), "postgres": Postgres()}


def seal(request: object, signal: Signal = Signal.TRACES) -> SealedBatch:
    return Sealer().seal(signal, request)  # type: ignore[arg-type]


def account_of(reading: Reading, destination: str = HOST, signal: str = "traces") -> Account:
    """One line of the ledger, which must balance whenever it is looked at."""
    account = reading.ledger()[destination][signal]
    assert_balanced(dict(account))
    return account


def settle(store: Store, leased: Iterable[Leased], then: Then = Then.DONE, **state: object) -> None:
    store.settle(LANE, [Settlement(each.id, then, **state) for each in leased]).result(5)  # type: ignore[arg-type]


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """What runs beside the posts is done a moment later."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
