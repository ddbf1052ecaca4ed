"""What was found in texts met before: roles, kinds and names are the same in every span, and each request to a model
holds all messages of the ones before.

What stays of a text is a digest, and of its findings where they are and which rule they are of: what is put in their
place is made anew each time. Only a short text that holds no finding is kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from collector.redact.engine.extents import Extent
from collector.redact.report import ERROR, TOO_LARGE

FoundText = tuple[int, bytes, list[Extent]]
"""The index of a text, the text in UTF-8, and what was found in it."""
Read = Callable[[list[str]], Iterable[FoundText]]

_MOST_CLEAN = 20_000
_LONGEST_CLEAN = 64
_MOST_FINDINGS = 20_000
_PASSING = frozenset({ERROR, TOO_LARGE})
"""What may not be found when the text comes again, with other texts or with more time."""


class KnownTexts:
    """Reads by `read` what it does not know; for one set of rules and one thread.

    Of two halves the older one is forgotten when the newer one is full, but for the texts that came again since.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._clean: set[str | bytes] = {""}
        self._clean_before: set[str | bytes] = set()
        self._found: dict[int, tuple[bytes, list[Extent]]] = {}
        """By a hash that says nothing of the text: its digest and its findings."""
        self._found_before: dict[int, tuple[bytes, list[Extent]]] = {}
        self._findings = 0
        """How many there are in `_found`."""

    def find_all(self, texts: Sequence[str]) -> list[FoundText]:
        """The texts with findings."""
        keys = [text if len(text) <= _LONGEST_CLEAN else digest(text) for text in texts]
        clean, before = self._clean, self._clean_before
        places = [place for place, key in enumerate(keys) if key not in clean and key not in before]
        found = self._recalled(texts, keys, places)
        if found:
            recalled = {place for place, _, _ in found}
            places = [place for place in places if place not in recalled]
        if places:
            for at, data, extents in self._read([texts[place] for place in places]):
                found.append((places[at], data, extents))
                self._remember(keys[places[at]], extents)
        if len(clean) > _MOST_CLEAN:
            self._clean_before, self._clean = clean, {""}
        self._clean.update(keys)
        self._clean.difference_update([keys[place] for place, _, _ in found])
        return found

    def _recalled(self, texts: Sequence[str], keys: Sequence[str | bytes], places: Sequence[int]) -> list[FoundText]:
        """Those of the texts at `places` in which something was found before."""
        found, before = self._found, self._found_before
        hashes = [hash(keys[place]) for place in places] if found or before else []
        if found.keys().isdisjoint(hashes) and before.keys().isdisjoint(hashes):
            return []
        recalled: list[FoundText] = []
        for place, number in zip(places, hashes, strict=True):
            known = found.get(number) or before.get(number)
            if known and known[0] == _digest_of(keys[place]):
                recalled.append((place, texts[place].encode("utf-8", "surrogatepass"), known[1]))
        for place, _, extents in recalled:
            self._remember(keys[place], extents)
        return recalled

    def _remember(self, key: str | bytes, extents: list[Extent]) -> None:
        number = hash(key)
        if number in self._found or any(extent.rule in _PASSING for extent in extents):
            return
        if self._findings + len(extents) > _MOST_FINDINGS:
            self._found_before, self._found, self._findings = self._found, {}, 0
        self._found[number] = _digest_of(key), extents
        self._findings += len(extents)


def _digest_of(key: str | bytes) -> bytes:
    return key if isinstance(key, bytes) else digest(key)


def digest(text: str) -> bytes:
    """Stands for a text; nobody can make another text that has the same."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
