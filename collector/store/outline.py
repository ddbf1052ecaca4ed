"""Where spans are kept and what the lists tell of them: enough to choose which to read (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.envelope import select_spans


class OutlinedSpan(NamedTuple):
    """A kept span without its content; `size` is what a span of its batch takes in the mean (bytes)."""

    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    tool: str
    start_ns: int
    end_ns: int
    failed: int
    tokens: int
    cost: float
    batch_id: int
    size: int


OUTLINED = (
    "s.trace_id, s.span_id, s.parent_id, s.kind, s.tool, s.start_ns, s.end_ns, s.error, s.tokens, s.cost, s.batch_id,"
    " b.bytes / CASE WHEN b.items > 0 THEN b.items ELSE 1 END"
)
"""The columns of an `OutlinedSpan`, of spans `s` with their batches `b`."""


def requests_of(
    spans: Iterable[OutlinedSpan], data_of: Callable[[int], Iterable[bytes]]
) -> Iterator[ExportTraceServiceRequest]:
    """These spans in the requests they are kept in; `data_of` gives a batch by its number, nothing where it is gone."""
    by_batch: dict[int, set[tuple[bytes, bytes]]] = defaultdict(set)
    for span in spans:
        by_batch[span.batch_id].add((bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)))
    for number, ids in sorted(by_batch.items()):
        for data in data_of(number):
            yield select_spans(ExportTraceServiceRequest.FromString(data), ids)
