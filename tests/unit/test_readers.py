"""The readers of the command line: tables that fit, ids that may be shortened, filters, one thing with its content."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.browser import recorded
from harness.process import Process, command, environment, run, running
from harness.telemetry import traces
from harness.upstream import wait_for
from hypothesis import given
from hypothesis import strategies as st

from collector.cli.show import Column, fitting

COLUMNS = [Column("session", 100), Column("title", 99, least=20), Column("path", 50, least=10), Column("cost", 60)]


@given(
    st.lists(st.lists(st.text("abc", max_size=60), min_size=4, max_size=4), min_size=1, max_size=5),
    st.integers(70, 200),
)
def test_a_table_fits_and_loses_whole_columns_before_it_cuts_the_ones_that_may_not_be(
    rows: list[list[str]], width: int
) -> None:
    kept = fitting(COLUMNS, rows, width)
    assert sum(size for _, size in kept) + 2 * (len(kept) - 1) <= width
    for at, size in kept:
        assert COLUMNS[at].least or size >= max(len(row[at]) for row in rows)


def test_the_lightest_column_goes_first() -> None:
    rows = [["s" * 20, "t" * 40, "p" * 40, "c" * 20]]
    assert [at for at, _ in fitting(COLUMNS, rows, 80)] == [0, 1, 2, 3]
    assert [at for at, _ in fitting(COLUMNS, rows, 70)] == [0, 1, 3]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A collector that keeps the recorded turns of three sessions."""
    process = Process(tmp_path_factory.mktemp("kept"))
    for scenario in ("multi", "permission", "multiturn"):
        body = b"\n".join(recorded(scenario))
        assert process.post("/v1/opencode/events", body, "application/x-ndjson")[0] == 200
    deadline = time.monotonic() + 90
    while sum(row["traces"] for row in process.get("/api/sessions")) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield process
    process.stop()


def _read(process: Process, *arguments: str, **extra: str) -> str:
    found = run(process.directory, *arguments, **extra)
    assert found.returncode == 0, found.stderr
    return found.stdout.decode()


def _json(process: Process, *arguments: str) -> list[dict[str, str]]:
    return list(json.loads(_read(process, *arguments, "--json")))


@pytest.mark.slow
def test_an_empty_list_of_sessions_says_what_arrived_without_one(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        assert "nothing has arrived yet" in _read(process, "sessions")
        assert process.post("/v1/traces", traces(1, session="").SerializeToString())[0] == 200
        wait_for(lambda: bool(_json(process, "traces")))
        assert "`collector traces` lists it" in _read(process, "sessions")
        assert _json(process, "sessions") == []


@pytest.mark.slow
def test_tables_fit_eighty_columns(kept: Process) -> None:
    for arguments in (("sessions",), ("traces",), ("spans",)):
        lines = _read(kept, *arguments, COLUMNS="80").splitlines()
        assert len(lines) > 3
        assert max(len(line.rstrip()) for line in lines) <= 80


@pytest.mark.slow
def test_filters_ask_for_what_they_say(kept: Process) -> None:
    everything = _json(kept, "sessions")
    failed = _json(kept, "sessions", "--errors")
    assert len(everything) == 3
    assert [row["directory"].rpartition("/")[2] for row in failed] == ["permission"]
    assert _json(kept, "sessions", "--tool", "grep") == [
        row for row in everything if row["directory"].endswith("/multi")
    ]
    assert {row["tool"] for row in _json(kept, "spans", "--tool", "bash")} == {"bash"}
    assert _json(kept, "sessions", "--since", "1m") == []
    assert _json(kept, "sessions", "--agent", everything[0]["agent"])[0] == everything[0]
    assert _json(kept, "sessions", "--agent", "none") == []
    assert _json(kept, "sessions", "--model", "none") == _json(kept, "traces", "--model", "none") == []
    grepped = _json(kept, "traces", "--tool", "grep")
    assert [row["session_id"] for row in grepped] == [
        row["session_id"] for row in _json(kept, "sessions", "--tool", "grep")
    ]
    deadline = time.monotonic() + 90  # text is indexed beside the posts
    while not (found := _json(kept, "sessions", "--text", "brave")):
        assert time.monotonic() < deadline
    assert [row["directory"].rpartition("/")[2] for row in found] == ["multi"]
    assert "nothing that is kept fits" in _read(kept, "sessions", "--tool", "absent")


@pytest.mark.slow
def test_ids_may_be_shortened_and_wrong_ones_say_so(kept: Process) -> None:
    [session] = _json(kept, "sessions", "--tool", "grep")
    [trace] = _json(kept, "traces", "--session", session["session_id"][-8:-2])
    spans = _json(kept, "spans", trace["trace_id"][:8])
    assert len(spans) == 12
    one = spans[3]
    for short in (f"{one['trace_id'][:8]}/{one['span_id'][:6]}", one["span_id"][:12]):
        shown = json.loads(_read(kept, "show", short, "--json"))
        assert (shown["kind"], shown["spans"][0]["span_id"]) == ("span", one["span_id"])
    wrong = run(kept.directory, "show", "nosuchthing")
    assert (wrong.returncode, b"nothing that is kept has an id like this" in wrong.stderr) == (1, True)
    for empty in ("", " ", "/"):
        none = run(kept.directory, "show", empty)
        assert (none.returncode, b"an id is needed" in none.stderr) == (1, True)
    ambiguous = run(kept.directory, "show", "ses_")
    assert (ambiguous.returncode, b"is short for more than one" in ambiguous.stderr) == (1, True)
    no_session = run(kept.directory, "traces", "--session", trace["trace_id"])
    assert (no_session.returncode, b"this is no session" in no_session.stderr) == (1, True)


@pytest.mark.slow
def test_turns_are_numbered_from_one(kept: Process) -> None:
    [session] = _json(kept, "sessions", "--tool", "grep")
    for number, said in (("0", b"turns are numbered from 1"), ("9", b"the session has fewer")):
        found = run(kept.directory, "show", f"{session['session_id']}/{number}")
        assert (found.returncode, found.stdout, said in found.stderr) == (1, b"", True)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["otlp-json", "halo-jsonl", "markdown", "html"])
def test_an_export_takes_the_ids_that_tables_show_and_refuses_others(kept: Process, form: str) -> None:
    [trace] = _json(kept, "traces", "--tool", "grep")
    session = trace["session_id"]
    whole = _read(kept, "export", "--format", form, "--session", session)
    assert "brave" in whole
    assert _read(kept, "export", "--format", form, "--session", session[-8:]) == whole
    assert "brave" in _read(kept, "export", "--format", form, "--trace", trace["trace_id"][:8])
    for option in ("--session", "--trace"):
        wrong = run(kept.directory, "export", "--format", form, option, "nosuchthing", "made")
        assert (wrong.returncode, b"nothing that is kept has an id like this" in wrong.stderr) == (1, True)
    assert not (kept.directory / "made").exists()
    mistaken = run(kept.directory, "export", "--format", form, "--trace", session)
    assert (mistaken.returncode, b"this is no trace" in mistaken.stderr) == (1, True)


@pytest.mark.slow
def test_an_export_that_cannot_be_written_says_so(kept: Process) -> None:
    found = run(kept.directory, "export", "nosuchdirectory/file")
    assert (found.returncode, b"nosuchdirectory/file: cannot be written" in found.stderr) == (1, True)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["spans", "errors", "search", "cost"])
def test_the_pages_of_a_tool_for_agents_hold_each_row_once(kept: Process, tool: str) -> None:
    """Each page but the last says how to go on."""
    [session] = _json(kept, "sessions", "--tool", "grep")
    given = {"spans": {"session": session["session_id"]}, "search": {"text": "bash"}, "cost": {"by": "session"}}
    arguments: dict[str, object] = dict(given.get(tool, {}))
    [everything] = _called(kept, [(tool, {**arguments, "limit": 50})])
    assert len(everything) > 1 or tool == "errors"
    pages = _called(kept, [(tool, {**arguments, "limit": 1, "skip": at}) for at in range(len(everything))])
    assert [page[0] for page in pages] == everything
    assert [page[1:] for page in pages] == [[f"page on with skip={at}"] for at in range(1, len(pages))] + [[]]


@pytest.mark.slow
def test_a_server_for_agents_goes_on_where_nothing_is_kept_yet_or_a_collector_refuses(tmp_path: Path) -> None:
    """An agent starts its servers once: one that ended before the first trace would be missing all day."""
    messages = b"".join(
        json.dumps({"jsonrpc": "2.0", "id": at, "method": method, "params": params}).encode() + b"\n"
        for at, (method, params) in enumerate(
            (("initialize", {}), ("tools/list", {}), ("tools/call", {"name": "cost"}))
        )
    )
    lines = [json.loads(line) for line in run(tmp_path, "mcp", stdin=messages).stdout.splitlines()]
    assert [line["id"] for line in lines] == [0, 1, 2]
    assert lines[0]["result"]["serverInfo"]["name"] == "opencode-collector"
    assert len(lines[1]["result"]["tools"]) > 5
    assert lines[2]["result"]["isError"]
    assert "start `collector serve`" in lines[2]["result"]["content"][0]["text"]
    process = Process(tmp_path)
    told = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n'
    try:
        wrong = run(tmp_path, "mcp", stdin=told + messages, COLLECTOR_ACCESS_TOKEN="wrong")
    finally:
        process.stop()
    refused = [json.loads(line) for line in wrong.stdout.splitlines()]
    assert [line["id"] for line in refused] == [0, 1, 2]
    assert all("error" in line for line in refused)


def _called(process: Process, calls: list[tuple[str, dict[str, object]]]) -> list[list[str]]:
    """The lines that each call of a tool answers, by `collector mcp`."""
    messages = [
        {"jsonrpc": "2.0", "id": at, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(calls)
    ]
    found = run(process.directory, "mcp", stdin=b"".join(json.dumps(each).encode() + b"\n" for each in messages))
    answers = [json.loads(line)["result"] for line in found.stdout.splitlines()]
    assert not any(answer["isError"] for answer in answers), answers
    return [answer["content"][0]["text"].splitlines() for answer in answers]


@pytest.mark.slow
def test_one_thing_is_shown_with_its_content_running_or_not(tmp_path: Path) -> None:
    process = Process(tmp_path)
    assert (
        process.post("/v1/traces", traces(3, {"output.value": "said here"}, session="ses_read").SerializeToString())[0]
        == 200
    )
    arguments = (
        ("show", "ses_read"),
        ("show", "ses_read/1"),
        ("show", "ses_read", "--json"),
        ("traces", "--session", "read"),
    )
    live = [_read(process, *each) for each in arguments]
    process.stop()
    assert [_read(process, *each) for each in arguments] == live
    document = json.loads(live[2])
    assert set(document) == {"kind", "id", "title", "turns", "spans", "markdown"}
    assert [span["attributes"]["output.value"] for span in document["spans"]] == ["said here"] * 3
    assert b"no such turn" in run(tmp_path, "show", "ses_read/99").stderr


@pytest.mark.slow
def test_an_empty_list_names_the_address_to_send_to(tmp_path: Path) -> None:
    process = Process(tmp_path)
    assert process.url in _read(process, "sessions")
    process.stop()


@pytest.mark.slow
def test_tail_says_what_it_waits_for_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    process = Process(tmp_path)
    port = process.url.rpartition(":")[2]
    errors = (tmp_path / "tail.err").open("wb")
    tail = subprocess.Popen(
        command("tail", "--tool", "bash"),
        stdout=subprocess.PIPE,
        stderr=errors,
        env=environment(tmp_path, COLLECTOR_PORT=port),
        cwd=tmp_path,
    )
    assert tail.stdout is not None

    def told(words: str) -> None:
        deadline = time.monotonic() + 90
        while words not in (tmp_path / "tail.err").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    try:
        told(f"following what arrives at {process.url}")
        process.stop()
        told("waiting for it")
        process = Process(tmp_path, "--port", port)
        told("the collector is back")
        for tool in ("read", "bash"):
            request = traces(1, {"tool.name": tool, "openinference.span.kind": "TOOL"}, session="ses_tail")
            request.resource_spans[0].scope_spans[0].spans[0].name = f"called {tool}"
            assert process.post("/v1/traces", request.SerializeToString())[0] == 200
        assert b"called bash" in tail.stdout.readline()
    finally:
        tail.kill()
        tail.wait()
        errors.close()
        process.stop()
