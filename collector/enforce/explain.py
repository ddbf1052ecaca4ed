"""Why a text was masked: by which rule, which layer of the policy has it on, and how to allow it."""

from __future__ import annotations

from collector.enforce.in_force import InForce
from collector.policy.demands import RuleChoice
from collector.policy.layers import BUILT_IN, Layer, Rank
from collector.policy.model import Action, ContentLevel
from collector.redact.report import SECRET_FIELD
from collector.redact.rules import ALL_RULES
from collector.redact.ruleset import combined


def reason_of(rule: str, in_force: InForce) -> str:
    """One line for a person; it says nothing of the text that was found."""
    policy = in_force.policy
    if rule not in policy.rules and rule not in {own.id for own in policy.own_rules}:
        return _of_structure(rule, in_force)
    action = policy.actions.get(rule, Action.PLACEHOLDER).word
    what = f"{rule}{_kind(rule)}, {action}"
    layer = _turned_on_by(rule, in_force)
    if _stays_on(rule, in_force):
        return f"{what}; {layer} has it on, and users cannot turn it off: ask whoever writes that policy"
    return f'{what}; {layer} has it on; to allow it, write [rules] disable = ["{rule}"] into a policy of your own'


def _of_structure(rule: str, in_force: InForce) -> str:
    if rule == "content" and in_force.policy.mode is ContentLevel.METADATA:
        origin = next((row.origin for row in in_force.rows if row.key == "mode"), BUILT_IN)
        return f"content: {origin} keeps metadata only; to see more, use mode mask there"
    return f"{rule}: structure that the policy's limits and fields replace; see `collector policy show --effective`"


def _kind(rule: str) -> str:
    if rule == SECRET_FIELD:
        return " (a key that says its value is a secret)"
    found = next((each for each in ALL_RULES if each.id == rule), None)
    if found is None:
        return " (a rule of the policy's own)"
    return (
        f" ({found.pack}, known by its own format)" if found.token else f" ({found.pack}, known by the words around it)"
    )


def _turned_on_by(rule: str, in_force: InForce) -> str:
    """The last layer that turned the rule on, without which it would be off, or the first that has it on."""
    for layer in reversed(in_force.layers):
        choice = layer.demands.get("rules")
        own = {each.id for each in layer.demands.get("rule", ())}
        if rule in own or (choice is not None and rule in choice.enable):
            return layer.origin
        if choice is not None and choice.packs is not None and rule not in choice.disable:
            return layer.origin
    return "the default policy"


def _stays_on(rule: str, in_force: InForce) -> bool:
    """Whether a user who turns the rule off does so in vain."""
    user = Layer("you", Rank.USER, {"rules": RuleChoice(disable=frozenset({rule}))})
    policy = combined([*in_force.layers, user]).policy
    return rule in policy.rules or rule in {own.id for own in policy.own_rules}
