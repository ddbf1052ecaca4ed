"""Placeholders and pseudonyms: whatever rule and key they name, they stay as they are, however often sealed."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from harness.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.otlp import json_reader
from collector.policy.model import KEY_ID, RULE_ID, Action, HmacKey
from collector.redact.engine.engine import Engine
from collector.redact.placeholders import (
    HEADS_PATTERN,
    consists_of_placeholders,
    named,
    placeholder_ranges,
    pseudonym,
    rule_named_by,
    sized,
    truncated,
)
from collector.redact.report import TOO_DEEP
from collector.redact.rules import ALL_RULES
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer
from tests.harness.credentials import AWS_ID, GITHUB, JWT, PEM, URL

KEY = b"k" * 32
ENGINE = Engine(ALL_RULES)
KNOWN = sorted({rule.id for rule in ALL_RULES})

_matching = {"fullmatch": True, "alphabet": st.characters(max_codepoint=127)}
rule_ids = st.one_of(st.sampled_from(KNOWN), st.from_regex(RULE_ID, **_matching))
key_ids = st.one_of(
    st.from_regex(KEY_ID, **_matching),
    st.sampled_from(["2026A", "PROD", "4111111111111111", "0123456789", "AKIAQ7ZXW3RTY5MN", "H4sIAAAAAAAA"]),
)
placeholders = st.one_of(
    rule_ids.map(named),
    st.builds(sized, rule_ids, st.integers(0, 10**12 - 1)),
    st.builds(pseudonym, st.just(KEY), key_ids, rule_ids, st.binary(max_size=8)),
)
_AROUND = [
    "{}", "see {} there", "password={}", "API_KEY={}\nNEXT=1", '{{"token": "{}"}}', "token: {}",
    "Authorization: Bearer {}",
    "postgres://u:{}@db.internal/x", "curl -u jo:{} https://x.test", "deploy --password={}", "The password is {}.",
    "Cookie: sid={}; theme=dark", "<password>{}</password>", "mysql -uroot -p{} app", "jo@{}", "call {}", "key {}%20x",
    "card {}", "machine a login b password {}", "{}{}", "https://{}@o1.ingest.sentry.io/4",
]  # fmt: skip


@settings(max_examples=examples(400), deadline=None)
@given(placeholders, st.sampled_from(_AROUND))
def test_the_engine_finds_nothing_in_a_placeholder_wherever_it_stands(placeholder: str, around: str) -> None:
    text = around.format(placeholder, placeholder)
    assert ENGINE.find(text.encode()) == []
    assert ENGINE.find(json.dumps({"arguments": json.dumps({"password": text})}).encode()) == []


def _hashing(key_id: str) -> Sealer:
    """A sealer under which every rule gives pseudonyms, made with a key of this name."""
    actions = dict.fromkeys(KNOWN, Action.HASH)
    return Sealer(replace(preset_policy(), actions=actions, hmac=HmacKey("key", key_id)), key=KEY)


@settings(max_examples=examples(25), deadline=None)
@given(key_ids)
def test_a_pseudonym_survives_any_number_of_seals(key_id: str) -> None:
    """A policy change seals again what waits: the pseudonyms of before must go on joining what belongs together."""
    sealer = _hashing(key_id)
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="x", trace_id=b"\1" * 16, span_id=b"\2" * 8)
    for number, text in enumerate(
        [f"token={GITHUB}", URL, f'{{"id": "{AWS_ID}", "password": "{JWT}"}}', PEM, "jo@mail.c4nary-works.net"]
    ):
        span.attributes.add(key=f"text.{number}").value.string_value = text
    once = sealer.seal(Signal.TRACES, request)
    assert once.data.count(f":{key_id}:".encode()) >= 5
    again = sealer.reseal(Signal.TRACES, once.data)
    assert again.data == once.data
    assert sealer.reseal(Signal.TRACES, again.data).data == once.data


@given(placeholders)
def test_all_readers_read_what_all_writers_write(placeholder: str) -> None:
    data = placeholder.encode()
    assert rule_named_by(placeholder) in placeholder
    assert rule_named_by(placeholder)
    assert consists_of_placeholders(data, 0, len(data))
    text = b"a " + data + data
    head_ends = [found.end() for found in re.finditer(HEADS_PATTERN.encode(), text)]
    assert placeholder_ranges(text, head_ends) == [(2, 2 + len(data)), (2 + len(data), 2 + 2 * len(data))]


@given(placeholders, st.integers(0, 200))
def test_no_placeholder_is_cut_in_two(placeholder: str, most: int) -> None:
    text = "x" * 40 + placeholder + "y" * 40
    kept = (truncated(text.encode(), most) or text.encode()).decode().partition("[CUT")[0]
    assert kept == text[:40][: len(kept)] or kept.startswith("x" * 40 + placeholder)


@given(st.text(max_size=140))
def test_other_text_names_no_rule(text: str) -> None:
    for passed_off in (f"[REDACTED:{text} and more]", f"[HMAC:{text}]", f"[REDACTED:{text}"):
        assert rule_named_by(passed_off) == ""


def test_the_mark_of_what_the_json_reader_finds_too_deep_is_a_placeholder() -> None:
    """The reader stands below redaction and writes it by itself."""
    assert named(TOO_DEEP) == json_reader.TOO_DEEP
