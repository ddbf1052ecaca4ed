"""The real OpenCode client with its tracing plugin, as `tests/e2e/install_clients.sh` installed them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("TEST_CACHE", ROOT / ".cache")).absolute()
OPENCODE = CACHE / "opencode/node_modules/.bin/opencode"
PLUGIN = CACHE / "plugin/node_modules/@inference/trace-opencode/dist/index.js"
RIPGREP = CACHE / "ripgrep/node_modules/@vscode"


def require(*paths: Path) -> None:
    """Skip where a client is not installed, naming the command; in CI a missing one fails the run."""
    if all(path.exists() for path in paths):
        return
    if os.environ.get("CI"):
        pytest.fail("a client that CI must have is missing: run `make clients`")
    pytest.skip("run `make clients` to enable this test")


class Project:
    """A directory in which OpenCode works, with a model and the plugin configured."""

    def __init__(self, directory: Path, model_url: str, files: dict[str, str]) -> None:
        self.home = directory / "home"
        self.path = directory / "project"
        self.path.mkdir(parents=True)
        self.home.mkdir()
        for name, text in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text)
        (self.path / "opencode.json").write_text(json.dumps(_config(model_url)))
        git = ["git", "-c", "user.email=a@b.c", "-c", "user.name=t", "-c", "init.defaultBranch=main"]
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
            subprocess.run([*git, *arguments], cwd=self.path, check=True)

    def run(self, prompt: str, **extra: str) -> None:
        """`opencode run` from start to end; fails unless it exits well."""
        result = subprocess.run(
            [OPENCODE, "run", prompt],
            cwd=self.path,
            env=self._environment(**extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
        )
        assert result.returncode == 0, result.stderr[-2000:]

    def _environment(self, **extra: str) -> dict[str, str]:
        home = str(self.home)
        ripgrep = next(RIPGREP.glob("ripgrep-*/bin"))
        return {
            "PATH": f"{ripgrep}:{os.environ['PATH']}",
            "HOME": home,
            "XDG_CONFIG_HOME": f"{home}/.config",
            "XDG_DATA_HOME": f"{home}/.local/share",
            "XDG_CACHE_HOME": f"{home}/.cache",
            "XDG_STATE_HOME": f"{home}/.local/state",
            "SHELL": "/bin/sh",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_SHARE": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
            **extra,
        }


def _config(model_url: str) -> dict[str, Any]:
    allow = dict.fromkeys(("*", "edit", "bash", "webfetch", "external_directory", "doom_loop"), "allow")
    model = {
        "name": "Fake Model",
        "tool_call": True,
        "cost": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75},
        "limit": {"context": 200_000, "output": 8192},
    }
    return {
        "autoupdate": False,
        "share": "disabled",
        "model": "fake/fake-model",
        "small_model": "fake/fake-model",
        "enabled_providers": ["fake"],
        "permission": allow,
        "provider": {
            "fake": {
                "npm": "@ai-sdk/openai-compatible",
                "name": "Fake",
                "options": {"baseURL": model_url, "apiKey": "none"},
                "models": {"fake-model": model},
            }
        },
        "plugin": [PLUGIN.as_uri()],
    }
