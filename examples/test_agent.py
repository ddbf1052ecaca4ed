"""What an agent's author tests: that the turn is whole, the model's call is there, and nothing private left.

    pip install opencode-collector pytest opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
    pytest examples/test_agent.py

The fixture `collector` comes with the package: a collector of the test's own, on a free port, forwarding nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from collector.testing.running import RunningCollector

INSTALL = "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
pytest.importorskip("opentelemetry.sdk.trace", reason=f"the agent needs an SDK: {INSTALL}")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason=f"the agent needs an exporter: {INSTALL}")


def run_agent(collector: RunningCollector) -> None:
    agent = Path(__file__).with_name("agent.py")
    subprocess.run([sys.executable, agent], env={**os.environ, **collector.env}, check=True, timeout=60)


def test_a_turn_is_whole(collector: RunningCollector) -> None:
    run_agent(collector)
    turn, model, tool = collector.wait_for(3)
    assert [turn.kind, model.kind, tool.kind] == ["AGENT", "LLM", "TOOL"]
    assert model.parent == tool.parent == turn.id
    assert model["llm.token_count.prompt"] == 12
    assert tool["tool.name"] == "list_files"
    assert "There are three files." in turn["output.value"]


def test_an_address_is_masked(collector: RunningCollector) -> None:
    run_agent(collector)
    collector.wait_for(3)
    collector.assert_no_text("ada@analytical-engines.org")
