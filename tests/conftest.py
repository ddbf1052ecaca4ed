"""Fixtures for every test."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import pytest
from harness.compiled import keep_compiled_triggers
from harness.receiving import ReceiverHarness
from hypothesis import HealthCheck, settings

from collector.redact.engine import scan

settings.register_profile(
    "default", deadline=None, print_blob=False, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("fuzz", settings.get_profile("default"), max_examples=1500)
settings.register_profile("quick", settings.get_profile("default"), max_examples=20)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
keep_compiled_triggers(scan)

_BEGIN_FIRST = (
    "test_judge",
    "test_npm_plugin",
    "test_docs",
    "test_loss",
    "test_leak_walk",
    "test_text_borders",
    "test_events_sealed_as_spans",
    "test_policy_only_tightens",
    "test_assembling",
    "test_catch_up",
    "test_parts",
)
"""The files with the longest groups, the longest first: one that began last would end after all others."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected is kept to the end: to look through it for garbage, now and at each test, finds nothing."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests by file, except slow ones that share nothing; what takes long begins before what is quick.

    Tests that share what is made once for their module would each make it for itself in another worker. The quick ones
    of a file are one group as pytest-xdist takes a time for each group that grows with the groups done, all in all a
    tenth of `make quick`.
    """
    slow_groups = set()
    groups = {}
    for item in items:
        marks = {mark.name: mark for mark in item.iter_markers()}
        slow = "slow" in marks or "real" in marks
        if "xdist_group" in marks:
            group = marks["xdist_group"].args[0]
        elif not slow or _shares(item):
            group = f"{item.path.parent.name}.{item.path.stem}"
            item.add_marker(pytest.mark.xdist_group(group))
        else:
            group = item.nodeid
        groups[item] = group
        if slow:
            slow_groups.add(group)
    begins = {stem: number for number, stem in enumerate(_BEGIN_FIRST)}
    items.sort(key=lambda item: (begins.get(item.path.stem, len(begins)), groups[item] not in slow_groups))


def _shares(item: pytest.Item) -> bool:
    """Whether it takes a fixture of its module."""
    info = getattr(item, "_fixtureinfo", None)
    return any(made[-1].scope == "module" for made in info.name2fixturedefs.values()) if info else False


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A path for each test, by number, and nothing there until it is written to.

    A `tmp_path` for every test looks through those of all before it.
    """
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """No test sees the settings of whoever runs it, or writes where they keep theirs."""
    if "tmp_path" in request.fixturenames:
        home = request.getfixturevalue("tmp_path")
    else:
        home = next(request.getfixturevalue("_homes"))
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
