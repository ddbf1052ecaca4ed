"""The store keeps what it said it kept, counts what it did, and never throws away what nobody got."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.process import assert_balanced
from harness.telemetry import logs, traces

from collector.batch import SealedBatch, Signal
from collector.errors import ConfigError, StoreFull, Unavailable
from collector.redact.seal import Sealer
from collector.store.entries import Caps, Lane, Refusal
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.store import SqliteStore

MIB = 1024 * 1024
LANE = Lane("upstream", Signal.TRACES)
NONE = Refusal(Signal.TRACES, {})


def _batch(count: int = 1, session: str = "ses_1", size: int = 0) -> SealedBatch:
    return Sealer().seal(Signal.TRACES, traces(count, session=session, size=size))


def _open(directory: Path, queue: int = 16 * MIB, total: int = 16 * MIB, seconds: float = 3600) -> SqliteStore:
    return SqliteStore(directory, Caps(queue, seconds, total), {"upstream": [Signal.TRACES]})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = _open(tmp_path)
    yield made
    made.close()


def _account(directory: Path, signal: str = "traces"):  # type: ignore[no-untyped-def]
    reader = SqliteReading(directory)
    account = reader.ledger()["upstream"][signal]
    reader.close()
    assert_balanced(account)
    return account


def test_a_batch_that_was_put_is_there_after_opening_again(tmp_path: Path) -> None:
    store = _open(tmp_path)
    batch = _batch(3)
    store.put(batch, NONE).result(5)
    store.close()
    store = _open(tmp_path)
    assert [taken.data for taken in store.take(LANE, MIB, ())] == [batch.data]
    store.close()


def test_a_batch_taken_before_a_crash_is_offered_again(store: SqliteStore) -> None:
    """Delivery is at least once: no answer seen means not delivered."""
    store.put(_batch(), NONE).result(5)
    assert store.take(LANE, MIB, ()) == store.take(LANE, MIB, ())


def test_batches_are_taken_oldest_first_and_up_to_the_bytes_asked_for(store: SqliteStore) -> None:
    batches = [_batch(1, size=1000) for _ in range(5)]
    for batch in batches:
        store.put(batch, NONE).result(5)
    taken = store.take(LANE, 3 * len(batches[0].data), ())
    assert [item.data for item in taken] == [batch.data for batch in batches[:3]]
    rest = store.take(LANE, MIB, {item.id for item in taken})
    assert [item.data for item in rest] == [batch.data for batch in batches[3:]]


def test_one_batch_is_taken_however_large(store: SqliteStore) -> None:
    store.put(_batch(1, size=100_000), NONE).result(5)
    assert len(store.take(LANE, 1, ())) == 1


def test_batches_that_came_through_other_collectors_are_not_mixed(store: SqliteStore) -> None:
    """Their hop header differs."""
    store.put(_batch(), NONE, hops="abc").result(5)
    store.put(_batch(), NONE).result(5)
    assert [item.hops for item in store.take(LANE, MIB, ())] == ["abc"]


def test_the_ledger_balances_at_every_step(tmp_path: Path) -> None:
    store = _open(tmp_path)
    for _ in range(4):
        store.put(_batch(10), Refusal(Signal.TRACES, {"invalid trace or span id": 2})).result(5)
    assert _account(tmp_path)["queued"] == 40
    ids = [item.id for item in store.take(LANE, MIB, ())]
    store.delivered(LANE, ids[:1], refused=3, reason="left out").result(5)
    store.attempted(LANE, ids[1:2], "HTTP 400", dead=True).result(5)
    store.dropped(LANE, ids[2:3], "no path").result(5)
    account = _account(tmp_path)
    store.close()
    assert account == {
        "received": 48,
        "delivered": 7,
        "queued": 10,
        "dead_lettered": 10,
        "dropped": {"invalid trace or span id": 8, "left out": 3, "no path": 10},
    }


def test_settling_twice_counts_once(tmp_path: Path) -> None:
    store = _open(tmp_path)
    store.put(_batch(5), NONE).result(5)
    ids = [item.id for item in store.take(LANE, MIB, ())]
    for _ in range(2):
        store.delivered(LANE, ids).result(5)
    assert _account(tmp_path)["delivered"] == 5
    store.close()


def test_a_signal_the_destination_does_not_take_is_counted_with_the_reason(tmp_path: Path) -> None:
    store = _open(tmp_path)
    batch = Sealer().seal(Signal.LOGS, logs(4))
    store.put(batch, Refusal(Signal.LOGS, {})).result(5)
    assert _account(tmp_path, "logs")["dropped"] == {"destination takes traces only": 4}
    store.close()


def test_a_full_queue_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    store = _open(tmp_path, queue=10_000)
    store.put(_batch(1, size=8000), NONE).result(5)
    with pytest.raises(StoreFull):
        store.put(_batch(1, size=8000), NONE).result(5)
    assert _account(tmp_path)["received"] == 1
    store.delivered(LANE, [item.id for item in store.take(LANE, MIB, ())]).result(5)
    store.put(_batch(1, size=8000), NONE).result(5)
    store.close()


def test_delivered_sessions_go_oldest_first_when_room_is_needed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Caps(MIB, 3600, 50_000), {})
    for session in ("old", "busy", "new"):
        store.put(_batch(1, session, size=14_000), NONE).result(5)
    store.put(_batch(1, "old", size=100), NONE).result(5)  # heard of again: now "busy" is the oldest
    store.put(_batch(1, "last", size=14_000), NONE).result(5)
    reader = SqliteReading(tmp_path)
    kept = {session.session_id for session in reader.sessions()}
    assert kept == {"old", "new", "last"}
    assert store.sizes["total_bytes"] <= 50_000
    reader.close()
    store.close()


def test_what_is_queued_is_not_evicted_for_room(tmp_path: Path) -> None:
    store = _open(tmp_path, total=20_000)
    for _ in range(4):
        store.put(_batch(1, size=8000), NONE).result(5)
    assert _account(tmp_path)["queued"] == 4
    store.close()


def test_dead_letters_give_way_last_and_are_counted(tmp_path: Path) -> None:
    store = _open(tmp_path, total=20_000)
    for _ in range(5):
        store.put(_batch(1, size=8000), NONE).result(5)
        for item in store.take(LANE, MIB, ()):
            store.attempted(LANE, [item.id], "HTTP 400", dead=True).result(5)
    account = _account(tmp_path)
    assert 0 < account["dead_lettered"] < 5
    assert sum(account["dropped"].values()) == 5 - account["dead_lettered"]
    store.close()


def test_what_was_not_delivered_in_time_is_dropped_and_counted(tmp_path: Path) -> None:
    store = _open(tmp_path, seconds=60)
    store.put(_batch(2), NONE, at_ns=1).result(5)
    store.close()
    store = _open(tmp_path, seconds=60)
    store.put(_batch(1), NONE).result(5)
    account = _account(tmp_path)
    assert (account["queued"], account["dropped"]) == (1, {"not delivered in time": 2})
    store.close()


def test_a_span_that_is_sent_again_is_listed_once(tmp_path: Path) -> None:
    """A client that saw no answer sends the same spans again."""
    store = SqliteStore(tmp_path, Caps(MIB, 60, MIB), {})
    batch = _batch(2)
    for _ in range(2):
        store.put(batch, NONE).result(5)
    reader = SqliteReading(tmp_path)
    assert len(reader.spans()) == 2
    reader.close()
    store.close()


def test_concurrent_puts_are_all_kept(tmp_path: Path) -> None:
    store = _open(tmp_path)

    def work() -> None:
        for _ in range(20):
            store.put(_batch(1), NONE).result(20)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _account(tmp_path)["received"] == 160
    store.close()


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


def test_a_damaged_file_is_set_aside_and_never_written_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "collector.db").write_bytes(b"this is no database" * 1000)
    store = _open(tmp_path)
    store.put(_batch(), NONE).result(5)
    store.close()
    aside = [path for path in tmp_path.iterdir() if "damaged" in path.name]
    assert len(aside) == 1
    assert aside[0].read_bytes().startswith(b"this is no database")
    assert "set aside" in caplog.text


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    store = _open(tmp_path)
    store.close()
    connection = sqlite3.connect(tmp_path / "collector.db")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(ConfigError, match="another version"):
        _open(tmp_path)


def test_a_failed_commit_is_told_and_undone(tmp_path: Path) -> None:
    store = _open(tmp_path)
    store.put(_batch(), NONE).result(5)
    sizes = store.sizes
    store._connection.execute("PRAGMA query_only=ON")
    with pytest.raises(Unavailable):
        store.put(_batch(), NONE).result(5)
    store._connection.execute("PRAGMA query_only=OFF")
    assert store.sizes == sizes
    store.put(_batch(), NONE).result(5)
    assert _account(tmp_path)["received"] == 2
    store.close()


def test_after_closing_nothing_is_taken(store: SqliteStore, tmp_path: Path) -> None:
    other = _open(tmp_path)
    other.close()
    with pytest.raises(Unavailable):
        other.put(_batch(), NONE).result(5)
