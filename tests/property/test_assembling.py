"""Same input, same spans, once: whatever the order within reach, and however often it is told."""

from __future__ import annotations

from typing import Any

import pytest
from harness.examples import examples
from harness.opencode import assemble, ids, live, recording, scenarios, v2_examples
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.assemble.assembler import Assembler
from collector.assemble.spans.otlp import BuiltSpan

_SESSIONLESS = {"text_v10185"}
"""OpenCode 1.0 does not say for which session a system prompt is: only the order of its lines does."""

RECORDINGS = [(scenario, door) for door in ("plugin_hooks", "events.sse") for scenario in scenarios(door)]


def content(made: list[BuiltSpan]) -> list[bytes]:
    return sorted(m.whole().SerializeToString(deterministic=True) for m in made)


def shuffled(items: list[Any], window: int, random: Any) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(items), window):
        part = items[start : start + window]
        random.shuffle(part)
        found += part
    return found


@settings(max_examples=examples(60))
@given(st.sampled_from(RECORDINGS), st.integers(1, 60), st.integers(1, 2), st.booleans(), st.randoms())
def test_order_and_repetition_change_nothing(
    which: tuple[str, str], window: int, times: int, doubled: bool, random: Any
) -> None:
    """Doors overlap, batches overtake each other, clients send again what they got no answer for."""
    items = recording(*which)
    told = [item for item in items for _ in range(2 if doubled else 1)] * times
    made = assemble(shuffled(told, window, random))
    if which[0] in _SESSIONLESS:
        assert ids(made) == ids(assemble(items))
    else:
        assert content(made) == content(assemble(items))
    assert len(made) == len(ids(made))


def bent(value: Any, odd: Any, random: Any) -> Any:
    """`value` with one thing at random in it replaced by `odd`."""
    if isinstance(value, dict) and value:
        name = random.choice(sorted(value))
        return {**value, name: bent(value[name], odd, random)}
    if isinstance(value, list) and value and random.random() < 0.5:
        index = random.randrange(len(value))
        return [*value[:index], bent(value[index], odd, random), *value[index + 1 :]]
    return odd


ODD = [None, True, 7, -0.5, "", "odd", [], [1], {}, {"odd": 1}]


@settings(max_examples=examples(300))
@given(st.sampled_from([*RECORDINGS, None]), st.lists(st.sampled_from(ODD), min_size=30, max_size=30), st.randoms())
def test_a_value_of_another_shape_costs_itself(which: tuple[str, str] | None, odd: list[Any], random: Any) -> None:
    """The items of a post come from programs of many versions; one that fails would refuse all the others."""
    items = recording(*which) if which else v2_examples()
    assemble(bent(random.choice(items), value, random) for value in odd)


@settings(max_examples=examples(30))
@given(st.integers(1, 80), st.booleans(), st.randoms())
def test_order_and_repetition_change_nothing_in_opencode_2(window: int, doubled: bool, random: Any) -> None:
    items = v2_examples()
    told = [item for item in items for _ in range(2 if doubled else 1)]
    assert content(assemble(shuffled(told, window, random))) == content(assemble(items))


@settings(max_examples=examples(25))
@given(st.sampled_from(scenarios()), st.integers(1, 12), st.randoms())
def test_shuffled_lines_of_a_live_session_give_each_span_once(scenario: str, window: int, random: Any) -> None:
    """Live, spans leave while lines still come: what was told must not be told again, nor anything be missed."""
    items = recording(scenario)
    made = live(shuffled(items, window, random), sorted(item["ts"] for item in items))
    assert len(made) == len(ids(made))
    expected = {span for _, span, _ in ids(assemble(items))}
    assert {span for _, span, _ in ids(made)} == expected


def test_a_part_that_overtakes_its_message_is_kept_until_it_comes() -> None:
    """A compaction's mark, told before its message and just when the turn before it was over, was lost with that."""
    items = recording("compaction")
    times = sorted(item["ts"] for item in items)
    whole = {span for _, span, _ in ids(assemble(items))}
    for at in range(len(items) - 2):
        made = live([*items[:at], items[at + 2], *items[at : at + 2], *items[at + 3 :]], times)
        assert {span for _, span, _ in ids(made)} == whole, at


@pytest.mark.parametrize("scenario", scenarios())
def test_a_replay_of_what_is_over_tells_nothing(scenario: str) -> None:
    assembler = Assembler()
    first = assemble(recording(scenario), assembler)
    assert first
    assert not assemble(recording(scenario), assembler)


@settings(max_examples=examples(25))
@given(st.sampled_from(scenarios()), st.data())
def test_a_cut_recording_loses_only_what_was_not_told(scenario: str, data: st.DataObject) -> None:
    """An agent that died leaves a turn marked incomplete, whose spans have the ids they would have had."""
    items = recording(scenario)
    cut = data.draw(st.integers(0, len(items)))
    whole = {span: (trace, above) for trace, span, above in ids(assemble(items))}
    made = assemble(items[:cut])
    assert {span: (trace, above) for trace, span, above in ids(made)}.items() <= whole.items()


def test_a_compaction_cut_anywhere_leaves_no_turn_that_never_was() -> None:
    """Its marker is a user message that says what it is only in its part, which may come later."""
    items = recording("compaction")
    whole = ids(assemble(items))
    for cut in range(len(items)):
        assert ids(assemble(items[:cut])) <= whole


@settings(max_examples=examples(25))
@given(st.sampled_from(scenarios()), st.data())
def test_a_second_door_completes_what_the_first_lost(scenario: str, data: st.DataObject) -> None:
    """The rest of a given up turn is told when it is heard of after all; its agent is not told twice."""
    items = recording(scenario)
    cut = data.draw(st.integers(0, len(items)))
    assembler = Assembler()
    first = assemble(items[:cut], assembler)
    second = assemble(items, assembler)
    together = ids(first) | ids(second)
    assert len(first) + len(second) == len(together)
    assert together == ids(assemble(items))
