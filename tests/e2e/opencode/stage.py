"""A version of the client with everything around it, and the scenarios played on it."""

from __future__ import annotations

import os
import shutil
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from e2e.opencode.client import BINARIES, Collector, OpenCode, cache, configuration, project
from e2e.opencode.fake_model import FakeModel
from e2e.opencode.scenarios import SCENARIOS, Play

_AT_ONCE = 4


def need(*files: str) -> None:
    """Skip without the clients, saying how to get them; in CI they must be there."""
    missing = [name for name in files if not (cache() / name).exists()]
    if shutil.which("git") is None:
        missing.append("git")
    if not missing:
        return
    if os.environ.get("CI") == "true":
        raise AssertionError(f"missing in {cache()}: {', '.join(missing)}")
    pytest.skip("run tests/e2e/opencode/install_clients.sh once for these tests")


@dataclass(frozen=True)
class Played:
    """A scenario after it ran: its session, or what went wrong."""

    session: str
    folder: Path
    error: str


class Stage:
    """A version of the client with everything around it."""

    def __init__(self, version: str, folder: Path, model: FakeModel, collector: Collector) -> None:
        need(BINARIES[version])
        self.folder = folder
        self.model = model
        self.collector = collector
        self.client = OpenCode(version, folder / "home")
        self.client.install(collector)
        self.client.serve(folder)
        self.played: dict[str, Played] = {}

    def play(self, *names: str) -> None:
        """Run scenarios, several at once, and wait until the collector has all their turns."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for name, played in zip(names, pool.map(self._play, names), strict=True):
                self.played[name] = played

    def _play(self, name: str) -> Played:
        scenario = SCENARIOS[name]
        folder = self.folder / "projects" / name
        self.model.script.update(scenario.script(folder))
        play = Play(self.client, project(folder, configuration(self.model.url, **scenario.config), scenario.files))
        try:
            play.begin()
            scenario.act(play)
        except Exception:
            return Played(play.session, folder, traceback.format_exc())
        return Played(play.session, folder, "")

    def close(self) -> None:
        self.client.stop()
