"""The forwarder as a task: paused while the policy changes, started again after a fault, drained before the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping

from collector.batch import Signal
from collector.forward.forwarder import Forwarder, LastAnswer

logger = logging.getLogger(__name__)

_DRAIN_SECONDS = 3.0
_RESTART_SECONDS = 5.0


class ForwardingTask:
    """Runs `forwarder` from `resume` until `pause`; without one nothing is forwarded. `queued` tells waiting bytes."""

    def __init__(self, forwarder: Forwarder | None, queued: Callable[[], int]) -> None:
        self._forwarder = forwarder
        self._queued = queued
        self._task: asyncio.Task[None] | None = None

    def notify(self, signal: Signal) -> None:
        """A batch was kept: send it soon."""
        if self._forwarder is not None:
            self._forwarder.notify(signal)

    def resume(self) -> None:
        if self._forwarder is not None and self._task is None:
            self._task = asyncio.create_task(self._run(self._forwarder))

    async def pause(self) -> None:
        """Return once nothing is sent any more; a post under way is cut off, and made again later."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def drain(self) -> None:
        """Give what came last a moment to leave; what does not is sent after the next start."""
        if self._forwarder is None or self._task is None:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _DRAIN_SECONDS
        while self._queued() and loop.time() < deadline:
            if any(last["failures"] for last in self._forwarder.last.values()):
                return
            await asyncio.sleep(0.02)

    @property
    def last(self) -> Mapping[Signal, LastAnswer]:
        """What was answered last, by signal."""
        return self._forwarder.last if self._forwarder is not None else {}

    def answer_for(self, batches: Collection[int]) -> str:
        """The latest answer to a post of one of `batches`; empty when none is known."""
        if self._forwarder is None:
            return ""
        return next((answer for batch, answer in reversed(self._forwarder.answers) if batch in batches), "")

    async def _run(self, forwarder: Forwarder) -> None:
        while True:
            try:
                await forwarder.run()
            except Exception as error:
                logger.error("forwarding stopped (%s); starting it again", type(error).__name__)
                await asyncio.sleep(_RESTART_SECONDS)
