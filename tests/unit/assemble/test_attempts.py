"""A span for each request the model got, and none for one it never got: retries, aborts and deletions."""

from __future__ import annotations

from typing import Any

import pytest
from harness.opencode import NOW, Script, assemble, attributes, live, of_kind

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType
from collector.assemble.spans.otlp import BuiltSpan

_HOUR = 3_600_000


def request(at: int) -> dict[str, Any]:
    given = {"sessionID": "ses_root", "agent": "build"}
    return {"ts": NOW + at, "pid": 7, "dir": "/p", "hook": "chat.params", "input": given, "output": {}}


def begun() -> Script:
    """A prompt, and its step up to the request."""
    script = Script()
    script.user("msg_1", 10)
    script.add("message.updated", 100, info={**script._info("msg_2", "assistant", 100), "parentID": "msg_1"})
    script.events.append(request(110))
    return script


def retry(script: Script, at: int, attempt: int, wait: int = 1000) -> None:
    status = {"type": "retry", "attempt": attempt, "message": "error 503", "next": NOW + at + wait}
    script.add("session.status", at, status=status)


def again(script: Script, at: int) -> None:
    script.add("session.status", at, status={"type": "busy"})
    script.events.append(request(at + 2))


def aborted(script: Script, at: int) -> None:
    error = {"name": "MessageAbortedError", "data": {"message": "Aborted"}}
    script.add("session.error", at, error=error)
    script.idle(at)
    script.done("msg_2", "msg_1", 100, at + 5, finish="", error=error)
    script.idle(at + 6)


def starts(made: list[BuiltSpan]) -> list[int]:
    found = [m.span.start_time_unix_nano // 1_000_000 - NOW for m in of_kind(made, "LLM")]
    return sorted(found)


def test_an_abort_before_the_next_attempt_is_no_call() -> None:
    script = begun()
    retry(script, 150, 1)
    aborted(script, 400)
    made = assemble(script.events)
    assert starts(made) == [110]
    (agent,) = of_kind(made, "AGENT")
    assert attributes(agent)["agent.stop_reason"] == "error"


def test_an_abort_before_the_next_attempt_is_no_call_for_a_door_without_hooks() -> None:
    script = begun()
    script.add("session.status", 110, status={"type": "busy"})
    retry(script, 150, 1)
    aborted(script, 400)
    assert starts(assemble([item for item in script.events if "data" in item])) == [110]


def test_an_abort_of_the_next_attempt_is_a_call() -> None:
    """Also where the attempt before it had begun to answer."""
    script = begun()
    script.add("message.part.updated", 130, part=script._part("a", "msg_2", type="step-start"), time=NOW + 130)
    retry(script, 150, 1)
    again(script, 1150)
    aborted(script, 3000)
    assert starts(assemble(script.events)) == [110, 1152]


def deleted(*failures: int) -> Script:
    """A session deleted while its tool ran, and attempts that failed then because nothing could be kept."""
    script = begun()
    script.add("message.part.updated", 120, part=script._part("a", "msg_2", type="step-start"), time=NOW + 120)
    script.running("tool", "msg_2", 150)
    script.add("session.deleted", 500, info={"id": script.session})
    for number, at in enumerate(failures, 1):
        retry(script, at, number)
        again(script, at + 1000)
    script.add("session.error", 90_000, error={"name": "UnknownError", "data": {"message": "Failed query"}})
    script.idle(90_000)
    return script


@pytest.mark.parametrize("failures", [(), (2500,), (2500, 9000), (2500, 9000, 30_000)])
def test_each_request_after_a_deletion_is_told_once(failures: tuple[int, ...]) -> None:
    """The one that was under way is the step's, with its answer; it is told before it is known that it failed."""
    script = deleted(*failures)
    expected = [110, *(at + 1002 for at in failures)]
    at_once, as_it_happened = assemble(script.events), live(script.events)
    assert starts(at_once) == starts(as_it_happened) == expected
    assert {m.span.span_id for m in at_once} == {m.span.span_id for m in as_it_happened}
    answered = [m for m in of_kind(as_it_happened, "LLM") if "llm.output_messages.0.message.role" in attributes(m)]
    assert starts(answered) == [110]


def test_a_request_after_a_deletion_ends_when_the_agent_gave_up() -> None:
    ends = [m.span.end_time_unix_nano // 1_000_000 - NOW for m in of_kind(live(deleted(2500).events), "LLM")]
    assert max(ends) == 90_000


def fed(assembler: Assembler, items: list[Any], now: int) -> None:
    reader = ItemReader()
    for item in items:
        for fact in reader.read(item, NOW):
            assert not isinstance(fact, UnknownType)
            assembler.learn(fact, now)


def test_a_turn_that_waits_for_its_limit_to_be_lifted_is_not_given_up() -> None:
    """A provider may say "in two hours"; the answer that comes then belongs to the turn."""
    script = begun()
    retry(script, 150, 1, wait=2 * _HOUR)
    assembler = Assembler()
    fed(assembler, script.events, 0)
    assert not of_kind(assembler.look(2 * _HOUR), "AGENT")
    later = Script()
    later.events = []
    again(later, 2 * _HOUR + 150)
    until = 2 * _HOUR + 300
    said = later._part("t", "msg_2", type="text", text="Through.", time={"start": NOW + until - 50, "end": NOW + until})
    later.add("message.part.updated", until, part=said, time=NOW + until)
    later.done("msg_2", "msg_1", 100, until)
    later.idle(2 * _HOUR + 400)
    fed(assembler, later.events, 2 * _HOUR)
    made = assembler.look(2 * _HOUR + 20_000)
    (agent,) = of_kind(made, "AGENT")
    assert attributes(agent)["output.value"] == "Through."
    assert len(of_kind(made, "LLM")) == 2


def test_an_agent_that_says_nothing_after_its_pause_is_given_up() -> None:
    script = begun()
    retry(script, 150, 1, wait=2 * _HOUR)
    assembler = Assembler()
    fed(assembler, script.events, 0)
    (agent,) = of_kind(assembler.look(3 * _HOUR), "AGENT")
    assert attributes(agent)["opencode.incomplete"] is True


def test_an_answer_that_was_cut_before_it_had_words_is_sent_again_without_any() -> None:
    script = begun()
    script.add("message.part.updated", 120, part=script._part("t", "msg_2", type="text", text=""), time=NOW + 120)
    aborted(script, 400)
    script.user("msg_3", 1000, "after it")
    script.answer("msg_4", "msg_3", 1100)
    script.idle(1300)
    *_, last = of_kind(assemble(script.events), "LLM")
    found = attributes(last)
    assert [found[f"llm.input_messages.{n}.message.role"] for n in range(3)] == ["user", "assistant", "user"]
