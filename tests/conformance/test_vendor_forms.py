"""Tokens made of the forms that vendors publish are found by the rule named for them, bare and in a sentence."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path

import pytest

from collector.redact.engine.engine import Engine

_spec = importlib.util.spec_from_file_location("vendors", Path(__file__).with_name("vendors.py"))
assert _spec and _spec.loader
vendors = importlib.util.module_from_spec(_spec)
sys.modules["vendors"] = vendors
_spec.loader.exec_module(vendors)

ENGINE = Engine()
GENERIC = "api-key"
"""The rule for the custom that vendors follow; where it fits too, its name may be the one that is told."""
DOCS = Path(__file__).parents[2] / "docs" / "redaction-vendors.md"


@pytest.mark.parametrize("form", vendors.FORMS, ids=lambda form: f"{form.vendor}-{form.form[:16]}")
def test_a_token_of_a_published_form_is_found(form: vendors.Form) -> None:  # type: ignore[name-defined]
    """Nine of ten at least: a few drawn by chance look like words or fill."""
    found = 0
    for seed in range(20):
        token = vendors.token(form.form, random.Random(seed))
        for text in (token, f"got {token} from it\n", f'{{"v": "{token}"}}'):
            data = text.encode()
            start = data.index(token.encode())
            extents = [extent for extent in ENGINE.find(data) if extent.rule in (form.rule, GENERIC)]
            inside = sum(max(0, min(e.end, start + len(token)) - max(e.start, start)) for e in extents)
            found += inside >= 0.8 * len(token)
    assert found >= 54, found


def test_the_page_of_vendors_is_written_by_this_table() -> None:
    assert DOCS.read_text(encoding="utf-8") == vendors.table()


def test_at_least_a_hundred_vendors_have_a_form() -> None:
    assert len({form.vendor for form in vendors.FORMS}) >= 100
