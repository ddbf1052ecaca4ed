"""The text of sealed spans, indexed for search a little at a time beside the posts.

Both the text of one span and that of all are bounded; where all is too much, the oldest is searched no longer.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from collector.enums import Signal
from collector.store.span_text import span_texts

RoomOf = Callable[[sqlite3.Connection], int]
"""How many bytes a transaction may write now."""

_PART_OF_CAP = 0.2
_STEP_S = 0.008
_MOST_BATCHES = 16
_MOST_SHORTENED = 64
_AT, _SIZE = "indexed_batch", "indexed_bytes"
_IDLE_S = 60.0
_NO_ROOM_S = 5.0
_WRITTEN_PER_BYTE = 5
"""Bytes of the log for one of text: kept, indexed, what it replaces, and its part of merging."""
_MERGED_BYTES = 1 << 20
"""What else a transaction may write, where FTS5 merges what was indexed before."""
_WITHOUT_BOUND = 1 << 62
_PAUSES = 19
"""While posts come, how many times as long as a step took the next one waits: a twentieth of a core is spent."""


class TextIndex:
    """Follows the batches as they are put; `most_bytes` is the store's cap, of which the index may take a part."""

    def __init__(self, most_bytes: int) -> None:
        self._most = int(most_bytes * _PART_OF_CAP)
        self._rests_until = 0.0

    def step(self, connection: sqlite3.Connection, room_of: RoomOf, *, busy: bool) -> float:
        """Index a few batches, seldom while `busy` with posts; seconds until more of it should be done.

        `room_of` says how many bytes may be written; texts that do not fit wait until there is room for them.
        """
        began = time.monotonic()
        if busy and began < self._rests_until:
            return self._rests_until - began
        at, size = _meta(connection, _AT), _meta(connection, _SIZE)
        rows = connection.execute(
            "SELECT id, signal FROM batches WHERE id > ? ORDER BY id LIMIT ?", (at, _MOST_BATCHES)
        ).fetchall()
        if not rows and size <= self._most:
            return _IDLE_S
        room = most = room_of(connection) - _MERGED_BYTES
        if most <= 0:
            return _NO_ROOM_S
        connection.execute("BEGIN IMMEDIATE")
        until = began + _STEP_S
        whole = True
        for batch_id, signal in rows:
            if signal == Signal.TRACES:
                whole, room = _index(connection, batch_id, room)
                if not whole:
                    break
            at = batch_id
            if time.monotonic() > until:
                break
        _set_meta(connection, _AT, at)
        if _meta(connection, _SIZE) > self._most:
            oldest = connection.execute("SELECT id FROM texts ORDER BY id LIMIT ?", (_MOST_SHORTENED,)).fetchall()
            _delete(connection, [number for (number,) in oldest])
            if not oldest:
                _set_meta(connection, _SIZE, 0)
        connection.execute("COMMIT")
        ended = time.monotonic()
        self._rests_until = ended + _PAUSES * (ended - began)
        return _NO_ROOM_S if not whole and room == most else 0.0


def forget_text(connection: sqlite3.Connection, batch_id: int) -> None:
    """Take the text of a batch out of the index."""
    rows = connection.execute("SELECT id FROM texts WHERE batch_id = ?", (batch_id,)).fetchall()
    _delete(connection, [number for (number,) in rows])


def index_again(connection: sqlite3.Connection, batch_id: int) -> None:
    """The text of a batch was sealed again: what is searched is what is kept."""
    if connection.execute("SELECT 1 FROM texts WHERE batch_id = ?", (batch_id,)).fetchone() is not None:
        forget_text(connection, batch_id)
        _index(connection, batch_id, _WITHOUT_BOUND)


def forget_deleted(connection: sqlite3.Connection) -> None:
    """Write the index anew without the words of texts that were deleted: by itself it keeps them for a while."""
    connection.execute("INSERT INTO text_index (text_index) VALUES ('optimize')")


def match_of(text: str) -> str:
    """A query for the index: all words of `text`, the last one also as the beginning of a word."""
    words = ['"' + word.replace('"', '""') + '"' for word in text.replace("\0", " ").split()]  # NUL ends a query
    return " ".join(words) + ("*" if words and text == text.rstrip() else "")


def _index(connection: sqlite3.Connection, batch_id: int, room: int) -> tuple[bool, int]:
    """Index the texts of a batch for which there is room; whether it was all of them, and the room that is left."""
    row = connection.execute("SELECT data FROM batches WHERE id = ?", (batch_id,)).fetchone()
    size, whole = 0, True
    for trace_id, span_id, session, text in span_texts(row[0]):
        before = connection.execute(
            "SELECT id FROM texts WHERE trace_id = ? AND span_id = ?", (trace_id, span_id)
        ).fetchone()
        held = before and connection.execute("SELECT content FROM text_index WHERE rowid = ?", before).fetchone()
        if before is not None and held == (text,):
            connection.execute(
                "UPDATE texts SET session_id = ?, batch_id = ? WHERE id = ?", (session, batch_id, *before)
            )
            continue
        cost = _WRITTEN_PER_BYTE * len(text.encode())
        if cost > room:
            whole = False
            break
        room -= cost
        if before is not None:
            _delete(connection, [before[0]])
        if not text:
            continue
        number = connection.execute(
            "INSERT INTO texts (trace_id, span_id, session_id, batch_id) VALUES (?, ?, ?, ?)",
            (trace_id, span_id, session, batch_id),
        ).lastrowid
        connection.execute("INSERT INTO text_index (rowid, content) VALUES (?, ?)", (number, text))
        size += len(text)
    _set_meta(connection, _SIZE, _meta(connection, _SIZE) + size)
    return whole, room


def _delete(connection: sqlite3.Connection, numbers: list[int]) -> None:
    if not numbers:
        return
    size = 0
    for number in numbers:
        row = connection.execute("SELECT length(content) FROM text_index WHERE rowid = ?", (number,)).fetchone()
        size += row[0] if row else 0
        connection.execute("DELETE FROM text_index WHERE rowid = ?", (number,))
        connection.execute("DELETE FROM texts WHERE id = ?", (number,))
    _set_meta(connection, _SIZE, max(_meta(connection, _SIZE) - size, 0))


def _meta(connection: sqlite3.Connection, key: str) -> int:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else 0


def _set_meta(connection: sqlite3.Connection, key: str, value: int) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(value)))
