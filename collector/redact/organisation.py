"""Rules that a policy brings (until the engine's own compiler is merged)."""

from __future__ import annotations

import re

from collector.redact.rule import Rule, Trigger


class RuleError(Exception):
    """A pattern that cannot be used; the message says why."""


def compile_rule(
    id: str, pattern: str, *, literals: tuple[str, ...] = (), group: int = 0, check: str | None = None,
    match: tuple[str, ...] = (), no_match: tuple[str, ...] = (),
) -> Rule:  # fmt: skip
    """One rule of a policy; raises `RuleError`."""
    from collector.redact.engine import Engine

    try:
        compiled = re.compile(pattern.encode())
        trigger = Trigger(pattern, None, tuple(each.lower().encode() for each in literals))
        rule = Rule(id, "policy", (trigger,), lambda data, at: None, match, no_match, reach=4096, pattern=compiled)
        engine = Engine([rule])
    except Exception:
        raise RuleError("the pattern cannot be compiled") from None
    for text in match:
        if not engine.find(text.encode()):
            raise RuleError("an example in match is not found")
    for text in no_match:
        if engine.find(text.encode()):
            raise RuleError("an example in no_match is found")
    return rule
