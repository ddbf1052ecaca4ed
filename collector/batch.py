"""The types that flow: an `ExportRequest` may hold secrets, a `SealedBatch` cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from collector.enums import Signal as Signal

ExportRequest = ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest


@dataclass(slots=True)  # frozen, it takes four times as long to make
class SpanEntry:
    """What the local store lists of one redacted span, never changed; times in nanoseconds since the epoch.

    `title`, `directory`, `agent`, `prompt` and `failure` are of its session, where the span tells them.
    """

    trace_id: str
    span_id: str
    parent_id: str
    session_id: str
    service: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    error: bool
    model: str
    tokens: int
    cost: float
    tool: str = ""
    title: str = ""
    directory: str = ""
    agent: str = ""
    prompt: str = ""
    failure: str = ""


@dataclass(slots=True)
class Passage:
    """Attributes that many spans repeat, as the bytes of a span that has only these `count`."""

    data: bytes
    count: int


class PassageRun:
    """Passages in a row, which grows at its end: spans have beginnings of it.

    What a sealer made of them is the sealer's to note (`redact.passages`).
    """

    __slots__ = ("_counts", "_sizes", "passages", "sealed")

    def __init__(self, passages: Iterable[Passage] = ()) -> None:
        self.passages: list[Passage] = []
        self._sizes, self._counts = [0], [0]
        self.sealed: Any = None
        self.extend(passages)

    def extend(self, passages: Iterable[Passage]) -> None:
        for passage in passages:
            self.passages.append(passage)
            self._sizes.append(self._sizes[-1] + len(passage.data))
            self._counts.append(self._counts[-1] + passage.count)

    def whole(self) -> Beginning:
        """All there is by now."""
        return Beginning(self, len(self.passages))

    def size(self, length: int) -> int:
        """Bytes of the first `length`."""
        return self._sizes[length]

    def count(self, length: int) -> int:
        """Attributes of the first `length`."""
        return self._counts[length]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first `length` passages of a run."""

    run: PassageRun
    length: int

    @property
    def size(self) -> int:
        return self.run.size(self.length)

    @property
    def count(self) -> int:
        return self.run.count(self.length)

    def data(self) -> bytes:
        return b"".join([passage.data for passage in self.run.passages[: self.length]])


Passages = Mapping[bytes, Sequence[Beginning]]
"""By the id of a span, the passages that it has beside its own attributes."""


class SealedRun:
    """Redacted attributes in a row, as bytes, which grows at its end: spans have beginnings of it.

    Where a store keeps it is the store's to note.
    """

    __slots__ = ("_sizes", "kept", "parts")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._sizes = [0]
        self.kept: Any = None

    def append(self, part: bytes) -> None:
        self.parts.append(part)
        self._sizes.append(self._sizes[-1] + len(part))

    def size(self, length: int) -> int:
        """Bytes of the first `length` parts."""
        return self._sizes[length]


@dataclass(frozen=True, slots=True)
class SealedBeginning:
    """The first `length` parts of a run; as long as their bytes."""

    run: SealedRun
    length: int

    def __len__(self) -> int:
        return self.run.size(self.length)

    @property
    def parts(self) -> list[bytes]:
        return self.run.parts[: self.length]


SealedPassages = Mapping[bytes, Sequence[SealedBeginning]]
"""By the id of a span, what stands behind its own attributes."""


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """Redacted telemetry: the serialized export request, how many items it holds, and findings by rule.

    `actions` counts them by rule and action; `policy` is the fingerprint of the policy it was sealed under. `marks` are
    hashes by which the store knows again what the batch tells (`assemble.marks`). What its spans have in common with
    those of other batches is `shared`: `own` is the request without it, `pieces` put together are all of the request.
    """

    signal: Signal
    own: bytes
    items: int
    findings: Mapping[str, int] = field(default_factory=dict)
    spans: tuple[SpanEntry, ...] = ()
    actions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    policy: str = ""
    marks: tuple[bytes, ...] = ()
    shared: SealedPassages = field(default_factory=dict)
    pieces: Sequence[bytes | SealedBeginning] = ()

    @property
    def data(self) -> bytes:
        """All of the request; put together each time where something of it is shared."""
        if not self.shared:
            return self.own
        parts: list[bytes] = []
        for piece in self.pieces:
            if isinstance(piece, SealedBeginning):
                parts += piece.parts
            else:
                parts.append(piece)
        return b"".join(parts)

    @property
    def size(self) -> int:
        """Bytes of all of the request."""
        return sum(map(len, self.pieces)) if self.shared else len(self.own)


def count_items(request: ExportRequest) -> int:
    """Count spans, log records or data points, whichever the request holds."""
    if isinstance(request, ExportTraceServiceRequest):
        return sum(len(scope.spans) for rs in request.resource_spans for scope in rs.scope_spans)
    if isinstance(request, ExportLogsServiceRequest):
        return sum(len(scope.log_records) for rl in request.resource_logs for scope in rl.scope_logs)
    return sum(
        len(data_points(metric))
        for rm in request.resource_metrics
        for scope in rm.scope_metrics
        for metric in scope.metrics
    )


def data_points(metric: Metric) -> Sequence[Any]:
    """The data points of `metric`, of whichever kind it is."""
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()
