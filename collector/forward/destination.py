"""One place to send to: address, encoding, compression, headers and token, over HTTP."""

from __future__ import annotations

import asyncio
import logging
import threading
import zlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from isal import igzip

from collector import __version__
from collector.enums import HOP_HEADER, Encoding, Signal
from collector.forward.body import BodyLimits, Refine
from collector.forward.outcome import DestinationAnswer, TryLater, Unreachable, judge
from collector.forward.tokens import TokenFailed, TokenSource
from collector.forward.unreachable import advise, explain, never_sent, was_answered
from collector.otlp.write import to_json

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

Asked = TypeVar("Asked")

MOST_BYTES = 4 * 1024 * 1024 - 4096  # Catalyst takes less than 4 MiB, measured as sent
LEAST_BYTES = 64 * 1024
MOST_PLAIN_BYTES = 64 * 1024 * 1024
_MOST_ANSWER_BYTES = 4 * 1024 * 1024  # specification, "Response Size BodyLimits"
_TOTAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Tls:
    """How a destination proves who it is, and we to it; None is what the system trusts, and no certificate of ours."""

    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    verify: bool = True


@dataclass(slots=True)
class Destination:
    """Where batches go; built once, it remembers what the place turned out to take.

    `refine` says what of a request it gets, where it does not get all of it as it is.
    """

    name: str
    urls: Mapping[Signal, str]
    token: TokenSource
    signals: Collection[Signal]
    encoding: Encoding = Encoding.AUTO
    gzip: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    token_header: str = "authorization"
    token_scheme: str = "Bearer"
    limits: BodyLimits = field(default_factory=lambda: BodyLimits(MOST_BYTES, MOST_PLAIN_BYTES))
    merge_bytes: int = 2 * 1024 * 1024
    refine: Refine | None = None
    tls: Tls = field(default_factory=Tls)
    total_seconds: float = _TOTAL_SECONDS
    _protobuf: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._protobuf = self.encoding is Encoding.PROTOBUF

    @property
    def sends_protobuf(self) -> bool:
        return self._protobuf

    def encode(self, signal: Signal, data: bytes) -> tuple[bytes, int]:
        """The body for a serialized export request, as it is to be sent now, and its length before compression."""
        plain = data if self._protobuf else to_json(signal.request.FromString(data))
        return (igzip.compress(plain, compresslevel=1) if self.gzip else plain), len(plain)

    def change_encoding(self) -> bool:
        """Take the other encoding from now on; False when that is not allowed or was tried before."""
        if self.encoding is not Encoding.AUTO or self._protobuf:
            return False
        self._protobuf = True
        logger.info("destination %s does not read JSON: sending protobuf from now on", self.name)
        return True

    def take_less(self, sent: int, plain: int) -> None:
        """Remember that a body of `sent` bytes, `plain` before compression, was too large here."""
        if sent > LEAST_BYTES:
            self.limits = BodyLimits(max(min(self.limits.sent, sent // 2), LEAST_BYTES), self.limits.plain)
        else:
            self.limits = BodyLimits(self.limits.sent, max(min(self.limits.plain, plain // 2), LEAST_BYTES))

    async def send(self, client: httpx.AsyncClient, signal: Signal, body: bytes, hops: str) -> DestinationAnswer:
        """Post one body and tell what came of it, within one time for all of it.

        A token that is refused is fetched once more, and the body sent once more with another one.
        """
        answer = await self._send(client, signal, body, hops)
        if answer.answer == "HTTP 401" and await _in_own_thread(self.token.renew):
            answer = await self._send(client, signal, body, hops)
        return answer

    async def _send(self, client: httpx.AsyncClient, signal: Signal, body: bytes, hops: str) -> DestinationAnswer:
        import httpx

        status, received = 0, {}
        try:
            headers = await self._headers(hops)
            async with asyncio.timeout(self.total_seconds):
                async with client.stream("POST", self.urls[signal], content=body, headers=headers) as response:
                    status = response.status_code
                    received = {key.lower(): value for key, value in response.headers.items()}
                    answer = await _read(response)
                # A response and its stream hold each other, and so the sent body, until the garbage is collected.
                response.stream = httpx.ByteStream(b"")
            return judge(signal, status, received, answer, datetime.now(UTC))
        except TokenFailed as error:
            return Unreachable(str(error))
        except TimeoutError:
            if status:  # the answer is known, and only its body does not end
                return judge(signal, status, received, b"", datetime.now(UTC))
            return TryLater(f"no answer within {self.total_seconds:.0f} s")
        except Exception as error:  # aiohttp's own errors reach here too: each is told as what it is
            if never_sent(error):
                return Unreachable(explain(error), advise(error))
            return TryLater(explain(error), gives_up=was_answered(error))

    async def _headers(self, hops: str) -> dict[str, str]:
        """Built from configuration alone: nothing that a client sent is ever passed on."""
        headers = {
            "user-agent": f"opencode-collector/{__version__}",
            "accept-encoding": "gzip",
            **self.headers,
            "content-type": "application/x-protobuf" if self._protobuf else "application/json",
            HOP_HEADER: hops,
        }
        if self.gzip:
            headers["content-encoding"] = "gzip"
        token = self.token.token() if self.token.at_hand else await _in_own_thread(self.token.token)
        if token is not None:
            value = f"{self.token_scheme} {token.get_secret_value()}".strip()
            if any(not " " <= char <= "~" for char in value):
                raise TokenFailed("the token holds characters that no token has: copy it again")
            headers[self.token_header.lower()] = value
        return headers


async def _in_own_thread(ask: Callable[[], Asked]) -> Asked:
    """Ask for a token, which may take a minute, in a thread that nobody else needs and that no stop waits for.

    The event loop has few threads: one command that hangs would take them from every other destination, and the page.
    """
    done: Future[Asked] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(ask())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name="token", daemon=True).start()
    return await asyncio.wrap_future(done)


async def _read(response: httpx.Response) -> bytes:
    """Read an answer within bounds, also of what it decompresses to.

    Of one that is longer, is not whole or cannot be read the status alone is known: what was about to be said is lost,
    but nothing is sent again because of it.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async for part in response.aiter_raw():
            size += len(part)
            if size > _MOST_ANSWER_BYTES:
                return b""
            parts.append(part)
    except TimeoutError:
        raise
    except Exception:
        return b""
    raw = b"".join(parts)
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return raw
    if encoding != "gzip":
        return b""
    try:
        reader = zlib.decompressobj(wbits=31)
        plain = reader.decompress(raw, _MOST_ANSWER_BYTES)
        return b"" if reader.unconsumed_tail else plain
    except zlib.error:
        return b""
