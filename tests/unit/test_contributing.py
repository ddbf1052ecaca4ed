"""The recipes of CONTRIBUTING.md, followed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness.process import environment

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^## To add (.+?)\n(.*?)(?=^## )", TEXT, re.M | re.S))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_each_recipe_is_five_steps(name: str) -> None:
    steps = re.findall(r"^(\d)\. (.+)$", RECIPES[name], re.M)
    assert [number for number, _ in steps] == ["1", "2", "3", "4", "5"]


def test_every_path_that_is_named_exists() -> None:
    paths = re.findall(r"`((?:collector|tests|docs|proto_fixtures)/[\w./]*|[A-Z]+\.md)`", TEXT)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_module_and_room_that_the_architecture_names_exists() -> None:
    """A path in full below `collector/`, a name alone anywhere there."""
    text = (ROOT / "collector" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:\w+/)*\w+\.py|(?:\w+/)+)`", text)
    assert len(named) > 40
    assert [name for name in named if not next((ROOT / "collector").glob(f"**/{name.rstrip('/')}"), None)] == []


def test_the_recipes_are_for_what_people_add_most() -> None:
    assert set(RECIPES) == {"a setting", "a redaction rule", "a convention", "an event of OpenCode"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what a contributor changes."""
    for name in ("collector", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def _python(tree: Path, *arguments: str, **extra: str) -> str:
    extra["PYTHONPATH"] = str(tree)
    found = subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment(tree, **extra), capture_output=True, timeout=60
    )
    assert found.returncode == 0, found.stderr.decode()
    return found.stdout.decode()


@pytest.mark.slow
def test_a_setting_added_as_told_is_read_shown_and_documented(tree: Path) -> None:
    [code] = re.findall(r"```python\n# collector/settings/model\.py[^\n]*\n(.*?)```", RECIPES["a setting"], re.S)
    file = tree / "collector" / "settings" / "model.py"
    before = "\n    @classmethod\n    def settings_customise_sources"
    assert file.read_text().count(before) == 1
    file.write_text(file.read_text().replace(before, code + before))
    shown = json.loads(_python(tree, "-m", "collector", "config", "--json", COLLECTOR_GREETING="hello"))
    assert shown["settings"]["greeting"]["value"] == "hello"
    _python(tree, "docs/generate.py")
    assert "| COLLECTOR_GREETING |" in (tree / "docs" / "settings.md").read_text()


@pytest.mark.slow
def test_a_rule_added_as_told_masks_and_changes_no_released_version(tree: Path) -> None:
    [code] = re.findall(r"```python\n# collector/redact/rules/vendors/work\.py[^\n]*\n(.*?)```", TEXT, re.S)
    file = tree / "collector" / "redact" / "rules" / "vendors" / "work.py"
    before = ")  # fmt: skip"
    assert file.read_text().count(before) == 1
    file.write_text(file.read_text().replace(before, code + before))
    ask = """
from collector.redact.engine.engine import Engine
from collector.redact.engine.rule import expand
from collector.redact.rules import LATEST
print(LATEST["secrets@latest"], *[found.rule for found in Engine().find(expand("acme_{alnum24}").encode())])
"""
    version, *found = _python(tree, "-c", ask).split()
    released = json.loads((ROOT / "proto_fixtures" / "redaction" / "packs.json").read_text())
    assert version not in released, "`since` of the example is to be one more than the newest that is recorded"
    assert found == ["acme-token"]
