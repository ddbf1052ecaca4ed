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
_KIND, _SESSION = "openinference.span.kind", "session.id"
_NAMED = (_KIND, _SESSION)
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
                named = {pair.key: pair.value.string_value for pair in span.attributes if pair.key in _NAMED}
                yield span.trace_id.hex(), span.span_id.hex(), named.get(_SESSION, ""), _text(span, named.get(_KIND))


def _text(span: Any, kind: str | None) -> str:
    """The conversation before a call, up to 2 MiB of it, is never held as texts."""
    passed = _OF_CALL if kind == "LLM" else _STRUCTURE
    parts = [span.name, span.status.message]
    found = (pair.value.string_value for pair in span.attributes if not pair.key.startswith(passed))
    parts += [value[:_LONGEST] for value in found if value]
    for event in span.events:
        parts.append(event.name)
        parts += [pair.value.string_value[:_LONGEST] for pair in event.attributes if pair.value.string_value]
    return "\n".join(dict.fromkeys(filter(None, parts)))[:_LONGEST]
