"""The inbox: OpenCode's facts, redacted, until the turn they belong to is over."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from collector.batch import SealedBatch
from collector.errors import StoreFull, Unavailable
from collector.store import InboxFact
from collector.store.entries import NOTHING_LEFT_OUT, EndedTurn, Refusal
from collector.store.sqlite.clock import StoreClock
from collector.store.sqlite.schema import connect_reading
from collector.store.sqlite.writer import WriterThread, is_damage

PutBatch = Callable[[sqlite3.Connection, SealedBatch | None, Refusal], None]

_KEPT_MS = 30 * 86_400_000
_SWEEP_SECONDS = 3600
_MOST_KNOWN = 10_000


_SIZE = "SELECT coalesce(sum(length(data)), 0) FROM inbox"


class SqliteInbox:
    """Keeps facts until their turn is over, and remembers which spans were made of them."""

    idle_seconds = 60.0

    def __init__(
        self,
        writer: WriterThread,
        path: Path,
        clock: StoreClock,
        put: PutBatch,
        most_bytes: int,
        refuses: Callable[[int], str],
    ) -> None:
        self._writer = writer
        self._path = path
        self._clock = clock
        self._put = put
        self._most = most_bytes
        self._refuses = refuses
        self._reading = connect_reading(path)
        self._lock = threading.Lock()
        self._bytes = _measure(self._reading)
        self._swept = time.monotonic()
        self._known: set[str] = set()

    def close(self) -> None:
        with self._lock:
            self._reading.close()

    def reopen(self) -> None:
        """Read from the file that stands there now."""
        with self._lock:
            self._reading.close()
            self._reading = connect_reading(self._path)
            self._bytes = _measure(self._reading)

    def keep(self, facts: Iterable[InboxFact], unknown: Mapping[str, int], marks: Iterable[bytes] = ()) -> Future[None]:
        """See `Inbox.keep`; when the future is done all of it survives a power cut."""
        found, left = list(facts), list(marks)

        def work(connection: sqlite3.Connection) -> None:
            self._keep(connection, found, unknown)
            remember_built(connection, left)

        return self._writer.submit(work)

    def keep_spans(
        self,
        batch: SealedBatch | None,
        span_ids: Iterable[bytes],
        ended: Iterable[EndedTurn],
        left_out: Refusal = NOTHING_LEFT_OUT,
    ) -> Future[None]:
        """See `Inbox.keep_spans`."""
        ids, turns = list(span_ids), list(ended)

        def work(connection: sqlite3.Connection) -> None:
            if batch is not None or left_out.by_reason:
                self._put(connection, batch, left_out)
            remember_built(connection, ids)
            self._end(connection, turns)

        return self._writer.submit(work)

    def claim(self) -> int:
        """Whoever has the file open is alone."""
        return 1

    def arrived(self) -> list[bytes]:
        """No other collector keeps anything here."""
        return []

    def was_built(self, span_id: bytes) -> bool:
        """Whether a span of this id was made before."""
        return self.any_built((span_id,))

    def any_built(self, ids: Collection[bytes]) -> bool:
        """See `Inbox.any_built`."""
        places = ",".join("?" * len(ids))
        return self._one(f"SELECT 1 FROM built_spans WHERE span IN ({places}) LIMIT 1", *map(_number, ids)) is not None

    def sessions(self) -> list[str]:
        """The sessions of which something is kept."""
        return [row[0] for row in self._rows("SELECT DISTINCT session_id FROM inbox ORDER BY 1 DESC")]

    def knows(self, session: str) -> bool:
        """Whether events of a session came here, now or before."""
        if session not in self._known:
            found = self._one(
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM inbox WHERE session_id = ?)"
                " OR EXISTS (SELECT 1 FROM opencode_sessions WHERE session_id = ?)",
                session,
                session,
            )
            if found is None:
                return False
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known.add(session)
        return True

    def facts(self, session: str) -> list[bytes]:
        """What is kept of a session, oldest first."""
        return [row[0] for row in self._rows("SELECT data FROM inbox WHERE session_id = ? ORDER BY at", session)]

    def memory(self, session: str) -> bytes | None:
        """What was remembered of a session when its last turn ended."""
        found = self._one("SELECT data FROM opencode_sessions WHERE session_id = ?", session)
        return found if isinstance(found, bytes) else None

    def unknown(self) -> dict[str, int]:
        """How often events of each unknown type came."""
        return dict(self._rows("SELECT type, count FROM unknown_events ORDER BY type"))

    @property
    def size(self) -> int:
        """Bytes of facts kept."""
        return int(self._rows(_SIZE)[0][0])

    def _one(self, query: str, *values: object) -> object:
        rows = self._rows(query, *values)
        return rows[0][0] if rows else None

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read, once more after the file was mended where a page is damaged; raises `Unavailable`."""
        for again in (False, True):
            mended = self._writer.mended
            try:
                with self._lock:
                    return [tuple(row) for row in self._reading.execute(query, values)]
            except sqlite3.DatabaseError as error:
                if again or not is_damage(error):
                    raise Unavailable(f"the store cannot be read ({type(error).__name__})") from None
            self._writer.report_damage(mended)
            self._writer.submit(lambda _: None, durable=False).result()
        raise AssertionError("the second attempt returns or raises")

    def _keep(self, connection: sqlite3.Connection, rows: list[InboxFact], unknown: Mapping[str, int]) -> None:
        size = sum(len(row.data) for row in rows)
        if full := self._refuses(size):
            raise StoreFull(full, retry_after=30)
        if self._bytes + size > self._most:
            self._bytes = _measure(connection)
            if self._bytes + size > self._most:
                raise StoreFull("the inbox of OpenCode events is full", retry_after=30)
        now = self._clock.now_ms()
        connection.executemany(
            "INSERT INTO inbox (session_id, key, message_id, at, ord, kept_ms, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (session_id, key) DO UPDATE SET message_id = excluded.message_id, at = excluded.at,"
            " ord = excluded.ord, data = excluded.data WHERE excluded.ord > inbox.ord",
            [(row.session, row.key, row.message, row.at, row.order, now, row.data) for row in rows],
        )
        connection.executemany(
            "INSERT INTO unknown_events VALUES (?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            list(unknown.items()),
        )
        self._bytes += size

    def _end(self, connection: sqlite3.Connection, ended: list[EndedTurn]) -> None:
        for turn in ended:
            self._forget(connection, turn)
        if time.monotonic() - self._swept > _SWEEP_SECONDS:
            self._swept = time.monotonic()
            oldest = self._clock.now_ms() - _KEPT_MS
            connection.execute("DELETE FROM inbox WHERE kept_ms < ?", (oldest,))
            self._bytes = _measure(connection)

    def _forget(self, connection: sqlite3.Connection, turn: EndedTurn) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO opencode_sessions VALUES (?, ?, ?)", (turn.session, time.time_ns(), turn.memory)
        )
        for (size,) in connection.execute(
            "DELETE FROM inbox WHERE session_id = ? AND (message_id IN (SELECT value FROM json_each(?))"
            " OR (at <= ? AND message_id NOT IN (SELECT value FROM json_each(?)))) RETURNING length(data)",
            (turn.session, _json(turn.messages), turn.until, _json(turn.open_messages)),
        ).fetchall():
            self._bytes -= size


def remember_built(connection: sqlite3.Connection, ids: Iterable[bytes]) -> None:
    """Remember ids of spans that were built, and marks."""
    connection.executemany("INSERT OR IGNORE INTO built_spans VALUES (?)", [(_number(each),) for each in ids])


def _measure(connection: sqlite3.Connection) -> int:
    return int(connection.execute(_SIZE).fetchone()[0])


def _number(span_id: bytes) -> int:
    return int.from_bytes(span_id, "big", signed=True)


def _json(names: tuple[str, ...]) -> str:
    return json.dumps(list(names))
