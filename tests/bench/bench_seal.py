"""CPU per span of the seal: `python tests/bench/bench_seal.py`. Prints figures; asserts nothing."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.redact import Sealer

SPANS, ATTRIBUTES, TEXT_BYTES = 64, 40, 8192


def payload(seed: int = 7) -> bytes:
    """64 spans of 40 attributes each, 8 KB of text in all of them together a span."""
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(2000)]
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "bench"
    scope = resource.scope_spans.add()
    for number in range(SPANS):
        span = scope.spans.add(name="chat", trace_id=bytes([number + 1]) * 16, span_id=bytes([number + 1]) * 8)
        for at in range(ATTRIBUTES):
            value = span.attributes.add(key=f"llm.input_messages.{at // 2}.message.{('role', 'content')[at % 2]}").value
            if at % 2:
                text = " ".join(chance.choices(words, k=TEXT_BYTES // (ATTRIBUTES // 2) // 6))
                value.string_value = text
            else:
                value.string_value = "user"
    return request.SerializeToString()


def cpu_us_per_span(work: Callable[[ExportTraceServiceRequest], object], data: bytes, rounds: int = 40) -> float:
    best = float("inf")
    for _ in range(rounds):
        request = ExportTraceServiceRequest.FromString(data)
        start = time.process_time_ns()
        work(request)
        best = min(best, time.process_time_ns() - start)
    return best / SPANS / 1000


def main() -> None:
    data = payload()
    print(f"{SPANS} spans x {ATTRIBUTES} attributes, {len(data)} bytes; us of CPU a span, best of 40")
    sealer = Sealer()
    print(f"  {'default policy':24}{cpu_us_per_span(lambda r: sealer.seal(Signal.TRACES, r), data):8.1f}")
    try:
        from collector.policy.presets import PRESETS
        from collector.redact.ruleset import preset_policy
    except ImportError:
        return
    for name in PRESETS:
        sealer = Sealer(preset_policy(name))
        print(f"  {name:24}{cpu_us_per_span(lambda r, s=sealer: s.seal(Signal.TRACES, r), data):8.1f}")


class _NoEngine:
    def find_all(self, texts: object) -> tuple[()]:
        return ()

    def mask(self, texts: object, findings: object) -> dict[int, str]:
        return {}


if __name__ == "__main__":
    main()
    bare = Sealer(engine=_NoEngine())  # type: ignore[arg-type]
    print(f"  {'without any engine':24}{cpu_us_per_span(lambda r: bare.seal(Signal.TRACES, r), payload()):8.1f}")
    sys.exit(0)
