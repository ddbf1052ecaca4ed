"""The text by which a sealed span is found, whichever engine searches it (pure).

Of a model call the answer is searched, not the conversation before it, which other spans hold already.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_LONGEST = 16_384
_HISTORY = ("llm.input_messages.", "llm.tools.", "llm.prompts.")
_STRUCTURE = ("openinference.", "llm.token_count.", "session.", "gen_ai.usage.", "opencode.redaction")


def span_texts(data: bytes) -> Iterator[tuple[str, str, str, str]]:
    """Trace id, span id, session and text of each span of a sealed batch; nothing for what is no request of spans."""
    try:
        request = ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        return
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                attributes = {pair.key: pair.value.string_value for pair in span.attributes if pair.value.string_value}
                yield span.trace_id.hex(), span.span_id.hex(), attributes.get("session.id", ""), _text(span, attributes)


def _text(span: Any, attributes: dict[str, str]) -> str:
    called = attributes.get("openinference.span.kind") == "LLM"
    parts = [span.name, span.status.message]
    for key, value in attributes.items():
        if called and (key == "input.value" or key.startswith(_HISTORY)):
            continue
        if not key.startswith(_STRUCTURE):
            parts.append(value[:_LONGEST])
    for event in span.events:
        parts.append(event.name)
        parts += [pair.value.string_value[:_LONGEST] for pair in event.attributes if pair.value.string_value]
    return "\n".join(dict.fromkeys(filter(None, parts)))[:_LONGEST]
