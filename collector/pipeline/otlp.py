"""The stages between the OTLP receiver and the store, in order (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from collector.batch import ExportRequest, SealedBatch, Signal
from collector.otlp.envelope import prune
from collector.otlp.left_out import OTHER_SERVICE, LeftOut
from collector.otlp.read import decode
from collector.otlp.selection import drop_other_services
from collector.pipeline.sift import npm_marks
from collector.redact.seal import Sealer, SealerSource
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


Sift = Callable[[ExportRequest], Mapping[str, int]]
"""Takes out of a request what is not wanted; says how many items, by reason."""


class Pipeline:
    """decode ─> sift ─> reshape ─> redact, for one request at a time.

    Reshaping comes before redaction, which must see the text that leaves. Of other than the allowed `services`, where
    any are given, nothing is taken.
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
        decoded = decode(signal, body, content_type)
        if self._services:
            decoded.left_out.add(OTHER_SERVICE, drop_other_services(decoded.request, self._services))
        dropped = Counter(self._sift(decoded.request))
        marks = npm_marks(decoded.request)
        reshaped = self._reshaper.reshape(decoded.request)
        if reshaped.dropped:
            dropped[INTERNAL] += reshaped.dropped
        prune(decoded.request)
        sealer = self._sealers()
        batch = sealer.seal(signal, decoded.request)
        late = sealer.seal(Signal.TRACES, reshaped.late) if reshaped.late is not None else None
        held = _seal_held(sealer, reshaped.held) if reshaped.held is not None else None
        if marks and batch.items:
            batch = replace(batch, marks=marks)
        elif marks and held is not None:
            held = replace(held, batch=replace(held.batch, marks=marks))
        return Processed(
            batch if batch.items else None,
            decoded.left_out,
            dropped,
            late,
            reshaped.failed,
            held,
            [_seal_held(sealer, held) for held in reshaped.completed],
        )


def _seal_held(sealer: Sealer, held: HeldRequest) -> HeldBatch:
    prune(held.request)

    def uncounted() -> SealedBatch | None:
        drop_counted(held.request)
        batch = sealer.seal(Signal.TRACES, held.request)
        return batch if batch.items else None

    return HeldBatch(held.number, sealer.seal(Signal.TRACES, held.request), uncounted)
