"""OpenCode's own OTLP export."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest
from harness.browser import recorded
from harness.opencode import CAPTURES, export, load
from harness.receiving import ReceiverHarness
from harness.telemetry import FIXTURES

from collector.assemble.ids import trace_id
from collector.batch import Signal, count_items
from collector.otlp.read import JSON, decode
from collector.pipeline.events import Intake
from collector.pipeline.otlp import Pipeline
from collector.pipeline.sift import DOUBLE, INTERNAL, TWICE, Sieve
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


def test_a_span_of_the_npm_plugin_is_left_out_where_events_told_the_same() -> None:
    """By what it tells, not by its session: turns that events did not tell stay."""
    document = orjson.loads((FIXTURES / "opencode-plugin" / "bash.json").read_bytes())
    spans, _ = sift([document], Sieve())
    marks = set(Intake(always(Sealer()), "opencode").take(b"\n".join(recorded("bash")), 0).marks)

    def any_built(asked: Any) -> bool:
        return not marks.isdisjoint(asked)

    assert sift([document], Sieve(lambda _: True, any_built)) == ([], Counter({TWICE: total([document])}))
    assert sift([document], Sieve(lambda _: False, any_built)) == (spans, Counter())
    later = orjson.loads(orjson.dumps(document).replace(b'"17953609', b'"17953619').replace(b"msg_", b"msg_later"))
    assert sift([later], Sieve(lambda _: True, any_built))[1] == Counter()


def test_what_is_heard_as_it_happens_is_marked_at_once_and_what_is_imported_is_not() -> None:
    """Of an import the turns that are told are marked: one that goes on may be told by the npm plugin."""
    lines = recorded("bash")
    assert Intake(always(Sealer()), "opencode").take(b"\n".join(lines), 0).marks
    [document] = export("bash")
    assert Intake(always(Sealer()), "opencode").take(orjson.dumps(document), 0).marks == set()


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
