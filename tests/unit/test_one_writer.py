"""What is assembled of events and what is reshaped of OTLP is written alike: one writer has both."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.opencode import NOW, Script, assemble, attributes, of_kind, recording
from harness.reshape import IN, OUT, chat, one, text, user

from collector.openinference.messages import ChatMessage, ToolCall, chat_message, text_contents, write_message
from collector.openinference.tokens import TokenCounts, write_tokens

THOUGHT = {"type": "reasoning", "content": "Let me think."}
CALL = {"type": "tool_call", "id": "c1", "name": "bash", "arguments": {"command": "ls"}}
TOOL = {"type": "function", "name": "bash", "description": "Runs it.", "parameters": {"type": "object"}}


def assembled_call() -> dict[str, Any]:
    """The first call of a recorded turn: it reasons, says something, and calls a tool."""
    return attributes(
        next(
            made
            for made in of_kind(assemble(recording("reasoning")), "LLM")
            if attributes(made)["agent.name"] != "title"
        )
    )


def hook(at: int, name: str, given: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
    return {"ts": NOW + at, "pid": 7, "dir": "/p", "hook": name, "input": given, "output": output}


def test_a_text_beside_reasoning_is_the_message_s_content_too() -> None:
    """Readers that know no reasoning look for the answer under message.content."""
    assembled = assembled_call()
    reshaped = chat(user(text("Hi")), [{"role": "assistant", "parts": [THOUGHT, text("Done.")]}])
    for found, said in (
        (assembled, assembled[f"{OUT}.0.message.contents.1.message_content.text"]),
        (reshaped, "Done."),
    ):
        assert found[f"{OUT}.0.message.content"] == said
        assert found[f"{OUT}.0.message.contents.0.message_content.type"] == "reasoning"
        assert found[f"{OUT}.0.message.contents.1.message_content.text"] == said


def test_reasoning_alone_is_no_content() -> None:
    found = chat(answered=[{"role": "assistant", "parts": [THOUGHT, CALL]}])
    assert f"{OUT}.0.message.content" not in found


def test_tools_have_names_beside_their_schemas() -> None:
    """At the metadata level a schema is content and is left out; the name is not."""
    reshaped = one({"gen_ai.operation.name": "chat", "gen_ai.tool.definitions": json.dumps([TOOL])})
    script = Script()
    script.user("msg_1", 0)
    script.answer("msg_2", "msg_1", 50)
    hooks = [
        hook(51, "tool.definition", {"toolID": "bash"}, {"description": "Runs it.", "parameters": {"type": "object"}}),
        hook(52, "chat.params", {"sessionID": "ses_root", "agent": "build"}, {}),
    ]
    (call,) = of_kind(assemble([*script.events, *hooks]), "LLM")
    assembled = {key: value for key, value in attributes(call).items() if key.startswith("llm.tools.")}
    assert assembled == {key: value for key, value in reshaped.items() if key.startswith("llm.tools.")}
    assert reshaped["llm.tools.0.tool.name"] == "bash"
    assert json.loads(reshaped["llm.tools.0.tool.json_schema"]) == {
        "type": "function",
        "function": {"name": "bash", "description": "Runs it.", "parameters": {"type": "object"}},
    }


def test_tool_calls_in_output_value_have_one_form() -> None:
    assembled = json.loads(assembled_call()["output.value"])
    reshaped = json.loads(
        one(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.prompt.0.role": "user",
                "gen_ai.prompt.0.content": "Hi",
                "gen_ai.completion.0.role": "assistant",
                "gen_ai.completion.0.tool_calls.0.id": "c1",
                "gen_ai.completion.0.tool_calls.0.name": "bash",
                "gen_ai.completion.0.tool_calls.0.arguments": "{}",
            }
        )["output.value"]
    )
    for message in (assembled[0], reshaped[0]):
        assert message["tool_calls"][0].keys() == {"id", "type", "function"}
        assert message["tool_calls"][0]["function"]["name"] == "bash"


def test_a_result_names_its_call() -> None:
    message = ChatMessage("tool", text_contents("file"), call_id="c1")
    assert chat_message(message) == {"role": "tool", "content": "file", "tool_call_id": "c1"}


def test_an_empty_message_has_an_empty_content() -> None:
    """A tool that printed nothing answered all the same."""
    written: dict[str, Any] = {}
    write_message(written.__setitem__, f"{IN}.0.", ChatMessage("tool", call_id="c1"))
    assert written[f"{IN}.0.message.content"] == ""


def test_all_of_a_message_is_written() -> None:
    written: dict[str, Any] = {}
    message = ChatMessage("assistant", text_contents("", "hm"), [ToolCall("c1", "bash", "{}")], name="coder")
    write_message(written.__setitem__, f"{OUT}.0.", message)
    assert written == {
        f"{OUT}.0.message.role": "assistant",
        f"{OUT}.0.message.name": "coder",
        f"{OUT}.0.message.contents.0.message_content.type": "reasoning",
        f"{OUT}.0.message.contents.0.message_content.text": "hm",
        f"{OUT}.0.message.tool_calls.0.tool_call.id": "c1",
        f"{OUT}.0.message.tool_calls.0.tool_call.function.name": "bash",
        f"{OUT}.0.message.tool_calls.0.tool_call.function.arguments": "{}",
    }


@pytest.mark.parametrize("unknown", [-1, float("nan"), float("inf")])
def test_a_count_that_is_none_is_not_written(unknown: float) -> None:
    written: dict[str, Any] = {}
    write_tokens(written.__setitem__, TokenCounts(prompt=unknown, completion=3))
    assert written == {"llm.token_count.completion": 3}
