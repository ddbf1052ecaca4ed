"""Real agents and SDKs, with the intervals they come with, through the collector into a real Phoenix.

Phoenix ignores a span that it has already, so what it shows is what was sent first. It runs in an environment of its
own. One turn of Claude Code is part of `make test`. Several turns of it, of Codex, Copilot CLI and Gemini CLI, and the
SDKs (two instrumentations of the OpenAI client and OpenInference's own, two of the AI SDK, Pydantic AI, Langfuse and
LiteLLM) are part of `make soak`.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.clients import (
    ROOT,
    SCRIPTS,
    Server,
    clean,
    client,
    run,
    run_script,
)
from harness.models import chat_completion, gemini_api, messages_api, responses_api, streamed_completion

pytestmark = [pytest.mark.real, pytest.mark.slow]
SECONDS = 90

Spans = list[dict[str, Any]]


class Phoenix:
    """A running Phoenix, asked for the spans it keeps."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._earlier: set[str] = set()

    def forget(self) -> None:
        """Show no more of the spans there are."""
        self._earlier |= {span["context"]["span_id"] for span in self.spans()}

    def spans(self) -> Spans:
        """The spans that were not there when it was told to forget."""
        return [span for span in self._all() if span["context"]["span_id"] not in self._earlier]

    def _all(self) -> Spans:
        found: Spans = []
        cursor = ""
        while True:
            query = f"limit=500&cursor={cursor}" if cursor else "limit=500"
            try:
                with urllib.request.urlopen(f"{self.url}/v1/projects/default/spans?{query}", timeout=10) as answer:
                    page = json.load(answer)
            except OSError:
                return []  # a project begins with its first span
            found += page["data"]
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return found

    def settled(self, enough: Callable[[Spans], bool]) -> Spans:
        """The spans, once `enough` of them are there and no more come for some seconds."""
        deadline, quiet, known = time.monotonic() + SECONDS, 0, -1
        while time.monotonic() < deadline:
            found = self.spans()
            quiet = quiet + 1 if len(found) == known else 0
            known = len(found)
            if quiet >= 8 and enough(found):
                return found
            time.sleep(1)
        kinds = [(span["name"], span["span_kind"]) for span in self.spans()]
        pytest.fail(f"only this arrived: {kinds}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phoenix]:
    """One Phoenix for all tests: it takes half a minute to start."""
    installed = client("phoenix", optional=True)
    folder = tmp_path_factory.mktemp("phoenix")
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    environment = {
        **clean(),
        "PHOENIX_WORKING_DIR": str(folder / "data"),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(ports[0]),
        "PHOENIX_GRPC_PORT": str(ports[1]),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }
    (folder / "data").mkdir()
    command = [str(installed / "bin" / "phoenix"), "serve"]
    log = (folder / "log").open("wb")
    with log, subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log) as process:
        try:
            found = Phoenix(f"http://127.0.0.1:{ports[0]}")
            deadline = time.monotonic() + SECONDS
            while True:
                try:
                    urllib.request.urlopen(f"{found.url}/healthz", timeout=2).close()
                    break
                except OSError:
                    assert process.poll() is None and time.monotonic() < deadline, "Phoenix did not start"
                    time.sleep(0.5)
            yield found
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture
def phoenix(running: Phoenix) -> Phoenix:
    running.forget()
    return running


@pytest.fixture
def collector(phoenix: Phoenix, tmp_path: Path) -> Iterator[str]:
    """A running collector that forwards to Phoenix, which takes traces in protobuf alone; yields its address."""
    environment = {
        **clean(),
        "PYTHONPATH": str(ROOT),
        "COLLECTOR_DATA_DIR": str(tmp_path / "data"),
        "COLLECTOR_UPSTREAM_ENCODING": "protobuf",
        "COLLECTOR_UPSTREAM_SIGNALS": "traces",
    }
    command = [sys.executable, "-m", "collector", "serve", "--port", "0", "--upstream", phoenix.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=tmp_path, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()


class Counted:
    """A fake model that counts what it says its answers cost."""

    def __init__(self, answer: Callable[[str, bytes], tuple[str, bytes]], of_call: Callable[[str, bytes], int]) -> None:
        self.tokens = 0

        def counted(path: str, body: bytes) -> tuple[str, bytes]:
            self.tokens += of_call(path, body)
            return answer(path, body)

        self.server = Server(counted)


def of_kind(spans: Spans, kind: str) -> Spans:
    return [span for span in spans if span["span_kind"] == kind]


def judge(spans: Spans, tokens: int) -> None:
    """What a person sees in Phoenix: calls with what was asked, answered and spent, and one tree a trace."""
    calls = of_kind(spans, "LLM")
    for call in calls:
        attributes = call["attributes"]
        missing = [
            key
            for key in ("llm.model_name", "llm.token_count.prompt", "llm.token_count.completion")
            if key not in attributes
        ]
        asked = any(key.startswith("llm.input_messages.0.") for key in attributes) or "input.value" in attributes
        answered = any(key.startswith("llm.output_messages.0.") for key in attributes) or "output.value" in attributes
        assert (missing, asked, answered) == ([], True, True), (call["name"], sorted(attributes))
    total = sum(
        c["attributes"]["llm.token_count.prompt"] + c["attributes"]["llm.token_count.completion"] for c in calls
    )
    assert total == tokens
    identifiers = {span["context"]["span_id"] for span in spans}
    roots = defaultdict(list)
    for span in spans:
        if span["parent_id"] not in identifiers:
            roots[span["context"]["trace_id"]].append(span["name"])
    assert {trace: names for trace, names in roots.items() if len(names) != 1} == {}


def sessions(spans: Spans) -> set[str]:
    """The sessions of the spans that have content; each trace belongs to one."""
    found = defaultdict(set)
    for span in spans:
        if span["span_kind"] in ("AGENT", "LLM", "TOOL"):
            found[span["context"]["trace_id"]].add(span["attributes"].get("session.id"))
    assert {trace: named for trace, named in found.items() if len(named) != 1 or None in named} == {}
    return {session for named in found.values() for session in named}


@pytest.mark.parametrize("turns", [1, pytest.param(5, marks=pytest.mark.soak)])
def test_claude_code(turns: int, collector: str, phoenix: Phoenix, tmp_path: Path) -> None:
    """It exports each five seconds, its log records too: cost and answers come in other requests than the spans."""
    claude = client("claude-code-2.1.332", optional=True) / "node_modules" / ".bin" / "claude"

    def spent(path: str, body: bytes) -> int:
        return 31 + 10 + 4 + 17 if "/messages" in path and "count_tokens" not in path else 0

    model = Counted(messages_api, spent)
    try:
        for _ in range(turns):
            run(
                [
                    str(claude),
                    "-p",
                    "Please list this directory",
                    "--allowedTools",
                    "Bash",
                    "--model",
                    "claude-sonnet-4-5",
                ],
                tmp_path,
                HOME=str(tmp_path),
                CLAUDE_CONFIG_DIR=str(tmp_path / "claude"),
                ANTHROPIC_BASE_URL=model.server.url,
                ANTHROPIC_API_KEY="none",
                CLAUDE_CODE_ENABLE_TELEMETRY="1",
                CLAUDE_CODE_ENHANCED_TELEMETRY_BETA="1",
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
        spans = phoenix.settled(lambda found: len(of_kind(found, "AGENT")) >= turns)
    finally:
        model.server.stop()
    judge(spans, model.tokens)
    for call in of_kind(spans, "LLM"):
        assert call["attributes"].get("llm.cost.total", 0) > 0, call["name"]
    for agent in of_kind(spans, "AGENT"):
        assert agent["attributes"]["output.value"] == "It holds nothing."
    assert len(sessions(spans)) == turns


@pytest.mark.soak
def test_codex(collector: str, phoenix: Phoenix, tmp_path: Path) -> None:
    """It exports 512 spans a request, so that a turn's tree comes in pieces.

    The last piece, with the turn itself, is not always sent: on a busy machine Codex ends before it is.
    """
    turns = 5
    codex = client("codex", optional=True) / "node_modules" / ".bin" / "codex"
    home = tmp_path / "home"
    home.mkdir()
    model = Counted(responses_api, lambda path, _: 47 if path.endswith("/responses") else 0)
    exporters = {
        name: f'{{ otlp-http = {{ endpoint = "{collector}/v1/{name}", protocol = "binary" }} }}'
        for name in ("logs", "traces")
    }
    (home / "config.toml").write_text(
        f"""
model = "gpt-5-codex"
model_provider = "fake"
approval_policy = "never"
sandbox_mode = "danger-full-access"
[model_providers.fake]
name = "fake"
base_url = "{model.server.url}/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
[otel]
environment = "test"
log_user_prompt = true
exporter = {exporters["logs"]}
trace_exporter = {exporters["traces"]}
""",
        encoding="utf-8",
    )
    try:
        for _ in range(turns):
            command = [str(codex), "exec", "--skip-git-repo-check", "List this directory"]
            run(command, tmp_path, CODEX_HOME=str(home), HOME=str(tmp_path), FAKE_KEY="none")
        spans = phoenix.settled(lambda found: len(of_kind(found, "LLM")) >= 2 * turns and bool(of_kind(found, "AGENT")))
    finally:
        model.server.stop()
    identifiers = {span["context"]["span_id"] for span in spans}
    assert len([span for span in spans if span["parent_id"] not in identifiers]) == turns
    assert {agent["attributes"]["input.value"] for agent in of_kind(spans, "AGENT")} == {"List this directory"}
    calls = of_kind(spans, "LLM")
    assert sum(call["attributes"]["llm.token_count.total"] for call in calls) == model.tokens
    assert {call["attributes"]["llm.model_name"] for call in calls} == {"gpt-5-codex"}
    assert all("hello-from-tool" in tool["attributes"]["output.value"] for tool in of_kind(spans, "TOOL"))
    assert len(sessions(spans)) == turns


def judge_agent(spans: Spans, turns: int, asked: str) -> None:
    """Each turn is an agent that was asked and answered, with a tool that said hello."""
    agents, tools = of_kind(spans, "AGENT"), of_kind(spans, "TOOL")
    assert len(agents) == len(tools) == turns
    assert all(asked in agent["attributes"]["input.value"] for agent in agents)
    assert all("It holds nothing." in agent["attributes"]["output.value"] for agent in agents)
    assert all("hello-from-tool" in tool["attributes"]["output.value"] for tool in tools)


@pytest.mark.soak
def test_copilot_cli(collector: str, phoenix: Phoenix, tmp_path: Path) -> None:
    turns, question = 3, "List this directory"
    copilot = client("copilot", optional=True) / "node_modules" / ".bin" / "copilot"
    model = Counted(lambda _, body: streamed_completion(json.loads(body)), lambda *_: 134)
    try:
        for _ in range(turns):
            run(
                [str(copilot), "-p", question, "--allow-all-tools", "--no-auto-update"],
                tmp_path,
                HOME=str(tmp_path),
                COPILOT_OFFLINE="true",
                COPILOT_PROVIDER_BASE_URL=f"{model.server.url}/v1",
                COPILOT_MODEL="gpt-4.1",
                OTEL_EXPORTER_OTLP_ENDPOINT=collector,
                OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true",
            )
        spans = phoenix.settled(lambda found: len(of_kind(found, "AGENT")) >= turns)
    finally:
        model.server.stop()
    judge(spans, model.tokens)
    judge_agent(spans, turns, question)
    assert len(sessions(spans)) == turns


@pytest.mark.soak
def test_gemini_cli(collector: str, phoenix: Phoenix, tmp_path: Path) -> None:
    """Without a terminal it has no span of the turn: each request, and each tool, is a trace of the same session."""
    turns = 3
    gemini = client("gemini-cli", optional=True) / "node_modules" / ".bin" / "gemini"
    (tmp_path / ".gemini").mkdir()
    settings = {"security": {"auth": {"selectedType": "gemini-api-key"}}}
    (tmp_path / ".gemini" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    model = Counted(gemini_api, lambda path, _: 134 if "generateContent" in path.replace("streamG", "g") else 0)
    try:
        for _ in range(turns):
            run(
                [str(gemini), "--skip-trust", "-m", "gemini-2.5-pro", "--yolo", "-p", "List this directory"],
                tmp_path,
                HOME=str(tmp_path),
                GEMINI_API_KEY="none",
                GOOGLE_GEMINI_BASE_URL=model.server.url,
                GEMINI_TELEMETRY_ENABLED="true",
                GEMINI_TELEMETRY_TRACES_ENABLED="true",
                GEMINI_TELEMETRY_LOG_PROMPTS="true",
                GEMINI_TELEMETRY_TARGET="local",
                GEMINI_TELEMETRY_USE_COLLECTOR="true",
                GEMINI_TELEMETRY_OTLP_PROTOCOL="http",
                GEMINI_TELEMETRY_OTLP_ENDPOINT=collector,
            )
        spans = phoenix.settled(lambda found: len(of_kind(found, "LLM")) >= 2 * turns)
    finally:
        model.server.stop()
    judge(spans, model.tokens)
    assert len(of_kind(spans, "TOOL")) == turns
    assert len(sessions(spans)) == turns


@pytest.mark.soak
@pytest.mark.parametrize("instrumentation", ["v2", "openllmetry"])
@pytest.mark.parametrize("programs", [1, 5])
def test_openai_instrumentations(
    programs: int, instrumentation: str, collector: str, phoenix: Phoenix, tmp_path: Path
) -> None:
    """A program that ends at once sends its spans before its log records, or after them."""
    python = client("python") / "bin" / "python"
    answer = Counted(
        lambda _, body: ("application/json", json.dumps(chat_completion(json.loads(body))).encode()), lambda *_: 24
    )
    try:
        for _ in range(programs):
            run(
                [str(python), str(SCRIPTS / "openai_client.py"), instrumentation],
                tmp_path,
                COLLECTOR_URL=collector,
                FAKE_MODEL_URL=answer.server.url,
                OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true",
            )
        spans = phoenix.settled(lambda found: len(of_kind(found, "LLM")) >= 2 * programs)
    finally:
        answer.server.stop()
    judge(spans, answer.tokens)


@pytest.mark.soak
@pytest.mark.parametrize("sdk", ["ai-sdk-5", "ai-sdk-7"])
def test_ai_sdk(sdk: str, collector: str, phoenix: Phoenix) -> None:
    """Its mock model says that each of its two answers cost fifteen tokens."""
    run_script(f"{sdk.replace('-', '_')}.mjs", client(sdk), collector)
    spans = phoenix.settled(lambda found: bool(of_kind(found, "AGENT")) and len(of_kind(found, "LLM")) >= 2)
    judge(spans, 2 * 15)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("installed", "script"),
    [
        ("python-sdks", "pydantic_ai_agent"),
        ("python-sdks", "langfuse_agent"),
        ("python-sdks", "openinference_client"),
        ("litellm", "litellm_client"),
    ],
)
def test_python_sdks(installed: str, script: str, collector: str, phoenix: Phoenix, tmp_path: Path) -> None:
    python = client(installed, optional=True) / "bin" / "python"
    model = Counted(lambda _, body: streamed_completion(json.loads(body)), lambda *_: 134)
    try:
        run(
            [str(python), str(SCRIPTS / f"{script}.py")],
            tmp_path,
            COLLECTOR_URL=collector,
            FAKE_MODEL_URL=model.server.url,
        )
        spans = phoenix.settled(lambda found: len(of_kind(found, "LLM")) >= 2)
    finally:
        model.server.stop()
    judge(spans, model.tokens)
    if "agent" in script:
        assert sessions(spans) == {"ses-1"}
    if installed == "litellm":
        assert all(call["attributes"]["llm.cost.total"] > 0 for call in of_kind(spans, "LLM"))
