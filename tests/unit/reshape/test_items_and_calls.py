"""Items of OpenAI's responses, and calls that stand in more than one place or under another name."""

from __future__ import annotations

import json
from typing import Any

from harness.reshape import IN, OUT, chat, one, text, user

ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "think"}]},
    {"type": "function_call", "call_id": "c1", "id": "fc_1", "name": "w", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "rain"},
    {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** Begin"},
    {"type": "custom_tool_call_output", "call_id": "c2", "output": "ok"},
    {"type": "local_shell_call", "call_id": "c3", "action": {"type": "exec", "command": ["ls"]}},
    {"type": "local_shell_call_output", "call_id": "c3", "output": "a.txt"},
]


def test_items_of_a_response_keep_their_place_and_their_speaker() -> None:
    """A call is the assistant's, its output the tool's, and reasoning belongs to what follows it."""
    body = {"model": "gpt-5", "instructions": "SY", "input": ITEMS}
    found = one({"mlflow.spanType": '"CHAT_MODEL"', "mlflow.spanInputs": json.dumps(body)})
    roles = [found[f"{IN}.{n}.message.role"] for n in range(8)]
    assert roles == ["system", "user", *["assistant", "tool"] * 3]
    assert found[f"{IN}.2.message.contents.0.message_content.text"] == "think"
    calls = [(n, f"{IN}.{n}.message.tool_calls.0.tool_call") for n in (2, 4, 6)]
    assert [found[f"{call}.function.name"] for _, call in calls] == ["w", "apply_patch", "local_shell"]
    assert [found[f"{call}.id"] for _, call in calls] == [found[f"{IN}.{n + 1}.message.tool_call_id"] for n, _ in calls]
    assert found[f"{calls[1][1]}.function.arguments"] == "*** Begin"
    assert json.loads(found[f"{calls[2][1]}.function.arguments"])["command"] == ["ls"]
    assert [found[f"{IN}.{n}.message.content"] for n in (3, 5, 7)] == ["rain", "ok", "a.txt"]


def test_a_search_of_the_providers_own_is_a_call() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search", "query": "q"}}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "found"}]}
    found = chat(answered={"id": "resp_1", "output": [search, said]})
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.function.name"] == "web_search"
    assert "q" in found[f"{OUT}.0.message.tool_calls.0.tool_call.function.arguments"]
    assert found[f"{OUT}.1.message.content"] == "found"


def test_reasoning_that_nothing_follows_stays_where_it_was() -> None:
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "think"}]}
    found = chat([thought, {"role": "user", "content": "go on"}])
    assert [found[f"{IN}.{n}.message.role"] for n in (0, 1)] == ["assistant", "user"]


def test_a_call_that_is_told_twice_is_one() -> None:
    """LangChain has Anthropic's blocks and its own list of calls."""
    message = {
        "role": "assistant",
        "content": [{"type": "text", "text": "x"}, {"type": "tool_use", "id": "a", "name": "w", "input": {"c": 1}}],
        "tool_calls": [{"id": "a", "name": "w", "args": {"c": 1}}, {"id": "b", "name": "w", "args": {}}],
    }
    found = chat(answered=[message])
    ids = [value for key, value in found.items() if key.startswith(OUT) and key.endswith("tool_call.id")]
    assert ids == ["a", "b"]


def test_calls_in_langchains_additional_arguments_are_read() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "w", "arguments": "{}"}}
    found = chat([{"role": "assistant", "content": "", "additional_kwargs": {"tool_calls": [call]}}])
    assert found[f"{IN}.0.message.tool_calls.0.tool_call.id"] == "a"


def test_thinking_is_of_the_answer_that_follows() -> None:
    """OpenLLMetry numbers Anthropic's thinking as a message of its own, with a role that nobody has."""
    completion = {"0.role": "thinking", "0.content": "hm", "1.role": "assistant", "1.content": "4"}
    found = one(
        {"llm.request.type": "chat", **{f"gen_ai.completion.{key}": value for key, value in completion.items()}}
    )
    assert found[f"{OUT}.0.message.role"] == "assistant"
    assert found[f"{OUT}.0.message.contents.0.message_content.type"] == "reasoning"
    assert found[f"{OUT}.0.message.content"] == "4"
    assert f"{OUT}.1.message.role" not in found


def test_a_tools_call_and_result_are_found_among_messages() -> None:
    """Strands tells of a tool by the one event of the current conventions."""
    call = {"type": "tool_call", "name": "w", "id": "a", "arguments": {"c": 1}}
    result = {"type": "tool_call_response", "id": "a", "response": [{"text": "rain"}]}
    asked, given = (json.dumps([{"role": "tool", "parts": [part]}]) for part in (call, result))
    details = "gen_ai.client.inference.operation.details"
    found = one(
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "w", "gen_ai.tool.call.id": "a"},
        events=[(details, {"gen_ai.input.messages": asked}), (details, {"gen_ai.output.messages": given})],
    )
    assert (found["input.value"], found["tool.parameters"], found["output.value"]) == ('{"c":1}', '{"c":1}', "rain")


def test_results_of_pydantic_ais_parallel_calls_have_their_own_ids() -> None:
    results = [{"type": "tool_call_response", "id": name, "name": "w", "result": f"r{name}"} for name in "ab"]
    messages = json.dumps(user(*results))
    found = one({"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages}, scope="pydantic-ai")
    assert [found[f"{IN}.{n}.message.tool_call_id"] for n in (0, 1)] == ["a", "b"]
    assert [found[f"{IN}.{n}.message.content"] for n in (0, 1)] == ["ra", "rb"]


def test_code_that_gemini_runs_is_a_call_and_its_result() -> None:
    parts = [
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"text": "one"},
    ]
    found = chat(answered=[{"role": "model", "parts": parts}])
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.function.name"] == "code_execution"
    assert "print(1)" in found[f"{OUT}.0.message.tool_calls.0.tool_call.function.arguments"]
    assert (found[f"{OUT}.0.message.content"], found[f"{OUT}.1.message.content"]) == ("one", "1")


def test_bytes_of_javascript_are_bytes() -> None:
    """An array of bytes is an object of numbers in JSON."""
    part = {"type": "file", "mediaType": "image/png", "data": {"0": 65, "1": 66, "2": 67}}
    found = chat(user(part, text("?")))
    assert found[f"{IN}.0.message.contents.0.message_content.image.image.url"] == "data:image/png;base64,QUJD"


def test_calls_of_servers_and_of_no_schema_are_calls() -> None:
    parts = [
        {"type": "mcp_tool_use", "id": "m", "name": "echo", "server_name": "s", "input": {"x": 1}},
        {"type": "mcp_tool_result", "tool_use_id": "m", "content": [{"type": "text", "text": "hello"}]},
        {"type": "text", "text": "done"},
    ]
    found = chat(answered=[{"role": "assistant", "content": parts}])
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.function.name"] == "echo"
    assert (found[f"{OUT}.0.message.content"], found[f"{OUT}.1.message.content"]) == ("done", "hello")
    custom = {"id": "c", "type": "custom", "custom": {"name": "apply_patch", "input": "*** Begin"}}
    found = chat(answered=[{"role": "assistant", "tool_calls": [custom]}])
    call = f"{OUT}.0.message.tool_calls.0.tool_call.function"
    assert (found[f"{call}.name"], found[f"{call}.arguments"]) == ("apply_patch", "*** Begin")


def test_langchains_images_are_images() -> None:
    found = chat(user(text("see"), {"type": "image", "base64": "QUJD", "mime_type": "image/png"}))
    assert found[f"{IN}.0.message.contents.1.message_content.image.image.url"] == "data:image/png;base64,QUJD"


def test_a_calls_output_in_parts_is_its_text() -> None:
    """OpenAI's responses take a list where a text was; one with an image stays whole."""

    def output(*parts: dict[str, Any]) -> Any:
        found = chat([{"type": "function_call_output", "call_id": "c", "output": list(parts)}])
        assert (found[f"{IN}.0.message.role"], found[f"{IN}.0.message.tool_call_id"]) == ("tool", "c")
        return found[f"{IN}.0.message.content"]

    rain, image = {"type": "input_text", "text": "rain"}, {"type": "input_image", "image_url": "https://x.test/a.png"}
    assert output(rain, {"type": "input_text", "text": "later"}) == "rain\nlater"
    assert json.loads(output(rain, image)) == [rain, image]
