"""Content encodings undone within bounds: those that the OpenTelemetry Collector's exporters offer (pure).

Every decoder stops as soon as more than `most_bytes` come out, whatever a small body claims to hold.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import zstandard
from isal import isal_zlib

from collector.errors import BadRequest, TooLarge, UnsupportedMedia

_MOST_MEMBERS = 64
_MOST_ZSTD_WINDOW = 64 * 1024 * 1024
_SNAPPY_MAGIC = b"\xff\x06\x00\x00sNaPpY"
_SNAPPY_COMPRESSED, _SNAPPY_PLAIN, _SNAPPY_RESERVED = 0x00, 0x01, range(0x02, 0x80)
_MOST_SNAPPY_CHUNK = 65536


class _TooMuch(Exception):
    """More came out than may."""


class _Damaged(Exception):
    """This is not in the encoding, or ends too early."""


def decompress(data: bytes, encoding: str, most_bytes: int) -> bytes:
    """Undo a content-encoding.

    Raises `TooLarge` when more than `most_bytes` come out, `BadRequest` for damaged or cut data, and
    `UnsupportedMedia` for another encoding.
    """
    if encoding in ("", "identity"):
        return data
    decode = _DECODERS.get(encoding)
    if decode is None:
        raise UnsupportedMedia(f"this content-encoding is not read; use one of {', '.join(ENCODINGS)}")
    try:
        return decode(data, most_bytes)
    except _TooMuch:
        raise TooLarge(
            f"the body is larger than {most_bytes} bytes after decompression; send smaller batches"
        ) from None
    except (_Damaged, isal_zlib.error, zlib.error, zstandard.ZstdError):  # type: ignore[misc]  # isal has no types
        raise BadRequest(f"the body is not valid {encoding}") from None


def _gzip(data: bytes, most_bytes: int) -> bytes:
    return _inflate(data, 31, most_bytes)


def _deflate(data: bytes, most_bytes: int) -> bytes:
    """HTTP's "deflate" means zlib (RFC 9110, 8.4.1.2), but some clients send the bare stream."""
    is_zlib = len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return _inflate(data, 15 if is_zlib else -15, most_bytes)


def _zlib(data: bytes, most_bytes: int) -> bytes:
    return _inflate(data, 15, most_bytes)


def _inflate(data: bytes, wbits: int, most_bytes: int) -> bytes:
    """One stream, or of gzip several members one after the other; zeros after the last are padding (gzip's manual)."""
    parts: list[bytes] = []
    size = 0
    for _ in range(_MOST_MEMBERS):
        stream: Any = isal_zlib.decompressobj(wbits)
        part = stream.decompress(data, most_bytes + 1 - size)
        size += len(part)
        if size > most_bytes:
            raise _TooMuch
        if not stream.eof:
            raise _Damaged
        parts.append(part)
        data = stream.unused_data
        if not data or not data.strip(b"\0"):
            return parts[0] if len(parts) == 1 else b"".join(parts)
    raise _Damaged


def _zstd(data: bytes, most_bytes: int) -> bytes:
    reader = zstandard.ZstdDecompressor(max_window_size=_MOST_ZSTD_WINDOW).stream_reader(data, read_across_frames=True)
    out = reader.read(most_bytes + 1)
    if len(out) > most_bytes:
        raise _TooMuch
    if not out and data:
        raise _Damaged
    return out


def _snappy(data: bytes, most_bytes: int) -> bytes:
    """A raw block, or framed: exporters disagree about what HTTP's "snappy" means, and frames have a signature."""
    if data.startswith(_SNAPPY_MAGIC):
        return _framed_snappy(data, most_bytes)
    import cramjam  # only where someone sends it

    try:
        if cramjam.snappy.decompress_raw_len(data) > most_bytes:
            raise _TooMuch
        return bytes(cramjam.snappy.decompress_raw(data))
    except cramjam.DecompressionError:
        raise _Damaged from None


def _framed_snappy(data: bytes, most_bytes: int) -> bytes:
    """The framing format's chunks say how much they hold; what they hold cannot be more (framing_format.txt)."""
    import cramjam

    if not data.startswith(_SNAPPY_MAGIC):
        raise _Damaged
    try:
        at, size = 0, 0
        while at < len(data):
            kind, length = data[at], int.from_bytes(data[at + 1 : at + 4], "little")
            body = data[at + 8 : at + 4 + length]  # after a checksum of four bytes
            at += 4 + length
            if at > len(data) or kind in _SNAPPY_RESERVED:
                raise _Damaged
            if kind in (_SNAPPY_COMPRESSED, _SNAPPY_PLAIN):
                holds = len(body) if kind == _SNAPPY_PLAIN else cramjam.snappy.decompress_raw_len(body)
                if holds > _MOST_SNAPPY_CHUNK:
                    raise _Damaged
                size += holds
            if size > most_bytes:
                raise _TooMuch
        return bytes(cramjam.snappy.decompress(data))
    except cramjam.DecompressionError:
        raise _Damaged from None


def _lz4(data: bytes, most_bytes: int) -> bytes:
    """Frames, one after the other."""
    import lz4.frame

    parts: list[bytes] = []
    size = 0
    try:
        for _ in range(_MOST_MEMBERS):
            frame = lz4.frame.LZ4FrameDecompressor()
            part = frame.decompress(data, max_length=most_bytes + 1 - size)
            size += len(part)
            if size > most_bytes:
                raise _TooMuch
            if not frame.eof:
                raise _Damaged
            parts.append(part)
            data = frame.unused_data or b""
            if not data:
                return b"".join(parts)
    except (RuntimeError, EOFError):
        raise _Damaged from None
    raise _Damaged


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,  # RFC 9110, 8.4.1.3
    "deflate": _deflate,
    "zlib": _zlib,
    "zstd": _zstd,
    "snappy": _snappy,
    "x-snappy-framed": _framed_snappy,
    "lz4": _lz4,
}

ENCODINGS = ("identity", *_DECODERS)
