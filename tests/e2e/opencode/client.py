"""The real OpenCode client in a home of its own, and the collector it reports to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.process import TREE_AND_START

ROOT = Path(__file__).parents[3]
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def cache() -> Path:
    """Where `install_clients.sh` put the clients."""
    return Path(os.environ.get("TEST_CACHE", str(ROOT / ".cache"))).absolute()


BINARIES = {
    "1.18.33": "opencode/node_modules/.bin/opencode",
    "1.15.13": "opencode-1.15.13/node_modules/opencode-linux-x64/bin/opencode",
    "1.2.27": "opencode-1.2.27/node_modules/opencode-linux-x64/bin/opencode",
    "1.1.65": "opencode-1.1.65/node_modules/opencode-linux-x64/bin/opencode",
}
PRICES = {
    "fake-model": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75},
    "other-model": {"input": 1, "output": 2, "cache_read": 0.1, "cache_write": 1},
    "tuned-model": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75},
}
"""Of a million tokens of each model."""
RIPGREP = "ripgrep/node_modules/@vscode/ripgrep-*/bin"
NPM_PLUGIN = "plugin/node_modules/@inference/trace-opencode/dist/index.js"


def ask(method: str, url: str, body: Any = None, seconds: float = 240, headers: dict[str, str] | None = None) -> Any:
    """One JSON request; an error status is returned as `{"status": …}`."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})}, method=method)
    try:
        with _OPENER.open(request, timeout=seconds) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode(errors="replace")}
    return json.loads(text) if text else None


def until(claim: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for something to become true and return it."""
    deadline = time.monotonic() + seconds
    while not (found := claim()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _own_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Running:
    """A process started here, with its output in a file."""

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=_own_signals,
            )  # fmt: skip

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def stop(self, seconds: float = 15) -> None:
        self.kill(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()


class Collector(Running):
    """`collector serve` on a free port (or on `port`, to come back where it was)."""

    def __init__(self, data: Path, port: int = 0, env: dict[str, str] | None = None, upstream: str = "") -> None:
        self.data = data
        data.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "collector", "serve", "--port", str(port), "--data-dir", str(data)]
        if upstream:
            command += ["--upstream", upstream]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        super().__init__(
            command,
            data.parent,
            {**clean, "PYTHONPATH": TREE_AND_START, **(env or {})},
            data.with_suffix(f".{port}.log"),
        )
        line = until(lambda: self._listening(), 60, "the collector listens")
        self.url = line.rpartition(" ")[2].strip()
        self.port = int(self.url.rpartition(":")[2])

    def _listening(self) -> str:
        if self.process.poll() is not None:
            raise AssertionError(self.text())
        return next((line for line in self.text().splitlines() if line.startswith("listening on")), "")

    def get(self, path: str) -> Any:
        return ask("GET", self.url + path, headers={"x-collector-token": (self.data / "read-token").read_text()})

    def spans(self, session: str = "") -> list[dict[str, Any]]:
        rows = self.get(f"/api/spans?limit=10000&session={session}")
        assert isinstance(rows, list), rows
        return rows

    def span(self, row: dict[str, Any]) -> dict[str, Any]:
        """The whole span of a listed one, with its attributes as a plain object."""
        document = self.get(f"/api/spans/{row['trace_id']}/{row['span_id']}")
        span: dict[str, Any] = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        return {**span, "attributes": plain(span.get("attributes", ()))}


_OURS = ("COLLECTOR_", "CATALYST_", "INFERENCE_", "TRACE_TO_", "OPENCODE_", "OTEL_")


def plain(attributes: Any) -> dict[str, Any]:
    found = {}
    for pair in attributes:
        ((kind, value),) = pair["value"].items() if pair.get("value") else (("none", None),)
        found[pair["key"]] = int(value) if kind == "intValue" else value
    return found


def environment(home: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """What the client is started with: nothing of the person's own settings, and no way out."""
    env = {key: os.environ[key] for key in ("PATH", "LANG", "TZ") if key in os.environ}
    env["PATH"] = os.pathsep.join([*map(str, cache().glob(RIPGREP)), env.get("PATH", "")])
    for name, folder in (
        ("HOME", ""), ("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share"),
        ("XDG_CACHE_HOME", ".cache"), ("XDG_STATE_HOME", ".local/state"),
    ):  # fmt: skip
        env[name] = str(home / folder)
    for what in ("MODELS_FETCH", "AUTOUPDATE", "SHARE", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"):
        env[f"OPENCODE_DISABLE_{what}"] = "1"
    return {**env, "OPENCODE_EXPERIMENTAL_BACKGROUND_SUBAGENTS": "true", "SHELL": "/bin/sh", **(extra or {})}


def configuration(model_url: str, **more: Any) -> dict[str, Any]:
    """An opencode.json that knows the fake model only and allows every tool."""
    limit = more.pop("limit", {"context": 200000, "output": 8192})
    fake = {
        "name": "Fake Model", "reasoning": True, "attachment": True, "tool_call": True, "temperature": True,
        "modalities": {"input": ["text", "image"], "output": ["text"]}, "limit": limit,
        "cost": PRICES["fake-model"],
    }  # fmt: skip
    other = {**fake, "name": "Other Model", "cost": PRICES["other-model"]}
    tuned = {**fake, "name": "Tuned Model", "options": {"reasoningEffort": "low", "serviceTier": "flex"}}
    models = {"fake-model": fake, "other-model": other, "tuned-model": tuned}
    permission = dict.fromkeys(("*", "edit", "bash", "webfetch", "external_directory", "doom_loop"), "allow")
    return {
        "autoupdate": False, "share": "disabled", "model": "fake/fake-model", "small_model": "fake/fake-model",
        "enabled_providers": ["fake"],
        "provider": {"fake": {
            "npm": "@ai-sdk/openai-compatible", "name": "Fake",
            "options": {"baseURL": model_url, "apiKey": "not-a-key"}, "models": models,
        }},
        **more, "permission": {**permission, **more.get("permission", {})},
    }  # fmt: skip


def project(folder: Path, config: dict[str, Any], files: dict[str, str]) -> Path:
    """A git repository with an opencode.json and some files, each a second newer than the one before: tools that find
    files list the newest first."""
    folder.mkdir(parents=True)
    written = time.time() - 1000
    for name, text in {**files, "opencode.json": json.dumps(config)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        written += 1
        os.utime(folder / name, (written, written))
    git = ["git", "-c", "user.email=a@example.org", "-c", "user.name=a", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "init"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True, capture_output=True)
    return folder


class OpenCode:
    """One version of the client in one home; `serve` shares a server, `run` starts `opencode run`."""

    def __init__(self, version: str, home: Path, env: dict[str, str] | None = None) -> None:
        self.version = version
        self.binary = str(cache() / BINARIES[version])
        self.home = home
        self.env = environment(home, env)
        home.mkdir(parents=True, exist_ok=True)
        self.url = ""
        self.server: Running | None = None

    def install(self, collector: Collector) -> None:
        """Put the plugin in as a person would."""
        self.install_at(collector.url, collector.data)

    def install_at(self, url: str, data: Path) -> None:
        """The same, reporting to whoever listens there, with the token of that data directory."""
        env = {
            **self.env,
            "PYTHONPATH": TREE_AND_START,
            "PATH": f"{Path(self.binary).parent}{os.pathsep}{self.env['PATH']}",
        }
        command = [sys.executable, "-m", "collector", "opencode", "install", "--global", "--url", url]
        command += ["--data-dir", str(data)]
        subprocess.run(command, env=env, cwd=self.home, check=True, capture_output=True, text=True)

    def serve(self, cwd: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [self.binary, "serve", "--port", str(port), "--hostname", "127.0.0.1"]
        self.server = Running(command, cwd, self.env, self.home / f"serve-{port}.log")
        until(self._answers, 60, "opencode serve answers")

    def _answers(self) -> bool:
        try:
            return ask("GET", f"{self.url}/config", seconds=20) is not None
        except OSError:
            return False

    def api(self, method: str, path: str, folder: Path, body: Any = None) -> Any:
        return ask(method, f"{self.url}{path}{'&' if '?' in path else '?'}directory={folder}", body)

    def run(self, folder: Path, *arguments: str) -> Running:
        """`opencode run …` in the background."""
        number = len(list(self.home.glob("run-*.log")))
        return Running([self.binary, "run", *arguments], folder, self.env, self.home / f"run-{number}.log")

    def database(self) -> Path:
        return Path(self.env["XDG_DATA_HOME"]) / "opencode" / "opencode.db"

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
