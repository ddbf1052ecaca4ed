"""Each LLM span of each scenario beside the request it stands for: what a trace says was sent was sent."""

from __future__ import annotations

import time
from typing import Any

import pytest
from e2e.opencode.judge import Difference, Trial
from e2e.opencode.known_differences import unexplained
from e2e.opencode.scenarios import SCENARIOS
from e2e.opencode.stage import OLD, Stage

from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("stage")]

_LATE_SECONDS = 20
_SEALER = Sealer(preset_policy())


def masked(text: str) -> str:
    return _SEALER.text(text.encode("utf-8", "replace"))[0].decode()


def calls(stage: Stage, sessions: frozenset[str]) -> list[dict[str, Any]]:
    """The LLM spans of all traces that the sessions are in."""
    traces = {row["trace_id"] for session in sessions for row in stage.collector.spans(session)}
    rows = [row for trace in sorted(traces) for row in stage.collector.get(f"/api/spans?limit=10000&trace={trace}")]
    return [stage.collector.span(row) for row in rows if row["kind"] == "LLM"]


def differences(stage: Stage, name: str) -> list[Difference]:
    """What the spans of a scenario say otherwise than its requests, and no reason is listed for.

    A turn that seemed to be over may be told more of: what a session that is deleted still asks comes seconds later.
    """
    played = stage.played[name]
    assert not played.error, played.error
    exchanges = stage.exchanges(name)
    deadline = time.monotonic() + _LATE_SECONDS
    while True:
        trial = Trial(name, stage.client.version, exchanges, calls(stage, played.sessions), masked)
        found = unexplained(trial.run())
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(1)


def told(found: list[Difference]) -> str:
    return "\n".join(map(str, found))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_trace_says_what_the_model_was_sent(stage: Stage, name: str) -> None:
    assert told(differences(stage, name)) == ""


@pytest.mark.parametrize(("version", "name"), [(version, name) for version, names in OLD.items() for name in names])
def test_a_trace_of_an_old_client_says_what_the_model_was_sent(
    old_stages: dict[str, Stage], version: str, name: str
) -> None:
    assert told(differences(old_stages[version], name)) == ""
