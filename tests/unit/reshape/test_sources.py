"""What single sources write in their own way, and how it comes out: each was lost or wrong once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format
from harness.reshape import IN, OUT, SPAN, TRACE, chat, logs_with, one, text, user
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.values import read_attributes, write_value
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper


def below(outer: dict[str, Any], inner: dict[str, Any], scope: str = "x") -> list[dict[str, Any]]:
    """A span, and one below it, through the stage; the attributes of both."""
    request = ExportTraceServiceRequest()
    scoped = request.resource_spans.add().scope_spans.add()
    scoped.scope.name = scope
    for number, attributes in enumerate((outer, inner)):
        name = attributes.pop("name", "span")
        span = scoped.spans.add(trace_id=TRACE, span_id=bytes([number + 1]) * 8, name=name)
        span.parent_span_id = bytes([1]) * 8 if number else b""
        for key, value in attributes.items():
            write_value(span.attributes.add(key=key).value, value)
    reshaper = Reshaper()
    reshaper.reshape(request)
    assert not reshaper.failed
    return [read_attributes(span.attributes) for span in scoped.spans]


def test_an_agent_of_pydantic_ai_with_instructions_keeps_what_the_user_said() -> None:
    found = one(
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.system_instructions": json.dumps([text("Be brief.")]),
            "pydantic_ai.all_messages": json.dumps(
                [*user(text("Weather?")), {"role": "assistant", "parts": [text("Sunny.")]}]
            ),
        },
        scope="pydantic-ai",
    )
    assert (found[f"{IN}.0.message.role"], found[f"{IN}.0.message.content"]) == ("system", "Be brief.")
    assert (found[f"{IN}.1.message.role"], found[f"{IN}.1.message.content"]) == ("user", "Weather?")
    assert found[f"{OUT}.0.message.content"] == "Sunny."


def test_litellm_s_langfuse_otel_has_a_kind_of_one_convention_and_content_of_another() -> None:
    asked = {
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "t"}}],
    }
    answered = {"choices": [{"message": {"role": "assistant", "content": "Yo"}, "finish_reason": "stop"}]}
    found = one(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-5",
            "llm.token_count.prompt": 3,
            "langfuse.observation.input": json.dumps(asked),
            "langfuse.observation.output": json.dumps(answered),
            "langfuse.session.id": "s-1",
        },
        scope="litellm",
    )
    assert found["openinference.span.kind"] == "LLM"
    assert found[f"{IN}.0.message.content"] == "Hi"
    assert found[f"{OUT}.0.message.content"] == "Yo"
    assert found["llm.tools.0.tool.name"] == "t"
    assert (found["llm.model_name"], found["llm.token_count.prompt"], found["session.id"]) == ("gpt-5", 3, "s-1")


def test_an_openinference_span_that_says_what_happened_is_left_alone() -> None:
    given = {
        "openinference.span.kind": "LLM",
        "input.value": "Hi",
        "gen_ai.operation.name": "chat",
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [text("Yo")]}]),
    }
    assert one(dict(given)) == given


@pytest.mark.parametrize(
    ("label", "operation", "kind"),
    [
        ("model_generation", "chat", "LLM"),
        ("model_generation", "model_generation", "CHAIN"),
        ("model_inference", "chat", "LLM"),
        ("agent_run", "invoke_agent", "AGENT"),
        ("mcp_tool_call", "execute_tool", "TOOL"),
        ("x", "x", "CHAIN"),
    ],
)
def test_mastra_s_types_are_kinds(label: str, operation: str, kind: str) -> None:
    """Its exporter calls the one span of a call `chat`: a generation, or of newer versions each request of it."""
    given = {"mastra.span.type": label, "gen_ai.operation.name": operation, f"mastra.{label}.input": "Hi"}
    found = one(
        {**given, f"mastra.{label}.output": json.dumps({"text": "Yo", "files": []}), "mastra.metadata.userId": "u"}
    )
    assert found["openinference.span.kind"] == kind
    assert (found["input.value"], found["output.value"], found["user.id"]) == ("Hi", "Yo", "u")
    if kind == "AGENT":
        assert found[f"{IN}.0.message.content"] == "Hi"
        assert found[f"{OUT}.0.message.content"] == "Yo"


def test_a_tool_call_of_qwen_code_is_one_tool_span() -> None:
    outer = {"name": "qwen-code.tool", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "ls"}
    inner = {"name": "qwen-code.tool.execution", "gen_ai.tool.name": "ls"}
    assert [found["openinference.span.kind"] for found in below(outer, inner, "qwen-code")] == ["TOOL", "CHAIN"]


def test_a_tool_within_the_same_tool_is_a_step_of_it() -> None:
    """Frameworks and what they call are instrumented both."""
    call = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "ls"}
    other = {**call, "gen_ai.tool.name": "cat"}
    assert [found["openinference.span.kind"] for found in below(dict(call), dict(call))] == ["TOOL", "CHAIN"]
    assert [found["openinference.span.kind"] for found in below(dict(call), other)] == ["TOOL", "TOOL"]


@pytest.mark.parametrize("reason", ["FinishReason.STOP", "<FinishReason.STOP: 'stop'>", "['stop']", '["stop"]', "stop"])
def test_a_finish_reason_is_a_word(reason: str) -> None:
    """Semantic Kernel prints its enumeration, Claude Code a list."""
    assert chat(**{"gen_ai.response.finish_reasons": reason})["llm.finish_reason"] == "stop"


@pytest.mark.parametrize("identifier", ["resp_1", "chatcmpl-1", "msg_01"])
def test_a_response_is_no_session(identifier: str) -> None:
    assert "session.id" not in chat(**{"gen_ai.conversation.id": identifier})
    assert chat(**{"gen_ai.conversation.id": "conv_1"})["session.id"] == "conv_1"


def test_langsmith_s_temperature_is_a_parameter() -> None:
    found = one({"langsmith.span.kind": "llm", "langsmith.metadata.ls_temperature": 0.2, "gen_ai.request.model": "m"})
    assert json.loads(found["llm.invocation_parameters"]) == {"model": "m", "temperature": 0.2}
    body = json.dumps({"messages": [{"role": "user", "content": "q"}], "max_tokens": 9})
    told = {"langsmith.span.kind": "llm", "langsmith.metadata.ls_temperature": 0.2, "gen_ai.prompt": body}
    assert json.loads(one(told)["llm.invocation_parameters"]) == {"temperature": 0.2, "max_tokens": 9}


def test_reasoning_of_a_response_belongs_to_its_answer() -> None:
    """MLflow keeps the items of OpenAI's responses as they came."""
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Thinking."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
    ]
    found = one({"mlflow.spanType": '"LLM"', "mlflow.spanOutputs": json.dumps({"output": output})})
    assert found[f"{OUT}.0.message.contents.0.message_content.text"] == "Thinking."
    assert found[f"{OUT}.0.message.content"] == "Done."
    assert f"{OUT}.1.message.role" not in found


def test_the_result_of_a_crew_is_its_output() -> None:
    found = one({"traceloop.span.kind": "workflow", "crewai.crew.result": "The report."})
    assert found["output.value"] == "The report."


def test_a_label_that_says_little_gives_way_to_what_the_span_holds() -> None:
    """Langfuse's SDK sees every span of the process, and calls those of others `span`."""
    found = chat(
        user(text("Hi")), [{"role": "assistant", "parts": [text("Yo")]}], **{"langfuse.observation.type": "span"}
    )
    assert found["openinference.span.kind"] == "LLM"
    assert (found[f"{IN}.0.message.content"], found[f"{OUT}.0.message.content"]) == ("Hi", "Yo")


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"input_tokens": 20, "output_tokens": 30, "cache_read_input_tokens": 60}, (80, 30, 110)),
        ({"inputTokens": 20, "outputTokens": 30, "totalTokens": 110, "cacheReadInputTokens": 60}, (80, 30, 110)),
        ({"prompt_tokens": 80, "completion_tokens": 30, "total_tokens": 110, "cached_tokens": 60}, (80, 30, 110)),
        ({"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 4, "totalTokens": 15}, (9, 6, 15)),
        ({"prompt_tokens": -1, "completion_tokens": 3}, (None, 3, None)),
    ],
)  # fmt: skip
def test_what_counts_mean_is_told_by_the_counts(usage: dict[str, int], counts: tuple[int | None, ...]) -> None:
    """Anthropic and Bedrock count input without the cache, Gemini output without thoughts, OpenAI all of it."""
    found = chat(**{"gen_ai.usage.raw": json.dumps(usage)})
    assert tuple(found.get(f"llm.token_count.{name}") for name in ("prompt", "completion", "total")) == counts


def test_bytes_that_are_no_text_stay_where_they_are() -> None:
    given = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": b"\xff\xfe\x00"}
    found = one(given)
    assert found["gen_ai.input.messages"] == b"\xff\xfe\x00"
    assert "input.value" not in found


def test_two_system_prompts_that_are_one_are_shown_once() -> None:
    """OpenLIT writes it as instructions and as the first message."""
    asked = [{"role": "system", "parts": [text("Be brief.")]}, *user(text("Hi"))]
    found = chat(asked, **{"gen_ai.system_instructions": json.dumps([text("Be brief.")])})
    assert [found[f"{IN}.{at}.message.role"] for at in range(2)] == ["system", "user"]
    assert f"{IN}.2.message.role" not in found


def test_adks_configuration_is_what_was_asked_for() -> None:
    config = {"temperature": 0.2, "max_output_tokens": 9, "tools": [], "system_instruction": "SY"}
    request = json.dumps({"model": "gemini-2.5-flash", "config": config, "contents": []})
    found = one({"gcp.vertex.agent.llm_request": request, "gcp.vertex.agent.llm_response": "{}"}, name="call_llm")
    assert json.loads(found["llm.invocation_parameters"]) == {"temperature": 0.2, "max_tokens": 9}


def test_a_ranking_told_as_a_conversation_is_a_ranking() -> None:
    """OpenLLMetry has Cohere's documents as system messages, the query as the user's, and the scores as an answer."""
    given = {
        "llm.request.type": "rerank",
        "gen_ai.request.model": "rerank-v3",
        **{f"gen_ai.prompt.{n}.role": role for n, role in enumerate(("system", "system", "user"))},
        **{f"gen_ai.prompt.{n}.content": said for n, said in enumerate(("first", "second", "which?"))},
        "gen_ai.completion.0.content": "Doc 1, Score: 0.9",
        "gen_ai.completion.1.content": "Doc 0, Score: 1.5e-05\nfirst, whole",
    }
    found = one(given)
    assert (found["openinference.span.kind"], found["reranker.query"], found["input.value"]) == (
        "RERANKER",
        "which?",
        "which?",
    )
    assert [found[f"reranker.input_documents.{n}.document.content"] for n in (0, 1)] == ["first", "second"]
    kept = [
        (f"reranker.output_documents.{n}.document.content", f"reranker.output_documents.{n}.document.score")
        for n in (0, 1)
    ]
    assert [(found[text], found[score]) for text, score in kept] == [("second", 0.9), ("first, whole", 1.5e-05)]


def test_a_model_of_bedrock_is_named_by_its_own_key() -> None:
    asked = {"modelId": "anthropic.claude", "messages": [], "inferenceConfig": {"maxTokens": 5, "temperature": 0.1}}
    found = one({"mlflow.spanType": '"CHAT_MODEL"', "mlflow.spanInputs": json.dumps(asked)})
    assert found["llm.model_name"] == "anthropic.claude"
    assert json.loads(found["llm.invocation_parameters"]) == {"temperature": 0.1, "max_tokens": 5}


def test_prompts_of_a_completion_are_messages() -> None:
    found = one({"langsmith.span.kind": "llm", "gen_ai.prompt": json.dumps({"prompts": ["say"]})}, scope="langsmith")
    assert found[f"{IN}.0.message.content"] == "say"


@pytest.mark.parametrize(("operation", "kind"), [("query", "RETRIEVER"), ("upsert", "CHAIN"), ("deleteIndex", "CHAIN")])
def test_what_is_written_to_a_vector_store_is_not_retrieved(operation: str, kind: str) -> None:
    said = {"mastra.rag_vector_operation.input": json.dumps({"operation": operation})}
    for more in (said, {"operation": operation}):
        found = one({"mastra.span.type": "rag_vector_operation", **more})
        assert found["openinference.span.kind"] == kind


def test_an_answer_that_was_streamed_to_logfire_is_one() -> None:
    said = json.dumps({"combined_chunk_content": "yo", "chunk_count": 2})
    found = one({"gen_ai.request.model": "m", "response_data": said}, scope="logfire.openai")
    assert found[f"{OUT}.0.message.content"] == "yo"


def test_sentrys_keys_are_a_conversation() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "w", "arguments": "{}"}
    given = {
        "gen_ai.request.messages": json.dumps([{"role": "user", "content": "hi"}]),
        "gen_ai.response.text": '["yo"]',
        "gen_ai.response.tool_calls": json.dumps([call]),
        "gen_ai.request.available_tools": json.dumps([{"name": "w", "description": "d"}]),
    }
    found = chat(**given)
    assert (found[f"{IN}.0.message.content"], found[f"{OUT}.0.message.content"]) == ("hi", "yo")
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.id"] == "c"
    assert found["llm.tools.0.tool.name"] == "w"
    assert not given.keys() & found.keys()
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.input": "{}", "gen_ai.tool.output": "rain"}
    assert [one(tool)[key] for key in ("input.value", "output.value")] == ["{}", "rain"]


def test_calls_without_a_text_are_an_answer() -> None:
    found = chat(**{"gen_ai.response.tool_calls": json.dumps([{"id": "c", "name": "w", "arguments": "{}"}])})
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.id"] == "c"
    assert "w" in found["output.value"]


def test_koog_packs_a_message_into_the_body_of_an_event() -> None:
    told = [
        ("gen_ai.user.message", {"body": json.dumps({"content": "hi"})}),
        ("gen_ai.choice", {"body": json.dumps({"index": 0, "message": {"role": "assistant", "content": "yo"}})}),
    ]
    found = one({"gen_ai.operation.name": "chat"}, events=told)
    assert (found[f"{IN}.0.message.content"], found[f"{OUT}.0.message.content"]) == ("hi", "yo")


def test_langchain4js_messages_have_their_speakers() -> None:
    prompt = [
        {"type": "SYSTEM", "text": "S"},
        {"type": "USER", "contents": [{"type": "TEXT", "text": "hi"}]},
        {"type": "AI", "toolExecutionRequests": [{"id": "a", "name": "w", "arguments": "{}"}]},
        {"type": "TOOL_EXECUTION_RESULT", "id": "a", "toolName": "w", "text": "rain"},
    ]
    found = chat(**{"gen_ai.prompt": json.dumps(prompt)})
    assert [found[f"{IN}.{n}.message.role"] for n in range(4)] == ["system", "user", "assistant", "tool"]
    assert found[f"{IN}.2.message.tool_calls.0.tool_call.id"] == found[f"{IN}.3.message.tool_call_id"] == "a"
    assert found[f"{IN}.3.message.content"] == "rain"


def test_messages_that_aws_splits_off_are_joined_again() -> None:
    asked = {"role": "user", "content": {"content": json.dumps([{"text": "hi"}])}}
    answered = {"role": "assistant", "content": {"message": json.dumps([{"text": "yo"}]), "finish_reason": "end_turn"}}
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(trace_id=TRACE, span_id=SPAN, time_unix_nano=5)
    write_value(record.attributes.add(key="event.name").value, "strands.telemetry.tracer")
    json_format.ParseDict(_as_any({"input": {"messages": [asked]}, "output": {"messages": [answered]}}), record.body)
    join = LogJoin(lambda: 0.0)
    Reshaper(join=join).reshape(logs)
    found = one({"gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents"}, join=join)
    assert (found[f"{IN}.0.message.content"], found[f"{OUT}.0.message.content"]) == ("hi", "yo")
    assert found["llm.finish_reason"] == "end_turn"


def _as_any(value: Any) -> dict[str, Any]:
    """A document as protobuf's JSON writes an AnyValue."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": _as_any(item)} for key, item in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_as_any(item) for item in value]}}
    return {"stringValue": value}


def test_a_request_of_mastras_has_its_system_prompt() -> None:
    step = {
        "mastra.span.type": "model_step",
        "mastra.model_step.input": json.dumps([{"role": "user", "content": "hi"}]),
    }
    request = {
        "mastra.span.type": "model_inference",
        "gen_ai.operation.name": "chat",
        "gen_ai.system_instructions": "brief",
    }
    spans = ExportTraceServiceRequest()
    scope = spans.resource_spans.add().scope_spans.add()
    for number, attributes in enumerate((step, request), start=1):
        span = scope.spans.add(
            trace_id=TRACE, span_id=bytes([0] * 7 + [number]), parent_span_id=bytes([0] * 7 + [number - 1])
        )
        for key, value in attributes.items():
            write_value(span.attributes.add(key=key).value, value)
    Reshaper().reshape(spans)
    found = read_attributes(scope.spans[1].attributes)
    assert [found[f"{IN}.{n}.message.content"] for n in (0, 1)] == ["brief", "hi"]


def test_livekits_spans_of_other_names_are_what_their_operation_says() -> None:
    assert chat(user(text("hi")), **{"lk.room_id": "r"})["openinference.span.kind"] == "LLM"


def test_autogens_messages_have_their_speakers() -> None:
    messages = [
        {"type": "SystemMessage", "content": "S"},
        {"type": "UserMessage", "content": "hi", "source": "user"},
        {"type": "AssistantMessage", "content": [{"id": "a", "name": "w", "arguments": "{}"}], "source": "assistant"},
        {"type": "FunctionExecutionResultMessage", "content": [{"call_id": "a", "content": "rain", "name": "w"}]},
    ]
    found = one({"mlflow.spanType": '"LLM"', "mlflow.spanInputs": json.dumps({"messages": messages})})
    assert [found[f"{IN}.{n}.message.role"] for n in range(4)] == ["system", "user", "assistant", "tool"]
    assert found[f"{IN}.2.message.tool_calls.0.tool_call.id"] == found[f"{IN}.3.message.tool_call_id"] == "a"


@pytest.mark.parametrize("mark", [["a"], {"a": 1}, 5, None])
def test_a_tool_of_claude_code_needs_no_text_for_its_hash(mark: Any) -> None:
    """The schema is found by it, and a request is shown without."""
    tools = json.dumps([{"name": "Read", "hash": mark}, {"name": "Edit", "hash": "e1"}])
    given = {"span.type": "llm_request", "model": "m", "tools": tools, "new_context": "[USER]\nhi"}
    logs = logs_with(("tool", {"tool_hash": ["a"], "tool": "{}"}, None), scope="com.anthropic.claude_code.events")
    join = LogJoin(lambda: 0.0)
    Reshaper(join=join).reshape(logs)
    found = one(given, name="claude_code.llm_request", scope="com.anthropic.claude_code.tracing", join=join)
    assert found["openinference.span.kind"] == "LLM"
    assert [found[f"llm.tools.{n}.tool.name"] for n in (0, 1)] == ["Read", "Edit"]


def test_a_numbered_key_without_a_text_hides_none_that_was_embedded() -> None:
    given = {"gen_ai.operation.name": "embeddings", "gen_ai.prompt.0.role": "user", "gen_ai.input.messages": "words"}
    assert one(given)["embedding.embeddings.0.embedding.text"] == "words"
