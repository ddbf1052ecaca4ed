"""What each stage of the collector takes of one span's CPU, measured in this process with the payloads of the peers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from isal import igzip
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from payloads import SHAPES, fresh, payload

from collector.batch import Signal
from collector.otlp.write import to_json
from collector.redact.seal import Sealer

_ROUNDS = 7


class _NoEngine:
    """Finds nothing, at no cost: what is left of the seal is visiting and writing."""

    def find_all(self, texts: object) -> tuple[()]:
        return ()


def stages(shape: str) -> dict[str, float]:
    """CPU us a span by stage, medians; texts are new in each round, as the peers' are."""
    body = payload(shape)
    whole, blind = Sealer(), Sealer(engine=_NoEngine())  # type: ignore[arg-type]
    found: dict[str, list[float]] = {}
    for number in range(_ROUNDS):
        data = fresh(body, number)

        def timed(name: str, work: Callable[[], object]) -> None:
            began = time.thread_time_ns()
            work()
            found.setdefault(name, []).append((time.thread_time_ns() - began) / SHAPES[shape][0] / 1000)

        timed("decode", lambda data=data: ExportTraceServiceRequest.FromString(data))
        request, other = ExportTraceServiceRequest.FromString(data), ExportTraceServiceRequest.FromString(data)
        timed("seal", lambda request=request: whole.seal(Signal.TRACES, request))
        timed("visit", lambda other=other: blind.seal(Signal.TRACES, other))
        timed("parse again and write JSON", lambda data=data: to_json(ExportTraceServiceRequest.FromString(data)))
        plain = to_json(request)
        timed("gzip", lambda plain=plain: igzip.compress(plain, compresslevel=1))
    median = {name: statistics.median(rows[1:]) for name, rows in found.items()}
    sealing, visiting = median.pop("seal"), median.pop("visit")
    return {
        "decode": median.pop("decode"),
        "visit every text": visiting,
        "find what is to be masked": max(sealing - visiting, 0.0),
        **median,
    }
