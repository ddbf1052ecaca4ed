"""The stages between the OTLP receiver and the store, in order (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import ExportRequest, SealedBatch, Signal
from collector.otlp.envelope import prune
from collector.otlp.left_out import OTHER_SERVICE, LeftOut
from collector.otlp.read import Decoded, decode
from collector.otlp.selection import drop_other_services
from collector.pipeline.sift import npm_marks
from collector.redact.seal import SealerSource
from collector.reshape.request_spans import drop_counted
from collector.reshape.stage import INTERNAL, HeldRequest, Reshaper


@dataclass(frozen=True, slots=True)
class HeldBatch:
    """Spans of which more may come soon, by the number of the held request: sealed as they are known now."""

    number: int
    batch: SealedBatch
    uncounted: Callable[[], SealedBatch | None] = lambda: None
    """Those of its spans that count no tokens, which may be sent once more when the others were sent too early."""


@dataclass(frozen=True, slots=True)
class Processed:
    """What one request became: a sealed batch (none when nothing was left), and what was left out.

    `failed` counts spans that left as they came, because their convention failed on them, by convention.
    """

    batch: SealedBatch | None
    left_out: LeftOut
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Items left out on purpose, by reason: no fault of the sender's, who is not told."""
    late: SealedBatch | None = None
    """Spans of an earlier request that was not held, complete now."""
    failed: Mapping[str, int] = field(default_factory=dict)
    held: HeldBatch | None = None
    """Spans of this request that are to be sent a little later than the others."""
    completed: Sequence[HeldBatch] = ()
    """Held spans of earlier requests, to be sent in place of what was known of them before."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is still to be sealed, in parts: what comes of it at once, then as in `Processed`."""

    signal: Signal
    request: ExportRequest
    left_out: LeftOut
    dropped: Mapping[str, int]
    late: ExportTraceServiceRequest | None
    failed: Mapping[str, int]
    held: HeldRequest | None
    completed: Sequence[HeldRequest]
    marks: tuple[bytes, ...] = ()

    @property
    def parts(self) -> list[tuple[Signal, ExportRequest]]:
        """What is sealed, each by itself, in the order that `Pipeline.sealed` takes."""
        spans = [self.late] if self.late is not None else []
        spans += [held.request for held in (*filter(None, (self.held,)), *self.completed)]
        return [(self.signal, self.request), *((Signal.TRACES, each) for each in spans)]


Sift = Callable[[ExportRequest], Mapping[str, int]]
"""Takes out of a request what is not wanted; says how many items, by reason."""


class Pipeline:
    """decode ─> sift ─> reshape ─> redact, for one request at a time.

    Reshaping comes before redaction, which must see the text that leaves. Of other than the allowed `services`, where
    any are given, nothing is taken. What is remembered between requests is all before redaction, so that the parts of a
    prepared request may be sealed anywhere.
    """

    def __init__(
        self,
        sealers: SealerSource,
        *,
        reshaper: Reshaper | None = None,
        sift: Sift = lambda _: {},
        services: Sequence[str] = (),
    ) -> None:
        self._services = services
        self._sealers = sealers
        self._reshaper = reshaper or Reshaper()
        self._sift = sift

    def run(self, signal: Signal, body: bytes, content_type: str) -> Processed:
        """Turn a request body into what may be kept; raises `BadRequest` when it cannot be read."""
        prepared = self.prepare(signal, decode(signal, body, content_type))
        sealer = self._sealers()
        return self.sealed(prepared, [sealer.seal(*part) for part in prepared.parts])

    def prepare(self, signal: Signal, decoded: Decoded) -> Prepared:
        """All that comes before redaction."""
        request = decoded.request
        if self._services:
            decoded.left_out.add(OTHER_SERVICE, drop_other_services(request, self._services))
        dropped = Counter(self._sift(request))
        marks = npm_marks(request)
        reshaped = self._reshaper.reshape(request)
        if reshaped.dropped:
            dropped[INTERNAL] += reshaped.dropped
        prune(request)
        for each in (*filter(None, (reshaped.held,)), *reshaped.completed):
            prune(each.request)
        late, failed = reshaped.late, reshaped.failed
        held, completed = reshaped.held, reshaped.completed
        return Prepared(signal, request, decoded.left_out, dropped, late, failed, held, completed, marks)

    def sealed(self, prepared: Prepared, batches: Sequence[SealedBatch]) -> Processed:
        """What a request became whose `parts` were sealed as `batches`."""
        rest = iter(batches)
        batch = next(rest)
        late = next(rest) if prepared.late is not None else None
        held = self._held(prepared.held, next(rest)) if prepared.held is not None else None
        completed = [self._held(each, next(rest)) for each in prepared.completed]
        if prepared.marks and batch.items:
            batch = replace(batch, marks=prepared.marks)
        elif prepared.marks and held is not None:
            held = replace(held, batch=replace(held.batch, marks=prepared.marks))
        return Processed(
            batch if batch.items else None, prepared.left_out, prepared.dropped, late, prepared.failed, held, completed
        )

    def _held(self, held: HeldRequest, batch: SealedBatch) -> HeldBatch:
        def uncounted() -> SealedBatch | None:
            request = ExportTraceServiceRequest.FromString(batch.data)
            drop_counted(request)
            again = self._sealers().reseal(Signal.TRACES, request.SerializeToString())
            return again if again.items else None

        return HeldBatch(held.number, batch, uncounted)
