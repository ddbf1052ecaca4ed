"""Following a running OpenCode from outside: its event stream, and what a broken connection missed.

    opencode serve (1.x)    GET /global/event; gaps from POST /sync/history by sequence number
    OpenCode 2 service      GET /api/event;    gaps from GET /api/session/{id}/message

The stream has no replay: whatever happened while nobody listened is fetched again when the connection is back.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import httpx
from httpx_sse import EventSource

from collector.errors import CollectorError
from collector.opencode import messages2
from collector.opencode.files import told
from collector.opencode.history import EventItem

_QUIET_SECONDS = 35  # heartbeats come every 10 s (1.x) or 15 s (2.x)
_PAUSES = (0.25, 0.5, 1, 2, 5)
_COLLECT_SECONDS = 0.1
_BATCH = 500
_MARGIN_MS = 60_000
_MAX_LINE_BYTES = 64 * 1024 * 1024
_UNWANTED = ("server.", "plugin.", "catalog.", "integration.", "reference.", "lsp.", "tui.", "pty.", "file.watcher.")

Generation = Literal[1, 2]


@dataclass(frozen=True, slots=True)
class Server:
    """Where OpenCode listens; user and password where it asks for them."""

    url: str
    password: str | None = None


def service(environ: dict[str, str], home: Path) -> Server:
    """The background service of OpenCode 2, by the file it leaves; raises `CollectorError` when there is none."""
    state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    path = state / "opencode" / "service.json"
    try:
        found = json.loads(path.read_text())
        return Server(str(found["url"]), found.get("password") or password(environ))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise CollectorError(f"no OpenCode service is registered in {path}: name the URL of `opencode serve`") from None


def password(environ: dict[str, str]) -> str | None:
    return environ.get("OPENCODE_PASSWORD") or environ.get("OPENCODE_SERVER_PASSWORD") or None


class Follower:
    """Hands what `server` tells to `put`, in order, until cancelled.

    Raises `CollectorError` where trying again cannot help: a wrong password, or nothing of OpenCode's at the URL.
    """

    def __init__(self, server: Server, put: Callable[[list[EventItem]], object], say: Callable[[str], None]) -> None:
        parts = urlsplit(server.url if "//" in server.url else f"http://{server.url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CollectorError(f"{server.url} is no URL of an OpenCode server")
        auth = (parts.username or "opencode", parts.password or server.password or "")
        self._url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self._client = httpx.AsyncClient(
            auth=auth if auth[1] else None, timeout=httpx.Timeout(10, read=_QUIET_SECONDS), trust_env=False
        )
        self._put, self._say = put, say
        self._seq: dict[str, int] = {}  # the last durable event of each session (1.x)
        self._heard: set[str] = set()
        self._last_event = ""
        self._last_ms = 0

    async def run(self) -> None:
        async with self._client:
            failures = 0
            while True:
                try:
                    generation = await self._generation()
                    async for connected in self._follow(generation):
                        failures = 0 if connected else failures
                    self._say("the stream ended; connecting again")
                except (httpx.HTTPError, OSError) as error:
                    if failures == 0:
                        self._say(f"no connection ({type(error).__name__}); trying again")
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1

    async def _generation(self) -> Generation:
        """Which line of OpenCode listens there: 2.x has left the routes of 1.x."""
        for path, generation in (("/global/health", 1), ("/api/info", 2), ("/api/health", 2)):
            answer = await self._client.get(self._url + path)
            if answer.status_code in (401, 403):
                raise CollectorError(f"{self._url} refuses the password: set OPENCODE_SERVER_PASSWORD")
            if answer.status_code == 200 and answer.headers.get("content-type", "").startswith("application/json"):
                return 1 if generation == 1 else 2
        answer = await self._client.get(f"{self._url}/config")  # up to 1.0 there is no health route
        if answer.status_code == 200:
            return 1
        raise CollectorError(f"{self._url} is no OpenCode server (HTTP {answer.status_code})")

    async def _follow(self, generation: Generation) -> AsyncIterator[bool]:
        path = "/global/event" if generation == 1 else "/api/event"
        async with self._client.stream("GET", self._url + path, headers={"accept": "text/event-stream"}) as stream:
            if stream.status_code != 200:
                raise CollectorError(f"{self._url}{path} answered HTTP {stream.status_code}")
            self._say(f"following {self._url} (OpenCode {generation}.x)")
            # Connected first, filled second: what happens in between comes twice rather than never.
            if self._heard:
                await (self._fill1() if generation == 1 else self._fill2())
            async for batch in _batches(_data(stream)):
                yield True
                begun = [session for item in batch if (session := self._met(item))]
                items = [item for item in batch if _is_wanted(item)]
                for session in dict.fromkeys(begun):
                    await self._tell(generation, session)
                await self._hand(items)

    def _met(self, item: EventItem) -> str | None:
        """Remember how far we are; the session, when it was begun before we listened."""
        payload = _payload(item)
        sync = payload.get("syncEvent")
        durable = sync if isinstance(sync, dict) else payload.get("durable")
        session = _session_of(payload)
        self._last_event = max(self._last_event, str(payload.get("id") or ""))
        self._last_ms = max(self._last_ms, int(time.time() * 1000))
        seq = None
        if isinstance(durable, dict) and isinstance(durable.get("aggregateID"), str):
            session, seq = durable["aggregateID"], durable.get("seq")
        if session is None:
            return None
        known = session in self._heard
        self._heard.add(session)
        if isinstance(seq, int):
            self._seq[session] = max(seq, self._seq.get(session, -1))
        kind = payload.get("type")
        begins = kind == "session.created" or (seq == 0 and kind != "session.forked")  # a fork's copies are no events
        return None if known or begins or not session.startswith("ses_") else session

    async def _fill1(self) -> None:
        """What the sessions we know did meanwhile, and what began meanwhile; up to 1.1 their messages as they are now.

        The history has all of a session whose number we do not know: of those only what is newer than our last event.
        """
        known = dict(self._seq)
        answer = await self._client.post(f"{self._url}/sync/history", json=known)
        rows = answer.json() if answer.status_code == 200 else None
        if not isinstance(rows, list) or (not known and self._heard):
            for session in sorted(self._heard):
                await self._tell(1, session)
            return
        missed = []
        for row in rows:
            aggregate, seq, identifier = (row.get(key) for key in ("aggregate_id", "seq", "id"))
            if isinstance(aggregate, str) and isinstance(seq, int) and isinstance(identifier, str):
                self._seq[aggregate] = max(seq, self._seq.get(aggregate, -1))
                if aggregate in known or identifier > self._last_event:
                    self._heard.add(aggregate)
                    missed.append(row)
        await self._hand(missed)

    async def _fill2(self) -> None:
        """OpenCode 2 keeps no events: the messages of its sessions are told as events."""
        recent = await self._json("/api/session?order=desc")
        sessions = set(self._heard)
        for info in recent.get("data") or () if isinstance(recent, dict) else ():
            times = info.get("time") if isinstance(info, dict) else None
            if isinstance(times, dict) and (times.get("updated") or 0) >= self._last_ms - _MARGIN_MS:
                sessions.add(str(info.get("id")))
        for session in sorted(sessions):
            await self._tell(2, session)

    async def _tell(self, generation: Generation, session: str) -> None:
        """Hand over a whole session as the server has it."""
        self._heard.add(session)
        if generation == 1:
            info, found = await self._json(f"/session/{session}"), await self._json(f"/session/{session}/message")
            if isinstance(info, dict) and isinstance(found, list):
                await self._hand(list(told(info, found)))
            return
        info = await self._json(f"/api/session/{session}")
        messages = await self._pages(f"/api/session/{session}/message")
        if isinstance(info, dict) and messages:
            about = info["data"] if isinstance(info.get("data"), dict) else info
            await self._hand(list(messages2.events({**about, "id": session}, messages)))

    async def _pages(self, path: str) -> list[EventItem]:
        """All pages of a list, oldest first: ids of messages ascend."""
        found: dict[str, EventItem] = {}
        cursor: str | None = ""
        seen: set[str] = set()
        while cursor is not None and cursor not in seen:
            seen.add(cursor)
            page = await self._json(f"{path}?cursor={quote(cursor)}" if cursor else path)
            if not isinstance(page, dict):
                break
            found |= {str(item.get("id")): item for item in page.get("data") or () if isinstance(item, dict)}
            cursors = page.get("cursor")
            cursor = cursors.get("next") if isinstance(cursors, dict) else None
        return [found[identifier] for identifier in sorted(found)]

    async def _hand(self, items: list[EventItem]) -> None:
        for at in range(0, len(items), _BATCH):
            await asyncio.to_thread(self._put, items[at : at + _BATCH])

    async def _json(self, path: str) -> Any:
        answer = await self._client.get(self._url + path)
        return answer.json() if answer.status_code == 200 else None


def _payload(item: EventItem) -> EventItem:
    payload = item.get("payload")
    return payload if isinstance(payload, dict) else item


def _is_wanted(item: EventItem) -> bool:
    """A `sync` payload repeats an event of the stream; most of the rest is OpenCode's own housekeeping."""
    payload = _payload(item)
    kind = payload.get("type")
    return isinstance(kind, str) and "syncEvent" not in payload and not kind.startswith(_UNWANTED)


def _session_of(payload: EventItem) -> str | None:
    data = payload.get("properties", payload.get("data"))
    session = data.get("sessionID") if isinstance(data, dict) else None
    return session if isinstance(session, str) else None


async def _data(stream: httpx.Response) -> AsyncIterator[EventItem]:
    """The JSON objects of a stream of server-sent events."""
    async for event in EventSource(stream).aiter_sse():
        if len(event.data) > _MAX_LINE_BYTES:
            continue
        try:
            found = json.loads(event.data)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


async def _batches(items: AsyncIterator[EventItem]) -> AsyncIterator[list[EventItem]]:
    """What comes within a moment together; ends when the stream does, raising what it raised."""
    queue: asyncio.Queue[EventItem | BaseException | None] = asyncio.Queue(maxsize=10_000)

    async def read() -> None:
        end: BaseException | None = None
        try:
            async for item in items:
                await queue.put(item)
        except (httpx.HTTPError, OSError) as error:
            end = error
        await queue.put(end)

    reading = asyncio.create_task(read())
    try:
        while True:
            batch = [await queue.get()]
            await asyncio.sleep(_COLLECT_SECONDS)
            while len(batch) < _BATCH and not queue.empty():
                batch.append(queue.get_nowait())
            found = [item for item in batch if isinstance(item, dict)]
            if found:
                yield found
            for end in batch:
                if isinstance(end, BaseException):
                    raise end
                if end is None:
                    return
    finally:
        reading.cancel()
