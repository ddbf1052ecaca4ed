"""The forwarders as tasks: paused while the policy changes, started again after a fault, drained before the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from collector.batch import Signal
from collector.forward.forwarder import Forwarder, LastAnswer

logger = logging.getLogger(__name__)

_DRAIN_SECONDS = 3.0
_RESTART_SECONDS = 5.0


class ForwardingTask:
    """Runs each of `forwarders` from `resume` until `pause`; without one nothing is forwarded.

    `queued` tells waiting bytes.
    """

    def __init__(self, forwarders: Sequence[Forwarder], queued: Callable[[], int]) -> None:
        self._forwarders = forwarders
        self._queued = queued
        self._tasks: list[asyncio.Task[None]] = []
        self._wanted = False
        self._ending = asyncio.Lock()

    def notify(self, signal: Signal) -> None:
        """A batch was kept: send it soon."""
        for forwarder in self._forwarders:
            forwarder.notify(signal)

    def wake(self) -> None:
        """Something waits that did not before: look at every lane."""
        for signal in Signal:
            self.notify(signal)

    def resume(self) -> None:
        self._wanted = True
        self._start()

    async def pause(self) -> None:
        """Return once nothing is sent any more; a post under way is cut off, and made again later."""
        self._wanted = False
        async with self._ending:
            await self._end()

    async def replace(self, forwarders: Sequence[Forwarder]) -> None:
        """Forward with these from now on, to where their destinations say; while it is paused, once that ends."""
        async with self._ending:
            await self._end()
            self._forwarders = forwarders
        self._start()

    def _start(self) -> None:
        if self._wanted and not self._tasks and not self._ending.locked():
            self._tasks = [asyncio.create_task(self._run(forwarder)) for forwarder in self._forwarders]

    async def _end(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Give what came last a moment to leave; what does not is sent after the next start."""
        if not self._tasks:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _DRAIN_SECONDS
        while self._queued() and loop.time() < deadline:
            if all(forwarder.is_failing for forwarder in self._forwarders):
                return
            await asyncio.sleep(0.02)

    @property
    def last(self) -> Mapping[Signal, LastAnswer]:
        """What the first destination answered last, by signal."""
        return self._forwarders[0].last if self._forwarders else {}

    @property
    def by_destination(self) -> dict[str, dict[str, LastAnswer]]:
        """What each destination answered last, by signal."""
        return {
            forwarder.destination.name: {str(signal): last for signal, last in forwarder.last.items()}
            for forwarder in self._forwarders
        }

    @property
    def notices(self) -> list[str]:
        """What a person should know of the destinations, and what to do."""
        return [forwarder.notice for forwarder in self._forwarders if forwarder.notice]

    def answer_for(self, batches: Collection[int]) -> str:
        """The latest answer to a post of one of `batches`; empty when none is known."""
        for forwarder in self._forwarders:
            for batch, answer in reversed(forwarder.answers):
                if batch in batches:
                    return answer
        return ""

    async def _run(self, forwarder: Forwarder) -> None:
        while True:
            try:
                await forwarder.run()
            except Exception as error:
                logger.error(
                    "forwarding to %s stopped (%s); starting it again", forwarder.destination.name, type(error).__name__
                )
                await asyncio.sleep(_RESTART_SECONDS)
