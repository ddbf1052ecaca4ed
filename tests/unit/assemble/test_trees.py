"""Whole turns, as trees that a person can read: proto_fixtures/opencode/trees."""

from __future__ import annotations

import pytest
from harness.opencode import assemble, golden, recording, scenarios, tree, v2_examples


@pytest.mark.parametrize("scenario", scenarios())
def test_recorded_sessions_give_their_trees(scenario: str) -> None:
    assert tree(assemble(recording(scenario))) == golden(scenario).read_text(encoding="utf-8").splitlines()


def test_the_examples_of_opencode_2_give_their_tree() -> None:
    """A subagent under its tool, a retry, a failed step, permission and form waits, a compaction, an interruption."""
    assert tree(assemble(v2_examples())) == golden("v2_examples").read_text(encoding="utf-8").splitlines()
