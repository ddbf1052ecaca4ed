"""How much one access token may send: token buckets of a minute, for requests and for bytes as they come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from collector.errors import OverQuota


class _Bucket:
    """Holds a minute's worth, and fills up evenly; what is taken beyond that is owed."""

    def __init__(self, per_minute: int, at_s: float) -> None:
        self._most = self._level = float(per_minute)
        self._at_s = at_s

    def missing_s(self, least: float, at_s: float) -> float:
        """Seconds until it holds `least`."""
        self._level = min(self._most, self._level + (at_s - self._at_s) * self._most / 60)
        self._at_s = at_s
        return max(0.0, (least - self._level) * 60 / self._most)

    def take(self, amount: int) -> None:
        self._level -= amount


class Quota:
    """What may come, and what came: `requests` and `bytes` were let in, `refused` were too many.

    A request is let in while any bytes are left, since its length is known only once it has come; what it takes beyond
    them is owed by those that follow. Used on the event loop alone.
    """

    def __init__(
        self,
        requests_per_minute: int | None = None,
        bytes_per_minute: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        now_s = monotonic()
        self._requests = _Bucket(requests_per_minute, now_s) if requests_per_minute is not None else None
        self._bytes = _Bucket(bytes_per_minute, now_s) if bytes_per_minute is not None else None
        self.requests = self.bytes = self.refused = 0

    def admit(self) -> None:
        """Count a request; raise `OverQuota`, with the time until it would be let in, where it is one too many."""
        now_s = self._monotonic()
        buckets = [bucket for bucket in (self._requests, self._bytes) if bucket is not None]
        wait_s = max((bucket.missing_s(1, now_s) for bucket in buckets), default=0.0)
        if wait_s > 0:
            self.refused += 1
            raise OverQuota("this access token may not send more now", retry_after=max(1, math.ceil(wait_s)))
        self.requests += 1
        if self._requests is not None:
            self._requests.take(1)

    def charge(self, size: int) -> None:
        """Count the bytes of a request that was let in."""
        self.bytes += size
        if self._bytes is not None:
            self._bytes.take(size)
