"""The inbox: OpenCode's facts, redacted, until the turn they belong to is over.

Any collector keeps facts; one at a time assembles. That one holds a lock on the connection it writes with: when the
connection goes, so does the lock, and nothing it still has in memory can be written any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import psycopg

from collector.batch import SealedBatch
from collector.errors import StoreFull
from collector.store import InboxFact
from collector.store.entries import NOTHING_LEFT_OUT, EndedTurn, Refusal, Superseded
from collector.store.postgres.clock import PgClock
from collector.store.postgres.column_values import bounded_number, indexable, storable
from collector.store.postgres.connecting import SharedConnection, execute
from collector.store.postgres.locks import ASSEMBLING, try_lock
from collector.store.postgres.transaction import KeptFact, Transaction
from collector.store.postgres.writer import PgWriterThread

PutSpans = Callable[[Transaction, SealedBatch | None, Refusal], None]

_KEPT_MS = 30 * 86_400_000
_SWEEP_SECONDS = 3600
_MOST_KNOWN = 10_000
_ABSENT_S = 2.0
_LOOK_S = 1.0
_MEASURED_S = 5.0


class PgInbox:
    """Keeps facts until their turn is over, and remembers which spans were made of them."""

    idle_seconds = _LOOK_S

    def __init__(
        self,
        writer: PgWriterThread,
        reading: SharedConnection,
        clock: PgClock,
        origin: int,
        put: PutSpans,
        most_bytes: int,
    ) -> None:
        self._writer = writer
        self._reading = reading
        self._clock = clock
        self._origin = origin
        self._put = put
        self._most = most_bytes
        self._bytes = self._measure()
        self._measured_at = time.monotonic()
        self._swept = time.monotonic()
        self._known: dict[str, float] = {}
        self._term = 0
        self._horizon = 0
        self._seen: dict[tuple[str, str, int], None] = {}
        self._told = threading.Event()
        self._look_at = 0.0

    # ---- who assembles

    def claim(self) -> int:
        """See `Inbox.claim`."""
        if self._term and self._term == self._writer.connections:
            return self._term

        def work(transaction: Transaction) -> int:
            if not try_lock(transaction.connection, ASSEMBLING):
                return 0
            self._horizon = _horizon(transaction)
            return self._writer.connections

        self._term = self._writer.submit(work).result()
        self._seen.clear()
        return self._term

    def arrived(self) -> list[bytes]:
        """See `Inbox.arrived`."""
        now = time.monotonic()
        if not self._told.is_set() and now < self._look_at:
            return []
        self._told.clear()
        self._look_at = now + _LOOK_S
        rows, horizon = self._reading.run(lambda connection: _others(connection, self._horizon, self._origin))
        found = [row for row in rows if row[:3] not in self._seen]
        self._seen = {row[:3]: None for row in rows if row[2] >= horizon}
        self._horizon = horizon
        return [bytes(row[3]) for row in found]

    def tell(self) -> None:
        """Another collector kept something."""
        self._told.set()

    # ---- Inbox

    def keep(self, facts: Iterable[InboxFact], unknown: Mapping[str, int], marks: Iterable[bytes] = ()) -> Future[None]:
        """See `Inbox.keep`."""
        found, left = list(facts), list(marks)

        def work(transaction: Transaction) -> None:
            size = sum(len(fact.data) for fact in found)
            if self._bytes + size > self._most:
                self._bytes = self._measure()
                if self._bytes + size > self._most:
                    raise StoreFull("the inbox of OpenCode events is full", retry_after=30)
            now = self._clock.now_ms()
            for fact in found:
                transaction.add_fact(
                    KeptFact(
                        indexable(fact.session), indexable(fact.key), storable(fact.message),
                        bounded_number(fact.at), bounded_number(fact.order), now, fact.data,
                    )
                )  # fmt: skip
            for kind, times in unknown.items():
                transaction.add_unknown(kind, times)
            transaction.add_built(left)
            self._bytes += size

        return self._writer.submit(work)

    def keep_spans(
        self,
        batch: SealedBatch | None,
        span_ids: Iterable[bytes],
        ended: Iterable[EndedTurn],
        left_out: Refusal = NOTHING_LEFT_OUT,
    ) -> Future[None]:
        """See `Inbox.keep_spans`."""
        ids, turns, term = list(span_ids), list(ended), self._term

        def work(transaction: Transaction) -> None:
            if term != self._writer.connections:
                raise Superseded("another collector may assemble by now")
            if batch is not None or left_out.by_reason:
                self._put(transaction, batch, left_out)
            transaction.add_built(ids)
            for turn in turns:
                self._forget(transaction, turn)
            if time.monotonic() - self._swept > _SWEEP_SECONDS:
                self._swept = time.monotonic()
                transaction.run("DELETE FROM inbox WHERE kept_ms < %s", self._clock.now_ms() - _KEPT_MS)

        return self._writer.submit(work, batches=batch is not None)

    def was_built(self, span_id: bytes) -> bool:
        """See `Inbox.was_built`."""
        return self.any_built((span_id,))

    def any_built(self, ids: Collection[bytes]) -> bool:
        """See `Inbox.any_built`."""
        numbers = [int.from_bytes(each, "big", signed=True) for each in ids]
        return bool(self._reading.rows("SELECT 1 FROM built_spans WHERE span = ANY(%s::bigint[]) LIMIT 1", (numbers,)))

    def sessions(self) -> list[str]:
        """See `Inbox.sessions`."""
        return [row[0] for row in self._reading.rows("SELECT DISTINCT session_id FROM inbox ORDER BY 1 DESC")]

    def knows(self, session: str) -> bool:
        """See `Inbox.knows`; that a session is not known is remembered for a moment, as pipelines ask for each span."""
        now = time.monotonic()
        until = self._known.get(session)
        if until is not None and until > now:
            return until == _FOR_EVER
        key = indexable(session)
        found = self._reading.rows(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM inbox WHERE session_id = %s)"
            " OR EXISTS (SELECT 1 FROM opencode_sessions WHERE session_id = %s)",
            (key, key),
        )
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[session] = _FOR_EVER if found else now + _ABSENT_S
        return bool(found)

    def facts(self, session: str) -> list[bytes]:
        """See `Inbox.facts`."""
        rows = self._reading.rows(
            "SELECT data FROM inbox WHERE session_id = %s ORDER BY at", (indexable(session),), binary=True
        )
        return [bytes(row[0]) for row in rows]

    def memory(self, session: str) -> bytes | None:
        """See `Inbox.memory`."""
        rows = self._reading.rows(
            "SELECT data FROM opencode_sessions WHERE session_id = %s", (indexable(session),), binary=True
        )
        return bytes(rows[0][0]) if rows else None

    def unknown(self) -> dict[str, int]:
        """See `Inbox.unknown`."""
        return dict(self._reading.rows("SELECT type, count FROM unknown_events ORDER BY type"))

    @property
    def size(self) -> int:
        """See `Inbox.size`; measured every few seconds."""
        if time.monotonic() - self._measured_at > _MEASURED_S:
            self._bytes = self._measure()
            self._measured_at = time.monotonic()
        return self._bytes

    def _measure(self) -> int:
        return int(self._reading.rows("SELECT coalesce(sum(octet_length(data)), 0)::bigint FROM inbox")[0][0])

    def _forget(self, transaction: Transaction, turn: EndedTurn) -> None:
        session = indexable(turn.session)
        transaction.run(
            "INSERT INTO opencode_sessions VALUES (%s, %s, %s) ON CONFLICT (session_id) DO UPDATE SET"
            " updated_ns = excluded.updated_ns, data = excluded.data",
            session, time.time_ns(), turn.memory,
        )  # fmt: skip
        gone = transaction.rows(
            "DELETE FROM inbox WHERE session_id = %s AND (message_id = ANY(%s::text[])"
            " OR (at <= %s AND message_id <> ALL(%s::text[]))) RETURNING octet_length(data)",
            session, [storable(each) for each in turn.messages], bounded_number(turn.until),
            [storable(each) for each in turn.open_messages],
        )  # fmt: skip
        self._bytes = max(self._bytes - sum(row[0] for row in gone), 0)


def _others(connection: psycopg.Connection[Any], since: int, origin: int) -> tuple[list[Any], int]:
    """What other collectors kept in transactions from `since` on, and the first that may still be under way."""
    with connection.transaction():
        execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        rows = execute(
            connection,
            "SELECT session_id, key, kept_in::text::bigint, data FROM inbox"
            " WHERE kept_in >= %s::text::xid8 AND kept_by <> %s ORDER BY kept_in, at",
            (str(since), origin),
        ).fetchall()
        [(horizon,)] = execute(connection, f"SELECT {_HORIZON}").fetchall()
    return rows, horizon


def _horizon(transaction: Transaction) -> int:
    return int(transaction.rows(f"SELECT {_HORIZON}")[0][0])


_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_FOR_EVER = float("inf")
