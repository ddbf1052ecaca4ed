"""The plugin, attach, catch-up and import of one session, side by side: each span once, where the plugin has it."""

from __future__ import annotations

from functools import cache

import pytest
from harness.doors import Heard, attach, kept, plugin, recording, together
from harness.examples import examples
from harness.opencode import attributes, ids
from harness.recorded import NAMES
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.assemble.spans.otlp import BuiltSpan

pytestmark = pytest.mark.xdist_group("doors")  # what is read once is read once a worker

_STREAMS = [name for name in NAMES if not name.startswith("1.2")]
"""Of older versions events have no ids to tell their time by, and the recorded stream has no times."""
_UNKEPT = ("undo", "delete_", "structured")
"""Scenarios of which an export has not all: what was undone or deleted, and sessions that were not recorded."""
_late = st.sampled_from([0, 0, 300, 2000])
_after = st.sampled_from([100, 3000, 60_000])

Ids = set[tuple[bytes, bytes, bytes]]


@cache
def by_plugin(name: str) -> tuple[Ids, Ids]:
    """All spans, and those of them that only what happens as it happens tells: titles and attempts that failed."""
    made = recording(name).by_plugin()
    return ids(made), ids(built for built in made if _is_passing(built))


def _is_passing(built: BuiltSpan) -> bool:
    found = attributes(built)
    return found["agent.name"] == "title" or ("opencode.attempt" in found and built.span.status.code == 2)


def check(name: str, heard: list[Heard]) -> None:
    made = together(heard)
    found, (expected, passing) = ids(made), by_plugin(name)
    assert len(made) == len({span for _, span, _ in found})
    assert found <= expected
    assert expected - passing <= found


@settings(max_examples=examples(100))
@given(st.sampled_from(_STREAMS), st.data())
def test_doors_side_by_side_tell_each_span_once(name: str, data: st.DataObject) -> None:
    """Each may begin in mid-turn or be cut off, and one that reads what is kept comes at last."""
    lines, stream = len(recording(name).plugin), len(recording(name).stream)
    heard: list[Heard] = []
    if data.draw(st.booleans()):
        heard += plugin(name, data.draw(st.integers(0, lines)), data.draw(_late))
    if data.draw(st.booleans()):
        since = data.draw(st.integers(0, stream))
        heard += attach(name, since, data.draw(st.integers(since, stream)), data.draw(_late))
    reading = ["history"] if any(unkept in name for unkept in _UNKEPT) else ["history", "export"]
    for door in data.draw(st.lists(st.sampled_from(reading), min_size=1, max_size=2, unique=True)):
        heard += kept(name, door, data.draw(_after))
    check(name, heard)


@settings(max_examples=examples(60))
@given(st.sampled_from(_STREAMS), st.data())
def test_a_session_that_was_cut_off_anywhere_is_told_whole_by_what_is_kept(name: str, data: st.DataObject) -> None:
    """The process was killed after any line; what it had kept by then is read soon, or long after."""
    lines = data.draw(st.integers(0, len(recording(name).plugin)))
    door = "history" if any(unkept in name for unkept in _UNKEPT) else data.draw(st.sampled_from(["history", "export"]))
    check(name, [*plugin(name, lines), *kept(name, door, data.draw(_after))])
