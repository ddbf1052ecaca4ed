"""Every rule finds what it describes wherever it stands: at the start of a text, at its end, alone, and as a number."""

from __future__ import annotations

import re
from functools import cache

import pytest
from _pytest.mark.structures import ParameterSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.redact.engine.engine import Engine
from collector.redact.engine.rule import Rule, expand
from collector.redact.engine.scan import hyperscan
from collector.redact.rules import ALL_RULES
from collector.redact.seal import Sealer

pytestmark = pytest.mark.xdist_group("text borders")  # a rule is compiled once a worker
ENGINES = ["re"] if hyperscan is None else ["re", "hyperscan"]
_SAMPLE = 60
"""Of so many examples, Hyperscan looks for one in the quick tests: each compiles a scanner. `re` takes them all."""
EXAMPLES = [(rule, example) for rule in ALL_RULES for example in rule.match]
_NEED_WORDS = {"us-ssn"}
"""Of these the form without a word for it is found only as it is written by hand."""
_NAMED_BESIDE = {"ngrok-token"}
"""Tokens that are told by a word beside them alone."""
_TABLES = {"secret-column"}
"""Found by the head of a table: a line of its own, which words around it would make another line."""
_KNOWN_ALONE = re.compile(r"\+|\([2-9][0-9]{2}\) ?[0-9]{3}")
"""Telephone numbers that need no word: with a country, or as North Americans write them."""


def _cases(examples: list[tuple[Rule, str]]) -> list[ParameterSet]:
    """Each example with each scanner."""
    return [
        pytest.param(
            rule,
            example,
            name,
            id=f"{rule.id}-{number}-{name}",
            marks=[pytest.mark.slow] if name == "hyperscan" and number % _SAMPLE else [],
        )
        for number, (rule, example) in enumerate(examples)
        for name in ENGINES
    ]


@cache
def _engine(rule: Rule, name: str) -> Engine:
    return Engine([rule], scanner_name=name)


def _found(engine: Engine, rule: Rule, text: str) -> list[str]:
    data = text.encode()
    return [data[found.start : found.end].decode() for found in engine.find(data) if found.rule == rule.id]


@pytest.mark.parametrize(("rule", "example", "name"), _cases(EXAMPLES))
def test_a_rule_finds_its_examples_at_every_border(rule: Rule, example: str, name: str) -> None:
    engine = _engine(rule, name)
    text = expand(example)
    found = _found(engine, rule, text)
    assert found
    beside = () if rule.id in _TABLES else ("{} and more", "so: {}", "é {} é")
    for around in ("{}", "{}\n", "\n{}", "{}\r\nmore", *beside):
        again = _found(engine, rule, around.format(text))
        assert again and again[0].startswith(found[0]), around


SHAPED = [(rule, example) for rule, example in EXAMPLES if rule.token or rule.pack == "pii"]


@pytest.mark.parametrize(("rule", "example", "name"), _cases(SHAPED))
def test_what_is_known_by_its_shape_is_found_alone(rule: Rule, example: str, name: str) -> None:
    """An attribute that holds a card number holds nothing else; a value that begins a text has nothing before it."""
    engine = _engine(rule, name)
    [first, *_] = _found(engine, rule, expand(example))
    if rule.id in _NEED_WORDS and first.isdigit():
        return
    if rule.id == "phone" and not _KNOWN_ALONE.match(first):
        return  # ten digits alone are no telephone number
    if rule.id in _NAMED_BESIDE:
        return
    for text in (first, f"{first}\n", f"{first} and more", f"so {first}"):
        assert _found(engine, rule, text), text.replace(first, "...")


@pytest.mark.parametrize("number", [4111111111111111, 378282246310005, 5555555555554444, 6011111111111117])
@pytest.mark.parametrize("kind", ["int_value", "double_value"])
def test_a_card_is_found_as_a_number(number: int, kind: str) -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="x", trace_id=b"\1" * 16, span_id=b"\2" * 8)
    setattr(span.attributes.add(key="amount").value, kind, number)
    sealed = ExportTraceServiceRequest.FromString(Sealer().seal(Signal.TRACES, request).data)
    value = sealed.resource_spans[0].scope_spans[0].spans[0].attributes[0].value
    assert value.string_value == "[REDACTED:credit-card]"
