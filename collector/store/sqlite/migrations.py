"""Brings a file of any earlier version to the present tables, one numbered step after another."""

from __future__ import annotations

import logging
import sqlite3
import uuid
from collections.abc import Callable

from isal.isal_zlib import crc32

from collector.store.sqlite.schema import APPLICATION_ID, TABLES

logger = logging.getLogger(__name__)

VERSION = 5
_FORMER = "upstream"


class NotAStore(Exception):
    """The file is a database of another program, or of another version of the collector; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def refuse_foreign(connection: sqlite3.Connection) -> None:
    """Raise `NotAStore` for a database that is not ours, or of a later version; only reads."""
    version, application = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("user_version", "application_id")
    )
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if application in (0, APPLICATION_ID) and version > VERSION and "meta" in tables:
        raise NotAStore(f"was written by another version of the collector (format {version})")
    ours = not tables if version == 0 else "meta" in tables and "ledger" in tables
    if application not in (0, APPLICATION_ID) or not ours:
        raise NotAStore("is a database of another program")


def prepare(connection: sqlite3.Connection) -> str:
    """Create the tables, or bring those of an earlier version up; return the id this store was given when made.

    Raises `sqlite3.DatabaseError` when the file is damaged.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version == 0:
        connection.executescript(
            f"BEGIN; {TABLES} INSERT INTO meta VALUES ('instance', '{uuid.uuid4().hex}');"
            f" PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION}; COMMIT;"
        )
    elif version < VERSION:
        _migrate(connection, version)
    instance: str = connection.execute("SELECT value FROM meta WHERE key='instance'").fetchone()[0]
    return instance


def adopt_former(connection: sqlite3.Connection, name: str) -> None:
    """Before format 3 the one upstream had no name of its own: what waits for it waits for `name` from now on.

    Without a name, since nothing is forwarded now, it is held, and moved or dropped by command.
    """
    if not name or name == _FORMER or not connection.execute("SELECT 1 FROM meta WHERE key = ?", (_FORMER,)).fetchone():
        return
    connection.execute("BEGIN IMMEDIATE")
    for table in ("outbox", "dead_letters"):
        connection.execute(f"UPDATE {table} SET destination = ? WHERE destination = ?", (name, _FORMER))
    connection.execute(
        "INSERT INTO ledger SELECT ?, signal, outcome, reason, items FROM ledger WHERE destination = ?"
        " ON CONFLICT DO UPDATE SET items = items + excluded.items",
        (name, _FORMER),
    )
    connection.execute("DELETE FROM ledger WHERE destination = ?", (_FORMER,))
    connection.execute("DELETE FROM meta WHERE key = ?", (_FORMER,))
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    logger.warning("bringing the store from format %d to format %d; a large one takes a while", version, VERSION)
    for number, step in enumerate(_STEPS[version - 1 :], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            step(connection)
            connection.execute(f"PRAGMA user_version={number}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _add_inbox(connection: sqlite3.Connection) -> None:
    """1 to 2: OpenCode's events."""
    for statement in (
        "CREATE TABLE inbox (session_id TEXT NOT NULL, key TEXT NOT NULL, message_id TEXT NOT NULL,"
        " at INTEGER NOT NULL, ord INTEGER NOT NULL, received_ns INTEGER NOT NULL, data BLOB NOT NULL,"
        " UNIQUE (session_id, key))",
        "CREATE TABLE opencode_sessions (session_id TEXT PRIMARY KEY, updated_ns INTEGER NOT NULL,"
        " data BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE told (span INTEGER PRIMARY KEY)",
        "CREATE TABLE unknown_events (type TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
    ):
        connection.execute(statement)


def _queue_ranges(connection: sqlite3.Connection) -> None:
    """2 to 3: the outbox by range of items with retry state, dead letters apart, sums of traces and sessions."""
    connection.create_function("crc32", 1, crc32, deterministic=True)
    old = ("batches", "outbox", "spans", "inbox")
    for index in ("outbox_by_batch", "spans_by_session", "spans_by_batch"):
        connection.execute(f"DROP INDEX IF EXISTS {index}")
    for table in old:
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    kept = {"meta", "ledger", "opencode_sessions", "unknown_events"}
    for statement in _statements():
        if not any(statement.startswith(f"CREATE TABLE {name} ") for name in kept):
            connection.execute(statement)
    for statement in _FROM_2:
        connection.execute(statement)
    for table in ("spans", "outbox", "inbox", "batches"):
        connection.execute(f"DROP TABLE old_{table}")
    connection.execute("DROP TABLE told")
    connection.execute("INSERT INTO meta VALUES (?, '')", (_FORMER,))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")


def _index_other_signals(connection: sqlite3.Connection) -> None:
    """3 to 4: the newest logs and metrics are found among many traces."""
    connection.execute("CREATE INDEX IF NOT EXISTS batches_other ON batches (signal, id) WHERE signal <> 'traces'")


def _share_runs(connection: sqlite3.Connection) -> None:
    """4 to 5: what the calls of a conversation repeat is kept once."""
    if not any(row[1] == "shared" for row in connection.execute("PRAGMA table_info(batches)")):
        connection.execute("ALTER TABLE batches ADD COLUMN shared TEXT")
    for statement in _statements():
        if statement.startswith(("CREATE TABLE runs ", "CREATE TABLE run_parts ")):
            connection.execute(statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1))


def _statements() -> list[str]:
    """The statements of the present tables, without comments, each by itself."""
    text = "\n".join(line.partition("--")[0] for line in TABLES.splitlines())
    return [statement.strip() for statement in text.split(";") if statement.strip()]


_SPENT = "kind IN ('LLM', 'EMBEDDING', 'RERANKER')"
SUMS = (
    "INSERT INTO traces SELECT trace_id, max(session_id), max(service), '', 0, count(*), sum(error),"
    f" coalesce(sum(CASE WHEN {_SPENT} THEN tokens END), 0), coalesce(sum(CASE WHEN {_SPENT} THEN cost END), 0.0),"
    " min(start_ns), max(end_ns) FROM spans GROUP BY trace_id",
    "UPDATE traces SET (name, name_rank) = (SELECT s.name,"
    " s.start_ns - CASE s.parent_id WHEN '' THEN 9223372036854775807 ELSE 0 END"
    " FROM spans s WHERE s.trace_id = traces.trace_id ORDER BY s.parent_id <> '', s.start_ns LIMIT 1)",
    "INSERT INTO sessions SELECT session_id, max(service), '', '', '', '', max(model), '', 0, count(*),"
    " sum(kind = 'TOOL'), sum(error),"
    f" coalesce(sum(CASE WHEN {_SPENT} THEN tokens END), 0), coalesce(sum(CASE WHEN {_SPENT} THEN cost END), 0.0),"
    " min(start_ns), max(end_ns), max(batch_id) FROM spans WHERE session_id <> '' GROUP BY session_id",
    "UPDATE sessions SET traces = (SELECT count(*) FROM traces t WHERE t.session_id = sessions.session_id)",
    "INSERT OR IGNORE INTO session_uses SELECT DISTINCT 'model', model, session_id FROM spans"
    " WHERE model <> '' AND session_id <> ''",
)
"""Fill the empty tables of traces and sessions from the spans."""

_FROM_2 = (
    "INSERT INTO batches (id, signal, received_ns, items, bytes, hops, in_session, crc, data)"
    " SELECT id, signal, received_ns, items, bytes, hops,"
    " EXISTS (SELECT 1 FROM old_spans s WHERE s.batch_id = b.id AND s.session_id <> ''), crc32(data), data"
    " FROM old_batches b",
    "INSERT INTO outbox (destination, signal, batch_id, first_item, items, queued_ms, attempts, cause)"
    " SELECT o.destination, o.signal, o.batch_id, 0, b.items, 1, o.attempts, o.answer"
    " FROM old_outbox o JOIN old_batches b ON b.id = o.batch_id WHERE o.state = 'queued' ORDER BY o.batch_id",
    "INSERT INTO dead_letters (destination, signal, batch_id, first_item, items, died_ns, attempts, cause)"
    " SELECT o.destination, o.signal, o.batch_id, 0, b.items, b.received_ns, o.attempts, o.answer"
    " FROM old_outbox o JOIN old_batches b ON b.id = o.batch_id WHERE o.state = 'dead' ORDER BY o.batch_id",
    "INSERT INTO spans SELECT trace_id, span_id, parent_id, session_id, service, name, kind, start_ns, end_ns, error,"
    " model, '', tokens, cost, batch_id FROM old_spans",
    *SUMS,
    "INSERT INTO inbox SELECT session_id, key, message_id, at, ord, 1, data FROM old_inbox",
    "INSERT INTO built_spans SELECT span FROM told",
)
_STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _add_inbox,
    _queue_ranges,
    _index_other_signals,
    _share_runs,
)
