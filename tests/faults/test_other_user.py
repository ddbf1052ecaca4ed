"""Another user of the machine can connect, and gets nothing: really tried, with a user made for it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.process import Process, command, environment, running
from harness.telemetry import traces
from harness.upstream import wait_for

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
pytestmark = [
    pytest.mark.skipif(not ROOT or shutil.which("useradd") is None, reason="only root can make another user"),
    pytest.mark.xdist_group("other-user"),
]

NAME = "collector-stranger"
CONTENT = "what the owner said"

TRY = """
import json, os, sys, urllib.error, urllib.request
url, data, uid = sys.argv[1], sys.argv[2], int(sys.argv[3])

def ask(path, body=None, **headers):
    request = urllib.request.Request(url + path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode("latin-1")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("latin-1")

ask("/healthz"), ask("/nothing")  # imports what it needs while it may read the interpreter's files
os.setgroups([]), os.setgid(uid), os.setuid(uid)
files = {}
for name in sys.stdin.read().split():
    try:
        files[name] = open(os.path.join(data, name), "rb").read().decode("latin-1")
    except OSError as error:
        files[name] = error.errno
try:
    files["."] = os.listdir(data)
except OSError as error:
    files["."] = error.errno
store = {"database": os.path.join(data, "opencode.db"), "scope": "global"}
hello = {"ts": 1, "pid": os.getpid(), "dir": "/", "hook": "__init__", "input": store}
pages = ["/", "/api/sessions", "/api/spans", "/api/status", "/api/tail?after=0", "/api/openapi.json", "/live"]
print(json.dumps({
    "uid": os.geteuid(),
    "files": files,
    "pages": {path: ask(path) for path in pages},
    "guessed": ask("/api/spans", x_collector_token="guessed"),
    "sent": ask("/v1/traces", b"{}", content_type="application/json")[0],
    "named": ask("/v1/opencode/events", json.dumps(hello).encode(), content_type="application/x-ndjson")[0],
    "health": ask("/healthz")[0],
}))
"""


@pytest.fixture
def stranger() -> Iterator[str]:
    """The name of a user that has nothing to do with the collector's."""
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        made = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
        subprocess.run(made, check=True, capture_output=True)
    yield NAME
    subprocess.run(["userdel", NAME], check=True, capture_output=True)


def tried(collector: Process, stranger: str) -> Any:
    """What the other user gets of everything a process of theirs can try."""
    data = collector.directory / "data"
    found = subprocess.run(
        [sys.executable, "-c", TRY, collector.url, str(data), str(pwd.getpwnam(stranger).pw_uid)],
        input=" ".join(path.name for path in data.iterdir()),
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_another_user_of_the_machine_reads_nothing(tmp_path: Path, stranger: str) -> None:
    for parent in [tmp_path, *tmp_path.parents]:  # so that only the data directory's own rights keep them out
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    with running(tmp_path) as collector:
        request = traces(2, {"input.value": CONTENT})
        assert collector.post("/v1/traces", request.SerializeToString())[0] == 200
        (tmp_path / "data" / "opencode.db").write_bytes(b"the owner's database")
        got = tried(collector, stranger)
        assert got["uid"] == pwd.getpwnam(stranger).pw_uid != os.geteuid()
        assert CONTENT not in json.dumps(got)
        assert all(isinstance(found, int) for found in got["files"].values()), got["files"]
        assert {status for status, _ in got["pages"].values()} == {401}, got["pages"]
        assert got["guessed"][0] == 401
        assert (got["sent"], got["named"], got["health"]) == (200, 200, 200)
        assert len(collector.get("/api/spans")) == 2
        assert "names files without the token" in collector.log.read_text()
        assert not (tmp_path / "data" / "opencode-sources.json").exists()


_LOOK = """
import json, os, pathlib, sys
os.setgroups([]), os.setgid(int(sys.argv[1])), os.setuid(int(sys.argv[1]))
print(json.dumps([found.decode("latin-1") for each in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                  if (found := each.read_bytes() if os.access(each, os.R_OK) else b"")]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_no_command_line_shows_the_read_token(tmp_path: Path, stranger: str) -> None:
    """Every user sees the arguments of every process: a browser that is opened gets the address by a file."""
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\ntouch {tmp_path}/opened\nsleep 60\n")
    browser.chmod(0o755)
    with running(tmp_path) as collector:
        env = environment(tmp_path, BROWSER=f"{browser} %s")
        opening = subprocess.Popen(command("open"), env=env, cwd=tmp_path, start_new_session=True)
        try:
            wait_for((tmp_path / "opened").exists, 90)
            looked = [sys.executable, "-c", _LOOK, str(pwd.getpwnam(stranger).pw_uid)]
            seen = json.loads(subprocess.run(looked, capture_output=True, timeout=60, cwd="/", check=True).stdout)
        finally:
            os.killpg(opening.pid, signal.SIGKILL)
            opening.wait()
        assert any(str(browser) in line and "open.html" in line for line in seen)
        assert collector.read_token not in "".join(seen)
