"""What users of OpenCode's events reported of other tools, tried here: each says where it was reported."""

from __future__ import annotations

from typing import Any

import pytest
from harness.opencode import NOW, Script, assemble, attributes, ids, live, merged, of_kind

from collector.assemble.spans.otlp import BuiltSpan


def turn(script: Script, number: int = 1, at: int = 10) -> None:
    script.user(f"msg_u{number}", at, f"question {number}")
    script.answer(f"msg_a{number}", f"msg_u{number}", at + 100, f"answer {number}")
    script.idle(at + 1000)


def agents(made: list[BuiltSpan]) -> list[dict[str, Any]]:
    return [attributes(span) for span in of_kind(made, "AGENT")]


@pytest.mark.parametrize("times", [2, 30])
def test_events_that_fire_many_times_are_one_turn(times: int) -> None:
    """anomalyco/opencode#3744: plugins hear the same event again for each project that is open."""
    script = Script()
    turn(script)
    once = assemble(script.events)
    assert ids(live([event for event in script.events for _ in range(times)])) == ids(once)


def test_both_signs_of_idleness_and_updates_of_the_session_are_one_turn() -> None:
    """manaflow-ai/cmux#4051: status and idle ended it twice, and each update of a session began it again."""
    script = Script()
    turn(script)
    info = {"id": script.session, "title": "Titled", "time": {"created": NOW, "updated": NOW + 2}}
    for at in range(2, 2002, 200):
        script.add("session.updated", at, info=info)
    (agent,) = agents(live(sorted(script.events, key=lambda event: event["ts"])))
    assert agent["opencode.turn_number"] == 1


def test_what_is_told_of_an_idle_session_opens_no_turn() -> None:
    """manaflow-ai/cmux#4797: a list of todos after the end made the session active, and its end came again."""
    script = Script()
    turn(script)
    for at in (3000, 9000):
        script.add("todo.updated", at, todos=[{"content": "x", "status": "pending", "priority": "high", "id": "1"}])
        script.add("session.diff", at + 1, diff=[])
        script.idle(at + 2)
    assert len(agents(live(script.events))) == 1


def test_an_event_that_overtook_another_is_not_lost_for_its_id() -> None:
    """cfal/garcon#475: ids are given before events are committed, and are no cursor: answers were thrown away."""
    script = Script()
    turn(script)
    events = script.events
    swapped = [event for pair in zip(events[1::2], events[::2], strict=False) for event in pair]
    swapped += events[len(swapped) :]
    made = assemble(swapped)
    assert ids(made) == ids(assemble(events))
    assert agents(made)[0]["output.value"] == "answer 1"


def test_an_older_state_that_comes_late_opens_no_answer_again() -> None:
    """Maxsky5/openducktor#344: an update from before the end took the session out of idle."""
    script = Script()
    turn(script)
    stale = next(event for event in script.events if event["data"]["properties"].get("info", {}).get("parentID"))
    made = live([*script.events, {**stale, "ts": NOW + 5000}])
    assert [agent["agent.stop_reason"] for agent in agents(made)] == ["completed"]
    assert len(made) == len(ids(made))


def test_a_delta_before_its_part_costs_nothing() -> None:
    """anomalyco/opencode#26924: who registers parts by their updates drops what overtakes them."""
    script = Script()
    turn(script)
    first = Script()
    first.add("message.part.delta", 1, messageID="msg_a1", partID="prt_msg_a1_t", field="text", delta="answ")
    assert agents(assemble([*first.events[1:], *script.events]))[0]["output.value"] == "answer 1"


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_is_whole_with_deltas_and_without(streams: bool) -> None:
    """anomalyco/opencode#50285 (a version that streams no deltas), hao-ai-lab/research-agent#173 (one that streams
    nothing else): texts were empty."""
    script = Script()
    script.user("msg_u1", 10)
    script.step("msg_a1", "msg_u1", 100)
    for at, delta in enumerate(("ans", "wer ", "1") if streams else ()):
        script.add("message.part.delta", 110 + at, messageID="msg_a1", partID="prt_msg_a1_t", field="text", delta=delta)
    script.answer("msg_a1", "msg_u1", 100, "answer 1")
    script.idle(1000)
    assert agents(assemble(script.events))[0]["output.value"] == "answer 1"


@pytest.mark.parametrize("wrap", ["global", "bare"])
def test_events_in_an_envelope_are_those_without(wrap: str) -> None:
    """pingdotgg/t3code#2691: the global stream wraps events, and every one was dropped."""
    script = Script()
    turn(script)
    items = [event["data"] for event in script.events]
    wrapped = [{"directory": "/p", "payload": item} for item in items] if wrap == "global" else items
    assert ids(assemble(wrapped)) == ids(assemble(script.events))


def test_an_end_that_was_missed_does_not_leave_the_turn_open() -> None:
    """dzianisv/opencode-mobile#123, anomalyco/opencode#13947: the stream broke over busy and idle, which came to
    nobody: what the session's messages say is enough."""
    script = Script()
    turn(script)
    heard = [event for event in script.events if not event["data"]["type"].startswith("session.")]
    (agent,) = agents(live(heard))
    assert (agent["agent.stop_reason"], agent["output.value"]) == ("completed", "answer 1")


def test_a_session_whose_creation_nobody_heard_has_its_turns() -> None:
    """anomalyco/opencode#14808: plugins are loaded after the first session was created."""
    script = Script()
    turn(script)
    assert ids(assemble(script.events[1:])) == ids(assemble(script.events))


def test_an_error_of_no_session_is_no_turns_error() -> None:
    """anomalyco/opencode#20084: a plugin that cannot be loaded is an error of every project, and of no session."""
    script = Script()
    turn(script)
    error = {"name": "UnknownError", "data": {"message": "Failed to load plugin"}}
    loose = {"ts": NOW + 50, "data": {"id": "evt_1", "type": "session.error", "properties": {"error": error}}}
    made = live(sorted([*script.events, loose], key=lambda event: event["ts"]))
    assert [span.span.status.code for span in made] == [1] * len(made)
    assert len(agents(made)) == 1


def test_an_event_without_a_session_makes_none_of_its_own_id() -> None:
    """manaflow-ai/cmux#7940: the id of an event became that of a session, and such sessions crowded out the real."""
    script = Script()
    turn(script)
    loose = [
        {"ts": NOW + at, "data": {"id": f"evt_{at}", "type": type, "properties": {}}}
        for at, type in enumerate(("session.status", "session.idle", "lsp.updated", "server.connected"))
    ]
    assert {agent["session.id"] for agent in agents(assemble([*loose, *script.events]))} == {script.session}


def test_an_idle_subagent_ends_its_own_turn_and_no_other() -> None:
    """yiliangs/agent-usage-stat#103, anomalyco/opencode#26069: idle is said of subagents as well."""
    parent, child = Script(), Script("ses_kid", parent="ses_root", at=210)
    parent.user("msg_u1", 10, "delegate")
    parent.step("msg_a1", "msg_u1", 100)
    parent.running("task", "msg_a1", 200, name="task", metadata={"sessionId": "ses_kid"})
    child.user("msg_ku", 220, "for the subagent")
    child.answer("msg_ka", "msg_ku", 300, "of the subagent")
    child.idle(400)
    parent.tool("task", "msg_a1", 200, 30_000, name="task", metadata={"sessionId": "ses_kid"})
    parent.done("msg_a1", "msg_u1", 100, 30_010, finish="tool-calls")
    parent.answer("msg_a2", "msg_u1", 30_100, "all done")
    parent.idle(30_200)
    made = live(merged(parent, child))
    told = {agent["session.id"]: (agent["output.value"], agent["agent.stop_reason"]) for agent in agents(made)}
    assert told == {"ses_kid": ("of the subagent", "completed"), "ses_root": ("all done", "completed")}
    (tool,) = of_kind(made, "TOOL")
    kid = next(span for span in of_kind(made, "AGENT") if span.span.parent_span_id)
    assert kid.span.parent_span_id == tool.span.span_id


def test_a_tool_that_waited_for_its_arguments_and_was_given_up_is_an_error() -> None:
    """anomalyco/opencode#27871: pending without arguments for nine minutes, then an error, and the turn went on."""
    script = Script()
    script.user("msg_u1", 10)
    script.step("msg_a1", "msg_u1", 100)
    pending = {"status": "pending", "input": {}, "raw": ""}
    part = {"id": "prt_t", "messageID": "msg_a1", "sessionID": script.session, "type": "tool", "tool": "skill"}
    script.add("message.part.updated", 200, part={**part, "callID": "call_t", "state": pending}, time=NOW + 200)
    failed = {
        "status": "error", "input": {}, "error": "Tool execution aborted",
        "time": {"start": NOW + 540_000, "end": NOW + 540_000},
    }  # fmt: skip
    script.add("message.part.updated", 540_000, part={**part, "callID": "call_t", "state": failed}, time=NOW + 540_000)
    script.done("msg_a1", "msg_u1", 100, 540_010, finish="tool-calls")
    script.answer("msg_a2", "msg_u1", 540_100, "after all")
    script.idle(540_200)
    made = live(script.events)
    (tool,) = of_kind(made, "TOOL")
    assert (tool.span.status.code, tool.span.status.message) == (2, "Tool execution aborted")
    (agent,) = agents(made)
    assert (agent["output.value"], agent.get("opencode.incomplete")) == ("after all", None)


def test_a_step_that_says_nothing_for_no_tokens_shows_its_reason() -> None:
    """multica-ai/multica#6522: reasoning only, `unknown`, no tokens at all: told as a success with another's words."""
    script = Script()
    script.user("msg_u1", 10)
    script.step("msg_a1", "msg_u1", 100)
    thought = {"id": "prt_r", "messageID": "msg_a1", "sessionID": script.session, "type": "reasoning", "text": "Hm."}
    script.add("message.part.updated", 150, part={**thought, "time": {"start": NOW + 110, "end": NOW + 140}})
    tokens = {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    script.done("msg_a1", "msg_u1", 100, 200, finish="unknown", tokens=tokens, cost=0)
    script.idle(300)
    made = assemble(script.events)
    (call,) = (attributes(span) for span in of_kind(made, "LLM"))
    assert call["llm.finish_reason"] == "unknown"
    assert "llm.token_count.total" not in call
    (agent,) = agents(made)
    assert not agent.get("output.value")


def test_a_message_that_brings_its_parts_with_it_loses_none() -> None:
    """prokube/pk-opencode-webui#3: tokens that stand in the parts of a message's own update were ignored."""
    script = Script()
    turn(script)
    bare = assemble(script.events)
    parts = [event["data"]["properties"]["part"] for event in script.events if "part" in event["data"]["properties"]]
    export = {
        "info": script.events[0]["data"]["properties"]["info"],
        "messages": [
            {"info": info, "parts": [part for part in parts if part["messageID"] == info["id"]]}
            for info in {
                event["data"]["properties"]["info"]["id"]: event["data"]["properties"]["info"]
                for event in script.events
                if event["data"]["type"] == "message.updated"
            }.values()
        ],
    }
    assert ids(assemble([export])) == ids(bare)


def test_a_call_has_no_part_in_what_was_asked_for_another_of_the_same_id() -> None:
    """QwenLM/qwen-code#9436, NousResearch/hermes-agent#111443: some models count their calls anew in each answer."""
    script = Script()
    script.user("msg_u", 10)
    for number, step in enumerate(("msg_a", "msg_b")):
        at = 100 + number * 1000
        script.step(step, "msg_u", at)
        script.tool(f"{step}_tool", step, at + 100, at + 400)
        script.events[-1]["data"]["properties"]["part"]["callID"] = "bash:0"
        script.done(step, "msg_u", at, at + 500, "tool-calls")
    asked = {"id": "per_1", "permission": "bash", "patterns": ["x"]}
    script.add("permission.asked", 1150, **asked, tool={"messageID": "msg_b", "callID": "bash:0"})
    script.add("permission.replied", 1180, requestID="per_1", reply="once")
    script.idle(3000)
    first, second = of_kind(assemble(script.events), "TOOL")
    assert [event.name for event in first.span.events] == []
    assert [event.name for event in second.span.events] == ["permission.asked", "permission.replied"]


def test_a_child_that_is_idle_ends_no_turn_of_its_parent() -> None:
    """langfuse/opencode-observability-plugin#20: what the parent asked afterwards was in no trace."""
    parent, child = Script(), Script("ses_kid", parent="ses_root", at=150)
    parent.user("msg_1", 10)
    parent.step("msg_2", "msg_1", 100)
    parent.tool("task", "msg_2", 140, 5000, name="task", metadata={"sessionId": "ses_kid"})
    parent.done("msg_2", "msg_1", 100, 5010, "tool-calls")
    child.user("msg_k1", 200, "count")
    child.answer("msg_k2", "msg_k1", 300)
    child.idle(500)
    parent.answer("msg_3", "msg_1", 9000, "counted")
    parent.idle(9100)
    made = live(merged(parent, child))
    assert [attributes(call)["session.id"] for call in of_kind(made, "LLM")] == ["ses_root", "ses_kid", "ses_root"]
    assert len({span.span.trace_id for span in made}) == 1
