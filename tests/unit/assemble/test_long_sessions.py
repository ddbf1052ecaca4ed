"""What a turn costs does not grow with the turns before it, but for what is copied of the conversation."""

from __future__ import annotations

import gc
import random
import sys
import tracemalloc
from typing import Any

import pytest
from harness.opencode import Script, attributes, live, of_kind
from harness.recorded import NAMES, Recording

from collector.assemble import once
from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType
from collector.assemble.facts import AnyFact
from collector.assemble.fold import forgetting
from collector.assemble.spans import conversation, sent
from collector.assemble.spans.conversation import MOST_ATTRIBUTES, ConversationEncoding, SentMessage, within
from collector.openinference.messages import ToolCall, chat_message
from collector.policy.model import Limits

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


@pytest.mark.parametrize("most", [(80_000, 10_000), (1_000_000, 360)], ids=["bytes", "attributes"])
def test_what_comes_first_gives_way_in_strides(most: tuple[int, int]) -> None:
    """Where each call had another beginning than the one before, each would be encoded as a whole."""
    messages = [SentMessage("system", "be brief"), *(SentMessage("user", "x" * 900) for _ in range(300))]
    kept = []
    for count in range(100, 300):
        size, attributes = (sum(getattr(message, name)() for message in messages[:count]) for name in ("size", "count"))
        found, dropped = within(messages[:count], size, attributes, *most)
        assert sum(message.size() for message in found) <= most[0]
        assert sum(message.count() for message in found) <= most[1]
        assert found[0] is messages[0]
        assert [*messages[:1], *messages[1 + dropped : count]] == found
        kept.append(dropped)
    assert len(set(kept)) < 30
    assert kept == sorted(kept)


def test_a_call_that_goes_on_holds_what_it_would_hold_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing but new messages came, nothing but these is looked at."""
    chance = random.Random(7)
    monkeypatch.setattr(conversation, "MOST_BYTES", 20_000)
    monkeypatch.setattr(conversation, "MOST_ATTRIBUTES", 200)
    encoding, said = ConversationEncoding(), [SentMessage("system", "be brief")]
    for _ in range(400):
        said = [*said[chance.choice((0,) * 20 + (5,)) :]]
        for _ in range(chance.randint(1, 4)):
            role = chance.choice(("user",) * 9 + ("system",))
            said.append(SentMessage(role, "x" * chance.choice((3,) * 9 + (500, 900, 30_000))))
        [beginning], dropped = encoding.of(said)
        kept, more = within(said, sum(m.size() for m in said), sum(m.count() for m in said), 20_000, 200)
        assert dropped == more
        assert beginning.data() == b"".join(message.encoded(index).data for index, message in enumerate(kept))


def test_of_many_small_messages_the_newest_are_told() -> None:
    """They are fewer bytes than a span may have, and more attributes than a policy lets through."""
    messages = [SentMessage("user", f"m{number}") for number in range(6000)]
    kept, dropped = ConversationEncoding().of(messages)
    assert dropped > 0
    assert 4000 < sum(passage.count for passage in kept) <= MOST_ATTRIBUTES < Limits().max_attributes - 400
    assert b"m5999" in kept[-1].run.passages[-1].data


def held(turns: int) -> int:
    """Bytes that are held after so many turns of a session, all of them over."""
    told = events(turns)
    tracemalloc.start()
    try:
        assembler, reader = Assembler(), ItemReader()
        for item in told:
            for fact in reader.read(item, item["ts"]):
                if not isinstance(fact, UnknownType):
                    assembler.feed(fact, item["ts"])
            assembler.finished.clear()
            assembler.once.marks.clear()
        assembler.look(told[-1]["ts"] + 60_000)
        assembler.finished.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_what_is_held_of_a_session_does_not_grow_with_its_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once as much is held as may be. The limits are small here, so that they are met soon."""
    monkeypatch.setattr(forgetting, "_MOST_MESSAGES", 100)
    monkeypatch.setattr(forgetting, "_MOST_LOOSE", 16)
    monkeypatch.setattr(forgetting, "_MOST_TURNS", 40)
    monkeypatch.setattr(once, "_MOST_BUILT", 60)
    held(20)  # what is made once stays
    few, many = held(150), held(600)
    assert many < few + 20_000


@pytest.mark.slow
def test_a_message_of_long_ago_is_held_in_less_room(monkeypatch: pytest.MonkeyPatch) -> None:
    held(400)  # what is made once, whatever is held, counts in neither
    growth = held(400) - held(200)
    monkeypatch.setattr(forgetting, "_MOST_LOOSE", 1_000_000)
    assert growth < 0.75 * (held(400) - held(200))


class Packing(Assembler):
    """Packs all that may be after each fact."""

    def learn(self, fact: AnyFact, now: int) -> None:
        super().learn(fact, now)
        if session := self.sessions.get(fact.session):
            forgetting.pack_old(session)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_packed_says_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undone turns, replaced parts, cleared results, forks, compactions: each asks for messages of long ago."""
    lines = Recording(name).plugin
    plain = live(lines)
    monkeypatch.setattr(forgetting, "_MOST_LOOSE", 0)
    monkeypatch.setattr(sent, "_MOST_LOOSE", 0)
    packed = live(lines, assembler=Packing())
    assert [m.whole().SerializeToString() for m in packed] == [m.whole().SerializeToString() for m in plain]


@pytest.mark.parametrize(
    "message",
    [
        SentMessage("user", "what is \N{SNOWMAN}?"),
        SentMessage("user", ""),
        SentMessage(
            "assistant", "see", "first this", [ToolCall("c1", "bash", "{}"), ToolCall("c2", "read", '{"a": 1}')]
        ),
        SentMessage("assistant", "", "only thought"),
        SentMessage("tool", "out", call_id="c1", name="bash"),
    ],
    ids=["text", "nothing", "all", "reasoning", "result"],
)
def test_a_message_whose_attributes_alone_are_held_can_still_be_read(message: SentMessage) -> None:
    assert message.encoded(3).count <= message.count()
    said, first, later = chat_message(message), message.encoded(3).data, message.encoded(12).data
    message.settle()
    assert chat_message(message) == said
    assert message.encoded(12).data == later
    assert message.encoded(3).data == first
