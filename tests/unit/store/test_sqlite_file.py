"""The file of the SQLite store: who may read it, what a removed or damaged one costs, what a failed commit undoes."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.store import HOST, LANE, MIB, account_of, seal, settle, until
from harness.telemetry import span_ids, traces

from collector.batch import SealedBatch, Signal
from collector.errors import ConfigError, Unavailable
from collector.store.entries import Caps, Hold, Refusal, Then
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.schema import FILE
from collector.store.sqlite.store import SqliteStore

NONE = Refusal(Signal.TRACES, {})
CAPS = Caps(64 * MIB, 86400, 256 * MIB)


@dataclass(frozen=True)
class Fact:
    """One fact of an event, as the store sees it."""

    session: str
    key: str
    data: bytes
    message: str = "msg"
    at: int = 1
    order: int = 1


def _open(directory: Path) -> SqliteStore:
    return SqliteStore(directory, CAPS, {HOST: [Signal.TRACES]})


def test_what_made_room_before_a_transaction_lets_that_one_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store says it is ready as soon as there is room again: a post that comes then is not refused once more."""
    store = _open(tmp_path)
    free = [100 * MIB]
    monkeypatch.setattr("collector.store.sqlite.file._free", lambda _: (free[0], 200 * MIB))
    monkeypatch.setattr("collector.store.sqlite.file.empty_log", lambda _: None)
    shrink = store._file.shrink

    def shrunk(connection: sqlite3.Connection) -> None:
        shrink(connection)
        free[0] = 100 * MIB

    monkeypatch.setattr(store._file, "shrink", shrunk)
    free[0] = 0
    store.put(_batch(), NONE).result(5)
    store.close()


def _batch(count: int = 1, size: int = 0) -> SealedBatch:
    return seal(traces(count, size=size))


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX's")
def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        store = _open(tmp_path)
        store.put(_batch(), NONE).result(5)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(previous)
    assert set(modes.values()) == {0o600}, modes


def test_what_is_no_database_is_set_aside_and_never_written_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 1000)
    store = _open(tmp_path)
    store.put(_batch(), NONE).result(5)
    assert "set aside" in store.notices[0]
    store.close()
    [aside] = [path for path in tmp_path.iterdir() if "damaged" in path.name]
    assert aside.read_bytes().startswith(b"this is no database")
    assert "set aside" in caplog.text


@pytest.mark.parametrize("name", [FILE, "reserve"])
def test_a_directory_in_the_place_of_a_file_is_one_clear_line(tmp_path: Path, name: str) -> None:
    """In the reserve's place it would be taken for room that can be given up when the disk is full."""
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match=f"{name} is no file"):
        _open(tmp_path)


def test_a_failed_commit_is_told_and_undone(tmp_path: Path) -> None:
    store = _open(tmp_path)
    store.put(_batch(), NONE).result(5)
    queued = store.sizes["queued_bytes"]
    connection = store._writer._connection
    connection.execute("PRAGMA query_only=ON")
    with pytest.raises(Unavailable):
        store.put(_batch(), NONE).result(5)
    connection.execute("PRAGMA query_only=OFF")
    assert store.sizes["queued_bytes"] == queued
    store.put(_batch(), NONE).result(5)
    reading = SqliteReading(tmp_path)
    assert account_of(reading)["received"] == 2
    reading.close()
    store.close()


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_file_removed_while_running_is_noticed_and_nothing_is_said_to_be_kept(tmp_path: Path, suffix: str) -> None:
    store = _open(tmp_path)
    store.put(_batch(), NONE).result(5)
    (tmp_path / f"{FILE}{suffix}").unlink()
    with pytest.raises(Unavailable, match="removed or replaced"):
        store.put(_batch(), NONE).result(5)
    assert "removed or replaced" in asyncio.run(store.failure())
    store.close()


def test_what_cannot_be_settled_stays_leased(tmp_path: Path) -> None:
    """Its destination took it: it must not be offered again before that is written."""
    store = _open(tmp_path)
    store.put(_batch(), NONE).result(5)
    leased = store.lease(LANE, MIB)
    (tmp_path / FILE).unlink()
    with pytest.raises(Unavailable):
        settle(store, leased)
    assert store.lease(LANE, MIB) == []
    store.release(each.id for each in leased)
    assert store.lease(LANE, MIB) == leased
    store.close()


def _pages_of(path: Path, name: str) -> list[int]:
    """The pages on which a table stands, by SQLite's own account."""
    connection = sqlite3.connect(path)
    try:
        query = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype IN ('leaf', 'overflow') ORDER BY pageno"
        return [row[0] for row in connection.execute(query, (name,))]
    finally:
        connection.close()


def _damage(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * 16384)
        file.write(os.urandom(16384))


def _filled(directory: Path, batches: int) -> list[str]:
    store = _open(directory)
    sent: list[str] = []
    for _ in range(batches):
        request = traces(3, size=12_000)
        sent += span_ids(request)
        store.put(seal(request), NONE).result(5)
    store.close()
    return sent


@pytest.mark.parametrize("table", ["batches", "outbox", "spans", "ledger", "traces", "text_index_content"])
def test_a_damaged_page_costs_what_stood_on_it_and_everything_else_goes_on(tmp_path: Path, table: str) -> None:
    sent = _filled(tmp_path, 40)
    pages = _pages_of(tmp_path / FILE, table)
    if not pages:
        pytest.skip(f"{table} has no page yet")
    _damage(tmp_path / FILE, pages[len(pages) // 2])
    store = _open(tmp_path)
    arrived: list[str] = []

    def deliver() -> bool:
        try:
            leased = store.lease(LANE, MIB)
        except Unavailable:
            return False
        if not leased:
            return True
        for each in leased:
            arrived.extend(span_ids(Signal.TRACES.request.FromString(each.data)))
        settle(store, leased)
        return False

    until(deliver)
    store.put(_batch(2), NONE).result(5)
    reading = SqliteReading(tmp_path)
    account = account_of(reading)
    lost = account["dropped"].get("lost to a damaged page on disk", 0)
    assert set(arrived) <= set(sent)
    assert account["delivered"] == len(set(arrived))
    if table == "batches":
        assert 0 < lost < len(sent) // 2
        assert "damaged" in store.notices[0]
    if table not in ("ledger", "outbox"):
        assert len(set(arrived)) + lost == len(sent)
    assert asyncio.run(store.failure()) == ""
    reading.close()
    store.close()


def _can_be_read(reading: SqliteReading) -> bool:
    try:
        reading.ledger()
        reading.dead_letters()
        reading.sessions()
        return reading.spans() is not None
    except Unavailable:
        return False


@pytest.mark.slow
def test_whichever_page_is_damaged_it_starts_keeps_and_delivers(tmp_path: Path) -> None:
    """Leaf, overflow or index, of whichever table: each page of a small store in turn."""
    whole = tmp_path / "whole"
    whole.mkdir()
    sent = set(_filled(whole, 12))
    pages = (whole / FILE).stat().st_size // 16384
    for page in range(1, pages + 1):
        directory = tmp_path / str(page)
        shutil.copytree(whole, directory)
        _damage(directory / FILE, page)
        store = _open(directory)
        arrived: set[str] = set()
        empty = 0

        def deliver(store: SqliteStore = store, arrived: set[str] = arrived) -> bool:
            nonlocal empty
            try:
                leased = store.lease(LANE, MIB)
            except Unavailable:
                return False
            for each in leased:
                arrived.update(span_ids(Signal.TRACES.request.FromString(each.data)))
            if leased:
                settle(store, leased)
            empty = 0 if leased else empty + 1
            return empty > 2

        until(deliver)
        store.put(_batch(2), NONE).result(5)
        reading = store.open_reading()
        until(lambda reading=reading: _can_be_read(reading))  # type: ignore[misc]
        account = account_of(reading)
        assert arrived <= sent
        assert account["queued"] == 2, page
        out = account["delivered"] + account["queued"] + sum(account["dropped"].values())
        assert account["received"] == out, (page, account)
        reading.close()
        store.close()


def test_a_crash_while_a_damaged_file_is_mended_loses_nothing_more(tmp_path: Path) -> None:
    """Half-way the damaged file is still there; at the end the new one is whole, whatever its name."""
    _filled(tmp_path, 12)
    mended = tmp_path / f"{FILE}.mended"
    mended.write_bytes((tmp_path / FILE).read_bytes()[: 3 * 16384])
    store = _open(tmp_path)
    assert sum(each.items for each in store.lease(LANE, 64 * MIB)) == 36
    store.close()
    (tmp_path / FILE).rename(mended)
    (tmp_path / f"{FILE}-wal").write_bytes(b"of the damaged file")
    store = _open(tmp_path)
    assert sum(each.items for each in store.lease(LANE, 64 * MIB)) == 36
    assert not mended.exists()
    store.close()


def test_facts_on_a_damaged_page_cost_themselves_while_running(tmp_path: Path) -> None:
    store = _open(tmp_path)
    for number in range(400):
        store.inbox.keep([Fact(f"ses_{number}", f"key {number}", os.urandom(10_000))], {}).result(5)
    store.close()
    store = _open(tmp_path)
    pages = _pages_of(tmp_path / FILE, "inbox")
    for page in pages[2:-2:4]:
        _damage(tmp_path / FILE, page)
    kept = [session for session in store.inbox.sessions() if store.inbox.facts(session)]
    assert 100 < len(kept) < 400
    assert store.inbox.size > 0
    store.inbox.keep([Fact("ses_new", "key", b"new")], {}).result(5)
    assert store.inbox.facts("ses_new") == [b"new"]
    assert store.notices
    store.close()


def test_a_page_damaged_while_running_costs_what_stood_on_it(tmp_path: Path) -> None:
    """A lane that meets it goes on with the rest, and says so."""
    sent = _filled(tmp_path, 40)
    store = _open(tmp_path)
    pages = _pages_of(tmp_path / FILE, "batches")
    for page in pages[10:40:5]:
        _damage(tmp_path / FILE, page)
    arrived: set[str] = set()
    empty = 0

    def deliver() -> bool:
        nonlocal empty
        try:
            leased = store.lease(LANE, 200_000)
        except Unavailable:
            return False
        for each in leased:
            arrived.update(span_ids(Signal.TRACES.request.FromString(each.data)))
        if leased:
            settle(store, leased)
        empty = 0 if leased else empty + 1
        return empty > 3

    until(deliver)
    reading = SqliteReading(tmp_path)
    account = account_of(reading)
    assert len(arrived) > len(sent) // 3
    assert account["dropped"].get("lost to a damaged page on disk", 0) == len(sent) - len(arrived) > 0
    assert store.notices
    reading.close()
    store.close()


@pytest.mark.parametrize("asked", ["due_in", "held"])
def test_whoever_asks_of_the_queue_meets_damage_as_a_store_that_is_mended_next(tmp_path: Path, asked: str) -> None:
    """Before, only leasing did: the forwarder ended, and began again, for as long as the page stood."""
    store = _open(tmp_path)
    for _ in range(5):
        store.put(_batch(), NONE).result(5)
    settle(store, store.lease(LANE, MIB), Then.RETRY, retry_in_s=3600.0)
    store.hold(LANE, Hold(3600.0, 1, "away")).result(5)
    store.close()
    store = _open(tmp_path)
    for page in _pages_of(store.path, {"due_in": "outbox_due", "held": "holds"}[asked]):
        _damage(store.path, page)

    def answered() -> bool:
        try:
            getattr(store, asked)(LANE)
        except Unavailable:
            return False
        return True

    assert not answered()
    until(answered)
    assert "set aside" in store.notices[0]
    due = store.due_in(LANE)
    assert due is not None and due > 3000
    store.close()
