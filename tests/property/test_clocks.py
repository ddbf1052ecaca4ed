"""Whatever the clock of OpenCode's machine does, each turn is told, once, and no span ends before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest
from harness.clocks import Clock, Setting, times
from harness.examples import examples
from harness.opencode import attributes
from harness.recorded import NAMES, Recording
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.assemble.assembler import Assembler
from collector.assemble.ids import span_id

pytestmark = pytest.mark.xdist_group("clocks")  # what is read once is read once a worker

DOORS = ("plugin", "stream", "history", "export")
_SESSION_MS = 3_600_000
"""More than any recorded session took."""
_BY_TIME_ALONE = {"queued", "overflow", "compaction_auto_tool", "compaction", "no_reply", "subtask_command"}
"""Scenarios in which several prompts make a turn: which, their times say, and nothing else where these lie."""
_STREAMS = [name for name in NAMES if not name.startswith("1.2")]
"""Of older versions events have no ids to tell their time by."""


@cache
def recording(name: str) -> Recording:
    return Recording(name)


@dataclass(frozen=True)
class Told:
    """What was told, by the ids that the right clock would have given."""

    spans: set[tuple[bytes, bytes, bytes]]
    turns: set[bytes]
    calls: set[bytes]
    """Of models and tools."""
    repeated: int
    copied: int


def told(name: str, door: str, clock: Clock) -> Told:
    assembler = Assembler()
    made = recording(name).by(door, clock.told, assembler)
    assert all(built.span.start_time_unix_nano <= built.span.end_time_unix_nano for built in made)
    pairs = [(ids, attributes(built)) for ids, built in zip(clock.as_right(made), made, strict=True)]
    # Whose an attempt is that failed, its time says alone.
    attempts = {span_id(message, "attempt", str(number)) for message in clock.ids for number in range(1, 6)}
    steps = [(ids, found) for ids, found in pairs if ids[1] not in attempts]
    turns = {ids[1] for ids, found in steps if found["openinference.span.kind"] == "AGENT"}
    own = {ids[1] for ids, found in steps if "opencode.message_id" in found and ids[1] not in turns}
    return Told({ids for ids, _ in steps}, turns, own, len(made) - len({ids for ids, _ in pairs}), assembler.copied)


@cache
def right(name: str, door: str) -> Told:
    return told(name, door, Clock([]))


@st.composite
def moments(draw: st.DrawFn, name: str) -> int:
    """Right before or after anything that was recorded."""
    return draw(st.sampled_from(_moments(name))) + draw(st.integers(0, 1))


@cache
def _moments(name: str) -> list[int]:
    return sorted(set(times(recording(name).plugin)))


far = st.one_of(st.integers(_SESSION_MS, 2 * 86_400_000), st.integers(-2 * 86_400_000, -_SESSION_MS))


@settings(max_examples=examples(150))
@given(st.sampled_from(_STREAMS), st.sampled_from(DOORS), st.data())
def test_a_clock_that_is_set_by_hours_changes_no_tree(name: str, door: str, data: st.DataObject) -> None:
    found, expected = told(name, door, Clock([(data.draw(moments(name)), data.draw(far))])), right(name, door)
    assert not found.repeated
    assert found.copied >= expected.copied
    if found.copied > expected.copied:  # a prompt that seems taken over from another session is counted
        assert found.spans <= expected.spans
    elif name.partition("/")[2] in _BY_TIME_ALONE:
        assert expected.calls <= found.calls
    else:
        assert found == expected


@settings(max_examples=examples(150))
@given(st.sampled_from(NAMES), st.sampled_from(DOORS), st.data(), st.sampled_from([1, 1, 2, 50, 1000, 60_000]))
def test_whatever_the_clock_does_each_turn_is_told_once(name: str, door: str, data: st.DataObject, grain: int) -> None:
    """Set several times, by a little or by much, or showing the same time for long."""
    shift = st.one_of(far, st.integers(-5000, 5000), st.sampled_from([-1, 1, -1000, 1000]))
    shifts: list[Setting] = data.draw(st.lists(st.tuples(moments(name), shift), max_size=4))
    found, expected = told(name, door, Clock(shifts, grain)), right(name, door)
    assert not found.repeated
    if found.copied == expected.copied:
        assert expected.calls <= found.calls
        if name.partition("/")[2] not in _BY_TIME_ALONE:
            assert found.turns == expected.turns
