"""`collector run -- COMMAND`: one run of an agent, wired by its environment, with a collector beside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from collector.app.data_dir import INSTALL_TOKEN, found_secret
from collector.cli.client import Client, NotRunning
from collector.cli.options import DataDirOption
from collector.errors import CollectorError, ConfigError
from collector.opencode.install import PluginSettings
from collector.settings.model import Settings
from collector.settings.sources import load
from collector.settings.wiring import wiring_of

_STOP_SECONDS = 12


def register(app: typer.Typer) -> None:
    app.command(context_settings={"ignore_unknown_options": True})(run)


def run(
    command: Annotated[list[str], typer.Argument(help="The agent and its arguments, behind --.")],
    data_dir: DataDirOption = None,
) -> None:
    """Run an agent wired to a collector, started where none runs.

    Nothing of the agent's configuration is changed. The exit code is the agent's.
    """
    settings = load({"data_dir": data_dir}).settings
    program = shutil.which(command[0])
    if program is None:
        raise ConfigError(f"{command[0]}: no such program")
    with _running(settings) as (url, ends_with_it):
        later = ", later with `collector serve` and `collector open`" if ends_with_it else ""
        name = Path(command[0]).name
        print(f"collector: {name} sends to {url}; look at it with `collector open`{later}", file=sys.stderr)
        arguments, environment = wired(command, os.environ, _plugin_settings(settings, url))
        code = _run_to_its_end([program, *arguments], environment)
    raise typer.Exit(code)


def wired(command: list[str], environ: Mapping[str, str], target: PluginSettings) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment of a command so that it sends to `target`."""
    url = target.url
    name = Path(command[0]).name.removesuffix(".exe").removesuffix(".cmd")
    wiring = wiring_of(name)
    added = {key: value.replace("{url}", url) for key, value in wiring.environment.items()}
    if target.token and "OTEL_EXPORTER_OTLP_ENDPOINT" in added:
        added["OTEL_EXPORTER_OTLP_HEADERS"] = f"x-collector-token={target.token}"
    if wiring.name == "opencode":
        added["OPENCODE_CONFIG_CONTENT"] = _with_plugin(environ.get("OPENCODE_CONFIG_CONTENT", ""), target)
    arguments = [text.replace("{url}", url) for text in wiring.arguments]
    return [*arguments, *command[1:]], {**environ, **added}


def _with_plugin(content: str, target: PluginSettings) -> str:
    """OpenCode's configuration from the environment, with our plugin and where it sends."""
    try:
        found: Any = json.loads(content) if content.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("plugin", []), list):
        raise ConfigError("OPENCODE_CONFIG_CONTENT: expected a JSON object, its `plugin` a list")
    plugin = Path(str(files("collector.opencode") / "plugin" / "collector-opencode.js")).absolute().as_uri()
    options = json.loads(target.text(private=True))
    return json.dumps({**found, "plugin": [*found.get("plugin", []), [plugin, options]]})


@contextmanager
def _running(settings: Settings) -> Iterator[tuple[str, bool]]:
    """The address of the running collector, or of one that runs as long as this context; and whether it is that one."""
    try:
        yield str(Client(settings).get("/api/status")["url"]), False
        return
    except NotRunning:
        pass
    directory = settings.data_dir.expanduser()
    environment = {**os.environ, "COLLECTOR_DATA_DIR": str(directory)}
    log = directory.parent / f"{directory.name}.run.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "collector", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode().strip()
        if not line.startswith("listening on "):
            raise CollectorError(f"the collector could not be started: {_last_said(log)}")
        yield line.removeprefix("listening on ").partition(" ")[0], True
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_said(log: Path) -> str:
    """Why it did not start, in its own words."""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return lines[-1].removeprefix("collector: ") if lines else f"{log} says nothing"


def _run_to_its_end(command: list[str], environment: Mapping[str, str]) -> int:
    """Run in the foreground; an interrupt is the agent's, not ours."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.call(
            command, env=dict(environment), preexec_fn=_own_interrupts if os.name == "posix" else None
        )
    finally:
        signal.signal(signal.SIGINT, before)


def _own_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _plugin_settings(settings: Settings, url: str) -> PluginSettings:
    token = settings.access_token.get_secret_value() if settings.access_token else None
    return PluginSettings(url, token, found_secret(settings.data_dir.expanduser(), INSTALL_TOKEN))
