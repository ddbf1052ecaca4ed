"""OpenCode 2: turns of its preview line as the public stream and as a plugin saw them, and made cases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.opencode import FIXTURES, assemble, attributes, live, of_kind

from collector.assemble.spans.otlp import BuiltSpan
from collector.opencode import messages2

V2 = FIXTURES / "v2"
BOTH = sorted(path.name.partition(".")[0] for path in V2.glob("*.plugin.ndjson"))
ONLY_THE_PLUGIN_KNOWS = {"input.value"}  # with the system prompt, and a tool's error as it was worded to the model
ONLY_THE_STREAM_KNOWS = {"opencode.project_id", "opencode.version", "opencode.session_title", "metadata"}
TITLE = {"prompt": 50, "completion": 5, "total": 55}


def lines(name: str) -> list[Any]:
    return [json.loads(line) for line in (V2 / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()]


def titles(made: list[BuiltSpan]) -> list[BuiltSpan]:
    return [m for m in of_kind(made, "LLM") if attributes(m)["agent.name"] == "title"]


def used(made: BuiltSpan) -> tuple[dict[str, int], float]:
    found = attributes(made)
    return {name: found[f"llm.token_count.{name}"] for name in TITLE}, found["llm.cost.total"]


def messages(made: BuiltSpan) -> list[dict[str, Any]]:
    """The conversation of a model call, without its system prompt and the texts of tools that failed."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in attributes(made).items():
        if key.startswith("llm.input_messages."):
            number, _, rest = key.removeprefix("llm.input_messages.").partition(".message.")
            found.setdefault(int(number), {})[rest] = value
    return [message for _, message in sorted(found.items()) if message["role"] != "system"]


def shown(made: BuiltSpan) -> dict[str, Any]:
    span = made.span
    known = {
        key: value
        for key, value in attributes(made).items()
        if key not in ONLY_THE_PLUGIN_KNOWS | ONLY_THE_STREAM_KNOWS and not key.startswith("llm.input_messages.")
    }
    return {
        **known, "name": span.name, "trace": span.trace_id, "above": span.parent_span_id,
        "times": (span.start_time_unix_nano, span.end_time_unix_nano),
        "status": (span.status.code, span.status.message), "events": [event.name for event in span.events],
    }  # fmt: skip


@pytest.mark.parametrize("name", BOTH)
def test_the_stream_and_a_plugin_give_the_same_tree(name: str) -> None:
    """The plugin of the recording came too late for the session's creation and its first prompt."""
    stream = {m.span.span_id: m for m in assemble(lines(f"{name}.sse"))}
    plugin = {m.span.span_id: m for m in assemble(lines(f"{name}.plugin"))}
    assert stream.keys() == plugin.keys()
    for identifier, made in stream.items():
        other = plugin[identifier]
        assert shown(made) == shown(other)
        sent, seen = messages(made), messages(other)
        assert [message["role"] for message in sent] == [message["role"] for message in seen]
        for one, two in zip(sent, seen, strict=True):
            if not two.get("content", "").startswith('{"error":'):
                assert one == two


@pytest.mark.parametrize("name", sorted(path.name.partition(".")[0] for path in V2.glob("*.messages.json")))
def test_what_the_server_keeps_gives_the_ids_of_the_stream(name: str) -> None:
    """All but the title, which is no message there, and the steps of other sessions than the one that was asked for."""
    stream = assemble(lines(f"{name}.sse"))
    kept = json.loads((V2 / f"{name}.messages.json").read_text(encoding="utf-8"))["data"][::-1]
    session = next(attributes(m)["session.id"] for m in of_kind(stream, "AGENT") if not m.span.parent_span_id)
    found = {m.span.span_id for m in assemble(messages2.events({"id": session}, kept))}
    mine = {m.span.span_id for m in stream if attributes(m)["session.id"] == session}
    failed = {m.span.span_id for m in stream if "opencode.attempt" in attributes(m) and m.span.status.code == 2}
    assert found == mine - {m.span.span_id for m in titles(stream)} - failed


def test_no_call_is_sent_its_own_tool_call_or_result() -> None:
    """The hook of the next step comes 100 ms after this step's end: it is not this step's."""
    first, second = of_kind(assemble(lines("v2_context_from_the_future")), "LLM")
    assert [message["role"] for message in messages(first)] == ["user"]
    assert [message["role"] for message in messages(second)] == ["user", "assistant", "tool"]


@pytest.mark.parametrize("name", ["multi.sse", "subagent.plugin", "toolerror.plugin", "queue.plugin", "queue.sse"])
def test_what_a_call_is_sent_ends_with_what_it_answers(name: str) -> None:
    for made in of_kind(assemble(lines(name)), "LLM"):
        assert messages(made)[-1]["role"] in ("user", "tool")
        answered = attributes(made).get("llm.output_messages.0.message.tool_calls.0.tool_call.id", "none")
        assert all(message.get("tool_call_id") != answered for message in messages(made))


@pytest.mark.parametrize("name", ["v2_title_double_count", "v2_title_after_turn_lost"])
def test_a_title_uses_what_no_step_explains(name: str) -> None:
    made = assemble(lines(name))
    (title,) = titles(made)
    assert used(title) == (TITLE, pytest.approx(0.0002))
    totals = [attributes(m).get("llm.token_count.total", 0) for m in of_kind(made, "LLM")]
    last = max(lines(name), key=lambda line: line["input"].get("data", {}).get("tokens", {}).get("input", 0))
    tokens = last["input"]["data"]["tokens"]
    assert sum(totals) == tokens["input"] + tokens["output"]


@pytest.mark.parametrize("late_ms", [0, 5_000, 60_000])
def test_a_title_that_comes_after_its_turn_is_told_once_with_it(late_ms: int) -> None:
    items = lines("v2_title_after_turn_lost")
    times = [line["ts"] for line in items]
    after = next(at for at, line in enumerate(items) if line["input"]["type"] == "session.execution.succeeded")
    times = [at + late_ms if number > after else at for number, at in enumerate(times)]
    made = live(items, times)
    (title,) = titles(made)
    (agent,) = of_kind(made, "AGENT")
    assert used(title)[0] == TITLE
    assert (title.span.trace_id, title.span.parent_span_id) == (agent.span.trace_id, agent.span.span_id)


def test_a_session_joined_later_says_nothing_of_its_title() -> None:
    """The first total that is heard holds all that was used before."""
    joined = [line for line in lines("v2_title_double_count") if line["input"].get("type") != "session.created"]
    first = next(line for line in joined if line["input"].get("type") == "session.usage.updated")
    first["input"]["data"]["tokens"]["input"] += 90_000
    rest = [line for line in joined if line is first or line["input"].get("type") != "session.usage.updated"]
    assert titles(assemble(rest)) == []


@pytest.mark.parametrize("name", ["v2_declined_permission", "perm.sse", "perm.plugin"])
def test_a_declined_permission_is_that_and_no_shutdown(name: str) -> None:
    made = assemble(lines(name))
    (agent,) = of_kind(made, "AGENT")
    assert agent.span.status.message == "permission declined"
    assert attributes(agent)["agent.stop_reason"] == "declined"
    assert of_kind(made, "TOOL")[-1].span.status.message == "declined by the user"
    assert [m.span.status.code for m in of_kind(made, "LLM")] == [1] * len(of_kind(made, "LLM"))


def test_a_dismissed_question_is_that() -> None:
    items = lines("v2_declined_permission")
    for item in items:
        if item["type"] == "permission.asked":
            tool = {"messageID": item["data"]["source"]["messageID"], "id": item["data"]["source"]["id"]}
            form = {"id": "per_1", "sessionID": item["data"]["sessionID"], "metadata": {"tool": tool}}
            item.update(type="form.created", data={"form": form})
        elif item["type"] == "permission.replied":
            item.update(type="form.cancelled", data={"sessionID": item["data"]["sessionID"], "id": "per_1"})
    made = assemble(items)
    assert of_kind(made, "AGENT")[0].span.status.message == "question declined"
    assert of_kind(made, "LLM")[0].span.status.code == 1


def test_an_abort_by_the_user_stays_an_abort() -> None:
    first, second, third = of_kind(assemble(lines("abort.sse")), "AGENT")
    assert [m.span.status.message for m in (first, second)] == ["interrupted (user)"] * 2
    assert third.span.status.code == 1


def test_a_failed_step_need_not_end_its_turn() -> None:
    """A stream that is cut after output has begun: OpenCode goes on with another step."""
    items = lines("v2_context_from_the_future")
    for item in items:
        if item["input"].get("type") == "session.step.ended":
            item["input"].update(type="session.step.failed")
            item["input"]["data"] |= {"error": {"type": "provider.stream", "message": "cut"}}
            break
    made = assemble(items)
    (agent,) = of_kind(made, "AGENT")
    first, second = of_kind(made, "LLM")
    assert (first.span.status.message, second.span.status.code, agent.span.status.code) == ("cut", 1, 1)
    slow = [item["ts"] + (8_000 if number > 12 else 0) for number, item in enumerate(items)]
    (agent,) = of_kind(live(items, slow), "AGENT")
    assert attributes(agent)["agent.llm_call_count"] == 2


def test_the_prompt_that_boots_a_location_comes_from_the_context_hook() -> None:
    """The plugin hears neither of the session's creation nor of its first prompt."""
    (agent,) = of_kind(assemble(lines("text.plugin")), "AGENT")
    assert attributes(agent)["input.value"] == "Please do the thing [[text]]"
    assert attributes(agent)["opencode.directory"] == "/home/dev/proj"


def test_a_queued_prompt_is_sent_from_when_it_is_taken_up() -> None:
    calls = [m for m in of_kind(assemble(lines("queue.sse")), "LLM") if attributes(m)["agent.name"] != "title"]
    assert [messages(m)[-1]["content"] for m in calls][1:] == ["And steer [[steer]]", "Queued [[queued]]"]


def test_parameters_of_the_hook_stand_on_the_call() -> None:
    items = lines("v2_context_from_the_future")
    for item in items:
        if item["hook"] == "session.context":
            item["output"]["options"] = {"maxTokens": 900, "topP": 0.5, "stop": ["END"], "seed": 3}
    for made in of_kind(assemble(items), "LLM"):
        given = json.loads(attributes(made)["llm.invocation_parameters"])
        assert given == {"max_tokens": 900, "seed": 3, "stop": ["END"], "top_p": 0.5}


def test_an_attachment_that_is_inlined_has_a_name_and_a_size() -> None:
    (agent,) = of_kind(assemble(lines("v2_declined_permission")), "AGENT")
    assert "text/plain, 12 bytes]" in attributes(agent)["input.value"]
    assert "aGVsbG8" not in json.dumps({key: str(value) for key, value in attributes(agent).items()})
