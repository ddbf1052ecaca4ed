"""OpenCode's own OTLP export."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest
from harness.browser import recorded
from harness.opencode import CAPTURES, load
from harness.receiving import ReceiverHarness
from harness.telemetry import FIXTURES

from collector.assemble.ids import trace_id
from collector.batch import Signal, count_items
from collector.otlp.read import JSON, decode
from collector.pipeline.events import Intake
from collector.pipeline.otlp import Pipeline
from collector.pipeline.sift import DOUBLE, INTERNAL, TWICE, Sieve, ToldSessions
from collector.redact.seal import Sealer, always

SCENARIOS = ("multi_native", "toolerror_native", "native_env_only")


def requests(scenario: str) -> list[Any]:
    found = load(CAPTURES / scenario / "native_otlp.filtered.json.gz")
    return [request for item in found if (request := item.get("body", item)).get("resourceSpans")]


def whole() -> list[Any]:
    """A session of one short answer, as it was sent: nothing filtered."""
    found = load(CAPTURES / "text_native" / "native_otlp.ndjson.gz")
    return [item for item in found if item.get("resourceSpans")]


def sift(documents: list[Any], sieve: Sieve) -> tuple[list[Any], Counter[str]]:
    spans, dropped = [], Counter[str]()
    for document in documents:
        request = decode(Signal.TRACES, orjson.dumps(document), JSON).request
        dropped += sieve.sift(request)
        spans += [span for rs in request.resource_spans for scope in rs.scope_spans for span in scope.spans]
    return spans, dropped


def total(documents: list[Any]) -> int:
    return sum(count_items(decode(Signal.TRACES, orjson.dumps(d), JSON).request) for d in documents)


def test_internal_spans_are_left_out_and_counted() -> None:
    """Hundreds a turn, without a prompt or an answer in them."""
    spans, dropped = sift(whole(), Sieve())
    assert {span.name for span in spans} == {"ai.streamText", "ai.streamText.doStream"}
    assert dropped[INTERNAL] == total(whole()) - len(spans) > 200


def test_internal_spans_can_be_kept() -> None:
    spans, dropped = sift(whole(), Sieve(keep_internal=True))
    assert len(spans) == total(whole())
    assert not dropped


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_session_is_one_trace_whose_parents_are_there(scenario: str) -> None:
    """OpenCode has one trace a process, and parents that never end."""
    spans, _ = sift(requests(scenario), Sieve())
    assert spans
    known = {span.span_id for span in spans}
    sessions = {pair.value.string_value for span in spans for pair in span.attributes if pair.key == "session.id"}
    assert {span.trace_id for span in spans} == {trace_id(session, "native") for session in sessions}
    assert all(span.parent_span_id in known for span in spans if span.parent_span_id)
    for span in spans:
        if span.name == "Tool.execute" and any(s.name == "ai.toolCall" for s in spans):
            assert span.parent_span_id in known


def test_attributes_are_left_alone() -> None:
    """What they mean is for the conventions to say."""
    before = [
        span
        for document in requests("multi_native")
        for rs in decode(Signal.TRACES, orjson.dumps(document), JSON).request.resource_spans
        for scope in rs.scope_spans
        for span in scope.spans
    ]
    by_id = {span.span_id: list(span.attributes) for span in before}
    for span in sift(requests("multi_native"), Sieve())[0]:
        assert list(span.attributes) == by_id[span.span_id]


def test_a_session_whose_events_come_as_well_is_told_by_them() -> None:
    spans, dropped = sift(requests("multi_native"), Sieve(lambda session: session.startswith("ses_")))
    assert not spans
    assert dropped[DOUBLE] > 10


def test_the_npm_plugin_is_no_native_export() -> None:
    """It calls its service opencode as well; its scope is another."""
    document = orjson.loads(orjson.dumps(whole()[-1]))
    document["resourceSpans"][0]["scopeSpans"][0]["scope"]["name"] = "@inference/trace-opencode"
    spans, dropped = sift([document], Sieve())
    assert len(spans) == total([document])
    assert not dropped


def test_a_turn_that_both_plugins_tell_is_kept_once() -> None:
    """Tokens would be doubled. Of a session whose events came from an import, the npm plugin tells alone."""
    document = orjson.loads((FIXTURES / "opencode-plugin" / "bash.json").read_bytes())
    told = ToldSessions()
    spans, dropped = sift([document], Sieve(lambda _: True, told))
    assert (len(spans), dropped) == (total([document]), Counter())
    session = next(pair.value.string_value for pair in spans[0].attributes if pair.key == "session.id")
    told.add([session])
    spans, dropped = sift([document], Sieve(lambda _: True, told))
    assert (spans, dropped) == ([], Counter({TWICE: total([document])}))


def test_lines_of_the_plugin_say_which_sessions_it_tells_and_an_import_does_not() -> None:
    lines = recorded("bash")
    told = Intake(always(Sealer()), "opencode").take(b"\n".join(lines), 0).told_by_plugin
    assert len(told) == 1
    bare = [orjson.dumps(line["input"]) for raw in lines if (line := orjson.loads(raw))["hook"] == "event"]
    assert bare
    assert Intake(always(Sealer()), "opencode").take(b"\n".join(bare), 0).told_by_plugin == set()


def test_what_is_left_out_is_in_the_ledger_and_not_held_against_the_sender(receiver: ReceiverHarness) -> None:
    pipeline = Pipeline(always(Sealer()), sift=Sieve().sift)
    exports = receiver.exports
    exports._pipeline = exports._large_pipeline = pipeline
    document = next(d for d in whole() if total([d]) > 5)
    answer = receiver.post("/v1/traces", orjson.dumps(document), JSON)
    assert answer.status_code == 200
    assert answer.json() == {}
    account = receiver.reader.ledger()["local"]["traces"]
    assert account["received"] == total([document]) == account["delivered"] + account["dropped"][INTERNAL]
