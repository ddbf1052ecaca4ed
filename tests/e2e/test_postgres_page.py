"""The page, its JSON and the commands show the same whichever engine keeps the telemetry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from harness.opencode import recording
from harness.postgres import server
from harness.process import Process, ask, run, running
from harness.telemetry import PROTOBUF, logs, metrics, traces
from harness.upstream import Answer, Received, upstream, wait_for

_SESSIONS = ("subagent", "toolerror", "reasoning")


def _refuse(_: Received) -> Answer:
    return 400, {}, b"{}"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Process]]:
    """A collector on SQLite and one on PostgreSQL, told the same: turns, other spans, logs, metrics, and a refusal."""
    single = traces(3, {"llm.model_name": "m-1", "openinference.span.kind": "LLM", "note": "Crème brûlée"}, session="s")
    requests = [("traces", single), ("logs", logs(2)), ("metrics", metrics(2))]
    with upstream(_refuse) as up, ExitStack() as stack:
        found: list[Process] = []
        for url in ("", server().new_database()):
            directory = tmp_path_factory.mktemp("collector")
            extra = {"COLLECTOR_STORE_URL": url} if url else {}
            process = stack.enter_context(running(directory, "--upstream", up.url, **extra))
            for scenario in _SESSIONS:
                body = b"\n".join(orjson.dumps(item) for item in recording(scenario))
                assert process.post("/v1/opencode/events", body, "application/x-ndjson")[0] == 200
            for signal, request in requests:
                assert process.post(f"/v1/{signal}", request.SerializeToString(), PROTOBUF)[0] == 200
            wait_for(lambda process=process: not process.get("/api/status")["opencode"]["open_turns"], 90)  # type: ignore[misc]
            wait_for(lambda process=process: _settled(process), 90)  # type: ignore[misc]
            found.append(process)
        wait_for(lambda: len(found[0].get("/api/spans?limit=1000")) == len(found[1].get("/api/spans?limit=1000")), 90)
        yield found[0], found[1]


def _settled(process: Process) -> bool:
    accounts = [account for signals in process.get("/api/status")["ledger"].values() for account in signals.values()]
    found = process.get("/api/spans?limit=1000&text=creme")
    return bool(accounts) and not any(account["queued"] for account in accounts) and len(found) == 3


def _same(answer: Any) -> Any:
    """Without what is of one store alone: numbers of batches and letters, times of now, and the order of equals."""
    text = re.sub(
        r'"(id|batch_id|last|at_ns|next_attempt_at|oldest_seconds|batches|died_ns)": [^,}\]]+', "", json.dumps(answer)
    )
    return sorted(re.findall(r"[^\s{}\[\],]+", text))


_QUESTIONS = (
    "sessions",
    "sessions?model=m-1",
    "sessions?errors=true",
    "traces",
    "traces?limit=2",
    "spans?limit=1000",
    "spans?limit=1000&errors=true",
    "spans?limit=1000&model=m-1",
    "spans?limit=1000&text=creme",
    "find?id=s",
)


@pytest.mark.slow
@pytest.mark.xdist_group("postgres-page")
@pytest.mark.parametrize("question", _QUESTIONS)
def test_both_answer_the_same(both: tuple[Process, Process], question: str) -> None:
    first, second = (process.get(f"/api/{question}") for process in both)
    assert first
    assert _same(first) == _same(second)


@pytest.mark.slow
@pytest.mark.xdist_group("postgres-page")
def test_every_page_is_shown(both: tuple[Process, Process]) -> None:
    _, process = both
    sessions, spans = process.get("/api/sessions"), process.get("/api/spans?limit=1000")
    one = spans[0]
    turn = next(span["trace_id"] for span in spans if span["kind"] == "AGENT")
    pages = [
        "/", "/traces", "/logs", "/measurements", "/search?text=creme", "/delivery", "/policy", "/metrics", "/readyz",
        *(f"/sessions/{session['session_id']}" for session in sessions),
        *(f"/sessions/{session['session_id']}/export" for session in sessions),
        f"/traces/{one['trace_id']}", f"/traces/{one['trace_id']}/export", f"/traces/{one['trace_id']}/markdown",
        f"/spans/{one['trace_id']}/{one['span_id']}", f"/api/spans/{one['trace_id']}/{one['span_id']}",
        f"/api/deliveries/{one['trace_id']}", "/api/dead-letters", "/api/queue", "/api/tail?after=0",
        f"/compare?a={turn}&b={turn}",
    ]  # fmt: skip
    for page in pages:
        status, _, body = ask(process.url + page, None, {"x-collector-token": process.read_token})
        assert (page, status) == (page, 200), body[:300]
        assert body


@pytest.mark.slow
@pytest.mark.xdist_group("postgres-page")
def test_commands_read_and_change_the_store_where_no_collector_runs(tmp_path: Path) -> None:
    url = server().new_database()
    (tmp_path / "first").mkdir()
    (tmp_path / "elsewhere").mkdir()
    with running(tmp_path / "first", "--upstream", "http://127.0.0.1:1", COLLECTOR_STORE_URL=url) as process:
        assert process.post("/v1/traces", traces(2).SerializeToString())[0] == 200
        process.stop()
    asked = {"COLLECTOR_STORE_URL": url, "COLLECTOR_PORT": "1"}
    shown = run(tmp_path / "elsewhere", "sessions", "--json", **asked)
    assert [each["spans"] for each in json.loads(shown.stdout)] == [2], shown.stderr
    assert json.loads(run(tmp_path / "elsewhere", "queue", "list", "--json", **asked).stdout)[0]["items"] == 2
    dropped = run(tmp_path / "elsewhere", "queue", "drop", "127.0.0.1:1", "--yes", **asked)
    assert dropped.returncode == 0, dropped.stderr
    assert json.loads(run(tmp_path / "elsewhere", "queue", "list", "--json", **asked).stdout) == []
    told = run(tmp_path / "elsewhere", "config", **asked).stdout.decode()
    assert "COLLECTOR_STORE_URL" in told or "store_url" in told
    assert url not in told
