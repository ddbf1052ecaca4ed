"""Recordings that once came out wrong, each with what is right: proto_fixtures/opencode/cases.

`lines` are what the plugin heard, `events` only what every door hears.
"""

from __future__ import annotations

from typing import Any

import pytest
from harness.opencode import FIXTURES, assemble, attributes, load, of_kind, recording

from collector.assemble.spans.otlp import BuiltSpan

DOORS = ("lines", "events")


def made(case: str, door: str = "lines") -> list[BuiltSpan]:
    items = load(FIXTURES / "cases" / f"{case}.ndjson.gz")
    return assemble(item for item in items if door == "lines" or item["hook"] == "event")


def told(spans: list[BuiltSpan], kind: str) -> list[dict[str, Any]]:
    return [attributes(span) for span in of_kind(spans, kind)]


def calls(spans: list[BuiltSpan]) -> list[dict[str, Any]]:
    return [call for call in told(spans, "LLM") if call["agent.name"] != "title"]


def sent(call: dict[str, Any]) -> list[str]:
    """The texts of a call's input messages."""
    texts, index = [], 0
    while f"llm.input_messages.{index}.message.role" in call:
        texts.append(call.get(f"llm.input_messages.{index}.message.content", ""))
        index += 1
    return texts


def test_a_reminder_is_sent_once_though_it_is_made_anew_for_each_step() -> None:
    assert [sent(call) for call in calls(made("01_plan_reminder"))] == [["plan it\nREMINDER: plan mode"]] * 3


def test_a_build_turn_has_its_own_reminder_and_none_of_the_plan() -> None:
    inputs = [sent(call) for call in calls(made("real_01_plan_7_steps_then_build"))]
    plan, build = "(synthetic text, 1484 chars)", "(synthetic text, 233 chars)"
    assert [sum(text.count(plan) for text in texts) for texts in inputs] == [1] * 7 + [0] * 2
    assert [sum(text.count(build) for text in texts) for texts in inputs] == [0] * 7 + [1] * 2


@pytest.mark.parametrize("door", DOORS)
def test_messages_that_were_undone_are_not_sent_any_more(door: str) -> None:
    spans = made("02_revert_then_prompt", door)
    assert sent(calls(spans)[-1]) == ["one", "answer one", "three"]
    assert [agent["input.value"] for agent in told(spans, "AGENT")] == ["one", "two, undone later", "three"]


@pytest.mark.parametrize("door", DOORS)
def test_a_fork_tells_its_own_turn_only_however_soon_it_was_made(door: str) -> None:
    spans = made("03_fork_within_a_second", door)
    assert [agent["input.value"] for agent in told(spans, "AGENT")] == ["one", "in fork"]
    assert sent(calls(spans)[-1]) == ["one", "answer one", "in fork"]


@pytest.mark.parametrize("first", ["the fork", "another session"])
def test_a_fork_tells_its_own_turn_only_whatever_session_is_heard_of_first(first: str) -> None:
    """Of two messages that say the same, in no order is the original taken for the copy."""
    items = load(FIXTURES / "cases" / "03_fork_within_a_second.ndjson.gz")
    if first == "the fork":
        items.sort(key=lambda item: "ses_aaa" in str(item))
    else:
        items = [*recording("text"), *items]
    spans = assemble(items)
    prompts = [agent["input.value"] for agent in told(spans, "AGENT")]
    assert [prompt for prompt in prompts if prompt in ("one", "in fork")] == ["one", "in fork"]


@pytest.mark.parametrize("door", DOORS)
def test_a_call_that_is_stuck_is_incomplete_and_nothing_else_is_lost(door: str) -> None:
    agents = told(made("05_stuck_pending", door), "AGENT")
    assert [(agent["input.value"], agent.get("opencode.incomplete")) for agent in agents] == [
        ("one", True),
        ("two", None),
    ]


@pytest.mark.parametrize("door", DOORS)
def test_turns_after_the_clock_was_set_back_are_told_in_the_order_of_their_ids(door: str) -> None:
    spans = made("06_clock_back", door)
    turns = {agent["opencode.turn_number"]: agent["input.value"] for agent in told(spans, "AGENT")}
    assert turns == {1: "one", 2: "two", 3: "three"}
    assert sorted(map(len, map(sent, calls(spans)))) == [1, 3, 5]


@pytest.mark.parametrize("door", DOORS)
def test_a_turn_that_recovers_from_an_overflow_is_no_error_but_its_first_call_is(door: str) -> None:
    spans = made("08_overflow_recovered", door)
    (agent,) = of_kind(spans, "AGENT")
    assert agent.span.status.code == 1
    assert attributes(agent)["output.value"] == "answered after all"
    errors = [span.span.status.message for span in of_kind(spans, "LLM")]
    assert errors == ["maximum context length exceeded", "", ""]


def test_an_overflow_of_which_no_event_tells_is_known_by_what_followed() -> None:
    """The database and an export hold the messages alone."""
    items = load(FIXTURES / "cases" / "08_overflow_recovered.ndjson.gz")
    kept = [item for item in items if item["hook"] == "event" and item["input"]["type"].startswith("message.")]
    first, *others = of_kind(assemble(kept), "LLM")
    assert first.span.status.message == "ContextOverflowError"
    assert [span.span.status.code for span in others] == [1, 1]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("case", "prompt", "answer"),
    [
        ("09_subtask_command", "review the change", "review done"),
        ("real_09_subtask_command", "Sub work wörld [[cmdsub]]", "ok"),
    ],
)
def test_a_command_run_as_a_subtask_is_one_turn(door: str, case: str, prompt: str, answer: str) -> None:
    (agent,) = told(made(case, door), "AGENT")
    assert (agent["input.value"], agent["output.value"], agent["agent.name"]) == (prompt, answer, "build")


@pytest.mark.parametrize("door", DOORS)
def test_the_command_that_ran_as_a_subtask_is_an_event_of_its_turn(door: str) -> None:
    (agent,) = of_kind(made("real_09_subtask_command", door), "AGENT")
    assert [event.name for event in agent.span.events] == ["command.executed"]


@pytest.mark.parametrize("door", DOORS)
def test_a_result_that_was_cleared_is_sent_as_its_placeholder_from_then_on(door: str) -> None:
    _, before, after = (sent(call) for call in calls(made("10_pruned_tool_output", door)))
    assert "LONG OUTPUT" in before
    assert "LONG OUTPUT" not in after
    assert "[Old tool result content cleared]" in after


@pytest.mark.parametrize("door", DOORS)
def test_a_structured_output_is_what_the_turn_came_to(door: str) -> None:
    (agent,) = told(made("real_13_structured_output", door), "AGENT")
    assert (agent["output.value"], agent["output.mime_type"]) == ('{"answer":42,"name":"x"}', "application/json")
