"""One run, heard through several doors."""

from __future__ import annotations

from collections import Counter

import pytest
from harness import opencode
from harness.opencode import assemble, export, history, ids, recording, scenarios


@pytest.mark.parametrize("door", opencode.DOORS)
def test_every_line_of_every_recording_is_understood(door: str) -> None:
    """Unknown types are kept out of spans: of what real clients sent none may be."""
    for scenario in scenarios(door):
        unknown: Counter[str] = Counter()
        assert assemble(recording(scenario, door), unknown=unknown)
        assert not unknown, (scenario, unknown)


@pytest.mark.parametrize("scenario", [name for name in scenarios("events.sse") if name in scenarios()])
def test_the_stream_gives_the_spans_the_plugin_gives(scenario: str) -> None:
    """The stream does not see the title call; all else has the same trace, id and parent."""
    hooks = assemble(recording(scenario))
    titles = ids(m for m in hooks if opencode.attributes(m)["agent.name"] == "title")
    assert ids(assemble(recording(scenario, "events.sse"))) == ids(hooks) - titles


@pytest.mark.parametrize("scenario", scenarios("global.sse"))
def test_the_global_stream_and_the_history_give_the_spans_of_the_stream(scenario: str) -> None:
    stream = ids(assemble(recording(scenario, "events.sse")))
    assert ids(assemble(recording(scenario, "global.sse"))) == stream
    assert ids(assemble(history(scenario))) == stream


@pytest.mark.parametrize("scenario", [s for s in scenarios() if s != "native_env_only"])
def test_an_export_gives_the_spans_of_its_session(scenario: str) -> None:
    """An export holds neither failed attempts nor child sessions."""
    hooks = assemble(recording(scenario))
    exported = assemble(export(scenario))
    session = exported[0].session
    expected = {
        one
        for m in hooks
        for one in ids([m])
        if m.session == session
        and opencode.attributes(m)["agent.name"] != "title"
        and not ("opencode.attempt" in opencode.attributes(m) and m.span.status.code == 2)
    }
    assert ids(exported) == expected


def test_two_doors_at_once_give_each_span_once() -> None:
    both = recording("subagent") + recording("subagent", "global.sse") + history("subagent")
    made = assemble(both)
    assert len(made) == len(ids(made))
    assert ids(made) == ids(assemble(recording("subagent")))


@pytest.mark.parametrize("scenario", scenarios())
def test_spans_that_leave_as_they_are_done_are_those_of_the_whole(scenario: str) -> None:
    made = opencode.live(recording(scenario))
    assert len(made) == len(ids(made))
    assert ids(made) == ids(assemble(recording(scenario)))


@pytest.mark.parametrize("scenario", scenarios())
def test_children_leave_before_their_agent(scenario: str) -> None:
    """The root tells that a turn is over: what comes after it would be missed by who waits for it."""
    told: set[bytes] = set()
    for m in opencode.live(recording(scenario)):
        assert m.span.parent_span_id not in told
        told.add(m.span.span_id)
