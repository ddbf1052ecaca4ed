"""The data directory is its owner's alone, and what is odd about it is one clear line."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.app.data_dir import INSTANCE_KEY, READ_TOKEN, DataDirectory, announced_url, found_secret, secret
from collector.errors import ConfigError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights are access lists there")

SOMEONE = 12345


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_secrets_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    made = secret(tmp_path / "new", READ_TOKEN)
    assert len(made) >= 43  # 256 bits
    assert made == secret(tmp_path / "new", READ_TOKEN) == found_secret(tmp_path / "new", READ_TOKEN)
    assert made != secret(tmp_path / "new", INSTANCE_KEY)
    assert (mode(tmp_path / "new"), mode(tmp_path / "new" / READ_TOKEN)) == (0o700, 0o600)


@pytest.mark.parametrize("rights", [0o777, 0o770, 0o755, 0o707])
def test_a_directory_that_others_may_use_is_closed_to_them(tmp_path: Path, rights: int) -> None:
    place = tmp_path / "data"
    place.mkdir()
    place.chmod(rights)
    claimed = DataDirectory(place)
    claimed.claim()
    claimed.release()
    assert mode(place) == 0o700


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files to others")
def test_what_another_user_made_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, SOMEONE, SOMEONE)
    with pytest.raises(ConfigError, match="belongs to another user"):
        DataDirectory(theirs).claim()
    mine = tmp_path / "mine"
    mine.mkdir()
    mine.chmod(0o777)
    (mine / "collector.db").write_bytes(b"")
    os.chown(mine / "collector.db", SOMEONE, SOMEONE)
    with pytest.raises(ConfigError, match=r"collector\.db was put there by another user"):
        DataDirectory(mine).claim()
    (tmp_path / READ_TOKEN).write_text("known to them")
    os.chown(tmp_path / READ_TOKEN, SOMEONE, SOMEONE)
    with pytest.raises(ConfigError, match="others may use it"):
        found_secret(tmp_path, READ_TOKEN)


def _socket(path: Path) -> None:
    made = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket must be short
    try:
        made.bind(path.name)
    finally:
        os.chdir(here)
        made.close()


ODD: dict[str, Callable[[Path], object]] = {
    "directory": Path.mkdir,
    "link": lambda path: path.symlink_to(path.parent / "elsewhere"),
    "pipe": os.mkfifo,
    "socket": _socket,
    "open to all": lambda path: (path.write_bytes(b"known"), path.chmod(0o666)),
    "binary": lambda path: (path.write_bytes(b"\xff\xfe"), path.chmod(0o600)),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_secret_is_one_clear_line(tmp_path: Path, odd: str) -> None:
    ODD[odd](tmp_path / READ_TOKEN)
    with pytest.raises(ConfigError, match=r"read-token cannot be read .*: delete it"):
        secret(tmp_path, READ_TOKEN)


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd != "binary"])
def test_an_odd_lock_is_one_clear_line(tmp_path: Path, odd: str) -> None:
    tmp_path.chmod(0o700)
    ODD[odd](tmp_path / "lock")
    with pytest.raises(ConfigError, match="cannot be written"):
        DataDirectory(tmp_path).claim()


@pytest.mark.parametrize("odd", ODD)
def test_odd_word_of_a_running_collector_is_no_word(tmp_path: Path, odd: str) -> None:
    ODD[odd](tmp_path / "running.json")
    assert announced_url(tmp_path) is None


def test_a_directory_in_place_of_the_word_is_one_clear_line(tmp_path: Path) -> None:
    """Before, letting go of the directory failed in turn, and that was what one saw."""
    directory = DataDirectory(tmp_path / "data")
    directory.claim()
    (tmp_path / "data" / "running.json").mkdir()
    with pytest.raises(ConfigError, match=r"running.json cannot be written"):
        directory.announce("http://127.0.0.1:4318")
    directory.release()
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"lock", "running.json"}


def test_a_file_in_place_of_the_directory_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match="is a file: name a directory"):
        DataDirectory(tmp_path / "data").claim()
    with pytest.raises(ConfigError, match="cannot be written"):
        DataDirectory(tmp_path / "data" / "below").claim()
