"""Others read what we give: HALO our export, a real MCP client our tools, over HTTP and over standard input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.browser import read_token, tell
from harness.process import Process, environment, run

pytestmark = [pytest.mark.real, pytest.mark.slow]

PEERS = Path(__file__).parent / "peers"
PYTHON = Path(os.environ.get("TEST_CACHE", Path(__file__).parents[2] / ".cache")).absolute() / "peers/python/bin/python"


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Process]:
    if not PYTHON.exists():
        needed = "run tests/e2e/install_peers.sh once for these tests"
        if os.environ.get("CI") == "true":
            pytest.fail(needed)
        pytest.skip(needed)
    process = Process(tmp_path)
    tell(process, "multi")
    tell(process, "subagent")
    process.stop()
    process = Process(tmp_path)
    yield process
    process.stop()


def ask(collector: Process, script: str, *arguments: str) -> Any:
    done = subprocess.run(
        [PYTHON, PEERS / script, *arguments],
        env=environment(collector.directory, PYTHONPATH=""),
        cwd=collector.directory,
        capture_output=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_halo_reads_every_span_of_an_export(collector: Process) -> None:
    path = collector.directory / "spans.jsonl"
    assert run(collector.directory, "export", "--format", "halo-jsonl", str(path)).returncode == 0
    kinds = ask(collector, "halo_reader.py", str(path))
    listed = [span["kind"] for span in json.loads(run(collector.directory, "spans", "--json").stdout)]
    assert kinds == {kind: listed.count(kind) for kind in set(listed)}
    assert kinds["AGENT"] == 3


@pytest.mark.parametrize("way", ["http", "stdio"])
def test_a_real_mcp_client_reads_a_turn(collector: Process, way: str) -> None:
    if way == "http":
        found = ask(collector, "mcp_client.py", "http", f"{collector.url}/mcp", read_token(collector))
    else:
        found = ask(collector, "mcp_client.py", "stdio", sys.executable, "-m", "collector", "mcp")
    assert found["server"] == "opencode-collector"
    assert {"sessions", "turn", "spans", "errors", "cost", "masked", "search", "wait_for_turn"} <= set(found["tools"])
    assert found["session"]["turns"] == 1
    assert found["turn"].startswith("## Turn 1\n")
    assert found["wrong"] == [True, "session: none of this id is kept; `sessions` lists them"]
