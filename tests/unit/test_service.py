"""The collector as a service: what is written for each system, and that the system is told."""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness.process import run

from collector.app.service import service
from collector.errors import CollectorError, ConfigError

COMMAND = ["/opt/my tools/python", "-m", "collector", "serve", "--data-dir", "/data/50% $HOME"]


def told(tmp_path: Path, name: str, code: int = 0) -> Path:
    """Puts a program of that name into the path, which writes down what it is told."""
    tool = tmp_path / "bin" / name
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\necho it does not work >&2\nexit {code}\n')
    tool.chmod(0o755)
    return tmp_path / "told"


def test_systemd_gets_each_word_as_it_is(tmp_path: Path) -> None:
    text = service("linux", COMMAND, tmp_path, {}).text
    [line] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(line.removeprefix("ExecStart=").replace("%%", "%").replace("$$", "$"))
    assert words == COMMAND
    assert "ExecReload=/bin/kill -HUP $MAINPID" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_itself_reads_the_unit(tmp_path: Path) -> None:
    written = service("linux", [sys.executable, "-m", "collector"], tmp_path, {})
    (tmp_path / "opencode-collector.service").write_text(written.text)
    verify = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "opencode-collector.service")]
    found = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    assert "opencode-collector.service:" not in found.stderr, found.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_install_and_uninstall_write_start_stop_and_delete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = told(tmp_path, "systemctl")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    wanted = service("linux", COMMAND, tmp_path, {})
    wanted.install()
    assert wanted.file is not None and wanted.file == tmp_path / ".config/systemd/user/opencode-collector.service"
    assert wanted.file.read_text() == wanted.text
    assert wanted.status()[0]
    wanted.uninstall()
    assert not wanted.file.exists()
    unit = "opencode-collector.service"
    assert said.read_text().splitlines() == [
        "--user daemon-reload", f"--user enable --now {unit}", f"--user status --no-pager {unit}",
        f"--user disable --now {unit}",
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_what_the_system_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(tmp_path, "systemctl", code=1)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(CollectorError, match="it does not work"):
        service("linux", COMMAND, tmp_path, {}).install()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CollectorError, match="systemctl is not here"):
        service("linux", COMMAND, tmp_path, {}).install()


def test_launchd_gets_a_property_list(tmp_path: Path) -> None:
    wanted = service("darwin", COMMAND, tmp_path, {})
    found = plistlib.loads(wanted.text.encode())
    assert found["ProgramArguments"] == COMMAND
    assert (found["RunAtLoad"], found["KeepAlive"]) == (True, {"SuccessfulExit": False})
    assert wanted.file == tmp_path / "Library/LaunchAgents" / f"{found['Label']}.plist"


def test_windows_gets_a_task_at_logon() -> None:
    create = service("win32", COMMAND, Path(), {}).start[0]
    assert create[create.index("/SC") + 1] == "ONLOGON"
    assert create[create.index("/TR") + 1] == subprocess.list2cmdline(COMMAND)


def test_another_system_is_told_so() -> None:
    with pytest.raises(ConfigError, match="no form of service is known for sunos"):
        service("sunos", COMMAND, Path(), {})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prints what this system would get")
def test_print_shows_the_service_and_changes_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, "service", "install", "--print", "--data-dir", "kept here")
    assert found.returncode == 0, found.stderr
    assert f'serve --data-dir "{tmp_path / "kept here"}"' in found.stdout.decode()
    assert not (tmp_path / ".config").exists()
