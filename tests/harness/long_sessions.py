"""Long sessions, as an SDK would send them: turns of an AGENT and its tool calls."""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

_AT = 1_700_000_000_000_000_000
_EDIT = '{"filePath":"/a.py","oldString":"x","newString":"y"}'


def turn_of_tools(number: int, tools: int, session: str, tool: str = "bash") -> ExportTraceServiceRequest:
    """A turn of an AGENT and its tool calls; the id of a span is (number << 32) + its place, of the AGENT 0."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    root = (number << 32).to_bytes(8, "big")
    start = _AT + number * 10**12
    for index in range(tools + 1):
        kind = "TOOL" if index else "AGENT"
        span = scope.spans.add(
            trace_id=number.to_bytes(16, "big"),
            span_id=((number << 32) + index).to_bytes(8, "big"),
            parent_span_id=root if index else b"",
            name=kind,
            start_time_unix_nano=start + index * 1000,
            end_time_unix_nano=start + index * 1000 + 900,
        )
        span.attributes.extend([_pair("session.id", session), _pair("openinference.span.kind", kind)])
        if index:
            asked = _EDIT if tool == "edit" else '{"command":"x"}'
            said = f"output of {index} in {number} " + "z" * 1000
            span.attributes.extend([_pair("tool.name", tool), _pair("input.value", asked), _pair("output.value", said)])
        else:
            span.attributes.append(_pair("input.value", f"prompt {number}"))
    return request


def _pair(key: str, value: str) -> KeyValue:
    found = KeyValue(key=key)
    found.value.string_value = value
    return found
