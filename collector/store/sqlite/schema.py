"""The tables of the store, and the connection settings that make a commit survive a power cut."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

FILE = "collector.db"
APPLICATION_ID = 0x4F43_4F4C
"""Stands in the header of the file ("OCOL"), so that another program's database is never taken for a store."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- One row a sealed batch: the redacted export request, once, for the queue and for the viewer.
CREATE TABLE batches (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  signal TEXT NOT NULL,
  received_ns INTEGER NOT NULL,
  items INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  hops TEXT NOT NULL,            -- collectors it came through, so that a loop can be told
  in_session INTEGER NOT NULL,   -- whether a span of it belongs to a session
  crc INTEGER NOT NULL,          -- CRC-32 of the data: SQLite itself does not see that a page of it was overwritten
  data BLOB NOT NULL,            -- without what it shares with others
  shared TEXT                    -- by span id, of which runs the span has how many bytes behind its attributes (JSON)
);
CREATE INDEX batches_without_session ON batches (id) WHERE in_session = 0;
CREATE INDEX batches_other ON batches (signal, id) WHERE signal <> 'traces';

-- What batches share, such as the conversation that each call to a model repeats: each has beginnings of runs.
CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL, uses INTEGER NOT NULL);
CREATE TABLE run_parts (
  run_id INTEGER NOT NULL,
  start INTEGER NOT NULL,        -- bytes of the run before it
  crc INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (run_id, start)
) WITHOUT ROWID;

-- What each destination still has to get, by range of items, with all retry state. Delivered ranges go.
-- Leases stand in memory: only one process opens the file, and what it leased when it died is due again.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  destination TEXT NOT NULL,
  signal TEXT NOT NULL,
  batch_id INTEGER NOT NULL,
  first_item INTEGER NOT NULL,
  items INTEGER NOT NULL,
  queued_ms INTEGER NOT NULL,            -- times are of the store's own clock, see clock.py
  due_ms INTEGER NOT NULL DEFAULT 0,     -- next attempt; 0 for what was never tried
  attempts INTEGER NOT NULL DEFAULT 0,
  suspicion INTEGER NOT NULL DEFAULT 0,  -- attempts that failed while others were taken
  most_ranges INTEGER NOT NULL DEFAULT 0,  -- sent together with at most this many; 0 for any number
  shrinks INTEGER NOT NULL DEFAULT 0,    -- how often it was too large, standing alone
  cause TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_due ON outbox (destination, signal, due_ms, batch_id, first_item, items);
CREATE INDEX outbox_by_batch ON outbox (batch_id);

-- What a destination refused for good, kept until it is sent again or dropped by command, or gives way for room.
CREATE TABLE dead_letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  destination TEXT NOT NULL,
  signal TEXT NOT NULL,
  batch_id INTEGER NOT NULL,
  first_item INTEGER NOT NULL,
  items INTEGER NOT NULL,
  died_ns INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  cause TEXT NOT NULL
);
CREATE INDEX dead_letters_by_batch ON dead_letters (batch_id);
CREATE INDEX dead_letters_by_lane ON dead_letters (destination, signal, items);

-- Destinations, or lanes of them, that take nothing for now ('' stands for every signal).
CREATE TABLE holds (
  destination TEXT NOT NULL,
  signal TEXT NOT NULL,
  until_ms INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  cause TEXT NOT NULL,
  PRIMARY KEY (destination, signal)
) WITHOUT ROWID;

-- What the viewer lists; a span that is sent again replaces itself.
CREATE TABLE spans (
  trace_id TEXT NOT NULL,
  span_id TEXT NOT NULL,
  parent_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  service TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  error INTEGER NOT NULL,
  model TEXT NOT NULL,
  tool TEXT NOT NULL DEFAULT '',
  tokens INTEGER NOT NULL,
  cost REAL NOT NULL,
  batch_id INTEGER NOT NULL,
  PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
CREATE INDEX spans_by_session ON spans (session_id, start_ns);
CREATE INDEX spans_by_batch ON spans (batch_id);
CREATE INDEX spans_by_model ON spans (model, start_ns) WHERE model <> '';
CREATE INDEX spans_by_tool ON spans (tool, start_ns) WHERE tool <> '';
CREATE INDEX spans_failed ON spans (start_ns) WHERE error = 1;

-- Sums kept as spans come, so that no list adds them up when it is asked for.
CREATE TABLE traces (
  trace_id TEXT PRIMARY KEY,
  session_id TEXT NOT NULL,
  service TEXT NOT NULL,
  name TEXT NOT NULL,
  name_rank INTEGER NOT NULL,    -- start of the span that gave the name; below 0 for a root
  spans INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  cost REAL NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX traces_by_end ON traces (end_ns);
CREATE INDEX traces_by_session ON traces (session_id, end_ns);

CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  service TEXT NOT NULL,
  title TEXT NOT NULL,
  prompt TEXT NOT NULL,
  directory TEXT NOT NULL,
  agent TEXT NOT NULL,
  model TEXT NOT NULL,
  failure TEXT NOT NULL,
  traces INTEGER NOT NULL,
  spans INTEGER NOT NULL,
  tools INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  cost REAL NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  last_batch INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_end ON sessions (end_ns);
CREATE INDEX sessions_by_last_batch ON sessions (last_batch);

-- Which models and tools a session used.
CREATE TABLE session_uses (
  kind TEXT NOT NULL CHECK (kind IN ('model', 'tool')),
  value TEXT NOT NULL,
  session_id TEXT NOT NULL,
  PRIMARY KEY (kind, value, session_id)
) WITHOUT ROWID;
CREATE INDEX session_uses_by_session ON session_uses (session_id);

-- The text of sealed spans, to be searched: `text_index` holds it under the id of its row in `texts`.
CREATE TABLE texts (
  id INTEGER PRIMARY KEY,
  trace_id TEXT NOT NULL,
  span_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  batch_id INTEGER NOT NULL
);
CREATE INDEX texts_by_batch ON texts (batch_id);
CREATE UNIQUE INDEX texts_by_span ON texts (trace_id, span_id);
CREATE VIRTUAL TABLE text_index USING fts5(content, tokenize = 'unicode61 remove_diacritics 2');

-- Counters, written in the transaction of what they count. Queued and dead-lettered are counted from their tables.
CREATE TABLE ledger (
  destination TEXT NOT NULL,
  signal TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('received', 'delivered', 'dropped')),
  reason TEXT NOT NULL DEFAULT '',
  items INTEGER NOT NULL,
  PRIMARY KEY (destination, signal, outcome, reason)
) WITHOUT ROWID;

-- Facts of OpenCode's events, redacted, until their turn is over; of two with one key the later in order is kept.
CREATE TABLE inbox (
  session_id TEXT NOT NULL,
  key TEXT NOT NULL,           -- an event, message or part id, with its kind
  message_id TEXT NOT NULL,
  at INTEGER NOT NULL,         -- ms since the epoch, by OpenCode's clock
  ord INTEGER NOT NULL,
  kept_ms INTEGER NOT NULL,
  data BLOB NOT NULL,
  UNIQUE (session_id, key)
);
CREATE INDEX inbox_by_age ON inbox (kept_ms);

-- What is remembered of a session whose turns are over: title, directory, how many turns it had.
CREATE TABLE opencode_sessions (
  session_id TEXT PRIMARY KEY,
  updated_ns INTEGER NOT NULL,
  data BLOB NOT NULL
) WITHOUT ROWID;

-- Ids of spans built from OpenCode's events: none is built twice, whatever source sends its events again.
CREATE TABLE built_spans (span INTEGER PRIMARY KEY);

-- Events of types this version does not know.
CREATE TABLE unknown_events (type TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""


def create_file(path: Path) -> None:
    """Make an empty file only its owner can read, before SQLite would make one with wider rights."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)


def connect(path: Path) -> sqlite3.Connection:
    """Open the one writing connection.

    WAL with `synchronous=FULL` syncs the log at each commit, so a commit survives a power cut;
    `fullfsync` makes macOS flush the drive as well. 16 KB pages suit blobs (measured: 397 MB/s in).
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA page_size=16384")
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # of new files: what is forgotten is given back in steps
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")
    connection.execute("PRAGMA checkpoint_fullfsync=ON")
    connection.execute("PRAGMA wal_autocheckpoint=256")  # the log stays near 4 MiB, so that a small disk holds it
    connection.execute("PRAGMA journal_size_limit=4194304")
    connection.execute("PRAGMA secure_delete=FAST")  # what is forgotten is overwritten where that costs no write
    connection.execute("PRAGMA cache_size=-8192")  # KiB; 16 MiB put no faster (measured: 150,000 spans)
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write; raises `sqlite3.OperationalError` when there is no file."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=10)
    connection.row_factory = sqlite3.Row
    return connection
