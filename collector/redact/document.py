"""Every string of JSON documents, keys included, through the same engine as OTLP's texts (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from collector.redact.engine.engine import Engine
from collector.redact.placeholders import named
from collector.redact.report import TOO_DEEP

MAX_DEPTH = 32
"""As in OTLP's own values."""


def mask_documents(engine: Engine, documents: Sequence[dict[str, Any]], findings: Counter[str]) -> list[dict[str, Any]]:
    """Copies of `documents` without what the rules find; what was found is counted by rule.

    The same text in several places is looked at once. Values nested deeper than OTLP's may be are replaced whole.
    """
    texts: dict[str, int] = {}
    for document in documents:
        _collect(document, texts, 0)
    ordered = list(texts)
    found: Counter[str] = Counter()
    changed = engine.mask(ordered, found)
    findings.update(found)
    replaced = {ordered[index]: text for index, text in changed.items()}
    return [_rebuild(document, replaced, 0, findings) for document in documents]


def _collect(value: Any, texts: dict[str, int], depth: int) -> None:
    if isinstance(value, str):
        texts[value] = 0
    elif depth > MAX_DEPTH:
        return
    elif isinstance(value, dict):
        for key, item in value.items():
            texts[key] = 0
            _collect(item, texts, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _collect(item, texts, depth + 1)


def _rebuild(value: Any, replaced: dict[str, str], depth: int, findings: Counter[str]) -> Any:
    if isinstance(value, str):
        return replaced.get(value, value)
    if isinstance(value, (dict, list)) and depth > MAX_DEPTH:
        findings[TOO_DEEP] += 1
        return named(TOO_DEEP)
    if isinstance(value, dict):
        return {replaced.get(key, key): _rebuild(item, replaced, depth + 1, findings) for key, item in value.items()}
    if isinstance(value, list):
        return [_rebuild(item, replaced, depth + 1, findings) for item in value]
    return value
