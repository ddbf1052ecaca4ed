"""How much is found of what is written in other words than the rules': by kind, against the aims of `unseen.py`."""

from __future__ import annotations

from collections import Counter

import pytest
from conformance import unseen
from harness.corpus import is_covered

from collector.redact.engine.engine import Engine
from collector.redact.rules.vocabulary import holds_secret

ENGINE = Engine()


@pytest.mark.parametrize("seed", [11, 22])
@pytest.mark.parametrize("kind", unseen.AIMS)
def test_each_kind_is_found_as_often_as_aimed(kind: str, seed: int) -> None:
    """The aim with a margin: two in a hundred more than it asks for."""
    wanted = [sample for sample in unseen.samples(seed) if sample.kind == kind]
    missed = [sample.made for sample in wanted if not is_covered(ENGINE, sample.text, sample.secret)]
    assert len(wanted) > 300
    assert len(missed) <= (1 - unseen.AIMS[kind] - 0.02) * len(wanted), missed[:20]


@pytest.mark.parametrize("word", unseen.WORDS)
def test_keys_that_say_secret_mask_whatever_stands_under_them(word: str) -> None:
    """At most two of sixty-two; a word, a sentence or letters only are no exception."""
    assert len(unseen.KEYS) == 62
    assert len([key for key in unseen.KEYS if not holds_secret(key, word)]) <= 2


@pytest.mark.parametrize("holder", ["json", "environment", "header", "flag"])
def test_keys_that_say_secret_are_found_in_running_text(holder: str) -> None:
    """Where the text is no attribute of its own: at most six of sixty-two, for values with digits or no vowels."""
    leaked = Counter(
        key
        for key in unseen.KEYS
        for value in ("tr0ub4dor", "egxazgtxtmkrhagq", "a1b2c3d4")
        if not is_covered(ENGINE, unseen.held(key, value)[holder], value)
    )
    assert len(leaked) <= 6, leaked


_PLACES = {
    "line": "{}={}\n",
    "yaml": "auth:\n  {}: {}\n",
    "quoted": "{} = '{}'\n",
    "query": "https://app.test/x?{}={}",
    "log": "2026-11-27 INFO set {}={} ok",
    "xml": "<{0}>{1}</{0}>",
}


@pytest.mark.parametrize(
    "value", ["copper-velvet-lantern-17", "Copper-Tulip42", "Kettle_81", "T1mber!20", "copper48943", "qswduundeifok"]
)
@pytest.mark.parametrize("place", _PLACES)
def test_what_people_make_up_is_found_under_keys_that_say_secret(place: str, value: str) -> None:
    """Words with a number, and letters typed at random, of which a rule for drawn values would take no notice."""
    leaked = [key for key in unseen.KEYS if not is_covered(ENGINE, _PLACES[place].format(key, value), value)]
    assert len(leaked) <= 2, leaked
