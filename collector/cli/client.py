"""Finding the running collector and asking it; where none runs, its store is read from disk."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from collector.app.data_dir import announced_url
from collector.errors import CollectorError
from collector.settings.model import Settings

if TYPE_CHECKING:
    from collector.store import Reading

_SECONDS = 10


class NotRunning(CollectorError):
    """No collector answers where the settings say it would."""


class Client:
    """Asks the collector that these settings would start: the one that announced itself, else by its port."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
        announced = announced_url(settings.data_dir.expanduser())
        by_port = f"http://{host}:{settings.port}"
        self._urls = [url for url in (announced, by_port) if url and not url.endswith(":0")]
        # Proxies of the environment are for the way out, not for a collector on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str, **query: object) -> Any:
        """GET a JSON answer; raises `NotRunning`, or `CollectorError` with what the collector said."""
        return json.loads(self._ask("GET", f"{path}?{urlencode(query)}" if query else path))

    def post(self, path: str, body: bytes, content_type: str, seconds: float = _SECONDS) -> bytes:
        return self._ask("POST", path, body, content_type, seconds)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "", seconds: float = _SECONDS
    ) -> bytes:
        headers = {"content-type": content_type} if content_type else {}
        if self._settings.access_token is not None:
            headers["x-collector-token"] = self._settings.access_token.get_secret_value()
        for url in self._urls:
            request = urllib.request.Request(url + path, body, headers, method=method)
            try:
                with self._opener.open(request, timeout=seconds) as response:
                    return bytes(response.read())
            except urllib.error.HTTPError as error:
                raise CollectorError(f"{url} answered HTTP {error.code}: {_said(error)}") from None
            except OSError:
                continue
        raise NotRunning(f"no collector answers at {' or '.join(self._urls) or 'its address'}: start `collector serve`")


def _said(error: urllib.error.HTTPError) -> str:
    try:
        found = json.loads(error.read(65536))
        return str(found.get("message") or found.get("detail") or "")[:300]
    except (ValueError, AttributeError):
        return ""


def open_reader(settings: Settings) -> Reading:
    """The store on disk, for when no collector runs; raises `CollectorError` when there is none."""
    from collector.store.open import NoStore, open_reading

    try:
        return open_reading(settings.data_dir.expanduser())
    except NoStore:
        raise CollectorError(
            f"no collector runs, and {settings.data_dir} holds no store:"
            " start `collector serve`, or set COLLECTOR_DATA_DIR"
        ) from None
