"""Telemetry to bodies that a destination takes: split where they are too large (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from collector.batch import ExportRequest, Signal, count_items
from collector.otlp.envelope import halves

Encode = Callable[[Signal, bytes], bytes]
"""Turns a serialized export request into the body of a POST."""

_SMALLEST_VALUE = 512


@dataclass(frozen=True, slots=True)
class Part:
    """One POST: the telemetry as protobuf, and its body; None when no body can be small enough."""

    data: bytes
    body: bytes | None


def parts(signal: Signal, data: bytes, encode: Encode, most_bytes: int) -> Iterator[Part]:
    """Encode `data` into bodies of at most `most_bytes`, halving it as often as needed.

    The largest values of a single item that is too large are cut, with a marker that tells their size.
    """
    body = encode(signal, data)
    if len(body) <= most_bytes:
        yield Part(data, body)
        return
    request = signal.request.FromString(data)
    if count_items(request) > 1:
        for half in halves(request):
            yield from parts(signal, half.SerializeToString(), encode, most_bytes)
    else:
        yield _cut_to_fit(signal, request, encode, most_bytes)


def items_in(signal: Signal, data: bytes) -> int:
    """Count the spans, log records or data points in `data`."""
    return count_items(signal.request.FromString(data))


def _cut_to_fit(signal: Signal, request: ExportRequest, encode: Encode, most_bytes: int) -> Part:
    """Cut the longest values first, to half their length at a time, until the item fits."""
    values = sorted(_values(request), key=_size, reverse=True)
    sizes = [_size(value) for value in values]
    limit = sizes[0] // 2 if sizes else 0
    while limit >= _SMALLEST_VALUE:
        for value, size in zip(values, sizes, strict=True):
            if size <= limit:
                break
            kept = value.string_value.encode()[:limit].decode("utf-8", "ignore")
            value.string_value = f"{kept}[CUT from {size} B]"
        data = request.SerializeToString()
        body = encode(signal, data)
        if len(body) <= most_bytes:
            return Part(data, body)
        limit //= 2
    return Part(request.SerializeToString(), None)


def _size(value: Any) -> int:
    return len(value.string_value.encode())


def _values(message: Any) -> Iterator[Any]:
    """Every string value anywhere in `message`."""
    if isinstance(message, AnyValue) and message.WhichOneof("value") == "string_value":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for child in value if field.is_repeated else (value,):
            yield from _values(child)
