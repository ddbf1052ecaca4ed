"""Texts too long to be read in bounded time, and files inside texts, replaced before they are read."""

from __future__ import annotations

import re

from collector.policy.model import Action
from collector.redact.otlp.strings import Texts
from collector.redact.placeholders import sized
from collector.redact.report import INLINE_DATA, TOO_LARGE, Tally

_BASE64 = re.compile(r"[A-Za-z0-9+/=_-]+")


def limit_length(texts: Texts) -> None:
    """Replace the texts that are too long to be read in bounded time."""
    most = texts.limits.max_value_bytes
    longest = max(map(len, texts.texts), default=0)
    if longest > texts.limits.max_inline_bytes:
        _limit_inline_data(texts)
    if longest * 4 <= most:
        return
    for index, text in enumerate(texts.texts):
        if len(text) * 4 > most and (size := len(text.encode("utf-8", "surrogatepass"))) > most:
            texts.tally.at = texts.owner(index)
            texts.tally.add(TOO_LARGE, Action.PLACEHOLDER)
            if texts.joined(index) is None:
                texts.put(index, sized(TOO_LARGE, size))
            texts.texts[index] = ""
            texts.cuts.pop(index, None)


def _limit_inline_data(texts: Texts) -> None:
    """Replace files that stand inside texts: no rule could look into them, and they are the most of the bytes."""
    most = texts.limits.max_inline_bytes
    for index, text in enumerate(texts.texts):
        if len(text) > most and ";base64," in text:
            texts.tally.at = texts.owner(index)
            shorter = _without_data(text, most, texts.tally)
            if shorter != text and texts.joined(index) is None:
                texts.put(index, shorter)
            texts.texts[index] = shorter


def _without_data(text: str, most: int, tally: Tally) -> str:
    parts = text.split(";base64,")
    for at, part in enumerate(parts[1:], 1):
        found = _BASE64.match(part)
        if found and found.end() > most:
            parts[at] = sized(INLINE_DATA, found.end()) + part[found.end() :]
            tally.add(INLINE_DATA, Action.PLACEHOLDER)
    return ";base64,".join(parts)
