"""Spans that wait for what comes in another request are held, and are complete when they are sent."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from harness.reshape import IN, OUT, TRACE, Clock, logs_with
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.otlp.read import PROTOBUF
from collector.otlp.values import read_attributes, write_value
from collector.pipeline.otlp import Pipeline
from collector.redact.seal import Sealer, always
from collector.reshape.dropped import DroppedSpans
from collector.reshape.join import LogJoin, WaitingSpan
from collector.reshape.stage import Reshaper

CALL = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2}


def spans(*given: tuple[int, int, str, dict[str, Any]], service: str = "") -> ExportTraceServiceRequest:
    """A request of spans, each by its number, its parent's, its name and its attributes."""
    request = ExportTraceServiceRequest()
    holder = request.resource_spans.add()
    if service:
        write_value(holder.resource.attributes.add(key="service.name").value, service)
    scope = holder.scope_spans.add()
    scope.scope.name = service
    for number, parent, name, attributes in given:
        span = scope.spans.add(trace_id=TRACE, span_id=identifier(number), name=name)
        span.parent_span_id = identifier(parent) if parent else b""
        for key, value in attributes.items():
            write_value(span.attributes.add(key=key).value, value)
    return request


def identifier(number: int) -> bytes:
    return bytes(7) + bytes([number])


def by_number(request: ExportTraceServiceRequest) -> dict[int, dict[str, Any]]:
    return {
        span.span_id[-1]: {**read_attributes(span.attributes), "parent": span.parent_span_id[-1:] or b""}
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def records(*texts: str) -> Any:
    return logs_with(*(("gen_ai.user.message", {}, {"content": text}) for text in texts))


def test_a_span_that_may_learn_more_is_held_and_the_others_are_not() -> None:
    request = spans((1, 0, "chat", dict(CALL)), (2, 0, "GET", {"http.request.method": "GET"}))
    held = Reshaper(join=LogJoin(lambda: 0.0), hold=True).reshape(request).held
    assert held is not None
    assert by_number(request).keys() == {2}
    assert by_number(held.request).keys() == {1}
    assert by_number(held.request)[1]["openinference.span.kind"] == "LLM"  # as far as it is known now


def test_without_records_to_wait_for_nothing_is_held() -> None:
    """A span whose messages are its own has no reason to be late."""
    own = {**CALL, "gen_ai.input.messages": '[{"role":"user","parts":[]}]', "gen_ai.output.messages": "[]"}
    request = spans((1, 0, "chat", own))
    assert Reshaper(join=LogJoin(lambda: 0.0), hold=True).reshape(request).held is None
    assert by_number(request).keys() == {1}


def test_a_held_span_is_completed_with_its_tokens() -> None:
    """It has not been sent yet, so that nobody counts them twice."""
    join = LogJoin(lambda: 0.0)
    reshaper = Reshaper(join=join, hold=True)
    held = reshaper.reshape(spans((1, 0, "chat", dict(CALL)), (2, 0, "chat", dict(CALL)))).held
    assert held is not None
    (completed,) = reshaper.reshape(records("hi")).completed
    assert completed.number == held.number
    found = by_number(completed.request)
    assert found.keys() == {1, 2}  # the whole of what was held, to be sent in its place
    assert found[1][f"{IN}.0.message.content"] == "hi"
    assert found[1]["llm.token_count.prompt"] == 5


def test_what_comes_in_pieces_is_taken_in_piece_by_piece() -> None:
    """One that found something still waits for the rest."""
    reshaper = Reshaper(join=LogJoin(lambda: 0.0), hold=True)
    reshaper.reshape(spans((1, 0, "chat", dict(CALL))))
    reshaper.reshape(records("hi"))
    (completed,) = reshaper.reshape(logs_with(("gen_ai.choice", {}, {"content": "yo"}))).completed
    found = by_number(completed.request)[1]
    assert (found[f"{IN}.0.message.content"], found[f"{OUT}.0.message.content"]) == ("hi", "yo")


def test_a_request_within_a_request_stays_uncounted_when_it_is_completed() -> None:
    """What counts it is in the request it came in, and not among what was held."""
    outer = {"openinference.span.kind": "LLM", "llm.token_count.prompt": 5, "input.value": "x"}
    reshaper = Reshaper(join=LogJoin(lambda: 0.0), hold=True)
    held = reshaper.reshape(spans((2, 0, "llm", outer), (1, 2, "chat", dict(CALL)))).held
    assert held is not None
    (completed,) = reshaper.reshape(records("hi")).completed
    found = by_number(completed.request)[1]
    assert found["openinference.span.kind"] == "CHAIN"
    assert "llm.token_count.prompt" not in found


def test_a_span_whose_parent_turns_out_to_be_dropped_moves_up() -> None:
    """Codex exports 512 spans a request, so that the internal ones above a span may come in the next."""
    reshaper = Reshaper(join=LogJoin(lambda: 0.0), hold=True)
    request = {"gen_ai.usage.input_tokens": 5, "model": "gpt-5"}
    held = reshaper.reshape(spans((2, 1, "handle_responses", request), service="codex_exec")).held
    assert held is not None
    later = reshaper.reshape(
        spans((1, 3, "try_run", {}), (3, 4, "session_task.turn", {}), (4, 0, "internal", {}), service="codex_exec")
    )
    (completed,) = later.completed
    assert completed.number == held.number
    assert by_number(completed.request)[2]["parent"] == identifier(3)[-1:]
    assert later.held is not None
    assert by_number(later.held.request)[3]["parent"] == b""


def test_a_span_below_one_that_was_dropped_before_moves_up_at_once() -> None:
    reshaper = Reshaper(join=LogJoin(lambda: 0.0), hold=True)
    reshaper.reshape(spans((1, 3, "internal", {"model": "gpt-5"}), service="codex_exec"))
    request = spans((2, 1, "run_turn", {}), service="codex_exec")
    found = reshaper.reshape(request)
    kept = by_number(found.held.request if found.held else request)
    assert kept[2]["parent"] == identifier(3)[-1:]


def test_spans_of_one_request_keep_what_they_found_in_it() -> None:
    """The model of a Codex request stands on an ancestor, which is gone when the records come."""
    reshaper = Reshaper(join=LogJoin(lambda: 0.0), hold=True)
    above = (1, 9, "try_run_sampling_request", {"model": "gpt-5"})
    tool = (2, 1, "shell", {"call_id": "c1", "tool_name": "shell", "conversation.id": "conv"})
    turn = (3, 1, "session_task.turn", {})
    reshaper.reshape(spans(above, tool, turn, service="codex_exec"))
    result = ("codex.tool_result", {"call_id": "c1", "output": "a.txt"}, None)
    (completed,) = reshaper.reshape(logs_with(result, scope="codex_otel.log_only")).completed
    found = by_number(completed.request)
    assert found[2]["output.value"] == "a.txt"
    assert found[3]["llm.model_name"] == "gpt-5"


def test_what_is_held_is_bounded() -> None:
    """By bytes and by time: what never comes costs nothing for long."""
    clock = Clock()
    join = LogJoin(clock, seconds=60, most_bytes=50_000)
    reshaper = Reshaper(join=join, hold=True)
    for _ in range(200):
        reshaper.reshape(spans((1, 0, "chat", {**CALL, "filler": "x" * 1000})))
    assert 0 < len(reshaper.reshape(records("hi")).completed) < 50
    clock.now = 61
    assert not reshaper.reshape(records("hi")).completed


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)), max_size=60), st.integers(1, 8))
def test_dropped_spans_are_remembered_within_bounds(dropped: list[tuple[int, int, int]], most: int) -> None:
    """No way up leads in a circle, and none is longer than what is remembered."""
    memory = DroppedSpans(most)
    for trace, span, parent in dropped:
        memory.remember(bytes([trace]), identifier(span), identifier(parent), {})
        assert sum(memory.said_by(bytes([t]), identifier(s)) is not None for t in range(4) for s in range(10)) <= max(
            most, 10
        )
        memory.kept_above(bytes([trace]), identifier(span))


def test_what_is_forgotten_is_freed_at_once() -> None:
    """Spans held together must not keep each other: what waits for a collection of garbage was half of all memory."""
    clock = Clock()
    join = LogJoin(clock)
    reshaper = Reshaper(join=join, hold=True)
    gc.collect()
    gc.disable()
    try:
        assert reshaper.reshape(spans((1, 0, "chat", dict(CALL)), (2, 0, "chat", dict(CALL)))).held is not None
        clock.now = 61.0
        assert join.find(TRACE, "span", "0") == ()
        assert not [found for found in gc.get_objects() if type(found) is WaitingSpan]
    finally:
        gc.enable()


OPENINFERENCE = {"openinference.span.kind": "LLM", "input.value": "hi", "llm.token_count.prompt": 5}
WHOLE = {**CALL, "gen_ai.input.messages": '[{"role":"user","content":"hi"}]', "gen_ai.output.messages": '["yo"]'}


@pytest.mark.parametrize("around", [WHOLE, OPENINFERENCE])
def test_a_request_that_is_held_leaves_its_tokens_to_the_one_around_it(around: dict[str, Any]) -> None:
    """An SDK's own span of a request says little; the instrumentation's around it ends a little later and tells all.
    OpenInference's own instrumentation is left as it is."""
    reshaper = Reshaper(join=LogJoin(lambda: 0.0), hold=True)
    held = reshaper.reshape(spans((2, 1, "inner", dict(CALL)))).held
    assert held is not None
    outer = spans((1, 0, "outer", dict(around)))
    (completed,) = reshaper.reshape(outer).completed
    assert completed.number == held.number
    found = {**by_number(outer), **by_number(completed.request)}
    assert [found[n]["openinference.span.kind"] for n in (1, 2)] == ["LLM", "CHAIN"]
    assert [found[n].get("llm.token_count.prompt") for n in (1, 2)] == [5, None]
    again = spans((1, 0, "outer", dict(around)))
    reshaper.reshape(again)  # a client that saw no answer sends once more
    assert by_number(again) == by_number(outer)


def test_a_request_that_may_have_been_sent_keeps_its_tokens() -> None:
    clock = Clock()
    reshaper = Reshaper(join=LogJoin(clock), hold=True)
    reshaper.reshape(spans((2, 1, "inner", dict(CALL))))
    clock.now = 1.9
    outer = spans((1, 0, "outer", dict(WHOLE)))
    assert not reshaper.reshape(outer).completed
    assert by_number(outer)[1]["openinference.span.kind"] == "CHAIN"
    assert "llm.token_count.prompt" not in by_number(outer)[1]


def test_of_three_requests_within_each_other_the_outermost_counts() -> None:
    reshaper = Reshaper(join=LogJoin(lambda: 0.0), hold=True)
    known: dict[int, dict[str, Any]] = {}
    for number in (3, 2, 1):
        request = spans((number, number - 1, "call", dict(CALL)))
        reshaped = reshaper.reshape(request)
        for sent in (request, *(held.request for held in (reshaped.held, *reshaped.completed) if held)):
            known.update(by_number(sent))
    assert [known[n].get("llm.token_count.prompt") for n in (1, 2, 3)] == [5, None, None]


def test_what_is_sent_once_more_keeps_the_report_of_what_was_redacted() -> None:
    """Sealing what was sealed must not take its own report for one that a sender made up."""
    secret = "gh" + "p_" + "x7Kq9mRt2LsVw4Yz8NbC3fHj6Pd1GaE5Tu0o"
    pipeline = Pipeline(always(Sealer()), reshaper=Reshaper(join=LogJoin(lambda: 0.0), hold=True))
    asked = spans((1, 0, "chat", {"gen_ai.operation.name": "chat", "note": secret}))
    assert pipeline.run(Signal.TRACES, asked.SerializeToString(), PROTOBUF).held is not None
    come = records("hello")
    for record in come.resource_logs[0].scope_logs[0].log_records:
        record.span_id = identifier(1)
    (completed,) = pipeline.run(Signal.LOGS, come.SerializeToString(), PROTOBUF).completed
    again = completed.uncounted()
    assert again is not None
    assert by_number(ExportTraceServiceRequest.FromString(again.data)) == by_number(
        ExportTraceServiceRequest.FromString(completed.batch.data)
    )
    assert completed.batch.findings
    assert not again.findings
