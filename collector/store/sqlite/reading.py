"""Reading what is kept: sessions, traces, spans and single documents, newest first; each list an index look-up."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import ExportRequest, Signal, SpanEntry
from collector.errors import Unavailable
from collector.otlp.envelope import take_range, take_span
from collector.otlp.write import to_document
from collector.store.entries import (
    ANY_SESSION,
    ANY_SPAN,
    DeadLetter,
    Delivery,
    FoundId,
    Ledger,
    NoStore,
    OtherStore,
    QueueEntry,
    SearchHit,
    SessionEntry,
    SessionQuery,
    SpanQuery,
    TraceEntry,
)
from collector.store.outline import OutlinedSpan, requests_of
from collector.store.sqlite.batches import whole
from collector.store.sqlite.ledger import read_ledger
from collector.store.sqlite.lookups import (
    choices_queries,
    find_queries,
    outline_queries,
    search_query,
    sessions_query,
    spans_query,
    traces_query,
)
from collector.store.sqlite.migrations import NotAStore, refuse_foreign
from collector.store.sqlite.schema import FILE, connect_reading
from collector.store.sqlite.texts import match_of
from collector.store.sqlite.writer import is_damage


class SqliteReading:
    """Reads the store of `directory`; a connection of its own, so it never waits for the writer.

    `damaged` is told the inode of a file of which a page cannot be read. Raises `NoStore` when there is none, and
    `OtherStore` for one of a later version: what that keeps elsewhere would be missing in all that is shown.
    """

    def __init__(self, directory: Path, damaged: Callable[[int], None] = lambda _: None) -> None:
        self._path = directory / FILE
        self._damaged = damaged
        self._lock = threading.Lock()
        try:
            self._open()
            refuse_foreign(self._connection)
            found = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'dead_letters'").fetchone()
        except NotAStore as error:
            self.close()
            raise OtherStore(f"{self._path} {error.reason}") from None
        except (sqlite3.Error, OSError):
            found = None
        if found is None:
            raise NoStore(f"{directory} holds no store that this version reads")

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> None:
        self._connection = connect_reading(self._path)
        self._file = self._path.stat().st_ino
        self._can_share = False

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        with self._reading() as connection:
            return connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, to the file that stands there now, for the caller alone.

        Raises `Unavailable` where a page cannot be read.
        """
        with self._lock:
            try:
                with contextlib.suppress(FileNotFoundError):  # a file that was removed can be read to its end
                    if self._path.stat().st_ino != self._file:  # a damaged one was replaced by what could be read of it
                        self._connection.close()
                        self._open()
                yield self._connection
            except (sqlite3.DatabaseError, OSError) as error:
                if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
                    self._damaged(self._file)
                raise Unavailable(f"the store cannot be read now ({type(error).__name__})") from None

    def ledger(self) -> Ledger:
        """See `Reading.ledger`."""
        with self._reading() as connection:
            return read_ledger(connection)

    def sessions(self, query: SessionQuery = ANY_SESSION) -> list[SessionEntry]:
        """See `Reading.sessions`."""
        rows = self._rows(*sessions_query(query))
        return [SessionEntry(**row) for row in rows]

    def session_choices(self) -> dict[str, list[str]]:
        """See `Reading.session_choices`."""
        return {name: [row[0] for row in self._rows(*query)] for name, query in choices_queries()}

    def traces(self, session_id: str = "", limit: int = 50, only: SpanQuery = ANY_SPAN) -> list[TraceEntry]:
        """See `Reading.traces`."""
        rows = self._rows(*traces_query(session_id, limit, only))
        return [TraceEntry(**row) for row in rows]

    def spans(
        self, trace_id: str = "", session_id: str = "", limit: int = 200, only: SpanQuery = ANY_SPAN
    ) -> list[SpanEntry]:
        """See `Reading.spans`."""
        rows = self._rows(*spans_query(trace_id, session_id, limit, only))
        return [SpanEntry(**{**row, "error": bool(row["error"])}) for row in rows]

    def search(self, text: str, limit: int = 100, only: SessionQuery = ANY_SESSION) -> list[SearchHit]:
        """See `Reading.search`."""
        match = match_of(text)
        rows = self._rows(*search_query(match, limit, only)) if match else []
        return [SearchHit(**row) for row in rows]

    def find(self, identifier: str, limit: int = 10) -> list[FoundId]:
        """See `Reading.find`."""
        for query, values in find_queries(identifier, limit) if identifier else ():
            if rows := self._rows(query, values):
                return [FoundId(*row) for row in rows]
        return []

    def version(self) -> object:
        """See `Reading.version`."""
        with self._reading() as connection:
            return self._file, connection.execute("PRAGMA data_version").fetchone()[0]

    def outline(self, session_id: str = "", trace_id: str = "", span_id: str = "") -> list[OutlinedSpan]:
        """See `Reading.outline`."""
        found: list[OutlinedSpan] = []
        for query, values in outline_queries(session_id, trace_id, span_id):
            with self._reading() as connection:
                cursor = connection.cursor()
                cursor.row_factory = None  # plain tuples, at half the cost
                found += map(OutlinedSpan._make, cursor.execute(query, values))
        return found

    def requests_of(self, spans: Iterable[OutlinedSpan]) -> Iterator[ExportTraceServiceRequest]:
        """See `Reading.requests_of`."""
        return requests_of(spans, self._data)

    def requests(self, session_id: str = "", trace_id: str = "") -> list[ExportTraceServiceRequest]:
        """See `Reading.requests`."""
        return list(self.requests_of(self.outline(session_id, trace_id)))

    def _data(self, batch_id: int) -> Iterator[bytes]:
        return (data for _, data in self._batches("WHERE id = ?", (batch_id,)))

    def _batches(self, where: str, values: tuple[object, ...]) -> list[tuple[sqlite3.Row, bytes]]:
        """Rows of batches with all their data, as they stood at one moment; without those that are damaged.

        A batch that is sealed again meanwhile, or goes, takes what it shared with it.
        """
        with self._reading() as connection:
            try:
                connection.execute("BEGIN")
                query = f"SELECT id, signal, data, {self._shared(connection)} FROM batches {where}"
                rows = connection.execute(query, values).fetchall()
                found = [(row, whole(connection, row["data"], row["shared"])) for row in rows]
            finally:
                with contextlib.suppress(sqlite3.Error):
                    connection.rollback()
        return [(row, data) for row, data in found if data is not None]

    def _shared(self, connection: sqlite3.Connection) -> str:
        """What to ask for: a file of an earlier version is read as it is, until a collector brings it up."""
        if not self._can_share:
            columns = connection.execute("PRAGMA table_info(batches)").fetchall()
            self._can_share = any(row["name"] == "shared" for row in columns)
        return "shared" if self._can_share else "NULL AS shared"

    def newest(self, signal: Signal, limit: int = 50) -> list[ExportRequest]:
        """See `Reading.newest`."""
        indexed = " AND signal <> 'traces'" if signal is not Signal.TRACES else ""
        found = self._batches(f"WHERE signal = ?{indexed} ORDER BY id DESC LIMIT ?", (signal, limit))
        return [signal.request.FromString(data) for _, data in found]

    def queues(self, configured: Collection[str] = ()) -> list[QueueEntry]:
        """See `Reading.queues`."""
        rows = self._rows(
            "SELECT o.destination, o.signal, count(*) AS ranges, sum(o.items) AS items,"
            " sum(b.bytes * o.items / max(b.items, 1)) AS bytes, min(o.queued_ms) AS oldest_ms,"
            " coalesce((SELECT h.cause FROM holds h WHERE h.destination = o.destination AND h.signal IN ('', o.signal)"
            " ORDER BY h.signal LIMIT 1), max(o.cause)) AS cause,"
            " coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'clock_ms'), 0) AS now_ms"
            " FROM outbox o JOIN batches b ON b.id = o.batch_id GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return [
            QueueEntry(
                destination=row["destination"],
                signal=row["signal"],
                ranges=row["ranges"],
                items=row["items"],
                bytes=row["bytes"],
                oldest_seconds=max(row["now_ms"] - row["oldest_ms"], 0) / 1000,
                configured=row["destination"] in configured,
                cause=row["cause"],
            )
            for row in rows
        ]

    def dead_letters(self, limit: int = 100, destination: str = "") -> list[DeadLetter]:
        """See `Reading.dead_letters`."""
        where, values = ("WHERE destination = ? ", (destination,)) if destination else ("", ())
        rows = self._rows(f"SELECT {_LETTER} FROM dead_letters {where}ORDER BY id DESC LIMIT ?", (*values, limit))
        return [DeadLetter(*row) for row in rows]

    def dead_letter(self, letter: int) -> tuple[DeadLetter, dict[str, Any]] | None:
        """See `Reading.dead_letter`."""
        for row in self._rows(f"SELECT {_LETTER}, batch_id, first_item FROM dead_letters WHERE id = ?", (letter,)):
            found = DeadLetter(*tuple(row)[:-2])
            for data in self._data(row["batch_id"]):
                request = Signal(found.signal).request.FromString(data)
                return found, to_document(take_range(request, row["first_item"], found.items))
        return None

    def document(self, trace_id: str, span_id: str) -> dict[str, Any] | None:
        """One span with its resource and scope as an OTLP/JSON export request; None when it is not kept."""
        where = "WHERE id = (SELECT batch_id FROM spans WHERE trace_id = ? AND span_id = ?)"
        found = self._batches(where, (trace_id, span_id))
        if not found:
            return None
        request = ExportTraceServiceRequest.FromString(found[0][1])
        alone = take_span(request, bytes.fromhex(trace_id), bytes.fromhex(span_id))
        return to_document(alone) if alone is not None else None

    def after(self, batch_id: int, limit: int = 100) -> list[tuple[int, Signal, dict[str, Any]]]:
        """Batches kept after `batch_id`, in order, as OTLP/JSON documents: what `tail` follows."""
        found = []
        for row, data in self._batches("WHERE id > ? ORDER BY id LIMIT ?", (batch_id, limit)):
            signal = Signal(row["signal"])
            found.append((row["id"], signal, to_document(signal.request.FromString(data))))
        return found

    def last_batch(self) -> int:
        return int(self._rows("SELECT coalesce(max(id), 0) FROM batches")[0][0])

    def deliveries(self, trace_id: str) -> tuple[list[int], list[Delivery]]:
        """The batches that hold spans of a trace, and what of them still waits or was refused."""
        batches = [row[0] for row in self._rows("SELECT DISTINCT batch_id FROM spans WHERE trace_id = ?", (trace_id,))]
        held = "(SELECT batch_id FROM spans WHERE trace_id = ?)"
        rows = self._rows(
            "SELECT DISTINCT o.destination, 'queued' AS state, o.attempts,"
            " coalesce(nullif(o.cause, ''), (SELECT h.cause FROM holds h WHERE h.destination = o.destination"
            " AND h.signal IN ('', o.signal) ORDER BY h.failures DESC LIMIT 1), '') AS answer"
            f" FROM outbox o WHERE o.batch_id IN {held}"
            " UNION SELECT DISTINCT destination, 'dead', attempts, cause FROM dead_letters"
            f" WHERE batch_id IN {held}",
            (trace_id, trace_id),
        )
        return batches, [Delivery(**row) for row in rows]


_LETTER = "id, destination, signal, items, cause, died_ns, attempts"
