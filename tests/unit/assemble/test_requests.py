"""What a request held, where that is not just the messages before it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from harness.opencode import NOW, Script, assemble, attributes, live, of_kind, recording

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.items import UnknownType
from collector.assemble.dialects.reader import ItemReader
from collector.assemble.spans.otlp import BuiltSpan


def sent(made: BuiltSpan) -> list[tuple[str, str]]:
    """Roles and texts of a call's input messages."""
    found, index = attributes(made), 0
    messages = []
    while (role := found.get(f"llm.input_messages.{index}.message.role")) is not None:
        messages.append((role, found.get(f"llm.input_messages.{index}.message.content", "")))
        index += 1
    return messages


def calls(made: list[BuiltSpan]) -> list[BuiltSpan]:
    return [m for m in of_kind(made, "LLM") if attributes(m)["agent.name"] != "title"]


def hook(name: str, at: int, given: Any = None, output: Any = None) -> dict[str, Any]:
    return {"ts": NOW + at, "pid": 1, "dir": "/p", "hook": name, "input": given or {}, "output": output or {}}


def history(script: Script, at: int, *messages: tuple[str, str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What a hook shows of a history: ids, roles and parts."""
    shown = [
        {
            "info": {"id": id, "role": role, "sessionID": script.session, "parentID": "msg_1"},
            "parts": [{"messageID": id, "sessionID": script.session, **part} for part in parts],
        }
        for id, role, parts in messages
    ]
    return hook("experimental.chat.messages.transform", at, output={"messages": shown})


def asks(script: Script, at: int, agent: str = "build", **model: Any) -> dict[str, Any]:
    return hook("chat.params", at, {"sessionID": script.session, "agent": agent, "model": {"id": "m", **model}})


# ---- an answer that was begun again


def begun_again() -> Script:
    """The stream broke within the answer; the same message was begun a second time, and kept an empty text."""
    script = Script()
    script.user("msg_1", 0, "question")
    script.step("msg_2", "msg_1", 100)
    for name, start, text in (("b", 110, ""), ("d", 310, "whole")):
        times = {"start": NOW + start, "end": NOW + start + 10}
        part = script._part(f"msg_2_{name}", "msg_2", type="text", text=text, time=times)
        script.add("message.part.updated", start + 10, part=part, time=NOW + start + 10)
    part = script._part("msg_2_c", "msg_2", type="step-start")
    script.add("message.part.updated", 300, part=part, time=NOW + 300)
    script.done("msg_2", "msg_1", 100, 330)
    script.user("msg_3", 1000, "next")
    script.answer("msg_4", "msg_3", 1100)
    script.idle(1200)
    return script


RIGHT = [("user", "question"), ("assistant", ""), ("assistant", "whole"), ("user", "next")]


def test_an_answer_that_was_begun_again_is_sent_as_two() -> None:
    assert sent(calls(assemble(begun_again().events))[-1]) == RIGHT


def test_an_answer_that_was_begun_again_is_two_in_a_hooks_history() -> None:
    script = begun_again()
    start, texts = {"type": "step-start"}, ({"type": "text", "text": ""}, {"type": "text", "text": "whole"})
    parts = [{"id": f"prt_msg_2_{n}", **p} for n, p in zip("abcd", (start, texts[0], start, texts[1]), strict=True)]
    shown = history(
        script,
        1090,
        ("msg_1", "user", [{"id": "prt_msg_1_text", "type": "text", "text": "question"}]),
        ("msg_2", "assistant", parts),
        ("msg_3", "user", [{"id": "prt_msg_3_text", "type": "text", "text": "next"}]),
    )
    assert sent(calls(assemble([*script.events, shown, asks(script, 1095)]))[-1]) == RIGHT


# ---- a compaction that failed, which the next prompt tries again


def tried_again() -> Script:
    script = Script()
    for number in (1, 2):
        script.user(f"msg_{number}0", number * 10_000, f"question {number}")
        script.answer(f"msg_{number}1", f"msg_{number}0", number * 10_000 + 100, f"answer {number}")
        script.idle(number * 10_000 + 200)
    script.user("msg_30", 30_000, "", type="compaction", auto=False)
    script.step("msg_31", "msg_30", 30_100, agent="compaction", summary=True)
    failed = {"name": "APIError", "data": {"message": "no"}}
    script.done("msg_31", "msg_30", 30_100, 30_200, agent="compaction", summary=True, error=failed)
    script.idle(30_300)
    script.user("msg_40", 40_000, "question 3")
    summed_up(script, "msg_41", "msg_40", 40_100, "summary for question 3")
    return script


def summed_up(script: Script, id: str, parent: str, at: int, text: str) -> None:
    script.step(id, parent, at, agent="compaction", summary=True)
    times = {"start": NOW + at + 10, "end": NOW + at + 40}
    part = script._part(f"{id}_t", id, type="text", text=text, time=times)
    script.add("message.part.updated", at + 40, part=part, time=NOW + at + 40)
    script.done(id, parent, at, at + 50, agent="compaction", summary=True)
    script.idle(at + 100)


def test_a_compaction_in_the_place_of_an_answer_sums_up_the_prompt_too() -> None:
    call = calls(assemble(tried_again().events))[-1]
    texts = ("[User]: question 1", "[Assistant]: answer 1", "[User]: question 2", "[Assistant]: answer 2")
    assert sent(call) == [("user", "\n\n".join([*texts, "[User]: question 3"]))]


def test_nothing_begins_anew_with_a_compaction_in_the_place_of_an_answer() -> None:
    """The conversation begins where a mark was answered with a summary: until then all of it is sent."""
    script = tried_again()
    script.user("msg_50", 50_000, "question 4")
    script.answer("msg_51", "msg_50", 50_100)
    script.idle(50_200)
    script.user("msg_60", 60_000, "", type="compaction", auto=False)
    summed_up(script, "msg_61", "msg_60", 60_100, "summary of all")
    script.user("msg_70", 70_000, "question 5")
    script.answer("msg_71", "msg_70", 70_100)
    script.idle(70_200)
    *_, fourth, last, fifth = calls(live(script.events))
    assert sent(fourth)[0] == ("user", "question 1")
    assert "[User]: question 1" in sent(last)[0][1]
    assert "[Assistant]: summary for question 3" in sent(last)[0][1]
    assert [text for _, text in sent(fifth)] == ["What did we do so far?", "summary of all", "question 5"]


def test_a_call_that_sums_up_is_offered_no_tools() -> None:
    script = tried_again()
    tools = [{"name": "bash", "description": "d", "parameters": {}}]
    told = [
        asks(script, 40_105, "compaction"),
        hook("chat.tools", 40_105, {"sessionID": script.session}, {"tools": tools}),
    ]
    assert not any(key.startswith("llm.tools") for key in attributes(calls(assemble([*script.events, *told]))[-1]))


# ---- tools


def test_the_tools_of_one_request_are_not_shown_with_the_next() -> None:
    """Of the next nothing is told: a server of the Model Context Protocol has joined, whose tools no hook shows."""
    script = Script()
    script.user("msg_1", 0)
    script.answer("msg_2", "msg_1", 100)
    script.idle(200)
    script.user("msg_3", 1000)
    script.answer("msg_4", "msg_3", 1100)
    script.idle(1200)
    tools = [{"name": "bash", "description": "d", "parameters": {}}]
    offered = hook("chat.tools", 101, {"sessionID": script.session, "agent": "build"}, {"tools": tools})
    made = calls(assemble([*script.events, asks(script, 101), offered, asks(script, 1101)]))
    assert ["llm.tools.0.tool.name" in attributes(call) for call in made] == [True, False]


@pytest.mark.parametrize(("agent", "right"), [("build", [True, True]), ("plan", [True, False])])
def test_the_tools_of_a_request_whose_process_was_killed_are_those_of_the_step_before(
    agent: str, right: list[bool]
) -> None:
    """The plugin tells them a moment after the request; of one prompt and agent they are the same."""
    script = Script()
    script.user("msg_1", 0)
    script.step("msg_2", "msg_1", 100)
    script.tool("bash", "msg_2", 150, 160)
    script.done("msg_2", "msg_1", 100, 170, "tool-calls")
    script.step("msg_3", "msg_1", 200, agent=agent)
    script.add("server.instance.disposed", 900, directory="/p")
    tools = [{"name": "bash", "description": "d", "parameters": {}}]
    offered = hook("chat.tools", 101, {"sessionID": script.session, "agent": "build"}, {"tools": tools})
    made = calls(assemble([*script.events, asks(script, 101), offered, asks(script, 201)]))
    assert ["llm.tools.0.tool.name" in attributes(call) for call in made] == right


@pytest.mark.parametrize("removed_at", [900, 1500])
def test_a_call_that_was_taken_out_is_not_sent_from_then_on(removed_at: int) -> None:
    """Undone from within a message, or deleted: by every door, not only where a hook shows the history."""
    script = Script()
    script.user("msg_1", 0, "question")
    script.step("msg_2", "msg_1", 100)
    script.tool("one", "msg_2", 120, 130)
    script.tool("two", "msg_2", 125, 135)
    script.done("msg_2", "msg_1", 100, 150, finish="stop")
    script.idle(200)
    script.add("message.part.removed", removed_at, messageID="msg_2", partID="prt_one")
    script.user("msg_3", 1000, "next")
    script.answer("msg_4", "msg_3", 1100)
    script.idle(1200)
    first, second = calls(assemble(script.events))
    answered = [attributes(first)[f"llm.output_messages.0.message.tool_calls.{n}.tool_call.id"] for n in (0, 1)]
    assert answered == ["call_one", "call_two"]
    results = [text for role, text in sent(second) if role == "tool"]
    assert len(results) == (1 if removed_at < 1100 else 2)


def test_a_call_of_which_only_the_attempt_that_failed_is_known_is_a_call() -> None:
    """It was aborted while it waited to ask again, and no hook is heard: OpenCode keeps a message without an error."""
    script = Script()
    script.user("msg_1", 0)
    script.add("message.updated", 100, info={**script._info("msg_2", "assistant", 100), "parentID": "msg_1"})
    script.add("session.status", 101, status={"type": "busy"})
    script.add(
        "session.status", 150, status={"type": "retry", "attempt": 1, "message": "error 503", "next": NOW + 9000}
    )
    times = {"created": NOW + 100, "completed": NOW + 300}
    script.add(
        "message.updated", 300, info={**script._info("msg_2", "assistant", 100), "parentID": "msg_1", "time": times}
    )
    script.idle(310)
    made = assemble(script.events)
    (call,) = calls(made)
    assert call.span.status.message == "error 503"
    assert attributes(of_kind(made, "AGENT")[0])["agent.llm_call_count"] == 1


@pytest.mark.parametrize("hears", [True, False])
def test_a_step_that_was_aborted_before_its_request_is_no_call_where_requests_are_heard_of(hears: bool) -> None:
    """The first of its session: that of its subagent was heard of."""
    script, kid = Script(), Script("ses_kid", parent="ses_root", at=20)
    script.user("msg_1", 0)
    kid.user("msg_k1", 30)
    kid.answer("msg_k2", "msg_k1", 40)
    kid.idle(100)
    failed = {"name": "MessageAbortedError", "data": {"message": "Aborted"}}
    times = {"created": NOW + 200, "completed": NOW + 210}
    info = {**script._info("msg_2", "assistant", 200), "parentID": "msg_1", "error": failed, "time": times}
    script.add("message.updated", 210, info=info)
    script.idle(220)
    told = [asks(kid, 41)] if hears else []
    made = assemble([*kid.events, *told, *script.events])
    assert [attributes(call)["session.id"] for call in calls(made)] == ["ses_kid", *([] if hears else ["ses_root"])]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_call_runs_since_it_first_ran_in_whatever_order_that_is_heard(order: tuple[int, ...]) -> None:
    """OpenCode 1.15 gives a running call another start with each thing it says of it."""
    script = Script()
    script.user("msg_1", 0)
    script.step("msg_2", "msg_1", 100)
    script.running("t", "msg_2", 120)
    script.running("t", "msg_2", 900)
    script.tool("t", "msg_2", 900, 950)
    told, rest = script.events[-3:], script.events[:-3]
    script.events = [*rest, *(told[number] for number in order)]
    script.done("msg_2", "msg_1", 100, 960)
    script.idle(1000)
    (tool,) = of_kind(assemble(script.events), "TOOL")
    assert tool.span.start_time_unix_nano == (NOW + 120) * 1_000_000


# ---- media


@pytest.mark.parametrize(
    ("mime", "name", "right"),
    [
        ("image/png", "dot", "[attachment: dot, image/png, 3 bytes]"),
        (
            "application/pdf",
            "a.pdf",
            'ERROR: Cannot read "a.pdf" (this model does not support pdf input). Inform the user.',
        ),
        ("audio/wav", None, "ERROR: Cannot read audio (this model does not support audio input). Inform the user."),
        ("application/zip", "a.zip", "[attachment: a.zip, application/zip, 3 bytes]"),
    ],
)
def test_media_that_a_model_does_not_take_are_told_it_as_a_text(mime: str, name: str | None, right: str) -> None:
    script = Script()
    script.user("msg_1", 0, "see")
    file = {"type": "file", "mime": mime, "url": f"data:{mime};base64,AAAA", **({"filename": name} if name else {})}
    part = script._part("msg_1_z", "msg_1", **file)
    script.add("message.part.updated", 10, part=part, time=NOW + 10)
    script.answer("msg_2", "msg_1", 100)
    script.idle(200)
    takes = {"input": {"text": True, "image": True, "pdf": False, "audio": False, "video": False}}
    title, call = of_kind(
        assemble(
            [*script.events, asks(script, 50, "title", capabilities=takes), asks(script, 101, capabilities=takes)]
        ),
        "LLM",
    )
    assert sent(call) == [("user", f"see\n{right}")]
    assert sent(title)[-1] == ("user", f"see\n{right}")


def test_a_summed_up_result_names_its_attachments() -> None:
    script = Script()
    script.user("msg_1", 0, "see")
    script.step("msg_2", "msg_1", 100)
    file = {"type": "file", "mime": "image/png", "filename": "dot.png", "url": "data:image/png;base64,AAAA"}
    script.tool("read", "msg_2", 120, 130, name="read", attachments=[file, {**file, "filename": None}])
    script.done("msg_2", "msg_1", 100, 150, finish="stop")
    script.idle(200)
    script.user("msg_3", 1000, "", type="compaction", auto=False)
    summed_up(script, "msg_4", "msg_3", 1100, "summary")
    ((_, text),) = sent(calls(assemble(script.events))[-1])
    assert text.endswith("[Tool result]: out\n[Attached image/png: dot.png]\n[Attached image/png: file]")


# ---- what other plugins add


def test_each_text_of_a_system_prompt_is_a_message() -> None:
    script = Script()
    script.user("msg_1", 0, "question")
    script.answer("msg_2", "msg_1", 100)
    script.idle(200)
    system = hook("experimental.chat.system.transform", 99, {"sessionID": script.session}, {"system": ["one", "two"]})
    (call,) = calls(assemble([*script.events, system, asks(script, 101)]))
    assert sent(call) == [("system", "one"), ("system", "two"), ("user", "question")]


def test_the_prompt_for_the_draft_of_an_agent_is_no_sessions() -> None:
    """OpenCode shows it without a session, but with a model; up to 1.0 no hook names either."""
    script = Script()
    script.user("msg_1", 0, "question")
    script.answer("msg_2", "msg_1", 100)
    script.idle(200)
    draft = hook("experimental.chat.system.transform", 50, {"model": {"id": "m"}}, {"system": ["Draft an agent"]})
    mine = hook("experimental.chat.system.transform", 99, {"sessionID": script.session}, {"system": ["mine"]})
    (call,) = calls(assemble([*script.events, draft, mine, asks(script, 101)]))
    assert sent(call)[0] == ("system", "mine")


def test_a_part_that_a_plugin_adds_under_one_id_to_each_prompt_stands_in_each() -> None:
    script = Script()
    script.user("msg_1", 0, "one")
    script.answer("msg_2", "msg_1", 100, "A1")
    script.idle(200)
    script.user("msg_3", 1000, "two")
    script.answer("msg_4", "msg_3", 1100, "A2")
    script.idle(1200)
    note = {"id": "prt_note", "type": "text", "text": "note"}
    one, two = ({"id": f"prt_msg_{n}_text", "type": "text", "text": t} for n, t in ((1, "one"), (3, "two")))
    answer = ("msg_2", "assistant", [{"id": "prt_msg_2_t", "type": "text", "text": "A1"}])
    first = history(script, 90, ("msg_1", "user", [one, note]))
    second = history(script, 1090, ("msg_1", "user", [one]), answer, ("msg_3", "user", [two, note]))
    spans = assemble([*script.events, first, asks(script, 101), second, asks(script, 1101)])
    made = calls(spans)
    assert sent(made[0]) == [("user", "one\nnote")]
    assert sent(made[1]) == [("user", "one"), ("assistant", "A1"), ("user", "two\nnote")]
    assert [attributes(agent)["input.value"] for agent in of_kind(spans, "AGENT")] == ["one", "two"]


def test_a_step_in_which_the_clock_was_set_back_has_its_request() -> None:
    script = Script()
    script.user("msg_1", 0, "question")
    script.step("msg_2", "msg_1", 100)
    system = hook("experimental.chat.system.transform", 101, {"sessionID": script.session}, {"system": ["be kind"]})
    script.done("msg_2", "msg_1", 100, -50_000)
    script.idle(-49_000)
    (call,) = calls(assemble([*script.events, system, asks(script, 102)]))
    assert sent(call) == [("system", "be kind"), ("user", "question")]


# ---- titles, commands by hand


def test_a_title_is_made_of_the_first_prompt_though_the_next_is_answered_with_it() -> None:
    script = Script()
    script.user("msg_1", 0, "first")
    script.user("msg_2", 50, "second")
    script.answer("msg_3", "msg_2", 100)
    script.idle(200)
    told = [*script.events, asks(script, 60, "title"), asks(script, 101)]
    title = next(call for call in of_kind(assemble(told), "LLM") if attributes(call)["agent.name"] == "title")
    assert sent(title)[-1] == ("user", "first")


def test_a_title_call_answered_what_it_did_though_the_session_was_renamed_at_once() -> None:
    script = Script()
    script.user("msg_1", 0)
    script.answer("msg_2", "msg_1", 100)
    for at, title in ((160, "By the model"), (170, "By a person")):
        info = {"id": script.session, "title": title, "time": {"created": NOW, "updated": NOW + at}}
        script.add("session.updated", at, info=info)
    script.idle(200)
    title, _ = of_kind(assemble([*script.events, asks(script, 20, "title"), asks(script, 101)]), "LLM")
    assert attributes(title)["output.value"] == "By the model"


def test_a_command_run_by_hand_is_over_when_it_is_though_nothing_says_so() -> None:
    """A database says of no session that it is idle."""
    script = Script()
    script.user("msg_1", 0, "", synthetic=True)
    script.add("message.updated", 10, info={**script._info("msg_2", "assistant", 10), "parentID": "msg_1"})
    script.tool("sh", "msg_2", 20, 30)
    done = {**script._info("msg_2", "assistant", 10), "parentID": "msg_1"}
    script.add("message.updated", 40, info={**done, "time": {"created": NOW + 10, "completed": NOW + 40}})
    assembler, reader = Assembler(), ItemReader()
    for item in script.events:
        for fact in reader.read(item, NOW):
            assert not isinstance(fact, UnknownType)
            assembler.learn(fact, 0)
    (agent,) = of_kind(assembler.look(10_000), "AGENT")
    assert "opencode.incomplete" not in attributes(agent)


def test_a_task_that_failed_is_named_by_what_it_was_asked() -> None:
    """OpenCode says a title while it runs, and keeps none with the error."""
    script = Script()
    script.user("msg_1", 0)
    script.step("msg_2", "msg_1", 100)
    state = {"status": "error", "error": "no", "metadata": {"sessionId": "ses_kid"}, "input": {"description": "Count"}}
    script.tool("t", "msg_2", 120, 130, name="task", **state)
    script.done("msg_2", "msg_1", 100, 150)
    script.idle(200)
    (tool,) = of_kind(assemble(script.events), "TOOL")
    assert tool.span.name == "task: Count"


def test_an_attempt_that_follows_one_that_failed_is_sent_the_same() -> None:
    """OpenCode asks again with what it had put together, whatever was taken out of the session meanwhile."""
    script = Script()
    script.user("msg_1", 0, "one")
    script.answer("msg_2", "msg_1", 10, "answer")
    script.idle(100)
    script.user("msg_3", 200, "two")
    script.step("msg_4", "msg_3", 300)
    script.add("session.status", 400, status={"type": "retry", "attempt": 1, "message": "no", "next": NOW + 600})
    script.add("message.removed", 500, messageID="msg_1")
    script.add("session.status", 600, status={"type": "busy"})
    script.done("msg_4", "msg_3", 300, 700)
    script.idle(800)
    failed, last = of_kind(assemble(script.events), "LLM")[1:]
    for call in (failed, last):
        assert attributes(call)["llm.input_messages.0.message.content"] == "one"


def test_a_message_that_another_plugin_adds_to_each_request_is_no_turn() -> None:
    """It stands in the history of the hook alone, and nothing ever answered it."""
    lines = recording("multiturn")
    for line in lines:
        if line["hook"] == "experimental.chat.messages.transform":
            messages = line["output"]["messages"]
            info = {**messages[0]["info"], "id": "msg_added"}
            part = {"id": "prt_added", "messageID": "msg_added", "sessionID": info["sessionID"], "type": "text"}
            messages.insert(0, {"info": info, "parts": [{**part, "text": "Mind the rules."}]})
    made = live(lines)
    numbers = sorted(attributes(m)["opencode.turn_number"] for m in of_kind(made, "AGENT"))
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(
        "Mind the rules." in attributes(m).values()
        for m in of_kind(made, "LLM")
        if attributes(m)["agent.name"] != "title"
    )


def test_what_was_said_by_a_clock_that_was_set_back_is_sent_where_its_time_puts_it() -> None:
    """As the real client does (1.18): a prompt of an hour ago stands first, and one that stood last gets no answer."""
    script = Script(at=0)
    script.user("msg_1", 10, "first")
    script.answer("msg_2", "msg_1", 100, "answer")
    script.idle(200)
    script.user("msg_3", -3_600_000, "an hour ago")
    script.idle(-3_599_900)
    script.user("msg_4", 3_600_000, "in an hour")
    script.answer("msg_5", "msg_4", 3_600_100)
    script.idle(3_600_200)
    call = of_kind(assemble(script.events), "LLM")[-1]
    sent = [attributes(call)[f"llm.input_messages.{index}.message.content"] for index in range(4)]
    assert sent == ["an hour ago", "first", "answer", "in an hour"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_two_results_told_in_one_millisecond_events_say_which_was_first(order: tuple[int, ...]) -> None:
    """In whatever order they are heard, and though the first comes twice."""
    script = Script()
    script.user("msg_1", 0)
    script.step("msg_2", "msg_1", 10)
    script.tool("t", "msg_2", 20, 30, output="given")
    script.tool("t", "msg_2", 20, 30, output="edited")
    given, edited = script.events[-2:]
    del script.events[-2:]
    script.events += [(given, edited, given)[which] for which in order]
    script.done("msg_2", "msg_1", 10, 40, finish="tool-calls")
    script.answer("msg_3", "msg_1", 50)
    script.idle(110)
    made = assemble(script.events)
    (tool,) = of_kind(made, "TOOL")
    assert attributes(tool)["output.value"] == "given"
    assert ("tool", "edited") in sent(calls(made)[-1])


def test_of_two_conversations_shown_within_one_millisecond_the_later_was_sent() -> None:
    """The first may be shown for the title call, which is sent less."""
    script = Script()
    script.user("msg_1", 0, "first")
    script.user("msg_3", 10, "second")
    first, second = (
        (id, "user", [{"id": f"prt_{id}_text", "type": "text", "text": text}])
        for id, text in (("msg_1", "first"), ("msg_3", "second"))
    )
    begun = len(script.events)
    script.answer("msg_4", "msg_3", 20)
    script.idle(80)
    shown = [history(script, 20, first), history(script, 20, first, second), asks(script, 20)]
    for told in (shown, [*shown[:2], *shown]):  # a post that was not answered comes again
        (call,) = calls(assemble([*script.events[:begun], *told, *script.events[begun:]]))
        assert sent(call) == [("user", "first"), ("user", "second")]
