"""The published vectors: well formed, frozen, and met by this redactor through the runner that measures others."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

VECTORS = Path(__file__).parents[2] / "proto_fixtures" / "redaction" / "vectors"
FROZEN = "0b3291a8c9c3faba17135233fa54c8ad"

_spec = importlib.util.spec_from_file_location("vector_run", VECTORS / "run.py")
assert _spec and _spec.loader
run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(run)


def test_version_1_is_frozen() -> None:
    """Who measured by it can compare."""
    text = "".join(json.dumps(row, sort_keys=True) for row in run.vectors("1"))
    assert hashlib.sha256(text.encode()).hexdigest()[:32] == FROZEN


def test_every_vector_is_well_formed() -> None:
    rows = run.vectors("1")
    assert len({row["id"] for row in rows}) == len(rows) > 800
    for row in rows:
        assert set(row) == {"id", "kind", "position", "input", "expected", "tolerance"}
        for span in row["expected"]:
            assert 0 <= span["start"] < span["end"] <= len(row["input"])
        assert bool(row["expected"]) is (row["kind"] != "harmless")


def test_this_redactor_meets_the_vectors() -> None:
    command = [sys.executable, str(VECTORS / "run.py"), "--", sys.executable, "-m", "collector", "redact", "--jsonl"]
    measured = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert measured["precision"] >= 0.99, measured
    for kind, least in {"token": 0.95, "config": 0.96, "command": 0.96, "prose": 0.9, "file": 0.96}.items():
        assert measured["recall"][kind] >= least, measured


def test_a_redactor_that_finds_nothing_scores_nothing() -> None:
    """The measure itself: silence has no recall, and masking everything has no precision."""
    rows = run.vectors("1")
    silent = run.score(rows, [{"findings": []} for _ in rows])
    assert set(silent["recall"].values()) == {0.0}
    greedy = run.score(rows, [{"findings": [{"start": 0, "end": len(row["input"])}]} for row in rows])
    assert set(greedy["recall"].values()) == {1.0}
    assert greedy["precision"] < 1
