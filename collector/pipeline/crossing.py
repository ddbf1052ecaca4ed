"""What crosses between the process that keeps and those that read and seal for it, as bytes (pure).

An unsealed request crosses only towards a process that seals; what comes back of it is a sealed batch. This is the one
place beside the seal that makes a `SealedBatch`: of the bytes that `pack_batch` made of one, in a process of our own.
Of events come back redacted facts; of a plugin's own lines, what they say of the plugin.
Values are packed by `marshal`, which runs nothing when it reads, as fits processes of one interpreter.
"""

from __future__ import annotations

import marshal
from collections import Counter
from dataclasses import fields
from operator import attrgetter

from collector.batch import ExportRequest, SealedBatch, Signal, SpanEntry
from collector.otlp.left_out import LeftOut
from collector.otlp.read import Decoded
from collector.pipeline.events import IntakeResult, RedactedFact

_entry = attrgetter(*(each.name for each in fields(SpanEntry)))


def pack_batch(batch: SealedBatch) -> bytes:
    spans = [_entry(span) for span in batch.spans]
    plain = (batch.data, batch.items, dict(batch.findings), spans, dict(batch.actions), batch.policy)
    return marshal.dumps((batch.signal.value, *plain))


def unpack_batch(packed: bytes) -> SealedBatch:
    signal, data, items, findings, spans, actions, policy = marshal.loads(packed)
    entries = tuple([SpanEntry(*span) for span in spans])
    return SealedBatch(Signal(signal), data, items, findings, entries, actions, policy)


def pack_events(taken: IntakeResult) -> bytes:
    rows = [(row.session, row.key, row.message, row.at, row.order, row.data) for row in taken.rows]
    counts = (dict(taken.unknown), dict(taken.actions))
    return marshal.dumps((taken.items, rows, taken.rejected, *counts, taken.hooks, taken.marks))


def unpack_events(packed: bytes) -> IntakeResult:
    items, rows, rejected, unknown, actions, hooks, marks = marshal.loads(packed)
    facts = [RedactedFact(*row) for row in rows]
    return IntakeResult(items, facts, rejected, Counter(unknown), Counter(actions), hooks, marks)


def pack_decoded(decoded: Decoded) -> bytes:
    left_out = decoded.left_out
    return marshal.dumps((decoded.request.SerializeToString(), dict(left_out.by_reason), left_out.places))


def unpack_decoded(signal: Signal, packed: bytes) -> Decoded:
    data, by_reason, places = marshal.loads(packed)
    request: ExportRequest = signal.request.FromString(data)
    return Decoded(request, LeftOut(Counter(by_reason), places))
