"""A command imports what it runs: most are called again and again by people and scripts that wait for them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness.process import environment, running

from collector.cli import COMMANDS

pytestmark = pytest.mark.slow  # each starts processes

STAGES = {f"collector.{room}" for room in ("assemble", "otlp", "pipeline", "receive", "redact", "reshape", "forward")}
HEAVY = {
    "aiohttp", "collector.store.sqlite", "cryptography", "fastapi", "google.protobuf", "httpx", "hyperscan",
    "isal", "opentelemetry", "rich", "sqlite3", "uvicorn",
}  # fmt: skip


def _imported(directory: Path, code: str) -> set[str]:
    """The modules that `code` has imported once it ends, whatever it prints meanwhile."""
    tell = (
        "import sys, json, atexit; atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr)); "
    )
    found = subprocess.run(
        [sys.executable, "-c", tell + code], capture_output=True, env=environment(directory), cwd=directory, timeout=60
    )
    return set(json.loads(found.stderr.splitlines()[-1]))


def test_status_of_a_running_collector_imports_no_stage_no_framework_and_no_protobuf(tmp_path: Path) -> None:
    with running(tmp_path):
        code = "sys.argv = ['collector', 'status', '--json']; from collector.cli import main; main()"
        found = _imported(tmp_path, code)
    assert "collector.cli.status" in found
    assert found & (STAGES | HEAVY) == set()
    assert {name for name in found if name.startswith("collector.cli.")} == {
        f"collector.cli.{name}" for name in ("client", "options", "show", "status")
    }


def test_reading_settings_imports_no_stage(tmp_path: Path) -> None:
    found = _imported(tmp_path, "from collector.settings.forwarding import forwarding_settings")
    rooms = {name.split(".")[1] for name in found if name.startswith("collector.")}
    assert rooms == {"settings", "enums", "errors"}
    assert found & (STAGES | HEAVY) == set()


def test_a_collector_imports_what_few_need_when_it_is_asked_for(tmp_path: Path) -> None:
    """grpcio takes 12 MB and a few wakeups a second, the viewer 13 MB and a fifth of the start, cryptography 7 MB."""
    found = _imported(tmp_path, "import collector.app.collector")
    assert "collector.receive.otlp" in found
    few = {"grpc", "collector.receive.otlp_grpc", "fastapi", "jinja2", "markdown_it", "pygments", "cryptography"}
    assert found & few == set()


def test_a_forwarding_collector_imports_no_command_line_of_its_client(tmp_path: Path) -> None:
    code = (
        "import asyncio\nfrom collector.app.destinations import new_destination\n"
        "from collector.forward.client import open_client\n"
        "from collector.settings.forwarding import forwarding_settings\nfrom collector.settings.sources import load\n"
        "loaded = load({'upstream_endpoint': 'http://127.0.0.1:9'})\n"
        "[wanted] = forwarding_settings(loaded.settings, loaded.origins, 1).destinations\n"
        "async def main():\n    async with open_client(new_destination(wanted, None)): pass\nasyncio.run(main())"
    )
    found = _imported(tmp_path, code)
    assert {"httpx", "aiohttp"} <= found
    assert found & {"rich", "pygments", "httpx._main"} == set()


@pytest.mark.parametrize("module", sorted(set(COMMANDS.values())))
def test_each_module_of_commands_registers_what_the_table_says_of_it(module: str) -> None:
    import importlib

    import typer

    registered = typer.Typer()
    importlib.import_module(f"collector.cli.{module}").register(registered)
    names = {group.name for group in registered.registered_groups}
    for command in registered.registered_commands:
        assert command.callback is not None
        names.add(command.name or command.callback.__name__)
    assert names == {name for name, home in COMMANDS.items() if home == module}
