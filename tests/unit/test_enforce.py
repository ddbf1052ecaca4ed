"""Where policies stand, who may have written them, and what happens when one cannot be used."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from collector.enforce.files import machine_directory, read_key
from collector.enforce.in_force import Enforcement, InForce
from collector.enforce.request import PolicyRequest
from collector.errors import ConfigError
from collector.policy.model import ContentLevel

NOW = 1_800_000_000.0
ME = (os.getuid(),) if hasattr(os, "getuid") else (0,)
posix = pytest.mark.skipif(sys.platform == "win32", reason="access lists there")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    folder = tmp_path / "machine"
    folder.mkdir(mode=0o755)
    return folder


def in_force(machine: Path, request: PolicyRequest | None = None, owners: tuple[int, ...] = ME) -> InForce:
    return Enforcement(request or PolicyRequest(), machine.parent / "data", machine, owners).load(NOW)


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_nothing_said_means_the_default_preset(machine: Path) -> None:
    found = in_force(machine)
    assert (found.policy.name, found.blocked, found.notices) == ("secrets-and-pii", "", ())


def test_the_machines_directory_cannot_be_moved_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user sets every variable of their own process."""
    before = machine_directory()
    for name in ("COLLECTOR_POLICY_DIR", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "HOME", "PROGRAMDATA", "ProgramData"):
        monkeypatch.setenv(name, "/somewhere")
    assert machine_directory() == before


def test_files_of_the_folder_are_joined_with_the_main_one(machine: Path) -> None:
    write(machine / "policy.toml", 'name = "acme"\nrevision = 2')
    write(machine / "policy.d" / "10-depth.toml", 'name = "depth"\n[limits]\nmax_depth = 5')
    write(machine / "policy.d" / "20-mode.toml", 'name = "acme"\nmode = "metadata"')
    write(machine / "policy.d" / "notes.txt", "not read")
    found = in_force(machine)
    assert (found.policy.name, found.policy.revision) == ("acme+depth", 2)
    assert found.policy.limits.max_depth == 5
    assert found.policy.mode is ContentLevel.METADATA
    assert len(found.sources) == 3


def test_required_and_defaults_are_told_apart(machine: Path) -> None:
    write(machine / "policy.toml", "[required.limits]\nmax_depth = 5\n[defaults]\npreset = 'metadata-only'")
    assert in_force(machine).policy.mode is ContentLevel.METADATA
    found = in_force(machine, PolicyRequest("secrets", "--policy"))
    assert found.policy.mode is ContentLevel.MASK
    assert found.policy.limits.max_depth == 5


@posix
@pytest.mark.parametrize("mode", [0o666, 0o646, 0o664])
def test_a_machine_policy_that_others_can_write_is_refused(machine: Path, mode: int) -> None:
    """Otherwise any user of the machine could write it; refused means nothing is sent, not that it is passed over."""
    write(machine / "policy.toml", 'mode = "mask"', mode)
    found = in_force(machine)
    assert "others than its owner can write it" in found.blocked
    assert found.policy.mode is ContentLevel.METADATA


@posix
def test_a_machine_folder_that_others_can_write_is_refused(machine: Path) -> None:
    write(machine / "policy.toml", "")
    machine.chmod(0o777)
    assert "can write it" in in_force(machine).blocked
    machine.chmod(0o755)
    write(machine / "policy.d" / "a.toml", "")
    (machine / "policy.d").chmod(0o777)
    assert "can write it" in in_force(machine).blocked


@posix
def test_a_machine_policy_of_another_owner_is_refused(machine: Path) -> None:
    write(machine / "policy.toml", 'mode = "mask"')
    assert "owned by the administrator" in in_force(machine, owners=(ME[0] + 12345,)).blocked


@posix
def test_a_link_is_no_machine_policy(machine: Path, tmp_path: Path) -> None:
    """What it points to could be exchanged by whoever owns that place."""
    (machine / "policy.toml").symlink_to(write(tmp_path / "mine.toml", 'mode = "mask"'))
    assert "link" in in_force(machine).blocked
    (machine / "policy.toml").unlink()
    (machine / "policy.toml").symlink_to(tmp_path / "missing.toml")
    assert in_force(machine).blocked


@pytest.mark.parametrize("text", ['modee = "mask"', "=", '[rules]\ndisable = ["nonsense"]'])
def test_a_wrong_machine_policy_blocks_sending(machine: Path, text: str) -> None:
    write(machine / "policy.toml", text)
    found = in_force(machine)
    assert str(machine / "policy.toml") in found.blocked
    assert found.policy.mode is ContentLevel.METADATA


@pytest.mark.parametrize("policy", ["no-such-preset", "/no/such/file.toml"])
def test_a_users_policy_that_is_not_there_stops_the_start(machine: Path, policy: str) -> None:
    with pytest.raises(ConfigError, match="--policy"):
        in_force(machine, PolicyRequest(policy, "--policy"))


def test_a_users_wrong_policy_stops_the_start(machine: Path) -> None:
    path = write(machine.parent / "mine.toml", 'mode = "all"')
    with pytest.raises(ConfigError, match="mode"):
        in_force(machine, PolicyRequest(str(path), "--policy"))


@pytest.mark.parametrize(
    ("names", "missing"),
    [('policy_url = "https://x.example/p"', "public_keys"), ('max_age = "1h"', "policy_url")],
)
def test_half_a_remote_policy_blocks_sending(machine: Path, names: str, missing: str) -> None:
    write(machine / "policy.toml", names)
    assert missing in in_force(machine).blocked


def test_a_remote_policy_that_was_never_fetched_blocks_sending(machine: Path) -> None:
    """Absent is not the same as empty."""
    key = "ed25519:" + "A" * 43 + "="
    write(machine / "policy.toml", f'policy_url = "http://127.0.0.1:1/p"\npublic_keys = ["{key}"]')
    found = in_force(machine)
    assert "missing" in found.blocked
    assert found.policy.mode is ContentLevel.METADATA


def test_flags_and_environment_tighten_only(machine: Path) -> None:
    path = write(machine.parent / "mine.toml", 'mode = "metadata"')
    found = in_force(machine, PolicyRequest(str(path), "--policy", ContentLevel.MASK, "COLLECTOR_CONTENT"))
    assert found.policy.mode is ContentLevel.METADATA
    assert any("COLLECTOR_CONTENT" in notice for notice in found.notices)
    assert in_force(machine, PolicyRequest("", "", ContentLevel.METADATA, "X")).policy.mode is ContentLevel.METADATA


def hidden(machine: Path, **environ: str) -> InForce:
    return in_force(
        machine, PolicyRequest(environ={f"OPENINFERENCE_HIDE_{name}": value for name, value in environ.items()})
    )


@pytest.mark.parametrize("value", ["true", "TRUE", "1", "yes", "on", " true ", "ture", "maybe", "2"])
def test_hide_names_hide_unless_they_clearly_say_no(machine: Path, value: str) -> None:
    """Reading `1` as no, as the SDKs do, would send what someone meant to hide."""
    assert any(rule.key == "input.value" for rule in hidden(machine, INPUTS=value).policy.fields)


@pytest.mark.parametrize("value", ["", "false", "0", "no", "OFF"])
def test_hide_names_that_say_no_do_nothing(machine: Path, value: str) -> None:
    assert hidden(machine, INPUTS=value).policy.fields == ()


def test_a_hide_name_that_is_not_known_hides_all(machine: Path) -> None:
    found = hidden(machine, SOMETHING_NEW="true")
    assert found.policy.mode is ContentLevel.METADATA
    assert any("SOMETHING_NEW" in notice for notice in found.notices)


KEYED = '[hmac]\nkey_file = "{}"\nkey_id = "a1"\n[rules.action]\nemail = "hash"'


@posix
@pytest.mark.parametrize(
    ("size", "mode", "said"), [(31, 0o600, "32 bytes"), (32, 0o640, "chmod"), (64, 0o604, "chmod")]
)
def test_a_key_that_is_short_or_open_is_refused(tmp_path: Path, size: int, mode: int, said: str) -> None:
    """Pseudonyms of telephone numbers are only as good as their key (31)."""
    key = tmp_path / "key"
    key.write_bytes(b"k" * size)
    key.chmod(mode)
    with pytest.raises(ConfigError, match=said):
        read_key(key, "f")


def test_a_missing_key_stops_the_start_or_blocks_the_machine(machine: Path) -> None:
    path = write(machine.parent / "mine.toml", KEYED.format(machine / "none"))
    with pytest.raises(ConfigError, match="key_file"):
        in_force(machine, PolicyRequest(str(path), "--policy"))
    write(machine / "policy.toml", KEYED.format(machine / "none"))
    assert "key_file" in in_force(machine).blocked


def test_hashing_without_a_key_is_refused(machine: Path) -> None:
    """Unkeyed hashes of what can be enumerated are no redaction (31)."""
    path = write(machine.parent / "mine.toml", '[rules.action]\nemail = "hash"')
    with pytest.raises(ConfigError, match="names no key"):
        in_force(machine, PolicyRequest(str(path), "--policy"))


def test_the_key_is_not_shown(machine: Path) -> None:
    key = write(machine.parent / "key", "s3kr1t" * 6, 0o600)
    path = write(machine.parent / "mine.toml", KEYED.format(key))
    found = in_force(machine, PolicyRequest(str(path), "--policy"))
    assert found.key
    assert "s3kr1t" not in repr(found)


@pytest.mark.parametrize("place", ["", "policy.toml", "policy.d"])
@pytest.mark.parametrize("kind", ["loop", "dangling"])
def test_a_machine_policy_behind_a_broken_link_blocks(tmp_path: Path, place: str, kind: str) -> None:
    """`Path.exists` says no of all of these: they would pass for a machine without a policy."""
    machine = tmp_path / "machine"
    if place:
        machine.mkdir(mode=0o755)
    link = machine / place
    link.symlink_to(link if kind == "loop" else tmp_path / "absent")
    found = in_force(machine)
    assert "cannot be followed" in found.blocked
    assert found.policy.mode is ContentLevel.METADATA


def test_a_file_where_the_machines_folder_should_be_blocks(tmp_path: Path) -> None:
    (tmp_path / "machine").write_text("")
    assert "not a folder" in in_force(tmp_path / "machine").blocked


def test_a_name_that_cannot_be_looked_up_blocks(tmp_path: Path) -> None:
    assert "cannot be looked at" in in_force(tmp_path / ("m" * 300)).blocked


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("closed", ["parent", "machine", "policy.d"])
def test_a_machine_policy_that_may_not_be_looked_at_blocks(closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as another user, since root may look everywhere; under Python 3.14 `exists` says no here."""
    with tempfile.TemporaryDirectory() as above:
        Path(above).chmod(0o755)
        monkeypatch.setenv("XDG_CONFIG_HOME", above)
        machine = Path(above, "parent", "machine")
        write(Path(above, "parent") / "x", "").unlink()
        machine.mkdir(mode=0o755)
        write(machine / "policy.toml", 'mode = "metadata"')
        write(machine / "policy.d" / "more.toml", 'mode = "metadata"')
        {"parent": machine.parent, "machine": machine, "policy.d": machine / "policy.d"}[closed].chmod(0o700)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                os.write(writing, in_force(machine, owners=(0,)).blocked.encode() or b"sends")
            except BaseException as error:
                os.write(writing, repr(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
        said = os.read(reading, 4096).decode()
    assert "Permission denied" in said and "Error(" not in said
