"""A released version of a pack is a frozen list: who pins it finds tomorrow what it finds today.

    python tests/unit/redact/test_packs.py

prints the record of every version, to be kept in proto_fixtures/redaction/packs.json when one is released.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.policy.demands import demands
from collector.policy.layers import Layer, Rank
from collector.policy.schema import UserDocument, read_document
from collector.redact.engine.engine import Engine
from collector.redact.engine.rule import Rule, expand
from collector.redact.engine.scan import scanner
from collector.redact.rules import ALL_RULES, DEFAULT_RULES, LATEST, PACKS
from collector.redact.ruleset import catalog, combined, rules_of

FIXTURES = Path(__file__).parents[3] / "proto_fixtures" / "redaction"
RELEASED: dict[str, dict[str, Any]] = json.loads((FIXTURES / "packs.json").read_text())


def _data_in(value: Any) -> Any:
    """What a look is made of: the patterns, numbers and words that its closure holds."""
    if isinstance(value, re.Pattern):
        return [value.pattern.decode(), value.flags]
    if isinstance(value, types.FunctionType):
        return [_data_in(cell.cell_contents) for cell in value.__closure__ or ()]
    return value if isinstance(value, str | int | None) else ""


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()[:32]


def _texts(rules: tuple[Rule, ...]) -> list[bytes]:
    with gzip.open(FIXTURES / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    texts += [expand(text) for rule in rules for text in (*rule.match, *rule.no_match)]
    return [text.encode("utf-8", "surrogatepass") for text in texts]


def _findings(rules: tuple[Rule, ...], texts: list[bytes]) -> list[list[Any]]:
    """What each rule finds by itself: the engine's views and its choice between rules are not the pack's matter."""
    owners = [(rule, trigger) for rule in rules for trigger in rule.triggers]
    triggers = scanner([trigger for _, trigger in owners])
    found = []
    for number, text in enumerate(texts):
        places: dict[str, set[tuple[int, int]]] = {}
        for trigger, end in triggers.hits(b"\0" + text + b"\0", len(text) * len(owners)):
            rule, width = owners[trigger][0], owners[trigger][1].width
            place = end - 1 - (width or 0)
            if 0 <= place <= len(text) and (hit := rule.look(text, place)):
                places.setdefault(rule.id, set()).add(hit)
        found += [[number, rule, sorted(hits)] for rule, hits in sorted(places.items())]
    return found


def record(rules: tuple[Rule, ...]) -> dict[str, Any]:
    data = [
        [
            rule.id,
            [
                [trigger.source, trigger.width, [word.decode() for word in trigger.literals]]
                for trigger in rule.triggers
            ],
            _data_in(rule.look),
            [rule.match, rule.no_match, rule.token, rule.on],
        ]
        for rule in rules
    ]
    return {
        "rules": len(rules),
        "data": _digest(sorted(data, key=json.dumps)),
        "findings": _digest(_findings(rules, _texts(rules))),
    }


@pytest.mark.parametrize("name", RELEASED)
def test_a_released_version_does_not_change(name: str) -> None:
    """A new or changed rule enters with the next version: `since` there, `until` on the rule it replaces."""
    assert record(PACKS[name]) == RELEASED[name]


def test_a_version_that_came_out_stays_available() -> None:
    assert set(RELEASED) <= set(PACKS)
    assert {name.partition("@")[0] for name in RELEASED} <= {name.partition("@")[0] for name in LATEST}


def test_the_record_sees_any_change() -> None:
    """The guard itself: another look, other data and one rule more are each seen."""
    rules = PACKS["secrets@1"]
    changed = Rule(rules[0].id, "secrets", rules[0].triggers, lambda data, place: (place, place + 1), rules[0].match)
    assert record((changed, *rules[1:]))["findings"] != record(rules)["findings"]
    assert record((replace(rules[0], no_match=()), *rules[1:]))["data"] != record(rules)["data"]
    assert record((*rules, rules[0]))["rules"] != record(rules)["rules"]


def test_versions_of_a_rule_do_not_overlap_by_mistake() -> None:
    for rule in ALL_RULES:
        assert rule.since >= 1
        assert rule.until is None or rule.until >= rule.since
    for name in LATEST:
        pack = name.partition("@")[0]
        assert [n for n in PACKS if n.startswith(f"{pack}@")] == [
            f"{pack}@{n}" for n in range(1, int(LATEST[name].rpartition("@")[2]) + 1)
        ]


def _policy(text: str) -> tuple[str, ...]:
    document = read_document(UserDocument, ("schema = 1\n" + text).encode(), "f")
    policy = combined([Layer("f", Rank.USER, demands(document, "f", catalog()), "f")]).policy
    assert {rule.id for rule in rules_of(policy)} <= policy.rules
    return policy.packs


def test_latest_is_a_name_for_the_newest_version() -> None:
    assert _policy('[rules]\npacks = ["secrets@latest"]') == (LATEST["secrets@latest"],)
    newest = LATEST["secrets@latest"]
    assert _policy(f'[rules]\npacks = ["secrets@latest", "{newest}"]') == (newest,)


def test_the_default_follows_the_latest() -> None:
    policy = combined().policy
    assert set(policy.packs) <= set(LATEST.values())
    assert rules_of(policy) == DEFAULT_RULES


@pytest.mark.parametrize("name", list(RELEASED))
def test_a_pinned_version_is_what_runs(name: str) -> None:
    document = read_document(UserDocument, f'schema = 1\n[rules]\npacks = ["{name}"]'.encode(), "f")
    policy = combined([Layer("f", Rank.USER, demands(document, "f", catalog()), "f")]).policy
    assert rules_of(policy) == tuple(rule for rule in ALL_RULES if rule in PACKS[name] and rule.on)


def test_a_rule_enabled_from_a_pack_that_is_not_named_is_the_latest() -> None:
    document = read_document(UserDocument, b'schema = 1\n[rules]\npacks = ["secrets@1"]\nenable = ["ip-address"]', "f")
    policy = combined([Layer("f", Rank.USER, demands(document, "f", catalog()), "f")]).policy
    assert Engine(rules_of(policy)).find(b"client connected from 81.10.123.233")


if __name__ == "__main__":
    sys.stdout.write(json.dumps({name: record(rules) for name, rules in PACKS.items()}, indent=2) + "\n")
