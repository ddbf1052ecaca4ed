"""A collector with recorded sessions, and a real browser that looks at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.browser import Browser, tell
from harness.process import Process
from harness.upstream import wait_for

ROOT = Path(__file__).parents[2]
AXE = Path(os.environ.get("TEST_CACHE", ROOT / ".cache")) / "axe/node_modules/axe-core/axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.hookimpl(tryfirst=True)  # before tests are grouped by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith("tests/browser/"):
            item.add_marker(pytest.mark.real)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that is closed with its module: the loop Playwright keeps running would refuse any other's."""
    if CHROMIUM is None or not AXE.is_file():
        needed = "Chromium and axe-core are needed: apt-get install chromium && make clients"
        if os.environ.get("CI"):
            pytest.fail(needed)
        pytest.skip(needed)
    with Browser.started(CHROMIUM, AXE) as started:
        yield started


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    yield process
    process.stop()


TOLD = ("multi", "multiturn", "permission", "subagent", "compaction", "bash")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A collector that was told every recording of `TOLD`, for tests that only look: none of its turns is open."""
    process = Process(tmp_path_factory.mktemp("told"))
    try:
        for scenario in TOLD:
            tell(process, scenario)
        wait_for(lambda: len(process.get("/api/traces")) >= 11, 120)
        yield process
    finally:
        process.stop()
