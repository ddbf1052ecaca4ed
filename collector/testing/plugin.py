"""The pytest plugin: the fixture `collector`, and the tree of what it kept under a test that failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from collector.testing.running import RunningCollector

_KEPT = pytest.StashKey[RunningCollector]()


@pytest.fixture
def collector(request: pytest.FixtureRequest) -> Iterator[RunningCollector]:
    """A collector of this test's own: `.endpoint`, `.env`, `.wait_for(...)`, `.spans(...)`, `.assert_no_text(...)`.

    Settings may be given with the mark `collector`: `@pytest.mark.collector(content="metadata")`.
    """
    mark = request.node.get_closest_marker("collector")
    if mark and mark.args:
        raise TypeError(f"the mark `collector` takes settings by name, not {', '.join(map(repr, mark.args))}")
    with RunningCollector(**(mark.kwargs if mark else {})) as running:
        request.node.stash[_KEPT] = running
        yield running


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "collector(**settings): settings of the fixture `collector`")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    running = item.stash.get(_KEPT, None)
    if running is not None and call.when == "call" and report.failed:
        report.sections.append(("spans the collector kept", running.tree()))
    return report
