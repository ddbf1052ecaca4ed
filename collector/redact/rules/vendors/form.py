"""How a vendor's token becomes a rule: a prefix of one width that triggers, a body, and what the whole must look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _parser  # type: ignore[attr-defined]

from collector.redact.engine.checks import entropy, wordy
from collector.redact.engine.looks import token
from collector.redact.engine.rule import Rule, Trigger

AN = "[A-Za-z0-9]"
URL = "[A-Za-z0-9_-]"
HEX = "[0-9a-f]"
B64 = "[A-Za-z0-9+/]"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
UUID_EXAMPLE = "{hex8}-{hex4}-{hex4}-{hex4}-{hex12}"

APART = "(?<![A-Za-z0-9+/]{16})"
"""Not within a run of base64, where a prefix of letters and digits alone comes up by chance."""
WORD = "(?<![A-Za-z0-9])"
"""Not in the middle of a word."""


def _width(source: str) -> int:
    low, high = _parser.parse(source).getwidth()
    if low != high:
        raise ValueError(f"not of one width: {source}")
    return int(low)


def vendor_rule(
    id: str,
    prefix: str,
    body: str,
    *examples: str,
    head: str = URL + "{4}",
    literals: str = "",
    no: tuple[str, ...] = (),
    check: Callable[[bytes], bool] | None = None,
    before: str = "",
    named: bool = False,
    since: int = 1,
    until: int | None = None,
    on: bool = True,
) -> Rule:
    """`prefix` has one width; `head` is as much of the body as makes the trigger rare."""
    source = prefix + head
    gate = tuple(word.encode() for word in (literals or _literal(prefix)).lower().split())
    pattern = re.compile((before + prefix + body).encode())
    return Rule(
        id,
        "secrets",
        (Trigger(source, _width(source), gate),),
        token(pattern, check=check, named=named),
        match=examples,
        no_match=no,
        token=True,
        since=since,
        until=until,
        on=on,
    )


def _literal(prefix: str) -> str:
    """The longest run of plain characters in a prefix."""
    plain = re.sub(r"\\([.$/~+_-])", r"\1", re.sub(r"\[[^\]]*\]|\(\?:.*?\)|\\b|\{[0-9,]+\}", " ", prefix))
    return max(plain.split(), key=len)


def mixed(found: bytes) -> bool:
    """For prefixes that are common in words: what follows must look drawn by chance."""
    body = found.split(b"-", 1)[-1] if b"-" in found[:8] else found
    return any(48 <= byte <= 57 for byte in body) and entropy(body) > 3.0 and not wordy(body)


_COUNTED = re.compile(rb"(?i)0123456789|abcdefghij|1234567890")


def not_counted(found: bytes) -> bool:
    """`0123456789abcdef` is a key in examples only."""
    return not _COUNTED.search(found)
