"""One way to seal: OpenCode's events leave, and are kept, as the spans they become are sealed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import pytest
from harness import credentials
from harness.examples import examples
from harness.opencode import export, recording, v2_examples
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType
from collector.assemble.facts import AnyFact
from collector.assemble.spans.otlp import export_request
from collector.batch import Signal
from collector.pipeline.events import Intake, IntakeResult
from collector.policy.hide import hidden_fields
from collector.policy.model import (
    KEYED,
    Action,
    ContentLevel,
    FieldRule,
    HmacKey,
    LevelRule,
    Levels,
    Place,
    Policy,
    Where,
)
from collector.redact.rules import ALL_RULES
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer, always

NOW = 1_795_361_000_000
SERVICE = "opencode"
PASSWORD = "Tr0ub4dor" + "&3x"
LABELLED = {
    "password": PASSWORD,
    "api_key": "9f8e7d6c" + "5b4a39281706f5e4d3c2b1a0",
    "DB_PASSWORD": PASSWORD,
    "client_secret": "q8Zr-" + "Lm3nXv0Tp2Ws5Yb7",
    "authorization": "Bearer " + credentials.BEARER,
    "GITHUB_TOKEN": credentials.GITHUB,
    "database_url": credentials.URL,
    "card": "4111 1111" + " 1111 1111",
}
NEEDLES = [
    *(value.removeprefix("Bearer ") for value in LABELLED.values() if value != credentials.URL),
    credentials.URL_PASSWORD,
]


def _with(**changes: Any) -> Policy:
    return replace(preset_policy(), **changes)


def _all_rules(action: Action) -> Policy:
    return _with(
        actions={rule.id: action for rule in ALL_RULES} | {"secret-field": action}, hmac=HmacKey("key", "2026A")
    )


def _field(action: Action, key: str, **where: Any) -> FieldRule:
    return FieldRule(action, KEYED, key, Where(**where))


POLICIES = {
    "masked": preset_policy(),
    "hashed": _all_rules(Action.HASH),
    "dropped": _all_rules(Action.DROP),
    "fields of tools": _with(
        fields=(
            _field(Action.DROP, "input.value", kinds=frozenset({"TOOL"})),
            _field(Action.DROP, "*.function.arguments"),
            _field(Action.PLACEHOLDER, "output.value", kinds=frozenset({"TOOL"}), tools=("read*",)),
        )
    ),
    "fields by role": _with(
        fields=(
            _field(Action.PLACEHOLDER, "llm.input_messages.*", roles=frozenset({"user"})),
            _field(Action.DROP, "opencode.session_title"),
            _field(Action.DROP, "opencode.directory"),
            _field(Action.DROP, "llm.invocation_parameters"),
            FieldRule(Action.PLACEHOLDER, frozenset({Place.STATUS})),
        )
    ),
    "inputs hidden": _with(fields=hidden_fields("INPUTS")),
    "inputs and outputs hidden": _with(fields=(*hidden_fields("INPUTS"), *hidden_fields("OUTPUTS"))),
    "metadata": replace(preset_policy("metadata-only")),
    "content of tools only": _with(
        levels=(Levels(ContentLevel.METADATA, (LevelRule(ContentLevel.MASK, Where(kinds=frozenset({"TOOL"}))),)),)
    ),
}
GENERATIONS: dict[str, Callable[[], list[Any]]] = {
    "1, hooks": lambda: [*recording("subagent"), *recording("compaction")],
    "1, export": lambda: export("multi"),
    "2": v2_examples,
}


def _facts(items: list[Any]) -> list[AnyFact]:
    reader = ItemReader()
    return [found for item in items for found in reader.read(item, NOW) if not isinstance(found, UnknownType)]


def _left(sealer: Sealer, facts: list[AnyFact]) -> list[str]:
    """What leaves of the spans that `facts` become, a line a span, without sizes and reports, which count seals."""
    assembler = Assembler(SERVICE, {"team": "a"})
    for fact in facts:
        assembler.learn(fact, 0)
    batch = sealer.seal(Signal.TRACES, export_request(assembler.close()))
    request = ExportTraceServiceRequest.FromString(batch.data)
    spans = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    lines = []
    for span in spans:
        kept = [pair for pair in span.attributes if not pair.key.startswith("redaction.")]
        del span.attributes[:]
        span.attributes.extend(kept)
        span.name = span.name.partition(": ")[0]  # what follows is cut to so many characters, before or after
        lines.append(re.sub(r" [0-9]+ B\]", " N B]", str(span)))
    return sorted(lines)


def _intake(policy: Policy) -> Intake:
    return Intake(always(Sealer(policy, key=b"k" * 32)), SERVICE)


def _taken(policy: Policy, items: list[Any]) -> IntakeResult:
    return _intake(policy).take_items(items, NOW)


@cache
def _taken_planted(policy: str, generation: str) -> IntakeResult:
    """What is kept of the events of `generation` with credentials planted: sealing them takes most of a test's time."""
    return _taken(POLICIES[policy], _planted(GENERATIONS[generation](), LABELLED, [0]))


def _planted(value: Any, plant: dict[str, str], at: list[int]) -> Any:
    """A copy of `value` in which every free object holds `plant` too, and every free text is followed by it."""
    if isinstance(value, list):
        return [_planted(item, plant, at) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _planted(item, plant, at) for key, item in value.items()}
    for key in ("input", "metadata", "args"):
        if isinstance(found.get(key), dict) and not {"sessionID", "sessionId", "event"} & set(found[key]):
            found[key] = {**found[key], **plant, "nested": {"list": [plant]}}
            at[0] += 1
    for key in ("text", "output", "title", "message", "description", "command", "error"):
        if isinstance(found.get(key), str):
            found[key] = f"{found[key]} " + " ".join(f"{name}={text}" for name, text in plant.items())
            at[0] += 1
    return found


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("policy", POLICIES)
def test_what_leaves_is_what_the_spans_of_unsealed_events_would_leave(policy: str, generation: str) -> None:
    """Same keys, labels, actions and levels: sealing events first makes no difference but that it is sooner."""
    count = [0]
    items = _planted(GENERATIONS[generation](), LABELLED, count)
    assert count[0] > 10
    taken = _taken_planted(policy, generation)
    sealer = Sealer(POLICIES[policy], key=b"k" * 32)
    assert _left(sealer, [row.fact for row in taken.rows]) == _left(sealer, _facts(items))


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_labelled_is_on_disk(policy: str, generation: str) -> None:
    """An object of a tool's input stands unmasked when keys and values are read apart."""
    taken = _taken_planted(policy, generation)
    disk = b"\n".join(part for row in taken.rows for part in (row.data, row.key.encode(), row.session.encode()))
    assert [needle for needle in NEEDLES if needle.encode() in disk] == []
    assert taken.actions
    assert not [name for name in taken.unknown if any(needle in name for needle in NEEDLES)]


def test_what_a_policy_drops_everywhere_is_not_on_disk() -> None:
    """What it drops in one place only may be kept: it stands in the sealed spans as well."""
    items = recording("subagent")
    policy = _with(fields=(_field(Action.DROP, "opencode.directory"), _field(Action.DROP, "llm.invocation_parameters")))
    for field, of_policy in (("directory", preset_policy()), ("", policy)):
        documents = [orjson.loads(row.data) for row in _taken(of_policy, items).rows]
        assert any(document.get("directory") for document in documents) == bool(field)
        assert any(document.get("params") for document in documents) == bool(field)


@pytest.mark.parametrize("secret", [credentials.GITHUB, credentials.AWS_ID, credentials.STRIPE])
def test_a_type_or_hook_that_is_a_token_is_not_shown(secret: str) -> None:
    """The names of unknown types stand in status."""
    items = [
        {"type": secret, "properties": {}},
        {"id": "evt_1", "created": 5, "type": secret, "data": {}},
        {"ts": 5, "pid": 1, "dir": "/x", "hook": secret, "input": {}, "output": {}},
        {"type": "made.up", "properties": {}},
    ]
    unknown = _taken(preset_policy(), items).unknown
    assert not [name for name in unknown if secret in name]
    assert unknown["1:made.up"] == 1


_names = st.sampled_from(sorted(LABELLED))


_texts = st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(max_size=8), st.sampled_from(sorted(LABELLED.values())))
_keys = st.one_of(_names, st.text(max_size=5))
_inputs = st.recursive(
    _texts,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)),
    max_leaves=8,
)


def _message(identifier: str, role: str, **more: Any) -> dict[str, Any]:
    info = {"id": identifier, "sessionID": "ses_1", "role": role, "time": {"created": 2, "completed": 9}, **more}
    return {"type": "message.updated", "properties": {"info": info}}


def _tool(given_input: Any) -> dict[str, Any]:
    state = {"status": "completed", "input": given_input, "output": "x", "title": "t", "time": {"start": 5, "end": 6}}
    part = {"id": "prt_1", "messageID": "msg_1", "sessionID": "ses_1", "type": "tool", "tool": "bash", "callID": "c"}
    return {"type": "message.part.updated", "properties": {"part": {**part, "state": state}}}


@settings(max_examples=examples(60), deadline=None)
@given(_inputs, st.sampled_from(["masked", "hashed", "dropped", "fields of tools"]))
def test_the_input_of_a_tool_is_sealed_as_its_attribute(given_input: Any, policy: str) -> None:
    """Whatever shape a tool's input has: the attribute sealed by itself says the same."""
    item = _tool({"value": given_input})
    around = _facts([_message("msg_0", "user"), _message("msg_1", "assistant", parentID="msg_0")])
    sealer = Sealer(POLICIES[policy], key=b"k" * 32)
    early = [row.fact for row in _taken(POLICIES[policy], [item]).rows]
    assert _left(sealer, [*around, *early]) == _left(sealer, [*around, *_facts([item])])
