"""How much CPU reshaping takes beside redaction, and how much memory what is held: `python tests/bench/reshape.py`.

M payloads: 64 spans of 40 attributes, 8 KB of text each, no text twice: one that was clean is not redacted again.
Held are spans of the same number of attributes whose log records never come. Printed, never asserted: the machine
decides.
"""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from payloads import text

from collector.batch import Signal
from collector.redact.seal import Sealer
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper

SPANS, ATTRIBUTES, TEXT_BYTES, ROUNDS = 64, 40, 8192, 30
HELD_REQUESTS, HELD_STEPS = 300, 5


def _chat(chance: random.Random) -> dict[str, Any]:
    """A request to a model, as the GenAI conventions write it: its text in four messages and an answer."""
    turns = [
        {"role": role, "parts": [{"type": "text", "content": text(chance, TEXT_BYTES // 5)}]}
        for role in ("user", "assistant", "user", "user", "assistant")
    ]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.conversation.id": "conversation-1",
        "gen_ai.usage.input_tokens": 2000,
        "gen_ai.usage.output_tokens": 400,
        "gen_ai.input.messages": json.dumps(turns[:4]),
        "gen_ai.output.messages": json.dumps(turns[4:]),
    }


def _plain(chance: random.Random) -> dict[str, Any]:
    return {"http.request.method": "GET", "url.full": "http://localhost/", "text": text(chance, TEXT_BYTES)}


def _ai_sdk(chance: random.Random) -> dict[str, Any]:
    content = [{"type": "text", "text": text(chance, TEXT_BYTES)}]
    return {
        "operation.name": "ai.streamText.doStream turn",
        "ai.operationId": "ai.streamText.doStream",
        "ai.model.id": "gpt-5",
        "ai.prompt.messages": json.dumps([{"role": "user", "content": content}]),
        "ai.response.text": "done",
        "ai.usage.inputTokens": 2000,
    }


def _request(make: Callable[[random.Random], dict[str, Any]], chance: random.Random) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(SPANS):
        own = make(chance)
        filler = {f"app.key_{number}": f"value {number}" for number in range(ATTRIBUTES - len(own))}
        span = scope.spans.add(trace_id=bytes(15) + b"\1", span_id=(number + 1).to_bytes(8, "big"), name="span")
        for key, value in {**own, **filler}.items():
            pair = span.attributes.add(key=key)
            if isinstance(value, int):
                pair.value.int_value = value
            else:
                pair.value.string_value = value
    return request.SerializeToString()


def _no_content(chance: random.Random) -> dict[str, Any]:
    return {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5", "gen_ai.usage.input_tokens": 2000}


def _held() -> list[float]:
    """Megabytes that the held spans take after each of `HELD_STEPS` times `HELD_REQUESTS` requests, ten a second."""
    now = 0.0
    reshaper = Reshaper(join=LogJoin(lambda: now), hold=True)
    request = ExportTraceServiceRequest.FromString(_request(_no_content, random.Random(1)))
    taken = []
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(HELD_STEPS * HELD_REQUESTS):
        now += 0.1
        fresh = ExportTraceServiceRequest()
        fresh.CopyFrom(request)
        for span in fresh.resource_spans[0].scope_spans[0].spans:
            span.trace_id = number.to_bytes(16, "big")
        assert reshaper.reshape(fresh).held is not None
        if (number + 1) % HELD_REQUESTS == 0:
            taken.append((tracemalloc.get_traced_memory()[0] - before) / 1_000_000)
    tracemalloc.stop()
    return taken


def _cpu(bodies: list[bytes], work: Callable[[ExportTraceServiceRequest], object]) -> float:
    """Milliseconds of CPU a request, the decoding not counted."""
    spent = 0.0
    for round_, data in enumerate(bodies):
        request = ExportTraceServiceRequest.FromString(data)
        start = time.process_time()
        work(request)
        if round_ >= 3:
            spent += time.process_time() - start
    return 1000 * spent / ROUNDS


def main() -> None:
    print(f"{SPANS} spans x {ATTRIBUTES} attributes, {TEXT_BYTES} bytes of text a span; ms of CPU a request")
    print(f"{'':24}{'reshape':>9}{'redact':>9}{'ratio':>7}")
    for name, make in (("gen_ai messages", _chat), ("ai sdk", _ai_sdk), ("no agent at all", _plain)):
        chance = random.Random(1)
        bodies = [_request(make, chance) for _ in range(ROUNDS + 3)]
        reshaper, sealer = Reshaper(), Sealer()

        def both(request: ExportTraceServiceRequest, reshaper: Reshaper = reshaper, sealer: Sealer = sealer) -> None:
            reshaper.reshape(request)
            sealer.seal(Signal.TRACES, request)

        reshape = _cpu(bodies, reshaper.reshape)
        redact = _cpu(bodies, both) - reshape
        print(f"{name:24}{reshape:9.2f}{redact:9.2f}{reshape / redact:7.2f}")
    print(f"held, MB after each {HELD_REQUESTS * SPANS} spans: {', '.join(f'{taken:.0f}' for taken in _held())}")


if __name__ == "__main__":
    main()
