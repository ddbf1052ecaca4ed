"""What the calls of a conversation repeat is kept once, and each batch comes back whole."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from harness.store import HOST, LANE, MIB, Engine, account_of, settle, until

from collector.assemble.fold.session import SessionState
from collector.assemble.spans.conversation import ConversationEncoding, SentMessage, ToolsEncoding
from collector.assemble.spans.otlp import SpanHead, begin, shared_request
from collector.batch import SealedBatch, Signal
from collector.errors import StoreFull
from collector.redact.seal import Sealer
from collector.store.entries import Caps, Refusal
from collector.store.sqlite.batches import whole
from collector.store.sqlite.reading import SqliteReading
from collector.store.sqlite.schema import FILE
from collector.store.sqlite.store import SqliteStore

NONE = Refusal(Signal.TRACES, {})
CAPS = Caps(256 * MIB, 86400, 256 * MIB)
TOOLS = [{"name": "bash", "description": "runs " * 50, "parameters": {"type": "object"}}]
WORDS = "the quick brown fox jumps over the lazy dog "


def calls(count: int, session: str = "ses_1", sealer: Sealer | None = None, at_once: int = 1) -> list[SealedBatch]:
    """Calls to a model of one session, each of which says all that was said before, and two messages more."""
    sealer, encoding, tools, state = sealer or Sealer(), ConversationEncoding(), ToolsEncoding(), SessionState(session)
    said: list[SentMessage] = []
    batches, waiting = [], []
    for number in range(count):
        said = [*said, SentMessage("user", f"{session} asks {number}"), SentMessage("assistant", WORDS * 20)]
        head = SpanHead(
            trace_id=session.encode().rjust(16, b"-"), span_id=(number + 1).to_bytes(8, "big"), parent_id=b"",
            name="m", kind="LLM", start=number + 1, end=number + 2, agent=None,
        )  # fmt: skip
        span = begin("opencode", state, head)
        span.passages, _ = encoding.of(said)
        span.passages.append(tools.of(TOOLS))
        waiting.append(span)
        if len(waiting) == at_once:
            batches.append(sealer.seal(Signal.TRACES, *shared_request(waiting)))
            waiting = []
    return batches


def opened(directory: Path, caps: Caps = CAPS, destinations: Sequence[str] = (HOST,)) -> SqliteStore:
    return SqliteStore(directory, caps, {each: [Signal.TRACES] for each in destinations})


def put(store: SqliteStore, batches: list[SealedBatch]) -> None:
    for batch in batches:
        store.put(batch, NONE).result(5)


def asked(directory: Path, query: str) -> int:
    with closing(sqlite3.connect(directory / FILE)) as connection:
        return int(connection.execute(query).fetchone()[0] or 0)


def held_bytes(directory: Path) -> int:
    return asked(
        directory,
        "SELECT (SELECT sum(length(data)) FROM batches) + (SELECT sum(length(data)) FROM run_parts)",
    )


@pytest.mark.parametrize("at_once", [1, 3])
def test_each_batch_comes_back_whole_by_every_way(engine: Engine, tmp_path: Path, at_once: int) -> None:
    """To a destination, to the viewer, as a document, and after the store was opened again."""
    batches = calls(12, at_once=at_once)
    whole = [batch.data for batch in batches]
    assert all(batch.shared and batch.size == len(data) for batch, data in zip(batches, whole, strict=True))
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    for batch in batches:
        store.put(batch, NONE).result(5)
    store.close()
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    requests = [Signal.TRACES.request.FromString(data) for data in whole]
    reading = engine.read(tmp_path)
    assert reading.requests(session_id="ses_1") == requests
    assert list(reversed(reading.newest(Signal.TRACES))) == requests
    document = reading.document(b"ses_1".rjust(16, b"-").hex(), (12).to_bytes(8, "big").hex())
    assert "ses_1 asks 0" in str(document)
    assert "ses_1 asks 11" in str(document)
    leased = store.lease(LANE, 64 * MIB)
    assert [each.data for each in leased] == whole
    settle(store, leased)
    reading.close()
    store.close()


def test_what_calls_repeat_is_written_once(tmp_path: Path) -> None:
    """Not by the square of their number: of a call, what it adds is kept."""
    batches = calls(200)
    store = opened(tmp_path)
    put(store, batches)
    store.close()
    assert sum(batch.size for batch in batches) > 20 * MIB
    assert held_bytes(tmp_path) < MIB
    assert asked(tmp_path, "SELECT count(*) FROM runs") == 2  # the conversation, and the tools


def test_two_sessions_and_two_stores_do_not_mix_what_they_share(tmp_path: Path) -> None:
    sealer = Sealer()
    sessions = [calls(6, name, sealer) for name in ("ses_1", "ses_2")]
    for name in ("one", "other"):  # the same batches, put into both
        (tmp_path / name).mkdir()
        store = opened(tmp_path / name)
        put(store, [batch for pair in zip(*sessions, strict=True) for batch in pair])
        found = {each.data for each in store.lease(LANE, 64 * MIB)}
        assert found == {batch.data for batches in sessions for batch in batches}
        store.close()


def test_what_an_undone_transaction_kept_is_kept_again(tmp_path: Path) -> None:
    """What was noted on a run in it would name bytes that are not there."""
    batches = calls(6)
    store = opened(tmp_path)
    put(store, batches[:2])

    def failing(connection: sqlite3.Connection) -> None:
        store._put(connection, batches[2], NONE)
        raise ValueError("nobody foresaw it")

    with pytest.raises(Exception, match="ValueError"):
        store._writer.submit(failing).result(5)
    put(store, batches[3:])
    whole = [batch.data for batch in (*batches[:2], *batches[3:])]
    assert [each.data for each in store.lease(LANE, 64 * MIB)] == whole
    store.close()


def test_a_refused_batch_leaves_nothing_of_what_it_shares(tmp_path: Path) -> None:
    batches = calls(4)
    store = opened(tmp_path, Caps(batches[0].size + batches[1].size, 86400, 256 * MIB))
    put(store, batches[:2])
    with pytest.raises(StoreFull):
        put(store, batches[2:3])
    store.close()
    assert asked(tmp_path, "SELECT max(start) FROM run_parts") < len(batches[1].data)
    assert held_bytes(tmp_path) < batches[0].size + batches[1].size


def test_what_is_shared_goes_with_the_last_that_holds_it(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, [batch for name in ("ses_1", "ses_2") for batch in calls(5, name)])
    leased = store.lease(LANE, 64 * MIB)
    settle(store, [each for each in leased if b"ses_1" in each.data])
    while store.forget_some().result(5):
        pass
    kept = [each.data for each in leased if b"ses_2" in each.data]
    store.close()
    store = opened(tmp_path)
    leased = store.lease(LANE, 64 * MIB)
    assert [each.data for each in leased] == kept
    assert 0 < asked(tmp_path, "SELECT count(*) FROM runs") <= 2
    settle(store, leased)
    while store.forget_some().result(5):
        pass
    store.close()
    for table in ("runs", "run_parts", "batches"):
        assert asked(tmp_path, f"SELECT count(*) FROM {table}") == 0


def test_a_batch_that_was_forgotten_takes_nothing_from_those_that_come(tmp_path: Path) -> None:
    """The run it was noted on is gone; the next begins another."""
    batches = calls(6)
    store = opened(tmp_path)
    put(store, batches[:3])
    settle(store, store.lease(LANE, 64 * MIB))
    while store.forget_some().result(5):
        pass
    put(store, batches[3:])
    assert [each.data for each in store.lease(LANE, 64 * MIB)] == [batch.data for batch in batches[3:]]
    store.close()


def test_sealing_again_reads_all_of_a_batch(engine: Engine, tmp_path: Path) -> None:
    batches = calls(5)
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    store.adopt(batches[0].policy).result(5)
    store.adopted(batches[0].policy).result(5)
    for batch in batches:
        store.put(batch, NONE).result(5)
    sealer = Sealer(fingerprint="another")
    store.reseal(store.adopt("another").result(5), sealer.reseal).result(5)
    store.adopted("another").result(5)
    again = [Sealer().reseal(Signal.TRACES, batch.data).data for batch in batches]
    assert [each.data for each in store.lease(LANE, 64 * MIB)] == again
    store.close()


def test_what_is_sealed_again_or_goes_while_it_is_read_is_read_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a batch shared went with the reader's look at its row: the batch was missing in what was shown."""
    batches = calls(5)
    store = opened(tmp_path)
    put(store, batches)
    reading = store.open_reading()

    def meanwhile(connection: sqlite3.Connection, own: bytes, shared: str | None) -> bytes | None:
        store.reseal([1, 2, 3], Sealer(fingerprint="another").reseal).result(5)
        settle(store, store.lease(LANE, 64 * MIB))
        while store.forget_some().result(5):
            pass
        return whole(connection, own, shared)

    monkeypatch.setattr("collector.store.sqlite.reading.whole", meanwhile)
    found = [request.SerializeToString() for request in reading.newest(Signal.TRACES)]
    assert found == [batch.data for batch in reversed(batches)]
    assert reading.newest(Signal.TRACES) == []
    reading.close()
    store.close()


def test_what_is_damaged_of_a_conversation_costs_the_calls_that_hold_it_and_is_counted(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, [*calls(6), *calls(3, "ses_2")])
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        at = connection.execute("SELECT max(start) FROM run_parts WHERE run_id = 1").fetchone()[0]
        connection.execute("UPDATE run_parts SET data = ? WHERE run_id = 1 AND start = ?", (os.urandom(900), at))
    store = opened(tmp_path)
    leased = store.lease(LANE, 64 * MIB)
    assert len(leased) == 8
    settle(store, leased)
    reading = store.open_reading()
    until(lambda: bool(account_of(reading)["dropped"]))
    assert account_of(reading)["dropped"] == {"lost to a damaged page on disk": 1}
    reading.close()
    store.close()


def test_of_a_mended_file_each_batch_is_whole_or_counted(tmp_path: Path) -> None:
    """Whichever page of the shared bytes is damaged."""
    filled = tmp_path / "filled"
    filled.mkdir()
    store = opened(filled)
    batches = [batch for name in ("ses_1", "ses_2", "ses_3") for batch in calls(12, name)]
    put(store, batches)
    store.close()
    with closing(sqlite3.connect(filled / FILE)) as connection:
        pages = [row[0] for row in connection.execute("SELECT pageno FROM dbstat WHERE name = 'run_parts'")]
    assert len(pages) > 3
    for page in pages:
        directory = tmp_path / str(page)
        directory.mkdir()
        data = bytearray((filled / FILE).read_bytes())
        data[(page - 1) * 16384 : page * 16384] = os.urandom(16384)
        (directory / FILE).write_bytes(data)
        store = opened(directory)
        arrived: list[bytes] = []

        def deliver(store: SqliteStore = store, arrived: list[bytes] = arrived) -> bool:
            try:
                leased = store.lease(LANE, 64 * MIB)
            except Exception:
                return False
            arrived += [each.data for each in leased]
            settle(store, leased)
            return not leased

        until(deliver)
        reading = store.open_reading()
        assert set(arrived) <= {batch.data for batch in batches}
        account = account_of(reading)
        assert account["delivered"] == len(arrived)
        assert account["delivered"] + sum(account["dropped"].values()) == len(batches)
        reading.close()
        store.close()


def test_a_file_of_an_earlier_version_is_read_as_it_is(tmp_path: Path) -> None:
    store = opened(tmp_path)
    batch = Sealer().seal(Signal.TRACES, Signal.TRACES.request.FromString(calls(1)[0].data))
    put(store, [batch])
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute("ALTER TABLE batches DROP COLUMN shared")
        connection.execute("DROP TABLE run_parts")
    reading = SqliteReading(tmp_path)
    assert [request.SerializeToString() for request in reading.newest(Signal.TRACES)] == [batch.data]
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute("PRAGMA user_version=4")
    store = opened(tmp_path)  # brings it up under the reader
    later = calls(3, "ses_2")
    put(store, later)
    found = [request.SerializeToString() for request in reading.newest(Signal.TRACES)]
    assert found == [*(each.data for each in reversed(later)), batch.data]
    reading.close()
    store.close()
