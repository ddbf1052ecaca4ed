"""One place to send to: address, encoding, compression, headers and token, over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from isal import igzip

from collector import __version__
from collector.enums import HOP_HEADER, Encoding, Signal
from collector.forward.outcome import Outcome, Retry, judge
from collector.forward.tokens import TokenSource
from collector.otlp.write import to_json

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

MOST_BYTES = 4 * 1024 * 1024 - 4096  # Catalyst takes less than 4 MiB, measured as sent
LEAST_BYTES = 64 * 1024
_MAX_ANSWER_BYTES = 4 * 1024 * 1024  # specification, "Response Size Limits"


@dataclass(slots=True)
class Destination:
    """Where batches go; built once, it remembers what the place turned out to take."""

    name: str
    urls: Mapping[Signal, str]
    token: TokenSource
    signals: Collection[Signal]
    encoding: Encoding = Encoding.AUTO
    gzip: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    most_bytes: int = MOST_BYTES
    _protobuf: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._protobuf = self.encoding is Encoding.PROTOBUF

    @property
    def sends_protobuf(self) -> bool:
        return self._protobuf

    def encode(self, signal: Signal, data: bytes) -> bytes:
        """The body for a serialized export request, as it is to be sent now."""
        plain = data if self._protobuf else to_json(signal.request.FromString(data))
        return igzip.compress(plain, compresslevel=1) if self.gzip else plain

    def change_encoding(self) -> bool:
        """Take the other encoding from now on; False when that is not allowed or was tried before."""
        if self.encoding is not Encoding.AUTO or self._protobuf:
            return False
        self._protobuf = True
        logger.info("destination %s does not read JSON: sending protobuf from now on", self.name)
        return True

    def take_less(self, refused_bytes: int) -> None:
        """Remember that a body of `refused_bytes` was too large here."""
        self.most_bytes = max(min(self.most_bytes, refused_bytes // 2), LEAST_BYTES)

    def headers_for(self, hops: str) -> dict[str, str]:
        """Built from configuration alone: nothing that a client sent is ever passed on."""
        headers = {
            "user-agent": f"opencode-collector/{__version__}",
            **self.headers,
            "content-type": "application/x-protobuf" if self._protobuf else "application/json",
            HOP_HEADER: hops,
        }
        if self.gzip:
            headers["content-encoding"] = "gzip"
        token = self.token.token()
        if token is not None:
            headers["authorization"] = f"Bearer {token.get_secret_value()}"
        return headers

    async def send(self, client: httpx.AsyncClient, signal: Signal, body: bytes, hops: str) -> Outcome:
        """Post one body and tell what came of it; a connection that fails is a `Retry`."""
        import httpx

        try:
            async with client.stream(
                "POST", self.urls[signal], content=body, headers=self.headers_for(hops)
            ) as response:
                answer = await _read(response)
                headers = {key.lower(): value for key, value in response.headers.items()}
            # A response and its stream hold each other, and so the body that was sent, until the garbage is collected.
            response.stream = httpx.ByteStream(b"")
            return judge(signal, response.status_code, headers, answer, datetime.now(UTC))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            return Retry(f"no answer ({type(error).__name__})")


async def _read(response: httpx.Response) -> bytes:
    """Read an answer within bounds; a longer one is not parsed, and what it was about is not sent again."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > _MAX_ANSWER_BYTES:
            return b""
        parts.append(part)
    return b"".join(parts)
