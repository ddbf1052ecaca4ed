"""Conversions that people reported as wrong elsewhere, one report each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.reshape import IN, OUT, chat, logs_with, one, text, user
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.values import read_attributes
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper


def test_the_operation_wins_over_which_agent_asked_and_which_tool() -> None:
    """Arize-ai/openinference#3426: requests became agents, since they name theirs."""
    found = chat(user(text("hi")), **{"gen_ai.agent.id": "a", "gen_ai.agent.name": "w", "gen_ai.tool.name": "t"})
    assert (found["openinference.span.kind"], found["agent.name"]) == ("LLM", "w")


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("gen_ai.usage.input_cached_tokens", "gen_ai.usage.input_cache_creation"),
        ("gen_ai.usage.cache_read_tokens", "gen_ai.usage.cache_write_tokens"),
        ("gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cache_write_tokens"),
        ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ],
)
def test_what_the_cache_gave_is_counted_once_under_any_name(read: str, written: str) -> None:
    """langfuse/langfuse#12306 and #14902: the cache's tokens were added to an input that includes them."""
    usage = {"gen_ai.usage.input_tokens": 130_213, "gen_ai.usage.output_tokens": 100, read: 128_955, written: 1253}
    found = chat(**usage)
    assert found["llm.token_count.prompt"] == 130_213
    assert found["llm.token_count.prompt_details.cache_read"] == 128_955
    assert found["llm.token_count.prompt_details.cache_write"] == 1253
    assert found["llm.token_count.total"] == 130_313


def test_a_total_tells_that_input_leaves_the_cache_out() -> None:
    """langfuse/langfuse#13724: 5000 tokens that were not cached became 4000."""
    usage = {"input_tokens": 5000, "output_tokens": 100, "total_tokens": 6100, "cache_read.input_tokens": 1000}
    found = chat(**{f"gen_ai.usage.{key}": count for key, count in usage.items()})
    assert found["llm.token_count.prompt"] == 6000
    assert found["llm.token_count.prompt_details.cache_read"] == 1000


def test_thoughts_and_results_by_other_names_are_shown() -> None:
    """openobserve/openobserve#14127: messages of an agent that thinks and calls were blank."""
    call = {"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}}
    asked = [
        *user(text("q")),
        {"role": "assistant", "parts": [{"type": "thinking", "content": "hm"}, call]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "1", "name": "f", "result": "R"}]},
    ]
    found = chat(asked, [{"role": "assistant", "parts": [{"type": "thinking", "content": "so"}, text("A")]}])
    assert found[f"{IN}.1.message.contents.0.message_content.text"] == "hm"
    assert found[f"{IN}.1.message.tool_calls.0.tool_call.function.name"] == "f"
    assert (found[f"{IN}.2.message.tool_call_id"], found[f"{IN}.2.message.content"]) == ("1", "R")
    assert found[f"{OUT}.0.message.contents.0.message_content.type"] == "reasoning"


def test_a_conversation_cut_down_to_a_summary_shows_the_summary() -> None:
    """PostHog/posthog#83258: parts that are neither text nor calls rendered as nothing."""
    parts = [{"type": "compaction", "content": "They agreed on blue."}, text("Which blue?")]
    found = chat([{"role": "assistant", "parts": parts}])
    shown = [found[f"{IN}.0.message.contents.{at}.message_content.text"] for at in range(2)]
    assert shown == ["They agreed on blue.", "Which blue?"]


def test_messages_of_the_one_event_may_be_lists_that_are_no_text() -> None:
    """strands-agents/evals#309: in an event's attributes they may be structured values."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    for key, value in (("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")):
        span.attributes.add(key=key).value.string_value = value
    event = span.events.add(name="gen_ai.client.inference.operation.details")
    message = event.attributes.add(key="gen_ai.input.messages").value.array_value.values.add().kvlist_value.values
    message.add(key="role").value.string_value = "user"
    part = message.add(key="parts").value.array_value.values.add().kvlist_value.values
    part.add(key="type").value.string_value = "text"
    part.add(key="content").value.string_value = "q"
    Reshaper().reshape(request)
    found = read_attributes(span.attributes)
    assert (found[f"{IN}.0.message.role"], found[f"{IN}.0.message.content"]) == ("user", "q")


def test_a_tool_call_told_by_events_has_arguments_and_a_result() -> None:
    """opensearch-project/agent-health#320: Strands writes them as events, and judges saw no tool calls."""
    told = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add", "gen_ai.tool.call.id": "t1"}
    events: list[tuple[str, dict[str, Any]]] = [
        ("gen_ai.tool.message", {"role": "tool", "content": '{"quantity":1}', "id": "t1"}),
        ("gen_ai.choice", {"message": '[{"text":"added"}]', "id": "t1"}),
    ]
    found = one(told, events=events)
    assert (found["tool.parameters"], found["output.value"]) == ('{"quantity":1}', "added")


def test_a_tool_call_of_adk_shows_what_stands_in_its_own_keys() -> None:
    """kagent-dev/kagent#2734: arguments and result were one attribute name away."""
    told = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "run_shell",
        "gcp.vertex.agent.tool_call_args": '{"command":"ls"}',
        "gcp.vertex.agent.tool_response": '{"isError":true}',
        "gcp.vertex.agent.llm_request": "{}",
    }
    found = one(told, scope="gcp.vertex.agent")
    assert found["openinference.span.kind"] == "TOOL"
    assert (found["input.value"], found["output.value"]) == ('{"command":"ls"}', '{"isError":true}')


def test_an_answer_that_is_plain_text_is_the_answer() -> None:
    """microsoft/vscode#321024: Copilot Chat wrote the text where messages belong."""
    told = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.output.messages": "Just text."}
    found = one(told, scope="copilot-chat")
    assert found[f"{OUT}.0.message.content"] == found["output.value"] == "Just text."


@pytest.mark.parametrize(
    ("label", "kind"),
    [("LLM", "LLM"), ("RETRIEVER", "RETRIEVER"), ("AGENT", "AGENT"), ("TOOL", "TOOL"), ("RERANKER", "RERANKER"),
     ("ENTRY", "CHAIN"), ("STEP", "CHAIN"), ("TASK", "CHAIN"), ("workflow", "CHAIN"), ("generation", "LLM")],
)  # fmt: skip
def test_loongsuite_names_kinds_in_a_key_of_its_own(label: str, kind: str) -> None:
    """alibaba/loongsuite-semantic-conventions-genai#15 and #3: kinds and sessions nobody else reads."""
    found = one({"gen_ai.span.kind": label, "gen_ai.session.id": "s", "gen_ai.user.id": "u"})
    assert (found["openinference.span.kind"], found["session.id"], found["user.id"]) == (kind, "s", "u")


def test_an_operation_nobody_knows_is_no_request_for_its_messages() -> None:
    """langfuse/langfuse#9970: `orchestrate_tools` of Microsoft.Extensions.AI repeats the messages of its requests."""
    messages = json.dumps(user(text("q")))
    found = one({"gen_ai.operation.name": "orchestrate_tools", "gen_ai.input.messages": messages})
    assert found["openinference.span.kind"] == "CHAIN"
    assert found["input.value"] == messages


def test_inputs_for_mlflow_beside_genai_are_the_messages() -> None:
    """aaif-goose/goose#10778: a request's messages stand in `mlflow.spanInputs` alone."""
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
        "mlflow.spanInputs": json.dumps({"messages": [{"role": "user", "content": "hi"}]}),
        "mlflow.spanOutputs": json.dumps({"role": "assistant", "content": "yo"}),
    }
    found = one(told, scope="goose")
    assert (found["openinference.span.kind"], found["llm.token_count.total"]) == ("LLM", 7)
    assert (found[f"{IN}.0.message.content"], found[f"{OUT}.0.message.content"]) == ("hi", "yo")
    assert "mlflow.spanInputs" not in found


def test_litellm_shows_calls_beside_the_text_of_an_answer() -> None:
    """BerriAI/litellm#4076 and on: the call of an answer that also says something stands in numbered keys alone."""
    answered = [{"role": "assistant", "parts": [text("Let me look.")], "finish_reason": "tool_calls"}]
    printed = "{'prompt_tokens': 120, 'completion_tokens': 14, 'prompt_tokens_details': {'cached_tokens': 100}}"
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 14,
        "gen_ai.cost.total_cost": 0.5,
        "gen_ai.cost.cache_read_cost": 0.1,
        "gen_ai.input.messages": json.dumps(user(text("q"))),
        "gen_ai.output.messages": json.dumps(answered),
        "gen_ai.completion.0.function_call.name": "weather",
        "gen_ai.completion.0.function_call.arguments": '{"city":"Rome"}',
        "metadata.usage_object": printed,
    }
    found = one(told, scope="litellm")
    assert found[f"{OUT}.0.message.content"] == "Let me look."
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.function.name"] == "weather"
    assert found["llm.token_count.prompt_details.cache_read"] == 100
    assert found["llm.cost.prompt_details.cache_read"] == 0.1
    assert "gen_ai.completion.0.function_call.name" not in found


@pytest.mark.parametrize("usage", ["{1: {2: 3}}", "{", "(" * 3000, "-" * 3000 + "1", "{'prompt_tokens': 1j}", "x\0"])
def test_what_is_printed_as_no_usage_costs_litellm_nothing_else(usage: str) -> None:
    found = one({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "metadata.usage_object": usage},
                scope="litellm")  # fmt: skip
    assert found["llm.model_name"] == "m"


def test_who_asked_may_stand_in_the_log_record_alone() -> None:
    """ADK 2 writes the user's id there, and nowhere on its spans."""
    join = LogJoin(lambda: 0.0)
    record = ("gen_ai.client.inference.operation.details", {"user.id": "u-1", "gen_ai.input.messages": "[]"}, None)
    Reshaper(join=join).reshape(logs_with(record))
    assert one({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}, join=join)["user.id"] == "u-1"
