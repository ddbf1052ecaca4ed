"""How much is taken at once: of one body, before and after decompression, and of all bodies together."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import zstandard
from isal import isal_zlib

from collector.errors import BadRequest, Busy, TooLarge, UnsupportedMedia

ENCODINGS = ("identity", "gzip", "deflate", "zstd")

_MOST_MEMBERS = 64
_MOST_ZSTD_WINDOW = 64 * 1024 * 1024


class Budget:
    """Bytes of requests under way; more than `most_bytes` at once is refused with `Busy`."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self.used = 0

    @contextmanager
    def request(self) -> Iterator[Reservation]:
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.used -= reservation.held

    def reserve(self, size: int) -> None:
        if self.used and self.used + size > self._most:
            raise Busy("too much telemetry is under way at once", retry_after=1)
        self.used += size


class Reservation:
    """What one request holds of the budget."""

    __slots__ = ("_budget", "held")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.held = 0

    def add(self, size: int) -> None:
        self._budget.reserve(size)
        self.held += size


def decompress(data: bytes, encoding: str, most_bytes: int) -> bytes:
    """Undo a content-encoding; stops as soon as more than `most_bytes` come out.

    Raises `TooLarge`, `BadRequest` for damaged or cut data, `UnsupportedMedia` for another encoding.
    """
    if encoding in ("", "identity"):
        return data
    if encoding not in ENCODINGS:
        raise UnsupportedMedia(f"this content-encoding is not read; use one of {', '.join(ENCODINGS)}")
    try:
        if encoding == "zstd":
            return _zstd(data, most_bytes)
        if encoding == "gzip":
            return _inflate(data, 31, most_bytes)
        # "deflate" means zlib (RFC 9110, 8.4.1.2), but some clients send the bare stream
        return _inflate(data, 15 if _is_zlib(data) else -15, most_bytes)
    except (isal_zlib.error, zlib.error, zstandard.ZstdError, EOFError):  # type: ignore[misc]  # isal has no types
        raise BadRequest(f"the body is not valid {encoding}") from None


def _is_zlib(data: bytes) -> bool:
    return len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0


def _inflate(data: bytes, wbits: int, most_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for _ in range(_MOST_MEMBERS):  # gzip may hold several members one after the other
        stream: Any = isal_zlib.decompressobj(wbits)
        part = stream.decompress(data, most_bytes + 1 - size)
        size += len(part)
        if size > most_bytes:
            raise _too_large(most_bytes)
        if not stream.eof:
            raise EOFError
        parts.append(part)
        data = stream.unused_data
        if not data:
            return parts[0] if len(parts) == 1 else b"".join(parts)
    raise EOFError


def _zstd(data: bytes, most_bytes: int) -> bytes:
    reader = zstandard.ZstdDecompressor(max_window_size=_MOST_ZSTD_WINDOW).stream_reader(data, read_across_frames=True)
    out = reader.read(most_bytes + 1)
    if len(out) > most_bytes:
        raise _too_large(most_bytes)
    if not out and data:
        raise EOFError
    return out


def _too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"the body is larger than {most_bytes} bytes after decompression; send smaller batches")
