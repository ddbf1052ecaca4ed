"""No trigger costs more than it finds: what fires in ordinary text, or begins with nothing in particular, slows all texts.

Matches are counted, not time: the count is the same on any machine.
"""

from __future__ import annotations

from collections import Counter
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from harness.ordinary_text import MB, installed, texts

from collector.redact.engine.quicker import quicker
from collector.redact.engine.rule import Rule, Trigger
from collector.redact.engine.scan import hyperscan, scanner
from collector.redact.rules import DEFAULT_RULES

_MOST_A_MB = 12
"""Most triggers match less than once in a megabyte."""
_OF_LABELS = {
    "email": 300,
    "secret-assignment": 400,
    "secret-in-prose": 200,
    "secret-column": 60,
}
"""Rules that look at a word everyone uses: their looks are made to be left early."""
_IN_BASE64 = {"brave-key": 80, "meta-token": 80, "square-token": 80, "dropbox-token": 80, "aws-access-key-id": 30}
"""Their letters come up in pictures and fonts that packages hold in base64."""
_OF_NUMBERS = {"phone": 40, "credit-card": 30, "iban": 30, "vault-token": 30}
_MOST = _OF_LABELS | _IN_BASE64 | _OF_NUMBERS


def _triggers() -> list[tuple[Rule, Trigger]]:
    return [(rule, quicker(trigger, rule)) for rule in DEFAULT_RULES for trigger in rule.triggers]


@pytest.mark.skipif(hyperscan is None, reason="too slow by re alone")
def test_no_rule_is_asked_often_in_ordinary_text() -> None:
    """A rule whose trigger is noisy gets a longer head, or a form in `engine/quicker.py`."""
    triggers = _triggers()
    looks = scanner([trigger for _, trigger in triggers])
    counted: Counter[str] = Counter()
    size = 0
    for _, data in texts(installed(), 20 * MB):
        size += len(data)
        for number, _ in looks.hits(b"\0" + data + b"\0", len(data)):
            counted[triggers[number][0].id] += 1
    noisy = {
        rule: f"{times * MB / size:.0f} matches of its triggers a MB, at most {_MOST.get(rule, _MOST_A_MB)} are allowed"
        for rule, times in counted.most_common()
        if times * MB / size > _MOST.get(rule, _MOST_A_MB)
    }
    assert size > 5 * MB
    assert not noisy


_WITHOUT_LITERAL = {
    "ably-key": 1, "asana-token": 1, "bitcoin-key": 3, "discord-token": 1, "facebook-app-token": 1, "ghost-key": 1, "laravel-token": 1,
    "mailgun-key": 1, "modal-token": 1, "shortcut-token": 1, "stellar-key": 1, "woocommerce-key": 1, "cli-secret": 3, "password-hash": 2,
    "pgpass-password": 1, "url-token": 1, "credit-card": 3, "email": 1, "iban": 2, "phone": 4, "us-ssn": 1,
}  # fmt: skip
"""How many triggers of a rule hold no two characters that are always the same: Hyperscan reads every byte for them."""


def _literal(tree: Any) -> int:
    """How long the longest run of fixed characters is that every match holds."""
    longest = run = 0
    for op, argument in tree:
        inner = 0
        if op is ops.LITERAL:
            run += 1
        elif op is ops.SUBPATTERN:
            inner = _literal(argument[-1])
        elif op is ops.BRANCH:
            inner = min(_literal(branch) for branch in argument[1])
        elif op in (ops.MAX_REPEAT, ops.MIN_REPEAT) and argument[0]:
            inner = _literal(argument[2])
        if op not in (ops.LITERAL, ops.AT):
            run = 0
        longest = max(longest, run, inner)
    return longest


def test_every_new_trigger_has_something_fixed_in_it() -> None:
    """Where a token has nothing of the kind, each such trigger is measured (`tests/bench/beside.py`), then counted here."""
    without = Counter(rule.id for rule, trigger in _triggers() if _literal(_parser.parse(trigger.source)) < 2)
    new = {rule: times for rule, times in without.items() if times > _WITHOUT_LITERAL.get(rule, 0)}
    assert not new, "give the trigger two characters that are always the same"
    assert set(_WITHOUT_LITERAL) <= set(without), "take out what has become better"


@pytest.mark.parametrize(
    ("source", "longest"), [("a[bc]d", 1), ("(?:ab|cde)f", 2), (r"\babc", 3), ("x{2}", 1), ("(?:ab)?c", 1)]
)
def test_the_literal_of_a_trigger_is_in_every_match(source: str, longest: int) -> None:
    assert _literal(_parser.parse(source)) == longest
