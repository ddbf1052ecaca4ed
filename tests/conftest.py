"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from harness.compiled import keep_compiled_triggers
from harness.receiving import ReceiverHarness
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", deadline=None, print_blob=False, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("fuzz", settings.get_profile("default"), max_examples=1500)
settings.register_profile("quick", settings.get_profile("default"), max_examples=20)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
keep_compiled_triggers()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share what is made once for their module run in one worker: each would make it for itself."""
    for item in items:
        info = getattr(item, "_fixtureinfo", None)
        shared = any(made[-1].scope == "module" for made in info.name2fixturedefs.values()) if info else False
        if shared and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A path for each test, by number: a `tmp_path` for every test looks through those of all before it."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """No test sees the settings of whoever runs it, or writes where they keep theirs."""
    if "tmp_path" in request.fixturenames:
        home = request.getfixturevalue("tmp_path")
    else:
        home = next(request.getfixturevalue("_homes"))
        home.mkdir()
    for name in list(os.environ):
        if name.startswith(("COLLECTOR_", "CATALYST_", "INFERENCE_", "TRACE_TO_", "OTEL_", "OPENINFERENCE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data-home"))


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverHarness]:
    """An OTLP receiver that keeps everything local."""
    made = ReceiverHarness(tmp_path)
    yield made
    made.close()
