"""Every test here starts processes: none is among the quick ones."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)  # before tests are grouped by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith("tests/faults/"):
            item.add_marker(pytest.mark.slow)
