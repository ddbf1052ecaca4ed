"""How much is found of what files, commands and sentences hold, and how little of what only looks like it."""

from __future__ import annotations

from collections import Counter

import pytest
from conformance import everyday, lookalikes, published
from harness.corpus import is_covered

from collector.redact.engine.engine import Engine
from collector.redact.rules.vocabulary import holds_secret

ENGINE = Engine()


@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize("kind", everyday.AIMS)
def test_each_kind_is_found_as_often_as_aimed(kind: str, seed: int) -> None:
    wanted = [sample for sample in everyday.samples(seed) if sample.kind == kind]
    missed = [sample.made for sample in wanted if not is_covered(ENGINE, sample.text, sample.secret)]
    assert len(wanted) > 300
    assert len(missed) <= (1 - everyday.AIMS[kind]) * len(wanted), missed[:20]


def test_bare_tokens_of_two_hundred_vendors_are_found_by_their_form() -> None:
    assert len(published.VENDORS) >= 200
    missed = Counter(
        made.split("/")[0]
        for seed in (5, 6)
        for made, text, secret in published.tokens(seed)
        if not is_covered(ENGINE, text, secret)
    )
    assert missed.total() <= 0.02 * 4 * len(published.VENDORS), missed


def test_what_stands_under_a_key_that_says_secret_is_one() -> None:
    """But for two of a hundred keys, of which one may name a pattern and one an address."""
    assert len(everyday.KEYS) >= 100
    leaked = {key for key in everyday.KEYS for value in everyday.KEY_VALUES if not holds_secret(key, value)}
    assert leaked <= {"pat", "database_url", "sshKey"}


@pytest.mark.parametrize("holder", ["json", "yaml", "header", "assignment"])
def test_keys_that_say_secret_are_found_in_running_text(holder: str) -> None:
    """For values with digits, and letters that no language has."""
    leaked = {
        key
        for key in everyday.KEYS
        for value in ("b4r0meter", "qkzvplmwrtjxhsgd", "9f3c2a71")
        if not is_covered(ENGINE, everyday.held(key, value)[holder], value)
    }
    assert leaked <= {"pat", "database_url", "sshKey"}


@pytest.mark.parametrize("seed", [5, 6])
def test_what_only_looks_like_a_secret_is_left_alone(seed: int) -> None:
    """As many texts as the corpora above have secrets."""
    found = {
        (kind, extent.rule, text)
        for kind, text in lookalikes.samples(seed, 50)
        for extent in ENGINE.find(text.encode())
    }
    assert len(found) <= 2, sorted(found)[:10]
