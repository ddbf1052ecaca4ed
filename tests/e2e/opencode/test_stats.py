"""Tokens and cost beside OpenCode's own account of them."""

from __future__ import annotations

import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from e2e.opencode.client import Collector
from e2e.opencode.fake_model import FakeModel
from e2e.opencode.stage import Stage

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]

PLAYED = ("text", "reasoning", "retry500", "fatal400", "subagent", "compaction", "two_models", "models_of_all")
"""A title each, cached tokens, reasoning, attempts that failed, subagents, compactions, turns and subagents of other
models."""


def test_what_calls_cost_is_what_opencode_says_they_did(folder: Path, model: FakeModel, collector: Collector) -> None:
    """`opencode stats --models` prints, by model, tokens in thousands and cost to the hundredth of a cent."""
    stage = Stage("1.18.33", folder / "stats", model, collector)
    try:
        stage.play(*PLAYED)
        sessions = {session for played in stage.played.values() for session in played.sessions}
        assert not any(played.error for played in stage.played.values())
        said = subprocess.run(
            [stage.client.binary, "stats", "--models"], env=stage.client.env, cwd=folder, check=True,
            capture_output=True, text=True,
        ).stdout  # fmt: skip
    finally:
        stage.close()
    spent: dict[str, Counter[str]] = defaultdict(Counter)
    for row in (row for session in sessions for row in collector.spans(session)):
        found = collector.span(row)["attributes"]
        if found.get("openinference.span.kind") == "LLM":
            of_model = spent[f"{found['llm.provider']}/{found['llm.model_name']}"]
            of_model["Cost"] += found.get("llm.cost.total", 0)
            of_model["Input Tokens"] += found.get("opencode.context_fresh", 0)
            of_model["Output Tokens"] += found.get("llm.token_count.completion", 0)
            of_model["Cache Read"] += found.get("llm.token_count.prompt_details.cache_read", 0)
            of_model["Cache Write"] += found.get("llm.token_count.prompt_details.cache_write", 0)
    theirs = {
        name: {key: value for key, value in re.findall(r"│\s+([A-Z][A-Za-z ]+?)\s+(\S+) │", block) if key != "Messages"}
        for name, block in re.findall(r"│ (fake/\S+)\s+│\n(.*?)├", said, re.S)
    }
    ours = {name: {key: _as_printed(key, spent[name][key]) for key in told} for name, told in theirs.items()}
    assert ours == theirs
    assert theirs.keys() == {"fake/fake-model", "fake/other-model"} == {n for n in spent if spent[n]["Cost"]}


def _as_printed(name: str, amount: float) -> str:
    if name == "Cost":
        return f"${amount:.4f}"
    return f"{amount / 1000:.1f}K" if amount >= 1000 else str(int(amount))
