"""Where policies and keys stand, who may have written them, and the layers their documents make.

A machine's policy that is not there is no policy. Whatever else keeps it from being read is an error, since a
policy that cannot be read may forbid what is about to be sent.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from collector.errors import ConfigError
from collector.policy.demands import demands
from collector.policy.layers import Layer, Rank
from collector.policy.schema import Body, MachineDocument, RemoteDocument, UserDocument, read_document
from collector.redact.ruleset import catalog
from collector.settings.folders import APP, config_folder

FILE = "policy.toml"
FOLDER = "policy.d"
_LEAST_KEY_BYTES = 32


class DocumentKind(StrEnum):
    """Who a policy file is meant for."""

    USER = "user"
    MACHINE = "machine"
    REMOTE = "remote"


def machine_directory() -> Path:
    """Where the administrator's policy stands; no setting of a user's can move it."""
    if sys.platform == "win32":
        return Path(_program_data()) / APP
    if sys.platform == "darwin":
        return Path("/Library/Application Support") / APP
    return Path("/etc") / APP


def _program_data() -> str:
    """The folder Windows itself knows; %PROGRAMDATA% is an environment variable that a user can set."""
    import ctypes

    found = ctypes.create_unicode_buffer(260)
    ctypes.windll.shell32.SHGetFolderPathW(None, 0x23, None, 0, found)  # type: ignore[attr-defined,unused-ignore]
    return found.value or r"C:\ProgramData"


def machine_files(machine: Path, owners: Sequence[int]) -> list[tuple[Path, bytes]]:
    """The administrator's policy files below `machine` and what they hold; none where there are none.

    Raises `ConfigError` where one cannot be read, or someone else than `owners` could have written it.
    """
    try:
        if is_absent(machine):
            return []
        if not machine.is_dir():
            raise ConfigError(f"{machine}: not a folder; the machine's policy must stand in it")
        folder = machine / FOLDER
        paths = [machine / FILE]
        if not is_absent(folder):
            _check_owned(folder, owners)
            paths += sorted(path for path in folder.iterdir() if path.suffix == ".toml")
        found = []
        for path in paths:
            if not is_absent(path):
                _check_owned(machine, owners)
                found.append((path, _read_owned(path, owners)))
    except OSError as error:
        raise ConfigError(f"{machine}: the machine's policy cannot be read ({error.strerror})") from None
    return found


def is_absent(path: Path) -> bool:
    """Whether nothing stands at `path`, not even a link; raises `ConfigError` where that cannot be told.

    `Path.exists` will not do: since Python 3.14 it takes whatever cannot be looked at for absent.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as error:
        raise ConfigError(f"{path}: cannot be looked at ({error.strerror})") from None
    try:
        path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: a link that cannot be followed ({error.strerror})") from None
    return False


def user_file() -> Path | None:
    folder = config_folder()
    return folder / FILE if folder is not None else None


def user_layer(path: Path) -> Layer:
    """A policy of the user's own; raises `ConfigError`."""
    document = read_document(UserDocument, read_file(path), str(path))
    return Layer(str(path), Rank.USER, demands(document, str(path), catalog()), document.name, document.revision)


def file_layers(path: Path, kind: DocumentKind | None = None) -> list[Layer]:
    """The layers a policy file makes; without a kind, a file with an administrator's keys in it is read as one."""
    if kind is None:
        return _layers_of_any_kind(path)
    if kind is DocumentKind.USER:
        return [user_layer(path)]
    data = read_file(path)
    if kind is DocumentKind.MACHINE:
        return document_layers(read_document(MachineDocument, data, str(path)), str(path))
    return document_layers(read_document(RemoteDocument, data, str(path)), str(path))


def _layers_of_any_kind(path: Path) -> list[Layer]:
    for kind in (DocumentKind.USER, DocumentKind.MACHINE):
        try:
            return file_layers(path, kind)
        except ConfigError as error:
            if "unknown key" not in str(error):
                raise
    return file_layers(path, DocumentKind.REMOTE)


def read_file(path: Path) -> bytes:
    """The bytes of a file that the user named; raises `ConfigError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None


def document_layers(document: MachineDocument | RemoteDocument, origin: str) -> list[Layer]:
    """An administrator's document: its own keys and `[required]` are locked, `[defaults]` are not."""
    layers = []
    own = Body(**{name: getattr(document, name) for name in Body.model_fields})
    for body, rank in ((own, Rank.REQUIRED), (document.required, Rank.REQUIRED), (document.defaults, Rank.DEFAULTS)):
        if body is not None:
            found = demands(body, origin, catalog())
            if found or body is own:
                layers.append(Layer(origin, rank, found, document.name, document.revision))
    return layers


def read_key(path: Path, origin: str) -> bytes:
    """The key of pseudonyms; raises `ConfigError` for one that is short or that others can read."""
    try:
        with path.expanduser().open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(65536).strip()
    except OSError as error:
        raise ConfigError(f"{origin}: hmac.key_file {path}: cannot be read ({error.strerror})") from None
    if sys.platform != "win32" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{origin}: hmac.key_file {path}: others can read it; chmod 600")
    if len(data) < _LEAST_KEY_BYTES:
        raise ConfigError(f"{origin}: hmac.key_file {path}: needs at least {_LEAST_KEY_BYTES} bytes")
    return data


def _read_owned(path: Path, owners: Sequence[int]) -> bytes:
    """Read a file that only an administrator can have written; what was checked is what is read."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if path.is_symlink():
            raise ConfigError(f"{path}: a link; the machine's policy must be a file of its own") from None
        raise error
    with os.fdopen(descriptor, "rb") as file:
        _check_mode(path, os.fstat(file.fileno()), owners)
        return file.read()


def _check_owned(path: Path, owners: Sequence[int]) -> None:
    _check_mode(path, path.lstat(), owners)


def _check_mode(path: Path, found: os.stat_result, owners: Sequence[int]) -> None:
    if sys.platform == "win32":
        return  # %ProgramData% is the administrators' by its own access list
    if found.st_uid not in owners:
        raise ConfigError(f"{path}: refused: it must be owned by the administrator")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(f"{path}: refused: others than its owner can write it; chmod go-w")
