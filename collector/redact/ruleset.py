"""From the rule ids of a policy to the rules an engine runs; and what a policy's own rules are checked by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, lru_cache

from collector.errors import ConfigError
from collector.policy.demands import Catalog, Demands, demands
from collector.policy.layers import Combined, Layer, Rank, combine
from collector.policy.model import ContentLevel, Levels, OwnRule, Policy
from collector.policy.presets import DEFAULT, PRESETS
from collector.policy.schema import UserDocument, read_document
from collector.redact.engine import checks
from collector.redact.engine.compile import RuleError, compile_rule
from collector.redact.engine.engine import Engine
from collector.redact.engine.rule import Rule
from collector.redact.report import SECRET_FIELD
from collector.redact.rules import ALL_RULES, LATEST, PACKS


@cache
def catalog() -> Catalog:
    """The packs there are; the rule for keys that say secret is in every version of `secrets`."""
    packs = {name: {rule.id: rule.on for rule in rules} for name, rules in PACKS.items()}
    for name, rules in packs.items():
        if name.startswith("secrets@"):
            rules[SECRET_FIELD] = True
    return Catalog(packs, compiled, LATEST)


def compiled(rule: OwnRule) -> Rule:
    """A policy's own rule, its examples run; raises `ConfigError`."""
    try:
        return compile_rule(
            rule.id,
            rule.pattern,
            literals=rule.literals,
            group=rule.group,
            check=_check(rule.check),
            match=rule.match,
            no_match=rule.no_match,
        )
    except RuleError as error:
        raise ConfigError(str(error).removeprefix(f"rule {rule.id}: ")) from None


def _check(name: str) -> Callable[[bytes], bool] | None:
    """What must hold for a match besides the pattern."""
    if name.startswith("entropy>="):
        least = float(name.removeprefix("entropy>="))
        return lambda found: checks.entropy(found) >= least
    return {"luhn": checks.luhn, "mod97": checks.mod97}.get(name)


def engine_of(policy: Policy) -> Engine:
    """An engine for the rules of `policy`. It takes a while to make and may be shared, so it is made once."""
    actions = frozenset((rule, int(action)) for rule, action in policy.actions.items())
    return _engine(policy.rules, policy.packs, policy.own_rules, policy.limits.decode_depth, actions)


@lru_cache(4)
def _engine(
    ids: frozenset[str],
    packs: tuple[str, ...],
    own: tuple[OwnRule, ...],
    decode_depth: int,
    actions: frozenset[tuple[str, int]],
) -> Engine:
    rules = rules_of(Policy(rules=ids, packs=packs, own_rules=own))
    return Engine(rules, decode_depth=decode_depth, strictness=dict(actions))


def rules_of(policy: Policy) -> tuple[Rule, ...]:
    """The rules that `policy` has on, its own after those of the packs.

    A rule is taken from the packs that the policy names, and from the latest version where none of them has it.
    """
    chosen = [rule for name in policy.packs for rule in PACKS[name]]
    named = {rule.id for rule in chosen}
    others = [rule for name in LATEST.values() for rule in PACKS[name] if rule.id not in named]
    wanted = {id(rule) for rule in (*chosen, *others) if rule.id in policy.rules}
    return (*(rule for rule in ALL_RULES if id(rule) in wanted), *map(compiled, policy.own_rules))


@cache
def preset_demands(name: str) -> Demands:
    document = read_document(UserDocument, PRESETS[name].encode(), f"preset {name}")
    return demands(document, f"preset {name}", catalog())


def combined(layers: Sequence[Layer] = ()) -> Combined:
    """The policy that `layers` make over the default preset."""
    return combine(layers, catalog(), preset_demands(DEFAULT), DEFAULT)


@cache
def preset_policy(name: str = DEFAULT) -> Policy:
    """What a preset stands for, with nothing else said."""
    return combined([Layer(f"preset {name}", Rank.USER, preset_demands(name), name)]).policy


def level_policy(level: ContentLevel) -> Policy:
    """The default preset at a content level."""
    policy = preset_policy()
    return policy if level is ContentLevel.MASK else replace(policy, levels=(Levels(level),))
