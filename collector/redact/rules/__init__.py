"""What must not leave: the rules in their packs, as data with their own examples.

A pack version is a frozen list. `Rule.since` and `Rule.until` say which versions have a rule: a new rule enters with
the next version of its pack, and a changed one takes the place of the old, which stays in the versions that had it.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.redact.engine.rule import Rule
from collector.redact.rules.keys import KEYS
from collector.redact.rules.labels import LABELLED
from collector.redact.rules.personal import PERSONAL
from collector.redact.rules.vendors import VENDORS

__all__ = ["ALL_RULES", "DEFAULT_PACKS", "DEFAULT_RULES", "LATEST", "PACKS", "Rule"]

ALL_RULES: tuple[Rule, ...] = KEYS + VENDORS + LABELLED + PERSONAL
"""Every rule of every version."""


def _versions(pack: str) -> dict[str, tuple[Rule, ...]]:
    rules = [rule for rule in ALL_RULES if rule.pack == pack]
    return {
        f"{pack}@{version}": tuple(
            rule for rule in rules if rule.since <= version and (rule.until is None or version <= rule.until)
        )
        for version in range(1, max(rule.since for rule in rules) + 1)
    }


_BY_PACK = {pack: _versions(pack) for pack in dict.fromkeys(rule.pack for rule in ALL_RULES)}
PACKS: Mapping[str, tuple[Rule, ...]] = {name: rules for packs in _BY_PACK.values() for name, rules in packs.items()}
"""The rules of every version of every pack, by names such as `secrets@1`."""
LATEST: Mapping[str, str] = {f"{pack}@latest": list(versions)[-1] for pack, versions in _BY_PACK.items()}
"""The names that follow the newest version, and that version's own name."""
DEFAULT_PACKS = ("secrets@latest", "pii@latest")
"""What the default policy names; the other packs are opt-in."""
DEFAULT_RULES: tuple[Rule, ...] = tuple(rule for name in DEFAULT_PACKS for rule in PACKS[LATEST[name]] if rule.on)
