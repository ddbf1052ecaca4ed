"""What a history shows again is told once, however many sessions are at work."""

from __future__ import annotations

from typing import Any

from collector.assemble.dialects.sent import SentHistories
from collector.assemble.facts import HistoryFact


def history(session: int, parts: int = 3) -> list[dict[str, Any]]:
    """A prompt with so many parts, as a hook shows it."""
    said = [
        {"id": f"prt_{session}_{part}", "messageID": f"msg_{session}", "type": "text", "text": f"say {part}"}
        for part in range(parts)
    ]
    return [{"info": {"id": f"msg_{session}", "sessionID": f"ses_{session}", "role": "user"}, "parts": said}]


def test_five_hundred_sessions_in_turns_tell_each_part_once() -> None:
    """With 64 remembered, each request of five hundred told its whole conversation again."""
    histories = SentHistories()
    for session in range(500):
        assert len(list(histories.read(history(session), at=1))) > 3
    for session in range(500):
        assert [type(fact) for fact in histories.read(history(session), at=2)] == [HistoryFact]


def test_what_is_remembered_of_all_sessions_is_bounded() -> None:
    """The session read longest ago is told again, the last one is not."""
    histories = SentHistories()
    for session in range(40):
        list(histories.read(history(session, parts=2_000), at=1))
    assert len(list(histories.read(history(39, parts=2_000), at=2))) == 1
    assert len(list(histories.read(history(0, parts=2_000), at=2))) > 2_000


def test_a_session_larger_than_the_bound_is_told_once_as_well() -> None:
    histories = SentHistories()
    for at in (1, 2):
        list(histories.read(history(1), at=at))
        told = list(histories.read(history(2, parts=60_000), at=at))
    assert len(told) == 1
