"""What a plugin's author tests: the real OpenCode with the plugin in it, a scripted model, and the turn's spans.

    npm install --global opencode-ai
    pip install opencode-collector pytest
    pytest

The fixture `collector` comes with the package: a collector of the test's own, on a free port, forwarding nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from model import scripted_model

from collector.testing.running import RunningCollector

PLUGIN = Path(__file__).with_name("no-env.js").as_uri()
SECRET = "blue-elephant-7"


def run_opencode(collector: RunningCollector, home: Path, project: Path, model_url: str, prompt: str) -> None:
    """One `opencode run` in a home of its own, with our plugin, and the collector's, which tells its turns."""
    assert shutil.which("opencode"), "no OpenCode on the PATH: npm install --global opencode-ai"
    scripted = {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": model_url, "apiKey": "none"}}
    config = {
        "model": "test/scripted",
        "small_model": "test/scripted",
        "provider": {"test": {**scripted, "models": {"scripted": {"tool_call": True}}}},
        "plugin": [PLUGIN],
    }
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OPENCODE", "XDG_"))}
    env |= {"HOME": str(home), "USERPROFILE": str(home), **collector.opencode_env(config)}
    for what in ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"):
        env[f"OPENCODE_DISABLE_{what}"] = "1"
    command = ["opencode", "run", prompt]
    subprocess.run(command, env=env, cwd=project, check=True, timeout=120, stdin=subprocess.DEVNULL)


def test_the_agent_is_kept_from_credentials_and_goes_on(collector: RunningCollector, tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (project / ".env").write_text(f"PASSPHRASE={SECRET}\n")
    (project / "README.md").write_text("What this is.\n")
    steps = (
        ("read", {"filePath": str(project / ".env")}),
        ("read", {"filePath": str(project / "README.md")}),
        "I was not allowed to read .env; README.md says what this is.",
    )
    with scripted_model(steps) as url:
        run_opencode(collector, home, project, url, "Read .env and README.md")
    collector.wait_for(lambda spans: any(span.kind == "AGENT" for span in spans), seconds=30)

    refused = collector.span(kind="TOOL", failed=True)
    assert "no-env: read of .env is forbidden" in refused.error
    read = collector.span(kind="TOOL", failed=False)
    assert "What this is." in read["output.value"]
    turn = collector.span(kind="AGENT")
    assert not turn.failed
    assert "I was not allowed to read .env" in turn["output.value"]
    assert refused.trace == read.trace == turn.trace
    collector.assert_no_text(SECRET)
