"""Finding, choosing and replacing, apart: rules yield extents, the extents that hold are chosen, then text changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from collector.redact.rules import DEFAULT_RULES, Rule

ERROR = "error"


class Extent(NamedTuple):
    """A finding: what stands at `start` up to `end` (bytes) is what `rule` describes."""

    start: int
    end: int
    rule: str


class Engine:
    """Replaces what the rules find by a placeholder that names the rule, such as `[REDACTED:jwt]`.

    Time is linear in the text. A text that cannot be handled is replaced whole, never passed on.
    """

    def __init__(self, rules: Sequence[Rule] = DEFAULT_RULES) -> None:
        self._rules = rules

    def mask(self, texts: Sequence[str], findings: Counter[str]) -> dict[int, str]:
        """Return the texts that change, by their index, and count what was found by rule."""
        joined = "\0".join(texts).encode("utf-8", "surrogatepass")
        live = [rule for rule in self._rules if any(literal in joined for literal in rule.literals)]
        changed: dict[int, str] = {}
        if not live:
            return changed
        for index, text in enumerate(texts):
            try:
                data = text.encode("utf-8", "surrogatepass")
                extents = _find(data, live)
                if extents:
                    changed[index] = replace(data, extents).decode("utf-8", "replace")
                    findings.update(extent.rule for extent in extents)
            except Exception:  # whatever went wrong, the value does not pass
                findings[ERROR] += 1
                changed[index] = f"[REDACTED:{ERROR}]"
        return changed

    def find_all(self, texts: Sequence[str]) -> Iterable[tuple[int, bytes, list[Extent]]]:
        """The texts that hold something, with what."""
        joined = "\0".join(texts).encode("utf-8", "surrogatepass")
        live = [rule for rule in self._rules if any(literal in joined for literal in rule.literals)]
        for index, text in enumerate(texts) if live else ():
            data = text.encode("utf-8", "surrogatepass")
            extents = _find(data, live)
            if extents:
                yield index, data, extents

    def find(self, data: bytes) -> list[Extent]:
        """What the rules find in UTF-8 text: in order, none over another."""
        return _find(data, self._rules)


def placeholder(extent: Extent, found: bytes) -> bytes:
    return f"[REDACTED:{extent.rule}]".encode()


def replace(data: bytes, extents: Iterable[Extent], render: Callable[[Extent, bytes], bytes] = placeholder) -> bytes:
    """Put placeholders where `extents` (in order, none over another) say."""
    parts: list[bytes] = []
    at = 0
    for extent in extents:
        parts += (data[at : extent.start], render(extent, data[extent.start : extent.end]))
        at = extent.end
    parts.append(data[at:])
    return b"".join(parts)


def _find(data: bytes, rules: Sequence[Rule]) -> list[Extent]:
    found: list[Extent] = []
    for rule in rules:
        if any(literal in data for literal in rule.literals):
            group = "secret" if "secret" in rule.pattern.groupindex else 0
            found += [Extent(*match.span(group), rule.id) for match in rule.pattern.finditer(data)]
    return _choose(found) if len(found) > 1 else found


def _choose(found: list[Extent]) -> list[Extent]:
    """Where findings overlap, the one that starts first covers the others, and grows to the end of the last."""
    chosen: list[Extent] = []
    for extent in sorted(found, key=lambda e: (e.start, -e.end)):
        if chosen and extent.start < chosen[-1].end:
            if extent.end > chosen[-1].end:
                chosen[-1] = chosen[-1]._replace(end=extent.end)
        else:
            chosen.append(extent)
    return chosen
