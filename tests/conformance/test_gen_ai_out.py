"""GenAI in, OpenInference, GenAI out: what came in comes out, but for what is listed here with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.enums import SpanFormat
from collector.openinference.gen_ai import write_format
from collector.otlp.read import JSON, decode
from collector.otlp.values import read_attributes
from collector.reshape.stage import Reshaper
from collector.reshape.tools import read_tools

ROOT = Path(__file__).parents[2]
ELSEWHERE = ("opencode", "opencode-plugin", "openinference", "redaction")
FILES = sorted(path for path in ROOT.glob("proto_fixtures/*/*.json") if path.parent.name not in ELSEWHERE)

DIFFERENT = {
    "gen_ai.prompt": "the oldest conventions' text; it comes out as gen_ai.input.messages",
    "gen_ai.completion": "as gen_ai.prompt, as gen_ai.output.messages",
    "gen_ai.task.input": "no key of the conventions; it comes out as the kind of span has it, else as input.value",
    "gen_ai.task.output": "as gen_ai.task.input",
}
"""Keys that come out under another name."""

FAULTY = {
    "openlit_chat": "the system prompt came twice, and comes out once",
    "openlit_anthropic": "as openlit_chat",
    "bytes_attribute_lost": "a text that came as bytes comes out as text",
    "strict_json": "JSON that could not be read comes out as far as it could",
    "gemini": "system instructions came as JSON in JSON",
    "openlit_manual": "an output that is no list of messages comes out as one",
    "pyd2_simple": "an agent's instructions, which stand apart and among its messages, come out among its messages",
    "pyd5_history": "as pyd2_simple",
    "pyd5_simple": "as pyd2_simple",
}
"""Vectors in which something came in a form that the conventions do not have, or came twice."""


def spans_of(request: ExportTraceServiceRequest) -> dict[bytes, dict[str, Any]]:
    return {
        span.span_id: read_attributes(span.attributes)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def requests(path: Path) -> list[ExportTraceServiceRequest]:
    vector = json.loads(path.read_text(encoding="utf-8"))
    found = vector.get("requests") or [vector["input"]]
    return [decode(Signal.TRACES, json.dumps(body).encode(), JSON).request for body in found]


def normal(key: str, value: Any) -> Any:
    """JSON as values; tool definitions by what they say, since every provider has names of its own for their fields."""
    if key == "gen_ai.tool.definitions":
        return read_tools(value)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_came_in_comes_out(path: Path) -> None:
    changed = []
    for request in requests(path):
        before = spans_of(request)
        Reshaper().reshape(request)
        write_format(request, SpanFormat.GEN_AI)
        for span_id, after in spans_of(request).items():
            changed += [
                (key, value, after.get(key))
                for key, value in before[span_id].items()
                if key.startswith("gen_ai.")
                and not key.startswith(("gen_ai.prompt.", "gen_ai.completion."))
                and key not in DIFFERENT
                and normal(key, after.get(key)) != normal(key, value)
            ]
    assert bool(changed) == (path.stem in FAULTY), changed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_is_openinference_and_more(path: Path) -> None:
    for request in requests(path):
        Reshaper().reshape(request)
        before = spans_of(request)
        write_format(request, SpanFormat.BOTH)
        after = spans_of(request)
        for span_id, attributes in before.items():
            assert {key: after[span_id].get(key) for key in attributes} == attributes
