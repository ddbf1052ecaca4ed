"""What an open turn does is known while it lasts: whom it waits for, and which tools run."""

from __future__ import annotations

import pytest
from harness.opencode import NOW, live, recording, scenarios
from harness.recorded import NAMES, Recording

from collector.assemble import assembler as assembling
from collector.assemble.assembler import Assembler
from collector.assemble.dialects.items import UnknownType
from collector.assemble.dialects.reader import ItemReader
from collector.assemble.fold.activity import OpenTurn
from collector.assemble.spans.otlp import BuiltSpan


def turns_after(count: int, scenario: str = "permission") -> list[OpenTurn]:
    reader, assembler = ItemReader(), Assembler()
    for item in recording(scenario)[:count]:
        for fact in reader.read(item, item["ts"]):
            if not isinstance(fact, UnknownType):
                assembler.learn(fact, item["ts"])
    assembler.look(0)
    return assembler.open_turns()


def first(word: str) -> int:
    return next(n for n, item in enumerate(recording("permission")) if word in str(item))


def test_a_permission_that_is_asked_is_waited_for_until_it_is_answered() -> None:
    [turn] = turns_after(first("permission.asked") + 1)
    assert turn.waiting == "waiting for permission: bash"
    assert turn.waiting_since > turn.since
    [turn] = turns_after(first("permission.replied") + 1)
    assert turn.waiting == ""


def test_tools_that_run_are_named() -> None:
    [turn] = turns_after(first("permission.replied") + 1)
    assert turn.running == "bash"


def test_what_runs_is_known_with_its_start_the_model_until_its_tool_is_called() -> None:
    called = next(n for n, item in enumerate(recording("permission")) if "'tool': 'bash'" in str(item))
    [turn] = turns_after(called)
    [model] = turn.under_way
    assert (model.kind, model.name) == ("LLM", "fake-model")
    [turn] = turns_after(first("permission.replied") + 1)
    [tool] = turn.under_way
    assert (tool.kind, tool.name) == ("TOOL", "bash")
    assert turn.since <= model.since <= tool.since


def test_nothing_is_open_when_the_turn_is_over() -> None:
    reader, assembler = ItemReader(), Assembler()
    for item in recording("permission"):
        for fact in reader.read(item, item["ts"]):
            if not isinstance(fact, UnknownType):
                assembler.feed(fact, item["ts"])
    assembler.close()
    assert assembler.open_turns() == []


@pytest.mark.parametrize("scenario", scenarios())
def test_what_is_listed_of_open_turns_is_what_is_known_of_them_now(scenario: str) -> None:
    """The list of a session is kept until something new is heard of it, or of its spans some leave."""
    assembler, reader, now = Assembler(), ItemReader(), 0
    for item in recording(scenario):
        for fact in reader.read(item, NOW):
            if not isinstance(fact, UnknownType):
                assembler.learn(fact, now)
        listed = assembler.open_turns()
        assembler._listed.clear()
        assert listed == assembler.open_turns()
        now += 400
        assembler.look(now)
        listed = assembler.open_turns()
        assembler._listed.clear()
        assert listed == assembler.open_turns()
    assembler.look(now + 10**9)
    assert assembler.open_turns() == []
    assert not assembler._listed


class Noting(Assembler):
    """Notes when each span is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, bytes]] = []

    def look(self, now: int) -> list[BuiltSpan]:
        made = super().look(now)
        self.told += [(now, built.request.SerializeToString()) for built in made]
        return made


@pytest.mark.parametrize("name", NAMES)
def test_a_session_that_is_passed_over_had_nothing_to_tell(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each span is told at the moment at which it is where every session is looked at every time."""
    items, passing, looking = Recording(name).plugin, Noting(), Noting()
    live(items, assembler=passing)
    monkeypatch.setattr(assembling, "is_at_work", lambda *_: False)
    live(items, assembler=looking)
    assert passing.told == looking.told
