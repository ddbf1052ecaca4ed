"""A destination gets agent spans by the keys it asks for."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.app.destinations import new_destination
from collector.batch import Signal
from collector.enums import SpanFormat
from collector.openinference.gen_ai import write_format
from collector.otlp.values import read_attributes, write_value
from collector.redact.seal import Sealer, always
from collector.settings.destination_tables import DestinationTable
from collector.settings.named_destinations import _destination

CALL = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-5",
    "llm.provider": "azure",
    "llm.system": "openai",
    "llm.token_count.prompt": 3,
    "llm.token_count.total": 5,
    "llm.cost.total": 0.1,
    "llm.finish_reason": "stop",
    "llm.invocation_parameters": '{"temperature":0.2,"stop":"x","response_format":{"type":"json_object"}}',
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "Hi",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "ls",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
    "llm.tools.0.tool.json_schema": '{"type":"function","function":{"name":"ls"}}',
    "session.id": "s",
    "input.value": "Hi",
}


def written(attributes: dict[str, Any], wanted: SpanFormat) -> dict[str, Any]:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    for key, value in attributes.items():
        write_value(span.attributes.add(key=key).value, value)
    write_format(request, wanted)
    return read_attributes(request.resource_spans[0].scope_spans[0].spans[0].attributes)


def test_openinference_is_what_is_kept() -> None:
    assert written(CALL, SpanFormat.OPENINFERENCE) == CALL


def test_genai_says_the_same_by_its_own_keys() -> None:
    found = written(CALL, SpanFormat.GEN_AI)
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.stop_sequences": ["x"],
        "gen_ai.output.type": "json",
        "gen_ai.conversation.id": "s",
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
        "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"ls",'
        '"arguments":{}}],"finish_reason":"stop"}]',
        "gen_ai.tool.definitions": '[{"type":"function","name":"ls"}]',
        "session.id": "s",
        "llm.cost.total": 0.1,  # GenAI has no key for it
    }


def test_a_destination_s_own_format_is_what_it_gets() -> None:
    """As `format` in `[[destination]]` says; the others get what they ask for."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    write_value(span.attributes.add(key="openinference.span.kind").value, "LLM")
    write_value(span.attributes.add(key="llm.model_name").value, "gpt-5")
    table = DestinationTable(name="x", endpoint="http://127.0.0.1:1", format=SpanFormat.GEN_AI)
    settings = _destination(table, "x")
    destination = new_destination(settings, always(Sealer()))  # type: ignore[arg-type]
    assert destination.refine is not None
    data, left_out = destination.refine(Signal.TRACES, request.SerializeToString())
    (found,) = ExportTraceServiceRequest.FromString(data).resource_spans[0].scope_spans[0].spans
    assert read_attributes(found.attributes)["gen_ai.request.model"] == "gpt-5"
    assert left_out == {}


def test_both_is_both() -> None:
    assert written(CALL, SpanFormat.BOTH) == {**written(CALL, SpanFormat.GEN_AI), **CALL}


@pytest.mark.parametrize("kind", ["CHAIN", "GUARDRAIL", "EVALUATOR", ""])
def test_what_genai_has_no_operation_for_stays_as_it_is(kind: str) -> None:
    given = {"openinference.span.kind": kind, "input.value": "Hi", "output.value": "Yo"}
    assert written(given, SpanFormat.GEN_AI) == given


def test_a_tool_call_has_arguments_and_a_result() -> None:
    given = {"openinference.span.kind": "TOOL", "tool.name": "ls", "tool_call.id": "c1", "tool.parameters": "{}"}
    assert written({**given, "input.value": "{}", "output.value": "a.txt"}, SpanFormat.GEN_AI) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "ls",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": "{}",
        "gen_ai.tool.call.result": "a.txt",
    }


def test_a_picture_is_a_part() -> None:
    base = "llm.input_messages.0.message."
    content = base + "contents.0.message_content."
    given = {"openinference.span.kind": "LLM", base + "role": "user", content + "type": "image"}
    found = written({**given, content + "image.image.url": "data:image/png;base64,QUJD"}, SpanFormat.GEN_AI)
    assert found["gen_ai.input.messages"] == (
        '[{"role":"user","parts":[{"type":"blob","modality":"image","mime_type":"image/png","content":"QUJD"}]}]'
    )
