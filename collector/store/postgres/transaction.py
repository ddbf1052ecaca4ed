"""One transaction of many works: what they add is gathered, and written together at the end of it.

All that is gathered is written in one order (traces, spans, sessions, counters, facts; each by its key), so that two
collectors that write the same rows wait for each other and never in a circle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from collector.batch import SealedBatch, SpanEntry
from collector.store.postgres.column_values import storable_entry
from collector.store.postgres.connecting import PgConnection, Row, execute
from collector.store.postgres.listing import ListedSpans


class KeptFact(NamedTuple):
    """A row of the inbox."""

    session: str
    key: str
    message: str
    at: int
    order: int
    kept_ms: int
    data: bytes


class Transaction:
    """What one transaction does; `shard` names the counters that it alone writes, `origin` who keeps facts."""

    def __init__(self, connection: PgConnection, shard: int, origin: int = 0, batch_ids: Iterable[int] = ()) -> None:
        self.connection = connection
        self._shard = shard
        self._origin = origin
        self._batch_ids = list(batch_ids)
        self._batches: list[Row] = []
        self._ranges: list[Row] = []
        self._listed = ListedSpans()
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self._facts: dict[tuple[str, str], KeptFact] = {}
        self._unknown: Counter[str] = Counter()
        self._built: set[int] = set()
        self._after: list[Callable[[], None]] = []
        self.tells = False
        """Whether other collectors are to be told: something waits, or is to be assembled or shown."""
        self.queued_bytes = 0
        """Bytes of batches put in this transaction that wait for a destination."""

    # ---- at once

    def rows(self, query: str, *values: object) -> list[Row]:
        """Run a query that gives rows; it sees all that was added before."""
        self.flush()
        return execute(self.connection, query, values).fetchall()

    def run(self, query: str, *values: object) -> int:
        """Run a statement; how many rows it changed."""
        self.flush()
        return execute(self.connection, query, values).rowcount

    def insert(self, table: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]], tail: str = "",
               ) -> int:  # fmt: skip
        """Insert rows in one statement; `columns` are (name, type); how many were inserted or changed."""
        return execute(self.connection, *insertion(table, columns, rows, tail)).rowcount if rows else 0

    # ---- at the end

    def add_batch(self, batch: SealedBatch, received_ns: int, hops: str) -> int:
        """Keep a batch; its number."""
        if not self._batch_ids:
            self._batch_ids = [execute(self.connection, "SELECT nextval('batch_ids')").fetchall()[0][0]]
        number = self._batch_ids.pop(0)
        in_session = any(span.session_id for span in batch.spans)
        self._batches.append(
            (
                number,
                str(batch.signal),
                received_ns,
                batch.items,
                batch.size,
                hops,
                in_session,
                batch.policy,
                batch.data,
            )
        )
        self.list_spans(batch.spans, number)
        self.add_built(batch.marks)
        self.tells = True
        return number

    def add_ranges(
        self, destinations: Iterable[str], batch: SealedBatch, number: int, hops: str, queued_ms: int, due_ms: int
    ) -> None:
        """Let a whole batch wait for each of `destinations`."""
        for destination in destinations:
            self._ranges.append(
                (
                    destination, str(batch.signal), number, 0, batch.items, batch.items, batch.size, hops,
                    batch.policy, queued_ms, due_ms,
                )
            )  # fmt: skip

    def list_spans(self, spans: Iterable[SpanEntry], number: int) -> None:
        """List the spans of a batch."""
        self._listed.add((storable_entry(span) for span in spans), number)

    def count(self, destination: str, signal: str, outcome: str, items: int, reason: str = "") -> None:
        """Add to one counter of the ledger."""
        if items:
            self._counts[destination, str(signal), outcome, reason] += items

    def add_fact(self, fact: KeptFact) -> None:
        """Keep a fact; of two with one key that of higher order."""
        known = self._facts.get((fact.session, fact.key))
        if known is None or fact.order > known.order:
            self._facts[fact.session, fact.key] = fact
        self.tells = True

    def add_unknown(self, kind: str, count: int) -> None:
        """Count events of a type that is not known."""
        self._unknown[kind] += count

    def add_built(self, ids: Iterable[bytes]) -> None:
        """Remember ids of spans that were built, and marks."""
        self._built.update(int.from_bytes(each, "big", signed=True) for each in ids)

    def after(self, done: Callable[[], None]) -> None:
        """Call `done` once all this is committed."""
        self._after.append(done)

    def committed(self) -> None:
        for done in self._after:
            done()

    def flush(self) -> None:
        """Write what was gathered so far."""
        if self._batches:
            self.insert("batches", _BATCH, self._batches)
            self.insert("to_index", (("batch_id", "bigint"),), [row[:1] for row in self._batches if row[1] == "traces"])
            self._batches = []
        if self._ranges:
            self.insert("outbox", _RANGE, self._ranges)
            self._ranges = []
        if self._listed:
            listed, self._listed = self._listed, ListedSpans()
            listed.write(self.connection)
        if self._counts:
            rows = [(self._shard, *key, items) for key, items in sorted(self._counts.items()) if items]
            self._counts = Counter()
            self.insert("ledger", _COUNT, rows, _ADD_COUNT)
        if self._facts:
            facts = [(*fact[:6], self._origin, fact.data) for _, fact in sorted(self._facts.items())]
            self._facts = {}
            self.insert("inbox", _FACT, facts, _NEWER_FACT)
        if self._unknown:
            self.insert("unknown_events", _UNKNOWN, sorted(self._unknown.items()), _ADD_UNKNOWN)
            self._unknown = Counter()
        if self._built:
            built = [(each,) for each in sorted(self._built)]
            self._built = set()
            self.insert("built_spans", (("span", "bigint"),), built, "ON CONFLICT DO NOTHING")


def insertion(
    table: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]], tail: str = ""
) -> tuple[str, list[object]]:
    """An INSERT of many rows as one statement with an array a column, and the arrays."""
    names = ", ".join(name for name, _ in columns)
    arrays = ", ".join(f"%b::{kind}[]" if kind == "bytea" else f"%s::{kind}[]" for _, kind in columns)
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) {tail}", [
        list(each) for each in zip(*rows, strict=True)
    ]


_BATCH = (
    ("id", "bigint"), ("signal", "text"), ("received_ns", "bigint"), ("items", "bigint"), ("bytes", "bigint"),
    ("hops", "text"), ("in_session", "boolean"), ("policy", "text"), ("data", "bytea"),
)  # fmt: skip
_RANGE = (
    ("destination", "text"), ("signal", "text"), ("batch_id", "bigint"), ("first_item", "bigint"), ("items", "bigint"),
    ("of_items", "bigint"), ("bytes", "bigint"), ("hops", "text"), ("policy", "text"), ("queued_ms", "bigint"),
    ("due_ms", "bigint"),
)  # fmt: skip
_COUNT = (
    ("shard", "integer"), ("destination", "text"), ("signal", "text"), ("outcome", "text"), ("reason", "text"),
    ("items", "bigint"),
)  # fmt: skip
_ADD_COUNT = (
    "ON CONFLICT (shard, destination, signal, outcome, reason) DO UPDATE SET items = ledger.items + excluded.items"
)
_FACT = (
    ("session_id", "text"), ("key", "text"), ("message_id", "text"), ("at", "bigint"), ("ord", "bigint"),
    ("kept_ms", "bigint"), ("kept_by", "bigint"), ("data", "bytea"),
)  # fmt: skip
_NEWER_FACT = (
    "ON CONFLICT (session_id, key) DO UPDATE SET message_id = excluded.message_id, at = excluded.at,"
    " ord = excluded.ord, data = excluded.data, kept_in = excluded.kept_in, kept_by = excluded.kept_by"
    " WHERE excluded.ord > inbox.ord"
)
_UNKNOWN = (("type", "text"), ("count", "bigint"))
_ADD_UNKNOWN = "ON CONFLICT (type) DO UPDATE SET count = unknown_events.count + excluded.count"
