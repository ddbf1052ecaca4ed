"""What the documentation says of conventions."""

from __future__ import annotations

import re
from pathlib import Path

from collector.reshape.conventions import CONVENTIONS

DOCS = Path(__file__).parents[3] / "docs" / "conventions.md"


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def test_the_table_has_a_row_for_each_convention_in_the_order_they_are_asked() -> None:
    [table] = re.findall(r"^\| convention \|.*\n\|---.*\n((?:\|.*\n)+)", DOCS.read_text(encoding="utf-8"), re.M)
    rows = [_letters(row.split("|")[1]) for row in table.splitlines()]
    names = [_letters(convention.name.removesuffix(" indexed")) for convention in CONVENTIONS]
    assert len(rows) == len(names)
    assert [name for name, row in zip(names, rows, strict=True) if name not in row] == []
