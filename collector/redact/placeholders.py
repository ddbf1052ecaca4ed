"""What stands where something was: one grammar for all that write a placeholder, read one, or must leave one alone.

    placeholder = "[REDACTED:" rule [ " " bytes " B" ] "]"    what `rule` found, or a whole value and its size
    pseudonym   = "[HMAC:" rule ":" key id ":" digest "]"     the same for the same text, under one key
    cut         = "[CUT from " bytes " B]"                    at the end of a text that was cut
    rule        = a lower-case letter, then up to 62 of lower-case letters, digits and dashes
    key id      = 1 to 16 letters and digits
    digest      = 1 to 64 hexadecimal digits; 16 are written

A placeholder that a sender wrote has no power: text on both sides is read as if joined.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator

from collector.policy.model import KEY_ID, RULE_ID

_DIGEST_DIGITS = 16
_SIZE = "[0-9]{1,12}"
_LONGEST = 160

PLACEHOLDER = re.compile(
    (
        rf"\[(?:REDACTED:(?P<rule>{RULE_ID})(?P<size> {_SIZE} B)?"
        rf"|HMAC:(?P<hashed>{RULE_ID}):{KEY_ID}:[0-9a-f]{{1,64}})\]"
    ).encode()
)
"""A placeholder or a pseudonym."""

HEAD = "[REDACTED:"
HEADS = (HEAD.encode(), b"[HMAC:")
"""How each begins."""

HEADS_PATTERN = r"\[(?:REDACTED|HMAC):"
"""The same as an expression."""

_CUT = re.compile(rf"\[CUT from {_SIZE} B\]\Z".encode())


def named(rule: str) -> str:
    """The placeholder of what `rule` found: it says nothing about that, not even its length."""
    return f"[REDACTED:{rule}]"


def sized(rule: str, size: int) -> str:
    """The placeholder of a whole value, whose size in bytes stays known."""
    return f"[REDACTED:{rule} {size} B]"


def pseudonym(key: bytes, key_id: str, rule: str, found: bytes) -> str:
    """The same text gives the same pseudonym under one key; without the key it cannot be guessed at."""
    digest = hmac.new(key, rule.encode() + b"\0" + found, hashlib.sha256).hexdigest()[:_DIGEST_DIGITS]
    return f"[HMAC:{rule}:{key_id}:{digest}]"


def rule_named_by(text: str) -> str:
    """The rule that `text` names, where it is one placeholder or pseudonym and nothing else; otherwise empty."""
    if not text.startswith("[") or len(text) > _LONGEST:
        return ""
    found = PLACEHOLDER.fullmatch(text.encode("utf-8", "surrogatepass"))
    return (found["rule"] or found["hashed"]).decode() if found else ""


def whole_values_in(data: bytes) -> Iterator[str]:
    """The rules named by the placeholders of whole values that stand in the text."""
    for found in PLACEHOLDER.finditer(data):
        if found["size"]:
            yield found["rule"].decode()


def without_placeholders(text: str) -> str:
    """The text without its placeholders."""
    if "[" not in text:
        return text
    return PLACEHOLDER.sub(b"", text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def consists_of_placeholders(data: bytes, start: int, end: int) -> bool:
    """Whether what stands at `start` up to `end` is placeholders and nothing else."""
    at = start
    while at < end and (found := PLACEHOLDER.match(data, at)):
        at = found.end()
    return start < end <= at


def placeholder_ranges(data: bytes, head_ends: Iterable[int]) -> list[tuple[int, int]]:
    """Where placeholders stand in the text, in order, of which `HEADS_PATTERN` matches up to `head_ends`."""
    starts = (data.rfind(b"[", 0, end) for end in sorted(head_ends))
    return [found.span() for start in starts if (found := PLACEHOLDER.match(data, start))]


def truncated(data: bytes, most_bytes: int) -> bytes | None:
    """`data` cut to `most_bytes`, never inside a character or a placeholder; None when it is short enough."""
    whole = data
    data = _CUT.sub(b"", data)
    if len(data) <= most_bytes:
        return None
    end = most_bytes
    for found in PLACEHOLDER.finditer(data, max(0, end - _LONGEST), end + _LONGEST):
        if found.start() < end < found.end():
            end = found.start()
    kept = data[:end].decode("utf-8", "ignore").encode()
    return kept + b"[CUT from %d B]" % len(whole)
