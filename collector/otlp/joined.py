"""Requests put together as bytes with what their spans share: a large span is neither read nor written anew (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_RESOURCE_SPANS, _SCOPE_SPANS, _SPANS = b"\x0a", b"\x12", b"\x12"
"""The tags of these fields, of length and bytes (opentelemetry/proto/trace/v1/trace.proto)."""


class Sized(Protocol):
    """Bytes, or what stands for as many."""

    def __len__(self) -> int: ...


Shared = TypeVar("Shared", bound=Sized)


def joined(request: ExportTraceServiceRequest, shared: Mapping[bytes, Sequence[Shared]]) -> list[bytes | Shared]:
    """`request` in pieces, `shared` behind the attributes of its spans: protobuf joins repeated fields that way."""
    parts: list[bytes | Shared] = []
    for resource in request.resource_spans:
        scopes: list[bytes | Shared] = [_without(resource, "scope_spans")]
        for scope in resource.scope_spans:
            spans: list[bytes | Shared] = [_without(scope, "spans")]
            for span in scope.spans:
                _add(spans, _SPANS, [span.SerializeToString(), *shared.get(span.span_id, ())])
            _add(scopes, _SCOPE_SPANS, spans)
        _add(parts, _RESOURCE_SPANS, scopes)
    return parts


def _add(parts: list[bytes | Shared], tag: bytes, content: Sequence[bytes | Shared]) -> None:
    parts.append(tag + _varint(sum(map(len, content))))
    parts += content


def _without(message: Any, field: str) -> bytes:
    """All of a message but one of its fields."""
    rest = type(message)(**{found.name: value for found, value in message.ListFields() if found.name != field})
    return bytes(rest.SerializeToString())


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
