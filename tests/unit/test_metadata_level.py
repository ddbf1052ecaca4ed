"""At the metadata level, nothing that a person or a model said or did leaves: proved on recorded turns."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness.telemetry import traces

from collector.batch import Signal
from collector.otlp.read import JSON
from collector.pipeline.otlp import Pipeline
from collector.policy.model import ContentLevel, LevelRule, Levels, Where
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer, always

CAPTURES = sorted((Path(__file__).parents[2] / "proto_fixtures" / "opencode" / "otlp").glob("*.json"))
METADATA = {
    "openinference.span.kind", "tool.name", "tool_call.id", "session.id", "agent.id", "agent.name", "service.name",
    "service.version", "llm.model_name", "llm.provider", "llm.system", "gen_ai.system", "llm.finish_reason",
    "opencode.message_id", "input.mime_type", "output.mime_type", "agent.stop_reason", "opencode.parent_session_id",
}  # fmt: skip


def content(capture: dict[str, Any]) -> Iterator[str]:
    """What was said and done: every text under a content key, the words of its JSON, and span names but tools'."""
    for resource in capture["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                if " " in span["name"]:
                    yield span["name"]
                for attribute in span["attributes"]:
                    key, value = attribute["key"], attribute["value"].get("stringValue", "")
                    if key in METADATA or key.endswith((".role", ".id", "function.name", "tool_call_id")):
                        continue
                    yield value
                    with contextlib.suppress(ValueError):
                        yield from leaves(json.loads(value))


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)


def identifiers(capture: dict[str, Any]) -> str:
    """Words that metadata holds by right; content that is one of them proves nothing."""
    return json.dumps(
        [
            attribute["value"]
            for resource in capture["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
            for attribute in span["attributes"]
            if attribute["key"] in METADATA or attribute["key"].endswith((".role", ".id", "function.name"))
        ]
    )


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_no_prompt_output_path_command_or_title_is_left(path: Path) -> None:
    body = path.read_bytes()
    capture = json.loads(body)
    allowed = identifiers(capture)
    outcome = Pipeline(always(Sealer(ContentLevel.METADATA))).run(Signal.TRACES, body, JSON)
    assert outcome.batch is not None
    texts = [
        text
        for text in content(capture)
        if not re.fullmatch(r"[A-Za-z_-]{0,12}", text) and json.dumps(text)[1:-1] not in allowed
    ]
    assert texts, "the recording holds nothing to look for"
    assert [text for text in texts if text.encode() in outcome.batch.data] == []


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_what_a_dashboard_needs_is_left(path: Path) -> None:
    """Kinds, models, tokens, cost, times, sessions and tool names are what metadata is for."""
    outcome = Pipeline(always(Sealer(ContentLevel.METADATA))).run(Signal.TRACES, path.read_bytes(), JSON)
    assert outcome.batch is not None
    assert all(span.kind in ("AGENT", "LLM", "TOOL", "CHAIN") for span in outcome.batch.spans)
    assert all(span.session_id.startswith("ses_") for span in outcome.batch.spans)
    for span in outcome.batch.spans:
        assert span.kind != "LLM" or (span.model and span.tokens), span


@pytest.mark.parametrize(
    "key", ["gen_ai.request.model", "service.name", "code.function", "session.id", "llm.model_name", "tool.name", "a.b"]
)
def test_a_prompt_does_not_pass_under_the_name_of_metadata(key: str) -> None:
    """Key, type and shape must all be right (35)."""
    for value in ({"stringValue": "please delete it all"}, {"arrayValue": {"values": [{"stringValue": "please do"}]}},
                  {"kvlistValue": {"values": [{"key": "please", "value": {"stringValue": "please"}}]}},
                  {"bytesValue": "cGxlYXNl"}):  # fmt: skip
        span = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "x", "attributes": [{"key": key, "value": value}]}
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
        outcome = Pipeline(always(Sealer(ContentLevel.METADATA))).run(Signal.TRACES, body, JSON)
        assert outcome.batch is not None
        assert b"please" not in outcome.batch.data


@pytest.mark.parametrize("kind", ["TOOL ", "tool\n", "TOOL\u200b", "\uff34OOL", "TOOL" + " " * 10_000])
def test_a_kind_written_otherwise_is_the_same_kind(kind: str) -> None:
    """A filter by kind must not be dodged by what a reader does not see."""
    where = Where(frozenset({Signal.TRACES}), kinds=frozenset({"TOOL"}))
    policy = replace(preset_policy(), levels=(Levels(ContentLevel.MASK, (LevelRule(ContentLevel.METADATA, where),)),))
    request = traces(1, {"openinference.span.kind": kind, "input.value": "plain words"})
    batch = Sealer(policy).seal(Signal.TRACES, request)
    assert b"plain words" not in batch.data
