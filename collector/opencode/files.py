"""Sessions in files: OpenCode's own JSON storage (up to 1.1), and what `opencode export` wrote.

storage/session/<project>/<session>.json
storage/message/<session>/<message>.json
storage/part/<message>/<part>.json
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import ijson

from collector.errors import CollectorError
from collector.opencode import messages2
from collector.opencode.history import EventItem, Kept, session_item, whole_message


class Storage:
    """The folder `storage` in OpenCode's data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        return str(self._folder)

    def sessions(self) -> list[Kept]:
        """All sessions, the oldest first."""
        found = [_kept(info) for path in self._folder.glob("session/*/*.json") if (info := _read(path))]
        return sorted((kept for kept in found if kept.id), key=lambda kept: (kept.updated, kept.id))

    def items(self, session: str) -> Iterator[EventItem]:
        for path in self._folder.glob(f"session/*/{_plain(session)}.json"):
            if info := _read(path):
                yield session_item(info)
        for message in sorted(self._folder.glob(f"message/{_plain(session)}/*.json")):  # named by their ids
            info = _read(message)
            if info is None:
                continue
            ids = {"sessionID": session, "messageID": info.get("id")}
            paths = sorted(self._folder.glob(f"part/{_plain(str(info.get('id')))}/*.json"))
            parts = ({**ids, **part} for path in paths if (part := _read(path)))
            yield from whole_message({"sessionID": session, **info}, parts)


class Export:
    """A file that `opencode export` wrote: `{info, messages: [{info, parts}]}`; read message by message.

    Raises `CollectorError` when it is none; one cut at 64 KiB says so (a pipe that is read slowly cuts it).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._begin = _first_brace(path)
            holds_messages = self._is_whole()
            self._info: EventItem = next((info for name in ("info", "session") for info in self._objects(name)), {})
        except OSError as error:
            raise CollectorError(f"{path} cannot be read ({error.strerror})") from None
        except (ValueError, ijson.JSONError):
            size = path.stat().st_size
            cut = ": it was cut by a pipe, export again with > FILE" if size and size % 65536 == 0 else ""
            raise CollectorError(f"{path} is no export of OpenCode{cut}") from None
        if not holds_messages:
            raise CollectorError(f"{path} is no export of OpenCode")

    @property
    def name(self) -> str:
        return str(self._path)

    def sessions(self) -> list[Kept]:
        return [_kept(self._info)]

    def items(self, session: str) -> Iterator[EventItem]:
        if any("info" not in message and "type" in message for message in islice(self._messages(), 1)):
            yield from messages2.events(self._info, self._messages())
            return
        yield from told(self._info, self._messages())

    def _messages(self) -> Iterator[EventItem]:
        return self._objects("messages.item")

    def _objects(self, place: str) -> Iterator[EventItem]:
        with self._path.open("rb") as file:
            file.seek(self._begin)
            yield from (found for found in ijson.items(file, place, use_float=True) if isinstance(found, dict))

    def _is_whole(self) -> bool:
        """Whether the document holds a list of messages; raises `ijson.JSONError` when it is not JSON to its end."""
        found = False
        with self._path.open("rb") as file:
            file.seek(self._begin)
            for place, event, _ in ijson.parse(file):
                found = found or (place == "messages" and event == "start_array")
        return found


def _first_brace(path: Path) -> int:
    """Where the document begins: OpenCode may say something before it. Raises `ValueError` when there is none."""
    with path.open("rb") as file:
        return file.read(65536).index(b"{")


def told(info: EventItem, messages: Iterable[EventItem]) -> Iterator[EventItem]:
    """A session with its messages and parts, as OpenCode 1 exports and serves it."""
    session = info.get("id")
    yield session_item(info)
    for message in messages:
        about = message.get("info")
        if isinstance(about, dict):
            ids = {"sessionID": session, "messageID": about.get("id")}
            parts = ({**ids, **part} for part in message.get("parts") or () if isinstance(part, dict))
            yield from whole_message({"sessionID": session, **about}, parts)


def _kept(info: EventItem) -> Kept:
    times = info.get("time")
    updated = times.get("updated", 0) if isinstance(times, dict) else 0
    return Kept(str(info.get("id", "")), info.get("parentID"), int(updated or 0), str(info.get("directory") or ""))


def _read(path: Path) -> EventItem | None:
    """A file that another process may just be writing: what cannot be read yet is left out."""
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _plain(name: str) -> str:
    """An id as part of a path; what is none must not reach other folders."""
    return name if name.replace("_", "").isalnum() else "none"
