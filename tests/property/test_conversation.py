"""What a call was sent, whatever is undone, changed, or told in whatever order and by whatever clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.clocks import Clock
from harness.examples import examples
from harness.opencode import NOW, Script, assemble, attributes, of_kind
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.assemble.assembler import Assembler
from collector.assemble.spans.otlp import BuiltSpan

_TURN_MS = 10_000


@dataclass
class Talk:
    """A session of plain turns; `texts` is what a call sent now would hold, by message."""

    script: Script = field(default_factory=Script)
    texts: dict[str, str] = field(default_factory=dict)
    sent: list[list[str]] = field(default_factory=list)
    count: int = 0

    def turn(self, at: int) -> None:
        prompt, step = self._id(at), self._id(at + 100)
        question, answer = f"question {self.count}", f"answer {self.count}"
        self.script.user(prompt, at, question)
        self.texts[prompt] = question
        self.sent.append(list(self.texts.values()))
        self.script.answer(step, prompt, at + 100, answer)
        self.texts[step] = answer
        self.script.idle(at + 1000)

    def remove(self, message: str, at: int) -> None:
        self.script.add("message.removed", at, messageID=message)
        del self.texts[message]

    def remove_part(self, message: str, at: int) -> None:
        """Take out all that a message says."""
        part = f"prt_{message}_{self._suffix(message)}"
        self.script.add("message.part.removed", at, messageID=message, partID=part)
        del self.texts[message]

    def _suffix(self, message: str) -> str:
        return "text" if self.texts[message].startswith("question") else "t"

    def replace(self, message: str, at: int, text: str) -> None:
        suffix = self._suffix(message)
        times = {} if suffix == "text" else {"time": {"start": NOW + at - 30, "end": NOW + at}}
        part = {"id": f"prt_{message}_{suffix}", "messageID": message, "sessionID": self.script.session}
        self.script.add("message.part.updated", at, part={**part, "type": "text", "text": text, **times}, time=NOW + at)
        self.texts[message] = text

    def _id(self, at: int) -> str:
        """As OpenCode makes them: the time, then a counter."""
        self.count += 1
        return f"msg_{((NOW + at) % 2**36 * 4096 + self.count) % 2**48:012x}{self.count:014}"


def inputs(made: list[BuiltSpan]) -> list[list[str]]:
    """The texts that each call was sent, in the order of the calls."""
    found = []
    for span in of_kind(made, "LLM"):
        said, index, texts = attributes(span), 0, []
        while f"llm.input_messages.{index}.message.role" in said:
            texts.append(said.get(f"llm.input_messages.{index}.message.content", ""))
            index += 1
        found.append(texts)
    return found


def content(made: list[BuiltSpan]) -> list[bytes]:
    return sorted(m.whole().SerializeToString(deterministic=True) for m in made)


@given(st.integers(1, 4), st.data(), st.booleans(), st.randoms())
def test_what_was_removed_is_sent_until_then(before: int, data: st.DataObject, shuffled: bool, random: Any) -> None:
    talk = Talk()
    for turn in range(before):
        talk.turn(turn * _TURN_MS + 10)
    gone = data.draw(st.lists(st.sampled_from(sorted(talk.texts)), min_size=1, unique=True))
    for message in gone:
        remove = talk.remove if data.draw(st.booleans()) else talk.remove_part
        remove(message, before * _TURN_MS)
    for turn in range(before, before + 2):
        talk.turn(turn * _TURN_MS + 10)
    events = talk.script.events
    if shuffled:
        random.shuffle(events)
    assert inputs(assemble(events)) == talk.sent


@given(st.integers(1, 4), st.data(), st.booleans(), st.randoms())
def test_a_text_that_was_changed_is_sent_as_it_was_at_the_time(
    before: int, data: st.DataObject, shuffled: bool, random: Any
) -> None:
    talk = Talk()
    for turn in range(before):
        talk.turn(turn * _TURN_MS + 10)
    for at, message in enumerate(data.draw(st.lists(st.sampled_from(sorted(talk.texts)), max_size=4))):
        talk.replace(message, before * _TURN_MS + at, f"{talk.texts[message]}, changed")
    talk.turn((before + 1) * _TURN_MS + 10)
    events = talk.script.events
    if shuffled:
        random.shuffle(events)
    assert inputs(assemble(events)) == talk.sent


@given(st.lists(st.integers(-48, 48), min_size=1, max_size=5))
def test_whatever_the_clock_says_each_prompt_is_a_turn(hours: list[int]) -> None:
    """A clock is set back and forward; what was accepted is told, and nothing counts as another session's copy."""
    talk = Talk()
    for turn, shift in enumerate(hours):
        talk.turn(turn * _TURN_MS + 10 + shift * 3_600_000)
    assembler = Assembler()
    made = assemble(talk.script.events, assembler)
    prompts = [text for text in talk.texts.values() if text.startswith("question")]
    agents = [attributes(span) for span in of_kind(made, "AGENT")]
    assert sorted(agent["input.value"] for agent in agents) == sorted(prompts)
    assert sorted(agent["opencode.turn_number"] for agent in agents) == list(range(1, len(hours) + 1))
    assert {agent["agent.stop_reason"] for agent in agents} == {"completed"}
    assert assembler.copied == 0


@given(st.integers(1, 4), st.data())
def test_a_clock_that_is_set_by_hours_leaves_nothing_out_that_was_sent(turns: int, data: st.DataObject) -> None:
    """Between any two events, also in the middle of an answer; what was said then stands where its time puts it."""
    talk = Talk()
    for turn in range(turns):
        talk.turn(turn * _TURN_MS + 10)
    at = data.draw(st.integers(1, turns * _TURN_MS))
    by = data.draw(st.integers(-48, 48).filter(bool)) * 3_600_000
    clock = Clock([(NOW + at, by)])
    found = inputs(assemble(clock.told(event) for event in talk.script.events))
    assert sorted(map(sorted, found)) == sorted(map(sorted, talk.sent))


@settings(max_examples=examples(40))
@given(st.integers(1, 3), st.integers(1, 2000), st.booleans(), st.randoms())
def test_a_fork_tells_its_own_turns_however_soon_it_was_made(
    turns: int, after_ms: int, shuffled: bool, random: Any
) -> None:
    """The copies keep the times of their originals, and have ids of the moment of the fork."""
    talk = Talk()
    for turn in range(turns):
        talk.turn(turn * _TURN_MS + 10)
    born = (turns - 1) * _TURN_MS + 1010 + after_ms
    fork = Talk(Script("ses_fork", at=born))
    fork.count = 100
    for turn in range(turns):
        at, made_at = turn * _TURN_MS + 10, born + turn
        fork.count += 1
        prompt = f"msg_{((NOW + made_at) % 2**36 * 4096 + fork.count) % 2**48:012x}{fork.count:014}"
        fork.script.user(prompt, at, "copied")
        fork.texts[prompt] = "copied"
    fork.turn(born + _TURN_MS)
    events = [*talk.script.events, *fork.script.events]
    if shuffled:
        random.shuffle(events)
    assembler = Assembler()
    made = assemble(events, assembler)
    told = [attributes(span)["input.value"] for span in of_kind(made, "AGENT")]
    assert sorted(told) == sorted([t for t in talk.texts.values() if t.startswith("question")] + [fork.sent[-1][-1]])
    assert assembler.copied == turns
