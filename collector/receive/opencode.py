"""`POST /v1/opencode/events`: raw events of OpenCode, as NDJSON or a JSON array.

The answer counts what was kept and names what was not: `{"accepted": n, "rejected": [{"index", "reason"}]}`.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from collector.enums import CAN_WAIT_HEADER, EVENTS_PATH
from collector.errors import Busy, Forbidden, UnsupportedMedia
from collector.otlp.read import PROTOBUF
from collector.pipeline.events import Intake, IntakeResult
from collector.receive.decompress import decompress
from collector.receive.guard import Headers
from collector.receive.receiver import Admission, AsgiReceive, Receiver
from collector.store import Inbox

logger = logging.getLogger(__name__)

INSTALL_HEADER = b"x-collector-install-token"
"""Carries what `collector opencode install` wrote for the plugin: others may not tell us which files to read."""
MOST_WAITING_BYTES = 8 * 1024 * 1024
"""Of facts that wait to be assembled. A look at all sessions takes a second where hundreds end their turns together;
meanwhile events are taken all the same."""
_MOST_WAITING_BYTES_OF_IMPORTS = 64 * 1024
"""An import tells more than any agent, and all of it takes memory until it is assembled: it is the one that waits."""
_MOST_TURNS_OF_IMPORTS = 1000
"""The same of what was learnt: a turn stays for a second after the last that was heard of it (about 10 KiB)."""

ReadElsewhere = Callable[[bytes, int], Awaitable[IntakeResult]]
"""Reads and redacts a body heard at a time (ms) in another process, as `Intake.take` would here; in order."""


class OpenCodeReceiver(Receiver):
    """Takes events; `kept` is told of them, redacted, once they are on disk; `waiting_bytes` are to be assembled,
    and `turns_ahead` of those who can wait have not left.

    All bodies are read in one thread, or with `elsewhere` in one other process: hooks that belong together come in
    order.
    """

    paths = (EVENTS_PATH,)

    def __init__(
        self,
        admission: Admission,
        intake: Intake,
        inbox: Inbox,
        kept: Callable[[IntakeResult], None],
        *,
        install_token: str,
        waiting_bytes: Callable[[], int] = lambda: 0,
        turns_ahead: Callable[[], int] = lambda: 0,
        elsewhere: ReadElsewhere | None = None,
    ) -> None:
        super().__init__(admission)
        self._intake = intake
        self._inbox = inbox
        self._kept = kept
        self._waiting_bytes = waiting_bytes
        self._turns_ahead = turns_ahead
        self._elsewhere = elsewhere
        self._install_token = install_token.encode()
        self._said = False
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="opencode-events")
        self.counts: Counter[str] = Counter()

    def close(self) -> None:
        self._reading.shutdown(wait=False, cancel_futures=True)

    def admit(self, path: str, content_type: str, team: str) -> None:
        if team:
            raise Forbidden("a team's token sends OTLP alone: forward from a collector that takes the events itself")
        if content_type == PROTOBUF or "grpc" in content_type:
            raise UnsupportedMedia("send NDJSON or a JSON array")
        self._refuse_above(MOST_WAITING_BYTES)

    def _refuse_above(self, most: int, most_turns: float = math.inf) -> None:
        if self._waiting_bytes() > most or self._turns_ahead() > most_turns:
            raise Busy("more events came than could be assembled yet", retry_after=1)

    async def take(self, path: str, headers: Headers, content_type: str, team: str, receive: AsgiReceive) -> bytes:
        can_wait = CAN_WAIT_HEADER.encode() in headers
        if can_wait:
            self._refuse_above(_MOST_WAITING_BYTES_OF_IMPORTS, _MOST_TURNS_OF_IMPORTS)
        encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        with self._budget.request() as reservation:
            raw = await self.read(headers, receive, reservation)
            loop = asyncio.get_running_loop()
            if encoding not in ("", "identity"):
                raw = await loop.run_in_executor(self._reading, decompress, raw, encoding, self._most)
                reservation.add(len(raw))
            now = time.time_ns() // 1_000_000
            if self._elsewhere is None:
                taken = await loop.run_in_executor(self._reading, self._intake.take, raw, now)
            else:
                taken = await self._elsewhere(raw, now)
            del raw
            taken.can_wait = can_wait
            reservation.add(sum(len(row.data) for row in taken.rows))
            if taken.rows or taken.unknown:
                kept = self._inbox.keep(taken.rows, taken.unknown, taken.marks)
                await asyncio.shield(asyncio.wrap_future(kept))
            if taken.hooks and not self._is_installed(headers):
                taken.hooks.clear()
            self._kept(taken)
        self.counts["accepted"] += taken.items - len(taken.rejected)
        self.counts["rejected"] += len(taken.rejected)
        return orjson.dumps(answer(taken))

    def _is_installed(self, headers: Headers) -> bool:
        """Whether the sender has the token that was written into the settings of the installed plugin."""
        if hmac.compare_digest(headers.get(INSTALL_HEADER, b""), self._install_token):
            return True
        if not self._said:
            logger.warning(
                "a plugin of OpenCode names files without the token of an installation, so what it misses is not read"
                " from them: run `collector opencode install` again"
            )
            self._said = True
        return False


def answer(taken: IntakeResult) -> dict[str, Any]:
    """The body of a 200."""
    return {
        "accepted": taken.items - len(taken.rejected),
        "rejected": [{"index": index, "reason": reason} for index, reason in taken.rejected],
    }
