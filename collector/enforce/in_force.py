"""Which policy is in force: the machine's above the user's above environment and flags, read from where they stand.

What is wrong with a user's own policy stops the start. What is wrong with the machine's blocks sending: telemetry
is still taken, sealed at the metadata level, and kept until the policy is mended.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import platformdirs

from collector.enforce.remote import RemotePolicy, Source
from collector.errors import ConfigError
from collector.policy.demands import demands
from collector.policy.hide import read_hidden
from collector.policy.layers import Layer, Rank, Row
from collector.policy.model import ContentLevel, Levels, Policy
from collector.policy.presets import PRESETS
from collector.policy.schema import Body, MachineDocument, RemoteDocument, UserDocument, read_document, seconds
from collector.redact.engine.engine import Engine
from collector.redact.ruleset import catalog, combined, preset_demands, preset_policy
from collector.redact.seal import Sealer
from collector.settings.sources import Loaded

FILE = "policy.toml"
FOLDER = "policy.d"
_APP = "opencode-collector"
_LEAST_KEY_BYTES = 32
_DAY = 86400


@dataclass(frozen=True, slots=True)
class InForce:
    """A policy and its key; `blocked` says why nothing may be sent, and is empty while all is well."""

    policy: Policy
    key: bytes = field(repr=False)
    blocked: str = ""
    notices: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    sources: tuple[str, ...] = ()

    def differs_from(self, other: InForce) -> bool:
        """Whether telemetry would be sealed or sent otherwise."""
        mine, theirs = self.policy.fingerprint(), other.policy.fingerprint()
        return (mine, self.key, self.blocked) != (theirs, other.key, other.blocked)

    def sealer(self, engine: Engine | None = None) -> Sealer:
        """A new sealer under this policy; an engine that was made for it can be shared."""
        return Sealer(self.policy, engine, self.key)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person who starts the collector asks for: a policy file or preset, a content level, and names."""

    policy: str = ""
    policy_origin: str = ""
    content: ContentLevel | None = None
    content_origin: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)


def asked_by(loaded: Loaded, environ: Mapping[str, str]) -> Asked:
    """What settings say of the policy."""
    settings, origins = loaded.settings, loaded.origins
    return Asked(
        settings.policy_file,
        origins.get("policy_file", ""),
        settings.content if "content" in origins else None,
        origins.get("content", ""),
        environ,
    )


def machine_directory() -> Path:
    """Where the administrator's policy stands; no setting of a user's can move it."""
    if sys.platform == "win32":
        return Path(_program_data()) / _APP
    if sys.platform == "darwin":
        return Path("/Library/Application Support") / _APP
    return Path("/etc") / _APP


def _program_data() -> str:
    """The folder Windows itself knows; %PROGRAMDATA% is an environment variable that a user can set."""
    import ctypes

    found = ctypes.create_unicode_buffer(260)
    ctypes.windll.shell32.SHGetFolderPathW(None, 0x23, None, 0, found)  # type: ignore[attr-defined,unused-ignore]
    return found.value or r"C:\ProgramData"


class Enforcement:
    """Reads the layers and combines them; `refresh` asks the organisation's server where one is named.

    `machine` is the administrator's directory and `owners` who may own what is in it. Without `fetch` nothing is
    asked for over the network: what was fetched before counts.
    """

    def __init__(
        self,
        asked: Asked,
        data_dir: Path,
        machine: Path | None = None,
        owners: Sequence[int] = (0,),
        *,
        fetch: bool = False,
    ) -> None:
        self._asked = asked
        self._fetch = fetch
        self._kept = data_dir / "policy"
        self._machine = machine if machine is not None else machine_directory()
        self._owners = owners
        self._remote: RemotePolicy | None = None
        self._source: Source | None = None
        self._refreshed_s = 0.0

    def load(self, now_s: float) -> InForce:
        """The policy in force now; raises `ConfigError` for what the user asks for and cannot be."""
        try:
            layers, blocked, sources = self._machine_layers(now_s)
        except ConfigError as error:
            layers, blocked, sources = [], str(error), ()
        environment, notices = _environment(self._asked)
        found = self._combine([*layers, *self._user(), *environment], blocked, sources)
        return replace(found, notices=(*found.notices, *notices))

    def refresh(self, now_s: float) -> bool:
        """Ask for the organisation's policy where one is named and it is time to; True when it changed."""
        if self._remote is None or self.refresh_s is None:
            return False
        if not self._remote.failure and 0 <= now_s - self._refreshed_s < self.refresh_s:
            return False
        self._refreshed_s = now_s
        return self._remote.refresh(now_s)

    @property
    def refresh_s(self) -> float | None:
        """How often to ask, in seconds; None when there is no one to ask."""
        return max(1.0, min(3600.0, self._source.max_age_s / 4)) if self._source is not None else None

    def _combine(self, layers: Sequence[Layer], blocked: str, sources: tuple[str, ...]) -> InForce:
        result = combined(layers)
        if blocked:
            return _blocked(blocked, result.notices, sources)
        policy = result.policy
        key = b""
        if policy.hmac is not None:
            origin = next(row.origin for row in result.rows if row.key == "hmac")
            try:
                key = read_key(Path(policy.hmac.key_file), origin)
            except ConfigError as error:
                if any(layer.rank is Rank.USER and "hmac" in layer.demands for layer in layers):
                    raise
                return _blocked(str(error), result.notices, sources)
        elif policy.hashes:
            raise ConfigError("the policy hashes, but names no key: add [hmac] with key_file and key_id")
        return InForce(policy, key, "", result.notices, result.rows, sources)

    def _user(self) -> list[Layer]:
        asked = self._asked.policy
        if asked in PRESETS:
            return [Layer(f"{self._asked.policy_origin} {asked}", Rank.USER, preset_demands(asked), asked)]
        path = Path(asked).expanduser() if asked else user_file()
        if not asked and not path.is_file():
            return []
        if asked and not path.is_file():
            known = ", ".join(PRESETS)
            raise ConfigError(f"{self._asked.policy_origin} {asked}: no such file, and no preset ({known})")
        return [user_layer(path)]

    def _machine_layers(self, now_s: float) -> tuple[list[Layer], str, tuple[str, ...]]:
        documents = [(path, read_document(MachineDocument, data, str(path))) for path, data in self._machine_files()]
        if not documents:
            self._source = self._remote = None
            return [], "", ()
        layers: list[Layer] = []
        sources = [str(path) for path, _ in documents]
        for path, document in documents:
            layers += document_layers(document, str(path))
        blocked = ""
        source = _source(documents)
        if source is not None:
            if self._remote is None or source != self._source:
                self._source = source
                self._remote = RemotePolicy(source, self._kept, _check_remote)
                if self._fetch:
                    self._refreshed_s = now_s
                    self._remote.refresh(now_s)
            accepted = self._remote.accepted
            sources.append(source.url)
            if accepted is None:
                blocked = f"the organisation's policy is missing: {self._remote.failure or 'not fetched yet'}"
            else:
                blocked = accepted.refusal(now_s, source.max_age_s)
                if blocked and self._remote.failure:
                    blocked += f": {self._remote.failure}"
                layers += document_layers(accepted.document, source.url)
        return layers, blocked, tuple(sources)

    def _machine_files(self) -> list[tuple[Path, bytes]]:
        paths = [self._machine / FILE]
        folder = self._machine / FOLDER
        try:
            if folder.is_dir():
                _check_owned(folder, self._owners)
                paths += sorted(path for path in folder.iterdir() if path.suffix == ".toml")
            found = []
            for path in paths:
                if path.exists() or path.is_symlink():
                    _check_owned(self._machine, self._owners)
                    found.append((path, _read_owned(path, self._owners)))
        except PermissionError:
            raise ConfigError(f"{self._machine}: the machine's policy cannot be read by this user") from None
        except OSError as error:
            raise ConfigError(f"{self._machine}: the machine's policy cannot be read ({error.strerror})") from None
        return found


def user_file() -> Path:
    return Path(platformdirs.user_config_dir(_APP, appauthor=False)) / FILE


def user_layer(path: Path) -> Layer:
    """A policy of the user's own; raises `ConfigError`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    document = read_document(UserDocument, data, str(path))
    return Layer(str(path), Rank.USER, demands(document, str(path), catalog()), document.name, document.revision)


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


def _environment(asked: Asked) -> tuple[list[Layer], list[str]]:
    layers = []
    if asked.content is not None:
        found = {"content": (Levels(asked.content),)}
        layers.append(Layer(asked.content_origin, Rank.TIGHTEN, found))
    names, notices, all_content = read_hidden(asked.environ)
    for name in names:
        layers.append(Layer(name, Rank.TIGHTEN, demands(Body(hide=[name]), name, catalog())))
    if all_content:
        layers.append(Layer("OPENINFERENCE_HIDE_*", Rank.TIGHTEN, {"content": (Levels(ContentLevel.METADATA),)}))
    return layers, notices


def _source(documents: Sequence[tuple[Path, MachineDocument]]) -> Source | None:
    """Where the organisation's policy is fetched; of several files the first that names one."""
    for path, document in documents:
        given = (document.policy_url, document.public_keys, document.max_age)
        if all(value is None for value in given):
            continue
        for name, value in zip(("policy_url", "public_keys"), given[:2], strict=True):
            if value is None:
                raise ConfigError(f"{path}: {name}: missing beside the other keys of the organisation's policy")
        assert document.policy_url is not None and document.public_keys is not None
        age = seconds(document.max_age) if document.max_age is not None else 7 * _DAY
        source = Source(document.policy_url, tuple(document.public_keys), age)
        source.check(str(path))
        return source
    return None


def _check_remote(document: RemoteDocument, origin: str) -> None:
    combined(document_layers(document, origin))


def _blocked(reason: str, notices: tuple[str, ...] = (), sources: tuple[str, ...] = ()) -> InForce:
    policy = replace(preset_policy("metadata-only"), name="blocked", levels=(Levels(ContentLevel.METADATA),))
    return InForce(policy, b"", reason, notices, (Row("mode", "metadata", "blocked"),), sources)


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
