"""What must not leave: the rules in their packs, as data with their own examples."""

from __future__ import annotations

from collector.redact.engine.rule import Rule
from collector.redact.rules.keys import KEYS
from collector.redact.rules.labelled import LABELLED
from collector.redact.rules.pii import PII
from collector.redact.rules.tokens import TOKENS

__all__ = ["ALL_RULES", "DEFAULT_RULES", "PACK_VERSIONS", "RULES_BY_PACK", "Rule"]

RULES_BY_PACK: dict[str, tuple[Rule, ...]] = {"secrets": KEYS + TOKENS + LABELLED, "pii": PII}
PACK_VERSIONS: dict[str, int] = {"secrets": 1, "pii": 1}
ALL_RULES: tuple[Rule, ...] = tuple(rule for pack in RULES_BY_PACK.values() for rule in pack)
DEFAULT_RULES: tuple[Rule, ...] = tuple(rule for rule in ALL_RULES if rule.on)
