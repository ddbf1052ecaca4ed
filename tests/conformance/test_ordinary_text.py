"""Ordinary code, documentation and data have few findings, and none of it is lost: what is installed here is read."""

from __future__ import annotations

import pytest
from harness.ordinary_text import MB, findings, installed

from collector.redact.report import ERROR, TOO_LARGE


@pytest.mark.soak
def test_ordinary_text_has_few_findings_and_none_of_it_is_lost() -> None:
    """Addresses of people stand in every package and are no mistake. Packages document and test
    credentials, too: hence the allowance."""
    size, found = findings(installed(), 150 * MB)
    assert size > 10
    assert not found[ERROR]
    assert not found[TOO_LARGE]
    del found["email"]
    assert sum(found.values()) / size <= 1.0, dict(found)
