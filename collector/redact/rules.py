"""What a credential looks like: prefixes, lengths and alphabets as their vendors publish them.

Each pattern starts at a literal and repeats within bounds, so a search is linear in the text. None matches
a quote, a backslash or a control character except where the escape of a line break is meant, so masking the
text of a JSON document leaves it valid JSON.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of credential: `literals` (one of them is in every match) gate the `pattern`.

    The group `secret`, where the pattern has one, is what gets replaced; otherwise the whole match.
    """

    id: str
    literals: tuple[bytes, ...]
    pattern: re.Pattern[bytes]


def _rule(id: str, literals: str, pattern: str) -> Rule:
    return Rule(id, tuple(literal.encode() for literal in literals.split()), re.compile(pattern.encode()))


_START = r"(?<![A-Za-z0-9])"

RULES: tuple[Rule, ...] = (
    _rule(
        "private-key",
        "-----BEGIN",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=:,. \t\r\n-]|\\+[nrt]){0,20000}?"
        r"(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|(?![A-Za-z0-9+/=:,. \t\r\n\\-])|\Z)",
    ),
    _rule(
        "aws-access-key-id",
        "AKIA ASIA ABIA ACCA",
        rf"{_START}(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{{16}}(?![A-Za-z0-9])",
    ),
    _rule(
        "aws-secret-key",
        "ecret ECRET",
        r"(?i:secret_?(?:access_?)?key)[\\\"' ]{0,4}[:=][\\\"' ]{0,4}(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
    ),
    _rule("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", rf"{_START}gh[pousr]_[A-Za-z0-9]{{36,255}}"),
    _rule("github-token", "github_pat_", rf"{_START}github_pat_[A-Za-z0-9_]{{40,255}}"),
    _rule("gitlab-token", "glpat-", rf"{_START}glpat-[A-Za-z0-9_-]{{20,255}}"),
    _rule("slack-token", "xox", rf"{_START}xox[abeoprs]-[A-Za-z0-9-]{{10,255}}"),
    _rule("anthropic-key", "sk-ant-", rf"{_START}sk-ant-[A-Za-z0-9_-]{{20,255}}"),
    _rule("openai-key", "sk-", rf"{_START}sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{{20,255}}"),
    _rule("stripe-key", "k_live_ k_test_", rf"{_START}[rs]k_(?:live|test)_[A-Za-z0-9]{{16,255}}"),
    _rule(
        "jwt",
        "eyJ",
        rf"{_START}eyJ[A-Za-z0-9_-]{{8,4000}}\.eyJ[A-Za-z0-9_-]{{8,8000}}(?:\.[A-Za-z0-9_-]{{0,2000}})?",
    ),
    _rule(
        "url-password",
        "://",
        r"://[A-Za-z0-9._~%!$&*+,;=-]{0,200}:(?P<secret>(?!\[REDACTED:)[^\s/@\"'\\<>\x00-\x1f]{1,200})@",
    ),
    _rule(
        "bearer-token",
        "earer EARER",
        r"(?i:bearer)[ \t]{1,4}(?P<secret>[A-Za-z0-9._~+/-]{16,4000}={0,2})",
    ),
)
