"""OpenCode 2: what becomes of a conversation that is undone, forked or deleted, by events under the names of 2.1.2."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from harness.opencode import NOW, assemble, attributes, live, of_kind

from collector.assemble.spans.otlp import BuiltSpan
from collector.opencode import messages2

SESSION = "ses_1"


class Events:
    """Events of one session as they come, a moment apart."""

    def __init__(self, session: str = SESSION, at: int = NOW, begin: str = "session.created", **about: Any) -> None:
        self.session, self.at, self.total = session, at, {"input": 0, "output": 0}
        self.events: list[dict[str, Any]] = []
        self.add(begin, location={"directory": "/p"}, version="2.1.2", **about)

    def add(self, kind: str, **data: Any) -> None:
        self.at += 10
        told = {
            "id": _id("evt", self.at),
            "created": self.at,
            "type": kind,
            "data": {"sessionID": self.session, **data},
        }
        self.events.append({"ts": self.at, "dir": "/p", "hook": "event", "input": told})

    def prompt(self, text: str) -> str:
        message = _id("msg", self.at + 10)
        self.add("session.inbox.enqueued", inboxID=message, item={"type": "user", "payload": {"text": text}})
        self.add("session.execution.started")
        self.add("session.inbox.delivered", inboxID=message)
        return message

    def begin(self) -> str:
        step = _id("msg", self.at + 10)
        model = {"id": "m", "providerID": "p"}
        self.add("session.step.started", assistantMessageID=step, agent="build", model=model, started=self.at)
        return step

    def turn(self, text: str, answer: str) -> str:
        message, step, used = self.prompt(text), self.begin(), {"input": 100, "output": 10}
        self.add("session.text.ended", assistantMessageID=step, ordinal=0, text=answer)
        self.add("session.step.ended", assistantMessageID=step, finish="stop", tokens=used, cost=0.1)
        self.use(used)
        self.add("session.execution.succeeded")
        return message

    def use(self, used: dict[str, int]) -> None:
        self.total = {name: self.total[name] + count for name, count in used.items()}
        self.add("session.usage.updated", tokens=dict(self.total), cost=0.001 * self.total["input"])


def _id(prefix: str, at: int) -> str:
    return f"{prefix}_{(at * 4096) % 2**48:012x}{'A' * 14}"


def texts(call: BuiltSpan) -> list[str]:
    found = attributes(call)
    return [found[key] for key in found if key.startswith("llm.input_messages.") and key.endswith(".content")]


def undo(events: Events, since: str, end: str = "committed") -> None:
    events.add("session.revert.staged", revert={"messageID": since})
    events.add(f"session.revert.{end}", **({"to": since} if end == "committed" else {}))


def test_what_was_undone_for_good_is_not_sent_any_more() -> None:
    """The stream says nothing of each message; an earlier undo holds beside a later."""
    events = Events()
    events.turn("one", "A1")
    undo(events, events.turn("two", "A2"))
    events.turn("three", "A3")
    undo(events, events.turn("four", "A4"))
    events.turn("five", "A5")
    made = assemble(events.events)
    assert texts(of_kind(made, "LLM")[-1]) == ["one", "A1", "three", "A3", "five"]
    assert [attributes(m)["input.value"] for m in of_kind(made, "AGENT")] == ["one", "two", "three", "four", "five"]


def test_what_was_undone_and_done_again_is_sent() -> None:
    events = Events()
    undo(events, events.turn("one", "A1"), "cleared")
    events.turn("two", "A2")
    assert texts(of_kind(assemble(events.events), "LLM")[-1]) == ["one", "A1", "two"]


def test_with_a_compaction_undone_the_conversation_before_it_is_sent() -> None:
    events = Events()
    events.turn("one", "A1")
    second = events.turn("two", "A2")
    events.add("session.compaction.started", reason="manual")
    events.add("session.compaction.ended", reason="manual", text="the sum")
    events.turn("three", "A3")
    undo(events, second)
    events.turn("four", "A4")
    *_, third, fourth = [call for call in of_kind(assemble(events.events), "LLM") if texts(call)]
    assert texts(third) == ["the sum", "three"]
    assert texts(fourth) == ["one", "A1", "four"]


def test_deleting_a_session_in_its_turn_ends_that() -> None:
    events = Events()
    events.turn("one", "A1")
    events.prompt("two")
    events.begin()
    events.add("session.deleted")
    _, cut = of_kind(live(events.events), "AGENT")
    assert attributes(cut)["input.value"] == "two"
    assert attributes(cut)["opencode.incomplete"]


def kept(events: Events) -> list[dict[str, Any]]:
    """What a server keeps of a turn "one"."""
    at, used = events.at, {"input": 100, "output": 10}
    user = {"type": "user", "id": _id("msg", at + 10), "text": "one", "time": {"created": at + 10}}
    times = {"created": at + 20, "streamed": at + 30, "completed": at + 40}
    answer = {
        "type": "assistant",
        "id": _id("msg", at + 20),
        "content": [{"type": "text", "text": "A1"}],
        "time": times,
    }
    return [user, {**answer, "finish": "stop", "tokens": used, "cost": 0.1}]


@pytest.mark.parametrize("total", [100, 200], ids=["its own", "with what was used before"])
def test_a_fork_told_by_its_messages_has_the_history_and_tells_its_own_turn(total: int) -> None:
    """A copy has the time of its original and an id of its own; whether a fork's total begins at nothing is unknown."""
    first = Events()
    copies = copy.deepcopy(kept(first))
    for number, message in enumerate(copies):
        message["id"] = _id("msg", NOW + 9_000 + number)
    info = {"id": "ses_2", "version": "2.1.2", "time": {"created": NOW + 9_000}}
    fork = Events("ses_2", NOW + 9_000, "session.forked", parentID=SESSION)
    told = [*messages2.events({"id": SESSION, "time": {"created": NOW}}, kept(first)), *messages2.events(info, copies)]
    fork.total["input"] = total - 100
    fork.turn("in the fork", "A2")
    made = assemble([*told, *fork.events])
    assert [attributes(m)["input.value"] for m in of_kind(made, "AGENT")] == ["one", "in the fork"]
    _, call = of_kind(made, "LLM")
    assert texts(call) == ["one", "A1", "in the fork"]
