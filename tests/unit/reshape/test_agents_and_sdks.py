"""What single agents and SDKs write in ways of their own, one claim each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.reshape import IN, OUT, PNG, chat, logs_with, one, text, user

from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper


def test_a_reranker_of_the_ai_sdk_has_documents_in_and_out() -> None:
    """Its ranking holds indexes into the documents."""
    found = one({
        "ai.operationId": "ai.rerank.doRerank", "ai.model.id": "r", "ai.documents": ['"a"', '{"text":"b"}'],
        "ai.ranking": ['{"index":1,"relevanceScore":0.9}', '{"index":0,"relevanceScore":0.1}'],
    })  # fmt: skip
    assert found["openinference.span.kind"] == "RERANKER"
    assert found["reranker.model_name"] == "r"
    assert found["reranker.input_documents.0.document.content"] == "a"
    assert found["reranker.output_documents.0.document.content"] == "b"
    assert found["reranker.output_documents.0.document.score"] == 0.9


def test_ai_sdk_4_spells_some_keys_otherwise() -> None:
    """`args` and `result` of tools, `promptTokens`, images by mimeType."""
    history = [
        {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "1", "toolName": "f", "args": {"x": 1}}]},
        {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "1", "toolName": "f", "result": "r"}]},
    ]
    found = one({
        "operation.name": "ai.streamText.doStream turn", "ai.model.id": "m", "ai.prompt.messages": json.dumps(history),
        "ai.response.toolCalls": json.dumps([{"toolCallId": "2", "toolName": "g", "args": '{"y":2}'}]),
        "ai.usage.promptTokens": 3, "ai.usage.completionTokens": 4, "ai.telemetry.metadata.nested.key": "v",
    })  # fmt: skip
    assert found["openinference.span.kind"] == "LLM"
    assert found[f"{IN}.0.message.tool_calls.0.tool_call.function.arguments"] == '{"x":1}'
    assert (found[f"{IN}.1.message.tool_call_id"], found[f"{IN}.1.message.content"]) == ("1", "r")
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.function.arguments"] == '{"y":2}'
    assert found["llm.token_count.total"] == 7
    assert json.loads(found["metadata"]) == {"nested.key": "v"}


CLAUDE = {"scope": "com.anthropic.claude_code.tracing", "service": "claude-code"}


def test_claude_code_counts_what_its_cache_gave() -> None:
    """Anthropic's input tokens leave the cache out; OpenInference's prompt count is all of them."""
    found = one(
        {"span.type": "llm_request", "model": "claude-x", "input_tokens": 31, "output_tokens": 17,
         "cache_read_tokens": 10, "cache_creation_tokens": 4, "stop_reason": "end_turn",
         "new_context": "[USER]\nlook\n[TOOL RESULT: toolu_1]\nhello\n", "response.model_output": "Done."},
        **CLAUDE,
    )  # fmt: skip
    assert (found["llm.token_count.prompt"], found["llm.token_count.total"]) == (45, 62)
    assert (found[f"{IN}.0.message.role"], found[f"{IN}.0.message.content"]) == ("user", "look")
    assert (found[f"{IN}.1.message.tool_call_id"], found[f"{IN}.1.message.content"]) == ("toolu_1", "hello")
    assert found["llm.finish_reason"] == "end_turn"


def test_claude_code_costs_come_from_the_record_of_the_same_request() -> None:
    """The agent says what it cost; nothing is worked out from prices."""
    join = LogJoin(lambda: 0.0)
    record = {"model": "claude-x", "input_tokens": 31, "output_tokens": 17, "cost_usd": 0.25}
    other = {**record, "input_tokens": 99, "cost_usd": 9.0}
    logs = logs_with(
        ("api_request", record, None), ("api_request", other, None), scope="com.anthropic.claude_code.events"
    )
    Reshaper(join=join).reshape(logs)
    given = {"span.type": "llm_request", "model": "claude-x", "input_tokens": 31, "output_tokens": 17}
    assert one(given, join=join, times=(0, 10), **CLAUDE)["llm.cost.total"] == 0.25
    assert "llm.cost.total" not in one(given, join=join, times=(10**12, 10**12 + 1), **CLAUDE)


def test_claude_code_hides_what_its_user_hid() -> None:
    """`<REDACTED>` is no prompt."""
    found = one({"span.type": "interaction", "user_prompt": "<REDACTED>"}, **CLAUDE)
    assert found["openinference.span.kind"] == "AGENT"
    assert "input.value" not in found


def test_gemini_clis_own_parts_are_read() -> None:
    """Parts without a type, the role `model`, and operation names of its own."""
    history = [
        {"role": "user", "parts": [{"text": "go"}]},
        {"role": "model", "parts": [{"functionCall": {"id": "1", "name": "ls", "args": {"dir": "."}}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "1", "name": "ls", "response": {"output": "a"}}}]},
    ]
    gemini = {"scope": "gemini-cli", "service": "gemini-cli"}
    found = one({"gen_ai.operation.name": "llm_call", "gen_ai.agent.name": "gemini-cli", "gen_ai.request.model": "g",
                 "gen_ai.input.messages": json.dumps(history)}, **gemini)  # fmt: skip
    assert found["openinference.span.kind"] == "LLM"
    assert found[f"{IN}.1.message.role"] == "assistant"
    assert found[f"{IN}.1.message.tool_calls.0.tool_call.function.arguments"] == '{"dir":"."}'
    assert found[f"{IN}.2.message.role"] == "tool"
    assert found[f"{IN}.2.message.tool_call_id"] == "1"
    tool = one({"gen_ai.operation.name": "tool_call", "gen_ai.tool.name": "ls", "gen_ai.tool.call_id": "1",
                "gen_ai.agent.name": "gemini-cli"}, **gemini)  # fmt: skip
    assert (tool["openinference.span.kind"], tool["tool_call.id"]) == ("TOOL", "1")
    assert one({"gen_ai.operation.name": "schedule_tool_calls"}, **gemini)["openinference.span.kind"] == "CHAIN"


def test_langfuse_generations_have_model_usage_and_cost() -> None:
    """All three are JSON in one attribute each."""
    found = one({
        "langfuse.observation.type": "generation", "langfuse.observation.model.name": "gpt-5",
        "langfuse.observation.model.parameters": '{"temperature":"0.2"}',
        "langfuse.observation.input": '[{"role":"user","content":"hi"}]',
        "langfuse.observation.output": '{"role":"assistant","content":"yo"}',
        "langfuse.observation.usage_details": '{"input":10,"output":4,"total":14,"input_cached_tokens":3}',
        "langfuse.observation.cost_details": '{"total":0.5}',
        "langfuse.trace.metadata.team": '"search"',
    })  # fmt: skip
    assert found["llm.model_name"] == "gpt-5"
    assert json.loads(found["llm.invocation_parameters"]) == {"temperature": 0.2}
    assert found[f"{IN}.0.message.content"] == "hi"
    assert found[f"{OUT}.0.message.content"] == "yo"
    assert found["llm.token_count.prompt_details.cache_read"] == 3
    assert (found["llm.token_count.total"], found["llm.cost.total"]) == (14, 0.5)
    assert json.loads(found["metadata"]) == {"team": "search"}


def test_langsmith_llm_runs_have_messages_from_prompt_and_completion() -> None:
    """Inputs may be LangChain's serialized messages, in lists of lists."""
    message = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "HumanMessage"],
        "kwargs": {"content": "hi"},
    }
    answer = {"generations": [[{"text": "yo", "message": {"kwargs": {"content": "yo", "type": "ai"}}}]]}
    found = one({
        "langsmith.span.kind": "llm", "gen_ai.prompt": json.dumps({"messages": [[message]]}),
        "gen_ai.completion": json.dumps(answer), "langsmith.metadata.ls_model_name": "gpt-5",
        "langsmith.metadata.thread_id": "t-1", "langsmith.span.tags": "a, b", "gen_ai.usage.input_tokens": 2,
    })  # fmt: skip
    assert found["llm.model_name"] == "gpt-5"
    assert (found["session.id"], found["tag.tags"]) == ("t-1", ["a", "b"])
    assert (found[f"{IN}.0.message.role"], found[f"{IN}.0.message.content"]) == ("user", "hi")
    assert (found[f"{OUT}.0.message.role"], found[f"{OUT}.0.message.content"]) == ("assistant", "yo")


def test_langsmith_requests_have_tools_and_parameters_in_their_body() -> None:
    """And the counts of cache and reasoning in its metadata: as JSON there, elsewhere as a Python dict's text."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    body = {"model": "m", "temperature": 0.2, "messages": [{"role": "user", "content": "hi"}], "tools": [tool]}
    usage = {"input_token_details": {"cache_read": 8}, "output_token_details": {"reasoning": 3}}
    found = one({
        "langsmith.span.kind": "llm", "gen_ai.request.model": "m", "gen_ai.prompt": json.dumps(body),
        "langsmith.metadata.usage_metadata": json.dumps(usage), "gen_ai.usage.input_token_details": "{'cache_read': 8}",
    })  # fmt: skip
    assert json.loads(found["llm.invocation_parameters"]) == {"model": "m", "temperature": 0.2}
    assert json.loads(found["llm.tools.0.tool.json_schema"]) == tool
    assert found["llm.token_count.prompt_details.cache_read"] == 8
    assert found["llm.token_count.completion_details.reasoning"] == 3


@pytest.mark.parametrize("write", [json.dumps, str])
def test_langsmith_s_details_count_in_json_and_as_python_prints_them(write: Any) -> None:
    """Its exporter for JavaScript writes the one, its exporter for Python the other."""
    found = one({
        "langsmith.span.kind": "llm", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 4,
        "gen_ai.usage.input_token_details": write({"cache_read": 3, "cache_creation": 2}),
        "gen_ai.usage.output_token_details": write({"reasoning": 1}),
    })  # fmt: skip
    assert found["llm.token_count.prompt"] == 10
    assert found["llm.token_count.prompt_details.cache_read"] == 3
    assert found["llm.token_count.prompt_details.cache_write"] == 2
    assert found["llm.token_count.completion_details.reasoning"] == 1


def test_langsmith_s_details_are_found_in_langchains_answer() -> None:
    """The exporter reads the two totals there, and leaves the rest."""
    usage = {"input_tokens": 10, "output_tokens": 4, "input_token_details": {"cache_read": 3}}
    kwargs = {"content": "a", "usage_metadata": usage}
    message = {"lc": 1, "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": kwargs}
    span = {"langsmith.span.kind": "llm", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 4}
    found = one({**span, "gen_ai.completion": json.dumps({"generations": [[{"message": message}]]})})
    assert found["llm.token_count.prompt_details.cache_read"] == 3
    assert (found["llm.token_count.prompt"], found["llm.token_count.total"]) == (10, 14)
    several = {"generations": [[{"message": message}, {"message": message}]]}
    assert "llm.token_count.prompt_details.cache_read" not in one({**span, "gen_ai.completion": json.dumps(several)})


def test_a_response_that_repeats_its_instructions_does_not_say_them() -> None:
    """OpenAI's responses hold the instructions of their request; the model's answer is `output` alone."""
    answer = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yo"}]}
    found = one({
        "langsmith.span.kind": "llm", "gen_ai.prompt": json.dumps({"input": "hi", "instructions": "S"}),
        "gen_ai.completion": json.dumps({"instructions": "S", "output": [answer]}),
    })  # fmt: skip
    assert [found[f"{IN}.{n}.message.content"] for n in (0, 1)] == ["S", "hi"]
    assert found[f"{OUT}.0.message.content"] == "yo"
    assert f"{OUT}.1.message.role" not in found


@pytest.mark.parametrize("asked", ["prompt_tokens_details", "input_tokens_details"])
def test_a_provider_s_own_usage_is_read_in_full(asked: str) -> None:
    """Langfuse and Logfire pass it on as it came: cache and reasoning stand in objects of their own."""
    answered = asked.replace("prompt", "completion").replace("input", "output")
    usage = json.dumps({asked: {"cached_tokens": 8}, answered: {"reasoning_tokens": 3, "audio_tokens": None}})
    langfuse = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": usage}
    for found in (one(langfuse), chat(user(text("x")), **{"gen_ai.usage.raw": usage})):
        assert found["llm.token_count.prompt_details.cache_read"] == 8
        assert found["llm.token_count.completion_details.reasoning"] == 3


def test_a_parameter_that_is_no_number_stays_text() -> None:
    """Langfuse writes "Infinity" for a limit that was not set; as a number it would become null in JSON."""
    found = one({
        "langfuse.observation.type": "generation", "langfuse.observation.model.parameters": '{"max_tokens":"Infinity"}',
    })  # fmt: skip
    assert json.loads(found["llm.invocation_parameters"]) == {"max_tokens": "Infinity"}


def test_mlflow_values_are_json_twice_over() -> None:
    """`"\\"TOOL\\""` is a TOOL, and its inputs are JSON text within JSON text."""
    found = one({
        "mlflow.spanType": '"TOOL"', "mlflow.spanFunctionName": '"search"',
        "mlflow.spanInputs": json.dumps(json.dumps({"q": 1})), "mlflow.spanOutputs": '"sunny"',
    }, name="search")  # fmt: skip
    assert (found["openinference.span.kind"], found["tool.name"]) == ("TOOL", "search")
    assert json.loads(found["input.value"]) == {"q": 1}
    assert found["output.value"] == "sunny"


def test_mlflow_chat_models_have_messages_tools_and_usage() -> None:
    """Inputs and outputs are the provider's own request and response."""
    response = {
        "model": "gpt-5-x",
        "choices": [{"message": {"role": "assistant", "content": "yo"}, "finish_reason": "stop"}],
    }
    found = one({
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.spanInputs": json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]}),
        "mlflow.spanOutputs": json.dumps(response),
        "mlflow.chat.tokenUsage": '{"input_tokens":3,"output_tokens":2,"total_tokens":5}',
        "mlflow.chat.tools": '[{"type":"function","function":{"name":"f"}}]', "mlflow.trace.session": '"s-1"',
    })  # fmt: skip
    assert found["llm.model_name"] == "gpt-5-x"
    assert found[f"{IN}.0.message.content"] == "hi"
    assert (found[f"{OUT}.0.message.content"], found["llm.finish_reason"]) == ("yo", "stop")
    assert (found["llm.token_count.total"], found["session.id"]) == (5, "s-1")
    assert "llm.tools.0.tool.json_schema" in found


def test_traceloop_tools_have_what_the_tool_was_given() -> None:
    """A framework wraps it in `inputs`; sessions and users are association properties."""
    found = one({
        "traceloop.span.kind": "tool", "traceloop.entity.name": "search",
        "traceloop.entity.input": '{"input_str":"x","inputs":{"q":1}}', "traceloop.association.properties.user_id": "u",
        "traceloop.association.properties.chat": "c",
    })  # fmt: skip
    assert json.loads(found["tool.parameters"]) == {"q": 1}
    assert json.loads(found["input.value"])["input_str"] == "x"
    assert (found["user.id"], json.loads(found["metadata"])) == ("u", {"chat": "c"})


def test_traceloop_agents_have_the_messages_and_tools_that_stand_on_them() -> None:
    """Frameworks add GenAI's keys to the wrapper of an agent."""
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
    found = one({"traceloop.span.kind": "agent", "traceloop.entity.name": "a",
                 "gen_ai.input.messages": json.dumps(user(text("hi"))),
                 "gen_ai.tool.definitions": json.dumps(tools)})  # fmt: skip
    assert (found["agent.name"], found[f"{IN}.0.message.content"]) == ("a", "hi")
    assert json.loads(found["llm.tools.0.tool.json_schema"])["function"]["name"] == "f"


def test_traceloop_tools_may_say_what_they_were_given_in_genai_keys() -> None:
    """As OpenLLMetry does for OpenAI's agents; where it says the same twice, once is enough."""
    given = {"traceloop.span.kind": "tool", "gen_ai.tool.name": "f", "gen_ai.tool.call.arguments": '{"q": 1}'}
    found = one({**given, "gen_ai.tool.call.result": "r"})
    assert (found["tool.name"], found["tool.parameters"], found["output.value"]) == ("f", '{"q": 1}', "r")
    task = one({"traceloop.span.kind": "task", "traceloop.entity.input": "x", "gen_ai.task.input": "x",
                "gen_ai.task.output": "y", "traceloop.association.properties.thread_id": "t"})  # fmt: skip
    assert (task["input.value"], task["output.value"], task["session.id"]) == ("x", "y", "t")
    assert not {"traceloop.entity.input", "gen_ai.task.input", "gen_ai.task.output"} & task.keys()
    other = one({"traceloop.span.kind": "task", "traceloop.entity.input": "x", "gen_ai.task.input": "z"})
    assert (other["input.value"], other["gen_ai.task.input"]) == ("x", "z")


def test_langchain_s_retrievers_are_tasks_that_retrieve() -> None:
    """OpenLLMetry calls them tasks; their operation says more."""
    found = one({
        "traceloop.span.kind": "task", "gen_ai.operation.name": "vector_db_retrieve",
        "traceloop.entity.output": '{"documents":[{"page_content":"d","metadata":{}}],"count":1}',
    })  # fmt: skip
    assert found["openinference.span.kind"] == "RETRIEVER"
    assert found["retrieval.documents.0.document.content"] == "d"


def test_pydantic_ai_embeddings_have_their_texts() -> None:
    """Both stand under bare keys; the vectors go, as all do by default."""
    found = one({"gen_ai.operation.name": "embeddings", "inputs": '["a", "b"]', "embeddings": "[[0.5], [0.25]]",
                 "operation.cost": 0.1}, scope="pydantic-ai")  # fmt: skip
    assert [found[f"embedding.embeddings.{n}.embedding.text"] for n in (0, 1)] == ["a", "b"]
    assert (found["input.value"], found["llm.cost.total"]) == ('["a", "b"]', 0.1)
    assert not [key for key in found if "vector" in key or key == "embeddings"]


def test_pydantic_ai_1_agents_and_tools() -> None:
    """Its first instrumentation had no operation on either, and bare keys."""
    messages = [
        {"content": "q", "role": "user", "event.name": "gen_ai.user.message"},
        {"role": "assistant", "content": "a", "event.name": "gen_ai.assistant.message"},
    ]
    pydantic = {"scope": "pydantic-ai"}
    run = one({"agent_name": "n", "model_name": "m", "all_messages_events": json.dumps(messages), "final_result": "a",
               "gen_ai.usage.input_tokens": 3}, name="agent run", **pydantic)  # fmt: skip
    assert (run["openinference.span.kind"], run["agent.name"]) == ("AGENT", "n")
    assert (run["input.value"], run["output.value"]) == ("q", "a")
    assert "llm.token_count.prompt" not in run
    tool = one({"gen_ai.tool.name": "f", "gen_ai.tool.call.id": "1", "tool_arguments": '{"x":1}', "tool_response": "r"},
               name="running tool", **pydantic)  # fmt: skip
    assert (tool["openinference.span.kind"], tool["tool.parameters"], tool["output.value"]) == ("TOOL", '{"x":1}', "r")


def test_logfire_keeps_requests_of_the_openai_client_as_they_were() -> None:
    """`request_data` and `response_data` are the client's own request and what was made of its answer."""
    found = one({
        "gen_ai.request.model": "gpt-5", "gen_ai.system": "openai",
        "request_data": json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]}),
        "response_data": json.dumps({"message": {"role": "assistant", "content": "yo"}, "usage": {"total_tokens": 3}}),
    }, scope="logfire.openai")  # fmt: skip
    assert found["openinference.span.kind"] == "LLM"
    assert (found[f"{IN}.0.message.content"], found[f"{OUT}.0.message.content"]) == ("hi", "yo")


def test_google_adk_2_follows_the_genai_conventions() -> None:
    """One key of its own on each span must not hide the messages, arguments and results in all the others."""
    own = {"gcp.vertex.agent.event_id": "e"}
    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": {"q": 1}}
    found = one({
        **own, "gen_ai.operation.name": "generate_content", "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.input.messages": json.dumps(user(text("hi"))), "gen_ai.system_instructions": json.dumps([text("S")]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [call]}]), "gen_ai.usage.input_tokens": 2,
    })  # fmt: skip
    assert [found[f"{IN}.{n}.message.content"] for n in (0, 1)] == ["S", "hi"]
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.function.name"] == "f"
    assert (found["openinference.span.kind"], found["llm.token_count.prompt"]) == ("LLM", 2)
    tool = one({**own, "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f",
                "gen_ai.tool.call.arguments": '{"q": 1}', "gen_ai.tool.call.result": '{"r": 2}'})  # fmt: skip
    assert (tool["tool.parameters"], tool["output.value"]) == ('{"q": 1}', '{"r": 2}')


def test_google_adk_1_counts_a_request_once() -> None:
    """`call_llm` holds what was asked and answered; the `generate_content` within it says the same counts again."""
    request = {
        "model": "g",
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "config": {"system_instruction": "S"},
    }
    response = {
        "content": {"role": "model", "parts": [{"text": "yo"}]},
        "usage_metadata": {"prompt_token_count": 2, "candidates_token_count": 1},
    }
    given = {"llm_request": json.dumps(request), "llm_response": json.dumps(response), "session_id": "s"}
    adk = one({f"gcp.vertex.agent.{key}": value for key, value in given.items()}, name="call_llm")
    assert (adk["openinference.span.kind"], adk["session.id"], adk["llm.token_count.total"]) == ("LLM", "s", 3)
    assert [adk[f"{IN}.{n}.message.content"] for n in (0, 1)] == ["S", "hi"]
    assert adk[f"{OUT}.0.message.content"] == "yo"
    inner = one({"gen_ai.operation.name": "generate_content", "gen_ai.system": "gemini",
                 "gcp.vertex.agent.event_id": "e", "gen_ai.usage.input_tokens": 2})  # fmt: skip
    assert inner["openinference.span.kind"] == "CHAIN"
    assert "llm.token_count.prompt" not in inner
    root = one({}, name="invocation", scope="gcp.vertex.agent")
    assert root["openinference.span.kind"] == "CHAIN"


def test_agent_framework_workflows_are_chains() -> None:
    """Their spans have no GenAI key; without a kind the root of a run would be none of the trace."""
    for name in ("workflow.run", "executor.process one", "edge_group.process X", "message.send"):
        found = one({"message.type": "M"}, name=name, scope="agent_framework")
        assert found == {"message.type": "M", "openinference.span.kind": "CHAIN"}
    assert one({"message.type": "M"}, name="message.send", scope="another") == {"message.type": "M"}
    assert one({}, name="tools/call x", scope="agent_framework") == {}


def genkit(subtype: str, asked: Any = None, answered: Any = None, **more: Any) -> dict[str, Any]:
    own = {"genkit:type": "action", "genkit:metadata:subtype": subtype, "genkit:name": "p/m"}
    given = {"genkit:input": asked, "genkit:output": answered}
    written = {key: json.dumps(value) for key, value in given.items() if value is not None}
    return one({**own, **written, **more})


def test_genkit_messages_have_reasoning_calls_results_and_media() -> None:
    """Its parts are named by their one member, and other conventions may pass them on."""
    parts = [{"reasoning": "hm"}, {"toolRequest": {"name": "f", "ref": "c", "input": {"q": 1}}, "metadata": {}}]
    media = [{"media": {"url": PNG}}, {"media": {"url": "https://x/y.pdf", "contentType": "application/pdf"}}]
    result = {"toolResponse": {"name": "f", "ref": "c", "output": {"r": 2}}}
    history = [
        {"role": "user", "content": [{"text": "see"}, *media]},
        {"role": "model", "content": parts},
        {"role": "tool", "content": [result]},
    ]
    for found in (genkit("model", {"messages": history}), chat(history)):
        assert found["openinference.span.kind"] == "LLM"
        assert found[f"{IN}.0.message.contents.1.message_content.image.image.url"] == PNG
        assert found[f"{IN}.0.message.contents.2.message_content.document.document.url"] == "https://x/y.pdf"
        assert (found[f"{IN}.1.message.role"], found[f"{IN}.2.message.role"]) == ("assistant", "tool")
        assert found[f"{IN}.1.message.contents.0.message_content.text"] == "hm"
        assert found[f"{IN}.1.message.tool_calls.0.tool_call.id"] == "c"
        assert found[f"{IN}.1.message.tool_calls.0.tool_call.function.arguments"] == '{"q":1}'
        assert (found[f"{IN}.2.message.tool_call_id"], found[f"{IN}.2.message.content"]) == ("c", '{"r":2}')


@pytest.mark.parametrize(("total", "completion"), [(34, 14), (29, 9)])
def test_genkit_counts_what_was_thought_as_completion(total: int, completion: int) -> None:
    """Some of its plugins count it beside the answer, others within it; the total tells which."""
    usage = {"inputTokens": 20, "outputTokens": 9, "thoughtsTokens": 5, "totalTokens": total}
    found = genkit("model", {"messages": []}, {"message": {"role": "model", "content": []}, "usage": usage})
    assert found["llm.token_count.completion"] == completion
    assert found["llm.token_count.completion_details.reasoning"] == 5


def test_genkit_requests_have_their_parameters_but_no_key() -> None:
    """A key to the provider may be given with each request."""
    found = genkit("model", {"messages": [], "config": {"temperature": 1, "apiKey": "x"}})
    assert found["llm.invocation_parameters"] == '{"temperature":1}'


@pytest.mark.parametrize(
    ("path", "tools", "kind"),
    [
        ("/{f,t:flow}/{generate,t:util}", ["/tool/t"], "AGENT"),
        ("/{f,t:flow}/{generate,t:util}", [], "CHAIN"),
        ("/{f,t:flow}/{generate,t:util}/{generate,t:util}", ["/tool/t"], "CHAIN"),
        ("/{a,t:action}/{runTurn-1,t:flowStep}/{generate,t:util}", ["/tool/t"], "CHAIN"),
    ],
)
def test_genkit_loops_are_agents_once(path: str, tools: list[str], kind: str) -> None:
    """Each further round of a generation is a span within the one before; an agent has a span of its own."""
    found = one({
        "genkit:type": "util", "genkit:name": "generate", "genkit:path": path,
        "genkit:input": json.dumps({"model": "p/m", "messages": [], "tools": tools}),
    })  # fmt: skip
    assert found["openinference.span.kind"] == kind
    assert found.get("agent.name") == ("f" if kind == "AGENT" else None)
    assert not any(key.startswith("llm.token_count") for key in found)


def test_genkit_outputs_do_not_repeat_their_inputs() -> None:
    """Who hides inputs would else find them in output.value; an agent's history stays in Genkit's own key."""
    answer = {"role": "model", "content": [{"text": "yo"}]}
    asked = {"role": "user", "content": [{"text": "hi"}]}
    repeated = {"message": answer, "request": {"messages": [asked]}}
    found = genkit("", {"messages": [asked]}, repeated, **{"genkit:type": "util"})
    assert json.loads(found["output.value"]) == {"message": answer}
    assert "genkit:output" not in found
    assert json.loads(genkit("flow", None, repeated)["output.value"]) == repeated
    state = {"sessionId": "s", "messages": [asked, answer]}
    agent = genkit("agent", None, {"message": answer, "state": state})
    assert json.loads(agent["output.value"]) == {"message": answer, "state": {"sessionId": "s"}}
    assert json.loads(agent["genkit:output"])["state"] == state
    assert (agent["input.value"], agent[f"{IN}.0.message.content"]) == ("hi", "hi")


def test_genkit_spans_with_genai_keys_are_genkit_s_alone() -> None:
    """Its subtype says what it is; the other convention would have made it a request to a model."""
    found = genkit("tool", {"q": 1}, 2, **{"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3})
    assert (found["openinference.span.kind"], found["tool.name"], found["output.value"]) == ("TOOL", "p/m", "2")
    assert "llm.token_count.prompt" not in found


def test_genkit_embeddings_are_texts_without_their_vectors() -> None:
    """Text can be won back from vectors; what came out instead of them is kept."""
    asked = {"input": [{"content": [{"text": "a"}, {"text": "b"}]}]}
    found = genkit("embedder", asked, {"embeddings": [{"embedding": [0.5]}]})
    assert found["embedding.embeddings.0.embedding.text"] == "ab"
    assert found["embedding.model_name"] == "m"
    assert not any("0.5" in str(value) for value in found.values())
    assert genkit("embedder", asked, {"odd": 1})["output.value"] == '{"odd": 1}'


def test_livekit_has_keys_of_its_own_and_genai_s() -> None:
    """Since 1.8 its own hold `pii` where people speak, and requests to models follow the GenAI conventions."""
    tool = one({"lk.function_tool.name": "f", "lk.function_tool.arguments": "{}", "lk.function_tool.output": "o"})
    assert (tool["openinference.span.kind"], tool["tool.name"], tool["output.value"]) == ("TOOL", "f", "o")
    context = {"items": [{"type": "message", "role": "user", "content": ["hi"]}]}
    turn = one({"lk.chat_ctx": json.dumps(context), "lk.response.text": "yo"}, name="llm_request")
    assert (turn[f"{IN}.0.message.content"], turn[f"{OUT}.0.message.content"]) == ("hi", "yo")
    tool = one({
        "lk.function_tool.name": "f", "lk.pii.function_tool.arguments": "{}", "lk.pii.function_tool.output": "o",
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": '"o"',
    })  # fmt: skip
    assert (tool["tool.name"], tool["tool.parameters"], tool["output.value"]) == ("f", "{}", "o")
    turn = one({"lk.pii.user_input": "hi", "lk.pii.response.text": "yo"}, name="agent_turn")
    assert (turn["openinference.span.kind"], turn["input.value"], turn["output.value"]) == ("AGENT", "hi", "yo")
    asked = json.dumps(user(text("hi")))
    call = one({"lk.llm_metrics": "{}", "gen_ai.operation.name": "chat", "gen_ai.input.messages": asked,
                "gen_ai.usage.input_tokens": 3}, name="llm_request")  # fmt: skip
    assert (call[f"{IN}.0.message.content"], call["llm.token_count.prompt"]) == ("hi", 3)


def test_untested_frameworks_go_as_far_as_their_published_keys() -> None:
    """smolagents: kinds."""
    assert one({"smolagents.max_steps": 3}, name="CodeAgent.run")["openinference.span.kind"] == "AGENT"
