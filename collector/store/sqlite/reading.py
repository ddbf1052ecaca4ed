"""Reading what is kept: sessions, traces, spans and single documents, newest first."""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import ExportRequest, Signal, SpanEntry
from collector.otlp.envelope import select, take_span
from collector.otlp.write import to_document
from collector.store.entries import (
    ANY_SESSION,
    DeadLetter,
    Delivery,
    Ledger,
    NoStore,
    SearchHit,
    SessionEntry,
    SessionQuery,
    TraceEntry,
)
from collector.store.sqlite.ledger import read_ledger
from collector.store.sqlite.schema import FILE, connect_reading


class SqliteReading:
    """Reads the store of `directory`; a connection of its own, so it never waits for the writer.

    Raises `NoStore` when there is none.
    """

    def __init__(self, directory: Path) -> None:
        try:
            self._connection = connect_reading(directory / FILE)
        except sqlite3.Error:
            raise NoStore(f"{directory} holds no store") from None
        self._lock = threading.Lock()

    def close(self) -> None:
        self._connection.close()

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def ledger(self) -> Ledger:
        with self._lock:
            return read_ledger(self._connection)

    def sessions(self, query: SessionQuery = ANY_SESSION) -> list[SessionEntry]:
        rows = self._rows(
            "SELECT session_id, max(service) AS service, count(DISTINCT trace_id) AS traces, count(*) AS spans,"
            f" sum(error) AS errors, {_SPENT}, min(start_ns) AS start_ns, max(end_ns) AS end_ns, max(model) AS model,"
            " sum(kind = 'TOOL') AS tools"
            " FROM spans WHERE session_id <> '' AND (? = '' OR model = ?) GROUP BY session_id"
            " HAVING max(end_ns) >= ? AND (? = 0 OR max(end_ns) < ?) AND (? = 0 OR sum(error) > 0)"
            " ORDER BY end_ns DESC LIMIT ?",
            (query.model, query.model, query.since_ns, query.before_ns, query.before_ns, query.errors, query.limit),
        )
        return [SessionEntry(**row) for row in rows]

    def session_choices(self) -> dict[str, list[str]]:
        rows = self._rows("SELECT DISTINCT model FROM spans WHERE model <> '' ORDER BY 1 LIMIT 100")
        return {"model": [row[0] for row in rows]}

    def traces(self, session_id: str = "", limit: int = 50, before_ns: int = 0) -> list[TraceEntry]:
        rows = self._rows(
            "SELECT trace_id, max(session_id) AS session_id, max(service) AS service,"
            " (SELECT r.name FROM spans r WHERE r.trace_id = s.trace_id ORDER BY r.parent_id <> '', r.start_ns LIMIT 1)"
            f" AS name, count(*) AS spans, sum(error) AS errors, {_SPENT},"
            " min(start_ns) AS start_ns, max(end_ns) AS end_ns"
            " FROM spans s WHERE ? = '' OR session_id = ? GROUP BY trace_id"
            " HAVING ? = 0 OR max(end_ns) < ? ORDER BY end_ns DESC LIMIT ?",
            (session_id, session_id, before_ns, before_ns, limit),
        )
        return [TraceEntry(**row) for row in rows]

    def spans(self, trace_id: str = "", session_id: str = "", limit: int = 200) -> list[SpanEntry]:
        """The newest `limit` spans, oldest of them first."""
        rows = self._rows(
            f"SELECT {_ENTRY} FROM (SELECT * FROM spans WHERE (? = '' OR trace_id = ?) AND (? = '' OR session_id = ?)"
            " ORDER BY start_ns DESC LIMIT ?) ORDER BY start_ns, trace_id, span_id",
            (trace_id, trace_id, session_id, session_id, limit),
        )
        return [SpanEntry(**{**row, "error": bool(row["error"])}) for row in rows]

    def document(self, trace_id: str, span_id: str) -> dict[str, Any] | None:
        """One span with its resource and scope as an OTLP/JSON export request; None when it is not kept."""
        rows = self._rows(
            "SELECT b.data FROM spans s JOIN batches b ON b.id = s.batch_id WHERE s.trace_id = ? AND s.span_id = ?",
            (trace_id, span_id),
        )
        if not rows:
            return None
        request = ExportTraceServiceRequest.FromString(rows[0]["data"])
        alone = take_span(request, bytes.fromhex(trace_id), bytes.fromhex(span_id))
        return to_document(alone) if alone is not None else None

    def requests(self, session_id: str = "", trace_id: str = "") -> list[ExportTraceServiceRequest]:
        if trace_id:
            wanted = {trace_id}
            own: set[tuple[str, str]] = set()
        else:
            rows = self._rows(
                "SELECT trace_id, span_id, parent_id FROM spans WHERE session_id = ? ORDER BY start_ns", (session_id,)
            )
            wanted = {row["trace_id"] for row in rows if not row["parent_id"]}
            own = {(row["trace_id"], row["span_id"]) for row in rows if row["trace_id"] not in wanted}
        marks = ",".join("?" * len(wanted))
        places = self._rows(
            f"SELECT batch_id, trace_id, span_id FROM spans WHERE trace_id IN ({marks}) ORDER BY batch_id",
            tuple(wanted),
        )
        for trace, span in own:
            places += self._rows(
                "SELECT batch_id, trace_id, span_id FROM spans WHERE trace_id = ? AND span_id = ?", (trace, span)
            )
        by_batch: dict[int, set[tuple[bytes, bytes]]] = defaultdict(set)
        for row in places:
            by_batch[row["batch_id"]].add((bytes.fromhex(row["trace_id"]), bytes.fromhex(row["span_id"])))
        found = []
        for batch_id in sorted(by_batch):
            for row in self._rows("SELECT data FROM batches WHERE id = ?", (batch_id,)):
                request = ExportTraceServiceRequest.FromString(row["data"])
                ids = by_batch[batch_id]
                found.append(_only(request, ids))
        return found

    def newest(self, signal: Signal, limit: int = 50) -> list[ExportRequest]:
        rows = self._rows("SELECT data FROM batches WHERE signal = ? ORDER BY id DESC LIMIT ?", (signal, limit))
        return [signal.request.FromString(row["data"]) for row in rows]

    def search(self, text: str, limit: int = 100) -> list[SearchHit]:
        rows = self._rows(
            "SELECT trace_id, span_id, session_id, name, kind, start_ns, name AS snippet FROM spans"
            " WHERE instr(lower(name), lower(?)) ORDER BY start_ns DESC LIMIT ?",
            (text, limit),
        )
        return [SearchHit(**row) for row in rows]

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        rows = self._rows(
            "SELECT b.id, o.destination, o.signal, b.items, o.answer AS cause, b.received_ns AS at_ns FROM outbox o"
            " JOIN batches b ON b.id = o.batch_id WHERE o.state = 'dead' ORDER BY b.id DESC LIMIT ?",
            (limit,),
        )
        return [DeadLetter(**row) for row in rows]

    def after(self, batch_id: int, limit: int = 100) -> list[tuple[int, Signal, dict[str, Any]]]:
        """Batches kept after `batch_id`, in order, as OTLP/JSON documents: what `tail` follows."""
        rows = self._rows("SELECT id, signal, data FROM batches WHERE id > ? ORDER BY id LIMIT ?", (batch_id, limit))
        found = []
        for row in rows:
            signal = Signal(row["signal"])
            found.append((row["id"], signal, to_document(signal.request.FromString(row["data"]))))
        return found

    def last_batch(self) -> int:
        return int(self._rows("SELECT coalesce(max(id), 0) FROM batches")[0][0])

    def deliveries(self, trace_id: str) -> tuple[list[int], list[Delivery]]:
        """The batches that hold spans of a trace, and what of them still waits or was refused."""
        batches = [row[0] for row in self._rows("SELECT DISTINCT batch_id FROM spans WHERE trace_id = ?", (trace_id,))]
        rows = self._rows(
            "SELECT DISTINCT o.destination, o.state, o.attempts, o.answer FROM outbox o"
            " WHERE o.batch_id IN (SELECT batch_id FROM spans WHERE trace_id = ?)",
            (trace_id,),
        )
        return batches, [Delivery(**row) for row in rows]


def _only(request: ExportTraceServiceRequest, ids: set[tuple[bytes, bytes]]) -> ExportTraceServiceRequest:
    return select(request, lambda _, __, span: (span.trace_id, span.span_id) in ids)


_SPENT = (
    "coalesce(sum(CASE WHEN kind IN ('LLM', 'EMBEDDING', 'RERANKER') THEN tokens END), 0) AS tokens,"
    " coalesce(sum(CASE WHEN kind IN ('LLM', 'EMBEDDING', 'RERANKER') THEN cost END), 0.0) AS cost"
)
_ENTRY = ", ".join(field.name for field in fields(SpanEntry))
