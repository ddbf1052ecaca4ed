"""OpenCode's SQLite database, read without writing: the event table where it is whole, else messages and parts.

Versions from 1.2 on keep `session`, `message`, `part` and `event`; 2.x keeps `session_v2` and `session_message` in
the same file and fills no events. A column that a version lacks is left out.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from collector.errors import CollectorError
from collector.opencode import messages2
from collector.opencode.history import EventItem, Kept, session_item, whole_message

_PORTION = 500
"""Rows read at once."""


class Database:
    """A database file; raises `CollectorError` when it is none of OpenCode's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tables = {row["name"] for row in self._rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not self._tables & {"session", "session_v2"}:
            raise CollectorError(f"{path} is no database of OpenCode")

    @property
    def name(self) -> str:
        return str(self._path)

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """A connection for each query: OpenCode may replace or truncate the file between two."""
        try:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
                connection.row_factory = sqlite3.Row
                return connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise CollectorError(f"{self._path} cannot be read ({error})") from None

    def sessions(self) -> list[Kept]:
        """All sessions, the oldest first."""
        found: dict[str, Kept] = {}
        for table in ("session", "session_v2"):
            if table in self._tables:
                for row in self._rows(f"SELECT id, parent_id, time_updated, directory FROM {table}"):
                    updated, directory = int(row["time_updated"] or 0), row["directory"] or ""
                    found[row["id"]] = Kept(row["id"], row["parent_id"], updated, directory)
        return sorted(found.values(), key=lambda kept: (kept.updated, kept.id))

    def items(self, session: str) -> Iterator[EventItem]:
        """The events of a session; of one that was begun before there were any, its messages as they are now first."""
        if not self._has_all_events(session):
            yield from self._messages(session)
            yield from self._messages2(session)
        yield from self._events(session)

    def _has_all_events(self, session: str) -> bool:
        if "event" not in self._tables:
            return False
        first = self._rows("SELECT seq FROM event WHERE aggregate_id = ? ORDER BY seq LIMIT 1", session)
        return bool(first) and first[0]["seq"] == 0

    def _events(self, session: str) -> Iterator[EventItem]:
        after = -1
        while "event" in self._tables:
            rows = self._rows(
                f"SELECT * FROM event WHERE aggregate_id = ? AND seq > ? ORDER BY seq LIMIT {_PORTION}", session, after
            )
            for row in rows:
                after = row["seq"]
                if isinstance(data := _json(row["data"]), dict):
                    yield {**{key: row[key] for key in ("id", "aggregate_id", "seq", "type")}, "data": data}
            if len(rows) < _PORTION:
                return

    def _messages(self, session: str) -> Iterator[EventItem]:
        if not {"session", "message", "part"} <= self._tables:
            return
        for row in self._rows("SELECT * FROM session WHERE id = ?", session):
            yield session_item(_session(row))
        rows = self._rows("SELECT id FROM message WHERE session_id = ? ORDER BY time_created, id", session)
        for portion in _portions([row["id"] for row in rows], _PORTION // 10):
            yield from self._portion(session, json.dumps(portion))

    def _portion(self, session: str, messages: str) -> Iterator[EventItem]:
        """Messages, whose ids are a JSON array, with their parts."""
        named = "IN (SELECT value FROM json_each(?))"
        parts: dict[str, list[EventItem]] = {}
        for row in self._rows(f"SELECT * FROM part WHERE message_id {named} ORDER BY id", messages):
            part = {**_object(row["data"]), "id": row["id"], "messageID": row["message_id"], "sessionID": session}
            parts.setdefault(row["message_id"], []).append(part)
        for row in self._rows(f"SELECT * FROM message WHERE id {named} ORDER BY time_created, id", messages):
            info = {**_object(row["data"]), "id": row["id"], "sessionID": session}
            yield from whole_message(info, parts.get(row["id"], ()))

    def _messages2(self, session: str) -> Iterator[EventItem]:
        if not {"session_v2", "session_message"} <= self._tables:
            return
        rows = self._rows("SELECT * FROM session_v2 WHERE id = ?", session)
        if rows and self._rows("SELECT 1 FROM session_message WHERE session_id = ? LIMIT 1", session):
            yield from messages2.events(_session(rows[0]), self._told2(session))

    def _told2(self, session: str) -> Iterator[EventItem]:
        rows = self._rows("SELECT id FROM session_message WHERE session_id = ? ORDER BY seq", session)
        for portion in _portions([row["id"] for row in rows], _PORTION // 10):
            named = "id IN (SELECT value FROM json_each(?))"
            query = f"SELECT * FROM session_message WHERE session_id = ? AND {named} ORDER BY seq"
            for row in self._rows(query, session, json.dumps(portion)):
                yield {**_object(row["data"]), "id": row["id"], "type": row["type"]}


def _portions(ids: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _session(row: sqlite3.Row) -> EventItem:
    """A row as OpenCode itself shows a session."""
    found: dict[str, Any] = dict(row)
    info = {
        "id": found["id"],
        "parentID": found.get("parent_id"),
        "projectID": found.get("project_id"),
        "directory": found.get("directory"),
        "title": found.get("title"),
        "version": found.get("version"),
        "slug": found.get("slug"),
        "agent": found.get("agent"),
        "model": _json(found.get("model")),
        "cost": found.get("cost"),
        "time": {"created": found.get("time_created"), "updated": found.get("time_updated")},
        "location": {"directory": found["directory"]} if found.get("directory") else None,
    }
    return {key: value for key, value in info.items() if value is not None}


def _json(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, (str, bytes)) else text
    except ValueError:
        return None


def _object(text: Any) -> EventItem:
    found = _json(text)
    return found if isinstance(found, dict) else {}
