"""Combining layers: what is required stays, whoever else speaks; everything else the user may choose.

    built-in  <  the machine's choices  <  its [defaults]  <  the user's policy      the later replaces, key by key
    joined with [required], and with what the environment and flags ask for          the stricter wins

Where a machine policy exists, the locked keys are those of `[required]`, and each key that no machine layer sets, at
its built-in default. So no user layer ever loosens what the machine's layers alone would remove.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum, auto
from typing import Any

from collector.policy.demands import Catalog, Demands, RuleChoice
from collector.policy.model import Action, ContentLevel, Levels, Limits, Policy, strictest

BUILT_IN = "built-in"


class Rank(Enum):
    """By whose right a layer speaks."""

    REQUIRED = auto()
    DEFAULTS = auto()
    USER = auto()
    TIGHTEN = auto()
    """Environment and flags: they are added to what holds."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source demands; `origin` is how people know it."""

    origin: str
    rank: Rank
    demands: Demands
    name: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One line of the policy in force: which layer set it."""

    key: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Combined:
    """The policy in force, what was overruled, and where each part came from."""

    policy: Policy
    notices: tuple[str, ...]
    rows: tuple[PolicyRow, ...]


_Entry = tuple[Any, str]  # value, origin
_NOTHING_ON: Mapping[str, _Entry] = {"rules.on": (frozenset(), ""), "packs": ((), "")}


def combine(layers: Sequence[Layer], catalog: Catalog, default: Demands, default_name: str) -> Combined:
    """Combine `layers`; `default` is what the collector does when nobody says anything."""
    required = [layer for layer in layers if layer.rank is Rank.REQUIRED]
    defaults = [layer for layer in layers if layer.rank is Rank.DEFAULTS]
    users = [layer for layer in layers if layer.rank is Rank.USER]
    notices: list[str] = []
    if required or defaults:
        users = [_without_keep(layer, notices) for layer in users]
    built_in = {key: (value, BUILT_IN) for key, value in _complete(default, catalog).items()}
    base = _overlay(built_in, [*required, *defaults, *users], catalog)
    locked = _locked(built_in, required, defaults, catalog) if required or defaults else {}
    final = dict(base)
    for key, entry in locked.items():
        final[key] = _join(key, final.get(key), entry)
    tightening = [_without_keep(layer, notices) for layer in layers if layer.rank is Rank.TIGHTEN]
    for layer in tightening:
        for key, entry in _overlay(_NOTHING_ON, [layer], catalog).items():
            final[key] = _join(key, final.get(key), entry)
    notices += _overruled([*users, *tightening], base, final)
    return Combined(_policy(final, layers, default_name), tuple(notices), _rows(final, catalog))


def _complete(default: Demands, catalog: Catalog) -> Demands:
    found = {f"limits.{field.name}": getattr(Limits(), field.name) for field in fields(Limits)}
    found |= {"content": (Levels(),), "on_error": False, "report.span_attributes": True, "field": (), "rule": ()}
    found |= {key: value for key, value in default.items() if key != "rules"}
    choice: RuleChoice = default.get("rules", RuleChoice(()))
    return {**found, "packs": choice.packs or (), "rules.on": choice.over(frozenset(), catalog)}


def _overlay(below: Mapping[str, _Entry], layers: Sequence[Layer], catalog: Catalog) -> dict[str, _Entry]:
    found = dict(below)
    for layer in layers:
        for key, value in layer.demands.items():
            if key == "rules":
                found["rules.on"] = (value.over(found["rules.on"][0], catalog), layer.origin)
                if value.packs is not None:
                    found["packs"] = (value.packs, layer.origin)
            else:
                found[key] = (value, layer.origin)
    return found


def _locked(
    built_in: Mapping[str, _Entry], required: Sequence[Layer], defaults: Sequence[Layer], catalog: Catalog
) -> dict[str, _Entry]:
    """Locked keys: those of `[required]`, and the built-in defaults of keys that no machine layer sets."""
    free = {key for layer in defaults for key in layer.demands}
    choices = [layer.demands["rules"] for layer in defaults if "rules" in layer.demands]
    found: dict[str, _Entry] = {}
    for layer in required:
        alone = _overlay(built_in, [layer], catalog)
        for key in layer.demands:
            for part in ("rules.on", "packs") if key == "rules" else (key,):
                found[part] = _join(part, found.get(part), alone[part])
    for key, entry in built_in.items():
        if key in found:
            continue
        if key in ("rules.on", "packs"):
            # Naming packs leaves the choice of rules to users; turning one off leaves them that one.
            if not any(choice.packs is not None for choice in choices):
                off = frozenset(rule for choice in choices for rule in choice.disable)
                found[key] = (entry[0] - off, entry[1]) if key == "rules.on" else entry
        elif key not in free:
            found[key] = entry
    for rule in sorted(catalog.rule_ids):
        key = f"rules.action.{rule}"
        if key not in found and key not in free:
            found[key] = (Action.PLACEHOLDER, BUILT_IN)
    return found


def _join(key: str, one: _Entry | None, other: _Entry) -> _Entry:
    """The strictest of two demands for a key, and who made it."""
    if one is None or one[0] == other[0]:
        return other
    a, b = one[0], other[0]
    if key in ("content", "field"):
        joined = tuple(dict.fromkeys((*b, *a)))
        if key == "content" and _default_level(a) is not _default_level(b):
            return joined, (one if _default_level(a) is ContentLevel.METADATA else other)[1]
        return joined, other[1] if not a else one[1] if not b else f"{other[1]} + {one[1]}"
    if key == "rule":
        ids = {rule.id for rule in b}
        return (*b, *(rule for rule in a if rule.id not in ids)), f"{other[1]} + {one[1]}" if a and b else other[1]
    if key in ("rules.on", "packs"):
        joined_set = frozenset(a) | frozenset(b)
        origin = other[1] if frozenset(a) <= frozenset(b) else one[1] if frozenset(b) <= frozenset(a) else ""
        origin = origin or f"{other[1]} + {one[1]}"
        return (joined_set if key == "rules.on" else tuple(sorted(joined_set))), origin
    if key.startswith("limits.") and key != "limits.decode_depth":
        return min(one, other, key=lambda entry: entry[0])
    if key == "hmac":
        return other
    return max(one, other, key=lambda entry: entry[0])  # decode_depth, on_error, report, rules.action


def _without_keep(layer: Layer, notices: list[str]) -> Layer:
    """What a machine policy scans, a user cannot exempt."""
    chosen = layer.demands.get("field", ())
    if not any(rule.action is Action.KEEP for rule in chosen):
        return layer
    notices.append(f"{layer.origin}: keep is left out: the machine's policy does not let users exempt fields")
    kept = tuple(rule for rule in chosen if rule.action is not Action.KEEP)
    return Layer(layer.origin, layer.rank, {**layer.demands, "field": kept}, layer.name, layer.revision)


def _overruled(users: Sequence[Layer], base: Mapping[str, _Entry], final: Mapping[str, _Entry]) -> list[str]:
    """Say for each key a user asked for that something stricter holds."""
    notices = []
    for layer in users:
        for key, value in layer.demands.items():
            if key == "rules" and layer.rank is Rank.TIGHTEN:
                continue  # it turns rules on, and none off
            if key == "rules":
                back = sorted(final["rules.on"][0] - base["rules.on"][0])
                if back:
                    shown = ", ".join(back[:5]) + (f" and {len(back) - 5} more" if len(back) > 5 else "")
                    notices.append(f"{layer.origin}: {shown} cannot be turned off: {final['rules.on'][1]} has it on")
            elif key == "content":
                if _default_level(final["content"][0]) is not _default_level(value):
                    notices.append(f"{layer.origin}: mode stays at metadata: {final['content'][1]} asks for it")
            elif key == "rule":
                mine = {rule.id: rule for rule in value}
                for rule in final["rule"][0]:
                    if rule.id in mine and mine[rule.id] != rule:
                        notices.append(f"{layer.origin}: rule {rule.id} is left out: {final['rule'][1]} has its own")
            elif key != "field" and layer.rank is Rank.USER and final[key][0] != value:
                notices.append(f"{layer.origin}: {key} is {_shown(final[key][0])}: {final[key][1]} asks for it")
    return notices


def _default_level(tables: tuple[Levels, ...]) -> ContentLevel:
    return strictest(table.default for table in tables)


def _named(layers: Sequence[Layer]) -> tuple[str, int]:
    """The names of layers, each once, and the highest of their revisions."""
    named = [layer for layer in layers if layer.name]
    names = dict.fromkeys(layer.name for layer in named)
    return "+".join(names), max((layer.revision for layer in named), default=0)


def _policy(final: Mapping[str, _Entry], layers: Sequence[Layer], default_name: str) -> Policy:
    machine = [layer for layer in layers if layer.rank in (Rank.REQUIRED, Rank.DEFAULTS)]
    users = [layer for layer in layers if layer.rank is Rank.USER]
    user_name, user_revision = _named(users)
    name, revision = _named(machine) if machine else (user_name or default_name, user_revision)
    return Policy(
        name=name,
        revision=revision,
        locked=bool(machine),
        user_name=user_name,
        user_revision=user_revision,
        levels=final["content"][0],
        rules=final["rules.on"][0],
        packs=final["packs"][0],
        own_rules=final["rule"][0],
        actions={
            key.removeprefix("rules.action."): action
            for key, (action, _) in final.items()
            if key.startswith("rules.action.") and action is not Action.PLACEHOLDER
        },
        fields=final["field"][0],
        limits=Limits(**{field.name: final[f"limits.{field.name}"][0] for field in fields(Limits)}),
        hmac=final["hmac"][0] if "hmac" in final else None,
        span_attributes=final["report.span_attributes"][0],
        metadata_on_error=final["on_error"][0],
    )


def _rows(final: Mapping[str, _Entry], catalog: Catalog) -> tuple[PolicyRow, ...]:
    rows = []
    for key, (value, origin) in final.items():
        if key == "content":
            rows.append(PolicyRow("mode", _default_level(value).value, origin))
            for number, rule in enumerate((rule for table in value for rule in table.rules), 1):
                rows.append(PolicyRow(f"content[{number}]", f"{rule.level} for {_where(rule.where)}", origin))
        elif key == "rules.on":
            usual = frozenset(rule for pack in final["packs"][0] for rule, on in catalog.packs[pack].items() if on)
            rows.append(PolicyRow("rules", f"{len(value)} on", origin))
            rows += [PolicyRow("rules.enable", rule, origin) for rule in sorted(value - usual)]
            rows += [PolicyRow("rules.disable", rule, origin) for rule in sorted(usual - value)]
        elif key == "field":
            for number, rule in enumerate(value, 1):
                size = f":{rule.most_bytes}" if rule.most_bytes else ""
                at = "" if len(rule.places) > 7 else f" at {', '.join(sorted(rule.places))}"
                shown = f"{rule.action.word}{size} {rule.key}{at} for {_where(rule.where)}"
                rows.append(PolicyRow(f"field[{number}]", shown, origin))
        elif key == "rule":
            rows += [PolicyRow("rule", rule.id, origin) for rule in value]
        elif not (key.startswith("rules.action.") and value is Action.PLACEHOLDER):
            rows.append(PolicyRow("rules.packs" if key == "packs" else key, _shown(value), origin))
    return tuple(rows)


def _where(where: Any) -> str:
    parts = [] if len(where.signals) == 3 else [", ".join(sorted(where.signals))]
    parts += [
        f"{name} {', '.join(sorted(words))}"
        for name, words in (
            ("service", where.services),
            ("kind", where.kinds),
            ("tool", where.tools),
            ("role", where.roles),
        )
        if words
    ]
    return "; ".join(parts) or "everything"


def _shown(value: Any) -> str:
    if isinstance(value, Action):
        return value.word
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if hasattr(value, "key_id"):
        return f"key {value.key_id}"
    return str(value)
