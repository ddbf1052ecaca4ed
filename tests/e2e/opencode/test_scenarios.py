"""The real client with the plugin: every kind of turn becomes the tree that is kept beside this file.

`UPDATE_GOLDEN=1 pytest tests/e2e/opencode` writes the trees again; look at the difference before committing it.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.opencode.client import Collector, Running, until
from e2e.opencode.scenarios import SCENARIOS, basic
from e2e.opencode.scenarios.basic import KEY_ID, PEM_LINE, TOKEN
from e2e.opencode.stage import Stage, settled
from e2e.opencode.tree import trees
from harness.process import TREE_AND_START

# One worker plays all scenarios once.
pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("stage")]

GOLDEN = Path(__file__).parent / "golden"
BASIC = [name for name, scenario in SCENARIOS.items() if scenario.act.__module__ == basic.__name__]


def compare(stage: Stage, name: str, golden: str, unsure: tuple[str, ...] = ("diff",)) -> None:
    """A diff is left out: the client works it out beside the turn, and may tell it after the turn is over."""
    played = stage.played[name]
    assert not played.error, played.error
    found = trees(stage.collector, played.session, played.folder, unsure)
    file = GOLDEN / f"{golden}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
    assert found == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", BASIC)
def test_a_turn_becomes_its_tree(stage: Stage, name: str) -> None:
    compare(stage, name, name)


@pytest.mark.parametrize("name", ["text", "multi", "subagent"])
def test_a_turn_of_an_old_client_becomes_its_tree(old_stages: dict[str, Stage], name: str) -> None:
    """1.1 loads functions only, has no event ids and streams whole parts.

    At times it takes files it made itself at the start for changes of the turn, or asks for the title of a message
    once more, where two steps end before it has one.
    """
    compare(old_stages["1.1.65"], name, f"{name}-1.1.65", unsure=("patch", "diff", "title"))


def test_nothing_of_these_versions_is_unknown(stage: Stage, old_stages: dict[str, Stage]) -> None:
    assert stage.collector.get("/api/status")["opencode"]["unknown"] == {}


@pytest.mark.parametrize("secret", [TOKEN, KEY_ID, PEM_LINE], ids=["token", "key id", "private key"])
def test_no_planted_secret_is_on_disk_or_shown(stage: Stage, secret: str) -> None:
    """Neither in the store, its log of writes, nor in what is logged; the inbox is in the same file."""
    shown = trees(stage.collector, stage.played["secrets"].session, stage.played["secrets"].folder)
    assert "[REDACTED:" in shown
    assert secret not in shown
    held = [
        file.name for file in stage.collector.data.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()
    ]
    assert held == []
    assert secret not in stage.collector.text()


def bring_in(path: Path, collector: Collector, env: dict[str, str]) -> None:
    """`collector opencode import FILE`."""
    command = [sys.executable, "-m", "collector", "opencode", "import", str(path), "--data-dir", str(collector.data)]
    env = {**env, "PYTHONPATH": TREE_AND_START}
    done = subprocess.run(command, cwd=path.parent, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def ids(collector: Collector) -> set[tuple[str, str]]:
    return {(row["trace_id"], row["span_id"]) for row in collector.spans()}


def test_what_was_seen_live_and_is_imported_gives_the_same_spans_once(stage: Stage, tmp_path: Path) -> None:
    """Two doors at once give no duplicates, and a collector that saw nothing live makes the same ids."""
    unanswered = (stage.played["no_reply_only"].session,)
    settled(stage.collector, but=unanswered)
    mine = [span for name in BASIC for span in stage.collector.spans(stage.played[name].session)]
    traces = {row["trace_id"] for row in mine}  # of turns that are undone later, OpenCode keeps nothing
    live = {found for found in ids(stage.collector) if found[0] in traces}
    ledger = stage.collector.get("/api/status")["ledger"]
    copy = tmp_path / "opencode.db"
    with sqlite3.connect(stage.client.database()) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    # A turn that ended with a rejected permission looks unfinished in what OpenCode keeps.
    fresh = Collector(tmp_path / "fresh" / "data", env={"COLLECTOR_TURN_QUIET_SECONDS": "8"})
    try:
        bring_in(copy, stage.collector, stage.client.env)
        bring_in(copy, fresh, stage.client.env)
        settled(fresh, but=unanswered)
        imported = {found for found in ids(fresh) if found[0] in traces}
    finally:
        fresh.stop()
    assert stage.collector.get("/api/status")["ledger"] == ledger
    assert imported <= live
    # Title calls and failed attempts are in no store of OpenCode.
    hidden = live - imported
    assert {row["kind"] for row in stage.collector.spans() if (row["trace_id"], row["span_id"]) in hidden} == {"LLM"}


def test_following_the_server_from_outside_makes_the_same_ids(stage: Stage, tmp_path: Path) -> None:
    """`collector opencode attach`, beside the plugin; the session was begun before anyone attached."""
    played = stage.played["text"]
    other = Collector(tmp_path / "other" / "data", env={"COLLECTOR_TURN_QUIET_SECONDS": "8"})
    command = [sys.executable, "-m", "collector", "opencode", "attach", stage.client.url, "--data-dir", str(other.data)]
    attached = Running(command, tmp_path, {**stage.client.env, "PYTHONPATH": TREE_AND_START}, tmp_path / "attach.log")
    try:
        until(lambda: "following" in attached.text(), 30, "it is attached")
        body = {"parts": [{"type": "text", "text": "Once more [[text]]"}]}
        stage.client.api("POST", f"/session/{played.session}/message", played.folder, body)
        settled(stage.collector, played.session)
        settled(other, played.session)
        seen = {(row["trace_id"], row["span_id"]) for row in other.spans(played.session)}
        known = {(row["trace_id"], row["span_id"]) for row in stage.collector.spans(played.session)}
        assert seen <= known
        assert len(known) - len(seen) == 1  # the title call
    finally:
        attached.stop()
        other.stop()
