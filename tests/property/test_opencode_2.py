"""OpenCode 2: recorded and made streams in whatever order, cut off, with gaps, and by whatever clock."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from harness.clocks import Clock, times
from harness.examples import examples
from harness.opencode import FIXTURES, NOW, assemble, attributes, ids, live
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import BadItem, ItemReader
from collector.assemble.spans.otlp import BuiltSpan

pytestmark = pytest.mark.xdist_group("opencode 2")  # what is read once is read once a worker

_V2 = FIXTURES / "v2"
STREAMS = sorted(path.name.removesuffix(".ndjson") for path in _V2.glob("*.ndjson"))


def _is_read(item: Any) -> bool:
    try:
        list(ItemReader().read(item, NOW))
        return True
    except BadItem:
        return False


@cache
def items(name: str) -> list[Any]:
    lines = (_V2 / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()
    return [item for item in map(json.loads, lines) if _is_read(item)]


def _heard_at(item: Any) -> int:
    return int(item.get("ts") or item.get("created") or 0)


@cache
def heard(name: str) -> list[int]:
    """When each item was heard, by a clock that does not go back."""
    found, last = [], next(at for at in map(_heard_at, items(name)) if at)
    for item in items(name):
        last = max(last, _heard_at(item))
        found.append(last)
    return found


@cache
def whole(name: str) -> list[BuiltSpan]:
    return assemble(items(name))


def content(made: list[BuiltSpan]) -> list[bytes]:
    return sorted(m.whole().SerializeToString(deterministic=True) for m in made)


def declined(made: list[BuiltSpan]) -> set[bytes]:
    return {
        m.span.span_id for m in made if "declined" in (m.span.status.message, attributes(m).get("agent.stop_reason"))
    }


@settings(max_examples=examples(80))
@given(st.sampled_from(STREAMS), st.integers(1, 100), st.booleans(), st.randoms())
def test_a_stream_in_any_order_is_told_as_it_is(name: str, window: int, doubled: bool, random: Any) -> None:
    """Steps that end before they begin, answers before what was asked, totals before the calls they count."""
    told = [item for item in items(name) for _ in range(2 if doubled else 1)]
    for start in range(0, len(told), window):
        part = told[start : start + window]
        random.shuffle(part)
        told[start : start + window] = part
    made = assemble(told)
    assert content(made) == content(whole(name))
    assert declined(made) == declined(whole(name))


@settings(max_examples=examples(60))
@given(st.sampled_from(STREAMS), st.data())
def test_what_was_cut_off_or_missed_is_told_when_it_is_heard_of_after_all(name: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(items(name))))
    gap = data.draw(st.integers(cut, len(items(name))))
    assembler = Assembler()
    first = [*items(name)[:cut], *items(name)[gap:]]
    when = [*heard(name)[:cut], *heard(name)[gap:]]
    made = live(first, when, assembler) if first and gap == len(items(name)) else assemble(first, assembler)
    made += assemble(items(name), assembler)
    assert len(made) == len({m.span.span_id for m in made})
    if gap == len(items(name)):  # what is heard behind a gap may seem to be another turn's
        assert ids(made) == ids(whole(name))


@settings(max_examples=examples(80))
@given(st.sampled_from(STREAMS), st.data(), st.sampled_from([1, 1, 2, 50, 1000]))
def test_whatever_the_clock_does_each_call_is_told_once(name: str, data: st.DataObject, grain: int) -> None:
    """A step belongs to the prompt that was delivered last, by the clock: which that is may change, and no more."""
    moments = st.sampled_from(sorted(set(times(items(name)))))
    shift = st.one_of(st.integers(-2 * 86_400_000, 2 * 86_400_000), st.integers(-2000, 2000))
    clock = Clock(data.draw(st.lists(st.tuples(moments, shift), max_size=3)), grain)
    assembler = Assembler()
    made = assemble([clock.told(item) for item in items(name)], assembler)
    told = [span for _, span, _ in clock.as_right(made)]
    assert len(told) == len(set(told))
    assert all(m.span.start_time_unix_nano <= m.span.end_time_unix_nano for m in made)
    own = {m.span.span_id for m in whole(name) if "tool_call.id" in attributes(m) or _is_turn(m)}
    if not assembler.copied:
        assert own <= set(told)


def _is_turn(made: BuiltSpan) -> bool:
    return attributes(made)["openinference.span.kind"] == "AGENT"
