"""From a document's tables to what a layer demands, one entry a key, each checked against what exists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from collector.batch import Signal
from collector.errors import ConfigError
from collector.policy.hide import hidden_fields
from collector.policy.known import KNOWN_KEYS
from collector.policy.model import (
    KEYED,
    KINDS,
    PLACES,
    Action,
    ContentLevel,
    FieldRule,
    HmacKey,
    LevelRule,
    Levels,
    OwnRule,
    Place,
    Where,
)
from collector.policy.presets import PRESETS
from collector.policy.schema import Body, FieldTable, RulesTable, UserDocument, read_document

Demands = dict[str, Any]
"""What a layer asks for, by key: `content`, `rules`, `rule`, `field`, `limits.max_depth`, ..."""

_SIGNALS = {
    "traces": Signal.TRACES, "span": Signal.TRACES, "logs": Signal.LOGS, "log": Signal.LOGS,
    "metrics": Signal.METRICS, "metric": Signal.METRICS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Catalog:
    """The packs there are: name with version -> rule id -> whether it is on when nothing is said."""

    packs: Mapping[str, Mapping[str, bool]]
    check_rule: Callable[[OwnRule], object]
    """Compiles a rule and runs its examples; raises `ConfigError`."""
    latest: Mapping[str, str]
    """Names such as `secrets@latest`, and the version each stands for."""

    @property
    def rule_ids(self) -> frozenset[str]:
        return frozenset(rule for pack in self.packs.values() for rule in pack)


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """Which rules a layer turns on: those of its packs (None: of the layers below), and the changes to them."""

    packs: tuple[str, ...] | None = None
    enable: frozenset[str] = frozenset()
    disable: frozenset[str] = frozenset()

    def over(self, below: frozenset[str], catalog: Catalog) -> frozenset[str]:
        """The rules that are on when this choice stands over a layer that has `below` on."""
        if self.packs is not None:
            below = frozenset(
                rule for pack in self.packs for rule, is_default in catalog.packs[pack].items() if is_default
            )
        return below - self.disable | self.enable


def demands(body: Body, origin: str, catalog: Catalog) -> Demands:
    """What `body` demands, its preset included; raises `ConfigError` for what cannot be meant."""
    try:
        found = _demands(body, catalog)
    except _Wrong as error:
        raise ConfigError(f"{origin}: {error}") from None
    if body.preset is not None:
        document = read_document(UserDocument, PRESETS[body.preset].encode(), f"preset {body.preset}")
        found = _with_preset(_demands(document, catalog), found)
    return found


class _Wrong(Exception):
    pass


def _demands(body: Body, catalog: Catalog) -> Demands:
    found: Demands = {}
    if body.mode is not None or body.content is not None:
        rules = [_level_rule(table, f"content[{at}]") for at, table in enumerate(body.content or [], 1)]
        default = ContentLevel.MASK if body.mode in (None, "mask") else ContentLevel.METADATA
        found["content"] = (Levels(default, tuple(rules)),)
    if body.on_error is not None:
        found["on_error"] = body.on_error == "metadata-only"
    if body.rules is not None:
        found.update(_rules(body.rules, catalog))
    if body.rule is not None:
        found["rule"] = tuple(_own_rule(table, at, catalog) for at, table in enumerate(body.rule, 1))
        _once([rule.id for rule in found["rule"]], "rule")
        for table in body.rule:
            found[f"rules.action.{table.id}"] = Action[table.action.upper()]
    if body.field is not None or body.hide is not None:
        chosen = [_field(table, f"field[{at}]") for at, table in enumerate(body.field or [], 1)]
        try:
            hidden = [rule for name in body.hide or [] for rule in hidden_fields(name)]
        except KeyError as error:
            raise _Wrong(f"hide: {error.args[0]} is not known") from None
        found["field"] = (*chosen, *hidden)
    if body.hmac is not None:
        found["hmac"] = HmacKey(body.hmac.key_file, body.hmac.key_id)
    if body.limits is not None:
        for name, value in body.limits.model_dump(exclude_none=True).items():
            found[f"limits.{name}"] = value
    if body.report is not None:
        found["report.span_attributes"] = body.report.span_attributes
    return found


def _with_preset(preset: Demands, own: Demands) -> Demands:
    """A preset beside keys of one's own: both hold, and the stricter where they differ."""
    found = {**preset, **own}
    if "content" in preset and "content" in own:
        found["content"] = preset["content"] + own["content"]
    if "field" in preset and "field" in own:
        found["field"] = preset["field"] + own["field"]
    if "rules" in preset and "rules" in own:
        packs = {*(preset["rules"].packs or ()), *(own["rules"].packs or ())}
        found["rules"] = RuleChoice(tuple(sorted(packs)), own["rules"].enable, own["rules"].disable)
    return found


def _level_rule(table: Any, path: str) -> LevelRule:
    where = _where(table, path)
    if not (table.signal or where.by_item):
        raise _Wrong(f"{path}: name a signal, service, kind or tool; `mode` is the level of everything")
    if (where.kinds or where.tools) and where.signals == {Signal.METRICS}:
        raise _Wrong(f"{path}: metrics have no kind and no tool")
    return LevelRule(ContentLevel(table.level), where)


def _where(table: Any, path: str) -> Where:
    unknown = [kind for kind in table.kind if kind not in KINDS]
    if unknown:
        raise _Wrong(f"{path}.kind: no such span kind; known are {', '.join(sorted(KINDS))}")
    for name in ("service", "tool"):
        for pattern in getattr(table, name):
            _check_glob(pattern, f"{path}.{name}")
    signals = frozenset(_SIGNALS[name] for name in table.signal) or frozenset(Signal)
    if table.kind:
        signals &= {Signal.TRACES}
    elif table.tool:
        signals &= {Signal.TRACES, Signal.LOGS}
    if not signals:
        raise _Wrong(f"{path}: this signal has no such kind or tool")
    return Where(
        signals, tuple(table.service), frozenset(table.kind), tuple(table.tool), frozenset(getattr(table, "role", ()))
    )


def _rules(table: RulesTable, catalog: Catalog) -> Demands:
    found: Demands = {}
    packs = [catalog.latest.get(pack, pack) for pack in table.packs or ()]
    for pack in packs:
        if pack not in catalog.packs:
            known_packs = ", ".join(sorted({*catalog.packs, *catalog.latest}))
            raise _Wrong(f"rules.packs: there is no {pack}; known are {known_packs}")
    if table.packs == []:
        raise _Wrong("rules.packs: an empty list would turn all rules off; name a pack")
    known = catalog.rule_ids
    for name, ids in (("enable", table.enable or ()), ("disable", table.disable or ()), ("action", table.action)):
        for rule in ids:
            if rule not in known:
                close = _closest(rule, known)
                raise _Wrong(f"rules.{name}: there is no rule {rule}{f'; did you mean {close}?' if close else ''}")
    if table.packs is not None or table.enable is not None or table.disable is not None:
        found["rules"] = RuleChoice(
            tuple(sorted(set(packs))) if table.packs is not None else None,
            frozenset(table.enable or ()),
            frozenset(table.disable or ()),
        )
    for rule, action in table.action.items():
        found[f"rules.action.{rule}"] = Action[action.upper()]
    return found


def _own_rule(table: Any, at: int, catalog: Catalog) -> OwnRule:
    if table.id in catalog.rule_ids:
        raise _Wrong(f"rule[{at}].id: {table.id} is a rule of a pack; give it another id")
    rule = OwnRule(
        table.id, table.pattern, tuple(table.match), tuple(table.no_match), tuple(table.literals), table.group,
        "" if table.check == "none" else table.check,
    )  # fmt: skip
    try:
        catalog.check_rule(rule)
    except ConfigError as error:
        raise _Wrong(f"rule[{at}] {table.id}: {error}") from None
    return rule


def _field(table: FieldTable, path: str) -> FieldRule:
    word, _, size = table.action.partition(":")
    action = Action[word.upper()]
    where = _where(table, path)
    places = _places(table, path)
    where_signals = where.signals & frozenset(signal for place in places for signal in PLACES[place])
    if not where_signals:
        raise _Wrong(f"{path}: {', '.join(sorted(places))} is not found in the signals it names")
    for place in places if table.at else ():
        if not PLACES[place] & where.signals:
            raise _Wrong(f"{path}.at: {place} is not found in the signals it names")
    if table.key is not None:
        _check_glob(table.key, f"{path}.key")
        _check_known(table.key, f"{path}.key")
    if table.role and not (table.key or "").startswith("llm."):
        raise _Wrong(f"{path}.role: needs a key under llm.input_messages or llm.output_messages")
    if action is Action.TRUNCATE and int(size) < 1:
        raise _Wrong(f"{path}.action: truncate to at least one byte, or use placeholder")
    if action is Action.KEEP:
        _check_keep(table, path)
    elif table.type or table.shape:
        raise _Wrong(f"{path}: type and shape belong to keep")
    return FieldRule(
        action, places, table.key or "*", Where(where_signals, where.services, where.kinds, where.tools, where.roles),
        int(size) if size else 0, table.type or "", table.shape or "",
    )  # fmt: skip


def _places(table: FieldTable, path: str) -> frozenset[Place]:
    for name in table.at:
        if name not in set(Place):
            raise _Wrong(f"{path}.at: no such place; known are {', '.join(sorted(Place))}")
    if not table.at:
        if table.key is None:
            raise _Wrong(f"{path}: name a key, or the places in `at`")
        return KEYED
    places = frozenset(Place(name) for name in table.at)
    if table.key is not None and places - KEYED:
        raise _Wrong(f"{path}.key: {', '.join(sorted(places - KEYED))} has no keys")
    return places


def _check_keep(table: FieldTable, path: str) -> None:
    if table.key is None or "*" in table.key:
        raise _Wrong(f"{path}: keep needs an exact key")
    if table.type is None:
        raise _Wrong(f"{path}: keep needs the type of the value")
    if table.type == "string" and table.shape is None:
        raise _Wrong(f"{path}: keep needs the shape of a string: identifier, number, version or model")
    if table.type != "string" and table.shape is not None:
        raise _Wrong(f"{path}.shape: only strings have a shape")


def _check_glob(pattern: str, path: str) -> None:
    if any(char in pattern for char in "?[]") or "**" in pattern:
        raise _Wrong(f"{path}: `*` is the only wildcard")


def _check_known(key: str, path: str) -> None:
    """A misspelt key of a known convention would select nothing, silently; keys of one's own are free."""
    if key.partition(".")[0] not in {known.partition(".")[0] for known in KNOWN_KEYS} or key in KNOWN_KEYS:
        return
    parts = key.split(".")
    for known in KNOWN_KEYS:
        others = known.split(".")
        different = [(a, b) for a, b in zip(parts, others, strict=False) if a != b]
        if len(parts) != len(others) or len(different) != 1:
            continue
        [(one, other)] = different
        if "*" not in one and other != "*" and SequenceMatcher(None, one, other).ratio() >= 0.86:
            raise _Wrong(f"{path}: {key} is no known key; did you mean {known}?")


def _closest(word: str, known: Iterable[str]) -> str:
    best = max(known, key=lambda other: SequenceMatcher(None, word, other).ratio(), default="")
    return best if SequenceMatcher(None, word, best).ratio() > 0.6 else ""


def _once(ids: Sequence[str], path: str) -> None:
    for at, name in enumerate(ids, 1):
        if name in ids[: at - 1]:
            raise _Wrong(f"{path}[{at}].id: {name} is there twice")
