"""What stands where something was: named by rule, of fixed length, and never touched again."""

from __future__ import annotations

import hashlib
import hmac
import re

from collector.redact.otlp.fields import SECRET_FIELD
from collector.redact.report import OWN_WORDS
from collector.redact.rules import ALL_RULES

_KNOWN = {*OWN_WORDS, SECRET_FIELD, *(rule.id for rule in ALL_RULES)}

_PLACEHOLDER = re.compile(r"\[REDACTED:([a-z0-9-]{1,64})(?: [0-9]{1,12} B)?\]")
_PSEUDONYM = re.compile(r"\[HMAC:([a-z0-9-]{1,64}):[A-Za-z0-9]{1,16}:[0-9a-f]{16}\]")
_CUT = re.compile(rb"\[CUT from [0-9]{1,12} B\]$")
_ANY = re.compile(rb"\[(?:REDACTED|HMAC):[^\]\[]{1,120}\]")
_LONGEST = 130


def named(rule: str) -> str:
    return f"[REDACTED:{rule}]"


def sized(rule: str, size: int) -> str:
    """For a whole value: what it was worth in bytes stays known."""
    return f"[REDACTED:{rule} {size} B]"


def opaque(text: str) -> bool:
    """Whether a text is one of our whole-value placeholders, or a pseudonym, and nothing else."""
    if not text.startswith("[") or len(text) > _LONGEST:
        return False
    found = _PLACEHOLDER.fullmatch(text)
    if found:
        return found[1] in _KNOWN  # else a client could pass words off as one
    found = _PSEUDONYM.fullmatch(text)
    return found is not None and found[1] in _KNOWN


def pseudonym(key: bytes, key_id: str, rule: str, found: bytes) -> str:
    """The same text gives the same pseudonym under one key; without the key it cannot be guessed at."""
    digest = hmac.new(key, rule.encode() + b"\0" + found, hashlib.sha256).hexdigest()[:16]
    return f"[HMAC:{rule}:{key_id}:{digest}]"


def truncated(data: bytes, most_bytes: int) -> bytes | None:
    """`data` cut to `most_bytes`, never inside a character or a placeholder; None when it is short enough."""
    whole = data
    data = _CUT.sub(b"", data)
    if len(data) <= most_bytes:
        return None
    end = most_bytes
    for found in _ANY.finditer(data, max(0, end - _LONGEST - 20), end + _LONGEST + 20):
        if found.start() < end < found.end():
            end = found.start()
    kept = data[:end].decode("utf-8", "ignore").encode()
    return kept + b"[CUT from %d B]" % len(whole)
