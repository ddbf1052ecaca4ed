"""The stages between the door and the store, in order (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import ExportRequest, SealedBatch, Signal
from collector.decode import Rejected, decode
from collector.redact import Sealer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one request became: a sealed batch (none when nothing was left), and what was left out."""

    batch: SealedBatch | None
    rejected: Rejected
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Items left out on purpose, by reason: no fault of the sender's, who is not told."""


Sift = Callable[[ExportRequest], Mapping[str, int]]
"""Takes out of a request what is not wanted; says how many items, by reason."""


class Pipeline:
    """decode ─> sift ─> redact, for one request at a time."""

    def __init__(self, sealer: Sealer, sift: Sift = lambda _: {}) -> None:
        self._sealer = sealer
        self._sift = sift

    def run(self, signal: Signal, body: bytes, content_type: str) -> Outcome:
        """Turn a request body into what may be kept; raises `BadRequest` when it cannot be read."""
        decoded = decode(signal, body, content_type)
        dropped = self._sift(decoded.request)
        prune(decoded.request)
        batch = self._sealer.seal(signal, decoded.request)
        return Outcome(batch if batch.items else None, decoded.rejected, dropped)


def prune(request: ExportRequest) -> None:
    """Drop empty envelopes: senders should not create them (specification, "Empty Telemetry Envelopes")."""
    if isinstance(request, ExportTraceServiceRequest):
        _prune(request.resource_spans, "scope_spans", "spans")
    elif isinstance(request, ExportLogsServiceRequest):
        _prune(request.resource_logs, "scope_logs", "log_records")
    else:
        _prune(request.resource_metrics, "scope_metrics", "metrics")


def _prune(resources: Any, scopes_field: str, items_field: str) -> None:
    for resource in resources:
        scopes = getattr(resource, scopes_field)
        _keep_only(scopes, [bool(getattr(scope, items_field)) for scope in scopes])
    _keep_only(resources, [bool(getattr(resource, scopes_field)) for resource in resources])


def _keep_only(items: Any, wanted: list[bool]) -> None:
    for index in reversed(range(len(wanted))):
        if not wanted[index]:
            del items[index]
