"""What each call of a recorded session was sent, whatever is taken out, changed, or shown by a hook, and when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import cache
from itertools import count
from typing import Any

import pytest
from harness.examples import examples
from harness.opencode import NOW, assemble, attributes, live
from harness.recorded import NAMES, Recording
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.assemble.ids import number_in, span_id, time_in
from collector.assemble.spans.otlp import BuiltSpan

pytestmark = pytest.mark.xdist_group("recorded requests")  # what is read once is read once a worker

_STREAMS = [name for name in NAMES if not name.startswith("1.2")]
"""Of older versions events have no ids to tell their time by."""
_MARK = re.compile(r"«(.+?)»")


@cache
def recording(name: str) -> Recording:
    return Recording(name)


def event(item: dict[str, Any]) -> dict[str, Any]:
    """The event in an item of the global stream."""
    payload: dict[str, Any] = item["payload"]
    if payload.get("type") != "sync":
        return {"id": payload["id"], "type": payload["type"], "data": payload["properties"]}
    found = payload["syncEvent"]
    return {"id": found["id"], "type": found["type"].removesuffix(".1"), "data": found["data"]}


def marked_part(part: dict[str, Any], mark: str) -> None:
    """Have what a part says begin with a mark."""
    state = part.get("state", {})
    if isinstance(part.get("text"), str) and part["text"]:
        part["text"] = f"«{mark}»{part['text']}"
    if isinstance(state.get("output"), str):
        state["output"] = f"«{mark}»{state['output']}"


def marked(stream: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """A stream in which all that a part says begins with its id, and its message's."""
    found = deepcopy(list(stream))
    for item in found:
        told = event(item)
        if told["type"] == "message.part.updated":
            part = told["data"]["part"]
            marked_part(part, f"{part['messageID']} {part['id']}")
    return found


def sent(built: BuiltSpan) -> list[str]:
    """The texts of a call's input, in order."""
    said, texts = attributes(built), []
    for index in count():
        if f"llm.input_messages.{index}.message.role" not in said:
            return texts
        prefix = f"llm.input_messages.{index}.message."
        texts.append("\n".join(str(value) for key, value in said.items() if key.startswith(prefix)))
    raise AssertionError


def marks(built: BuiltSpan) -> list[str]:
    """The marks in a call's input, each as often as it stands there."""
    return [mark for text in sent(built) for mark in _MARK.findall(text)]


def calls(made: Iterable[BuiltSpan]) -> dict[bytes, BuiltSpan]:
    """Calls that a step made, by their ids."""
    return {
        built.span.span_id: built
        for built in made
        if attributes(built)["openinference.span.kind"] == "LLM" and attributes(built)["agent.name"] != "title"
    }


def asked_ms(made: dict[bytes, BuiltSpan]) -> dict[bytes, int]:
    """When each call was asked for: an attempt that follows one that failed is sent the same."""
    first: dict[str, int] = {}
    for built in made.values():
        step, start = attributes(built)["opencode.message_id"], built.span.start_time_unix_nano // 1_000_000
        first[step] = min(start, first.get(step, start))
    return {call: first[attributes(built)["opencode.message_id"]] for call, built in made.items()}


def seen_before(stream: list[dict[str, Any]], at: int) -> Iterator[tuple[str, str]]:
    """Session and id of the messages that were told of in the first `at` items."""
    for item in stream[:at]:
        told = event(item)
        if told["type"] == "message.updated":
            yield told["data"]["sessionID"], told["data"]["info"]["id"]


def made_at(item: dict[str, Any]) -> int:
    found = time_in(event(item)["id"], NOW)
    assert found is not None
    return found


def new_event(before: dict[str, Any], kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    """One that comes right behind `before`, as its id says too."""
    number = number_in(event(before)["id"])
    assert number is not None
    identifier = f"evt_{number + 1:012x}00000000000new"
    return {"directory": before["directory"], "payload": {"id": identifier, "type": kind, "properties": properties}}


def has_compaction(stream: list[dict[str, Any]]) -> bool:
    return any(event(item)["data"].get("part", {}).get("type") == "compaction" for item in stream)


@cache
def marked_stream(name: str) -> list[dict[str, Any]]:
    return marked(recording(name).stream)


@cache
def calls_of_stream(name: str) -> dict[bytes, BuiltSpan]:
    return calls(assemble(marked_stream(name)))


@settings(max_examples=examples(120))
@given(st.sampled_from(_STREAMS), st.data())
def test_a_message_that_is_taken_out_is_sent_until_then(name: str, data: st.DataObject) -> None:
    stream = marked_stream(name)
    at = data.draw(st.integers(20, len(stream)))
    session, gone = data.draw(st.sampled_from(sorted(set(seen_before(stream, at)))))
    removal = new_event(stream[at - 1], "message.removed", {"sessionID": session, "messageID": gone})
    when, expected = made_at(removal), calls_of_stream(name)
    found = calls(assemble([*stream[:at], removal, *stream[at:]]))
    assert found.keys() == expected.keys()
    asked = asked_ms(found)
    for call, built in found.items():
        before, now = marks(expected[call]), marks(built)
        if asked[call] > when and built.session == session:
            assert not any(mark.startswith(gone) for mark in now)
            if not has_compaction(stream):
                assert now == [mark for mark in before if not mark.startswith(gone)]
        elif asked[call] < when:
            assert now == before


@settings(max_examples=examples(120))
@given(st.sampled_from(_STREAMS), st.data())
def test_a_text_that_is_changed_is_sent_as_it_was_at_the_time(name: str, data: st.DataObject) -> None:
    """Replaced, and never beside what it replaces."""
    stream = marked_stream(name)
    at = data.draw(st.integers(5, len(stream)))
    later = {event(item)["data"].get("part", {}).get("id") for item in stream[at:]}
    texts = [
        told["data"]["part"]
        for told in map(event, stream[:at])
        if told["type"] == "message.part.updated"
        and told["data"]["part"]["type"] == "text"
        and told["data"]["part"]["id"] not in later
        and told["data"]["part"].get("text")
        and ("time" not in told["data"]["part"] or told["data"]["part"]["time"].get("end"))
    ]
    if not texts:
        return
    part = data.draw(st.sampled_from(texts))
    old = f"{part['messageID']} {part['id']}"
    new = f"{old}, changed"
    changed = {**part, "text": f"«{new}»Another text"}
    update = new_event(stream[at - 1], "message.part.updated", {"sessionID": part["sessionID"], "part": changed})
    when, expected = made_at(update), calls_of_stream(name)
    found = calls(assemble([*stream[:at], update, *stream[at:]]))
    assert found.keys() == expected.keys()
    asked = asked_ms(found)
    for call, built in found.items():
        before, now = marks(expected[call]), marks(built)
        if asked[call] < when or built.session != part["sessionID"]:
            assert now == before
        elif asked[call] > when:
            assert now == [new if mark == old else mark for mark in before]


@cache
def marked_histories(name: str) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """The plugin's lines, in each history of which all that is said begins with its number; when each was shown."""
    lines, shown = deepcopy(recording(name).plugin), []
    for line in lines:
        if line["hook"] != "experimental.chat.messages.transform":
            continue
        for message in line["output"]["messages"]:
            for part in message["parts"]:
                marked_part(part, str(len(shown)))
        messages = line["output"]["messages"]
        shown.append((line["ts"], messages[0]["info"]["sessionID"] if messages else ""))
    return lines, shown


@settings(max_examples=examples(60))
@given(st.sampled_from(NAMES), st.integers(1, 30), st.randoms())
def test_a_call_is_sent_what_the_last_history_before_it_shows(name: str, window: int, random: Any) -> None:
    """All of it from that one, whatever parts of others say; in whatever order it is told.

    Of two shown in one millisecond and told in another order, the plugin's lines do not say which was the last.
    """
    lines, shown = marked_histories(name)
    order = list(range(len(lines)))
    for start in range(0, len(lines), window):
        part = order[start : start + window]
        random.shuffle(part)
        order[start : start + window] = part
    found = calls(assemble(lines[index] for index in order))
    asked = asked_ms(found)
    for call, built in found.items():
        earlier = [str(number) for number, (at, session) in enumerate(shown) if session == built.session]
        earlier = [number for number in earlier if shown[int(number)][0] <= asked[call]]
        last = [number for number in earlier if shown[int(number)][0] == shown[int(earlier[-1])][0]]
        if last:
            assert any(set(marks(built)) <= {number} for number in last), name


@settings(max_examples=examples(60))
@given(st.sampled_from(_STREAMS), st.data())
def test_what_a_hook_showed_was_sent_whatever_is_taken_out(name: str, data: st.DataObject) -> None:
    recorded = recording(name)
    lines = recorded.plugin
    known = sorted({(s, m) for s, m in seen_before(recorded.stream, len(recorded.stream))})
    session, gone = data.draw(st.sampled_from(known))
    at = data.draw(st.integers(1, len(lines)))
    removed = {"id": "evt_new", "type": "message.removed", "properties": {"sessionID": session, "messageID": gone}}
    line = {**lines[at - 1], "hook": "event", "input": removed}
    expected, found = calls(live(lines)), calls(live([*lines[:at], line, *lines[at:]]))
    assert found.keys() == expected.keys()
    assert {call: sent(built) for call, built in found.items()} == {call: sent(b) for call, b in expected.items()}


@settings(max_examples=examples(80))
@given(st.sampled_from(_STREAMS), st.booleans(), st.data())
def test_a_result_that_is_changed_is_sent_as_it_was_at_the_time(name: str, shuffled: bool, data: st.DataObject) -> None:
    """The tool's own span shows what it gave."""
    stream = marked_stream(name)
    at = data.draw(st.integers(5, len(stream)))
    results = [
        told["data"]["part"]
        for told in map(event, stream[:at])
        if told["type"] == "message.part.updated" and "output" in told["data"]["part"].get("state", {})
    ]
    if not results:
        return
    part = data.draw(st.sampled_from(results))
    old = f"{part['messageID']} {part['id']}"
    new = f"{old}, changed"
    changed = {**part, "state": {**part["state"], "output": f"«{new}»Another result"}}
    told = {"sessionID": part["sessionID"], "part": changed, "time": made_at(stream[at - 1])}
    items = [*stream[:at], new_event(stream[at - 1], "message.part.updated", told), *stream[at:]]
    if shuffled:
        data.draw(st.randoms()).shuffle(items)
    made, expected = assemble(items), calls_of_stream(name)
    found = calls(made)
    asked, when = asked_ms(found), told["time"]
    later = {event(item)["data"].get("part", {}).get("id") for item in stream[at:]}
    for call, built in found.items():
        before, now = marks(expected[call]), marks(built)
        if asked[call] < when or built.session != part["sessionID"]:
            assert now == before
        elif asked[call] > when and part["id"] not in later:
            assert now == [new if mark == old else mark for mark in before]
    outputs = [attributes(m).get("output.value", "") for m in made if m.span.span_id == span_id(part["id"])]
    assert all(new not in output for output in outputs)
