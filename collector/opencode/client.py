"""Sends items to a running collector as any client would: they are redacted, counted and kept once."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any

from collector.enums import EVENTS_PATH
from collector.errors import CollectorError
from collector.opencode.history import EventItem

_BATCH_BYTES = 1024 * 1024
_SECONDS = 60


class EventClient:
    """The collector at `url`."""

    def __init__(self, url: str, token: str | None, attempts: int = 6) -> None:
        self._url = url.rstrip("/") + EVENTS_PATH
        self._attempts = attempts
        self._headers = {"content-type": "application/x-ndjson", **({"x-collector-token": token} if token else {})}
        # Proxies of the environment are for the way out, not for a collector on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send(self, items: Iterable[EventItem]) -> int:
        """Send in batches and return how many items were sent; raises `CollectorError` when they are not taken."""
        sent = 0
        for batch in batches(items):
            self._post(b"\n".join(batch) + b"\n")
            sent += len(batch)
        return sent

    def _post(self, body: bytes) -> None:
        pause, said = 0.2, ""
        for _ in range(self._attempts):
            request = urllib.request.Request(self._url, body, self._headers, method="POST")
            try:
                with self._opener.open(request, timeout=_SECONDS) as response:
                    response.read()
                    return
            except urllib.error.HTTPError as error:
                said = f"answered HTTP {error.code}"
                if error.code not in (429, 502, 503, 504):
                    break
                after = error.headers.get("retry-after", "")
                pause = min(float(after), 30) if after.isdigit() else pause * 2
            except OSError as error:
                said = f"does not answer ({error.__class__.__name__})"
                pause *= 2
            time.sleep(pause)
        raise CollectorError(f"the collector at {self._url} {said}")


def batches(items: Iterable[EventItem], most_bytes: int = _BATCH_BYTES) -> Iterator[list[bytes]]:
    """Lines of JSON in portions of at most `most_bytes`; a larger line goes alone."""
    batch: list[bytes] = []
    size = 0
    for item in items:
        line = _line(item)
        if batch and size + len(line) > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line) + 1
    if batch:
        yield batch


def _line(item: Any) -> bytes:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
