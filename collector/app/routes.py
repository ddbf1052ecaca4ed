"""One table of every path: who answers it, and which token it asks for.

The paths are those that the receivers and the viewer's own routes declare, so a route that is added there is answered
there. A path of the viewer asks for the read token unless it stands in `_LESS`: what is forgotten here is closed.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import FastAPI

from collector.app.browser import entry, secured, split_token
from collector.errors import CollectorError, Unavailable
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

logger = logging.getLogger(__name__)

_LESS = {
    "/healthz": Access.OPEN,
    "/readyz": Access.OPEN,
    "/metrics": Access.MEASURE,
    "/static/{name}": Access.OPEN,
}
"""Paths of the viewer that hold nothing of what was kept."""

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Route:
    """A path, or a pattern of paths, with who answers it; `access` says which token it asks for."""

    path: str
    answers: str
    access: Access


class Routes:
    """The process's ASGI application: receivers by exact path, then the viewer; `receivers[0]` answers the rest."""

    def __init__(self, receivers: Sequence[Receiver], viewer: FastAPI, guard: Guard) -> None:
        self._guard = guard
        self._receivers = {path: receiver for receiver in receivers for path in receiver.paths}
        self._unknown = receivers[0]
        self._viewer = viewer
        self._pages = [(pattern, _access_of(path)) for path, pattern in _declared(viewer)]

    def table(self) -> list[Route]:
        """Every path there is."""
        sent = [Route(path, type(receiver).__name__, Access.SEND) for path, receiver in self._receivers.items()]
        return sent + [Route(path, "viewer", _access_of(path)) for path, _ in _declared(self._viewer)]

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        """Receivers are called without the framework, which costs 60-150 us a request (measured)."""
        if scope["type"] != "http":
            return
        receiver = self._receivers.get(plain(scope["path"]))
        if receiver is None:
            access = self._page_access(scope["path"])
            if access is not None:
                await self._page(access, scope, receive, send)
                return
        answering: AsgiApplication = receiver or self._unknown
        await answering(scope, receive, send)

    def _page_access(self, path: str) -> Access | None:
        """Which token a path of the viewer asks for; None when the viewer has no such path."""
        return next((access for pattern, access in self._pages if pattern.match(path)), None)

    async def _page(self, access: Access, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        answer = _PageAnswer(send)
        try:
            if access is Access.READ and scope["method"] == "GET" and await self._let_in(scope, answer):
                return
            self._guard.check(headers_of(scope), access)
            await self._viewer(scope, receive, answer)
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
        self._guard.check(headers_of(scope), Access.OPEN)
        headers = entry(scope["path"], query, token, secure=scope.get("scheme") == "https")
        await send({"type": "http.response.start", "status": 303, "headers": [*headers, (b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return True


class _PageAnswer:
    """Passes an answer of the viewer on with the security headers; what would be a 500 becomes a 503."""

    def __init__(self, send: AsgiSend) -> None:
        self._send = send
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
        await respond(self, status, body, _JSON, retry_headers(error))


def _declared(viewer: FastAPI) -> Iterator[tuple[str, re.Pattern[str]]]:
    for route in viewer.routes:
        yield route.path, route.path_regex  # type: ignore[attr-defined]  # routes and mounts have both


def _access_of(path: str) -> Access:
    return _LESS.get(path, Access.READ)
