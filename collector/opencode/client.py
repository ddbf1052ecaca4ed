"""Sends items to a running collector as any client would: they are redacted, counted and kept once."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from collector.enums import CAN_WAIT_HEADER, EVENTS_PATH
from collector.errors import CollectorError
from collector.opencode.connection import NO_CREDENTIALS, Answer, Credentials, NotProved, ask
from collector.opencode.history import EventItem

_BATCH_BYTES = 128 * 1024
"""Of a post: while it is read and redacted, it takes some fifteen times that in the collector."""
_SECONDS = 60
_BUSY_SECONDS = 600
_SHORT_PAUSE = 0.25
"""Seconds, where `Retry-After` says one, the least it can: what waits to be assembled often takes less."""


class EventClient:
    """The collector at `url`."""

    def __init__(
        self, url: str, credentials: Credentials = NO_CREDENTIALS, attempts: int = 6, tls: ssl.SSLContext | None = None
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._attempts = attempts
        self._tls = tls

    def send(self, items: Iterable[EventItem], told: Callable[[int], None] = lambda _: None) -> int:
        """Send in batches and return how many items were sent; raises `CollectorError` when they are not taken.

        `told` hears after each batch how many it held.
        """
        sent = 0
        for batch in batches(items):
            self._post(b"\n".join(batch) + b"\n")
            sent += len(batch)
            told(len(batch))
        return sent

    def _post(self, body: bytes) -> None:
        pause, said, left = 0.2, "", self._attempts
        busy_until = time.monotonic() + _BUSY_SECONDS
        while left > 0:
            left -= 1
            try:
                answer = self._ask(body)
            except NotProved:
                raise
            except OSError as error:
                said = f"does not answer ({error.__class__.__name__})"
                pause *= 2
            else:
                if answer.status == 200:
                    return
                said = f"answered HTTP {answer.status}"
                if answer.status not in (429, 502, 503, 504):
                    break
                if answer.status in (429, 503) and time.monotonic() < busy_until:
                    left += 1  # it is there, and asks to wait
                after = answer.headers.get("retry-after", "")
                if after == "1":
                    pause = _SHORT_PAUSE
                else:
                    pause = min(float(after), 30) if after.isdigit() else pause * 2
            time.sleep(pause)
        raise CollectorError(f"the collector at {self._url} {said}")

    def _ask(self, body: bytes) -> Answer:
        headers = {"content-type": "application/x-ndjson", CAN_WAIT_HEADER: "1"}
        return ask(
            self._url,
            "POST",
            EVENTS_PATH,
            body,
            headers=headers,
            credentials=self._credentials,
            seconds=_SECONDS,
            tls=self._tls,
        )


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
