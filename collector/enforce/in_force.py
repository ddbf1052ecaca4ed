"""Which policy is in force: the machine's above the user's above environment and flags, read from where they stand.

What is wrong with a user's own policy stops the start. What is wrong with the machine's blocks sending: telemetry
is still taken, sealed at the metadata level, and kept until the policy is mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from collector.enforce.files import (
    document_layers,
    file_layers,
    is_absent,
    machine_directory,
    machine_files,
    read_key,
    user_file,
    user_layer,
)
from collector.enforce.remote import PolicySource, RemotePolicy
from collector.enforce.request import PolicyRequest
from collector.enums import ContentLevel
from collector.errors import ConfigError
from collector.policy.layers import Layer, PolicyRow, Rank
from collector.policy.model import Levels, Policy
from collector.policy.presets import PRESETS
from collector.policy.schema import MachineDocument, RemoteDocument, read_document, seconds
from collector.redact.engine.engine import Engine
from collector.redact.ruleset import combined, preset_demands, preset_policy
from collector.redact.seal import Sealer

_DAY = 86400


@dataclass(frozen=True, slots=True)
class InForce:
    """A policy and its key; `blocked` says why nothing may be sent, and is empty while all is well."""

    policy: Policy
    key: bytes = field(repr=False)
    blocked: str = ""
    notices: tuple[str, ...] = ()
    rows: tuple[PolicyRow, ...] = ()
    sources: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()

    def differs_from(self, other: InForce) -> bool:
        """Whether telemetry would be sealed or sent otherwise."""
        mine, theirs = self.policy.fingerprint(), other.policy.fingerprint()
        return (mine, self.key, self.blocked) != (theirs, other.key, other.blocked)

    def tightened_by(self, layers: Sequence[Layer]) -> InForce:
        """The same with more layers, whatever their rank, that only tighten; raises `ConfigError`."""
        more = [replace(layer, rank=Rank.TIGHTEN) for layer in layers]
        return self if self.blocked else in_force_of([*self.layers, *more], "", self.sources)

    def sealer(self, engine: Engine | None = None, fingerprint: str = "") -> Sealer:
        """A new sealer under this policy; an engine that was made for it can be shared (see `Sealer`)."""
        return Sealer(self.policy, engine, self.key, fingerprint)


def named_layers(asked: str, origin: str, *, offline: bool = False) -> list[Layer]:
    """The layers of a preset or of a policy file, as `origin` asks for them; raises `ConfigError`."""
    if asked in PRESETS:
        return [Layer(f"{origin} {asked}", Rank.USER, preset_demands(asked), asked)]
    path = Path(asked).expanduser()
    if is_absent(path):
        raise ConfigError(f"{origin} {asked}: no such file, and no preset ({', '.join(PRESETS)})")
    return file_layers(path) if offline else [user_layer(path)]


class Enforcement:
    """Reads the layers and combines them; `refresh` asks the organisation's server where one is named.

    `machine` is the administrator's directory and `owners` who may own what is in it. Without `fetch` nothing is
    asked for over the network: what was fetched before counts. With `offline` the user's policy may be an
    administrator's document, which a command tries out without sending anything.
    """

    def __init__(
        self,
        request: PolicyRequest,
        data_dir: Path,
        machine: Path | None = None,
        owners: Sequence[int] = (0,),
        *,
        fetch: bool = False,
        offline: bool = False,
    ) -> None:
        self._offline = offline
        self._request = request
        self._fetch = fetch
        self._kept = data_dir / "policy"
        self._machine = machine if machine is not None else machine_directory()
        self._owners = owners
        self._remote: RemotePolicy | None = None
        self._source: PolicySource | None = None
        self._refreshed_s = 0.0

    def use(self, request: PolicyRequest) -> None:
        """From the next `load` on this is what the person asks for."""
        self._request = request

    def load(self, now_s: float) -> InForce:
        """The policy in force now; raises `ConfigError` for what the user asks for and cannot be."""
        try:
            layers, blocked, sources = self._machine_layers(now_s)
        except ConfigError as error:
            layers, blocked, sources = [], str(error), ()
        environment, notices = self._request.tightening()
        found = in_force_of([*layers, *self._user(), *environment], blocked, sources)
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

    def _user(self) -> list[Layer]:
        if self._request.policy:
            return named_layers(self._request.policy, self._request.policy_origin, offline=self._offline)
        path = user_file()
        if path is None or is_absent(path):
            return []
        return file_layers(path) if self._offline else [user_layer(path)]

    def _machine_layers(self, now_s: float) -> tuple[list[Layer], str, tuple[str, ...]]:
        documents = [
            (path, read_document(MachineDocument, data, str(path)))
            for path, data in machine_files(self._machine, self._owners)
        ]
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


def _source(documents: Sequence[tuple[Path, MachineDocument]]) -> PolicySource | None:
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
        source = PolicySource(document.policy_url, tuple(document.public_keys), age)
        source.check(str(path))
        return source
    return None


def _check_remote(document: RemoteDocument, origin: str) -> None:
    combined(document_layers(document, origin))


def _blocked(reason: str, notices: tuple[str, ...] = (), sources: tuple[str, ...] = ()) -> InForce:
    policy = replace(preset_policy("metadata-only"), name="blocked", levels=(Levels(ContentLevel.METADATA),))
    return InForce(policy, b"", reason, notices, (PolicyRow("mode", "metadata", "blocked"),), sources)


def in_force_of(layers: Sequence[Layer], blocked: str, sources: tuple[str, ...]) -> InForce:
    """The policy that `layers` make, with its key; raises `ConfigError` for a user's that cannot be."""
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
    return InForce(policy, key, "", result.notices, result.rows, sources, tuple(layers))
