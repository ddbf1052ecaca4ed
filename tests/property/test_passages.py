"""What spans repeat is sealed once, and comes out of each as if it had been sealed in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from harness import credentials
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.assemble.fold.session import SessionState
from collector.assemble.spans.conversation import ConversationEncoding, SentMessage, ToolsEncoding
from collector.assemble.spans.otlp import BuiltSpan, SpanHead, begin, export_request, put, shared_request
from collector.batch import SealedBatch, Signal
from collector.openinference.messages import ToolCall
from collector.policy.hide import hidden_fields
from collector.policy.model import (
    KEYED,
    Action,
    ContentLevel,
    FieldRule,
    HmacKey,
    LevelRule,
    Levels,
    Limits,
    Policy,
    Where,
)
from collector.redact.engine.engine import Engine
from collector.redact.rules import ALL_RULES
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer

_ANY = Where()


def _all_rules(action: Action) -> Policy:
    actions = {rule.id: action for rule in ALL_RULES} | {"secret-field": action}
    return replace(preset_policy(), actions=actions, hmac=HmacKey("key", "2026A"))


def _fields(action: Action, key: str, where: Where = _ANY) -> Policy:
    return replace(preset_policy(), fields=(FieldRule(action, KEYED, key, where, most_bytes=8),))


POLICIES = {
    "masked": preset_policy(),
    "hashed": _all_rules(Action.HASH),
    "dropped": _all_rules(Action.DROP),
    "contents cut": _fields(Action.TRUNCATE, "*.message.content"),
    "names dropped": _fields(Action.DROP, "*.name"),
    "fields by role": _fields(Action.PLACEHOLDER, "llm.input_messages.*", Where(roles=frozenset({"user"}))),
    "fields of one kind": _fields(Action.DROP, "*.content", Where(kinds=frozenset({"AGENT"}))),
    "fields of a service": _fields(Action.DROP, "*.content", Where(services=("opencode",))),
    "inputs hidden": replace(preset_policy(), fields=hidden_fields("INPUTS")),
    "metadata": preset_policy("metadata-only"),
    "content of tools only": replace(
        preset_policy(),
        levels=(Levels(ContentLevel.METADATA, (LevelRule(ContentLevel.MASK, Where(kinds=frozenset({"TOOL"}))),)),),
    ),
    "few attributes": replace(preset_policy(), limits=Limits(max_attributes=18)),
    "short texts": replace(preset_policy(), limits=Limits(max_value_bytes=40, max_inline_bytes=20)),
}
TEXTS = (
    "hello",
    "",
    "it says \N{SNOWMAN}",
    f"the token is {credentials.GITHUB}",
    f"DB_PASSWORD={credentials.URL_PASSWORD}",
    "mail me: jane.doe@example.org",
    "[github-token]",
    "[content:12 bytes]",
    "data:image/png;base64," + "QUJD" * 20,
    "4111 1111" + " 1111 1111",
    "x" * 60,
)
TOOLS = [{"name": "bash", "description": "runs", "parameters": {"type": "object", "password": "hunter2-Zx9"}}]

texts = st.sampled_from(TEXTS)
messages = st.builds(
    lambda role, text, thought, called, name: SentMessage(
        role, text, thought, [ToolCall("c1", "bash", called)] if called else [], name=name
    ),
    st.sampled_from(("system", "user", "assistant", "tool")),
    texts,
    st.sampled_from(("", "I think")),
    st.sampled_from(("", "{}", f'{{"password": "{credentials.URL_PASSWORD}"}}')),
    st.sampled_from(("", "bash")),
)
calls = st.lists(st.tuples(st.lists(messages, min_size=1, max_size=3), texts, st.booleans()), min_size=1, max_size=5)
Calls = list[tuple[list[SentMessage], str, bool]]


def built(told: Calls) -> list[BuiltSpan]:
    """Calls of one conversation, each of which says all that was said before."""
    encoding, tools, session = ConversationEncoding(), ToolsEncoding(), SessionState("ses_1")
    said: list[SentMessage] = []
    made = []
    for number, (more, answer, offers) in enumerate(told):
        said = [*said, *more]
        head = SpanHead(
            trace_id=bytes(16), span_id=number.to_bytes(8, "big"), parent_id=b"", name="m", kind="LLM",
            start=1, end=2, agent=None,
        )  # fmt: skip
        span = begin("opencode", session, head)
        span.passages, _ = encoding.of(said)
        if offers:
            span.passages.append(tools.of(TOOLS))
        put(span.span, {"output.value": answer, "llm.model_name": "m"})
        made.append(span)
    return made


def portions(made: list[BuiltSpan], most: int) -> list[list[BuiltSpan]]:
    return [made[start : start + most] for start in range(0, len(made), most)]


def sums(batches: Sequence[SealedBatch]) -> tuple[Any, ...]:
    """What was sealed: spans with their attributes in any order, and what is counted and listed of them."""
    spans = []
    for batch in batches:
        request = ExportTraceServiceRequest.FromString(batch.data)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    pairs = sorted(pair.SerializeToString() for pair in span.attributes)
                    del span.attributes[:]
                    around = (resource.resource.SerializeToString(), scope.scope.SerializeToString())
                    spans.append((around, span.SerializeToString(), pairs))
    counted = [(batch.items, batch.findings, batch.actions, batch.policy, batch.spans) for batch in batches]
    return spans, counted


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@given(calls, st.integers(1, 5))
def test_a_conversation_read_once_is_sealed_as_in_each_span(policy: Policy, told: Calls, at_once: int) -> None:
    sealer = Sealer(policy, None, b"key" * 11)
    whole = [sealer.seal(Signal.TRACES, export_request(part)) for part in portions(built(told), at_once)]
    apart = [sealer.seal(Signal.TRACES, *shared_request(part)) for part in portions(built(told), at_once)]
    assert sums(apart) == sums(whole)


class _Failing(Engine):
    """Fails on one text."""

    def find(self, data: bytes) -> Any:
        if b"jane" in data:
            raise ValueError("too hard")
        return super().find(data)

    def find_all(self, texts: Any) -> Any:
        if any("jane" in text for text in texts):
            raise ValueError("too hard")
        return super().find_all(texts)


@pytest.mark.parametrize("on_error", [False, True], ids=["text goes", "content goes"])
@given(calls)
def test_what_cannot_be_read_takes_with_it_what_it_would_take_otherwise(on_error: bool, told: Calls) -> None:
    policy = replace(preset_policy(), metadata_on_error=on_error)
    sealer = Sealer(policy, _Failing())
    whole = sealer.seal(Signal.TRACES, export_request(built(told)))
    apart = sealer.seal(Signal.TRACES, *shared_request(built(told)))
    assert sums([apart]) == sums([whole])


def test_a_text_that_was_repeated_is_read_under_a_new_policy() -> None:
    said = [SentMessage("user", f"the token is {credentials.GITHUB}")]
    passages, _ = ConversationEncoding().of(said)
    for policy in ("metadata-only", "secrets-and-pii"):
        span = begin("opencode", SessionState("s"), SpanHead(
            trace_id=bytes(16), span_id=bytes(8), parent_id=b"", name="m", kind="LLM", start=1, end=2, agent=None,
        ))  # fmt: skip
        span.passages = passages
        assert (
            credentials.GITHUB.encode()
            not in Sealer(preset_policy(policy)).seal(Signal.TRACES, *shared_request([span])).data
        )
