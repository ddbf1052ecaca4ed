"""One table of every path: who answers it, and which token it asks for.

The paths are those that the receivers and the viewer's own routes declare, so a route that is added there is answered
there. A path of the viewer asks for a token unless it stands in `_OPEN`: what is forgotten here is closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import FastAPI

from collector.errors import CollectorError
from collector.receive.answers import status_response
from collector.receive.guard import Access, Guard, headers_of
from collector.receive.receiver import AsgiApplication, AsgiReceive, AsgiScope, AsgiSend, Receiver, plain, respond

_OPEN = ("/healthz", "/readyz")
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
        try:
            self._guard.check(headers_of(scope), access)
        except CollectorError as error:
            status, body = status_response(error, _JSON)
            await respond(send, status, body, _JSON)
            return
        await self._viewer(scope, receive, send)


def _declared(viewer: FastAPI) -> Iterator[tuple[str, re.Pattern[str]]]:
    for route in viewer.routes:
        yield route.path, route.path_regex  # type: ignore[attr-defined]  # routes and mounts have both


def _access_of(path: str) -> Access:
    return Access.OPEN if path in _OPEN else Access.READ
