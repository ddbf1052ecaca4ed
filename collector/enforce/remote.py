"""The organisation's policy, fetched: signed, never older than what was seen, whole or not at all.

What was accepted stays on disk and is read again at the next start. A document that is damaged, not signed, empty
or of a lower revision changes nothing; what was accepted before holds until it is too old.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from collector.errors import ConfigError
from collector.policy.schema import MOST_BYTES, RemoteDocument, as_utc, read_document
from collector.policy.signature import check_public_key, is_signed

if TYPE_CHECKING:
    import httpx

SECONDS = 5.0
_DOCUMENT, _SIGNATURE, _STATE = "policy.toml", "policy.toml.sig", "state.json"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class PolicySource:
    """Where a policy is fetched from, who may sign it, and how long it holds without an answer."""

    url: str
    public_keys: tuple[str, ...]
    max_age_s: int

    def check(self, origin: str) -> None:
        """Raise `ConfigError` unless this can be used."""
        for number, key in enumerate(self.public_keys, 1):
            try:
                check_public_key(key)
            except ConfigError as error:
                raise ConfigError(
                    f"{origin}: {str(error).replace('public_keys', f'public_keys[{number}]', 1)}"
                ) from None
        try:
            parts = urlsplit(self.url)
            usable = parts.hostname and (
                parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
            )
        except ValueError:
            usable = False
        if not usable:
            raise ConfigError(f"{origin}: policy_url: expected an https address")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A document that was signed and read; `checked_s` is when its source last confirmed it (epoch seconds)."""

    document: RemoteDocument
    data: bytes
    etag: str = ""
    checked_s: float = 0.0

    def refusal(self, now_s: float, max_age_s: int) -> str:
        """Why it does not hold now; empty while it does."""
        expires, starts = self.document.expires, self.document.not_before
        if expires is not None and as_utc(expires).timestamp() <= now_s:
            return "the organisation's policy has expired"
        if starts is not None and as_utc(starts).timestamp() > now_s:
            return "the organisation's policy does not hold yet"
        if now_s - self.checked_s > max_age_s or self.checked_s > now_s + 86400:
            return "the organisation's policy could not be confirmed for too long"
        return ""


Check = Callable[[RemoteDocument, str], None]
"""Raises `ConfigError` for a document that is well formed but cannot be meant."""


class RemotePolicy:
    """The policy of `source`, kept in `directory`; `accepted` is None until there is one."""

    def __init__(self, source: PolicySource, directory: Path, check: Check) -> None:
        self._source = source
        self._directory = directory
        self._check = check
        self.failure = ""
        self.accepted = self._load()

    def refresh(self, now_s: float, transport: httpx.BaseTransport | None = None) -> bool:
        """Ask the source; True when another document holds now. `failure` says what went wrong, if anything."""
        import httpx  # takes a while, and only a collector that serves gets here

        try:
            changed = self._fetch(now_s, transport)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.failure = f"{self._host()} cannot be reached ({type(error).__name__})"
            return False
        except (ConfigError, OSError) as error:
            self.failure = str(error)
            return False
        self.failure = ""
        return changed

    def _fetch(self, now_s: float, transport: httpx.BaseTransport | None) -> bool:
        import httpx

        before = self.accepted
        headers = {"cache-control": "no-cache"}
        if before is not None and before.etag:
            headers["if-none-match"] = before.etag
        with httpx.Client(timeout=SECONDS, follow_redirects=False, transport=transport) as client:
            status, data, etag = _get(client, self._source.url, headers)
            if status == 304 and before is not None:
                self._keep(replace(before, checked_s=now_s), self._signature_on_disk())
                return False
            if status != 200 or not data.strip():
                raise ConfigError(f"{self._host()} answered {status} with no policy; what holds is kept")
            status, signature, _ = _get(client, self._source.url + ".sig", {"cache-control": "no-cache"})
            if status != 200:
                raise ConfigError(f"{self._host()} has no signature beside its policy (answered {status})")
        document = self._read(data, signature)
        if before is not None:
            if document.revision < before.document.revision:
                raise ConfigError(f"{self._host()} serves revision {document.revision}, older than what holds")
            if document.revision == before.document.revision and data != before.data:
                raise ConfigError(f"{self._host()} serves another policy under the same revision {document.revision}")
        self._keep(Accepted(document, data, etag, now_s), signature)
        return before is None or before.data != data

    def _read(self, data: bytes, signature: bytes) -> RemoteDocument:
        if not is_signed(data, signature, self._source.public_keys):
            raise ConfigError(f"the policy of {self._host()} is not signed by a key the machine's policy names")
        document = read_document(RemoteDocument, data, self._source.url)
        self._check(document, self._source.url)
        return document

    def _host(self) -> str:
        return urlsplit(self._source.url).hostname or "policy_url"

    def _load(self) -> Accepted | None:
        """What was accepted before, if it is whole and still signed."""
        try:
            data = (self._directory / _DOCUMENT).read_bytes()
            signature = (self._directory / _SIGNATURE).read_bytes()
            state = json.loads((self._directory / _STATE).read_text())
            if state["digest"] != hashlib.sha256(data).hexdigest() or state["url"] != self._source.url:
                return None
            checked_s = float(state["checked_s"])
            if not hmac.compare_digest(str(state.get("seal", "")), self._seal_of(state)):
                checked_s = 0.0  # written by someone else: it holds once its source has confirmed it
            return Accepted(self._read(data, signature), data, str(state["etag"]), checked_s)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
            self.failure = f"the policy kept in {self._directory} cannot be used ({type(error).__name__})"
            return None

    def _seal_of(self, state: Mapping[str, object]) -> str:
        """Ties the state to this machine and the keys of its policy, so that a date cannot be put in by hand.

        Whoever runs the collector can compute it, as they can run another collector: see "What this does not do".
        """
        said = json.dumps([state["url"], state["etag"], state["checked_s"], state["digest"], *self._source.public_keys])
        return hmac.new(_machine_id(), said.encode(), hashlib.sha256).hexdigest()

    def _signature_on_disk(self) -> bytes:
        return (self._directory / _SIGNATURE).read_bytes()

    def _keep(self, accepted: Accepted, signature: bytes) -> None:
        """Each file is replaced as a whole; the state, written last, names the document it belongs to."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = {
            "url": self._source.url,
            "etag": accepted.etag,
            "checked_s": accepted.checked_s,
            "digest": hashlib.sha256(accepted.data).hexdigest(),
        }
        state["seal"] = self._seal_of(state)
        _write(self._directory / _DOCUMENT, accepted.data)
        _write(self._directory / _SIGNATURE, signature)
        _write(self._directory / _STATE, json.dumps(state).encode())
        self.accepted = accepted


def _machine_id() -> bytes:
    """What tells this machine from others, where the system has such a thing."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            return Path(path).read_bytes()
        except OSError:
            continue
    return platform.node().encode()


def _get(client: httpx.Client, url: str, headers: dict[str, str]) -> tuple[int, bytes, str]:
    parts: list[bytes] = []
    size = 0
    with client.stream("GET", url, headers=headers) as response:
        for part in response.iter_bytes():
            size += len(part)
            if size > MOST_BYTES:
                raise ConfigError(f"what {response.url.host} serves is larger than {MOST_BYTES} bytes")
            parts.append(part)
        return response.status_code, b"".join(parts), response.headers.get("etag", "")


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)
