"""Tokens of vendors we do not know, who follow the custom; and keys that are meant to be published, off by default."""

from __future__ import annotations

import re
from functools import partial

from collector.redact.engine.rule import ByteRange, Look, Rule
from collector.redact.rules.values import drawn
from collector.redact.rules.vendors.form import AN, URL, vendor_rule

_rule = partial(vendor_rule, since=2)
_SEGMENTS = re.compile(rb"[A-Za-z0-9]+")
_PUBLISHABLE = re.compile(rb"(?i)(?:pk|pub|publishable|public|anon|pkey)\Z")
_WORDS = ("live", "test", "prod", "pat", "secret", "token", "key", "sk", "api")


def _has_drawn_part(found: bytes) -> bool:
    """Whether one part of the name is drawn by chance: `snake_key_case_identifier_20241125` has none."""
    return any(len(part) >= 16 and drawn(part) for part in _SEGMENTS.findall(found))


def _not_publishable(look: Look) -> Look:
    def wrapped(data: bytes, place: int) -> ByteRange | None:
        return None if _PUBLISHABLE.search(data[max(0, place - 12) : place]) else look(data, place)

    return wrapped


def _customary(word: str) -> Rule:
    rule = _rule(
        "api-key", f"[_-]{word}[_-]", "[A-Za-z0-9_]{20,255}", f"acme_{word}_{{alnum32}}",
        head=AN + "{12}", literals=f"_{word} -{word}", check=_has_drawn_part, named=True,
        no=(f"snake_{word}_case_identifier_number_20241125abc",),
    )  # fmt: skip
    return Rule(
        rule.id, rule.pack, rule.triggers, _not_publishable(rule.look),
        match=rule.match, no_match=rule.no_match, token=True, since=2,
    )  # fmt: skip


CUSTOM: tuple[Rule, ...] = (
    *map(_customary, _WORDS),
    _rule(
        "api-key",
        "sk-",
        "[A-Za-z0-9_-]{20,255}",
        "sk-{alnum48}",
        "sk-{hex32}",
        head=URL + "{16}",
        check=_has_drawn_part,
        no=("task-management-sk-spinner-pulse-12345678", "sk-learn-contrib-development-team"),
    ),
    _rule("publishable-key", "pk_live_", "[A-Za-z0-9]{16,255}", "pk_live_{alnum24}", on=False),
    _rule("publishable-key", "pk_test_", "[A-Za-z0-9]{16,255}", "pk_test_{alnum24}", on=False),
    _rule("publishable-key", "sb_publishable_", URL + "{20,80}", "sb_publishable_{url31}", on=False),
    _rule(
        "publishable-key", r"pk\.eyJ", r"[A-Za-z0-9_-]{20,200}\.[A-Za-z0-9_-]{20,60}", "pk.eyJ{url80}.{url22}", on=False
    ),
    _rule("publishable-key", "AIza", URL + "{35,64}", "AIza{url35}", on=False),
)
