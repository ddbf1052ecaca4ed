"""The one way from an `ExportRequest` to bytes that may be kept, shown and sent."""

from __future__ import annotations

from collections import Counter

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import ExportRequest, SealedBatch, Signal, count_items
from collector.redact.content import ContentLevel, keep_metadata
from collector.redact.engine import Engine
from collector.redact.entries import entries
from collector.redact.strings import collect

_MOST_KNOWN_KEYS = 10_000
_LONGEST_KNOWN_KEY = 100


class Sealer:
    """Redacts export requests under one content level; not safe to share between threads."""

    def __init__(self, level: ContentLevel = ContentLevel.MASK, engine: Engine | None = None) -> None:
        self._level = level
        self._engine = engine or Engine()
        self._known_keys: set[str] = set()

    def seal(self, signal: Signal, request: ExportRequest) -> SealedBatch:
        """Redact `request` in place and return it as a `SealedBatch`.

        Fields that this version of OTLP does not know are discarded, since no rule could look at them.
        """
        findings: Counter[str] = Counter()
        request.DiscardUnknownFields()
        if self._level is ContentLevel.METADATA:
            keep_metadata(request, findings)
        texts = collect(request, self._known_keys)
        findings.update(texts.replaced)
        changed = self._engine.mask(texts.texts, findings)
        for index, text in changed.items():
            texts.put(index, text)
        self._remember_keys(texts.texts, texts.slots, changed)
        return SealedBatch(
            signal=signal,
            data=request.SerializeToString(),
            items=count_items(request),
            findings=dict(findings),
            spans=entries(request) if isinstance(request, ExportTraceServiceRequest) else (),
        )

    def _remember_keys(self, texts: list[str], slots: list[tuple[object, str, int]], changed: dict[int, str]) -> None:
        """Attribute keys are few and repeat in every span: one that was found clean is not read again."""
        known = self._known_keys
        for index, (_, field, _at) in enumerate(slots):
            if field == "key" and index not in changed and len(texts[index]) <= _LONGEST_KNOWN_KEY:
                if len(known) >= _MOST_KNOWN_KEYS:
                    return
                known.add(texts[index])
