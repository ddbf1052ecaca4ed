"""Tokens and cost beside OpenCode's own account of them."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from e2e.opencode.client import Collector
from e2e.opencode.fake_model import FakeModel
from e2e.opencode.stage import Stage

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]

PLAYED = ("text", "reasoning", "retry500", "fatal400", "subagent", "compaction")
"""A title each, cached tokens, reasoning, attempts that failed, subagents, compactions."""


def test_what_calls_cost_is_what_opencode_says_they_did(folder: Path, model: FakeModel, collector: Collector) -> None:
    """`opencode stats --models` prints tokens in thousands and cost to the hundredth of a cent."""
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
    spent: Counter[str] = Counter()
    for row in (row for session in sessions for row in collector.spans(session)):
        found = collector.span(row)["attributes"]
        if found.get("openinference.span.kind") == "LLM":
            spent["Cost"] += found.get("llm.cost.total", 0)
            spent["Input Tokens"] += found.get("opencode.context_fresh", 0)
            spent["Output Tokens"] += found.get("llm.token_count.completion", 0)
            spent["Cache Read"] += found.get("llm.token_count.prompt_details.cache_read", 0)
            spent["Cache Write"] += found.get("llm.token_count.prompt_details.cache_write", 0)
    (of_model,) = re.findall(r"│ fake/fake-model\s+│\n(.*?)├", said, re.S)
    theirs = dict(re.findall(r"│\s+([A-Z][A-Za-z ]+?)\s+(\S+) │", of_model))
    ours = {name: _as_printed(name, spent[name]) for name in theirs if name != "Messages"}
    assert ours == {name: value for name, value in theirs.items() if name != "Messages"}
    assert spent["Cost"] > 0


def _as_printed(name: str, amount: float) -> str:
    if name == "Cost":
        return f"${amount:.4f}"
    return f"{amount / 1000:.1f}K" if amount >= 1000 else str(int(amount))
