"""What the rules find in the texts of one request, and what the policy has done to it: named, hashed, dropped, cut."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from collector.policy.model import Action, Policy
from collector.redact.engine.engine import Engine, Extent, replace
from collector.redact.known_texts import KnownTexts
from collector.redact.otlp.entries import LISTED
from collector.redact.otlp.strings import Texts
from collector.redact.placeholders import (
    HEAD,
    named,
    pseudonym,
    rule_named_by,
    sized,
    truncated,
    whole_values_in,
)
from collector.redact.report import ERROR, FIELD, Tally

_MOST_KNOWN_KEYS = 10_000
_LONGEST_KNOWN_KEY = 100


class Masker:
    """Masks texts under one policy; not safe to share between threads.

    `key` is that of pseudonyms; a policy that hashes without one puts placeholders instead.
    """

    def __init__(self, policy: Policy, engine: Engine, key: bytes) -> None:
        self._policy = policy
        self._key = key
        self._known = KnownTexts(partial(_read, engine))
        self._dropping = {rule for rule, action in policy.actions.items() if action is Action.DROP}

    def mask(self, texts: Texts, tally: Tally) -> None:
        """Write back every text of `texts` that changes: what is found replaced, then what is too long cut."""
        changed = set()
        joined = []
        self._drop_again(texts, tally)
        for index, data, extents in self._known.find_all(texts.texts):
            if texts.joined(index) is not None:
                joined.append((index, extents))
                continue
            tally.add_all((extent.rule for extent in extents), self._policy.actions, texts.owner(index))
            data = self.replaced(data, extents)
            cut = texts.cuts.pop(index, None)
            texts.put(index, ((truncated(data, cut) or data) if cut else data).decode("utf-8", "replace"))
            changed.add(index)
        for index, extents in joined:
            self._mask_joined(texts, index, extents, tally)
        for index, most in texts.cuts.items():
            shorter = truncated(texts.texts[index].encode("utf-8", "surrogatepass"), most)
            if shorter is not None:
                texts.put(index, shorter.decode("utf-8", "replace"))
                tally.at = texts.owner(index)
                tally.add(FIELD, Action.TRUNCATE)
        _remember_keys(texts, changed)

    def _drop_again(self, texts: Texts, tally: Tally) -> None:
        """Drop the texts in which another was put that had been dropped whole, by a rule that drops its text."""
        if not self._dropping:
            return
        for index, text in enumerate(texts.texts):
            if HEAD in text and texts.joined(index) is None:
                data = text.encode("utf-8", "surrogatepass")
                rule = next((rule for rule in whole_values_in(data) if rule in self._dropping), "")
                if rule and not rule_named_by(text):
                    texts.put(index, sized(rule, len(data)))
                    texts.texts[index] = ""
                    texts.cuts.pop(index, None)
                    tally.at = texts.owner(index)
                    tally.add(rule, Action.DROP)

    def replaced(self, data: bytes, extents: list[Extent]) -> bytes:
        """`data` with what the policy puts in place of `extents`; where it drops one of them, of the whole."""
        actions = self._policy.actions
        if not actions:
            return replace(data, extents)
        for extent in extents:
            if actions.get(extent.rule) is Action.DROP:
                return sized(extent.rule, len(data)).encode()
        return replace(data, extents, self._render)

    def pseudonym(self, rule: str, found: bytes) -> str:
        """The keyed pseudonym of what `rule` found, or its placeholder where there is no key."""
        if self._policy.hmac is None or not self._key:
            return named(rule)
        return pseudonym(self._key, self._policy.hmac.key_id, rule, found)

    def _render(self, extent: Extent, found: bytes) -> bytes:
        if self._policy.actions.get(extent.rule) is Action.HASH:
            return self.pseudonym(extent.rule, found).encode()
        return named(extent.rule).encode()

    def _mask_joined(self, texts: Texts, index: int, extents: list[Extent], tally: Tally) -> None:
        """Replace the items of an array over which a finding stretches."""
        found = texts.joined(index)
        assert found is not None
        items, between, parts = found
        tally.at = texts.owner(index)
        at = 0
        for item, part in zip(items, parts, strict=True):
            end = at + len(part.encode("utf-8", "surrogatepass"))
            for start, stop, rule in extents:
                alone = at <= start and stop <= end
                if start < end and stop > at and not (alone and item.string_value != part):
                    item.string_value = named(rule)
                    tally.add(rule, Action.PLACEHOLDER)
                    break
            at = end + between


def _read(engine: Engine, texts: list[str]) -> Iterable[tuple[int, bytes, list[Extent]]]:
    """What the engine finds; where it fails, text by text, and a text it fails on is found as a whole."""
    try:
        return list(engine.find_all(texts))
    except Exception:
        return list(_read_singly(engine, texts))


def _read_singly(engine: Engine, texts: list[str]) -> Iterable[tuple[int, bytes, list[Extent]]]:
    for index, text in enumerate(texts):
        data = text.encode("utf-8", "surrogatepass")
        try:
            extents = engine.find(data)
        except Exception:
            extents = [Extent(0, len(data), ERROR)]
        if extents:
            yield index, data, extents


def _remember_keys(texts: Texts, changed: set[int]) -> None:
    """Attribute keys with no findings are cached: they are few and repeat in every span."""
    for index, table, key, treatment in texts.new_keys:
        was_read = bool(texts.texts[index])  # not so what is too long for the policy
        if was_read and index not in changed and len(key) <= _LONGEST_KNOWN_KEY and len(table) < _MOST_KNOWN_KEYS:
            table[key] = None if treatment.plain and key not in LISTED else treatment
