"""What docs/opencode.md says of the scenarios the real clients are tried on; and that every recorded case is a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from e2e.opencode.scenarios import SCENARIOS
from e2e.opencode.stage import OLD

ROOT = Path(__file__).parents[3]
CASES = ROOT / "proto_fixtures" / "opencode"


def test_the_docs_say_how_many_kinds_of_turns_are_tried() -> None:
    text = (ROOT / "docs" / "opencode.md").read_text(encoding="utf-8")
    assert re.findall(r"1\.18\.33: (\d+) kinds of turns", text) == [str(len(SCENARIOS))]
    row = next(line for line in text.splitlines() if "the commonest kinds of turns" in line)
    assert set(re.findall(r"\d+\.\d+\.\d+", row.split("|")[-2])) == set(OLD)


@pytest.mark.parametrize(
    ("folder", "test"),
    [("cases", "assemble/test_cases.py"), ("v2", "assemble/test_opencode_2.py")],
)
def test_every_recorded_case_is_a_test(folder: str, test: str) -> None:
    """By its name, or as one of all that end alike."""
    code = (ROOT / "tests" / "unit" / test).read_text(encoding="utf-8")
    endings = set(re.findall(r'glob\("\*(\.[a-z]+\.[a-z]+)"\)', code))
    endings |= {f"{ending}.ndjson" for ending in re.findall(r'lines\(f"\{name\}(\.[a-z]+)"\)', code)}
    for path in sorted((CASES / folder).iterdir()):
        name, _, rest = path.name.partition(".")
        assert f'"{name}' in code or f".{rest}" in endings, path.name
