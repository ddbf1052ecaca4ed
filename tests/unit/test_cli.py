"""The command line as a person or a script uses it."""

from __future__ import annotations

import gzip
import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from harness.credentials import GITHUB, PLANTED, assert_no_secret
from harness.process import command, environment, run, running
from harness.telemetry import FIXTURES, logs, metrics, traces
from harness.upstream import requires, upstream
from rich.text import Text
from typer import Context
from typer.core import TyperGroup
from typer.main import get_command

from collector import __version__
from collector.cli import app
from collector.otlp.write import to_json

pytestmark = pytest.mark.slow

COMMANDS = ["serve", "status", "sessions", "traces", "spans", "tail", "send-test", "preview", "redact", "config"]
COMMANDS += ["run", "doctor", "opencode install", "opencode uninstall"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_screen(tmp_path: Path, command: str) -> None:
    result = run(tmp_path, *command.split(), "--help", COLUMNS="80")
    lines = result.stdout.decode().splitlines()
    assert result.returncode == 0
    assert len(lines) <= 40
    assert max(len(line) for line in lines) <= 80


def test_no_help_text_loses_words_to_markup() -> None:
    """Words in square brackets are taken for styles, and are not shown."""
    found: list[tuple[str, Any]] = [("collector", get_command(app))]
    for name, each in found:
        for text in (each.help or "", *(getattr(option, "help", None) or "" for option in each.params)):
            assert Text.from_markup(text).plain == text, name
        if isinstance(each, TyperGroup):
            context = Context(each)
            found.extend((f"{name} {of}", each.get_command(context, of)) for of in each.list_commands(context))
    assert len(found) > 30


def test_a_wrong_flag_is_a_usage_error(tmp_path: Path) -> None:
    assert run(tmp_path, "serve", "--prot", "1").returncode == 2
    assert run(tmp_path, "nothing").returncode == 2


def test_a_misspelt_command_is_told_the_right_one(tmp_path: Path) -> None:
    result = run(tmp_path, "stats")
    assert (result.returncode, b"Did you mean 'status'?" in result.stderr) == (2, True)


def test_the_version_is_printed(tmp_path: Path) -> None:
    result = run(tmp_path, "--version")
    assert (result.returncode, result.stdout.decode().split()) == (0, ["opencode-collector", __version__])


def test_redact_masks_standard_input(tmp_path: Path) -> None:
    result = run(tmp_path, "redact", stdin=f"key {GITHUB} end\n".encode())
    assert (result.returncode, result.stdout) == (0, b"key [REDACTED:github-token] end\n")


def test_redact_jsonl_tells_where_in_code_points(tmp_path: Path) -> None:
    text = f"é😀 {GITHUB} end"
    result = run(tmp_path, "redact", "--jsonl", stdin=json.dumps({"text": text}).encode() + b'\n{"text": "clean"}\n')
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["text"] == "é😀 [REDACTED:github-token] end"
    assert [text[f["start"] : f["end"]] for f in first["findings"]] == [GITHUB]
    assert first["findings"][0]["rule"] == "github-token"
    assert second == {"text": "clean", "findings": []}


def test_redact_jsonl_names_the_line_it_cannot_read_and_goes_on(tmp_path: Path) -> None:
    result = run(tmp_path, "redact", "--jsonl", stdin=b'CANARY7\n{"text": "x"}\n{"text": 1}\n')
    assert result.returncode == 1
    assert json.loads(result.stdout) == {"text": "x", "findings": []}
    assert b"line 1" in result.stderr and b"line 3" in result.stderr
    assert b"CANARY7" not in result.stderr


def test_preview_prints_exactly_what_would_leave(tmp_path: Path) -> None:
    """The same bytes that a destination gets."""
    request = traces(2, {"input.value": PLANTED["github"]})
    file = tmp_path / "request.json"
    file.write_bytes(to_json(request))
    shown = run(tmp_path, "preview", str(file)).stdout
    with upstream() as up, running(tmp_path, "--upstream", up.url) as proxy:
        proxy.post("/v1/traces", request.SerializeToString())
        up.wait(lambda u: len(u.spans()) == 2)
        assert shown == up.received[0].body + b"\n"
    assert_no_secret(shown, "the preview")


def test_preview_reads_every_form(tmp_path: Path) -> None:
    forms = {
        "traces.json": to_json(traces()),
        "logs.json": to_json(logs()),
        "metrics.json": to_json(metrics()),
        "traces.pb": traces().SerializeToString(),
        "traces.json.gz": gzip.compress(to_json(traces())),
        "lines.ndjson": to_json(traces()) + b"\n" + to_json(traces()) + b"\n" + to_json(logs()),
    }
    for name, data in forms.items():
        (tmp_path / name).write_bytes(data)
    result = run(tmp_path, "preview", *(str(tmp_path / name) for name in forms))
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert [next(iter(document)) for document in documents] == [
        "resourceSpans", "resourceLogs", "resourceMetrics", "resourceSpans", "resourceSpans", "resourceSpans",
        "resourceLogs",
    ]  # fmt: skip
    assert len(documents[5]["resourceSpans"]) == 2
    assert run(tmp_path, "preview", "-", stdin=to_json(traces())).stdout.startswith(b'{"resourceSpans"')


def test_preview_tells_what_a_file_holds(tmp_path: Path) -> None:
    captures = FIXTURES / "opencode" / "captures"
    export = captures / "multi_native" / "export.json.gz"
    shown = run(tmp_path, "preview", str(export), str(captures / "bash" / "plugin_hooks.ndjson.gz"))
    assert (shown.returncode, shown.stdout.count(b'{"resourceSpans"')) == (0, 2), shown.stderr
    assert b"hi-from-bash" in shown.stdout


@pytest.mark.parametrize(
    "held",
    [
        b"{}", b"[]",
        b'{"some": "CANARY7"}', b'[1, "CANARY7"]', b"just CANARY7 text\n", b'{"observations": ["CANARY7"]}',
        b'{"type": "user", "sessionId": "CANARY7", "uuid": "1", "message": {}}\n',
        b'{"name": "CANARY7", "input": {"resourceSpans": []}}', b'{"at": 1, "data": {"resourceSpans": "CANARY7"}}\n',
    ],
)  # fmt: skip
def test_preview_refuses_what_is_nothing_it_knows(tmp_path: Path, held: bytes) -> None:
    result = run(tmp_path, "preview", "-", stdin=held)
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"preview reads OTLP" in result.stderr
    assert b"CANARY7" not in result.stderr


def test_preview_at_the_metadata_level(tmp_path: Path) -> None:
    file = FIXTURES / "opencode-plugin" / "bash.json"
    assert b"hi-from-bash" in run(tmp_path, "preview", str(file)).stdout
    assert b"hi-from-bash" not in run(tmp_path, "preview", str(file), COLLECTOR_CONTENT="metadata").stdout


def test_preview_names_what_it_cannot_read_and_shows_the_rest(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(to_json(traces()))
    bad.write_bytes(b'{"CANARY7"')
    result = run(tmp_path, "preview", str(bad), str(tmp_path / "absent"), str(good))
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 1
    assert b"bad.json" in result.stderr and b"absent" in result.stderr and b"CANARY7" not in result.stderr


def test_config_shows_values_and_origins_and_no_token(tmp_path: Path) -> None:
    extra = {"CATALYST_OTLP_TOKEN": "CANARY-1", "COLLECTOR_UPSTREAM_HEADERS": '{"x-key": "CANARY-2"}'}
    shown = run(tmp_path, "config", "--json", **extra)
    settings = json.loads(shown.stdout)["settings"]
    assert settings["upstream_token"] == {
        **settings["upstream_token"],
        "value": "********",
        "origin": "CATALYST_OTLP_TOKEN",
    }
    assert settings["port"]["origin"] == "default"
    assert b"CANARY" not in shown.stdout + run(tmp_path, "config", **extra).stdout


def test_the_readers_work_with_and_without_a_running_collector(tmp_path: Path) -> None:
    with running(tmp_path) as proxy:
        proxy.post("/v1/traces", traces(3, session="ses_read").SerializeToString())
        live = {name: json.loads(run(tmp_path, name, "--json").stdout) for name in ("sessions", "traces", "spans")}
        assert run(tmp_path, "status").returncode == 0
        proxy.stop()
    for name, rows in live.items():
        assert json.loads(run(tmp_path, name, "--json").stdout) == rows
        assert b"ses_read" in run(tmp_path, "sessions").stdout
    assert len(live["spans"]) == 3
    status = run(tmp_path, "status", "--json")
    assert status.returncode == 1
    account = json.loads(status.stdout)["ledger"]["local"]["traces"]
    assert (account["delivered"], account["kept"]) == (3, 3)  # what is kept here only is in the sum, and said


def test_readers_without_any_store_say_what_to_do(tmp_path: Path) -> None:
    result = run(tmp_path, "sessions")
    assert result.returncode == 1
    assert b"start `collector serve`" in result.stderr


def test_spans_of_a_trace_are_shown_as_a_tree(tmp_path: Path) -> None:
    body = (FIXTURES / "opencode-plugin" / "subagent.json").read_bytes()
    with running(tmp_path) as proxy:
        proxy.post("/v1/traces", body, "application/json")
        trace_id = proxy.get("/api/traces")[0]["trace_id"]
        lines = run(tmp_path, "spans", trace_id).stdout.decode().splitlines()
    assert any("  " in line and "fake/fake-model" in line for line in lines)
    assert len(lines) > 2


def test_telemetry_does_not_steer_the_terminal(tmp_path: Path) -> None:
    request = traces()
    request.resource_spans[0].scope_spans[0].spans[0].name = "a\x1b[2Jb\nc"
    with running(tmp_path) as proxy:
        proxy.post("/v1/traces", request.SerializeToString())
        assert b"\x1b" not in run(tmp_path, "spans").stdout


def test_tail_follows_what_arrives(tmp_path: Path) -> None:
    with running(tmp_path) as proxy:
        tail = subprocess.Popen(
            command("tail", "--json"), stdout=subprocess.PIPE, env=environment(tmp_path), cwd=tmp_path
        )
        assert tail.stdout is not None
        try:

            def feed() -> None:
                for _ in range(20):
                    proxy.post("/v1/logs", logs(1, "a line").SerializeToString())
                    time.sleep(0.2)

            feeder = threading.Thread(target=feed, daemon=True)
            feeder.start()
            line = tail.stdout.readline()
            feeder.join()
        finally:
            tail.kill()
            tail.wait()
        assert next(iter(json.loads(line))) == "resourceLogs"


def test_send_test_says_what_the_destination_answered(tmp_path: Path) -> None:
    token = "tok-" + "1"
    with upstream(requires(token)) as up, running(tmp_path, "--upstream", up.url, CATALYST_OTLP_TOKEN=token):
        result = run(tmp_path, "send-test")
        assert (result.returncode, b"took it (HTTP 200)" in result.stdout) == (0, True)
        assert len(up.spans()) == 2


def test_send_test_says_when_the_destination_refuses(tmp_path: Path) -> None:
    with upstream(lambda _: (400, {}, b"")) as up, running(tmp_path, "--upstream", up.url):
        result = run(tmp_path, "send-test")
        assert (result.returncode, b"refused it for good (HTTP 400)" in result.stdout) == (1, True)


def test_send_test_says_when_the_token_is_wrong(tmp_path: Path) -> None:
    with upstream(requires("right")) as up, running(tmp_path, "--upstream", up.url, CATALYST_OTLP_TOKEN="wrong"):
        result = run(tmp_path, "send-test", "--wait", "2", "--json")
        assert result.returncode == 1
        assert json.loads(result.stdout)["state"] == "queued"
        assert "HTTP 401" in json.loads(result.stdout)["said"]


def test_send_test_in_local_mode_says_that_nothing_is_forwarded(tmp_path: Path) -> None:
    with running(tmp_path):
        result = run(tmp_path, "send-test")
        assert (result.returncode, b"not forwarded" in result.stdout) == (0, True)


def test_shell_completion_is_offered(tmp_path: Path) -> None:
    shown = run(tmp_path, "--show-completion", "bash")
    assert shown.returncode == 0
    assert b"complete" in shown.stdout


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """As with `| head -1`: what is written last is written when the command ends."""
    for arguments in (("config",), ("policy", "show"), ("--help",)):
        with subprocess.Popen(
            command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path), cwd=tmp_path
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b"", arguments


def test_what_stays_here_is_said_to_be_kept_not_delivered(tmp_path: Path) -> None:
    with running(tmp_path) as collector:
        assert collector.post("/v1/traces", traces(3).SerializeToString())[0] == 200
        said = run(tmp_path, "status").stdout
    assert b"local traces: 3 received = 3 kept + 0 queued" in said
    assert b"delivered" not in said


def test_a_command_without_the_token_says_which_variables_give_it(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with running(tmp_path) as collector:
        for arguments in (("sessions",), ("status",), ("show", "abc"), ("send-test",)):
            result = run(other, *arguments, COLLECTOR_PORT=collector.url.rpartition(":")[2])
            assert result.returncode == 1
            assert b"COLLECTOR_DATA_DIR" in result.stderr and b"COLLECTOR_ACCESS_TOKEN" in result.stderr, arguments
