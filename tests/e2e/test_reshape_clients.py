"""Real clients export to a running collector; what leaves it is an agent trace.

The AI SDK with its mock model, two instrumentations of the OpenAI client, Claude Code and Codex, the latter ones
against a small server that answers as the models' providers do. The upstream is a sink that keeps what it gets.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.clients import (
    ROOT,
    SCRIPTS,
    SECONDS,
    Server,
    clean,
    client,
    run,
    run_script,
)
from harness.models import chat_completion, messages_api, responses_api
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.reshape.stage import INTERNAL

pytestmark = [pytest.mark.real, pytest.mark.slow]


class Sink:
    """Keeps the spans and log records that the collector forwards; shows the spans of one `trace`, where it is set."""

    def __init__(self) -> None:
        self.trace = ""
        self._spans: dict[str, dict[str, Any]] = {}
        self.logs: list[dict[str, Any]] = []
        self._server = Server(self._take)
        self.url = self._server.url
        self.stop = self._server.stop

    def _take(self, path: str, body: bytes) -> tuple[str, bytes]:
        request = json.loads(body)
        for resource in request.get("resourceSpans", ()):
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    span["attributes"] = {pair["key"]: _value(pair["value"]) for pair in span.get("attributes", ())}
                    self._spans[span["spanId"]] = span  # one that comes again, complete, replaces itself
        for resource in request.get("resourceLogs", ()):
            for scope in resource["scopeLogs"]:
                self.logs += scope["logRecords"]
        return "application/json", b"{}"

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [span for span in list(self._spans.values()) if self.trace in ("", span["traceId"])]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [s["attributes"] for s in self.spans if s["attributes"].get("openinference.span.kind") == kind]

    def wait(self, enough: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not enough():
            kinds = [(span["name"], span["attributes"].get("openinference.span.kind")) for span in self.spans]
            assert time.monotonic() < deadline, f"only this arrived: {kinds}"
            time.sleep(0.05)


def _value(value: dict[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    if kind == "arrayValue":
        return [_value(item) for item in inner.get("values", ())]
    return int(inner) if kind == "intValue" else inner


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.stop()


@pytest.fixture
def collector(sink: Sink, tmp_path: Path) -> Iterator[str]:
    """A running collector that forwards to the sink; yields its address."""
    environment = {
        **clean(),
        "PYTHONPATH": str(ROOT),
        "COLLECTOR_DATA_DIR": str(tmp_path / "data"),
        "COLLECTOR_UPSTREAM_ENCODING": "json",
        "COLLECTOR_UPSTREAM_SIGNALS": "traces,logs",
    }
    command = [sys.executable, "-m", "collector", "serve", "--port", "0", "--upstream", sink.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=tmp_path, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()


def test_ai_sdk_5_becomes_an_agent_trace(collector: str, sink: Sink) -> None:
    """The form that OpenCode and most TypeScript agents still write."""
    run_script("ai_sdk_5.mjs", client("ai-sdk-5"), collector)
    sink.wait(lambda: len(sink.spans) >= 4)
    (agent,), (tool,), calls = sink.of_kind("AGENT"), sink.of_kind("TOOL"), sink.of_kind("LLM")
    assert agent["session.id"] == "ses-5"
    assert agent["output.value"] == "Sunny in Rome"
    assert "llm.token_count.total" not in agent
    assert (tool["tool.name"], tool["tool_call.id"]) == ("weather", "call-1")
    assert json.loads(tool["tool.parameters"]) == {"city": "Rome"}
    last = next(call for call in calls if call["llm.finish_reason"] == "stop")
    assert last["llm.token_count.total"] == 15
    assert last["llm.input_messages.0.message.content"] == "Weather in Rome?"
    assert last["llm.input_messages.2.message.tool_call_id"] == "call-1"
    assert last["llm.output_messages.0.message.content"] == "Sunny in Rome"
    assert not [key for key in last if key.startswith("ai.prompt.messages")]


def test_ai_sdk_7_becomes_an_agent_trace(collector: str, sink: Sink) -> None:
    """Its integration writes the GenAI conventions, with steps between agent and model."""
    run_script("ai_sdk_7.mjs", client("ai-sdk-7"), collector)
    sink.wait(lambda: len(sink.spans) >= 6)
    (agent,), (tool,), calls = sink.of_kind("AGENT"), sink.of_kind("TOOL"), sink.of_kind("LLM")
    assert len(sink.of_kind("CHAIN")) == 2
    assert agent["llm.input_messages.1.message.content"] == "Weather in Rome?"
    assert tool["tool.name"] == "weather"
    last = next(call for call in calls if call["llm.finish_reason"] == "stop")
    assert last["llm.input_messages.0.message.content"] == "Be brief"
    assert last["llm.input_messages.3.message.role"] == "tool"
    assert last["llm.output_messages.0.message.content"] == "Sunny in Rome"
    assert json.loads(last["llm.tools.0.tool.json_schema"])["function"]["name"] == "weather"


@pytest.fixture
def openai() -> Iterator[Server]:
    server = Server(lambda _, body: ("application/json", json.dumps(chat_completion(json.loads(body))).encode()))
    yield server
    server.stop()


@pytest.mark.parametrize("instrumentation", ["v2", "openllmetry"])
def test_openai_instrumentations_become_llm_spans(
    instrumentation: str, collector: str, sink: Sink, openai: Server, tmp_path: Path
) -> None:
    """One sends its messages as log records beside the span, the other in its attributes."""
    python = client("python") / "bin" / "python"
    run(
        [str(python), str(SCRIPTS / "openai_client.py"), instrumentation],
        tmp_path,
        COLLECTOR_URL=collector,
        FAKE_MODEL_URL=openai.url,
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true",
    )
    sink.wait(lambda: len(sink.of_kind("LLM")) == 2)
    first, last = sorted(sink.of_kind("LLM"), key=lambda call: call["llm.finish_reason"] == "stop")
    assert last["llm.model_name"] == "gpt-4o-2026-01-01"
    assert last["llm.token_count.total"] == 24
    assert first["llm.input_messages.0.message.content"] == "Be brief."
    assert first["llm.output_messages.0.message.tool_calls.0.tool_call.function.name"] == "weather"
    assert last["llm.input_messages.3.message.tool_call_id"] == "call_1"
    assert last["llm.input_messages.3.message.content"] == '{"sky":"clear"}'
    assert last["llm.output_messages.0.message.content"] == "Sunny"
    if instrumentation == "v2":
        sink.wait(lambda: len(sink.logs) >= 7)  # the records go their own way as well


def _traces_by_span(told: list[bytes]) -> dict[str, str]:
    """The trace in which a span of each name was last told."""
    return {
        span.name: span.trace_id.hex()
        for body in told
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def test_codex_becomes_a_turn_with_its_calls_and_tools(collector: str, sink: Sink, tmp_path: Path) -> None:
    """Of its hundreds of spans a handful leave; what they lack comes from its log records."""
    codex = client("codex", optional=True) / "node_modules" / ".bin" / "codex"
    home = tmp_path / "home"
    home.mkdir()
    model = Server(responses_api)
    told: list[bytes] = []

    def relayed(path: str, body: bytes) -> tuple[str, bytes]:
        told.append(body)
        request = urllib.request.Request(collector + path, body, {"content-type": "application/x-protobuf"})
        with urllib.request.urlopen(request) as response:
            return "application/x-protobuf", response.read()

    relay = Server(relayed)

    def exporter(signal: str, url: str) -> str:
        return f'{{ otlp-http = {{ endpoint = "{url}/v1/{signal}", protocol = "binary" }} }}'

    (home / "config.toml").write_text(
        f"""
model = "gpt-5-codex"
model_provider = "fake"
approval_policy = "never"
sandbox_mode = "danger-full-access"
[model_providers.fake]
name = "fake"
base_url = "{model.url}/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
[otel]
environment = "test"
log_user_prompt = true
exporter = {exporter("logs", collector)}
trace_exporter = {exporter("traces", relay.url)}
""",
        encoding="utf-8",
    )
    try:
        command = [str(codex), "exec", "--skip-git-repo-check", "List this directory"]
        # Under load Codex may end before its turn's own span does: then it is run again.
        while "session_task.turn" not in _traces_by_span(told):
            assert len(told) < 20, _traces_by_span(told).keys()
            run(command, tmp_path, CODEX_HOME=str(home), HOME=str(tmp_path), FAKE_KEY="none")
    finally:
        model.stop()
        relay.stop()
    sink.trace = _traces_by_span(told)["session_task.turn"]
    sink.wait(lambda: bool(sink.of_kind("AGENT")) and bool(sink.of_kind("TOOL")) and len(sink.of_kind("LLM")) >= 2)
    sink.wait(lambda: "input.value" in sink.of_kind("AGENT")[0] and "output.value" in sink.of_kind("TOOL")[0])
    assert len(sink.spans) < 40
    assert all("openinference.span.kind" in span["attributes"] for span in sink.spans)
    (agent,), (tool,), calls = sink.of_kind("AGENT"), sink.of_kind("TOOL"), sink.of_kind("LLM")
    assert agent["llm.model_name"] == "gpt-5-codex"
    assert agent["input.value"] == "List this directory"
    assert (tool["tool.name"], json.loads(tool["tool.parameters"])["cmd"]) == ("exec_command", "echo hello-from-tool")
    assert "hello-from-tool" in tool["output.value"]
    assert {call["llm.token_count.prompt"] for call in calls} == {41}
    assert {call["llm.token_count.completion_details.reasoning"] for call in calls} == {2}
    assert len({found["session.id"] for found in (agent, tool, *calls)}) == 1
    assert sink.logs
    token = (tmp_path / "data" / "read-token").read_text()
    asked = urllib.request.Request(f"{collector}/api/status", headers={"x-collector-token": token})
    with urllib.request.urlopen(asked) as answer:
        (ledger,) = json.load(answer)["ledger"].values()
    assert ledger["traces"]["dropped"][INTERNAL] > 100


def test_claude_code_becomes_an_agent_trace(collector: str, sink: Sink, tmp_path: Path) -> None:
    """Its spans have keys of their own; its prompt count leaves out what the cache gave."""
    claude = client("claude-code", optional=True) / "node_modules" / ".bin" / "claude"
    model = Server(messages_api)
    try:
        run(
            [str(claude), "-p", "Please list this directory", "--allowedTools", "Bash", "--model", "claude-sonnet-4-5"],
            tmp_path,
            HOME=str(tmp_path),
            CLAUDE_CONFIG_DIR=str(tmp_path / "claude"),
            ANTHROPIC_BASE_URL=model.url,
            ANTHROPIC_API_KEY="none",
            CLAUDE_CODE_ENABLE_TELEMETRY="1",
            CLAUDE_CODE_ENHANCED_TELEMETRY_BETA="1",
            ENABLE_BETA_TRACING_DETAILED="1",
            BETA_TRACING_ENDPOINT=collector,
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_LOGS_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector,
            OTEL_LOG_USER_PROMPTS="1",
            OTEL_LOG_TOOL_DETAILS="1",
            OTEL_LOG_TOOL_CONTENT="1",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            DISABLE_AUTOUPDATER="1",
            IS_SANDBOX="1",
        )
    finally:
        model.stop()
    sink.wait(lambda: bool(sink.of_kind("AGENT")) and bool(sink.of_kind("TOOL")) and len(sink.of_kind("LLM")) >= 2)
    (agent,), tool = sink.of_kind("AGENT"), sink.of_kind("TOOL")[0]
    calls = [call for call in sink.of_kind("LLM") if call.get("llm.finish_reason") in ("tool_use", "end_turn")]
    assert agent["input.value"] == "Please list this directory"
    assert tool["tool.name"] == "Bash"
    assert json.loads(tool["tool.parameters"])["command"] == "echo hello-from-tool"
    assert "hello-from-tool" in tool["output.value"]
    assert {call["llm.token_count.prompt"] for call in calls} == {45}
    assert {call["llm.provider"] for call in calls} == {"anthropic"}
    assert len({found["session.id"] for found in (agent, tool, *calls)}) == 1
