"""What makes a turn, where subagents hang, and when a turn is over."""

from __future__ import annotations

import tracemalloc
from typing import Any

import orjson
import pytest
from harness.opencode import NOW, Script, assemble, attributes, ids, kind, live, merged, of_kind, recording, tree

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType
from collector.assemble.spans.otlp import BuiltSpan


def agents(made: list[BuiltSpan]) -> list[BuiltSpan]:
    return of_kind(made, "AGENT")


def background() -> tuple[Script, Script]:
    """A subagent that outlives the turn it was started in, and wakes its parent when it is done."""
    root, child = Script(), Script("ses_child", parent="ses_root", at=120)
    root.user("msg_1", 10)
    root.step("msg_2", "msg_1", 100)
    link = {"metadata": {"sessionId": "ses_child", "parentSessionId": "ses_root", "background": True}}
    root.tool("task", "msg_2", 110, 130, "task", **link)
    root.done("msg_2", "msg_1", 100, 140, "tool-calls")
    root.answer("msg_3", "msg_1", 150)
    root.idle(210)
    child.user("msg_4", 5000)
    child.answer("msg_5", "msg_4", 5100)
    child.idle(5200)
    root.user("msg_6", 6000, '<task id="ses_child" state="completed">', synthetic=True)
    root.answer("msg_7", "msg_6", 6100)
    root.idle(6200)
    return root, child


def test_a_subagent_in_the_background_stays_below_its_tool() -> None:
    made = live(merged(*background()))
    first, subagent, woken = agents(made)
    (task,) = of_kind(made, "TOOL")
    assert subagent.span.parent_span_id == task.span.span_id
    assert subagent.span.trace_id == first.span.trace_id == task.span.trace_id
    assert not woken.span.parent_span_id
    assert woken.span.trace_id != first.span.trace_id
    assert [attributes(m)["opencode.turn_number"] for m in (first, woken)] == [1, 2]


def test_a_subagent_in_the_background_is_found_after_a_restart() -> None:
    """The facts of its parent's turn are gone by then: what is remembered of the parent must do."""
    root, child = background()
    before = Assembler()
    feed(before, [event for event in root.events if event["ts"] < NOW + 5000])
    first = before.look(100_000)
    after = Assembler()
    after.recall("ses_root", orjson.loads(orjson.dumps(before.remember("ses_root"))))
    feed(after, child.events)
    (subagent,) = agents(after.close())
    assert subagent.span.trace_id == agents(first)[0].span.trace_id
    assert subagent.span.parent_span_id == of_kind(first, "TOOL")[0].span.span_id


def feed(assembler: Assembler, items: list[Any]) -> None:
    reader = ItemReader()
    for item in items:
        for fact in reader.read(item, NOW):
            assert not isinstance(fact, UnknownType)
            assembler.learn(fact, 0)


def test_a_session_that_a_second_task_goes_on_with_hangs_below_that_task() -> None:
    root, child = Script(), Script("ses_child", parent="ses_root", at=120)
    for number, at in ((1, 0), (2, 1000)):
        root.user(f"msg_u{number}", at + 10)
        root.step(f"msg_s{number}", f"msg_u{number}", at + 100)
        root.tool(f"task{number}", f"msg_s{number}", at + 110, at + 400, "task", metadata={"sessionId": "ses_child"})
        root.done(f"msg_s{number}", f"msg_u{number}", at + 100, at + 410)
        root.idle(at + 420)
        child.user(f"msg_c{number}", at + 150)
        child.answer(f"msg_d{number}", f"msg_c{number}", at + 200)
        child.idle(at + 300)
    made = assemble(merged(root, child))
    tools = of_kind(made, "TOOL")
    below = [m for m in agents(made) if m.session == "ses_child"]
    assert [m.span.parent_span_id for m in below] == [tool.span.span_id for tool in tools]
    assert [m.span.trace_id for m in below] == [tool.span.trace_id for tool in tools]
    assert len({m.span.trace_id for m in below}) == 2


def test_subagents_of_subagents_are_in_one_trace() -> None:
    scripts = [Script("ses_0")]
    for depth in range(1, 6):
        scripts.append(Script(f"ses_{depth}", parent=f"ses_{depth - 1}", at=depth * 100))
    for depth, script in enumerate(scripts):
        at = depth * 100
        script.user(f"msg_u{depth}", at + 10)
        if depth < 5:
            script.step(f"msg_s{depth}", f"msg_u{depth}", at + 20)
            link = {"metadata": {"sessionId": f"ses_{depth + 1}"}}
            script.tool(f"task{depth}", f"msg_s{depth}", at + 90, 2000 - at, "task", **link)
            script.done(f"msg_s{depth}", f"msg_u{depth}", at + 20, 2010 - at)
        else:
            script.answer(f"msg_s{depth}", f"msg_u{depth}", at + 20)
        script.idle(2020 - at)
    made = assemble(merged(*scripts))
    assert len({m.span.trace_id for m in made}) == 1
    assert len(agents(made)) == 6
    assert not [line for line in tree(made) if "ORPHAN" in line]


def test_a_prompt_sent_while_the_agent_works_is_a_turn_of_its_own() -> None:
    """The steps after it name it as their parent."""
    script = Script()
    script.user("msg_1", 0)
    script.step("msg_2", "msg_1", 100)
    script.user("msg_3", 150, "and this")
    script.tool("t", "msg_2", 110, 300)
    script.done("msg_2", "msg_1", 100, 310, "tool-calls")
    script.answer("msg_4", "msg_3", 320)
    script.idle(400)
    first, second = agents(live(script.events))
    assert attributes(first)["agent.tool_call_count"] == 1
    assert attributes(second)["input.value"] == "and this"
    assert attributes(first).get("opencode.incomplete") is None


def test_a_prompt_that_is_sent_again_after_an_overflow_stays_in_its_turn() -> None:
    """The conversation was too long for the model: it is summed up, and the agent repeats the prompt."""
    script = Script()
    script.user("msg_1", 0, "long one")
    script.user("msg_2", 100, "", type="compaction", auto=True, overflow=True)
    script.step("msg_3", "msg_2", 110, agent="compaction", summary=True)
    script.done("msg_3", "msg_2", 110, 300, agent="compaction", summary=True)
    script.user("msg_4", 310, "long one")
    script.answer("msg_5", "msg_4", 320)
    script.idle(400)
    made = assemble(script.events)
    assert len(agents(made)) == 1
    assert [kind(m) for m in made].count("CHAIN") == 1


def test_with_a_compaction_undone_what_it_summed_up_is_sent_again_however_late() -> None:
    """Its turn is long over, and so are those before it."""
    script = Script()
    script.user("msg_1", 0, "first question")
    script.answer("msg_2", "msg_1", 100)
    script.idle(200)
    script.user("msg_3", 30_000, "", type="compaction", auto=False)
    script.step("msg_4", "msg_3", 30_100, agent="compaction", summary=True)
    script.done("msg_4", "msg_3", 30_100, 30_300, agent="compaction", summary=True)
    script.idle(30_400)
    script.user("msg_5", 60_000, "second question")
    script.answer("msg_6", "msg_5", 60_100)
    script.idle(60_200)
    for message in ("msg_3", "msg_4", "msg_5", "msg_6"):
        script.add("message.removed", 90_000, messageID=message)
    script.user("msg_7", 90_010, "third question")
    script.answer("msg_8", "msg_7", 90_100)
    script.idle(90_200)
    call = attributes(of_kind(live(script.events), "LLM")[-1])
    roles = [call.get(f"llm.input_messages.{index}.message.role") for index in range(4)]
    assert roles == ["user", "assistant", "user", None]
    assert call["llm.input_messages.0.message.content"] == "first question"


def test_a_forked_session_does_not_tell_its_copies_again() -> None:
    script = Script(at=100_000)
    script.user("msg_1", 0)
    script.answer("msg_2", "msg_1", 100)
    script.user("msg_3", 100_100, "go on")
    script.answer("msg_4", "msg_3", 100_200)
    script.idle(100_300)
    made = assemble(script.events)
    assert [attributes(m)["input.value"] for m in agents(made)] == ["go on"]
    (call,) = of_kind(made, "LLM")
    assert [attributes(call)[f"llm.input_messages.{i}.message.role"] for i in range(3)] == ["user", "assistant", "user"]


@pytest.mark.parametrize("title", ["A talk (fork #1)", "Another name"])
def test_a_fork_made_after_the_clock_was_set_back_does_not_tell_its_copies_again(title: str) -> None:
    """The originals are younger than the fork, and a person may have given it another name."""

    def identifier(at: int) -> str:
        return f"msg_{((NOW + at) * 4096) % 2**48:012x}00000000000000"

    script, fork = Script(), Script("ses_fork", at=-300_000)
    info = {"id": "ses_fork", "title": title, "time": {"created": NOW - 300_000}}
    fork.add("session.updated", -300_000, info=info)
    for one, made in ((script, 0), (fork, -299_000)):
        prompt, answer = identifier(made + 10), identifier(made + 20)
        one.user(prompt, 10, "one")
        one.answer(answer, prompt, 100, "answer")
    script.idle(1000)
    prompt = identifier(-200_000)
    fork.user(prompt, -200_000, "in the fork")
    fork.answer(identifier(-199_900), prompt, -199_900)
    fork.idle(-199_000)
    told = [attributes(m)["input.value"] for m in agents(assemble([*script.events, *fork.events]))]
    assert sorted(told) == ["in the fork", "one"]
    alone = assemble(fork.events)  # an import reads the older session first, and that is the fork
    assert [attributes(m)["input.value"] for m in agents(alone)] == ["in the fork"]


def test_a_session_of_ascending_ids_whose_clock_was_set_back_is_no_fork() -> None:
    """Its own first message is older, and a fork's copies come before all that it says itself."""
    script = Script(at=0)
    for number, at in enumerate((100, -3_599_000, -3_500_000)):
        prompt, answer = (f"msg_{((NOW + 200 + number * 10 + i) * 4096) % 2**48:012x}{'0' * 14}" for i in (0, 5))
        script.user(prompt, at, f"question {number}")
        script.answer(answer, prompt, at + 10)
        script.idle(at + 100)
    assembler = Assembler()
    told = [attributes(m)["input.value"] for m in agents(assemble(script.events, assembler))]
    assert sorted(told) == ["question 0", "question 1", "question 2"]
    assert assembler.copied == 0


def test_the_first_idle_after_an_error_does_not_end_the_turn() -> None:
    """The errored message, and the last state of its tools, come after it."""
    items = recording("abort")
    first_idle = next(i for i, item in enumerate(items) if item["hook"] == "event" and is_type(item, "session.idle"))
    assembler = Assembler()
    feed(assembler, items[: first_idle + 1])
    assert not agents(assembler.look(2000))
    feed(assembler, items[first_idle + 1 :])
    made = assembler.close()
    assert [attributes(m)["opencode.turn_number"] for m in agents(made)] == [1, 2, 3]
    failed = [m for m in of_kind(made, "LLM") if m.span.status.code == 2]
    assert len(failed) == 2


def is_type(item: dict[str, Any], type: str) -> bool:
    return bool(item["input"]["type"] == type)


def test_a_turn_of_a_dead_agent_is_given_up_with_what_is_known() -> None:
    script = Script()
    script.user("msg_1", 0)
    script.step("msg_2", "msg_1", 100)
    script.running("t", "msg_2", 150)
    assembler = Assembler()
    feed(assembler, script.events)
    assert not assembler.look(599_000)
    made = assembler.look(601_000)
    assert sorted(kind(m) for m in made) == ["AGENT", "LLM", "TOOL"]
    assert all(attributes(m)["opencode.incomplete"] for m in made)
    assert attributes(agents(made)[0])["agent.stop_reason"] == "incomplete"
    assert kind(made[-1]) == "AGENT"
    assert not assembler.look(1_000_000)


def test_a_turn_without_idle_is_over_when_its_last_step_is() -> None:
    """History and exports have no idle events."""
    script = Script()
    script.user("msg_1", 0)
    script.answer("msg_2", "msg_1", 100)
    assembler = Assembler()
    feed(assembler, script.events)
    assert not agents(assembler.look(4000))
    assert len(agents(assembler.look(6000))) == 1


def test_a_session_of_many_turns_goes_on_counting_after_it_was_forgotten() -> None:
    """What is remembered of a session when its turns are over is small."""
    script = Script()
    assembler = Assembler()
    for turn in range(150):
        script.user(f"msg_{turn}u", turn * 1000 + 10)
        script.answer(f"msg_{turn}s", f"msg_{turn}u", turn * 1000 + 100)
        script.idle(turn * 1000 + 200)
    feed(assembler, script.events)
    first = assembler.close()
    memory = orjson.dumps(assembler.remember("ses_root"))
    assert len(memory) < 40_000
    later = Assembler(seen=lambda span: any(span == m.span.span_id for m in first))
    later.recall("ses_root", orjson.loads(memory))
    script.events = []
    script.user("msg_new", 200_000)
    script.answer("msg_last", "msg_new", 200_100)
    script.idle(200_200)
    feed(later, script.events)
    made = later.close()
    assert attributes(agents(made)[0])["opencode.turn_number"] == 151
    assert not ids(made) & ids(first)


def test_a_long_session_told_at_once_is_never_held_as_a_whole() -> None:
    """Each span holds the conversation before it: those of an import together would be quadratic."""
    script = Script()
    for turn in range(150):
        at = turn * 20_000 + 10
        script.user(f"msg_{turn:05}u", at, "x" * 8000)
        script.answer(f"msg_{turn:05}v", f"msg_{turn:05}u", at + 100, "y" * 8000)
        script.idle(at + 1000)
    assembler, reader = Assembler(), ItemReader()
    for item in script.events:
        for fact in reader.read(item, NOW):
            assert not isinstance(fact, UnknownType)
            assembler.learn(fact, 0)
    tracemalloc.start()
    told = sum(made.size() for made in assembler.due(100_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told > 100 * 1024 * 1024
    assert peak < 10 * 1024 * 1024


def test_a_turn_counts_as_over_only_when_all_its_spans_are_out() -> None:
    """Spans and the end of their turn are written together, in portions."""
    script = Script()
    for turn in range(3):
        script.user(f"msg_{turn}u", turn * 10_000 + 10)
        script.answer(f"msg_{turn}v", f"msg_{turn}u", turn * 10_000 + 100)
        script.idle(turn * 10_000 + 1000)
    assembler, reader = Assembler(), ItemReader()
    for item in script.events:
        for fact in reader.read(item, NOW):
            assert not isinstance(fact, UnknownType)
            assembler.learn(fact, 0)
    out: set[str] = set()
    for made in assembler.due(100_000):
        assert {message for turn in assembler.finished for message in turn.messages} <= out
        out.add(str(attributes(made)["opencode.message_id"]))
    assert len(assembler.finished) == 3


def stopped(script: Script) -> list[BuiltSpan]:
    """What leaves within ten seconds where no status says that the agent is idle: of history, exports, databases."""
    assembler, reader = Assembler(), ItemReader()
    for item in script.events:
        if item["data"]["type"].startswith("session.status"):
            continue
        for fact in reader.read(item, NOW):
            assert not isinstance(fact, UnknownType)
            assembler.learn(fact, 0)
    return assembler.look(10_000)


@pytest.mark.parametrize("error", ["The user rejected permission to use this specific tool call.",
                                   "The user dismissed this question"])  # fmt: skip
def test_a_turn_that_a_refusal_ended_is_over_though_nothing_says_so(error: str) -> None:
    script = Script()
    script.user("msg_1", 10)
    script.step("msg_2", "msg_1", 100)
    script.tool("refused", "msg_2", 150, 300, status="error", error=error)
    script.done("msg_2", "msg_1", 100, 310, "tool-calls")
    (agent,) = agents(stopped(script))
    assert "opencode.incomplete" not in attributes(agent)


def test_a_refusal_that_says_what_to_do_instead_ends_nothing() -> None:
    script = Script()
    script.user("msg_1", 10)
    script.step("msg_2", "msg_1", 100)
    error = "The user rejected permission to use this specific tool call with the following feedback: do it otherwise"
    script.tool("refused", "msg_2", 150, 300, status="error", error=error)
    script.done("msg_2", "msg_1", 100, 310, "tool-calls")
    assert not agents(stopped(script))


def test_a_turn_with_a_structured_output_is_over_though_its_step_called_a_tool() -> None:
    script = Script()
    script.user("msg_1", 10)
    script.step("msg_2", "msg_1", 100)
    script.tool("given", "msg_2", 150, 300, "StructuredOutput")
    script.done("msg_2", "msg_1", 100, 310, "tool-calls", structured={"answer": 42})
    (agent,) = agents(stopped(script))
    assert attributes(agent)["output.value"] == '{"answer":42}'


def test_a_session_deleted_in_mid_turn_ends_it() -> None:
    """What OpenCode then fails to write is no error of the turn; its running tool lasted until the deletion."""
    script = Script()
    script.user("msg_1", 10)
    script.step("msg_2", "msg_1", 100)
    script.running("cut", "msg_2", 150)
    script.add("session.deleted", 5000, info={"id": script.session})
    script.add("session.error", 6000, error={"name": "UnknownError", "data": {"message": "Failed query"}})
    assembler, reader = Assembler(), ItemReader()
    for item in script.events:
        for fact in reader.read(item, NOW):
            assert not isinstance(fact, UnknownType)
            assembler.learn(fact, 0)
    made = assembler.look(2000)
    (agent,) = agents(made)
    assert attributes(agent)["agent.stop_reason"] == "deleted"
    assert agent.span.status.code == 1
    (tool,) = of_kind(made, "TOOL")
    assert tool.span.end_time_unix_nano == (NOW + 5000) * 1_000_000


def test_a_tool_that_was_cut_keeps_the_time_it_began() -> None:
    """OpenCode 1.2 gives it the time of the cut as its start."""
    script = Script()
    script.user("msg_1", 10)
    script.step("msg_2", "msg_1", 100)
    script.running("cut", "msg_2", 150)
    script.tool("cut", "msg_2", 3000, 3000, status="error", error="Tool execution aborted")
    script.done("msg_2", "msg_1", 100, 3001, error={"name": "MessageAbortedError", "data": {"message": "Aborted"}})
    script.idle(3010)
    made = assemble(script.events)
    (tool,) = of_kind(made, "TOOL")
    assert (tool.span.start_time_unix_nano, tool.span.end_time_unix_nano) == (
        (NOW + 150) * 1_000_000,
        (NOW + 3000) * 1_000_000,
    )
    (call,) = of_kind(made, "LLM")
    assert call.span.end_time_unix_nano == (NOW + 150) * 1_000_000


def test_what_a_killed_tool_had_said_is_its_result() -> None:
    script = Script()
    script.user("msg_1", 10)
    script.step("msg_2", "msg_1", 100)
    metadata = {"interrupted": True, "output": "half of it"}
    script.tool("cut", "msg_2", 150, 900, status="error", error="Tool execution aborted", metadata=metadata)
    script.done("msg_2", "msg_1", 100, 910, error={"name": "MessageAbortedError", "data": {"message": "Aborted"}})
    script.idle(920)
    script.user("msg_3", 5000, "and now?")
    script.answer("msg_4", "msg_3", 5100)
    script.idle(5200)
    made = assemble(script.events)
    (tool,) = of_kind(made, "TOOL")
    assert attributes(tool)["output.value"] == "half of it"
    assert attributes(of_kind(made, "LLM")[-1])["llm.input_messages.2.message.content"] == "half of it"


def test_a_prompt_to_a_subagent_while_no_call_runs_it_is_a_trace_of_its_own() -> None:
    root, child = Script(), Script("ses_child", parent="ses_root", at=120)
    root.user("msg_1", 10)
    root.step("msg_2", "msg_1", 100)
    root.tool("task", "msg_2", 110, 2000, "task", metadata={"sessionId": "ses_child", "parentSessionId": "ses_root"})
    root.done("msg_2", "msg_1", 100, 2010, "stop")
    root.idle(2020)
    child.user("msg_4", 200)
    child.answer("msg_5", "msg_4", 300)
    child.idle(400)
    child.user("msg_6", 60_000, "more of it")
    child.answer("msg_7", "msg_6", 60_100)
    child.idle(60_200)
    made = assemble(merged(root, child))
    assert [line for line in tree(made) if "AGENT" in line] == [
        "AGENT build | opencode | ok turn 1",
        "    AGENT build | opencode | ok turn 1",
        "AGENT build | opencode | ok turn 2",
    ]
    assert len({m.span.trace_id for m in made}) == 2


def test_a_message_that_wants_no_answer_has_no_turn_and_is_sent_with_the_next() -> None:
    script = Script()
    script.user("msg_1", 10, "a fact")
    script.user("msg_2", 60_000, "a question")
    script.answer("msg_3", "msg_2", 60_100)
    script.idle(60_200)
    made = assemble(script.events)
    (agent,) = agents(made)
    assert attributes(agent)["input.value"] == "a question"
    (call,) = of_kind(made, "LLM")
    assert attributes(call)["llm.input_messages.0.message.content"] == "a fact"


def test_prompts_that_one_step_answers_are_one_turn() -> None:
    script = Script()
    script.user("msg_1", 10, "one")
    script.answer("msg_2", "msg_1", 100)
    script.user("msg_3", 110, "two")
    script.user("msg_4", 120, "three")
    script.answer("msg_5", "msg_4", 200)
    script.idle(300)
    assert [attributes(agent)["input.value"] for agent in agents(assemble(script.events))] == ["one", "two\nthree"]


@pytest.mark.parametrize("aborted", [False, True])
def test_a_prompt_that_waits_does_not_end_the_turn_it_waits_for(aborted: bool) -> None:
    """A model may think for longer than an agent that died is waited for; with a prompt queued meanwhile, too."""
    script = Script()
    script.user("msg_1", 0)
    script.step("msg_2", "msg_1", 100)
    script.user("msg_3", 500, "and then?")
    if aborted:
        failed = {"name": "MessageAbortedError", "data": {"message": "Aborted"}}
        script.done("msg_2", "msg_1", 100, 40_000, error=failed)
        script.idle(40_010)
    else:
        script.answer("msg_2", "msg_1", 40_000, "at last")
        script.answer("msg_4", "msg_3", 41_000, "then this")
        script.idle(42_000)
    made = live(script.events)
    first = of_kind(made, "LLM")[0]
    assert "opencode.incomplete" not in attributes(first)
    assert first.span.end_time_unix_nano // 1_000_000 >= NOW + 40_000
    turns = of_kind(made, "AGENT")
    assert [attributes(turn)["agent.stop_reason"] for turn in turns] == (
        ["error"] if aborted else ["completed", "completed"]
    )


def test_a_prompt_that_is_told_of_anew_is_no_part_of_the_next_turn() -> None:
    """Heard from between two turns on: what the first changed is told of its prompt once more, without what it says."""
    whole = Script()
    whole.user("msg_1", 10, "one")
    whole.answer("msg_2", "msg_1", 100)
    whole.idle(200)
    joined = Script()
    joined.add("message.updated", 990, info={**joined._info("msg_1", "user", 10), "summary": {"diffs": []}})
    joined.user("msg_3", 1000, "two")
    joined.answer("msg_4", "msg_3", 1100)
    joined.idle(1200)
    assembler = Assembler()
    first = live(joined.events, assembler=assembler)
    assert [attributes(m)["input.value"] for m in agents(first)] == ["two"]
    second = assemble(whole.events, assembler)
    assert [attributes(m)["input.value"] for m in agents(second)] == ["one"]
    (call,) = of_kind(second, "LLM")
    assert call.span.trace_id == agents(second)[0].span.trace_id


def test_a_compaction_whose_mark_was_not_heard_of_is_one() -> None:
    """Its answer alone says what it is."""
    script = Script()
    script.step("msg_2", "msg_1", 100, agent="compaction", mode="compaction", summary=True)
    script.done("msg_2", "msg_1", 100, 200, agent="compaction", mode="compaction", summary=True)
    script.idle(300)
    made = assemble(script.events)
    (chain,), (call,) = of_kind(made, "CHAIN"), of_kind(made, "LLM")
    assert call.span.parent_span_id == chain.span.span_id


def test_a_prompt_to_a_subagent_after_its_process_was_killed_is_a_trace_of_its_own() -> None:
    """What is kept of the call that started it says for ever that it runs."""
    parent, child = Script(), Script("ses_child", parent="ses_root", at=300)
    parent.user("msg_1", 0)
    parent.step("msg_2", "msg_1", 100)
    parent.running("task", "msg_2", 250, "task", metadata={"sessionId": "ses_child"})
    child.user("msg_3", 310, "asked by the call")
    child.step("msg_4", "msg_3", 400)
    child.user("msg_5", 60_000, "asked by hand")
    child.answer("msg_6", "msg_5", 60_100)
    child.idle(60_200)
    made = agents(assemble(merged(parent, child)))
    placed = {attributes(m)["input.value"]: m.span for m in made}
    assert placed["asked by the call"].trace_id == placed["do it"].trace_id
    assert placed["asked by hand"].trace_id != placed["do it"].trace_id
    assert not placed["asked by hand"].parent_span_id
