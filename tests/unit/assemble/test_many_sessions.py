"""A session of which a turn ended is not forgotten before the caller has asked what to remember of it."""

from __future__ import annotations

import orjson
from harness.live_sessions import SPANS_A_TURN, LiveSessions
from harness.opencode import NOW

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType


def test_of_more_sessions_than_are_held_each_turn_that_ends_is_remembered_and_told_late_opens_nothing() -> None:
    """OpenCode tells of a user's message once more after its turn; the process then knows the session from memory."""
    sessions, reader = LiveSessions(live=3), ItemReader()
    assembler = Assembler(most_idle=0)

    def learn(lines: list[bytes], now: int) -> None:
        for line in lines:
            for fact in reader.read(orjson.loads(line), now):
                if isinstance(fact, UnknownType):
                    continue
                if fact.session and fact.session not in assembler.sessions and fact.session in memories:
                    assembler.recall(fact.session, memories[fact.session])
                assembler.learn(fact, now)

    def look(now: int) -> int:
        made = len(assembler.look(now))
        for turn in assembler.finished:
            memories[turn.session] = assembler.remember(turn.session)
        assembler.finished.clear()
        return made

    memories: dict[str, dict[str, object]] = {}
    made = 0
    for number in (1, 2):
        now = NOW + number * 60_000
        bodies = [sessions.body(place, sessions.events_a_turn).splitlines() for place in range(sessions.live)]
        for lines in bodies:
            learn(lines[:-1], now)
        made += look(now + 10_000)
        for lines in bodies:
            learn(lines[-1:], now + 11_000)
        made += look(now + 30_000)
        assert assembler.open_turns() == []
        assert [len(memory["finished"]) for memory in memories.values()] == [number] * 3  # type: ignore[arg-type]
    assert made == 2 * sessions.live * SPANS_A_TURN
