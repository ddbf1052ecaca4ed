"""`collector run -- opencode`, from the wheel: the turn is kept, and OpenCode's configuration is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.opencode.client import BINARIES, cache, configuration, environment, project
from e2e.opencode.fake_model import FakeModel
from e2e.opencode.stage import need

from collector.store.open import open_reading
from collector.viewer.shown.spans import read_spans

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def model() -> Iterator[FakeModel]:
    found = FakeModel()
    yield found
    found.close()


def test_a_run_of_opencode_is_kept_and_its_configuration_left_alone(
    tmp_path: Path, model: FakeModel, wheel: Path
) -> None:
    need(BINARIES["1.18.33"])
    folder = project(tmp_path / "project", configuration(model.url), {"hello.txt": "hello\n"})
    home = tmp_path / "home"
    home.mkdir()
    binary = (cache() / BINARIES["1.18.33"]).resolve()
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "opencode").symlink_to(binary)
    env = environment(
        home, {"COLLECTOR_DATA_DIR": str(tmp_path / "data"), "COLLECTOR_PORT": "0", "PYTHONPATH": str(wheel)}
    )
    env["PATH"] = f"{tools}{os.pathsep}{env['PATH']}"
    before = sorted(str(path) for path in folder.rglob("*") if ".git" not in path.parts)
    result = subprocess.run(
        [sys.executable, "-m", "collector", "run", "--", "opencode", "run", "Please do the thing [[text]]"],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert b"opencode sends to http://127.0.0.1:" in result.stderr
    assert b"later with `collector serve` and `collector open`" in result.stderr  # it ended with the run
    reader = open_reading(tmp_path / "data")
    [session] = reader.sessions()
    kinds = sorted(span.kind for span in read_spans(reader.requests(session_id=session.session_id)))
    reader.close()
    assert kinds.count("AGENT") == 1
    assert "LLM" in kinds
    assert sorted(str(path) for path in folder.rglob("*") if ".git" not in path.parts) == before
    assert not list(home.rglob("collector-opencode*"))
    where = [sys.executable, "-c", "import collector; print(collector.__file__)"]
    assert subprocess.check_output(where, env=env, cwd=folder, text=True).startswith(str(wheel))
    shared = tmp_path / "shared.html"
    export = [sys.executable, "-m", "collector", "export", "--format", "html", "--session", session.session_id]
    subprocess.run([*export, str(shared)], check=True, env=env, cwd=folder, timeout=60)
    assert "<style>" in shared.read_text()
