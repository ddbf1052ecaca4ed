"""What the documentation shows is true: its tables are the code's, its commands run, its policies and settings load."""

from __future__ import annotations

import gzip
import json
import os
import re
import runpy
import shlex
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.process import environment, running
from harness.telemetry import traces

from collector.enforce.files import document_layers
from collector.otlp.write import to_json
from collector.policy.schema import MachineDocument, read_document
from collector.redact.ruleset import combined
from collector.settings.sources import load

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.M | re.S)
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")

NOT_RUN = {
    "make": "sets up the machine or runs the tests, these among them",
    "git": "needs the network",
    "docker": "needs a container engine",
    "collector serve": "runs until it is stopped; every test of a running collector starts it",
    "collector tail": "runs until it is stopped; tests/unit/test_cli.py follows it",
}
"""Commands that are not run here, by how they begin, and why."""


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[0][:40]}"


def _blocks() -> list[Block]:
    return [
        Block(page.name, language, text) for page in PAGES for language, text in _FENCE.findall(page.read_text("utf-8"))
    ]


def _commands() -> Iterator[tuple[str, str]]:
    """Each line of each shell block, without its comment."""
    for block in _blocks():
        if block.language not in ("sh", ""):
            continue
        for line in block.text.splitlines():
            command = re.sub(r"(^|\s)#.*", "", line).strip().replace(".venv/bin/collector", "collector")
            if command and (block.language == "sh" or command.startswith(("collector ", "echo "))):
                yield block.page, command


def _bare(command: str) -> str:
    """The command without the variables set for it."""
    return re.sub(r"^([A-Z_]+=\S* )+", "", command)


@pytest.mark.parametrize(
    "block", [b for b in _blocks() if b.language == "toml" and not b.text.startswith("[mcp_servers")], ids=str
)
def test_every_policy_and_settings_file_loads(block: Block, tmp_path: Path) -> None:
    if block.page == "policy-administrator.md":
        combined(document_layers(read_document(MachineDocument, block.text.encode(), block.page), block.page))
        return
    file = tmp_path / "collector.toml"
    file.write_text(block.text)
    loaded = load(config=file)
    assert set(tomllib.loads(block.text)) <= set(loaded.origins)


@pytest.mark.parametrize("block", [b for b in _blocks() if b.language == "json"], ids=str)
def test_every_json_document_parses(block: Block) -> None:
    json.loads(block.text)


def test_tables_are_written_from_the_code() -> None:
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    for name in generate["TABLES"]:
        assert (ROOT / "docs" / name).read_text("utf-8") == generate["page"](name), "run `make docs`"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "SECURITY.md", ROOT / "examples" / "README.md"], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_reason_not_to_run_a_command_is_needed() -> None:
    shown = [_bare(command) for _, command in _commands()]
    for start in NOT_RUN:
        assert any(command.startswith(start) for command in shown), start


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory as the pages assume it: files of the names they use, and a running collector."""
    folder = tmp_path_factory.mktemp("docs")
    binary = folder / "bin" / "collector"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m collector "$@"\n')
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    document = to_json(traces())
    for name in ("export.json", "FILE"):
        (folder / name).write_bytes(document)
    exported = ROOT / "proto_fixtures" / "opencode" / "captures" / "multi_native" / "export.json.gz"
    (folder / "session.json").write_bytes(gzip.decompress(exported.read_bytes()))
    (folder / ".local" / "share" / "opencode" / "storage" / "session" / "p").mkdir(parents=True)
    session = {"id": "ses_1", "title": "t", "directory": "/p", "version": "1.1.0", "time": {"created": 1, "updated": 2}}
    (folder / ".local" / "share" / "opencode" / "storage" / "session" / "p" / "ses_1.json").write_text(
        json.dumps(session)
    )
    (folder / "file").write_text("some text")
    policy = next(b.text for b in _blocks() if b.page == "policy-administrator.md" and "[[rule]]" in b.text)
    key = folder / "hmac.key"
    key.write_text("k" * 32)
    key.chmod(0o600)
    (folder / "policy.toml").write_text(policy.replace("/etc/opencode-collector/hmac.key", str(key)))
    (folder / "agents.toml").write_text('schema = 1\nname = "acme"\nrevision = 1\n')
    (folder / "samples").mkdir()
    (folder / "samples" / "some.txt").write_text("some text")
    with running(folder) as collector:
        collector.post("/v1/traces", traces().SerializeToString())
        yield folder


COMMANDS = list(dict.fromkeys(_bare(command) for _, command in _commands()))


@pytest.mark.slow
@pytest.mark.xdist_group("docs")  # a page's commands build on each other: the key that signs is made before
@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.startswith(tuple(NOT_RUN))])
def test_every_command_runs(place: Path, command: str) -> None:
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["sh", "-c", command],
        env=environment(place, PATH=path),
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr.decode()[-2000:]
