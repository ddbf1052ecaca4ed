"""docs/faults.md names a test for every fault, and the test is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")


def test_every_test_that_the_table_of_faults_names_is_there() -> None:
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.M)
    }
    named = set(re.findall(r"`(test_\w+)`", TABLE))
    assert named
    assert not named - there


def test_every_row_of_the_table_of_faults_names_a_test() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("|") and not line.startswith(("| fault", "|---"))]
    assert rows
    assert all(re.search(r"`test_\w+`", row) for row in rows)
