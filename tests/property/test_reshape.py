"""What holds of every OTLP message, whatever keys it mixes and whatever its values hold."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from harness.examples import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.enums import SourceKeys
from collector.reshape.conventions import CONVENTIONS
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper

KEYS = [
    "gen_ai.operation.name", "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions",
    "gen_ai.tool.definitions", "gen_ai.tool.name", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
    "gen_ai.request.model", "gen_ai.request.temperature", "gen_ai.usage.input_tokens", "gen_ai.usage.total_tokens",
    "gen_ai.prompt", "gen_ai.prompt.0.role", "gen_ai.prompt.0.content", "gen_ai.prompt.1.tool_calls.0.arguments",
    "gen_ai.completion.0.content", "gen_ai.retrieval.documents", "gen_ai.response.finish_reasons",
    "gen_ai.conversation.id", "gen_ai.agent.name", "gen_ai.rerank.documents", "llm.request.type",
    "llm.request.functions.0.name", "llm.request.functions.0.parameters", "ai.operationId", "operation.name",
    "ai.prompt", "ai.prompt.messages", "ai.prompt.tools", "ai.response.text", "ai.response.toolCalls",
    "ai.response.object", "ai.response.reasoning", "ai.toolCall.args", "ai.values", "ai.embeddings", "ai.documents",
    "ai.ranking", "ai.usage.tokens", "ai.telemetry.metadata.x", "ai.settings.topP", "traceloop.span.kind",
    "traceloop.entity.input", "traceloop.entity.output", "traceloop.association.properties.a",
    "langfuse.observation.type", "langfuse.observation.input", "langfuse.observation.output",
    "langfuse.observation.usage_details", "langfuse.observation.model.parameters", "langfuse.trace.tags",
    "langfuse.trace.metadata.a", "langsmith.span.kind", "langsmith.metadata.a", "mlflow.spanType",
    "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.chat.tools", "mlflow.chat.tokenUsage", "events",
    "pydantic_ai.all_messages", "all_messages_events", "final_result", "model_request_parameters", "span.type",
    "new_context", "tool_input", "input_tokens", "tools", "call_id", "tool_name", "target", "lk.chat_ctx",
    "lk.function_tool.name", "gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response",
    "genkit:type", "genkit:metadata:subtype", "genkit:name", "genkit:path", "genkit:input", "genkit:output",
    "genkit:init", "genkit:sessionId",
    "smolagents.max_steps", "metadata", "session.id", "input.value", "openinference.span.kind",
    "deployment.environment", "deployment.environment.name",
]  # fmt: skip
WORDS = [
    "chat", "execute_tool", "embeddings", "retrieval", "rerank", "invoke_agent", "tool", "llm", "generation",
    "retriever", "embedding", '"TOOL"', '"LLM"', "RERANKER", "ai.streamText", "ai.streamText.doStream", "ai.toolCall",
    "ai.rerank", "model", "util", "agent", "embedder", "reranker", "/{f,t:flow}/{generate,t:util}",
    "ai.embedMany.doEmbed", "interaction", "llm_request", "codex_core", "handle_responses", "", "7",
]  # fmt: skip
SCOPES = [
    "",
    "ai",
    "gen_ai",
    "pydantic-ai",
    "com.anthropic.claude_code.tracing",
    "codex_exec",
    "gemini-cli",
    "langsmith",
]
FIELDS = [
    "role", "content", "parts", "type", "text", "message", "messages", "tool_calls", "function", "name", "arguments",
    "id", "input", "output", "result", "response", "system", "prompt", "kwargs", "functionCall", "toolUse",
    "toolResult", "choices", "image_url", "source", "data", "mime_type", "documents", "page_content", "score",
    "index", "summary", "image", "file", "parameters", "toolCallId", "usage", "model", "contents", "config",
    "toolRequest", "toolResponse", "media", "metadata", "state", "embeddings", "inputTokens", "ref",
]  # fmt: skip
PART_FIELDS = [
    "text", "content", "id", "name", "arguments", "input", "result", "response", "output", "source", "data", "url",
    "file_id", "title", "image_url", "image", "thinking", "signature", "summary", "tool_use_id", "call_id", "action",
    "mime_type", "modality", "media_type", "citations", "is_error", "function",
]  # fmt: skip
MESSAGE_FIELDS = ["content", "parts", "tool_calls", "name", "refusal", "reasoning", "tool_call_id", "annotations"]
ROLES = ["user", "assistant", "tool", "system", "model", "thinking", "critic"]
EVENTS = [
    "gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message", "gen_ai.content.prompt", "gen_ai.assistant.message",
    "gen_ai.client.inference.operation.details", "tool.output", "exception",
]  # fmt: skip
EVENT_FIELDS = [
    "content", "message", "role", "gen_ai.prompt", "gen_ai.input.messages", "gen_ai.output.messages", "id", "output",
    "tool_calls", "tool.result", "gen_ai.event.content", "gen_ai.tool.definitions", "gen_ai.system_instructions",
]  # fmt: skip
MARK = re.compile(rb"q[0-9]+z")
MARKED_KEYS = [key for key in KEYS if key not in ("ai.embeddings", "genkit:output", "tool_input")]
"""Keys of what goes on purpose, vectors and what a request says already, hold no mark."""

TYPES = [
    "text", "tool_call", "tool-result", "reasoning", "image", "image_url", "blob", "uri", "file", "message", "x",
    "thinking", "document", "tool_use", "web_search_call", "custom_tool_call_output", "function",
]  # fmt: skip

texts = st.one_of(st.sampled_from(WORDS), st.sampled_from(TYPES), st.text(max_size=12))
scalars = st.one_of(texts, st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.none())
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=14,
)
values = st.one_of(
    st.builds(json.dumps, documents),
    st.builds(lambda document: json.dumps(json.dumps(document)), documents),
    texts,
    scalars,
    documents,
    st.binary(max_size=6),
)
any_attributes = st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=6)), values, max_size=9)
kinds = st.sampled_from(
    [
        *({"gen_ai.operation.name": name} for name in ("chat", "execute_tool", "embeddings", "retrieval", "rerank")),
        *({"span.type": name} for name in ("llm_request", "tool", "interaction")),
        *({"langfuse.observation.type": name} for name in ("generation", "tool", "retriever", "embedding")),
        *({"langsmith.span.kind": name} for name in ("llm", "tool", "retriever", "embedding")),
        *({"mlflow.spanType": name} for name in ('"LLM"', '"TOOL"', '"RETRIEVER"', '"EMBEDDING"')),
        *(
            {"ai.operationId": name}
            for name in ("ai.streamText.doStream", "ai.streamText", "ai.rerank", "ai.embed.doEmbed")
        ),
        {"traceloop.span.kind": "tool"},
        {"llm.request.type": "chat"},
        {},
    ]
)
attributes = st.builds(lambda some, kind: {**some, **kind}, any_attributes, kinds)
names = st.sampled_from(
    ["", "chat", "handle_responses", "session_task.turn", "claude_code.tool", "Agent.run", "gen_ai.choice"]
)
events = st.lists(
    st.tuples(
        st.sampled_from(["gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message", "gen_ai.content.prompt",
                         "gen_ai.client.inference.operation.details", "tool.output", "exception"]),
        st.dictionaries(st.sampled_from(["content", "message", "role", "gen_ai.prompt", "gen_ai.input.messages", "id"]),
                        values, max_size=3),
    ),
    max_size=3,
)  # fmt: skip
spans = st.lists(st.tuples(names, attributes, events), min_size=1, max_size=4)
FEW = settings(max_examples=examples(120), deadline=None, suppress_health_check=list(HealthCheck))


def put(target: Any, value: Any) -> None:
    """Any Python value as an OTLP value, as far as OTLP has room for it."""
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = max(-(2**63), min(value, 2**63 - 1))
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, str):
        target.string_value = value.encode("utf-8", "replace").decode()
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            put(target.array_value.values.add(), item)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        put_all(target.kvlist_value.values, value)


def put_all(pairs: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        put(pairs.add(key=key.encode("utf-8", "replace").decode()).value, value)


def request_of(drawn: Any, scope: str) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    holder = request.resource_spans.add()
    put_all(holder.resource.attributes, {"service.name": scope})
    scoped = holder.scope_spans.add()
    scoped.scope.name = scope
    for number, (name, fields, told) in enumerate(drawn):
        span = scoped.spans.add(name=name, trace_id=b"t" * 16, span_id=bytes(7) + bytes([number + 1]))
        span.parent_span_id = bytes(7) + bytes([(number + 2) % 5])
        put_all(span.attributes, fields)
        for event_name, event_attributes in told:
            put_all(span.events.add(name=event_name).attributes, event_attributes)
    return request


@FEW
@given(spans, st.sampled_from(SCOPES), st.sampled_from(list(SourceKeys)), st.booleans())
def test_no_message_makes_a_convention_fail(drawn: Any, scope: str, keys: SourceKeys, vectors: bool) -> None:
    """The stage would catch it, but the span would then not be reshaped."""
    reshaper = Reshaper(keys, vectors=vectors)
    request = request_of(drawn, scope)
    reshaper.reshape(request)
    assert not reshaper.failed
    request.SerializeToString()


_EMPTY_KEY = {"gen_ai.agent.name": "null", "": '"chat"', "traceloop.span.kind": "tool"}
_KIND_OF_NONE = {"traceloop.span.kind": "chat", "traceloop.entity.input": "chat", "gen_ai.operation.name": "chat"}


@FEW
@example([("", _KIND_OF_NONE, [])], "", SourceKeys.NONE)
@example([("", _EMPTY_KEY, [])], "", SourceKeys.NONE)
@given(spans, st.sampled_from(SCOPES), st.sampled_from(list(SourceKeys)))
def test_reshaping_twice_changes_nothing_more(drawn: Any, scope: str, keys: SourceKeys) -> None:
    """A collector behind a collector, or a client that sends again, must not change what is there."""
    request = request_of(drawn, scope)
    Reshaper(keys).reshape(request)
    once = request.SerializeToString(deterministic=True)
    assert Reshaper(keys).reshape(request).dropped == 0
    assert request.SerializeToString(deterministic=True) == once


@FEW
@given(spans, st.sampled_from(SCOPES), st.sampled_from(['"chat"', '[{"role": "user", "content": "hi"}]', '{"a": 1}']))
def test_an_attribute_without_a_name_is_read_by_nobody(drawn: Any, scope: str, value: str) -> None:
    named = [(name, {key: held for key, held in fields.items() if key}, told) for name, fields, told in drawn]
    without, beside = request_of(named, scope), request_of([(n, {**f, "": value}, told) for n, f, told in named], scope)
    for request in (without, beside):
        Reshaper(SourceKeys.ALL).reshape(request)
    for resource in beside.resource_spans:
        for span in resource.scope_spans[0].spans:
            for pair in [pair for pair in span.attributes if pair.key == ""]:
                span.attributes.remove(pair)
    assert beside.SerializeToString(deterministic=True) == without.SerializeToString(deterministic=True)


@FEW
@given(spans, st.sampled_from(SCOPES), st.sampled_from(list(SourceKeys)))
def test_attributes_of_no_convention_stay(drawn: Any, scope: str, keys: SourceKeys) -> None:
    """What an application says of itself is no convention's to take away, and never to overwrite."""
    own = {"app.tenant": "acme", "http.route": "/x", "code.lineno2": 4, "llm.model_name": "chosen by the sender"}
    request = request_of([(name, {**fields, **own}, told) for name, fields, told in drawn], scope)
    before = {span.span_id for span in request.resource_spans[0].scope_spans[0].spans}
    dropped = Reshaper(keys).reshape(request).dropped
    left = request.resource_spans[0].scope_spans[0].spans
    assert len(left) + dropped == len(before)
    for span in left:
        found = {pair.key: pair.value for pair in span.attributes}
        assert found["app.tenant"].string_value == "acme"
        assert found["http.route"].string_value == "/x"
        assert found["code.lineno2"].int_value == 4
        assert found["llm.model_name"].string_value == "chosen by the sender"


marked = st.recursive(
    st.one_of(st.integers(0, 10**6).map(lambda number: f"q{number}z"), scalars),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
        st.fixed_dictionaries({"type": st.sampled_from(TYPES)}, optional=dict.fromkeys(PART_FIELDS, inner)),
        st.fixed_dictionaries({"role": st.sampled_from(ROLES)}, optional=dict.fromkeys(MESSAGE_FIELDS, inner)),
    ),
    max_leaves=14,
)
marked_values = st.one_of(marked, marked.map(json.dumps), marked.map(lambda document: json.dumps(json.dumps(document))))
marked_spans = st.lists(
    st.tuples(
        names,
        st.builds(
            lambda some, kind: {**some, **kind},
            st.dictionaries(st.sampled_from(MARKED_KEYS), marked_values, max_size=6),
            kinds,
        ),
        st.lists(
            st.tuples(
                st.sampled_from(EVENTS), st.dictionaries(st.sampled_from(EVENT_FIELDS), marked_values, max_size=3)
            ),
            max_size=3,
        ),
    ),
    min_size=1,
    max_size=2,
)


@FEW
@given(marked_spans, st.sampled_from(SCOPES))
def test_nothing_goes_that_is_not_written_elsewhere(drawn: Any, scope: str) -> None:
    """Whatever a sender mixes, each text it sent stands somewhere in what leaves."""
    request = request_of(drawn, scope)
    before = set(MARK.findall(request.SerializeToString()))
    if Reshaper().reshape(request).dropped == 0:
        assert before - set(MARK.findall(request.SerializeToString())) == set()


@FEW
@given(spans, st.sampled_from(SCOPES))
def test_a_span_has_one_kind_and_each_key_once(drawn: Any, scope: str) -> None:
    """Two conventions on one span would say the same thing twice, or two things."""
    request = request_of(drawn, scope)
    Reshaper().reshape(request)
    for span in request.resource_spans[0].scope_spans[0].spans:
        keys = [pair.key for pair in span.attributes]
        assert len(keys) == len(set(keys))


@FEW
@given(events, attributes, st.sampled_from(SCOPES))
def test_any_log_record_may_be_joined(told: Any, given_: Any, scope: str) -> None:
    """Log records come from anyone who can reach the port."""
    logs = ExportLogsServiceRequest()
    scoped = logs.resource_logs.add().scope_logs.add()
    scoped.scope.name = scope
    for name, fields in told:
        record = scoped.log_records.add(trace_id=b"t" * 16, span_id=bytes(7) + b"\1", event_name=name)
        put_all(record.attributes, fields)
        put(record.body, fields)
    before = logs.SerializeToString(deterministic=True)
    reshaper = Reshaper(join=LogJoin(lambda: 0.0))
    reshaper.reshape(logs)
    assert logs.SerializeToString(deterministic=True) == before
    request = request_of([("chat", {**given_, "gen_ai.operation.name": "chat"}, [])], scope)
    reshaper.reshape(request)
    assert not reshaper.failed


def seconds_for(count: int) -> float:
    part = {"type": "text", "content": "word " * 200}
    messages = json.dumps([{"role": "user", "parts": [part]}] * count)
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    put_all(span.attributes, {"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages})
    start = time.process_time()
    Reshaper().reshape(request)
    return time.process_time() - start


@pytest.mark.slow
def test_ten_megabytes_take_a_time_in_proportion() -> None:
    """Not the seconds are asserted but their growth: ten times the text may take some twenty times as long."""
    small, large = (min(seconds_for(count) for _ in range(3)) for count in (1_000, 10_000))
    assert large < 20 * small + 0.2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["messages", "nested", "indexed", "brackets"])
def test_a_hostile_list_stays_bounded(kind: str) -> None:
    """Ten bytes of JSON must not become a kilobyte of attributes."""
    value: dict[str, Any] = {
        "messages": {"gen_ai.input.messages": json.dumps([{"role": "user", "content": "x"}] * 300_000)},
        "nested": {"gen_ai.input.messages": "[" * 500 + "]" * 500},
        "indexed": {f"gen_ai.prompt.{number}.content": "x" for number in range(30_000)},
        "brackets": {"gen_ai.input.messages": "[" * 5_000_000},
    }[kind]
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    put_all(span.attributes, {"gen_ai.operation.name": "chat", **value})
    size = span.ByteSize()
    start = time.process_time()
    reshaper = Reshaper()
    reshaper.reshape(request)
    assert time.process_time() - start < 10
    assert not reshaper.failed
    assert span.ByteSize() < 4 * size + 2_000_000


def test_every_convention_has_a_name_of_its_own() -> None:
    """Counts are kept by it."""
    assert len({convention.name for convention in CONVENTIONS}) == len(CONVENTIONS)


def test_a_kind_that_another_convention_gave_adds_nothing_the_second_time() -> None:
    drawn = [("chat", {"gen_ai.operation.name": "execute_tool", "langfuse.observation.input": ""}, [])]
    request = request_of(drawn, "")
    Reshaper(SourceKeys.ALL).reshape(request)
    once = request.SerializeToString(deterministic=True)
    Reshaper(SourceKeys.ALL).reshape(request)
    assert request.SerializeToString(deterministic=True) == once
