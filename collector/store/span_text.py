"""The text by which a sealed span is found, whichever engine searches it (pure).

Of a model call the answer is searched, not the conversation before it, which other spans hold already.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_LONGEST = 16_384
_STRUCTURE = ("openinference.", "llm.token_count.", "session.", "gen_ai.usage.", "opencode.redaction")
_IS_CALL = ("openinference.span.kind", "LLM")
_OF_CALL = (*_STRUCTURE, "input.value", "llm.input_messages.", "llm.tools.", "llm.prompts.")
"""What is passed over of a model call: its history too."""


def span_texts(data: bytes) -> Iterator[tuple[str, str, str, str]]:
    """Trace id, span id, session and text of each span of a sealed batch; nothing for what is no request of spans."""
    try:
        request = ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        return
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                pairs = [(pair.key, pair.value.string_value) for pair in span.attributes]
                session = next((value for key, value in pairs if key == "session.id"), "")
                yield span.trace_id.hex(), span.span_id.hex(), session, _text(span, pairs)


def _text(span: Any, pairs: list[tuple[str, str]]) -> str:
    passed = _OF_CALL if _IS_CALL in pairs else _STRUCTURE
    parts = [span.name, span.status.message]
    parts += [value[:_LONGEST] for key, value in pairs if value and not key.startswith(passed)]
    for event in span.events:
        parts.append(event.name)
        parts += [pair.value.string_value[:_LONGEST] for pair in event.attributes if pair.value.string_value]
    return "\n".join(dict.fromkeys(filter(None, parts)))[:_LONGEST]
