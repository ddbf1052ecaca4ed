"""One table of every path: who answers it, and which token it asks for.

The paths are those that receivers, health and the viewer declare, so a route that is added there is answered there. A
path of the viewer asks for the read token unless it stands in `_LESS`: what is forgotten here is closed. The viewer is
made when it is first asked for: its framework takes a quarter of the time to start, and a sixth of the memory of a
collector that nobody looks at.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.app.browser import entry, refused_page, secured, split_token, wants_page
from collector.app.health import HealthAnswers
from collector.errors import CollectorError, Unavailable, UnknownPath
from collector.receive.answers import retry_headers, status_response
from collector.receive.audit import note_refusal
from collector.receive.guard import Access, Guard, headers_of
from collector.receive.receiver import (
    AsgiApplication,
    AsgiReceive,
    AsgiScope,
    AsgiSend,
    Receiver,
    peer_of,
    plain,
    respond,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

logger = logging.getLogger(__name__)

_LESS = {
    "/healthz": Access.OPEN,
    "/readyz": Access.OPEN,
    "/metrics": Access.MEASURE,
    "/static/{name}": Access.OPEN,
}
"""Paths that hold nothing of what was kept."""

_OTLP = "/v1/"
"""Below it nothing is the viewer's."""

_JSON, _HTML = "application/json", "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Route:
    """A path, or a pattern of paths, with who answers it; `access` says which token it asks for."""

    path: str
    answers: str
    access: Access


class Routes:
    """The process's ASGI application: receivers by exact path, health, the viewer; `receivers[0]` answers the rest.

    `viewer` makes the viewer; it is called once, in a thread, when first a path is asked for that can be the viewer's.
    """

    def __init__(
        self, receivers: Sequence[Receiver], health: HealthAnswers, viewer: Callable[[], FastAPI], guard: Guard
    ) -> None:
        self._guard = guard
        self._receivers = {path: receiver for receiver in receivers for path in receiver.paths}
        self._unknown = receivers[0]
        self._health = health
        self._viewer = _MadeOnce(viewer)

    def table(self) -> list[Route]:
        """Every path there is."""
        sent = [Route(path, type(receiver).__name__, Access.SEND) for path, receiver in self._receivers.items()]
        health = [Route(path, "health", _access_of(path)) for path in self._health.paths]
        shown = [path for path, _ in _declared(self._viewer.made()) if path not in self._health.paths]
        return sent + health + [Route(path, "viewer", _access_of(path)) for path in shown]

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        """Receivers are called without the framework, which costs 60-150 us a request (measured)."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        receiver = self._receivers.get(plain(path))
        if receiver is not None:
            await receiver(scope, receive, send)
        elif path in self._health.paths:
            await self._page(self._health, _access_of(path), scope, receive, send)
        elif plain(path).startswith(_OTLP):
            await self._unknown(scope, receive, send)
        else:
            await self._seen(scope, receive, send)

    async def _seen(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        """Answer what the viewer shows, or say that there is no such path."""
        try:
            viewer, access = await self._viewer.find(scope["path"])
        except Exception as error:
            logger.error("the viewer could not be loaded: %s", type(error).__name__)
            await _PageAnswer(send).fail(Unavailable("nothing can be shown now"))
            return
        if access is None and wants_page(scope["path"], headers_of(scope)):
            await _PageAnswer(send, as_page=True).fail(UnknownPath("There is no such page."))
        elif access is None:
            await self._unknown(scope, receive, send)
        else:
            await self._page(viewer, access, scope, receive, send)

    async def _page(
        self, answering: AsgiApplication, access: Access, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend
    ) -> None:
        answer = _PageAnswer(send, as_page=wants_page(scope["path"], headers_of(scope)))
        try:
            if access is Access.READ and scope["method"] == "GET" and await self._let_in(scope, answer):
                return
            self._guard.check(headers_of(scope), access)
            await answering(scope, receive, answer)
            if answer.is_missing:
                raise Unavailable("this could not be shown now")
        except CollectorError as error:
            note_refusal("the viewer", peer_of(scope), "", error)
            await answer.fail(error)
        except asyncio.CancelledError:  # the process ends, and the server would say 500
            await answer.fail(Unavailable("the collector is stopping"))
        except Exception as error:
            # Its text may quote what was kept.
            logger.error("%s could not be shown: %s", scope["method"], type(error).__name__)
            await answer.fail(Unavailable("this could not be shown now"))

    async def _let_in(self, scope: AsgiScope, send: AsgiSend) -> bool:
        """Turn a read token in the address into a cookie; False when there is none in it."""
        token, query = split_token(scope.get("query_string", b""))
        if token is None or not self._guard.is_read_token(token):
            return False
        asked = headers_of(scope)
        self._guard.check(asked, Access.OPEN)
        found = entry(scope["path"], query, token, asked, secure=scope.get("scheme") == "https")
        headers = [*found.headers, (b"content-length", str(len(found.body)).encode())]
        await send({"type": "http.response.start", "status": found.status, "headers": headers})
        await send({"type": "http.response.body", "body": found.body})
        return True


class _MadeOnce:
    """The viewer, made when it is first needed; `new` imports the framework."""

    def __init__(self, new: Callable[[], FastAPI]) -> None:
        self._new = new
        self._lock = threading.Lock()
        self._made: tuple[FastAPI, list[tuple[re.Pattern[str], Access]]] | None = None

    def made(self) -> FastAPI:
        """The viewer; whoever asks while another makes it waits."""
        with self._lock:
            if self._made is None:
                viewer = self._new()
                self._made = viewer, [(pattern, _access_of(path)) for path, pattern in _declared(viewer)]
        return self._made[0]

    async def find(self, path: str) -> tuple[FastAPI, Access | None]:
        """The viewer, and which token a path of it asks for; None when it has no such path."""
        if self._made is None:
            await asyncio.to_thread(self.made)
        assert self._made is not None
        viewer, paths = self._made
        return viewer, next((access for pattern, access in paths if pattern.match(path)), None)


class _PageAnswer:
    """Passes an answer of the viewer on with the security headers; what would be a 500 becomes a 503.

    A refusal is a page where one was asked for, and JSON elsewhere.
    """

    def __init__(self, send: AsgiSend, *, as_page: bool = False) -> None:
        self._send = send
        self._as_page = as_page
        self._begun = False
        self._swallow = False

    @property
    def is_missing(self) -> bool:
        """Whether the viewer said 500, which was not passed on."""
        return self._swallow

    async def __call__(self, message: AsgiScope) -> None:
        if message["type"] == "http.response.start":
            self._swallow = message["status"] == 500  # the framework raises what led to it, once it has said so
            if not self._swallow:
                self._begun = True
                message = {**message, "headers": secured(list(message.get("headers", ())))}
        if not self._swallow:
            await self._send(message)

    async def fail(self, error: CollectorError) -> None:
        """Say what went wrong, unless an answer has begun: then its connection ends in the middle of it."""
        if self._begun:
            return
        self._swallow = False
        status, body = status_response(error, _JSON)
        if self._as_page:
            await respond(self, status, refused_page(status, str(error)), _HTML, retry_headers(error))
        else:
            await respond(self, status, body, _JSON, retry_headers(error))


def _declared(viewer: FastAPI) -> Iterator[tuple[str, re.Pattern[str]]]:
    for route in viewer.routes:
        yield route.path, route.path_regex  # type: ignore[attr-defined]  # routes and mounts have both


def _access_of(path: str) -> Access:
    return _LESS.get(path, Access.READ)
