"""What a policy finds: in its rules' own examples, and in texts that someone has labelled (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collector.policy.model import Policy
from collector.redact.engine.engine import Engine
from collector.redact.engine.rule import Rule, expand
from collector.redact.ruleset import engine_of, rules_of

_COVERED = 0.95


@dataclass(frozen=True, slots=True)
class Examples:
    """How a rule does on its own examples."""

    rule: str
    examples: int
    failed: int

    @property
    def holds(self) -> bool:
        return not self.failed


def examples_of(policy: Policy) -> list[Examples]:
    """Run the examples of every rule that is on: found by this rule alone, or left alone by it."""
    own = {rule.id: rule for rule in policy.own_rules}
    by_id: dict[str, list[Rule]] = {}
    for rule in rules_of(policy):
        by_id.setdefault(rule.id, []).append(rule)
    rows = []
    for name, rules in by_id.items():
        # A few short texts for each rule: compiling a scanner of Hyperscan takes longer than reading them all by `re`.
        engine = Engine(rules, scanner_name="re")
        sources = [own[name]] if name in own else rules
        match = [text for source in sources for text in source.match]
        no_match = [text for source in sources for text in source.no_match]
        failed = sum(not engine.find(expand(text).encode()) for text in match)
        failed += sum(bool(engine.find(expand(text).encode())) for text in no_match)
        rows.append(Examples(name, len(match) + len(no_match), failed))
    return rows


def measure(policy: Policy, texts: Iterable[Mapping[str, Any] | bytes]) -> dict[str, Any]:
    """Measure a policy on labelled texts (`{"text", "secrets": [{"start", "end"}]}`) and on others, given as bytes.

    The labelled give recall and precision; the others the number of findings per megabyte.
    """
    engine = engine_of(policy)
    labelled = secrets = covered = findings = right = size = 0
    by_rule: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for text in texts:
        if isinstance(text, bytes):
            size += len(text)
            by_rule.update(extent.rule for extent in engine.find(text))
            continue
        labelled += 1
        found, marked = _found(engine, text), text.get("secrets", ())
        secrets += len(marked)
        for mark in marked:
            if _share(found, mark["start"], mark["end"]) >= _COVERED:
                covered += 1
            else:
                missed[str(mark.get("type", "unnamed"))] += 1
        findings += len(found)
        right += sum(any(start < mark["end"] and end > mark["start"] for mark in marked) for start, end in found)
    return {
        "labelled": labelled,
        "secrets": secrets,
        "recall": covered / secrets if secrets else 1.0,
        "missed": dict(missed.most_common()),
        "precision": right / findings if findings else 1.0,
        "megabytes": size / 1e6,
        "per_megabyte": sum(by_rule.values()) / (size / 1e6) if size else 0.0,
        "by_rule": dict(by_rule.most_common()),
    }


def _found(engine: Engine, labelled: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Extents in code points, as the labels are."""
    data = labelled["text"].encode("utf-8", "surrogatepass")
    return [
        (len(data[: extent.start].decode("utf-8", "ignore")), len(data[: extent.end].decode("utf-8", "ignore")))
        for extent in engine.find(data)
    ]


def _share(found: list[tuple[int, int]], start: int, end: int) -> float:
    covered = sum(max(0, min(end, stop) - max(start, at)) for at, stop in found)
    return covered / max(1, end - start)
