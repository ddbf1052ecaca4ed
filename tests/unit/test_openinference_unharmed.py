"""OpenInference's own instrumentations pass through attribute for attribute, but for what redaction adds."""

from __future__ import annotations

import json
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.otlp.read import JSON, PROTOBUF, decode
from collector.otlp.values import read_attributes, write_value
from collector.pipeline.otlp import Pipeline
from collector.redact.seal import Sealer, always

KEY = md5(b"researcher", usedforsecurity=False).hexdigest()
ID = str(UUID(int=7))

SPANS: dict[str, dict[str, Any]] = {
    "crewai": {
        "openinference.span.kind": "CHAIN",
        "crew_key": KEY,
        "crew_id": ID,
        "crew_agents": json.dumps([{"key": KEY, "id": ID, "role": "researcher", "agent_key": KEY, "max_iter": 25}]),
        "crew_tasks": json.dumps([{"id": ID, "task_key": KEY, "agent_key": KEY, "agent_role": "researcher"}]),
        "graph.node.id": "researcher",
        "output.value": "The report.",
    },
    "openai": {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-5",
        "llm.provider": "openai",
        "llm.system": "openai",
        "llm.token_count.prompt": 3,
        "llm.token_count.completion": 2,
        "llm.token_count.total": 5,
        "llm.invocation_parameters": json.dumps({"temperature": 0.2}),
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Weather in Oslo?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_abc",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "weather",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": json.dumps({"city": "Oslo"}),
        "input.value": json.dumps({"messages": [{"role": "user", "content": "Weather in Oslo?"}]}),
        "input.mime_type": "application/json",
        "output.value": json.dumps({"choices": [{"finish_reason": "tool_calls"}]}),
        "output.mime_type": "application/json",
    },
    "langchain": {
        "openinference.span.kind": "RETRIEVER",
        "input.value": "Oslo",
        "retrieval.documents.0.document.content": "Oslo is the capital.",
        "retrieval.documents.0.document.metadata": json.dumps({"source": "atlas"}),
        "metadata": json.dumps({"langgraph_step": 1, "thread_id": ID, "langgraph_node": "retrieve"}),
        "session.id": ID,
    },
    "openai and genai": {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-5",
        "input.value": "Hi",
        "output.value": "Yo",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.usage.input_tokens": 3,
    },
}


@pytest.mark.parametrize("name", SPANS)
def test_a_span_comes_out_as_it_went_in(name: str) -> None:
    """An agent's key is a hash of what it is, and no secret, though it is a key of 32 hexadecimal digits."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name=name)
    for key, value in SPANS[name].items():
        write_value(span.attributes.add(key=key).value, value)
    batch = Pipeline(always(Sealer())).run(Signal.TRACES, request.SerializeToString(), PROTOBUF).batch
    assert batch is not None
    (sealed,) = ExportTraceServiceRequest.FromString(batch.data).resource_spans[0].scope_spans[0].spans
    found = read_attributes(sealed.attributes)
    assert {key: value for key, value in found.items() if not key.startswith("redaction.")} == SPANS[name]


RECORDED = Path(__file__).parents[2] / "proto_fixtures" / "openinference"


@pytest.mark.parametrize("name", ["openai", "langchain_anthropic_openai_agents"])
def test_a_recorded_export_comes_out_as_it_went_in(name: str) -> None:
    """Of openinference-instrumentation-openai 0.1.66, and those of LangChain, Anthropic and OpenAI's agents."""
    body = (RECORDED / f"{name}.json").read_bytes()
    before = decode(Signal.TRACES, body, JSON).request
    batch = Pipeline(always(Sealer())).run(Signal.TRACES, body, JSON).batch
    assert batch is not None and isinstance(before, ExportTraceServiceRequest)
    assert _attributes(ExportTraceServiceRequest.FromString(batch.data)) == _attributes(before)


def _attributes(request: ExportTraceServiceRequest) -> dict[bytes, dict[str, Any]]:
    """The attributes of each span, but for what redaction says of itself."""
    return {
        span.span_id: {
            key: value for key, value in read_attributes(span.attributes).items() if not key.startswith("redaction.")
        }
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
