"""How much of what must not leave is found, and how much else: by the command a user would run."""

from __future__ import annotations

import gzip
import importlib.util
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

CORPUS = Path(__file__).parents[2] / "proto_fixtures" / "redaction" / "corpus.jsonl.gz"
PERSONAL = {"email", "us-ssn", "iban", "credit-card", "phone"}
OFF = {"ipv4", "ipv6"}

_spec = importlib.util.spec_from_file_location("invented", Path(__file__).with_name("invented.py"))
assert _spec and _spec.loader
invented = importlib.util.module_from_spec(_spec)
sys.modules["invented"] = invented
_spec.loader.exec_module(invented)


def _redact(texts: Iterable[str]) -> list[dict[str, Any]]:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run(
        [sys.executable, "-m", "collector", "redact", "--jsonl"], input=lines.encode(), capture_output=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _covered(findings: list[dict[str, Any]], start: int, end: int) -> bool:
    """At least 95 % of the characters."""
    places = {at for f in findings for at in range(max(start, f["start"]), min(end, f["end"]))}
    return len(places) >= 0.95 * (end - start)


@pytest.fixture(scope="module")
def recorded() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return list(zip(rows, _redact(row["text"] for row in rows), strict=True))


@pytest.mark.parametrize("personal", [False, True], ids=["secrets", "personal data"])
def test_recall_on_the_recorded_corpus(recorded: list[tuple[dict[str, Any], dict[str, Any]]], personal: bool) -> None:
    """A leak is a secret of which less than 95 % is covered; network addresses are off by default."""
    all_, missed = 0, Counter[str]()
    for row, out in recorded:
        for secret in row["secrets"]:
            if secret["type"] not in OFF and (secret["type"] in PERSONAL) == personal:
                all_ += 1
                missed[secret["type"]] += not _covered(out["findings"], secret["start"], secret["end"])
    assert all_ >= 70
    assert missed.total() <= 0.01 * all_, missed


def test_precision_on_the_recorded_corpus(recorded: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """A finding that touches no labelled secret is wrong."""
    findings = [(f, row) for row, out in recorded for f in out["findings"]]
    wrong = Counter(
        f["rule"]
        for f, row in findings
        if not any(f["start"] < s["end"] and s["start"] < f["end"] for s in row["secrets"])
    )
    assert wrong.total() <= 0.01 * len(findings), wrong


def test_recorded_json_stays_json(recorded: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    checked = 0
    for row, out in recorded:
        try:
            json.loads(row["text"])
        except ValueError:
            continue
        json.loads(out["text"])
        checked += 1
    assert checked > 50


def test_redacting_the_redacted_corpus_changes_nothing(recorded: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    once = [out["text"] for _, out in recorded]
    assert [out["text"] for out in _redact(once)] == once


@pytest.mark.parametrize("seed", [101, 202])
def test_recall_on_invented_credentials(seed: int) -> None:
    """Other vendors, templates and tricks than the recorded corpus: rules must describe formats, not samples."""
    lines = list(invented.lines(seed))
    missed = [
        line.made
        for line, out in zip(lines, _redact(line.text for line in lines), strict=True)
        for start, end in line.secrets
        if not _covered(out["findings"], start, end)
    ]
    assert len(missed) <= 0.01 * len(lines), Counter(missed).most_common(20)


@pytest.mark.parametrize("seed", [101, 202])
def test_invented_harmless_text_is_left_alone(seed: int) -> None:
    """Hashes, ids, placeholders and code about tokens."""
    texts = list(invented.plain_lines(seed))
    wrong = [(text, out["findings"]) for text, out in zip(texts, _redact(texts), strict=True) if out["findings"]]
    assert len(wrong) <= 0.01 * len(texts), wrong[:5]
