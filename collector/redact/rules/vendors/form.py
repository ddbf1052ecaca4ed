"""How a vendor's token becomes a rule: a prefix of one width that triggers, a body, and what the whole must look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _parser  # type: ignore[attr-defined]

from collector.redact.engine.checks import entropy, wordy
from collector.redact.engine.looks import around, token
from collector.redact.engine.rule import ByteRange, Look, Rule, Trigger
from collector.redact.rules.values import drawn

AN = "[A-Za-z0-9]"
URL = "[A-Za-z0-9_-]"
HEX = "[0-9a-f]"
B64 = "[A-Za-z0-9+/]"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
UUID_EXAMPLE = "{hex8}-{hex4}-{hex4}-{hex4}-{hex12}"

APART = "(?<![A-Za-z0-9+/]{16})"
"""Not within a run of base64, where a prefix of letters and digits alone comes up by chance."""
APART_FROM = r"[\x00\s\"'`=:,;(\[{<>|]"
"""What a key that has no prefix stands after."""
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
    look = token(re.compile((before + prefix + body).encode()), check=check, named=named)
    gate = tuple(word.encode() for word in (literals or _literal(prefix)).lower().split())
    return Rule(
        id,
        "secrets",
        (Trigger(source, _width(source), gate),),
        look if since == 1 else _not_in_digest(look),
        match=examples,
        no_match=no,
        token=True,
        since=since,
        until=until,
        on=on,
    )


_DIGEST = re.compile(rb"(?i)sha(?:1|224|256|384|512)[=:-][A-Za-z0-9+/_-]{1,88}\Z")


def _not_in_digest(look: Look) -> Look:
    """A look that finds nothing in the middle of a digest, as lists of files have them in base64."""

    def outside(data: bytes, place: int) -> ByteRange | None:
        found = look(data, place)
        return None if found and _DIGEST.search(data, max(0, found[0] - 96), found[0]) else found

    return outside


def marked_rule(
    id: str,
    trigger: str,
    pattern: str,
    *examples: str,
    literals: str = "",
    back: int = 100,
    ahead: int = 300,
    no: tuple[str, ...] = (),
) -> Rule:
    """A key with no prefix of its own: what marks it in the middle or at the end triggers, and `pattern` is around that.

    It must stand by itself and look drawn by chance. Such a rule entered with the second version of the pack.
    """
    alone = f"(?<![A-Za-z0-9+/_-])(?P<secret>{pattern})(?![A-Za-z0-9+/_=-])"
    look = around(re.compile(alone.encode()), back, _is_drawn, lead=2, ahead=ahead)
    gate = tuple(word.encode() for word in literals.lower().split())
    return Rule(id, "secrets", (Trigger(trigger, None, gate),), look, match=examples, no_match=no, token=True, since=2)


def tail_rule(
    id: str,
    trigger: str,
    pattern: str,
    *examples: str,
    literals: str = "",
    check: Callable[[bytes], bool] | None = None,
) -> Rule:
    """A token that is told by its middle: the trigger ends in it, and it begins where its letters and digits do."""
    look = token(re.compile(pattern.encode()), check=check)

    def from_start(data: bytes, place: int) -> ByteRange | None:
        head = data[max(0, place - 100) : place]
        found = look(data, place - len(head) + len(head.rstrip(_TOKEN_BYTES)))
        return found if found and found[1] >= place else None

    gate = tuple(word.encode() for word in literals.lower().split())
    return Rule(id, "secrets", (Trigger(trigger, None, gate),), from_start, match=examples, token=True, since=2)


_TOKEN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"


def _is_drawn(match: re.Match[bytes], data: bytes) -> bool:
    return drawn(match["secret"].rstrip(b"="))


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
