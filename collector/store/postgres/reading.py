"""Reading what is kept, by whichever collector: sessions, traces, spans and documents; each list an index look-up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import ExportRequest, Signal, SpanEntry
from collector.errors import CollectorError
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
    QueueEntry,
    SearchHit,
    SessionEntry,
    SessionQuery,
    SpanQuery,
    TraceEntry,
    account_in,
    enter,
)
from collector.store.outline import OutlinedSpan, requests_of
from collector.store.postgres.clock import NOW_MS
from collector.store.postgres.column_values import storable
from collector.store.postgres.connecting import PgConnection, Row, SharedConnection, execute
from collector.store.postgres.lookups import (
    find_queries,
    outline_queries,
    search_query,
    sessions_query,
    spans_query,
    traces_query,
)
from collector.store.postgres.migrations import VERSION, found_version
from collector.store.postgres.texts import match_of, snippet_of
from collector.store.sums import COLUMNS


class PostgresReading:
    """Reads the store in the database at `url`; raises `NoStore` when there is none that this version reads."""

    def __init__(self, url: str) -> None:
        self._link = SharedConnection(url)
        try:
            if self._link.run(found_version) != VERSION:
                raise NoStore("the database holds no store that this version reads")
        except CollectorError as error:
            self._link.close()
            raise NoStore(str(error)) from None

    def close(self) -> None:
        self._link.close()

    def ledger(self) -> Ledger:
        """See `Reading.ledger`."""
        return self._link.run(read_ledger)

    def sessions(self, query: SessionQuery = ANY_SESSION) -> list[SessionEntry]:
        """See `Reading.sessions`."""
        return [SessionEntry(*row) for row in self._link.rows(*sessions_query(query))]

    def session_choices(self) -> dict[str, list[str]]:
        """See `Reading.session_choices`."""
        queries = {name: f"SELECT DISTINCT {name} FROM sessions WHERE {name} <> ''" for name in ("agent", "directory")}
        queries |= {
            kind: f"SELECT DISTINCT value FROM session_uses WHERE kind = '{kind}'" for kind in ("model", "tool")
        }
        return {name: [row[0] for row in self._link.rows(f"{query} LIMIT 200")] for name, query in queries.items()}

    def traces(self, session_id: str = "", limit: int = 50, only: SpanQuery = ANY_SPAN) -> list[TraceEntry]:
        """See `Reading.traces`."""
        return [TraceEntry(*row) for row in self._link.rows(*traces_query(session_id, limit, only))]

    def spans(
        self, trace_id: str = "", session_id: str = "", limit: int = 200, only: SpanQuery = ANY_SPAN
    ) -> list[SpanEntry]:
        """See `Reading.spans`."""
        rows = self._link.rows(*spans_query(trace_id, session_id, limit, only))
        found = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        return [SpanEntry(**{**row, "error": bool(row["error"])}) for row in found]

    def search(self, text: str, limit: int = 100, only: SessionQuery = ANY_SESSION) -> list[SearchHit]:
        """See `Reading.search`."""
        match = match_of(text)
        rows = self._link.rows(*search_query(match, limit, only)) if match else []
        return [
            SearchHit(trace_id, span_id, session_id, name, kind, start_ns, snippet_of(content, text), title, directory)
            for trace_id, span_id, session_id, name, kind, start_ns, title, directory, content in rows
        ]

    def find(self, identifier: str, limit: int = 10) -> list[FoundId]:
        """See `Reading.find`."""
        for query, values in find_queries(identifier, limit) if identifier else ():
            if rows := self._link.rows(query, values):
                return [FoundId(*row) for row in rows]
        return []

    def version(self) -> object:
        """See `Reading.version`: other collectors write too, and nothing cheap tells whether one did."""
        return None

    def outline(self, session_id: str = "", trace_id: str = "", span_id: str = "") -> list[OutlinedSpan]:
        """See `Reading.outline`."""
        return [
            OutlinedSpan._make(row)
            for query, values in outline_queries(session_id, trace_id, span_id)
            for row in self._link.rows(query, values)
        ]

    def requests_of(self, spans: Iterable[OutlinedSpan]) -> Iterator[ExportTraceServiceRequest]:
        """See `Reading.requests_of`."""
        return requests_of(spans, lambda number: self._data("WHERE id = %s", number))

    def requests(self, session_id: str = "", trace_id: str = "") -> list[ExportTraceServiceRequest]:
        """See `Reading.requests`."""
        return list(self.requests_of(self.outline(session_id, trace_id)))

    def newest(self, signal: Signal, limit: int = 50) -> list[ExportRequest]:
        """See `Reading.newest`."""
        found = self._data("WHERE signal = %s ORDER BY id DESC LIMIT %s", str(signal), limit)
        return [signal.request.FromString(data) for data in found]

    def queues(self, configured: Collection[str] = ()) -> list[QueueEntry]:
        """See `Reading.queues`."""
        rows = self._link.rows(
            "SELECT o.destination, o.signal, count(*), sum(o.items)::bigint,"
            " sum(o.bytes * o.items / greatest(o.of_items, 1))::bigint, min(o.queued_ms),"
            " coalesce((SELECT h.cause FROM holds h WHERE h.destination = o.destination AND h.signal IN ('', o.signal)"
            " ORDER BY h.signal LIMIT 1), max(o.cause)),"
            f" {NOW_MS} FROM outbox o GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return [
            QueueEntry(
                destination=destination,
                signal=signal,
                ranges=ranges,
                items=items,
                bytes=size,
                oldest_seconds=max(now - oldest, 0) / 1000,
                configured=destination in configured,
                cause=cause,
            )
            for destination, signal, ranges, items, size, oldest, cause, now in rows
        ]

    def dead_letters(self, limit: int = 100, destination: str = "") -> list[DeadLetter]:
        """See `Reading.dead_letters`."""
        where, values = ("WHERE destination = %s ", (destination,)) if destination else ("", ())
        rows = self._link.rows(f"SELECT {_LETTER} FROM dead_letters {where}ORDER BY id DESC LIMIT %s", (*values, limit))
        return [DeadLetter(*row) for row in rows]

    def dead_letter(self, letter: int) -> tuple[DeadLetter, dict[str, Any]] | None:
        """See `Reading.dead_letter`."""
        for row in self._link.rows(
            f"SELECT {_LETTER}, batch_id, first_item FROM dead_letters WHERE id = %s", (letter,)
        ):
            found = DeadLetter(*row[:-2])
            for data in self._data("WHERE id = %s", row[-2]):
                request = Signal(found.signal).request.FromString(data)
                return found, to_document(take_range(request, row[-1], found.items))
        return None

    def document(self, trace_id: str, span_id: str) -> dict[str, Any] | None:
        """See `Reading.document`."""
        where = "WHERE id = (SELECT batch_id FROM spans WHERE trace_id = %s AND span_id = %s)"
        for data in self._data(where, storable(trace_id), storable(span_id)):
            request = ExportTraceServiceRequest.FromString(data)
            alone = take_span(request, bytes.fromhex(trace_id), bytes.fromhex(span_id))
            return to_document(alone) if alone is not None else None
        return None

    def after(self, batch_id: int, limit: int = 100) -> list[tuple[int, Signal, dict[str, Any]]]:
        """See `Reading.after`; a batch that another collector is just putting may be passed over."""
        query = "SELECT id, signal, data FROM batches WHERE id > %s ORDER BY id LIMIT %s"
        return [
            (number, Signal(signal), to_document(Signal(signal).request.FromString(bytes(data))))
            for number, signal, data in self._link.rows(query, (batch_id, limit), binary=True)
        ]

    def last_batch(self) -> int:
        """See `Reading.last_batch`."""
        return int(self._link.rows("SELECT coalesce(max(id), 0) FROM batches")[0][0])

    def deliveries(self, trace_id: str) -> tuple[list[int], list[Delivery]]:
        """See `Reading.deliveries`."""
        query = "SELECT DISTINCT batch_id FROM spans WHERE trace_id = %s"
        batches = [row[0] for row in self._link.rows(query, (storable(trace_id),))]
        rows = self._link.rows(
            "SELECT DISTINCT o.destination, 'queued', o.attempts,"
            " coalesce(nullif(o.cause, ''), (SELECT h.cause FROM holds h WHERE h.destination = o.destination"
            " AND h.signal IN ('', o.signal) ORDER BY h.failures DESC LIMIT 1), '')"
            " FROM outbox o WHERE o.batch_id = ANY(%s)"
            " UNION SELECT DISTINCT destination, 'dead', attempts, cause FROM dead_letters WHERE batch_id = ANY(%s)",
            (batches, batches),
        )
        return batches, [Delivery(*row) for row in rows]

    def _data(self, where: str, *values: object) -> list[bytes]:
        rows = self._link.rows(f"SELECT data FROM batches {where}", values, binary=True)
        return [bytes(row[0]) for row in rows]


def read_ledger(connection: PgConnection) -> Ledger:
    """Read all accounts as they stand at one moment."""
    ledger: Ledger = {}
    with connection.transaction():
        execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        rows: list[Row] = execute(
            connection,
            "SELECT destination, signal, outcome, reason, sum(items)::bigint FROM ledger GROUP BY 1, 2, 3, 4",
        ).fetchall()
        waiting, dead = (
            execute(connection, f"SELECT destination, signal, sum(items)::bigint FROM {table} GROUP BY 1, 2").fetchall()
            for table in ("outbox", "dead_letters")
        )
    for row in rows:
        enter(ledger, *row)
    for destination, signal, items in waiting:
        account_in(ledger, destination, signal)["queued"] = items
    for destination, signal, items in dead:
        account_in(ledger, destination, signal)["dead_lettered"] = items
    return ledger


_LETTER = "id, destination, signal, items, cause, died_ns, attempts"
