"""A version of the client with everything around it, and the scenarios played on it."""

from __future__ import annotations

import os
import shutil
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from e2e.opencode.client import BINARIES, Collector, OpenCode, cache, configuration, project, until
from e2e.opencode.fake_model import Exchange, FakeModel
from e2e.opencode.scenarios import SCENARIOS, Play, Scenario

_AT_ONCE = 4

OLD = {
    "1.15.13": ("text", "multi", "subagent", "undo"),
    "1.2.27": ("text", "reasoning", "compaction", "abort"),
    "1.1.65": ("text", "multi", "subagent"),
}
"""Old versions of the client, and the scenarios they are tried on."""


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
    sessions: frozenset[str]


class Playing:
    """A version of the client that runs, and the scenarios played on it."""

    def __init__(self, folder: Path, model: FakeModel, client: OpenCode) -> None:
        self.folder = folder
        self.model = model
        self.client = client
        self.played: dict[str, Played] = {}
        self._lock = threading.Lock()

    def play(self, *names: str) -> None:
        """Run scenarios, several at once."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for name, played in zip(names, pool.map(self._play, names), strict=True):
                self.played[name] = played

    def _play(self, name: str) -> Played:
        scenario = SCENARIOS[name]
        folder = self._open(scenario, self._project(scenario, name))
        play = Play(self.client, folder, self.model)
        error, sessions = "", frozenset[str]()
        try:
            play.begin()
            scenario.act(play)
            sessions = play.sessions()
        except Exception:
            error = traceback.format_exc()
        return Played(play.session, folder, error, sessions)

    def _project(self, scenario: Scenario, name: str) -> str:
        """Old clients do not say of which session a request is: there, each scenario has a project of its own."""
        return name if self.client.version in ("1.2.27", "1.1.65") else scenario.project(name)

    def _open(self, scenario: Scenario, name: str) -> Path:
        """The project, which the first scenario in it makes."""
        folder, place = self.folder / "projects" / name, f"{name}@{self.client.version}"
        with self._lock:
            self.model.scripts.setdefault(place, {}).update(scenario.script(folder))
            if not folder.exists():
                config = configuration(self.model.url_of(place), **scenario.config)
                project(folder, config, scenario.files)
        return folder

    def exchanges(self, name: str) -> list[Exchange]:
        """What the model was sent in a scenario, and answered."""
        sessions = self.played[name].sessions
        found = self.model.of(f"{self._project(SCENARIOS[name], name)}@{self.client.version}")
        return [exchange for exchange in found if exchange.session in ("", *sessions)]

    def close(self) -> None:
        self.client.stop()


def settled(collector: Collector, session: str = "", but: tuple[str, ...] = ()) -> None:
    """Wait until no turn (of the session) is open and nothing more of it comes.

    A prompt that asks for no answer opens no turn that could end.
    """
    seen = [-1]

    def over() -> bool:
        turns = collector.get("/api/status")["opencode"]["open_turns"]
        turns = [turn for turn in turns if turn["session_id"] not in but]
        seen.append(len(collector.spans(session)))
        time.sleep(0.4)
        return not any(session in ("", turn["session_id"]) for turn in turns) and 0 < seen[-1] == seen[-2]

    until(over, 120, f"the turns of {session or 'all sessions'} end")


class Stage(Playing):
    """The same, with a collector that it reports to."""

    def __init__(self, version: str, folder: Path, model: FakeModel, collector: Collector) -> None:
        need(BINARIES[version])
        super().__init__(folder, model, OpenCode(version, folder / "home"))
        self.collector = collector
        self.client.install(collector)
        self.client.serve(folder)

    def play(self, *names: str) -> None:
        """Run scenarios, several at once, and wait until the collector has told all of their turns."""
        super().play(*names)
        mine = {session for name in names if name != "no_reply_only" for session in self.played[name].sessions}
        seen = [-1]

        def over() -> bool:
            turns = self.collector.get("/api/status")["opencode"]["open_turns"]
            seen.append(sum(len(self.collector.spans(session)) for session in mine))
            time.sleep(1)
            return not any(turn["session_id"] in mine for turn in turns) and seen[-1] == seen[-2]

        until(over, 120, "the turns that were played end")
