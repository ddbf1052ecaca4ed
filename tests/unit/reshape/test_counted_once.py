"""What is told twice is counted once, in whatever order and however many requests it comes."""

from __future__ import annotations

from typing import Any

import pytest
from harness.reshape import TRACE, chat, one
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.values import read_attributes, write_value
from collector.reshape.counted import CountedSpans
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper

REQUEST = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 5}
STEP = {"gen_ai.operation.name": "agent_step"}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
DONE = {
    "openinference.span.kind": "LLM",
    "input.value": "hi",
    "output.value": "yo",
    "llm.model_name": "m",
    "llm.token_count.prompt": 5,
}
KIND, TOKENS = "openinference.span.kind", "llm.token_count.prompt"


def request_with(*spans: tuple[int, int, dict[str, Any]]) -> ExportTraceServiceRequest:
    """A request of spans, each with its number, that of its parent, and its attributes."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number, parent, attributes in spans:
        span = scope.spans.add(trace_id=TRACE, span_id=bytes(7) + bytes([number]), name=f"span {number}")
        span.parent_span_id = bytes(7) + bytes([parent]) if parent else b""
        for key, value in attributes.items():
            write_value(span.attributes.add(key=key).value, value)
    return request


def through(*requests: ExportTraceServiceRequest) -> dict[int, dict[str, Any]]:
    """The attributes of all spans by number, after the requests went through one collector in their order."""
    reshaper = Reshaper(join=LogJoin(lambda: 0.0))
    found: dict[int, dict[str, Any]] = {}
    for request in requests:
        reshaper.reshape(request)
        assert not reshaper.failed
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                found.update({span.span_id[-1]: read_attributes(span.attributes) for span in scope.spans})
    return found


def counted(found: dict[int, dict[str, Any]]) -> list[int]:
    return sorted(number for number, attributes in found.items() if TOKENS in attributes)


@pytest.mark.parametrize(("order", "inner"), [((2, 1), REQUEST), ((1, 2), REQUEST), ((2, 1), DONE)])
def test_a_request_within_a_request_is_counted_once_across_requests(order: tuple[int, ...], inner: Any) -> None:
    """Children end first, and exporters cut where they like. A span of OpenInference's own is never touched."""
    spans = {1: (1, 0, REQUEST), 2: (2, 1, inner)}
    found = through(*(request_with(spans[number]) for number in order))
    assert counted(found) == [order[0]]
    assert found[order[1]][KIND] == "CHAIN"


@pytest.mark.parametrize("order", [(3, 2, 1), (1, 2, 3)])
def test_a_step_between_the_two_changes_nothing(order: tuple[int, ...]) -> None:
    """Spans come in the order in which they end, or in which they started."""
    spans = {1: (1, 0, REQUEST), 2: (2, 1, STEP), 3: (3, 2, REQUEST)}
    assert counted(through(*(request_with(spans[number]) for number in order))) == [order[0]]


@pytest.mark.parametrize("between", [AGENT, {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "ask"}])
def test_requests_of_an_agent_below_are_its_own(between: dict[str, Any]) -> None:
    """A model's call may start an agent that asks models too."""
    spans = [(1, 0, REQUEST), (2, 1, between), (3, 2, REQUEST)]
    assert counted(through(request_with(*spans))) == [1, 3]
    assert counted(through(*(request_with(span) for span in reversed(spans)))) == [1, 3]


def test_a_request_that_comes_again_is_told_the_same() -> None:
    """A client that saw no answer sends once more."""
    outer, inner = (1, 0, REQUEST), (2, 1, REQUEST)
    for requests in ([(inner,), (outer,)], [(outer,), (inner,)], [(outer, inner)]):
        again = [request_with(*spans) for spans in (*requests, *requests)]
        assert through(*again) == through(*(request_with(*spans) for spans in requests))


def test_what_was_told_before_leaves_its_part_of_several() -> None:
    """Of two requests below one, the first came alone: the second is counted beside it, and the whole is not."""
    found = through(request_with((2, 1, REQUEST)), request_with((1, 0, REQUEST), (3, 1, REQUEST)))
    assert counted(found) == [2, 3]


@pytest.mark.parametrize("between", [REQUEST, STEP, {"http.request.method": "POST"}])
@pytest.mark.parametrize("order", [1, -1])
def test_what_was_told_before_is_told_by_none_of_those_around_it(between: dict[str, Any], order: int) -> None:
    """Those come together, in any order, and only one of them is right above it."""
    around = [(2, 1, between), (1, 0, REQUEST)][::order]
    assert counted(through(request_with((3, 2, REQUEST)), request_with(*around))) == [3]
    agent = [(2, 1, AGENT), (1, 0, REQUEST)][::order]
    assert counted(through(request_with((3, 2, REQUEST)), request_with(*agent))) == [1, 3]


@pytest.mark.parametrize("spans", [[(1, 1, REQUEST)], [(1, 2, REQUEST), (2, 1, REQUEST)]])
def test_a_circle_of_parents_is_counted_once(spans: list[tuple[int, int, dict[str, Any]]]) -> None:
    assert len(counted(through(request_with(*spans)))) == 1


def test_openinferences_own_request_is_untouched_and_counted() -> None:
    found = through(request_with((1, 0, REQUEST), (2, 1, DONE)))
    assert found[2] == DONE
    assert counted(found) == [2]


def test_what_is_remembered_is_bounded() -> None:
    spans = CountedSpans(most=2)
    for number in range(3):
        spans.remember(TRACE, bytes([number]))
        spans.remember_above(TRACE, bytes([number]))
    assert [spans.has(TRACE, bytes([n])) and spans.is_above(TRACE, bytes([n])) for n in range(3)] == [False, True, True]


@pytest.mark.parametrize(
    ("ids", "kind"), [(("a", "b"), "TOOL"), (("a", "a"), "CHAIN"), (("a", ""), "CHAIN"), (("", ""), "CHAIN")]
)
def test_a_tool_that_calls_itself_is_called_twice(ids: tuple[str, str], kind: str) -> None:
    """Only what has another call's id is another call."""
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "w"}
    calls = [{**tool, "gen_ai.tool.call.id": id} if id else tool for id in ids]
    outer, inner = (1, 0, calls[0]), (2, 1, calls[1])
    found = through(request_with(outer, inner))
    assert (found[1][KIND], found[2][KIND]) == ("TOOL", kind)
    for first, second in ((outer, inner), (inner, outer)):  # in exports of their own, as of an MCP client and server
        again = through(request_with(first), request_with(second), request_with(first), request_with(second))
        assert (again[first[0]][KIND], again[second[0]][KIND]) == ("TOOL", kind)


@pytest.mark.parametrize("cost", [-1.0, float("nan"), float("inf"), "NaN", "-0.5"])
@pytest.mark.parametrize(
    "given",
    [
        {**REQUEST, "gen_ai.usage.cost": None},
        {"langfuse.observation.type": "generation", "langfuse.observation.cost_details": None},
        {"mlflow.spanType": '"LLM"', "mlflow.llm.cost": None},
    ],
)
def test_a_cost_that_cannot_be_is_not_passed_on(cost: Any, given: dict[str, Any]) -> None:
    said = {key: value if value is not None else _told(key, cost) for key, value in given.items()}
    assert not any(key.startswith("llm.cost") for key in one(said))


def _told(key: str, cost: Any) -> Any:
    if key.startswith("gen_ai"):
        return cost
    number = cost if isinstance(cost, str) else str(cost).replace("nan", "NaN").replace("inf", "Infinity")
    return f'{{"total": {number}, "total_cost": {number}, "input": {number}}}'


@pytest.mark.parametrize(
    "identifier",
    [
        "resp_1",
        "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
        "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "chatcmpl-7ea9c1f0-5a51-4c8c-9a1e-3d6d0a7f2b11",
        "msg_01XFDUDYJgAACzvnptvVoYEL",
        "msg_bdrk_01XFDUDYJgAACzvnptvVoYEL",
    ],
)
def test_the_id_of_a_response_is_no_session(identifier: str) -> None:
    """Some give it as the conversation's, and it is another for every answer."""
    assert "session.id" not in chat(**{"gen_ai.conversation.id": identifier})
    assert "session.id" not in chat(**{"gen_ai.conversation.id": "run-7", "gen_ai.response.id": "run-7"})


@pytest.mark.parametrize(
    "identifier", ["msg-board-42", "resp_team", "msg_archive", "response_1", "conv_123", "chatcmpl"]
)
def test_a_conversation_may_be_named_like_one(identifier: str) -> None:
    assert chat(**{"gen_ai.conversation.id": identifier})["session.id"] == identifier


def test_tokens_that_missed_the_cache_are_none_of_the_caches() -> None:
    usage = '{"usage": {"prompt_tokens": 100, "completion_tokens": 5, "prompt_cache_miss_tokens": 100}}'
    found = one({"mlflow.spanType": '"LLM"', "mlflow.spanOutputs": usage})
    assert found[TOKENS] == 100
    assert not any(key.startswith("llm.token_count.prompt_details") for key in found)


def test_an_embedding_has_no_more_tokens_than_went_in() -> None:
    found = one({"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e", "gen_ai.usage.input_tokens": 8})
    assert found["llm.token_count.total"] == 8
