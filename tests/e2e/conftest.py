"""Every test here starts processes: none is among the quick ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


@pytest.hookimpl(tryfirst=True)  # before tests are grouped by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith("tests/e2e/"):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The package as a wheel installs it: what is not packed is missed."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built, installed = tmp_path / "dist", tmp_path / "installed"
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(built), str(_ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    [found] = built.glob("*.whl")
    install = [*pip, "install", "--no-deps", "--no-compile", "--target", str(installed), str(found)]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    return installed
