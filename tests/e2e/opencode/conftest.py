"""One collector, one model and one `opencode serve` for all scenarios: starting the client takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.opencode.client import BINARIES, Collector
from e2e.opencode.fake_model import FakeModel
from e2e.opencode.scenarios import SCENARIOS
from e2e.opencode.stage import OLD, Stage, need


@pytest.fixture(scope="session")
def model() -> Iterator[FakeModel]:
    found = FakeModel()
    yield found
    found.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("opencode")


@pytest.fixture(scope="session")
def collector(folder: Path) -> Iterator[Collector]:
    need(*BINARIES.values())
    running = Collector(folder / "collector" / "data")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def stage(folder: Path, model: FakeModel, collector: Collector) -> Iterator[Stage]:
    """1.18.33, with every scenario played."""
    found = Stage("1.18.33", folder / "1.18.33", model, collector)
    try:
        found.play(*SCENARIOS)
        yield found
    finally:
        found.close()


@pytest.fixture(scope="session")
def old_stages(folder: Path, model: FakeModel, collector: Collector) -> Iterator[dict[str, Stage]]:
    """Old versions, each with the scenarios it is tried on."""
    found: dict[str, Stage] = {}
    try:
        for version, names in OLD.items():
            found[version] = Stage(version, folder / version, model, collector)
            found[version].play(*names)
            found[version].close()
        yield found
    finally:
        for stage in found.values():
            stage.close()
