"""What was found in a text is remembered, never the text; what comes again is not read again, and sealed the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from harness.credentials import GITHUB, assert_no_secret
from harness.telemetry import traces
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import SealedBatch, Signal
from collector.policy.demands import demands
from collector.policy.layers import Layer, Rank
from collector.policy.schema import UserDocument, read_document
from collector.redact.engine.engine import Engine, Extent
from collector.redact.ruleset import catalog, combined
from collector.redact.seal import Sealer


class Counting(Engine):
    """The real engine, which tells what it read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def find_all(self, texts: Sequence[str]) -> Iterable[tuple[int, bytes, list[Extent]]]:
        self.read += texts
        return super().find_all(texts)


def values_of(batch: SealedBatch) -> list[str]:
    span = ExportTraceServiceRequest.FromString(batch.data).resource_spans[0].scope_spans[0].spans[0]
    return [pair.value.string_value for pair in span.attributes]


LONG = "what the agent said in every request before this one, " * 40


def test_a_text_found_clean_is_read_once() -> None:
    """Each request to a model holds all messages of the ones before."""
    engine = Counting()
    sealer = Sealer(engine=engine)
    for _ in range(3):
        sealer.seal(Signal.TRACES, traces(1, {"input.value": LONG}))
    assert engine.read.count(LONG) == 1


@pytest.mark.parametrize("around", ["", LONG])
def test_a_text_with_a_secret_is_masked_every_time(around: str) -> None:
    """A text that differs in its end alone is another text."""
    sealer = Sealer(engine=Counting())
    for text in (around, around + GITHUB, around, around + GITHUB):
        batch = sealer.seal(Signal.TRACES, traces(1, {"input.value": text}))
        assert_no_secret(batch.data, "a text like one that was clean")
        assert ("github-token" in batch.findings) == (GITHUB in text)


def test_what_was_clean_is_forgotten_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.redact.known_texts._MOST_CLEAN", 50)
    sealer = Sealer()
    for number in range(200):
        sealer.seal(Signal.TRACES, traces(1, {"input.value": f"{LONG}{number}"}))
    assert len(sealer._masker._known._clean) < 60
    assert len(sealer._masker._known._clean_before) < 60


def test_what_comes_again_and_again_is_not_forgotten_with_what_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.redact.known_texts._MOST_CLEAN", 50)
    engine = Counting()
    sealer = Sealer(engine=engine)
    for number in range(200):
        sealer.seal(Signal.TRACES, traces(1, {"input.value": LONG, "output.value": f"{LONG}{number}"}))
    assert engine.read.count(LONG) == 1


@pytest.mark.parametrize("text", [f"{LONG}{GITHUB}", GITHUB])
def test_a_text_with_findings_is_read_once_and_masked_and_counted_every_time(text: str) -> None:
    engine = Counting()
    sealer = Sealer(engine=engine)
    sealed = [
        sealer.seal(Signal.TRACES, traces(1, dict.fromkeys(keys, text)))
        for keys in (["input.value"], ["input.value", "output.value"], ["input.value", "output.value"])
    ]
    assert engine.read.count(text) == 1
    assert [batch.findings for batch in sealed] == [{"github-token": 1}, {"github-token": 2}, {"github-token": 2}]
    assert values_of(sealed[1]) == values_of(sealed[2])
    for batch in sealed:
        assert_no_secret(batch.data, "a text whose findings were remembered")


def test_nothing_that_was_found_stays_in_memory() -> None:
    sealer = Sealer()
    sealer.seal(Signal.TRACES, traces(1, {"input.value": GITHUB, "output.value": f"{LONG}{GITHUB}"}))
    known = sealer._masker._known
    assert len(known._found) == 2
    assert GITHUB not in repr(vars(known))


def test_what_is_put_in_place_of_remembered_findings_is_made_anew() -> None:
    """Under another key the same text has another pseudonym; under another policy another action."""

    def sealed(key: bytes, text: str) -> list[list[str]]:
        document = read_document(UserDocument, text.encode(), "f")
        policy = combined([Layer("f", Rank.USER, demands(document, "f", catalog()))]).policy
        sealer = Sealer(policy, engine, key)
        request = {"input.value": f"{LONG}{GITHUB}"}
        return [values_of(sealer.seal(Signal.TRACES, traces(1, request))) for _ in range(2)]

    engine = Engine()
    hashed = '[hmac]\nkey_file = "/k"\nkey_id = "k"\n[rules.action]\ngithub-token = "hash"\n'
    every = [
        sealed(b"1" * 32, hashed),
        sealed(b"2" * 32, hashed),
        sealed(b"1" * 32, '[rules.action]\ngithub-token = "drop"\n'),
    ]
    assert all(first == second for first, second in every)
    assert len({tuple(first) for first, _ in every}) == 3


def test_a_text_that_could_not_be_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside other texts, or with more time, it may be read."""

    def fail(*_: object) -> None:
        raise RuntimeError

    request = {"input.value": f"{LONG}{GITHUB}"}
    sealer = Sealer()
    with monkeypatch.context() as failing:
        failing.setattr(Engine, "_stable", fail)
        assert sealer.seal(Signal.TRACES, traces(1, request)).findings == {"error": 1}
    assert sealer.seal(Signal.TRACES, traces(1, request)).findings == {"github-token": 1}


def test_findings_are_forgotten_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of a text that comes again and again."""
    monkeypatch.setattr("collector.redact.known_texts._MOST_FINDINGS", 50)
    engine = Counting()
    sealer = Sealer(engine=engine)
    for number in range(200):
        values = {"input.value": f"{LONG}{GITHUB}", "output.value": f"{LONG}{number} {GITHUB}"}
        assert sealer.seal(Signal.TRACES, traces(1, values)).findings == {"github-token": 2}
    known = sealer._masker._known
    assert len(known._found) + len(known._found_before) <= 100
    assert engine.read.count(f"{LONG}{GITHUB}") == 1
