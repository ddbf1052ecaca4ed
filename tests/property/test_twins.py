"""The two scanners: whatever the text, the same findings."""

from __future__ import annotations

import gzip
import json
import random
import sysconfig
from pathlib import Path

import pytest
from harness.examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.redact.engine.engine import Engine, compile_rule, replace
from collector.redact.engine.rule import expand
from collector.redact.engine.scan import hyperscan
from collector.redact.rules import ALL_RULES, LATEST, PACKS

pytestmark = pytest.mark.skipif(hyperscan is None, reason="there is no twin to compare with")

OWN = (
    compile_rule("acme-badge", r"ACME-[0-9]{4,}", literals=["acme-"]),
    compile_rule("acme-user", r"\bemp[: ]+(\w+)\b", group=1),
)
# No policy has two versions of a pack in force: the newest of each, and so all packs at once.
RULES = (*(rule for name in LATEST.values() for rule in PACKS[name]), *OWN)
FAST = Engine(RULES, scanner_name="hyperscan")
SLOW = Engine(RULES, scanner_name="re")
CORPUS = Path(__file__).parents[2] / "proto_fixtures" / "redaction" / "corpus.jsonl.gz"

_EXAMPLES = [
    expand(example, seed) for rule in ALL_RULES for example in (*rule.match, *rule.no_match) for seed in (1, 2)
]
_GLUE = [
    "", " ", "\n", '"', "'", "\\", "\\n", "=", ": ", "password=", "token: ", "key ", "@", "://u:", "%3D", "\u200b", "é",
    "[REDACTED:x]", "\0", "-----END ", "\x1b[0m", '" + "', "ACME-1234", "emp: jo", "4111 1111 1111 1111", "\\u0067", "&",
]  # fmt: skip
_pieces = st.lists(
    st.one_of(
        st.sampled_from(_EXAMPLES),
        st.sampled_from(_GLUE),
        st.text(max_size=12),
        st.binary(max_size=6).map(lambda b: b.hex()),
    ),
    max_size=12,
)


def _same(data: bytes) -> None:
    assert FAST.find(data) == SLOW.find(data)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(_pieces)
def test_the_twins_agree_on_any_text(pieces: list[str]) -> None:
    """An installation without the wheel must not leak what another masks."""
    _same("".join(pieces).encode("utf-8", "surrogatepass"))


_FLAGS = st.sampled_from(
    ["--db-password 'Str0ng!4360'\n", "-pass kR7vQ2mXz9Lp4tW ", "enc ", "--token kR7vQ2mXz9Lp4tW ", "x ", "\n", "pass:", "'",
     "/password:kR7vQ2mXz9 ", "--api-key=kR7vQ2mXz9Lp4tW,", '["--secret", "kR7vQ2mXz9Lp4"]', "4360'\n", "-pw kR7vQ2mX ", "key "]
)  # fmt: skip


@settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_FLAGS, min_size=2, max_size=9))
def test_the_twins_agree_on_command_lines(parts: list[str]) -> None:
    """A class of delimiters before a flag made Hyperscan miss flags that come after a quoted value."""
    _same("".join(parts).encode())


def test_a_flag_after_a_quoted_value_is_found() -> None:
    secret = "kR7vQ2m" + "Xz9Lp4tW"
    data = f"x --db-password 'Str0ng!4360'\nopenssl enc -pass {secret} x".encode()
    assert [data[found.start : found.end] for found in FAST.find(data)][1:] == [secret.encode()]


@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@given(_pieces, st.randoms(use_true_random=False))
def test_the_twins_agree_on_damaged_text(pieces: list[str], rng: random.Random) -> None:
    """Cut, doubled and shuffled examples are where near-misses live."""
    data = bytearray("".join(pieces).encode("utf-8", "surrogatepass"))
    for _ in range(min(len(data), 8)):
        at = rng.randrange(len(data))
        match rng.randrange(3):
            case 0:
                del data[at : at + rng.randrange(4)]
            case 1:
                data[at:at] = data[at : at + rng.randrange(40)]
            case _:
                data[at : at + 1] = rng.choice(_GLUE).encode()
        if not data:
            break
    _same(bytes(data))


def test_the_twins_agree_on_the_corpus() -> None:
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        for line in lines:
            _same(json.loads(line)["text"].encode("utf-8", "surrogatepass"))


@pytest.mark.slow
def test_the_twins_agree_on_ordinary_code() -> None:
    size = 0
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("[h-u]*.py")):
        _same(path.read_bytes())
        size += path.stat().st_size
        if size > 1_000_000:
            break


@settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))
@given(_pieces)
def test_masking_twice_changes_nothing_more(pieces: list[str]) -> None:
    """What was sealed once may be sealed again when a policy changes."""
    once = replace(data := "".join(pieces).encode("utf-8", "surrogatepass"), FAST.find(data))
    assert replace(once, FAST.find(once)) == once


_json = st.recursive(
    st.one_of(st.none(), st.integers(), st.sampled_from(_EXAMPLES), st.text(max_size=10), st.just(4111111111111111)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["password", "a", "card", "api_key"]), inner, max_size=3),
    ),
    max_leaves=6,
)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))
@given(_json, st.integers(0, 3), st.booleans())
def test_json_in_json_stays_valid_at_every_level(value: object, depth: int, ascii_only: bool) -> None:
    """A mask that breaks a document loses what the reader wanted to see around it."""
    text = json.dumps({"value": value}, ensure_ascii=ascii_only)
    for _ in range(depth):
        text = json.dumps({"arguments": text}, ensure_ascii=ascii_only)
    masked = replace(data := text.encode("utf-8", "surrogatepass"), FAST.find(data)).decode("utf-8", "replace")
    for _ in range(depth):
        masked = json.loads(masked)["arguments"]
    json.loads(masked)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(_pieces.map("".join)), max_size=6))
def test_texts_scanned_together_are_found_in_as_one_by_one(texts: list[str]) -> None:
    """Nothing reaches from one attribute into the next."""
    together = {index: extents for index, _, extents in FAST.find_all(texts)}
    alone = {index: FAST.find(text.encode("utf-8", "surrogatepass")) for index, text in enumerate(texts)}
    assert together == {index: extents for index, extents in alone.items() if extents}


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(_pieces)
def test_extents_are_in_order_apart_and_never_inside_a_character(pieces: list[str]) -> None:
    data = "".join(pieces).encode("utf-8", "surrogatepass")
    at = 0
    for start, end, _ in FAST.find(data):
        assert at <= start < end <= len(data)
        data[start:end].decode("utf-8", "surrogatepass")
        at = end
