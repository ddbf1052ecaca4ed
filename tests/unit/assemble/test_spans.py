"""What spans say: times, tokens, conversations, attributes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from harness.opencode import CAPTURES, NOW, Script, assemble, attributes, load, of_kind, recording, scenarios

from collector.assemble.assembler import Assembler
from collector.assemble.spans.otlp import BuiltSpan, export_request


def calls(made: list[BuiltSpan], agent: str = "") -> list[BuiltSpan]:
    """LLM spans but of titles."""
    return [m for m in of_kind(made, "LLM") if attributes(m)["agent.name"] != "title" and agent in str(attributes(m))]


def milliseconds(made: BuiltSpan) -> tuple[int, int]:
    return made.span.start_time_unix_nano // 1_000_000, made.span.end_time_unix_nano // 1_000_000


def roles(made: BuiltSpan) -> list[str]:
    found = attributes(made)
    return [found[key] for key in found if key.startswith("llm.input_messages.") and key.endswith(".role")]


@pytest.mark.parametrize("scenario", scenarios())
def test_the_conversation_is_the_one_the_model_got(scenario: str) -> None:
    """Counted at the fake model; its compaction call packs the history into one message."""
    requests = [r for r in load(CAPTURES / scenario / "llm_requests.ndjson.gz") if r["key"] != "title"]
    made = calls(assemble(recording(scenario)))
    assert len(made) == len(requests)
    for m, request in zip(made, requests, strict=True):
        if attributes(m)["agent.name"] != "compaction":
            assert len(roles(m)) == request["n_msgs"]


@pytest.mark.parametrize("scenario", scenarios())
def test_a_call_starts_when_its_request_leaves(scenario: str) -> None:
    """Message creation, where the npm plugin starts its spans, is seconds before that."""
    requests = load(CAPTURES / scenario / "llm_requests.ndjson.gz")
    made = of_kind(assemble(recording(scenario)), "LLM")
    for m, request in zip(made, requests, strict=True):
        assert -5 <= request["ts"] - milliseconds(m)[0] <= 100


@pytest.mark.parametrize("scenario", scenarios())
def test_no_call_contains_the_time_of_its_tools(scenario: str) -> None:
    made = assemble(recording(scenario))
    for call in calls(made):
        message = attributes(call)["opencode.message_id"]
        tools = [t for t in of_kind(made, "TOOL") if attributes(t)["opencode.message_id"] == message]
        for tool in tools:
            start, end = milliseconds(tool)
            assert not (milliseconds(call)[0] <= start and end < milliseconds(call)[1])
        if tools:
            assert milliseconds(call)[1] <= max(milliseconds(tool)[0] for tool in tools)


@pytest.mark.parametrize("scenario", scenarios())
def test_an_agent_spans_all_that_is_below_it(scenario: str) -> None:
    made = assemble(recording(scenario))
    agents = {m.span.span_id: milliseconds(m) for m in of_kind(made, "AGENT")}
    for m in made:
        if m.span.parent_span_id in agents:
            start, end = agents[m.span.parent_span_id]
            assert start <= milliseconds(m)[0] <= milliseconds(m)[1] <= end


def test_token_counts_add_up() -> None:
    """OpenCode's input is without cache, its output without reasoning; OpenInference counts both in."""
    first, _ = calls(assemble(recording("reasoning")))
    found = attributes(first)
    assert found["llm.token_count.prompt"] == 5000
    assert found["llm.token_count.completion"] == 300
    assert found["llm.token_count.total"] == 5300
    assert found["llm.token_count.prompt_details.cache_read"] == 4096
    assert found["llm.token_count.completion_details.reasoning"] == 120
    assert found["llm.cost.total"] == found["opencode.cost_usd"] > 0


def test_reasoning_and_tool_calls_are_in_output_and_history() -> None:
    first, second = (attributes(m) for m in calls(assemble(recording("reasoning"))))
    output = "llm.output_messages.0.message."
    assert first[output + "contents.0.message_content.type"] == "reasoning"
    assert first[output + "contents.0.message_content.text"].startswith("Let me think")
    call = first[output + "tool_calls.0.tool_call.id"]
    assert second["llm.input_messages.2.message.tool_calls.0.tool_call.id"] == call
    assert second["llm.input_messages.3.message.role"] == "tool"
    assert second["llm.input_messages.3.message.tool_call_id"] == call
    assert second["llm.input_messages.3.message.content"] == "thinking\n"


@pytest.mark.parametrize("scenario", [s for s in scenarios() if s != "text_run"])
def test_the_system_prompt_is_that_of_the_call(scenario: str) -> None:
    """The npm plugin mixes up the title's and the turn's where they are made at the same time."""
    for m in of_kind(assemble(recording(scenario)), "LLM"):
        found = attributes(m)
        expected = {"title": "You are a title generator", "compaction": "You are a context summarization"}
        prompt = found["llm.input_messages.0.message.content"]
        assert prompt.startswith(expected.get(found["agent.name"], "You are opencode")), found["agent.name"]


def test_prompts_made_at_the_same_time_are_told_apart() -> None:
    """Both are made before either request leaves."""
    script = Script()
    script.user("msg_1", 0)
    script.add("message.updated", 50, info={**script._info("msg_2", "assistant", 50), "parentID": "msg_1"})
    lines = [
        hook(100, "experimental.chat.system.transform", {}, {"system": ["TITLE"]}),
        hook(101, "experimental.chat.system.transform", {}, {"system": ["BUILD"]}),
        hook(110, "chat.params", {"agent": "title"}, {}),
        hook(111, "chat.params", {"agent": "build"}, {"temperature": 0.2, "topP": 0.9, "maxOutputTokens": 100}),
    ]
    script.done("msg_2", "msg_1", 50, 200)
    made = of_kind(assemble([*script.events[:3], *lines, *script.events[3:]]), "LLM")
    prompts = {attributes(m)["agent.name"]: attributes(m)["llm.input_messages.0.message.content"] for m in made}
    assert prompts == {"title": "TITLE", "build": "BUILD"}
    (build,) = (attributes(m) for m in made if attributes(m)["agent.name"] == "build")
    parameters = orjson.loads(build["llm.invocation_parameters"])
    assert parameters == {"temperature": 0.2, "top_p": 0.9, "max_tokens": 100}


def hook(at: int, name: str, input: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
    given = {"sessionID": "ses_root", **input} if name != "tool.definition" else input
    return {"ts": NOW + at, "pid": 7, "dir": "/p", "hook": name, "input": given, "output": output}


def test_tools_are_offered_with_their_schemas() -> None:
    script = Script()
    script.user("msg_1", 0)
    script.answer("msg_2", "msg_1", 50)
    schema = {"type": "object", "properties": {"command": {"type": "string"}}}
    lines = [
        hook(51, "tool.definition", {"toolID": "bash"}, {"description": "Runs", "parameters": schema}),
        hook(52, "chat.params", {"agent": "build"}, {}),
    ]
    (call,) = of_kind(assemble([*script.events, *lines]), "LLM")
    found = attributes(call)
    assert found["llm.tools.0.tool.name"] == "bash"
    assert orjson.loads(found["llm.tools.0.tool.json_schema"])["function"]["parameters"] == schema


def test_the_time_to_the_first_token_is_told_where_the_start_is_known() -> None:
    (call,) = calls(assemble(recording("text")))
    assert 0 < attributes(call)["opencode.time_to_first_token_ms"] < 1000
    assert [event.name for event in call.span.events] == ["first_token"]


def test_failed_attempts_are_calls_of_their_own() -> None:
    first, second, third = calls(assemble(recording("retry500")))
    assert [m.span.status.message for m in (first, second)] == ["fake 500 error", "Rate limit exceeded"]
    assert [attributes(m)["opencode.attempt"] for m in (first, second, third)] == [1, 2, 3]
    assert third.span.status.code == 1
    assert milliseconds(first)[1] <= milliseconds(second)[0] < milliseconds(second)[1] <= milliseconds(third)[0]


def test_tools_tell_output_exit_code_and_error() -> None:
    tools = {attributes(m)["tool_call.id"]: attributes(m) for m in of_kind(assemble(recording("toolerror")), "TOOL")}
    assert tools["call_0002toolerror"]["opencode.exit_code"] == 3
    echo, _ = of_kind(assemble(recording("mcp")), "TOOL")
    assert attributes(echo)["output.value"] == "echo: hi mcp"


def test_waiting_for_a_permission_is_told_with_its_times() -> None:
    once, rejected = of_kind(assemble(recording("permission")), "TOOL")
    asked, replied = once.span.events
    assert (asked.name, replied.name) == ("permission.asked", "permission.replied")
    assert 1_000_000_000 < replied.time_unix_nano - asked.time_unix_nano < 2_000_000_000
    assert rejected.span.status.code == 2


def test_a_subagent_is_named_as_an_agent_and_not_by_its_task() -> None:
    """Task text in `agent.name` leaks, and makes an agent of each task."""
    names = {attributes(m)["agent.name"] for m in assemble(recording("subagent"))}
    assert names == {"build", "general", "title"}
    assert {attributes(m)["agent.id"] for m in assemble(recording("subagent"))} == {"opencode"}


def test_the_agent_tells_of_its_session() -> None:
    (agent,) = of_kind(assemble(recording("multi")), "AGENT")
    found = attributes(agent)
    assert found["opencode.session_title"] == "Fake session title"
    assert found["opencode.directory"] == "/home/dev/projects/multi"
    assert found["opencode.version"] == "1.18.33"
    assert (found["agent.llm_call_count"], found["agent.tool_call_count"]) == (4, 6)
    assert found["agent.stop_reason"] == "completed"
    assert {"patch", "diff"} <= {event.name for event in agent.span.events}


def test_service_name_and_metadata_are_those_of_the_settings() -> None:
    made = assemble(recording("text"), Assembler("my-agent", {"team": "core", "session_id": "no"}))
    (agent,) = of_kind(made, "AGENT")
    assert attributes(agent)["agent.id"] == "my-agent"
    metadata = orjson.loads(attributes(agent)["metadata"])
    assert metadata["team"] == "core"
    assert metadata["session_id"] == agent.session
    request = export_request(made)
    assert request.resource_spans[0].resource.attributes[0].value.string_value == "my-agent"


def test_attachments_are_told_by_name_type_and_size() -> None:
    """Inline data is no text, and no trace."""
    script = Script()
    script.user("msg_1", 0, "look")
    data = "iVBORw0KGgo" * 100
    part = {"type": "file", "mime": "image/png", "filename": "pix.png", "url": f"data:image/png;base64,{data}"}
    script.add("message.part.updated", 1, part=script._part("file", "msg_1", **part), time=NOW)
    script.answer("msg_2", "msg_1", 50)
    made = assemble(script.events)
    assert not [m for m in made if data.encode() in m.whole().SerializeToString()]
    (agent,) = of_kind(made, "AGENT")
    assert "[attachment: pix.png, image/png, 825 bytes]" in attributes(agent)["input.value"]


def test_a_conversation_too_long_to_send_loses_its_oldest_messages() -> None:
    script = Script()
    for turn in range(6):
        script.user(f"msg_{turn}u", turn * 1000, "x" * 600_000)
        script.answer(f"msg_{turn}v", f"msg_{turn}u", turn * 1000 + 100, f"answer {turn}")
        script.idle(turn * 1000 + 200)
    last = calls(assemble(script.events))[-1]
    assert last.span.ByteSize() < 3_500_000
    assert attributes(last)["opencode.dropped_input_messages"] > 0
    assert attributes(last)["output.value"].find("answer 5") > 0


@pytest.mark.parametrize(
    ("library", "model", "mime", "behind"),
    [
        ("@ai-sdk/openai-compatible", "m", "image/png", True),
        ("@ai-sdk/openai-compatible", "m", "text/plain", False),
        ("@ai-sdk/anthropic", "m", "image/png", False),
        ("@ai-sdk/amazon-bedrock", "anthropic.claude-3", "image/png", False),
        ("@ai-sdk/amazon-bedrock", "m", "image/png", True),
        ("@ai-sdk/amazon-bedrock", "m", "application/pdf", True),
        ("@ai-sdk/google", "gemini-3-pro", "image/png", False),
        ("@ai-sdk/google", "gemini-2.5-pro", "image/png", True),
        ("", "m", "image/png", False),
    ],
)
def test_media_of_a_tool_stand_where_they_were_sent(library: str, model: str, mime: str, behind: bool) -> None:
    """Which providers take media in a tool's result is decided by the library that OpenCode asks them with."""
    script = Script()
    script.user("msg_u1", 10)
    script.step("msg_a1", "msg_u1", 100)
    file = {"type": "file", "mime": mime, "filename": "dot", "url": f"data:{mime};base64,AAAA"}
    script.tool("read", "msg_a1", 120, 130, name="read", attachments=[file])
    script.done("msg_a1", "msg_u1", 100, 150, finish="tool-calls")
    script.answer("msg_a2", "msg_u1", 300)
    script.idle(400)
    asked = {"id": "m", "providerID": "p", "api": {"id": model, "npm": library}}
    params = {"ts": NOW + 301, "pid": 1, "dir": "/p", "hook": "chat.params"}
    hook = {**params, "input": {"sessionID": script.session, "agent": "build", "model": asked}, "output": {}}
    *_, call = of_kind(assemble([*script.events, hook]), "LLM")
    said = attributes(call)
    roles = [said[key] for key in sorted(said) if key.startswith("llm.input_messages.") and key.endswith(".role")]
    word = f"[attachment: dot, {mime}, 3 bytes]"
    if behind:
        assert roles == ["user", "assistant", "tool", "user"]
        assert said["llm.input_messages.2.message.content"] == "out"
        assert said["llm.input_messages.3.message.content"] == f"Attached media from tool result:\n{word}"
    else:
        assert roles == ["user", "assistant", "tool"]
        assert said["llm.input_messages.2.message.content"] == f"out\n{word}"
