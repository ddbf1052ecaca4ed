"""Raw OpenCode events through a real collector."""

from __future__ import annotations

import gzip
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from harness.opencode import CAPTURES, assemble, export, history, ids, recording, scenarios
from harness.process import Process, run

_TREE = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts collectors on one data directory, one after the other."""
    processes: list[Process] = []

    def start(**extra: str) -> Process:
        processes.append(Process(tmp_path, **{**_TREE, **extra}))
        return processes[-1]

    yield start
    for process in processes:
        process.stop()


def post(process: Process, body: bytes, **headers: str) -> Any:
    request = urllib.request.Request(
        process.url + "/v1/opencode/events",
        body,
        {"content-type": "application/x-ndjson", **{name.replace("_", "-"): value for name, value in headers.items()}},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def get(process: Process, path: str) -> Any:
    return process.get(path)


def lines(items: list[Any]) -> bytes:
    return b"\n".join(orjson.dumps(item) for item in items)


def stored(process: Process) -> set[tuple[str, str, str]]:
    return {(s["trace_id"], s["span_id"], s["parent_id"]) for s in get(process, "/api/spans?limit=10000")}


def expected(items: list[Any]) -> set[tuple[str, str, str]]:
    return {(trace.hex(), span.hex(), above.hex()) for trace, span, above in ids(assemble(items))}


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def received(process: Process) -> int:
    ledger = get(process, "/api/status")["ledger"]
    return int(ledger["local"]["traces"]["received"]) if ledger else 0


def test_killed_in_the_middle_of_a_turn_it_completes_the_turn_once(started: Callable[..., Process]) -> None:
    """What was answered with 200 is on disk; spans that left before are not told again."""
    items = recording("subagent")
    process = started()
    post(process, lines(items[:90]))
    until(lambda: received(process) > 0)  # some children are out
    process.kill()

    process = started()
    post(process, lines(items[90:]))
    until(lambda: stored(process) == expected(items))
    post(process, lines(items))
    time.sleep(2.5)
    assert stored(process) == expected(items)
    assert received(process) == len(expected(items))
    assert get(process, "/api/status")["opencode"]["open_turns"] == []


def test_all_item_forms_may_be_mixed_and_compressed(started: Callable[..., Process]) -> None:
    process = started()
    mixed = [
        *recording("text"),
        *[item["data"] for item in recording("text", "events.sse")],
        *[item["data"] for item in recording("text", "global.sse")],
        *history("text"),
        *export("text"),
    ]
    answer = post(process, gzip.compress(lines(mixed)), content_encoding="gzip")
    assert answer == {"accepted": len(mixed), "rejected": []}
    until(lambda: stored(process) == expected(recording("text")))
    time.sleep(1.5)
    assert received(process) == len(expected(recording("text")))


def test_a_bad_item_is_refused_with_its_index_and_unknown_types_are_listed(
    started: Callable[..., Process], tmp_path: Path
) -> None:
    process = started()
    body = (
        b'{"type":"session.idle","properties":{"sessionID":"ses_1"}}\nnonsense\n{"x":1}\n{"type":"a.b","properties":{}}'
    )
    answer = post(process, body)
    assert answer["accepted"] == 2
    assert [item["index"] for item in answer["rejected"]] == [1, 2]
    assert all(item["reason"] for item in answer["rejected"])
    assert get(process, "/api/status")["opencode"]["unknown"] == {"1:a.b": 1}
    shown = run(tmp_path, "status", COLLECTOR_PORT=process.url.rpartition(":")[2], **_TREE).stdout.decode()
    assert "unknown event type 1:a.b: 1" in shown


def test_errors_are_those_of_the_otlp_door(started: Callable[..., Process]) -> None:
    process = started(COLLECTOR_MAX_BODY_BYTES="2000", COLLECTOR_ACCESS_TOKEN="a-token-of-some-length")
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(process, b"{}")
    assert refused.value.code == 401
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(process, b"x" * 3000, x_collector_token="a-token-of-some-length")
    assert refused.value.code == 413
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(process, b'[{"type"', x_collector_token="a-token-of-some-length")
    assert refused.value.code == 400


def test_a_silent_turn_is_given_up(started: Callable[..., Process]) -> None:
    """The agent was killed: what is known of the turn is told, and that it is not whole."""
    process = started(COLLECTOR_TURN_QUIET_SECONDS="2")
    items = recording("bash")
    cut = next(i for i, item in enumerate(items) if item["hook"] == "tool.execute.before") + 2
    post(process, lines(items[:cut]))
    until(lambda: any(s["kind"] == "AGENT" for s in get(process, "/api/spans")))
    agent = next(s for s in get(process, "/api/spans") if s["kind"] == "AGENT")
    document = get(process, f"/api/spans/{agent['trace_id']}/{agent['span_id']}")
    attributes = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"]
    assert {"key": "opencode.incomplete", "value": {"boolValue": True}} in attributes
    post(process, lines(items))
    until(lambda: {one[:2] for one in stored(process)} == {one[:2] for one in expected(items)})


def test_preview_shows_the_turns_of_a_file(tmp_path: Path) -> None:
    for name in ("plugin_hooks.ndjson.gz", "export.json.gz"):
        done = run(tmp_path, "preview", "--as", "opencode", str(CAPTURES / "multi" / name), **_TREE)
        assert done.returncode == 0, done.stderr
        (line,) = done.stdout.splitlines()
        names = [s["name"] for s in json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]]
        assert "read: hello.txt" in names
        assert names[-1] == "opencode"


@pytest.mark.parametrize("scenario", ["multiturn", "compaction"])
def test_what_arrives_in_small_batches_is_whole(started: Callable[..., Process], scenario: str) -> None:
    assert scenario in scenarios()
    process = started()
    items = recording(scenario)
    for start in range(0, len(items), 7):
        post(process, lines(items[start : start + 7]))
    until(lambda: stored(process) == expected(items))
