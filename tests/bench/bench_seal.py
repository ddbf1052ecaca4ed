"""CPU per span of the seal: `python tests/bench/bench_seal.py`. Prints figures; asserts nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from payloads import SHAPES, fresh
from payloads import payload as shaped

from collector.batch import Signal
from collector.policy.presets import PRESETS
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer

SPANS, ATTRIBUTES, TEXT_BYTES, ROUNDS = 64, 40, 8192, 40


def payload(seed: int) -> bytes:
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


def cpu_us_per_span(work: Callable[[ExportTraceServiceRequest], object], bodies: list[bytes]) -> float:
    best = float("inf")
    for data in bodies:
        request = ExportTraceServiceRequest.FromString(data)
        start = time.process_time_ns()
        work(request)
        best = min(best, time.process_time_ns() - start)
    return best / SPANS / 1000


KINDS = {
    "a label in some": lambda text: text,
    "nothing to find": lambda text: text.replace("token", "taken"),
    "a token in each": lambda text: f"{text.replace('token', 'taken')} {TOKEN}",
}
"""What is done to the long texts of a payload; digits that stand beside `token` are found since `secrets@2`."""
TOKEN = "gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"


def changed(body: bytes, kind: str, number: int) -> bytes:
    """The payload with texts of that kind, which no other number gives."""
    request = ExportTraceServiceRequest.FromString(fresh(body, number))
    for span in request.resource_spans[0].scope_spans[0].spans:
        span.attributes[-1].value.string_value = KINDS[kind](span.attributes[-1].value.string_value)
    return request.SerializeToString()


def by_shape() -> None:
    """The payloads of the other benches, with texts that were never seen, and all of them again."""
    print("us of CPU a span, best of 8, of texts never seen; and of the same again")
    for shape, (spans, _, size) in SHAPES.items():
        for kind in KINDS:
            sealer = Sealer()
            figures = []
            for numbers in (range(8), [0] * 8):
                best = float("inf")
                for number in numbers:
                    request = ExportTraceServiceRequest.FromString(changed(shaped(shape, 1), kind, number))
                    start = time.process_time_ns()
                    sealer.seal(Signal.TRACES, request)
                    best = min(best, time.process_time_ns() - start)
                figures.append(best / spans / 1000)
            print(f"  {shape} ({size} B) {kind:18}{figures[0]:9.1f}{figures[1]:9.1f}")


def main() -> None:
    by_shape()
    bodies = [payload(seed) for seed in range(ROUNDS)]
    print(f"{SPANS} spans x {ATTRIBUTES} attributes, {len(bodies[0])} bytes; us of CPU a span, best of {ROUNDS}")

    def row(name: str, sealer: Sealer, bodies: list[bytes]) -> None:
        print(f"  {name:24}{cpu_us_per_span(lambda request: sealer.seal(Signal.TRACES, request), bodies):8.1f}")

    row("default policy", Sealer(), bodies)
    row("... all seen before", Sealer(), bodies[:1] * ROUNDS)
    for name in PRESETS:
        row(name, Sealer(preset_policy(name)), bodies)
    row("without any engine", Sealer(engine=_NoEngine()), bodies)  # type: ignore[arg-type]


class _NoEngine:
    def find_all(self, texts: object) -> tuple[()]:
        return ()


if __name__ == "__main__":
    main()
