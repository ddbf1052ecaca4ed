"""Which texts are a placeholder of our own and nothing else: they stay as they are, whatever their key says."""

from __future__ import annotations

from collector.redact.placeholders import rule_named_by
from collector.redact.report import OWN_WORDS, SECRET_FIELD
from collector.redact.rules import ALL_RULES

_KNOWN = frozenset({*OWN_WORDS, SECRET_FIELD, *(rule.id for rule in ALL_RULES)})


def opaque(text: str) -> bool:
    """Whether `text` is a placeholder or pseudonym that names a known rule; words passed off as one name none."""
    return rule_named_by(text) in _KNOWN
