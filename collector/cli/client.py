"""Finding the running collector and asking it; where none runs, its store is read from disk."""

from __future__ import annotations

import json
import socket
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from collector.app.data_dir import INSTANCE_KEY, READ_TOKEN, announced_url, found_secret
from collector.errors import CollectorError
from collector.opencode.connection import Answer, Credentials, NotProved, ask
from collector.settings.model import Settings, store_url_of
from collector.settings.tls import client_tls

if TYPE_CHECKING:
    from collector.store import Reading

_SECONDS = 10
_HEALTH_SECONDS = 2
_SERVICE = "opencode-collector"
_OTHER_TOKEN = (
    "set COLLECTOR_DATA_DIR to the data directory it serves, whose read token is taken from there,"
    " or COLLECTOR_ACCESS_TOKEN to its access token"
)


class NotRunning(CollectorError):
    """No collector answers where the settings say it would."""


class Client:
    """Asks the collector at `url`, else the one that these settings would start: where it announced itself to be, or
    by its port."""

    def __init__(self, settings: Settings, url: str = "") -> None:
        self._urls = [url] if url else urls_of(settings)
        self._credentials = credentials_of(settings)
        self._tls = client_tls(settings)

    def get(self, path: str, **query: object) -> Any:
        """GET a JSON answer; raises `NotRunning`, or `CollectorError` with what the collector said."""
        return json.loads(self._ask("GET", f"{path}?{urlencode(query)}" if query else path))

    def post(self, path: str, body: bytes, content_type: str, seconds: float = _SECONDS) -> bytes:
        return self._ask("POST", path, body, content_type, seconds)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "", seconds: float = _SECONDS
    ) -> bytes:
        headers = {"content-type": content_type} if content_type else {}
        strangers: list[str] = []
        for url in self._urls:
            try:
                answer = ask(
                    url,
                    method,
                    path,
                    body,
                    headers=headers,
                    credentials=self._credentials,
                    seconds=seconds,
                    tls=self._tls,
                )
            except NotProved as error:
                strangers.append(str(error))
            except ssl.SSLError as error:
                raise CollectorError(f"{url}: no TLS connection ({error.reason or type(error).__name__})") from None
            except OSError:
                continue
            else:
                if 200 <= answer.status < 300:
                    return answer.body
                if answer.status == 401:
                    raise CollectorError(f"{url} wants a token that these settings do not hold: {_OTHER_TOKEN}")
                raise CollectorError(f"{url} answered HTTP {answer.status}: {_said(answer)}")
        if strangers:
            raise CollectorError(strangers[-1])
        raise NotRunning(f"no collector answers at {' or '.join(self._urls) or 'its address'}: start `collector serve`")


def is_taken_by_another(url: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether something listens at `url` that is no collector."""
    try:
        answer = ask(url, "GET", "/healthz", seconds=_HEALTH_SECONDS, tls=tls)
        return not (answer.status == 200 and json.loads(answer.body).get("service") == _SERVICE)
    except (ValueError, AttributeError):
        return True
    except OSError:
        return is_listened_at(url)


def is_listened_at(url: str) -> bool:
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme])
    try:
        with socket.create_connection(place, timeout=_HEALTH_SECONDS):
            return True
    except OSError:
        return False


def urls_of(settings: Settings) -> list[str]:
    """Where the collector of these settings may listen: where it said it does, else by its port."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
    announced = announced_url(settings.data_dir.expanduser())
    scheme = "https" if settings.tls_certificate else "http"
    return [url for url in (announced, f"{scheme}://{host}:{settings.port}") if url and not url.endswith(":0")]


def credentials_of(settings: Settings) -> Credentials:
    """The access token of the settings, else the read token of the data directory; and what must be proved first."""
    directory = settings.data_dir.expanduser()
    token = settings.access_token.get_secret_value() if settings.access_token else found_secret(directory, READ_TOKEN)
    return Credentials(token, found_secret(directory, INSTANCE_KEY))


def _said(answer: Answer) -> str:
    try:
        found = json.loads(answer.body)
        return str(found.get("message") or found.get("detail") or "")[:300]
    except (ValueError, AttributeError):
        return ""


def open_reader(settings: Settings) -> Reading:
    """The store on disk, for when no collector runs; raises `CollectorError` when there is none."""
    from collector.store.open import NoStore, OtherStore, open_reading

    try:
        return open_reading(settings.data_dir.expanduser(), store_url_of(settings))
    except OtherStore as error:
        raise CollectorError(
            f"no collector runs, and {error}: use that version or program, or set COLLECTOR_DATA_DIR"
        ) from None
    except NoStore as error:
        if settings.store_url is not None:
            raise CollectorError(f"no collector runs, and its store cannot be read: {error}") from None
        raise CollectorError(
            f"no collector runs, and {settings.data_dir} holds no store:"
            " start `collector serve`, or set COLLECTOR_DATA_DIR"
        ) from None
