"""The metadata level: no prompt, output, path, command or title anywhere (an allow-list, not a list of names)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from harness.telemetry import FIXTURES, JSON, PROTOBUF, logs, metrics, traces

from collector.batch import Signal
from collector.otlp.write import to_json
from collector.pipeline.otlp import Pipeline
from collector.policy.model import ContentLevel
from collector.redact.seal import Sealer, always

PLUGIN = sorted((FIXTURES / "opencode-plugin").glob("*.json"))


def _sealed(signal: Signal, request: Any) -> Any:
    batch = Sealer(ContentLevel.METADATA).seal(signal, request)
    return signal.request.FromString(batch.data)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in ([key] if key == "key" else []) + _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("path", PLUGIN, ids=lambda path: path.stem)
def test_a_recorded_run_keeps_its_metadata_and_loses_all_content(path: Any) -> None:
    """The npm plugin's own redaction leaves titles, commands, paths and output in names, status and metadata."""
    body = path.read_bytes()
    outcome = Pipeline(always(Sealer(ContentLevel.METADATA))).run(Signal.TRACES, body, JSON)
    assert outcome.batch is not None
    out = to_json(Signal.TRACES.request.FromString(outcome.batch.data))
    before = {pair["key"]: pair["value"] for span in _spans(orjson.loads(body)) for pair in span["attributes"]}
    for key in ("input.value", "output.value", "metadata"):
        content = before.get(key, {}).get("stringValue", "")
        if len(content) > 8:
            assert content.encode() not in out
    for word in (
        b"hello.txt",
        b"missing.txt",
        b"echo ",
        b"ls ",
        b"/home/",
        b"Count files",
        b"Please do",
        b"hi-from-bash",
    ):
        assert word not in out
    assert b'"llm.token_count.total"' in out
    assert b"fake/fake-model" in out


def _spans(document: Any) -> list[Any]:
    return [s for r in document["resourceSpans"] for c in r["scopeSpans"] for s in c["spans"]]


@pytest.mark.parametrize(
    ("name", "attributes", "kept"),
    [
        ("bash: rm -rf /home/jane", {"tool.name": "bash"}, "bash"),
        ("fake/fake-model", {"llm.provider": "fake", "llm.model_name": "fake-model"}, "fake/fake-model"),
        ("chat gpt-5", {"gen_ai.request.model": "gpt-5"}, "gpt-5"),
        ("opencode", {}, "opencode"),
        ("read the private notes", {}, "[REDACTED:content 22 B]"),
        ("/home/jane/notes.txt", {}, "[REDACTED:content 20 B]"),
    ],
)
def test_a_span_name_keeps_only_what_attributes_vouch_for(name: str, attributes: dict[str, str], kept: str) -> None:
    request = traces(1, attributes)
    request.resource_spans[0].scope_spans[0].spans[0].name = name
    assert _sealed(Signal.TRACES, request).resource_spans[0].scope_spans[0].spans[0].name == kept


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gen_ai.request.model", "write me a poem about the sea"),
        ("service.name", "the text of a prompt"),
        ("agent.name", "general: Rotate the keys of jane"),
        ("session.id", "what is this"),
        ("openinference.span.kind", "PROMPT INJECTION"),
        ("code.function", "a_function_name"),
        ("some.unknown.key", "any text"),
    ],
)
def test_a_listed_key_holds_only_its_shape(key: str, value: str) -> None:
    """A prompt in a key that is usually harmless must not pass."""
    out = to_json(_sealed(Signal.TRACES, traces(1, {key: value})))
    assert value.encode() + b'"' not in out.replace(key.encode(), b"")


def test_status_messages_links_and_events_lose_their_text() -> None:
    request = traces()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.status.message = "cannot open /home/jane"
    span.trace_state = "vendor=private"
    link = span.links.add(trace_id=b"\x01" * 16, span_id=b"\x01" * 8, trace_state="vendor=private")
    link.attributes.add(key="note").value.string_value = "private"
    event = span.events.add(name="exception")
    event.attributes.add(key="exception.message").value.string_value = "private"
    event.attributes.add(key="exception.type").value.string_value = "ValueError"
    out = to_json(_sealed(Signal.TRACES, request))
    assert b"private" not in out and b"jane" not in out
    assert b"ValueError" in out


def test_log_bodies_and_metric_descriptions_go() -> None:
    out = to_json(_sealed(Signal.LOGS, logs(1, "a private line")))
    assert b"private" not in out
    request = metrics(1, "gen_ai.tokens")
    request.resource_metrics[0].scope_metrics[0].metrics[0].description = "a private note"
    out = to_json(_sealed(Signal.METRICS, request))
    assert b"private" not in out and b"gen_ai.tokens" in out


def test_numbers_under_unknown_keys_go() -> None:
    """A card number, or a vector of a document, is a number too."""
    request = traces()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="card").value.int_value = 4111111111111111
    span.attributes.add(key="llm.token_count.prompt").value.int_value = 7
    kept = {pair.key for pair in _sealed(Signal.TRACES, request).resource_spans[0].scope_spans[0].spans[0].attributes}
    assert "card" not in kept and "llm.token_count.prompt" in kept


def test_what_was_there_can_be_seen_by_its_size() -> None:
    out = to_json(_sealed(Signal.TRACES, traces(1, {"input.value": "x" * 500})))
    assert b"[REDACTED:content 503 B]" in out


def test_protobuf_clients_get_the_same_treatment() -> None:
    request = traces(1, {"input.value": "private"})
    outcome = Pipeline(always(Sealer(ContentLevel.METADATA))).run(Signal.TRACES, request.SerializeToString(), PROTOBUF)
    assert outcome.batch is not None and b"private" not in outcome.batch.data
