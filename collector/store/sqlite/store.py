"""The store on SQLite: nothing to install, one file, one writer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path

from collector.batch import SealedBatch, Signal
from collector.errors import CollectorError, ConfigError, StoreFull, Unavailable
from collector.store.entries import (
    EXPIRED,
    GIVEN_UP,
    LOCAL,
    UNSEALABLE,
    Caps,
    Lane,
    QueuedBatch,
    Refusal,
    Reseal,
)
from collector.store.sqlite.inbox import SqliteInbox
from collector.store.sqlite.ledger import count
from collector.store.sqlite.schema import FILE, NewerStore, connect, connect_reading, create_file, prepare
from collector.store.sqlite.writer import WriterThread

logger = logging.getLogger(__name__)

_EVICT_TO = 0.9
_SWEEP_SECONDS = 60


class SqliteStore:
    """Keeps sealed batches in `directory`; every write is synced before its future is done.

    `destinations` says who gets what: destination -> the signals it takes. A signal it does not take is
    counted as dropped for it, with the reason.
    """

    def __init__(self, directory: Path, caps: Caps, destinations: Mapping[str, Collection[Signal]]) -> None:
        self._caps = caps
        self._destinations = destinations
        self.path = directory / FILE
        connection, self.instance = _open(self.path)
        self._total = self._queued = 0
        self._measure(connection)
        self._swept = 0.0
        self._policy = ""
        self._connection = connection
        self._reading = connect_reading(self.path)
        self._writer = WriterThread(connection, self._measure)
        self.inbox = SqliteInbox(self._writer, self.path, self._put_assembled, caps.total_bytes)

    def put(self, batch: SealedBatch | None, refusal: Refusal, *, hops: str = "", at_ns: int = 0) -> Future[None]:
        """Keep `batch` and count `refusal`; when the future is done they survive a power cut.

        The future raises `StoreFull`, nothing having been kept, when undelivered batches fill the queue.
        """
        return self._writer.submit(lambda connection: self._put(connection, batch, refusal, hops, at_ns))

    def take(self, lane: Lane, most_bytes: int, busy: Collection[int]) -> list[QueuedBatch]:
        """List waiting batches, oldest first, that came the same way and are sent together.

        Ids in `busy` are passed over. At least one batch is returned when any waits.
        """
        chosen: list[tuple[int, str]] = []
        size = 0
        rows = self._reading.execute(
            "SELECT b.id, b.hops, b.bytes FROM outbox o JOIN batches b ON b.id = o.batch_id"
            " WHERE o.destination = ? AND o.signal = ? AND o.state = 'queued' ORDER BY o.batch_id",
            (lane.destination, lane.signal),
        )
        for batch_id, hops, length in rows:
            if batch_id in busy:
                continue
            if chosen and (size + length > most_bytes or hops != chosen[0][1]):
                break
            chosen.append((batch_id, hops))
            size += length
        rows.close()
        return [
            QueuedBatch(batch_id, hops, data)
            for batch_id, hops in chosen
            for (data,) in self._reading.execute("SELECT data FROM batches WHERE id = ?", (batch_id,))
        ]

    def delivered(self, lane: Lane, ids: Iterable[int], refused: int = 0, reason: str = "") -> Future[None]:
        """Take batches off the queue as delivered, but for `refused` items that the destination left out."""
        return self._writer.submit(
            lambda connection: self._settle(connection, lane, list(ids), "delivered", refused, reason)
        )

    def dropped(self, lane: Lane, ids: Iterable[int], reason: str) -> Future[None]:
        """Take batches off the queue, counted as dropped for `reason`."""
        return self._writer.submit(lambda connection: self._settle(connection, lane, list(ids), "dropped", 0, reason))

    def attempted(self, lane: Lane, ids: Iterable[int], answer: str, *, dead: bool = False) -> Future[None]:
        """Note a failed attempt; a `dead` batch is kept aside and not tried again by itself."""

        def work(connection: sqlite3.Connection) -> None:
            for batch_id in ids:
                changed = connection.execute(
                    "UPDATE outbox SET attempts = attempts + 1, answer = ?, state = ?"
                    " WHERE destination = ? AND signal = ? AND batch_id = ? AND state = 'queued'",
                    (answer, "dead" if dead else "queued", lane.destination, lane.signal, batch_id),
                ).rowcount
                if changed and dead:
                    self._queued -= self._bytes_if_unqueued(connection, batch_id)

        return self._writer.submit(work)

    def adopt(self, policy: str) -> Future[list[int]]:
        """From now on take only batches sealed under `policy`; list those that wait and were sealed under another.

        They are to be sealed again, and then `adopted` is to be called, before anything is sent.
        """

        def work(connection: sqlite3.Connection) -> list[int]:
            self._policy = policy
            held = connection.execute("SELECT value FROM meta WHERE key = 'policy'").fetchone()
            if held is not None and held[0] == policy:
                return []
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('policy', '')")
            return [row[0] for row in connection.execute("SELECT DISTINCT batch_id FROM outbox ORDER BY batch_id")]

        return self._writer.submit(work)

    def reseal(self, ids: Iterable[int], seal: Reseal) -> Future[None]:
        """Put what `seal` makes of waiting batches in their place; one it cannot seal is dropped, and counted."""

        def work(connection: sqlite3.Connection) -> None:
            for batch_id in ids:
                self._reseal(connection, batch_id, seal)

        return self._writer.submit(work)

    def adopted(self, policy: str) -> Future[None]:
        """Note that all that waits is sealed under `policy`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('policy', ?)", (policy,))

        return self._writer.submit(work)

    async def failure(self) -> str:
        """Why nothing can be kept now, tried afresh when the last commit failed; empty while all is well."""
        if self._writer.failure:
            with contextlib.suppress(CollectorError):
                await asyncio.wrap_future(
                    self._writer.submit(
                        lambda connection: connection.execute(
                            "INSERT OR REPLACE INTO meta VALUES ('probed', ?)", (str(time.time_ns()),)
                        )
                    )
                )
        return self._writer.failure

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of batches kept in all and of those still queued."""
        return {"total_bytes": self._total, "queued_bytes": self._queued}

    def close(self) -> None:
        """Commit what was submitted and close the file."""
        self._writer.close()
        self._reading.close()
        self.inbox.close()
        self._connection.close()

    def _measure(self, connection: sqlite3.Connection) -> None:
        self._total = _scalar(connection, "SELECT coalesce(sum(bytes), 0) FROM batches")
        self._queued = _scalar(connection, _QUEUED_BYTES)

    def _put(
        self,
        connection: sqlite3.Connection,
        batch: SealedBatch | None,
        refusal: Refusal,
        hops: str,
        at_ns: int,
    ) -> None:
        if batch is not None:
            if batch.policy != self._policy and batch.policy and self._policy:
                raise Unavailable("the policy changed while this was sealed", retry_after=1)
            self._make_room(connection, len(batch.data))
        takers = []
        for destination, signals in (self._destinations or {LOCAL: tuple(Signal)}).items():
            items = batch.items if batch else 0
            signal = refusal.signal
            count(connection, destination, signal, "received", items + sum(refusal.by_reason.values()))
            for reason, refused in refusal.by_reason.items():
                count(connection, destination, signal, "dropped", refused, reason)
            if signal not in signals:
                taken = " and ".join(sorted(signals)) or "nothing"
                count(connection, destination, signal, "dropped", items, f"destination takes {taken} only")
            elif destination == LOCAL:
                count(connection, destination, signal, "delivered", items)
            elif items:
                takers.append(destination)
        if batch is None:
            return
        batch_id = connection.execute(
            "INSERT INTO batches (signal, received_ns, items, bytes, hops, data) VALUES (?, ?, ?, ?, ?, ?)",
            (batch.signal, at_ns or time.time_ns(), batch.items, len(batch.data), hops, batch.data),
        ).lastrowid
        assert batch_id is not None
        connection.executemany(
            "INSERT INTO outbox (destination, signal, batch_id, state) VALUES (?, ?, ?, 'queued')",
            [(destination, batch.signal, batch_id) for destination in takers],
        )
        _list_spans(connection, batch, batch_id)
        self._total += len(batch.data)
        if takers:
            self._queued += len(batch.data)

    def _reseal(self, connection: sqlite3.Connection, batch_id: int, seal: Reseal) -> None:
        row = connection.execute("SELECT signal, bytes, data FROM batches WHERE id = ?", (batch_id,)).fetchone()
        if row is None:
            return
        signal, size, data = row
        try:
            batch = seal(Signal(signal), data)
        except Exception as error:
            logger.error("a batch could not be sealed again: %s", type(error).__name__)
            for destination, _ in connection.execute(
                "SELECT destination, state FROM outbox WHERE batch_id = ?", (batch_id,)
            ).fetchall():
                items = _scalar(connection, "SELECT items FROM batches WHERE id = ?", batch_id)
                count(connection, destination, signal, "dropped", items, UNSEALABLE)
            connection.execute("DELETE FROM outbox WHERE batch_id = ?", (batch_id,))
            self._forget(connection, batch_id, size)
        else:
            connection.execute(
                "UPDATE batches SET bytes = ?, data = ? WHERE id = ?", (len(batch.data), batch.data, batch_id)
            )
            listed = {row[0] for row in connection.execute("SELECT span_id FROM spans WHERE batch_id = ?", (batch_id,))}
            _list_spans(connection, batch, batch_id, listed)
            self._total += len(batch.data) - size
        self._queued = _scalar(connection, _QUEUED_BYTES)

    def _put_assembled(self, connection: sqlite3.Connection, batch: SealedBatch) -> None:
        self._put(connection, batch, Refusal(batch.signal, {}), "", 0)

    def _settle(
        self,
        connection: sqlite3.Connection,
        lane: Lane,
        ids: list[int],
        outcome: str,
        refused: int,
        reason: str,
    ) -> None:
        items = 0
        for batch_id in ids:
            changed = connection.execute(
                "DELETE FROM outbox WHERE destination = ? AND signal = ? AND batch_id = ? AND state = 'queued'",
                (lane.destination, lane.signal, batch_id),
            ).rowcount
            if changed:  # not when it expired while it was under way: it was counted then
                items += _scalar(connection, "SELECT items FROM batches WHERE id = ?", batch_id)
                self._queued -= self._bytes_if_unqueued(connection, batch_id)
        refused = min(refused, items)
        if outcome == "delivered":
            count(connection, lane.destination, lane.signal, "delivered", items - refused)
            count(connection, lane.destination, lane.signal, "dropped", refused, reason)
        else:
            count(connection, lane.destination, lane.signal, "dropped", items, reason)

    def _bytes_if_unqueued(self, connection: sqlite3.Connection, batch_id: int) -> int:
        return _scalar(
            connection,
            "SELECT coalesce(sum(bytes), 0) FROM batches WHERE id = ?"
            " AND NOT EXISTS (SELECT 1 FROM outbox WHERE batch_id = id AND state = 'queued')",
            batch_id,
        )

    def _make_room(self, connection: sqlite3.Connection, needed: int) -> None:
        """Forget what is delivered, oldest sessions first; never what is not."""
        now = time.monotonic()
        if now - self._swept > _SWEEP_SECONDS:
            self._swept = now
            self._expire(connection)
        if self._destinations and self._queued + needed > self._caps.queue_bytes:
            raise StoreFull("the queue of undelivered telemetry is full", retry_after=30)
        if self._total + needed > self._caps.total_bytes:
            self._evict(connection, int(self._caps.total_bytes * _EVICT_TO) - needed)

    def _expire(self, connection: sqlite3.Connection) -> None:
        oldest = time.time_ns() - int(self._caps.queue_seconds * 1e9)
        rows = connection.execute(
            "SELECT o.destination, o.signal, o.batch_id FROM outbox o JOIN batches b ON b.id = o.batch_id"
            " WHERE o.state = 'queued' AND b.received_ns < ?",
            (oldest,),
        ).fetchall()
        for destination, signal, batch_id in rows:
            self._settle(connection, Lane(destination, Signal(signal)), [batch_id], "dropped", 0, EXPIRED)

    def _evict(self, connection: sqlite3.Connection, target: int) -> None:
        """Delete batches that nobody waits for, those of the session that ended first before others."""
        candidates = connection.execute(
            # The index alone tells which sessions are in which batch: a fifth of a second for a million spans.
            "WITH recent AS (SELECT session_id, max(batch_id) AS last FROM spans WHERE session_id <> '' GROUP BY 1),"
            " held AS (SELECT DISTINCT session_id, batch_id FROM spans),"
            " ages AS (SELECT batch_id, max(last) AS age FROM held JOIN recent USING (session_id) GROUP BY batch_id)"
            " SELECT b.id, b.bytes, coalesce(age, b.id) AS rank FROM batches b LEFT JOIN ages ON ages.batch_id = b.id"
            " WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.batch_id = b.id) ORDER BY rank, b.id"
        ).fetchall()
        for batch_id, size, _rank in candidates:
            if self._total <= target:
                return
            self._forget(connection, batch_id, size)
        if self._total > self._caps.total_bytes:
            self._give_up_dead(connection, target)

    def _give_up_dead(self, connection: sqlite3.Connection, target: int) -> None:
        """Dead letters stay as long as there is room; the oldest go last of all, and are counted."""
        rows = connection.execute(
            "SELECT o.destination, o.signal, o.batch_id, b.items, b.bytes FROM outbox o JOIN batches b"
            " ON b.id = o.batch_id WHERE o.state = 'dead' ORDER BY o.batch_id"
        ).fetchall()
        for destination, signal, batch_id, items, size in rows:
            if self._total <= target:
                return
            count(connection, destination, signal, "dropped", items, GIVEN_UP)
            connection.execute(
                "DELETE FROM outbox WHERE destination = ? AND signal = ? AND batch_id = ?",
                (destination, signal, batch_id),
            )
            if not _scalar(connection, "SELECT count(*) FROM outbox WHERE batch_id = ?", batch_id):
                self._forget(connection, batch_id, size)

    def _forget(self, connection: sqlite3.Connection, batch_id: int, size: int) -> None:
        connection.execute("DELETE FROM spans WHERE batch_id = ?", (batch_id,))
        connection.execute("DELETE FROM batches WHERE id = ?", (batch_id,))
        self._total -= size


_QUEUED_BYTES = (
    "SELECT coalesce(sum(bytes), 0) FROM batches WHERE id IN (SELECT batch_id FROM outbox WHERE state = 'queued')"
)


def _list_spans(
    connection: sqlite3.Connection, batch: SealedBatch, batch_id: int, only: Collection[str] | None = None
) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                s.trace_id, s.span_id, s.parent_id, s.session_id, s.service, s.name, s.kind,
                s.start_ns, s.end_ns, s.error, s.model, s.tokens, s.cost, batch_id,
            )
            for s in batch.spans
            if only is None or s.span_id in only
        ],
    )  # fmt: skip


def _scalar(connection: sqlite3.Connection, query: str, *values: object) -> int:
    row = connection.execute(query, values).fetchone()
    return int(row[0]) if row else 0


def _open(path: Path) -> tuple[sqlite3.Connection, str]:
    """Open or create the store; a damaged file is set aside under another name, never written over."""
    create_file(path)
    try:
        return _try_open(path)
    except NewerStore as error:
        raise ConfigError(
            f"{path} was written by another version of the collector (format {error.version}):"
            " use that version, or another --data-dir"
        ) from None
    except sqlite3.OperationalError as error:
        raise ConfigError(f"cannot open {path}: {error}") from None
    except sqlite3.DatabaseError:
        aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            side = path.with_name(path.name + suffix)
            if side.exists():
                side.rename(aside.with_name(aside.name + suffix))
        logger.error("the store was damaged and is set aside as %s; starting with an empty one", aside)
        create_file(path)
        return _try_open(path)


def _try_open(path: Path) -> tuple[sqlite3.Connection, str]:
    connection = connect(path)
    try:
        return connection, prepare(connection)
    except BaseException:
        connection.close()
        raise
