"""What all receivers share: who may come in, how much at once, and answers that never hurt the sender.

A 200 is sent only when what came is committed and synced. The answer is never a 500: clients retry 429, 502,
503 and 504 alone, so anything unforeseen is a 503.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from collector.enums import HOP_HEADER
from collector.errors import BadRequest, CollectorError, MethodNotAllowed, NotNow, TooLarge, Unavailable, UnknownPath
from collector.otlp.read import JSON, PROTOBUF
from collector.receive.answers import retry_headers, status_response
from collector.receive.audit import note_refusal
from collector.receive.guard import Access, Guard, Headers, headers_of
from collector.receive.limits import Budget, RefusalLog, Reservation

logger = logging.getLogger(__name__)

AsgiScope = MutableMapping[str, Any]
AsgiReceive = Callable[[], Awaitable[MutableMapping[str, Any]]]
AsgiSend = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApplication = Callable[[AsgiScope, AsgiReceive, AsgiSend], Awaitable[None]]

_HOPS = HOP_HEADER.encode()
MAX_HOPS = 8

_BODY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Admission:
    """What all receivers admit: whose requests, how many bytes, and nothing that passed this `instance` before."""

    instance: str
    guard: Guard
    budget: Budget
    most_bytes: int
    refusals: RefusalLog = field(default_factory=RefusalLog)

    def check_hops(self, headers: Headers) -> None:
        """Raise `BadRequest` for what would go round in a circle for ever."""
        hops = hops_of(headers)
        if self.instance in hops or len(hops) >= MAX_HOPS:
            raise BadRequest("this telemetry has been here before: an upstream of this collector forwards to it")


class Receiver:
    """A plain ASGI application that takes POSTs at `paths`; a subclass says what it makes of them."""

    paths: Collection[str] = ()

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._guard = admission.guard
        self._budget = admission.budget
        self._most = admission.most_bytes
        self.answers: Counter[tuple[str, int]] = Counter()

    def admit(self, path: str, content_type: str, team: str) -> None:
        """Refuse, before the body is read, what this receiver does not take, of that team ("" for none)."""

    async def take(self, path: str, headers: Headers, content_type: str, team: str, receive: AsgiReceive) -> bytes:
        """Read the body, keep what it holds and return the body of a 200."""
        raise NotImplementedError

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        headers = headers_of(scope)
        path = plain(scope["path"])
        content_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        answer_type = content_type if content_type in (JSON, PROTOBUF) else JSON
        extra: dict[bytes, bytes] = {}
        team = ""
        try:
            preflight = scope["method"] == "OPTIONS" and b"access-control-request-method" in headers
            team = self._guard.check(headers, Access.OPEN if preflight else Access.SEND)
            if preflight:
                await self._preflight(headers, send)
                return
            self._admit(path, scope["method"], headers, content_type, team)
            status, body = 200, await self.take(path, headers, content_type, team, receive)
            self._admission.refusals.taken()
        except CollectorError as error:
            if isinstance(error, NotNow):
                self._admission.refusals.refused(error)
            status, body = status_response(error, answer_type)
            extra.update(retry_headers(error))
            note_refusal(self._known(path), peer_of(scope), team, error)
            if isinstance(error, MethodNotAllowed):
                extra[b"allow"] = b"POST"
        except asyncio.CancelledError:  # the process ends, and the server would say 500
            stopping = Unavailable("the collector is stopping")
            status, body = status_response(stopping, answer_type)
            extra.update(retry_headers(stopping))
        except Exception as error:
            # Its text may quote the payload, so only its kind is said.
            logger.error("a request could not be handled: %s", type(error).__name__)
            failure = Unavailable("the request could not be handled now")
            status, body = status_response(failure, answer_type)
            extra.update(retry_headers(failure))
        self.answers[self._known(path), status] += 1
        await respond(send, status, body, answer_type, {**extra, **self._cors(headers)})

    def _known(self, path: str) -> str:
        return path if path in self.paths else "other"

    def _admit(self, path: str, method: str, headers: Headers, content_type: str, team: str) -> None:
        """Everything that can be said before the body is read."""
        if path not in self.paths:
            raise UnknownPath(f"no such path; OTLP is taken at {', '.join(self.paths)}")
        if method != "POST":
            raise MethodNotAllowed("send export requests with POST")
        self._admission.check_hops(headers)
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._most:
            raise TooLarge(f"the body is larger than {self._most} bytes; send smaller batches")
        self.admit(path, content_type, team)

    async def read(self, headers: Headers, receive: AsgiReceive, reservation: Reservation) -> bytes:
        """The whole body; raises `BadRequest` when less of it comes than the headers say."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise BadRequest("the connection closed before the end of the body")
                    part = message.get("body", b"")
                    if part:
                        size += len(part)
                        if size > self._most:
                            raise TooLarge(f"the body is larger than {self._most} bytes; send smaller batches")
                        reservation.add(len(part))
                        parts.append(part)
                    if not message.get("more_body"):
                        _check_length(headers, size)
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError:
            raise Unavailable(f"the body did not arrive within {_BODY_SECONDS} s", retry_after=1) from None

    async def _preflight(self, headers: Headers, send: AsgiSend) -> None:
        allowed = {
            b"access-control-allow-methods": b"POST",
            b"access-control-allow-headers": b"content-type, content-encoding, authorization, x-collector-token",
            b"access-control-max-age": b"600",
        }
        await respond(send, 204, b"", JSON, {**allowed, **self._cors(headers)})

    def _cors(self, headers: Headers) -> dict[bytes, bytes]:
        origin = headers.get(b"origin")
        if origin is None or not self._guard.is_listed(origin.decode("latin-1")):
            return {}
        return {b"access-control-allow-origin": origin, b"vary": b"origin"}


def _check_length(headers: Headers, size: int) -> None:
    """Whatever the server in front makes of a request, a body that was lost on the way is never answered with 200."""
    length = headers.get(b"content-length")
    if length is not None and length.isdigit() and int(length) != size:
        raise BadRequest("the body is not as long as its Content-Length says")
    if not size and b"transfer-encoding" in headers:
        raise BadRequest("the body is empty")


def plain(path: str) -> str:
    """Forgive what joining a base URL and a path by hand gives: `//v1/traces`, `/v1/traces/`."""
    return "/" + path.strip("/") if path != "/" else path


def peer_of(scope: AsgiScope) -> str:
    """The address that a request comes from."""
    return str((scope.get("client") or ("",))[0])


def hops_of(headers: Headers) -> list[str]:
    return [hop for hop in headers.get(_HOPS, b"").decode("latin-1")[:1000].split(",") if hop.isalnum()]


async def respond(
    send: AsgiSend, status: int, body: bytes, content_type: str, extra: Mapping[bytes, bytes] | None = None
) -> None:
    """Send a whole answer."""
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *(extra or {}).items(),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
