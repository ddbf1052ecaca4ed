"""`collector run -- COMMAND`: one run of an agent, wired by its environment, with a collector beside it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from collector.app.data_dir import INSTALL_TOKEN, INSTANCE_KEY, found_secret, is_in_use
from collector.cli.client import Client, is_listened_at, is_taken_by_another, urls_of
from collector.cli.options import DataDirOption
from collector.cli.runs import Runs
from collector.cli.show import say
from collector.errors import CollectorError, ConfigError
from collector.opencode.connection import Credentials, ask
from collector.opencode.install import PluginSettings
from collector.opencode.one_run import CONTENT, with_plugin
from collector.settings.model import Settings
from collector.settings.sources import load
from collector.settings.tls import client_tls
from collector.settings.wiring import wiring_of

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def register(app: typer.Typer) -> None:
    app.command(context_settings={"ignore_unknown_options": True})(run)


def run(
    command: Annotated[list[str], typer.Argument(help="The agent and its arguments, behind --.")],
    data_dir: DataDirOption = None,
) -> None:
    """Run an agent wired to a collector, started where none runs.

    Nothing of the agent's configuration is changed. The exit code is the agent's.
    """
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _end)
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


def _end(number: int, _: object) -> None:
    """End as after an error: a collector that was started ends too."""
    raise SystemExit(128 + number)


def wired(command: list[str], environ: Mapping[str, str], target: PluginSettings) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment of a command so that it sends to `target`."""
    url = target.url
    name = Path(command[0]).name.removesuffix(".exe").removesuffix(".cmd")
    wiring = wiring_of(name)
    added = {key: value.replace("{url}", url) for key, value in wiring.environment.items()}
    if target.token and "OTEL_EXPORTER_OTLP_ENDPOINT" in added:
        added["OTEL_EXPORTER_OTLP_HEADERS"] = f"x-collector-token={target.token}"
    if wiring.name == "opencode":
        added[CONTENT] = with_plugin(environ.get(CONTENT, ""), target)
    added |= _past_proxies(environ)
    arguments = [text.replace("{url}", url) for text in wiring.arguments]
    return [*arguments, *command[1:]], {**environ, **added}


def _past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Where proxies are set: NO_PROXY with this machine in it, which some clients would ask a proxy for otherwise."""
    if not any(environ.get(name) for proxy in _PROXIES for name in (proxy, proxy.lower())):
        return {}
    kept = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    if kept.strip() == "*" or "127.0.0.1" in kept:
        return {}
    without = ",".join(filter(None, (kept, "127.0.0.1,localhost")))
    return {"NO_PROXY": without, "no_proxy": without}


@contextmanager
def _running(settings: Settings) -> Iterator[tuple[str, bool]]:
    """Where the collector of these settings is, started where none runs; and whether it ends with the last run."""
    directory = settings.data_dir.expanduser()
    runs = Runs(directory)
    with runs.joined():
        with runs.alone():
            url = _found(settings)
            if url is None:
                url, pid = _started(settings, directory)
                runs.started(pid)
            ends = runs.has_started
        try:
            yield url, ends
        finally:
            with runs.alone():
                if not runs.are_others():
                    runs.stop_collector()


def _found(settings: Settings) -> str | None:
    """Where the collector of these settings runs, None where none does. Raises `CollectorError` where it refuses us."""
    directory = settings.data_dir.expanduser()
    try:
        url = str(Client(settings).get("/api/status")["url"])
    except CollectorError:
        if is_in_use(directory):
            raise
        return None
    token = settings.access_token.get_secret_value() if settings.access_token else None
    credentials = Credentials(token, found_secret(directory, INSTANCE_KEY))
    headers = {"content-type": "application/json"}
    tls = client_tls(settings)
    answer = ask(url, "POST", "/v1/traces", b"{}", headers=headers, credentials=credentials, seconds=10, tls=tls)
    if answer.status == 401:
        said = "asks agents for its access token: set COLLECTOR_ACCESS_TOKEN to what it was started with"
        raise CollectorError(f"the collector at {url} {said}")
    return url


def _started(settings: Settings, directory: Path) -> tuple[str, int]:
    """Start a collector; its address and process. It takes a free port where its own is taken."""
    environment = {**os.environ, "COLLECTOR_DATA_DIR": str(directory)}
    usual = urls_of(settings)[-1] if settings.port else ""
    taken = bool(usual) and is_listened_at(usual)
    if taken:
        environment["COLLECTOR_PORT"] = "0"
        whose = "program's" if is_taken_by_another(usual, client_tls(settings)) else "collector's, of other settings"
        say(f"collector: port {settings.port} is another {whose}: this run takes a free one", sys.stderr)
    log = directory.parent / f"{directory.name}.run.log"
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
    except BaseException:
        process.kill()
        process.wait()
        raise
    return line.removeprefix("listening on ").partition(" ")[0], process.pid


def _last_said(log: Path) -> str:
    """Why it did not start, in its own words."""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return lines[-1].removeprefix("collector: ") if lines else f"{log} says nothing"


def _run_to_its_end(command: list[str], environment: Mapping[str, str]) -> int:
    """Run in the foreground; an interrupt is the agent's alone, and what would end us ends it first."""
    agent = subprocess.Popen(command, env=dict(environment), preexec_fn=_own_interrupts if os.name == "posix" else None)

    def pass_on(number: int, _: object) -> None:
        agent.send_signal(number)

    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, pass_on)
    try:
        code = agent.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code


def _own_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _plugin_settings(settings: Settings, url: str) -> PluginSettings:
    token = settings.access_token.get_secret_value() if settings.access_token else None
    return PluginSettings(url, token, found_secret(settings.data_dir.expanduser(), INSTALL_TOKEN))
