"""Several destinations, each as it was set: what it gets, under which token and policy; and commands on what waits."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.process import assert_balanced, run, running
from harness.telemetry import traces
from harness.upstream import upstream

pytestmark = pytest.mark.slow

MAIL = "ada@" + "example-mail.org"


def settings(folder: Path, text: str) -> None:
    (folder / "collector.toml").write_text(text)


def texts(spans: list[Any]) -> str:
    return " ".join(str(span) for span in spans)


def test_each_destination_gets_what_its_filter_policy_and_token_say(tmp_path: Path) -> None:
    with upstream() as everything, upstream() as filtered, upstream() as strict:
        settings(tmp_path, f"""
policy_file = "secrets"
[[destination]]
name = "everything"
endpoint = "{everything.url}"
[[destination]]
name = "filtered"
endpoint = "{filtered.url}"
encoding = "protobuf"
token = {{ value = "pk:sk" }}
token_scheme = "Basic"
filter = {{ session = ["wanted-*"] }}
[[destination]]
name = "strict"
endpoint = "{strict.url}"
policy = "secrets-and-pii"
token = {{ command = ["{sys.executable}", "-c", "print('tok-9')"] }}
token_header = "x-api-key"
token_scheme = ""
""")  # fmt: skip
        with running(tmp_path) as collector:
            for session in ("wanted-1", "other"):
                request = traces(1, {"input.value": f"to {MAIL}"}, session=session)
                collector.post("/v1/traces", request.SerializeToString())
            everything.wait(lambda up: len(up.spans()) == 2)
            strict.wait(lambda up: len(up.spans()) == 2)
            filtered.wait(lambda up: len(up.spans()) == 1)
            ledger = collector.get("/api/status")["ledger"]
        for account in (ledger[name]["traces"] for name in ("everything", "filtered", "strict")):
            assert_balanced(account)
        assert ledger["filtered"]["traces"]["dropped"] == {"left out by the destination's filter": 1}
        assert MAIL in texts(everything.spans()) and MAIL in texts(filtered.spans())
        assert MAIL not in texts(strict.spans()) and "[REDACTED:email]" in texts(strict.spans())
        assert "wanted-1" in texts(filtered.spans())
        assert "authorization" not in everything.received[0].headers
        basic = filtered.received[0].headers["authorization"]
        assert basic == "Basic " + base64.b64encode(b"pk:sk").decode()
        assert filtered.received[0].headers["content-type"] == "application/x-protobuf"
        assert strict.received[0].headers["x-api-key"] == "tok-9"
        assert b"tok-9" not in collector.files() and "tok-9" not in collector.log.read_text()


def test_a_token_of_a_command_is_fetched_once_more_when_it_is_refused(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = tmp_path / "give_token.py"
    script.write_text(
        f"import pathlib; p = pathlib.Path({str(count)!r}); n = int(p.read_text()) if p.exists() else 0;"
        " p.write_text(str(n + 1)); print(f'tok-{n}')"
    )

    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        good = request.headers.get("authorization") == "Bearer tok-1"
        return (200, {"content-type": "application/json"}, b"{}") if good else (401, {}, b"")

    with upstream(answer) as up:
        command = json.dumps([sys.executable, str(script)])
        settings(tmp_path, f'[[destination]]\nendpoint = "{up.url}"\ntoken = {{ command = {command} }}\n')
        with running(tmp_path) as collector:
            collector.post("/v1/traces", traces().SerializeToString())
            up.wait(lambda seen: len(seen.spans()) == 1)
    assert [each.answered for each in up.received] == [401, 200]


@pytest.mark.parametrize("runs", [True, False], ids=["running", "stopped"])
def test_what_waits_is_listed_moved_and_dropped(tmp_path: Path, runs: bool) -> None:
    with upstream() as up:
        settings(tmp_path, '[[destination]]\nname = "old"\nendpoint = "http://127.0.0.1:1"\n')
        with running(tmp_path) as collector:
            collector.post("/v1/traces", traces(3).SerializeToString())
            collector.stop()
        settings(tmp_path, f'[[destination]]\nname = "new"\nendpoint = "{up.url}"\n')

        def commands() -> None:
            [row] = json.loads(run(tmp_path, "queue", "list", "--json").stdout)
            assert (row["destination"], row["items"], row["configured"]) == ("old", 3, False)
            assert b"not configured" in run(tmp_path, "queue", "list").stdout
            refused = run(tmp_path, "queue", "move", "old", "nowhere")
            assert refused.returncode in (1, 2) and b"new" in refused.stderr
            assert b"--yes" in run(tmp_path, "queue", "drop", "old").stderr
            moved = run(tmp_path, "queue", "move", "old", "new")
            assert (moved.returncode, b"3 items" in moved.stdout) == (0, True), moved.stderr

        if runs:
            with running(tmp_path) as collector:
                commands()
                up.wait(lambda seen: len(seen.spans()) == 3)
        else:
            commands()
            [row] = json.loads(run(tmp_path, "queue", "list", "--json").stdout)
            assert (row["destination"], row["items"]) == ("new", 3)
            dropped = run(tmp_path, "queue", "drop", "new", "--yes")
            assert b"3 items dropped" in dropped.stdout
            assert json.loads(run(tmp_path, "queue", "list", "--json").stdout) == []


def test_dead_letters_are_listed_shown_retried_and_dropped(tmp_path: Path) -> None:
    refuses = [True]

    def answer(_: Any) -> tuple[int, dict[str, str], bytes]:
        return (400, {}, b"") if refuses[0] else (200, {"content-type": "application/json"}, b"{}")

    with upstream(answer) as up:
        settings(tmp_path, f'[[destination]]\nname = "a"\nendpoint = "{up.url}"\n')
        with running(tmp_path) as collector:
            collector.post("/v1/traces", traces(2).SerializeToString())
            up.wait(lambda _: collector.account(destination="a")["dead_lettered"] == 2)
            rows = json.loads(run(tmp_path, "dead-letters", "list", "--json").stdout)
            assert sum(row["items"] for row in rows) == 2 and "400" in rows[0]["cause"]
            shown = json.loads(run(tmp_path, "dead-letters", "show", str(rows[0]["id"])).stdout)
            assert shown["request"]["resourceSpans"]
            assert run(tmp_path, "dead-letters", "retry").returncode == 2
            refuses[0] = False
            assert run(tmp_path, "dead-letters", "retry", str(rows[0]["id"])).returncode == 0
            up.wait(lambda seen: len(seen.spans()) == 1)
            dropped = run(tmp_path, "dead-letters", "drop", "--all", "--yes")
            assert (dropped.returncode, dropped.stdout) == (0, b"1 items dropped\n"), dropped.stderr
            assert_balanced(collector.account(destination="a"))
            assert run(tmp_path, "dead-letters", "show", "999999").returncode == 1


def test_a_policy_of_a_destination_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    settings(tmp_path, '[[destination]]\nendpoint = "http://127.0.0.1:1"\npolicy = "absent.toml"\n')
    result = run(tmp_path, "serve", "--port", "0")
    assert result.returncode == 2
    assert b"destination 127.0.0.1:1: absent.toml: no such file" in result.stderr


def test_doctor_tells_a_token_of_another_kind_and_one_that_cannot_be_had(tmp_path: Path) -> None:
    with upstream() as up:
        settings(tmp_path, f"""
[[destination]]
preset = "catalyst"
name = "hosted"
endpoint = "{up.url}"
token = {{ value = "sk-inference-CANARY" }}
[[destination]]
name = "locked"
endpoint = "{up.url}"
token = {{ command = ["{sys.executable}", "-c", "import sys; print('CANARY'); sys.exit(4)"] }}
""")  # fmt: skip
        result = run(tmp_path, "doctor", "--json")
    found = {finding["check"]: finding for finding in json.loads(result.stdout)["findings"]}
    assert "sk-observability-" in found["token of hosted"]["said"]
    assert found["token of hosted"]["level"] == "notice"
    assert "failed with exit code 4" in found["token of locked"]["said"]
    assert result.returncode == 1 and b"CANARY" not in result.stdout + result.stderr
