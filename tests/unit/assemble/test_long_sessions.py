"""What a turn costs does not grow with the turns before it, but for what is copied of the conversation."""

from __future__ import annotations

import sys
from typing import Any

from harness.opencode import Script, attributes, live, of_kind

from collector.assemble.spans.conversation import SentMessage, within

_TURN_MS = 10_000


def events(turns: int) -> list[dict[str, Any]]:
    script = Script()
    for turn in range(turns):
        at = turn * _TURN_MS
        script.user(f"msg_{turn:04}a", at + 10, f"question {turn}")
        script.answer(f"msg_{turn:04}b", f"msg_{turn:04}a", at + 100, f"answer {turn}")
        script.idle(at + 200)
    return script.events


def work(turns: int) -> int:
    """How many functions are called for so many turns of a session, each heard at its time."""
    count = 0

    def called(_: Any, event: str, __: Any) -> None:
        nonlocal count
        count += event == "call"

    told = events(turns)
    before = sys.getprofile()
    sys.setprofile(called)
    try:
        made = live(told)
    finally:
        sys.setprofile(before)
    assert attributes(of_kind(made, "LLM")[-1])[f"llm.input_messages.{2 * turns - 2}.message.content"]
    return count


def test_a_turn_late_in_a_session_is_no_more_work_than_an_early_one() -> None:
    """Without hooks the conversation of each call is put together of all messages before it."""
    assert work(160) - work(120) < 1.6 * (work(80) - work(40))


def test_what_comes_first_gives_way_in_strides() -> None:
    """Where each call had another beginning than the one before, each would be encoded as a whole."""
    messages = [SentMessage("system", "be brief"), *(SentMessage("user", "x" * 900) for _ in range(300))]
    kept = []
    for count in range(100, 300):
        found, dropped = within(messages[:count], sum(message.size() for message in messages[:count]), 80_000)
        assert sum(message.size() for message in found) <= 80_000
        assert found[0] is messages[0]
        assert [*messages[:1], *messages[1 + dropped : count]] == found
        kept.append(dropped)
    assert len(set(kept)) < 30
    assert kept == sorted(kept)
