"""Passages: attributes that many spans repeat, read once under a policy instead of in every span.

Each call to a model repeats the conversation before it, up to 2 MiB. A passage that was sealed by itself and came out
as it went in would do so in every span: only rules about the item it stands in could treat it otherwise, and under a
policy with such rules nothing is shared. A passage of which anything changes is read in each span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import ExportRequest, Passage, Passages, Signal
from collector.policy.model import ContentLevel, Place, Policy
from collector.redact.otlp.strings import Texts
from collector.redact.report import Tally

_AT_ONCE = 256
"""Passages that are read together: some hundred KiB of a conversation."""

Mask = Callable[[ExportTraceServiceRequest, Tally], Texts]


class PassageReader:
    """Knows which passages a policy leaves as they are; `mask` masks a request under it."""

    def __init__(self, policy: Policy, mask: Mask) -> None:
        self._mask = mask
        self._most = policy.limits.max_attributes
        self._can_share = policy.level_of(Signal.TRACES) is ContentLevel.MASK and not any(
            rule.where.by_item
            for rule in policy.fields
            if Signal.TRACES in rule.where.signals and Place.ATTR in rule.places
        )
        self._mark = object()

    def shared(self, request: ExportTraceServiceRequest, passages: Passages) -> dict[bytes, list[bytes]]:
        """What is put behind spans as it is, by their ids; what else `passages` hold is put into those of `request`."""
        if self._can_share:
            self._read([each for those in passages.values() for each in those if each.read_by is not self._mark])
        shared: dict[bytes, list[bytes]] = {}
        for span in _spans_of(request):
            those = passages.get(span.span_id, ())
            can_share = self._can_share and len(span.attributes) + sum([each.count for each in those]) <= self._most
            if clean := [each.data for each in those if each.is_clean] if can_share else []:
                shared[span.span_id] = clean
            if len(clean) < len(those):
                span.MergeFromString(b"".join([each.data for each in those if not (can_share and each.is_clean)]))
        return shared

    def _read(self, passages: Sequence[Passage]) -> None:
        for start in range(0, len(passages), _AT_ONCE):
            some = passages[start : start + _AT_ONCE]
            request = ExportTraceServiceRequest()
            spans = request.resource_spans.add().scope_spans.add().spans
            for each in some:
                spans.add().MergeFromString(each.data)
            texts = self._mask(request, Tally())
            for each, span, listed in zip(some, spans, texts.listed, strict=True):
                each.read_by = self._mark
                each.is_clean = not listed and span.SerializeToString() == each.data


def put_back(request: ExportRequest, shared: dict[bytes, list[bytes]]) -> None:
    """Put all of `shared` into the spans of `request`, to be treated as these are."""
    for span in _spans_of(request) if shared and isinstance(request, ExportTraceServiceRequest) else ():
        span.MergeFromString(b"".join(shared.pop(span.span_id, ())))


def _spans_of(request: ExportTraceServiceRequest) -> Iterable[Span]:
    return (span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans)


# ---- put together as bytes: a large span is neither read nor written anew

_RESOURCE_SPANS, _SCOPE_SPANS, _SPANS = b"\x0a", b"\x12", b"\x12"
"""The tags of these fields, of length and bytes (opentelemetry/proto/trace/v1/trace.proto)."""


def serialized(request: ExportRequest, shared: Mapping[bytes, list[bytes]]) -> bytes:
    """`request` with `shared` behind the attributes of its spans: protobuf joins repeated fields that way."""
    if not (shared and isinstance(request, ExportTraceServiceRequest)):
        return request.SerializeToString()
    parts: list[bytes] = []
    for resource in request.resource_spans:
        scopes: list[bytes] = [_without(resource, "scope_spans")]
        for scope in resource.scope_spans:
            spans: list[bytes] = [_without(scope, "spans")]
            for span in scope.spans:
                _add(spans, _SPANS, [span.SerializeToString(), *shared.get(span.span_id, ())])
            _add(scopes, _SCOPE_SPANS, spans)
        _add(parts, _RESOURCE_SPANS, scopes)
    return b"".join(parts)


def _add(parts: list[bytes], tag: bytes, content: list[bytes]) -> None:
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
