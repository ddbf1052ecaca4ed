"""Leased ranges to one body that the destination takes: merged, filtered, split where they are too large (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from collector.batch import ExportRequest, count_items
from collector.enums import Signal
from collector.otlp.envelope import take_range
from collector.store.entries import Leased

Encode = Callable[[Signal, bytes], tuple[bytes, int]]
"""Turns a serialized export request into the body of a POST, and says how long it was before compression."""

Refine = Callable[[Signal, bytes], tuple[bytes, Mapping[str, int]]]
"""What of a serialized request a destination gets: filtered, sealed tighter; and how many items not, by reason."""

_SMALLEST_VALUE = 512


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The largest body a destination is sent: as sent, and before compression."""

    sent: int
    plain: int


@dataclass(slots=True)
class RequestBody:
    """One POST for `ranges`; of each, `dropped` says how many items are left out on purpose, by reason.

    `content` is None where there is nothing to send: all is left out, or (`too_large`) even one range is too large.
    """

    ranges: list[Leased]
    content: bytes | None = None
    plain: int = 0
    dropped: dict[int, Mapping[str, int]] = field(default_factory=dict)
    too_large: bool = False


def make_body(
    signal: Signal, ranges: Sequence[Leased], encode: Encode, limits: BodyLimits, refine: Refine | None = None
) -> RequestBody:
    """Encode as many of `ranges`, from the first on, as fit `limits`.

    The largest values of a single item that is too large, or was refused as too large before, are cut, with a marker
    that tells their size.
    """
    parts: list[bytes] = []
    body = RequestBody([])
    for each in ranges:
        data = _cut_out(signal, each)
        dropped: Mapping[str, int] = {}
        if refine is not None:
            data, dropped = refine(signal, data)
        parts.append(data)
        body.ranges.append(each)
        body.dropped[each.id] = dropped
    while True:
        data = b"".join(parts)
        if not data:
            return body
        content, plain = encode(signal, data)
        single = len(parts) == 1
        shrinks = body.ranges[0].shrinks if single and body.ranges[0].items == 1 else 0
        if len(content) <= limits.sent and plain <= limits.plain and not shrinks:
            body.content, body.plain = content, plain
            return body
        if single:
            if body.ranges[0].items > 1:
                body.too_large = True
                return body
            most = BodyLimits(limits.sent, min(limits.plain, plain >> shrinks))
            found = _cut_to_fit(signal, data, encode, most)
            body.too_large = found is None
            if found is not None:
                body.content, body.plain = found
            return body
        kept = len(parts) // 2
        for left in body.ranges[kept:]:
            del body.dropped[left.id]
        del parts[kept:], body.ranges[kept:]


def _cut_out(signal: Signal, each: Leased) -> bytes:
    if each.items == each.of_items:
        return each.data
    return take_range(signal.request.FromString(each.data), each.first, each.items).SerializeToString()


def items_in(signal: Signal, data: bytes) -> int:
    """Count the spans, log records or data points in `data`."""
    return count_items(signal.request.FromString(data))


def _cut_to_fit(signal: Signal, data: bytes, encode: Encode, most: BodyLimits) -> tuple[bytes, int] | None:
    """Cut the longest values first, to half their length at a time, until the item fits; None when it never does."""
    request: ExportRequest = signal.request.FromString(data)
    values = sorted(_values(request), key=_size, reverse=True)
    sizes = [_size(value) for value in values]
    limit = sizes[0] // 2 if sizes else 0
    while limit >= _SMALLEST_VALUE:
        for value, size in zip(values, sizes, strict=True):
            if size <= limit:
                break
            kept = value.string_value.encode()[:limit].decode("utf-8", "ignore")
            value.string_value = f"{kept}[CUT from {size} B]"
        content, plain = encode(signal, request.SerializeToString())
        if len(content) <= most.sent and plain <= most.plain:
            return content, plain
        limit //= 2
    return None


def _size(value: Any) -> int:
    return len(value.string_value.encode())


def _values(message: Any) -> Iterator[Any]:
    """Every string value anywhere in `message`."""
    if isinstance(message, AnyValue) and message.WhichOneof("value") == "string_value":
        yield message
        return
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for child in value if descriptor.is_repeated else (value,):
            yield from _values(child)
