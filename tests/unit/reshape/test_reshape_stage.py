"""The stage: which convention has a span, what of the source stays, and what is dropped and counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.enums import SourceKeys
from collector.otlp.read import JSON, PROTOBUF
from collector.otlp.values import read_attributes, write_value
from collector.otlp.write import to_document
from collector.pipeline.otlp import Pipeline
from collector.redact.seal import Sealer, always
from collector.reshape.convention import Convention
from collector.reshape.conventions import CONVENTIONS
from collector.reshape.source import SourceSpan
from collector.reshape.stage import INTERNAL, Reshaper
from collector.reshape.target import Target

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.response.id": "r-1",
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]),
}


def request_with(*spans: dict[str, Any], scope: str = "", service: str = "") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    holder = request.resource_spans.add()
    if service:
        write_value(holder.resource.attributes.add(key="service.name").value, service)
    scoped = holder.scope_spans.add()
    scoped.scope.name = scope
    for number, span in enumerate(spans, 1):
        added = scoped.spans.add(trace_id=b"t" * 16, span_id=bytes(7) + bytes([number]), name=span.pop("name", "span"))
        added.parent_span_id = span.pop("parent", b"")
        for key, value in span.items():
            pair = added.attributes.add(key=key)
            if value is not None:
                write_value(pair.value, value)
    return request


def spans_of(request: ExportTraceServiceRequest) -> list[dict[str, Any]]:
    scoped = request.resource_spans[0].scope_spans[0]
    return [read_attributes(span.attributes) for span in scoped.spans]


def reshaped(attributes: dict[str, Any], **how: Any) -> dict[str, Any]:
    request = request_with(dict(attributes))
    Reshaper(**how).reshape(request)
    return spans_of(request)[0]


def test_a_span_without_agent_keys_is_left_alone() -> None:
    """It must not even be written anew."""
    request = request_with({"http.request.method": "GET", "db.system": "sqlite"})
    before = request.SerializeToString(deterministic=True)
    reshaper = Reshaper()
    reshaper.reshape(request)
    assert request.SerializeToString(deterministic=True) == before
    assert not reshaper.reshaped


def test_a_span_that_is_openinference_already_is_left_alone() -> None:
    """Its instrumentation knew more than we do, even where GenAI keys stand beside."""
    given = {**CHAT, "openinference.span.kind": "CHAIN", "input.value": "mine"}
    assert reshaped(given) == given


def test_an_unknown_kind_is_never_an_llm_call() -> None:
    """`gen_ai.` keys that say nothing of the kind leave a span as it is."""
    given = {"gen_ai.system": "openai", "gen_ai.token.type": "input"}
    assert reshaped(given) == given


def test_content_said_twice_goes_and_the_rest_stays() -> None:
    """By default nothing is sent or redacted twice, and nothing else is lost."""
    found = reshaped(CHAT)
    assert "gen_ai.input.messages" not in found
    assert found["input.value"] == CHAT["gen_ai.input.messages"]
    assert found["gen_ai.response.id"] == "r-1"
    assert found["gen_ai.request.model"] == "gpt-5"


def test_all_source_keys_stay_where_asked() -> None:
    """For a destination that knows the GenAI conventions itself."""
    assert CHAT.items() <= reshaped(CHAT, source_keys=SourceKeys.ALL).items()


def test_no_source_key_stays_where_asked() -> None:
    """For a destination that should see OpenInference alone."""
    found = reshaped({**CHAT, "app.tenant": "acme"}, source_keys=SourceKeys.NONE)
    assert not [key for key in found if key.startswith("gen_ai.")]
    assert found["app.tenant"] == "acme"


def test_keys_with_colons_go_by_their_beginning_too() -> None:
    """Genkit's have colons where others have dots."""
    left = reshaped({"genkit:type": "util", "genkit:metadata:x": 1, "genkitten": 2}, source_keys=SourceKeys.NONE)
    assert left == {"openinference.span.kind": "CHAIN", "genkitten": 2}


def test_what_the_sender_says_in_openinference_is_not_overwritten() -> None:
    """A session set by hand is worth more than a conversation id."""
    found = reshaped({**CHAT, "session.id": "mine", "gen_ai.conversation.id": "other", "llm.model_name": "own"})
    assert found["session.id"] == "mine"
    assert found["llm.model_name"] == "own"


def test_a_key_that_came_without_a_value_gets_it_and_stands_there_once() -> None:
    request = request_with({**CHAT, "llm.model_name": None, "openinference.span.kind": None})
    Reshaper().reshape(request)
    (span,) = request.resource_spans[0].scope_spans[0].spans
    keys = [pair.key for pair in span.attributes]
    assert len(keys) == len(set(keys))
    found = read_attributes(span.attributes)
    assert (found["llm.model_name"], found["openinference.span.kind"]) == ("gpt-5", "LLM")


def test_content_is_kept_where_the_sender_said_something_else() -> None:
    """Its own input.value stands, so the messages have no twin and must not go."""
    found = reshaped({**CHAT, "input.value": "own"})
    assert found["input.value"] == "own"
    assert found["gen_ai.input.messages"] == CHAT["gen_ai.input.messages"]


def test_vectors_are_dropped_unless_asked_for() -> None:
    """They are large, and can be turned back into text."""
    given = {"operation.name": "ai.embed.doEmbed", "ai.model.id": "e", "ai.values": ['"x"'], "ai.embeddings": ["[1,2]"]}
    found = reshaped(given)
    assert "ai.embeddings" not in found
    assert not [key for key in found if "vector" in key]
    assert reshaped(given, vectors=True)["embedding.embeddings.0.embedding.vector"] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"langfuse.observation.type": "generation", "gen_ai.operation.name": "execute_tool"}, "LLM"),
        ({"traceloop.span.kind": "workflow", "gen_ai.agent.name": "a", "gen_ai.request.model": "m"}, "CHAIN"),
        ({"traceloop.span.kind": "llm", "gen_ai.operation.name": "chat"}, "LLM"),
        ({"langsmith.span.kind": "retriever", "gen_ai.operation.name": "embeddings"}, "RETRIEVER"),
        ({"mlflow.spanType": '"TOOL"', "gen_ai.operation.name": "chat"}, "TOOL"),
        ({"ai.operationId": "ai.streamText", "gen_ai.operation.name": "chat"}, "AGENT"),
        ({"gen_ai.operation.name": "execute_tool", "llm.request.type": "chat"}, "TOOL"),
        ({"gen_ai.tool.name": "t"}, "TOOL"),
        ({"gen_ai.agent.name": "a"}, "AGENT"),
        ({"gen_ai.agent.name": "a", "traceloop.workflow.name": "w", "gen_ai.request.model": "m"}, "LLM"),
        ({"gen_ai.operation.name": "chat", "gen_ai.tool.name": "t"}, "LLM"),
    ],
)
def test_one_convention_has_the_span(given: dict[str, Any], kind: str) -> None:
    """Many spans carry keys of two; the one that knows the span best decides."""
    assert reshaped(given)["openinference.span.kind"] == kind


class Failing(Convention):
    name, keys = "failing", ("gen_ai.",)

    def matches(self, resource: Any, scope: Any, span: Any) -> bool:
        span.attributes.clear()
        raise ValueError("the text of the span must not be in here")

    def reshape(self, span: Any) -> None:
        raise AssertionError


def test_a_failing_convention_leaves_the_span_and_is_counted() -> None:
    """The telemetry is worth more than its form."""
    request = request_with(dict(CHAT))
    before = request.SerializeToString(deterministic=True)
    reshaper = Reshaper(conventions=(Failing(), *CONVENTIONS))
    assert reshaper.reshape(request).failed == {"failing": 1}
    assert request.SerializeToString(deterministic=True) == before
    assert reshaper.failed == {"failing": 1}


class Unwritable(Convention):
    """Says first what can be written, then what no OTLP message can hold."""

    name, keys = "unwritable", ("gen_ai.",)

    def matches(self, resource: Any, scope: Any, span: Any) -> bool:
        return True

    def reshape(self, span: Any) -> Target:
        return Target({"llm.model_name": "gpt-5", "input.value": "\ud800"}, {"gen_ai.input.messages"})


def test_what_cannot_be_written_leaves_no_half_of_it() -> None:
    """All or nothing: the keys written before the one that failed are taken out again, and the source keys stay."""
    request = request_with({**CHAT, "llm.model_name": None})
    before = request.SerializeToString(deterministic=True)
    assert Reshaper(conventions=(Unwritable(),)).reshape(request).failed == {"unwritable": 1}
    assert request.SerializeToString(deterministic=True) == before


@given(st.sets(st.text("ab.", max_size=4)), st.text("ab.", max_size=3), st.sampled_from(["", "ab.a"]))
def test_a_beginning_is_found_as_if_every_key_were_looked_at(keys: set[str], prefix: str, later: str) -> None:
    """Looking it up in sorted keys is only a faster way, also after a convention added one."""
    source = SourceSpan("span", dict.fromkeys(keys, 1))
    source.has(prefix)
    source.attributes[later] = 1
    assert source.has(prefix) == any(key.startswith(prefix) for key in source.attributes)


def test_internal_spans_are_dropped_and_counted_with_a_reason() -> None:
    """Nothing goes missing without a count and a reason a person can read."""
    request = request_with({"name": "append_items", "target": "codex_core"}, scope="codex_exec", service="codex_exec")
    outcome = Pipeline(always(Sealer())).run(Signal.TRACES, request.SerializeToString(), PROTOBUF)
    assert outcome.batch is None
    assert outcome.dropped == {INTERNAL: 1}
    assert outcome.left_out.total == 0  # it is no fault of the sender's


def test_children_of_dropped_spans_find_the_next_ancestor() -> None:
    """Else the agent's tree would fall into pieces."""
    usage = {"gen_ai.usage.input_tokens": 1, "name": "handle_responses"}
    request = request_with(
        {"name": "session_task.turn", "model": "gpt-5"},
        {"name": "submission", "parent": bytes(7) + b"\1"},
        {"name": "try_run_sampling_request", "parent": bytes(7) + b"\2"},
        {**usage, "parent": bytes(7) + b"\3"},
        scope="codex_exec",
        service="codex_exec",
    )
    assert Reshaper().reshape(request).dropped == 2
    turn, call = request.resource_spans[0].scope_spans[0].spans
    assert call.parent_span_id == turn.span_id


def test_a_circle_of_dropped_spans_ends() -> None:
    """Ids come from outside; two spans may claim to be each other's parent."""
    request = request_with(
        {"name": "a", "parent": bytes(7) + b"\2"},
        {"name": "b", "parent": bytes(7) + b"\1"},
        {"name": "run_turn", "parent": bytes(7) + b"\1"},
        scope="codex_exec",
        service="codex_exec",
    )
    assert Reshaper().reshape(request).dropped == 2


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ("deployment.environment", "deployment.environment.name"),
        ("deployment.environment.name", "deployment.environment"),
    ],
)
def test_the_deployment_environment_has_both_names(given: str, added: str) -> None:
    """OpenTelemetry renamed it, and destinations read one or the other."""
    for message, holder in (
        (request := ExportTraceServiceRequest(), request.resource_spans.add()),
        (logs := ExportLogsServiceRequest(), logs.resource_logs.add()),
        (metrics := ExportMetricsServiceRequest(), metrics.resource_metrics.add()),
    ):
        write_value(holder.resource.attributes.add(key=given).value, "prod")
        Reshaper().reshape(message)
        assert read_attributes(holder.resource.attributes) == {given: "prod", added: "prod"}


def test_no_cost_is_made_up() -> None:
    """Prices change; a made-up cost would be believed."""
    given = {**CHAT, "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 1000}
    assert not [key for key in reshaped(given) if "cost" in key]


def test_redaction_sees_the_text_that_leaves() -> None:
    """A secret in a message stands in several attributes after reshaping: in none of them may it stay."""
    secret = "gh" + "p_" + "a1B2c3D4e5" * 3 + "abcdef"
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"use {secret} now"}]}])
    request = request_with({**CHAT, "gen_ai.input.messages": messages})
    document = to_document(request)
    outcome = Pipeline(always(Sealer())).run(Signal.TRACES, json.dumps(document, default=str).encode(), JSON)
    rejected = outcome.left_out.total
    outcome = Pipeline(always(Sealer())).run(Signal.TRACES, request.SerializeToString(), PROTOBUF)
    assert rejected == 0
    assert outcome.batch is not None
    assert secret.encode() not in outcome.batch.data
    assert b"llm.input_messages.0.message.content" in outcome.batch.data


def test_no_source_key_is_to_stay_but_what_is_of_another_convention_and_not_written() -> None:
    """`none` takes the keys of the span's convention; it is no leave to lose what another one says."""
    given = {**CHAT, "langfuse.observation.type": "generation", "langfuse.observation.input": "said otherwise"}
    found = reshaped(given, source_keys=SourceKeys.NONE)
    assert not any(key.startswith("langfuse.") for key in found)
    assert found["gen_ai.input.messages"] == CHAT["gen_ai.input.messages"]
