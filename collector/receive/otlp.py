"""OTLP/HTTP: `/v1/traces`, `/v1/logs`, `/v1/metrics`, as a plain ASGI application (the hot path).

A 200 is sent only when the batch is committed and synced. The answer is never a 500: clients retry 429, 502,
503 and 504 alone, so anything unforeseen is a 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from collector.batch import SealedBatch, Signal
from collector.decode import JSON, PROTOBUF
from collector.errors import (
    BadRequest,
    CollectorError,
    MethodNotAllowed,
    NotNow,
    TooLarge,
    Unavailable,
    UnknownPath,
    UnsupportedMedia,
)
from collector.pipeline import Outcome, Pipeline
from collector.receive.answers import export_response, retry_headers, status_response
from collector.receive.guard import Guard, Headers, headers_of
from collector.receive.limits import Budget, Reservation, decompress
from collector.store import Refusal, SqliteStore

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HOP_HEADER = b"x-opencode-collector-hops"
MAX_HOPS = 8

_PATHS = {signal.path: signal for signal in Signal}
_LARGE_BYTES = 1024 * 1024
_BODY_SECONDS = 60


class OtlpReceiver:
    """Takes export requests; `kept` is told of each batch once it is on disk.

    Bodies over 1 MiB are handled in one other thread, so that small ones are still answered meanwhile.
    """

    def __init__(
        self,
        new_pipeline: Callable[[], Pipeline],
        store: SqliteStore,
        guard: Guard,
        budget: Budget,
        most_bytes: int,
        kept: Callable[[Signal, Outcome], None],
    ) -> None:
        self._pipeline = new_pipeline()
        self._large_pipeline = new_pipeline()
        self._large = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")
        self._store = store
        self._guard = guard
        self._budget = budget
        self._most = most_bytes
        self._kept = kept
        self.answers: Counter[tuple[str, int]] = Counter()
        self.stopping = False

    def close(self) -> None:
        self._large.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        path = _plain(scope["path"])
        content_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        answer_type = content_type if content_type in (JSON, PROTOBUF) else JSON
        extra: dict[bytes, bytes] = {}
        try:
            preflight = scope["method"] == "OPTIONS" and b"access-control-request-method" in headers
            self._guard.check(path, headers, preflight=preflight)
            if preflight:
                await self._preflight(headers, send)
                return
            signal = self._admit(path, scope["method"], headers, content_type)
            status, body = 200, await self._export(signal, headers, content_type, receive)
        except CollectorError as error:
            status, body = status_response(error, answer_type)
            extra.update(retry_headers(error))
            if isinstance(error, MethodNotAllowed):
                extra[b"allow"] = b"POST"
        except Exception as error:
            # Its text may quote the payload, so only its kind is said.
            logger.error("a request could not be handled: %s", type(error).__name__)
            failure = Unavailable("the request could not be handled now")
            status, body = status_response(failure, answer_type)
            extra.update(retry_headers(failure))
        self.answers[path if path in _PATHS else "other", status] += 1
        await _respond(send, status, body, answer_type, {**extra, **self._cors(headers)})

    def _admit(self, path: str, method: str, headers: Headers, content_type: str) -> Signal:
        """Everything that can be said before the body is read."""
        signal = _PATHS.get(path)
        if signal is None:
            raise UnknownPath(f"no such path; OTLP is taken at {', '.join(_PATHS)}")
        if method != "POST":
            raise MethodNotAllowed("send export requests with POST")
        if content_type not in (JSON, PROTOBUF):
            kind = "OTLP/gRPC is not served here; use OTLP/HTTP" if "grpc" in content_type else "no such content-type"
            raise UnsupportedMedia(f"{kind}: send {PROTOBUF} or {JSON}")
        if self.stopping:
            raise Unavailable("the collector is stopping", retry_after=2)
        hops = _hops(headers)
        if self._store.instance in hops or len(hops) >= MAX_HOPS:
            raise BadRequest("this telemetry has been here before: an upstream of this collector forwards to it")
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._most:
            raise TooLarge(f"the body is larger than {self._most} bytes; send smaller batches")
        return signal

    async def _export(self, signal: Signal, headers: Headers, content_type: str, receive: Receive) -> bytes:
        encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        with self._budget.request() as reservation:
            raw = await self._read(receive, reservation)
            outcome = await self._handle(signal, raw, encoding, content_type)
            if outcome.batch is not None:
                reservation.add(len(outcome.batch.data))
            del raw
            if outcome.batch is not None or outcome.rejected.total or outcome.dropped:
                refusal = Refusal(signal, outcome.rejected.by_reason + Counter(outcome.dropped))
                put = self._store.put(outcome.batch, refusal, hops=",".join(_hops(headers)))
                await asyncio.shield(asyncio.wrap_future(put))
            if outcome.late is not None:
                await self._keep_late(outcome.late, headers)
            self._kept(signal, outcome)
        return export_response(signal, outcome.rejected, content_type)

    async def _keep_late(self, batch: SealedBatch, headers: Headers) -> None:
        """An addition to spans that are kept already: where it finds no room, nothing is lost."""
        with contextlib.suppress(NotNow):
            put = self._store.put(batch, Refusal(Signal.TRACES, {}), hops=",".join(_hops(headers)))
            await asyncio.shield(asyncio.wrap_future(put))

    async def _handle(self, signal: Signal, raw: bytes, encoding: str, content_type: str) -> Outcome:
        if len(raw) <= _LARGE_BYTES:
            body = decompress(raw, encoding, self._most)
            if len(body) <= _LARGE_BYTES:
                return self._pipeline.run(signal, body, content_type)
            encoding, raw = "", body

        def work() -> Outcome:
            return self._large_pipeline.run(signal, decompress(raw, encoding, self._most), content_type)

        return await asyncio.get_running_loop().run_in_executor(self._large, work)

    async def _read(self, receive: Receive, reservation: Reservation) -> bytes:
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
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError:
            raise Unavailable(f"the body did not arrive within {_BODY_SECONDS} s", retry_after=1) from None

    async def _preflight(self, headers: Headers, send: Send) -> None:
        allowed = {
            b"access-control-allow-methods": b"POST",
            b"access-control-allow-headers": b"content-type, content-encoding, authorization, x-collector-token",
            b"access-control-max-age": b"600",
        }
        await _respond(send, 204, b"", JSON, {**allowed, **self._cors(headers)})

    def _cors(self, headers: Headers) -> dict[bytes, bytes]:
        origin = headers.get(b"origin")
        if origin is None or not self._guard.is_listed(origin.decode("latin-1")):
            return {}
        return {b"access-control-allow-origin": origin, b"vary": b"origin"}


def _plain(path: str) -> str:
    """Forgive what joining a base URL and a path by hand gives: `//v1/traces`, `/v1/traces/`."""
    return "/" + path.strip("/") if path != "/" else path


def _hops(headers: Headers) -> list[str]:
    return [hop for hop in headers.get(HOP_HEADER, b"").decode("latin-1")[:1000].split(",") if hop.isalnum()]


async def _respond(send: Send, status: int, body: bytes, content_type: str, extra: dict[bytes, bytes]) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *extra.items(),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
