"""One made-up turn, to see that a way is open: an AGENT with one LLM child, as an agent would send it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def test_trace(trace_id: str, now_ns: int, service: str, version: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The turn as an OTLP/JSON export request; span ids are taken from `trace_id` (32 hexadecimal digits)."""
    root_id, call_id = trace_id[:16], trace_id[16:]
    shared = {"session.id": f"send-test-{trace_id[:8]}", "agent.id": service, "agent.name": "test"}
    turn = {
        **shared,
        "openinference.span.kind": "AGENT",
        "input.value": "Is anyone there?",
        "output.value": "Yes: this trace came through.",
        "metadata": json.dumps({**metadata, "sent_by": "collector send-test"}),
    }
    call = {
        **shared,
        "openinference.span.kind": "LLM",
        "llm.model_name": "test-model",
        "llm.provider": "test",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Is anyone there?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Yes: this trace came through.",
        "llm.token_count.prompt": 3,
        "llm.token_count.completion": 5,
        "llm.token_count.total": 8,
    }
    spans = [
        _span(trace_id, root_id, "", "send-test", now_ns - 20_000_000, now_ns, turn),
        _span(trace_id, call_id, root_id, "test/test-model", now_ns - 15_000_000, now_ns - 5_000_000, call),
    ]
    scope = {"scope": {"name": "opencode-collector"}, "spans": spans}
    resource = {"attributes": _attributes({"service.name": service, "service.version": version})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


def _span(
    trace_id: str, span_id: str, parent: str, name: str, start: int, end: int, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    span = {"traceId": trace_id, "spanId": span_id, "name": name, "kind": 1, "attributes": _attributes(attributes)}
    times = {"startTimeUnixNano": str(start), "endTimeUnixNano": str(end), "status": {"code": 1}}
    return span | times | ({"parentSpanId": parent} if parent else {})


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in values.items()
    ]
