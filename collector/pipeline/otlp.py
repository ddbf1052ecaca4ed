"""The stages between the OTLP receiver and the store, in order (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from collector.batch import ExportRequest, SealedBatch, Signal
from collector.otlp.envelope import prune
from collector.otlp.left_out import LeftOut
from collector.otlp.read import decode
from collector.redact.seal import SealerSource
from collector.reshape.stage import INTERNAL, Reshaper


@dataclass(frozen=True, slots=True)
class Processed:
    """What one request became: a sealed batch (none when nothing was left), and what was left out.

    `late` are spans of an earlier request, complete now that the log records of this one have come;
    `failed` counts spans that left as they came, because their convention failed on them, by convention.
    """

    batch: SealedBatch | None
    left_out: LeftOut
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Items left out on purpose, by reason: no fault of the sender's, who is not told."""
    late: SealedBatch | None = None
    failed: Mapping[str, int] = field(default_factory=dict)


Sift = Callable[[ExportRequest], Mapping[str, int]]
"""Takes out of a request what is not wanted; says how many items, by reason."""


class Pipeline:
    """decode ─> sift ─> reshape ─> redact, for one request at a time.

    Reshaping comes before redaction, which must see the text that leaves.
    """

    def __init__(self, sealers: SealerSource, *, reshaper: Reshaper | None = None, sift: Sift = lambda _: {}) -> None:
        self._sealers = sealers
        self._reshaper = reshaper or Reshaper()
        self._sift = sift

    def run(self, signal: Signal, body: bytes, content_type: str) -> Processed:
        """Turn a request body into what may be kept; raises `BadRequest` when it cannot be read."""
        decoded = decode(signal, body, content_type)
        dropped = Counter(self._sift(decoded.request))
        reshaped = self._reshaper.reshape(decoded.request)
        if reshaped.dropped:
            dropped[INTERNAL] += reshaped.dropped
        prune(decoded.request)
        sealer = self._sealers()
        batch = sealer.seal(signal, decoded.request)
        late = sealer.seal(Signal.TRACES, reshaped.late) if reshaped.late is not None else None
        return Processed(batch if batch.items else None, decoded.left_out, dropped, late, reshaped.failed)
