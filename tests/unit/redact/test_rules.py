"""Each rule by its own examples, and each within bounds on text made to be slow."""

from __future__ import annotations

import sys
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

from collector.redact.engine import encoded, views
from collector.redact.engine.compile import compiled_width
from collector.redact.engine.engine import _LONGEST_TRIGGER, Engine
from collector.redact.engine.rule import Rule, expand
from collector.redact.engine.scan import hyperscan, scanner
from collector.redact.rules import ALL_RULES, DEFAULT_RULES, LATEST, PACKS

ENGINES = ["re", "hyperscan"] if hyperscan else ["re"]


def _name(rule: Rule) -> str:
    return f"{rule.id}-{next(at for at, other in enumerate(ALL_RULES) if other is rule)}"


_OWNERS = [(number, trigger) for number, rule in enumerate(ALL_RULES) for trigger in rule.triggers]
_ALL_TRIGGERS = {name: scanner([trigger for _, trigger in _OWNERS], name) for name in ENGINES if name == "hyperscan"}


def _found(number: int, text: bytes, name: str) -> list[tuple[int, int]]:
    """What one rule finds by itself, its triggers looked for by the scanner called `name`."""
    rule = ALL_RULES[number]
    if name == "hyperscan":
        hits = [hit for hit in _ALL_TRIGGERS[name].hits(b"\0" + text + b"\0", 10**6) if _OWNERS[hit[0]][0] == number]
        widths = [(end, _OWNERS[trigger][1].width) for trigger, end in hits]
    else:
        hits = scanner(rule.triggers, name).hits(b"\0" + text + b"\0", 10**6)
        widths = [(end, rule.triggers[trigger].width) for trigger, end in hits]
    places = {end - 1 - (width or 0) for end, width in widths}
    return rule.find(text, sorted(place for place in places if 0 <= place <= len(text)))


@pytest.mark.parametrize("number", range(len(ALL_RULES)), ids=map(_name, ALL_RULES))
def test_a_rule_finds_its_examples(number: int) -> None:
    """An example that is not found means that the pattern is not what its author thought."""
    for name in ENGINES:
        for example in ALL_RULES[number].match:
            for seed in (1, 2, 3):
                assert len(_found(number, expand(example, seed).encode(), name)) == 1, (name, example)


@pytest.mark.parametrize("number", range(len(ALL_RULES)), ids=map(_name, ALL_RULES))
def test_a_rule_leaves_its_counterexamples_alone(number: int) -> None:
    """What people write in place of a credential must stay readable."""
    for name in ENGINES:
        for example in ALL_RULES[number].no_match:
            assert _found(number, expand(example).encode(), name) == [], (name, example)


def test_all_rules_together_leave_the_counterexamples_alone() -> None:
    """A counterexample of one rule is no secret for another rule either."""
    engine = Engine()
    wrong = [example for rule in DEFAULT_RULES for example in rule.no_match if engine.find(expand(example).encode())]
    assert wrong == []


def test_every_rule_has_an_example_and_belongs_to_a_numbered_pack() -> None:
    for name, rules in PACKS.items():
        for rule in rules:
            assert rule.pack == name.partition("@")[0]
            assert rule.match, rule.id


def test_network_addresses_are_off_by_default() -> None:
    """Version and section numbers look the same."""
    assert "ip-address" not in {rule.id for rule in DEFAULT_RULES}
    assert Engine().find(b"client connected from 81.10.123.233") == []
    assert Engine(ALL_RULES).find(b"client connected from 81.10.123.233")


_NEAR_MISSES = (
    "a", "A", "0", "f", "-", "_", ".", "/", "=", "@", ":", "\\", '"', "'", "%", "[", "\n", " ", "eyJ", "sk-", "ghp_", "AKIA",
    "://", "://a:", "://a:b", "a@", "a@b.", "password=", "password=a", "token: ", "key ", "secret is ", "-----BEGIN ",
    "-----BEGIN PRIV" "ATE KEY-----\n", "-----END ", "QUJD", "616263", "%61", "\\u0061", "\\n", '" + "', "\u200b", "4111 ",
    "4111", "+1 234 ", "DE89 ", "123-45-", "cookie: a=", "Basic QUJD", "Bearer ", "--password ", " -u a:", "<password>",
    "name: TOKEN\nvalue: ", "[REDACTED:x]", "ghp_[REDACTED:x]", "hooks.slack.com/", "A" * 63 + "\n", "x" * 40 + " ", "\\\\\\\\",
    "secrets:\n  a: b\n", 'tokens = ["a",', '{"kty":"RSA",', "token x <<< ", "secret || 'aaaaaaa' ", "mnemonic: abc def ",
)  # fmt: skip


_ENGINES_OWN = (
    *(views.ESCAPED, views.JOINED, *encoded._RUN, *encoded._IN_RUNS),
    *(encoded.ENCODED, *encoded._HEX_IN_RUNS, *encoded._OTHERS),
)


def test_every_trigger_is_bounded() -> None:
    """A repeat without end takes time that grows with the square under `re`, and a match wider than the overlap of two pieces of a text would be lost between them."""
    triggers = [
        *((rule.id, trigger) for rule in ALL_RULES for trigger in rule.triggers),
        *(("engine", trigger) for trigger in _ENGINES_OWN),
    ]
    wide = [
        (name, trigger.source) for name, trigger in triggers if compiled_width(trigger.source)[1] > _LONGEST_TRIGGER
    ]
    assert wide == []


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", ENGINES)
def test_time_is_linear_in_the_text(name: str) -> None:
    """Half a megabyte of one word, for each word that some rule begins with: nothing may take more than linear time."""
    engine = Engine(scanner_name=name)
    size = 500_000 if name == "hyperscan" else 60_000
    for word in _NEAR_MISSES:
        engine.find((word * (size // len(word))).encode())


def _library(most: int) -> list[bytes]:
    """Python's own library, without its tests."""
    texts, size = [], 0
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if "site-packages" in path.parts or "test" in path.parts or "tests" in path.parts or size > most:
            continue
        texts.append(path.read_bytes())
        size += len(texts[-1])
    return texts


@pytest.mark.skipif(sys.platform == "win32" and hyperscan is None, reason="too slow by re alone")
def test_ordinary_code_is_left_alone() -> None:
    """At most one wrong finding of a credential in 5 MB."""
    engine = Engine(PACKS[LATEST["secrets@latest"]])
    texts = _library(5_000_000)
    found = [extent.rule for text in texts for extent in engine.find(text)]
    assert len(found) <= 0.2 * sum(map(len, texts)) / 1e6, Counter(found)


_LOG = "".join(
    f"2026-03-14T10:22:{n % 60:02d}.{n % 1000:03d}Z INFO [worker-{n % 7}] request_id=5d21e401-ca9d-{n % 9999:04d}-cca0-2c66437e{n % 9999:04d} "
    f'GET /v1/items/{n}?page={n % 10}&sort=name 200 {n % 900}ms user_agent="curl/8.4.0" trace_id=c177ca1c9516dc9c8f8d25e3d5{n % 999999:06d} '
    f"tokens={n * 7} 10.0.{n % 255}.{n % 200}:{8000 + n % 99}\n"
    for n in range(5000)
)


@pytest.mark.skipif(hyperscan is None, reason="counts Hyperscan's events")
@pytest.mark.parametrize("kind", ["code", "logs"])
def test_no_trigger_fires_often(kind: str) -> None:
    """Over 500 times in a megabyte, the look at each place would cost more than the scan."""
    text = b"".join(_library(3_000_000)) if kind == "code" else _LOG.encode()
    owners = [(rule, trigger) for rule in ALL_RULES for trigger in rule.triggers]
    counts = Counter(number for number, _ in scanner([t for _, t in owners], "hyperscan").hits(text, len(text)))
    often = {owners[number][0].id: count for number, count in counts.items() if count > 500 * len(text) / 1e6}
    often.pop("ip-address", None)  # off by default
    assert often == {}
