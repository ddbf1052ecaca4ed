"""The sessions that soaks and benches tell are as many real ones are: whole turns, and nothing in two of them."""

from __future__ import annotations

import orjson
from harness.live_sessions import SPANS_A_TURN, LiveSessions, recorded
from harness.opencode import NOW, live

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType


def test_the_recorded_turn_becomes_as_many_spans_as_is_reckoned_with() -> None:
    sessions = LiveSessions(live=2)
    assert sessions.events_a_turn == len(recorded())
    items = [
        orjson.loads(line) for place in range(2) for line in sessions.body(place, sessions.events_a_turn).splitlines()
    ]
    made = live(items)
    assert len({span.span.span_id for span in made}) == len(made) == 2 * SPANS_A_TURN


def test_sessions_at_work_at_once_are_no_forks_of_each_other_and_leave_nothing_open() -> None:
    """A message older than its session, of a moment that another session has too, would be read as a copy."""
    sessions = LiveSessions(live=10)
    assembler, reader = Assembler(), ItemReader()
    made = 0
    for told in (range(10), range(5), range(5, 10)):
        for place in told:
            for line in sessions.body(place, sessions.events_a_turn).splitlines():
                for fact in reader.read(orjson.loads(line), NOW):
                    if not isinstance(fact, UnknownType):
                        assembler.learn(fact, NOW)
        if told != range(10):
            made += len(assembler.look(NOW + 10_000))
    assert made == 2 * sessions.live * SPANS_A_TURN
    assert assembler.copied == 0
    assert assembler.open_turns() == []
