"""Fetching tokens: from a command, from the operating system's keyring, from an OAuth 2.0 authorization server.

No error repeats what was fetched, or what a command printed.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from collector.forward.tokens import Fetched, TokenFailed

if TYPE_CHECKING:
    import httpx

_MOST_BYTES = 64 * 1024
_REQUEST_SECONDS = 10.0


def from_command(command: str | Sequence[str], timeout_s: float) -> Fetched:
    """The first line that a command prints; it is run without a shell, and ended with its children when late."""
    arguments = shlex.split(command) if isinstance(command, str) else list(command)
    name = Path(arguments[0]).name
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise TokenFailed(f"the token command {name} cannot be run ({error.strerror})") from None
    assert process.stdout is not None
    late = threading.Event()

    def stop() -> None:
        late.set()
        _end(process)

    timer = threading.Timer(timeout_s, stop)
    timer.start()
    try:
        printed = process.stdout.read(_MOST_BYTES + 1)
        if len(printed) > _MOST_BYTES:
            _end(process)
        code = process.wait()
    finally:
        timer.cancel()
        process.stdout.close()
    if late.is_set():
        raise TokenFailed(f"the token command {name} did not end within {timeout_s:g} s")
    if code != 0:
        raise TokenFailed(f"the token command {name} failed with exit code {code}")
    return Fetched(_checked(printed.strip().splitlines()[:1], f"the token command {name} printed"))


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # it has ended by itself


def from_keyring(service: str, user: str) -> Fetched:
    """A password of the operating system's keyring; needs the extra `keyring`."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise TokenFailed("the keyring needs another package: pip install 'opencode-collector[keyring]'") from None
    try:
        found = keyring.get_password(service, user)
    except KeyringError as error:
        raise TokenFailed(f"the keyring cannot be read ({type(error).__name__})") from None
    if found is None:
        raise TokenFailed(f"the keyring holds no password of {user} for {service}")
    return Fetched(_checked([found.strip().encode()], f"the keyring's entry for {service} is"))


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749, 4.4): what is sent to which authorization server."""

    token_url: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""
    audience: str = ""
    ca_file: Path | None = None


def from_authorization_server(credentials: ClientCredentials) -> Fetched:
    """An access token for a client of its own; `expires_in` says how long it is good."""
    import ssl

    import httpx

    host = urlsplit(credentials.token_url).hostname
    form = {"grant_type": "client_credentials", "scope": credentials.scope, "audience": credentials.audience}
    verify = ssl.create_default_context(cafile=credentials.ca_file) if credentials.ca_file else True
    try:
        with (
            httpx.Client(timeout=_REQUEST_SECONDS, follow_redirects=False, verify=verify) as client,
            client.stream(
                "POST",
                credentials.token_url,
                data={key: value for key, value in form.items() if value},
                auth=(credentials.client_id, credentials.client_secret.get_secret_value()),
                headers={"accept": "application/json"},
            ) as response,
        ):
            answer = _read(response)
            status = response.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TokenFailed(f"the authorization server {host} cannot be reached ({type(error).__name__})") from None
    if status != 200:
        raise TokenFailed(f"the authorization server {host} answered HTTP {status}")
    said = f"the authorization server {host} answered with"
    try:
        found = json.loads(answer)
        token, good_for = str(found["access_token"]), found.get("expires_in")
        good_for_s = None if good_for is None else float(good_for)
    except (ValueError, KeyError, TypeError):
        raise TokenFailed(f"{said} no access token") from None
    return Fetched(_checked([token.encode()], said), good_for_s)


def _read(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > _MOST_BYTES:
            return b""
        parts.append(part)
    return b"".join(parts)


def _checked(lines: Sequence[bytes], origin: str) -> SecretStr:
    """What can stand in a header; raises `TokenFailed` for anything else."""
    if not lines or not lines[0].strip():
        raise TokenFailed(f"{origin} no token")
    token = lines[0].strip()
    if any(byte <= 32 or byte > 126 for byte in token):
        raise TokenFailed(f"{origin} no token: it holds spaces or characters that no token has")
    return SecretStr(token.decode("ascii"))
