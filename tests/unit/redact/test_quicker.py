"""The forms of triggers that the engine looks for lead to all that the rules' own triggers lead to."""

from __future__ import annotations

import pytest

from collector.redact.engine import engine as engine_module
from collector.redact.engine.compile import compile_rule, compiled_width
from collector.redact.engine.engine import Engine
from collector.redact.engine.quicker import _APART, _QUICKER, quicker
from collector.redact.engine.rule import Rule, expand
from collector.redact.rules import ALL_RULES

_CHANGED = [rule for rule in ALL_RULES if any(trigger.source in _QUICKER for trigger in rule.triggers)]
_PADS = ("{}", " {}", "x = '{}'\n", "({})", "path/{}", "\n{}\n", "a.b {} c", "k={};", "{} {}", "é{}é")


def test_every_form_is_of_a_trigger_that_some_rule_has() -> None:
    assert {trigger.source for rule in _CHANGED for trigger in rule.triggers} >= set(_QUICKER)
    assert {trigger.source for rule in ALL_RULES for trigger in rule.triggers} >= _APART


@pytest.mark.parametrize("rule", _CHANGED, ids=lambda rule: rule.id)
def test_a_rule_finds_the_same_by_either_form(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    """In texts with its token at either end, twice, cut off, and after what a token may be mistaken for."""
    engine = Engine([rule])
    monkeypatch.setattr(engine_module, "quicker", lambda trigger, rule: trigger)
    as_it_is = Engine([rule])
    for seed, example in enumerate((*rule.match, *rule.no_match)):
        for token in (expand(example, seed + 1), expand(example, seed + 9)):
            for pad in _PADS:
                text = pad.replace("{}", token)
                for cut in (text, text[:-3], text[:-20], text[2:], text + "0", text.replace(token, "0" + token)):
                    data = cut.encode()
                    assert engine.find(data) == as_it_is.find(data), cut


def test_what_replaces_a_trigger_has_one_width_where_the_look_begins_with_it() -> None:
    for source, width in _QUICKER.values():
        low, high = compiled_width(source)
        assert low == high
        assert width is None or width >= low


def test_a_rule_of_an_organisation_is_looked_for_as_it_is_written() -> None:
    """It finds where the pattern matches, and another form would match elsewhere."""
    source = next(iter(_QUICKER))
    rule = compile_rule("own-key", source, match=(expand("pat{alnum14}.{hex8}"),))
    assert [quicker(trigger, rule) for trigger in rule.triggers] == list(rule.triggers)
