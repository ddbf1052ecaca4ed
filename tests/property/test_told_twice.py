"""The npm plugin and OpenCode's events tell the same turns: in any order each is kept once, and none is lost."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from harness.examples import examples
from harness.opencode import CAPTURES, NOW, export, load, recording
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.app.assembling import TOLD_BY_NPM, Assembling
from collector.batch import SealedBatch, Signal
from collector.otlp.read import JSON
from collector.pipeline.events import Intake
from collector.pipeline.otlp import Pipeline
from collector.pipeline.sift import TWICE, Sieve
from collector.redact.seal import Sealer, always
from collector.store.entries import Caps, Refusal
from collector.store.sqlite.store import SqliteStore

SCENARIOS = ("bash", "multiturn", "subagent", "abort", "compaction", "toolerror", "multi", "mcp")
_LONG_MS = 10**9


def npm(scenario: str) -> list[Any]:
    """The requests that the npm plugin sent in a recorded run."""
    return load(CAPTURES / scenario / "npm.otlp.ndjson.gz")


class Running:
    """A collector's ways in for both, on one store; what is kept is taken from the store."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open()

    def _open(self) -> None:
        self.store = SqliteStore(self._directory, Caps(1 << 26, 86400, 1 << 26), {})
        inbox = self.store.inbox
        self._pipeline = Pipeline(always(Sealer()), sift=Sieve(inbox.knows, inbox.any_built).sift)
        self._intake = Intake(always(Sealer()), "opencode")
        self.assembling = Assembling(
            inbox, lambda *it: Sealer().seal(Signal.TRACES, *it), lambda data: Sealer().reseal(Signal.TRACES, data),
            lambda _: None, service="opencode", metadata={}, quiet_seconds=600,
        )  # fmt: skip
        self.assembling._replay()

    def restart(self) -> None:
        self.store.close()
        self._open()

    def npm(self, request: Any) -> None:
        done = self._pipeline.run(Signal.TRACES, orjson.dumps(request), JSON)
        held: list[SealedBatch] = [done.held.batch] if done.held is not None else []
        for batch in ([done.batch] if done.batch is not None else []) + held:
            self.store.put(batch, Refusal(Signal.TRACES, {})).result()
        self.store.put(None, Refusal(Signal.TRACES, done.dropped)).result()

    def events(self, items: list[Any]) -> None:
        taken = self._intake.take_items(items, NOW)
        self.store.inbox.keep(taken.rows, taken.unknown, taken.marks).result()
        for row in taken.rows:
            self.assembling._learn(row.fact)

    def wait(self) -> None:
        """Long enough that all that was heard is over."""
        self.assembling._look(ahead=_LONG_MS)

    def spans(self) -> list[Span]:
        reader = self.store.open_reading()
        kept = [reader.requests(trace_id=each.trace_id) for each in reader.traces(limit=1000)]
        reader.close()
        requests = [request for found in kept for request in found]
        return [s for request in requests for r in request.resource_spans for sc in r.scope_spans for s in sc.spans]

    def account(self) -> Any:
        reader = self.store.open_reading()
        found = reader.ledger().get("local", {}).get("traces", {"received": 0, "delivered": 0, "dropped": {}})
        reader.close()
        return found


def text(span: Span, key: str) -> str:
    return next((pair.value.string_value for pair in span.attributes if pair.key == key), "")


def calls(spans: list[Span]) -> Counter[tuple[str, str]]:
    """Model calls by the message they wrote, and tool calls, as both tell them."""
    found: Counter[tuple[str, str]] = Counter()
    for span in spans:
        kind, message = text(span, "openinference.span.kind"), text(span, "opencode.message_id")
        if kind == "LLM" and message:
            found[kind, message] += 1
        elif kind == "TOOL":
            found[text(span, "session.id"), text(span, "tool_call.id")] += 1
    return found


def turns(spans: list[Span]) -> list[tuple[str, int]]:
    """Session and start (ms) of each turn."""
    agents = [span for span in spans if text(span, "openinference.span.kind") == "AGENT"]
    return sorted((text(span, "session.id"), span.start_time_unix_nano // 1_000_000) for span in agents)


def distinct(found: list[tuple[str, int]]) -> int:
    """How many of them are different turns: those of two tellers begin within a moment."""
    near = [a for a, b in zip(found[1:], found, strict=False) if a[0] == b[0] and a[1] - b[1] < 200]
    return len(found) - len(near)


def shortened(document: Any, messages: int) -> Any:
    return {**document, "messages": document["messages"][:messages]}


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """What comes, in which order: requests of the npm plugin, and one door's events, with pauses and restarts."""
    scenario = draw(st.sampled_from(SCENARIOS))
    sent = [("npm", request) for request in npm(scenario)]
    sent = (
        sent[draw(st.integers(0, len(sent) - 1)) :] if draw(st.booleans()) else sent[: draw(st.integers(0, len(sent)))]
    )
    if draw(st.booleans()):
        [document] = export(scenario)
        events = [("events", [shortened(document, draw(st.integers(1, len(document["messages"]))))])]
        events += draw(st.sampled_from([[], [("events", [document])]]))
    else:
        lines = recording(scenario)
        size = draw(st.integers(20, 400))
        events = [("events", lines[at : at + size]) for at in range(0, len(lines), size)]
    found: list[tuple[str, Any]] = []
    while sent or events:
        source = draw(st.sampled_from([each for each in (sent, events) if each]))
        found.append(source.pop(0))
        if draw(st.integers(0, 3)) == 0:
            found.append((draw(st.sampled_from(["wait", "restart"])), None))
    return found


def played(directory: Path, things: list[tuple[str, Any]], only: str = "") -> Running:
    directory.mkdir(exist_ok=True)
    run = Running(directory)
    for kind, thing in things:
        if kind in ("npm", "events"):
            if only in ("", kind):
                getattr(run, kind)(thing)
        else:
            getattr(run, kind)()
    run.wait()
    return run


@pytest.mark.slow
@settings(max_examples=examples(50), deadline=None)
@given(deliveries())
def test_each_turn_is_told_once_and_none_is_lost(things: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        both, events, plugin = (played(Path(directory) / only, things, only) for only in ("", "events", "npm"))
        spans, of_events, of_plugin = both.spans(), events.spans(), plugin.spans()
        account = both.account()
        for run in (both, events, plugin):
            run.store.close()
    assert len(turns(spans)) == distinct(turns(spans)) == distinct(sorted([*turns(of_events), *turns(of_plugin)]))
    assert not [call for call, times in calls(spans).items() if times > 1 and calls(of_events)[call] < times]
    assert set(calls(of_plugin)) <= set(calls(spans))
    missing = set(calls(of_events)) - set(calls(spans))
    assert not missing or distinct(turns(of_plugin))  # of turns that the npm plugin told whole
    left_out = account["dropped"].get(TWICE, 0) + account["dropped"].get(TOLD_BY_NPM, 0)
    assert account["received"] == account["delivered"] + left_out
    assert len(spans) == account["delivered"]
    assert len(spans) + left_out == len(of_events) + len(of_plugin)


@pytest.mark.parametrize("scenario", ["bash", "multiturn", "toolerror", "multi", "mcp"])
def test_an_import_after_the_npm_plugin_adds_nothing(scenario: str, tmp_path: Path) -> None:
    """What was told, and forwarded, cannot be called back: what comes later is left out and counted."""
    run = Running(tmp_path)
    for request in npm(scenario):
        run.npm(request)
    before = run.spans()
    run.restart()
    run.events(export(scenario))
    run.wait()
    assert {span.span_id for span in run.spans()} == {span.span_id for span in before}
    assert run.account()["dropped"] == {
        TOLD_BY_NPM: len(played(tmp_path / "e", [("events", export(scenario))]).spans())
    }
    run.events(export(scenario))  # and once more: nothing is counted twice
    run.wait()
    assert run.account()["dropped"][TOLD_BY_NPM] == run.account()["received"] - len(before)
    run.store.close()


@pytest.mark.parametrize("scenario", ["bash", "multiturn", "toolerror", "multi", "mcp"])
def test_the_npm_plugin_after_an_import_adds_nothing(scenario: str, tmp_path: Path) -> None:
    run = Running(tmp_path)
    run.events(export(scenario))
    run.wait()
    before = run.spans()
    run.restart()
    for request in npm(scenario):
        run.npm(request)
    assert {span.span_id for span in run.spans()} == {span.span_id for span in before}
    assert run.account()["dropped"][TWICE] == len(calls(before)) + len(turns(before))
    run.store.close()


def test_turns_that_the_other_did_not_tell_stay(tmp_path: Path) -> None:
    """A session that was begun under the npm plugin and gone on with under the collector's: three turns, each once."""
    first, *_ = npm("multiturn")
    run = Running(tmp_path)
    for request in npm("multiturn")[:2]:
        run.npm(request)
    run.events(export("multiturn"))
    run.wait()
    assert len(turns(run.spans())) == 3
    scopes = Counter(scope["scope"]["name"] for r in first["resourceSpans"] for scope in r["scopeSpans"])
    assert scopes == {"@inference/trace-opencode": 1}
    run.store.close()


def test_what_the_npm_plugin_told_of_a_turn_it_never_ended_is_not_told_again(tmp_path: Path) -> None:
    """Killed in the middle, it leaves model and tool calls without their turn: the rest is told by the events."""
    run = Running(tmp_path)
    run.npm(npm("multi")[1])
    run.events(export("multi"))
    run.wait()
    spans = run.spans()
    assert set(calls(spans).values()) == {1}
    assert len(turns(spans)) == 1
    assert run.account()["dropped"] == {TOLD_BY_NPM: 2}
    run.store.close()


@pytest.mark.parametrize("scenario", ["bash", "multi"])
def test_a_turn_of_which_only_the_prompt_was_heard_is_told_by_the_npm_plugin(scenario: str, tmp_path: Path) -> None:
    """The collector's plugin ended right after it: what it told would be a turn of nothing."""
    lines = recording(scenario)
    answered = next(at for at, line in enumerate(lines) if b'"assistant"' in orjson.dumps(line))
    run = Running(tmp_path)
    run.events(lines[:answered])
    for request in npm(scenario):
        run.npm(request)
    run.wait()
    alone = played(tmp_path / "npm", [("npm", request) for request in npm(scenario)])
    assert {span.span_id for span in run.spans()} == {span.span_id for span in alone.spans()}
    assert len(turns(run.spans())) == 1
    alone.store.close()
    run.store.close()
