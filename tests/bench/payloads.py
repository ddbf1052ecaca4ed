"""The payloads all figures are for: S many small spans, M agent turns, L whole files in attributes."""

from __future__ import annotations

import os
import random

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_TEXT = """the model reads file and calls tool then writes answer about parser tests error token budget prompt session
value return import class def for while if else data list path config update commit branch merge review"""
_WORDS = _TEXT.split()
_TRACE, _SPAN = b"\xf0trace-of-mark\xf1\xf2", b"\xf0sp\xf1"
SHAPES = {"S": (512, 20, 30), "M": (64, 40, 8192), "L": (8, 1, 200_000)}
"""spans, attributes each, bytes of the large (S: of every) text"""


MARK = "markmark"
"""In every text, to be replaced by `fresh`: what was clean once is not redacted again, and would look cheap."""


def fresh(body: bytes, number: int) -> bytes:
    """The same payload with texts that no other number gives."""
    letters = "".join(chr(97 + number // 26**place % 26) for place in range(len(MARK)))
    return body.replace(MARK.encode(), letters.encode())


def marked(name: str, seed: int) -> bytes:
    """A payload for `numbered`: marks stand where its ids do."""
    request = ExportTraceServiceRequest.FromString(payload(name, seed))
    for number, span in enumerate(request.resource_spans[0].scope_spans[0].spans):
        span.trace_id, span.span_id = _TRACE, _SPAN + number.to_bytes(4, "big")
    return request.SerializeToString()


def numbered(body: bytes, number: int) -> bytes:
    """The marked payload with ids and texts that no other number gives."""
    body = body.replace(_TRACE, number.to_bytes(16, "big")).replace(_SPAN, (number & 0xFFFFFFFF).to_bytes(4, "big"))
    return fresh(body, number)


def payload(name: str, seed: int = 1) -> bytes:
    """S: 512 spans of 20 attributes of 30 B; M: 64 of 40 with 8 KB of text; L: 8 of 200 KB. As protobuf."""
    spans, attributes, size = SHAPES[name]
    chance = random.Random(seed)
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "bench"
    scope = resource.scope_spans.add()
    trace_id = os.urandom(16)
    for index in range(spans):
        span = scope.spans.add(trace_id=trace_id, span_id=os.urandom(8), name="fake/fake-model", kind=1)
        span.start_time_unix_nano = 1_700_000_000_000_000_000 + index
        span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000
        span.attributes.add(key="session.id").value.string_value = f"ses_{seed % 50}"
        for number in range(attributes - 1):
            short = text(chance, 30)
            span.attributes.add(key=f"llm.attribute.{number}").value.string_value = short
        if name != "S":
            span.attributes.add(key="input.value").value.string_value = text(chance, size)
    return request.SerializeToString()


def text(chance: random.Random, size: int) -> str:
    """Words, some hex and some JSON, as an agent's text has."""
    parts = [MARK]
    length = len(MARK) + 1
    while length < size:
        roll = chance.random()
        if roll < 0.02:
            part = f'{{"id": "{chance.getrandbits(64):x}", "ok": true}}'
        elif roll < 0.04:
            part = f"{chance.getrandbits(96):x}"
        else:
            part = chance.choice(_WORDS)
        parts.append(part)
        length += len(part) + 1
    return " ".join(parts)[:size]
