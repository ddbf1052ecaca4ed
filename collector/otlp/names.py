"""Names that people and programs write differently: patterns for them, and one form to compare them by (pure)."""

from __future__ import annotations

import unicodedata


def glob(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern`, in which `*` stands for any text; linear in the text."""
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def canonical(text: str) -> str:
    """A name without what a reader does not see: outer spaces, invisible characters, other forms of the same letter."""
    if text.isascii():
        return text.strip() if text.isprintable() else "".join(filter(str.isprintable, text)).strip()
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char for char in plain if unicodedata.category(char)[0] != "C").strip()
