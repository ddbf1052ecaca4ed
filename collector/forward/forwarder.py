"""Takes batches from the store to one destination, in order of arrival, until each is settled.

One task a lane (a destination and a signal), so that a signal that waits holds up no other. A lane has up to
`_PARALLEL` posts under way. What fails for now is tried again with the same bytes; a merged post that is
refused for good is sent again batch by batch, so that one bad batch costs only itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from collector.batch import Signal
from collector.forward.backoff import delay
from collector.forward.destination import LEAST_BYTES, Destination
from collector.forward.outcome import Blocked, Delivered, NotServed, OtherEncoding, Outcome, Rejected, Retry, TooBig
from collector.forward.split import Part, items_in, parts
from collector.store import Queue
from collector.store.entries import Lane, QueuedBatch

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

MERGE_BYTES = 2 * 1024 * 1024
"""Batches that wait together are sent together up to this many bytes (before encoding)."""

LEFT_OUT = "left out by the destination"
TOO_LARGE = "larger than the destination takes"

_PARALLEL = 4
_ANSWER_SECONDS = 30
_CONNECT_SECONDS = 10
_AFTER_FAULT_SECONDS = 30.0
_REMEMBERED = 1000


class LastAnswer(TypedDict):
    """What a destination answered last for a signal; times in seconds since the epoch."""

    answer: str
    at: float
    failures: int
    next_attempt_at: float | None


@dataclass(slots=True)
class _LaneState:
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_PARALLEL))
    busy: set[int] = field(default_factory=set)
    failures: int = 0


class Forwarder:
    """Forwards to one destination; `run` ends only when it is cancelled, and loses nothing then.

    `instance` names this collector in the hop header, so that a loop through other collectors can be told.
    """

    def __init__(self, store: Queue, destination: Destination, instance: str) -> None:
        self.destination = destination
        self.last: dict[Signal, LastAnswer] = {}
        self.answers: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED)
        self._store = store
        self._instance = instance
        self._lanes = {signal: _LaneState() for signal in destination.signals}

    def notify(self, signal: Signal) -> None:
        """Say that a batch was put; wakes the lane."""
        if signal in self._lanes:
            self._lanes[signal].wake.set()

    async def run(self) -> None:
        import httpx  # only who forwards pays for it: 13 MiB and 0.15 s
        from httpx_aiohttp import HttpxAiohttpClient

        timeout = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS, pool=None)
        async with (
            HttpxAiohttpClient(timeout=timeout, follow_redirects=False) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for signal, state in self._lanes.items():
                tasks.create_task(self._serve(client, Lane(self.destination.name, signal), state))

    async def _serve(self, client: httpx.AsyncClient, lane: Lane, state: _LaneState) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                await state.slots.acquire()
                state.wake.clear()
                batches = self._store.take(lane, MERGE_BYTES, state.busy)
                if not batches:
                    state.slots.release()
                    await state.wake.wait()
                    continue
                state.busy.update(batch.id for batch in batches)
                tasks.create_task(self._settle(client, lane, state, batches))

    async def _settle(
        self, client: httpx.AsyncClient, lane: Lane, state: _LaneState, batches: Sequence[QueuedBatch]
    ) -> None:
        try:
            await self._deliver(client, lane, batches)
        except Exception as error:  # one batch must not end its lane: it is tried again after a pause
            logger.error("forwarding %s to %s failed: %s", lane.signal, lane.destination, type(error).__name__)
            await asyncio.sleep(_AFTER_FAULT_SECONDS)
        finally:
            state.busy.difference_update(batch.id for batch in batches)
            state.slots.release()
            state.wake.set()

    async def _deliver(self, client: httpx.AsyncClient, lane: Lane, batches: Sequence[QueuedBatch]) -> None:
        ids = [batch.id for batch in batches]
        hops = ",".join(filter(None, (batches[0].hops, self._instance)))
        waiting = deque(await self._parts(lane.signal, b"".join(batch.data for batch in batches)))
        left_out = 0
        answer = ""
        while waiting:
            part = waiting.popleft()
            if part.body is None:
                left_out += items_in(lane.signal, part.data)
                answer = TOO_LARGE
                continue
            match await self._post(client, lane, ids, part.body, hops):
                case Delivered(answer=answer, refused=refused):
                    left_out += refused
                case OtherEncoding():
                    waiting.extendleft(reversed(await self._parts(lane.signal, part.data)))
                case TooBig():
                    self.destination.take_less(len(part.body))
                    waiting.extendleft(reversed(await self._parts(lane.signal, part.data)))
                case NotServed(answer=answer):
                    await self._done(self._store.dropped(lane, ids, f"destination has no path for {lane.signal}"))
                    return
                case Rejected(answer=answer):
                    await self._refused(client, lane, batches, answer)
                    return
        self.answers.extend((batch_id, answer) for batch_id in ids)
        await self._done(self._store.delivered(lane, ids, left_out, TOO_LARGE if answer == TOO_LARGE else LEFT_OUT))

    async def _refused(
        self, client: httpx.AsyncClient, lane: Lane, batches: Sequence[QueuedBatch], answer: str
    ) -> None:
        if len(batches) > 1:
            for batch in batches:
                await self._deliver(client, lane, [batch])
            return
        logger.warning("%s refused a batch of %s for good: %s", lane.destination, lane.signal, answer)
        self.answers.append((batches[0].id, answer))
        await self._done(self._store.attempted(lane, [batches[0].id], answer, dead=True))

    async def _parts(self, signal: Signal, data: bytes) -> list[Part]:
        """Encoding a large batch takes a while: another thread does it, so that posts are still answered."""
        destination = self.destination
        return await asyncio.to_thread(lambda: list(parts(signal, data, destination.encode, destination.most_bytes)))

    async def _post(
        self, client: httpx.AsyncClient, lane: Lane, ids: list[int], body: bytes, hops: str
    ) -> Delivered | OtherEncoding | TooBig | NotServed | Rejected:
        """Send one body until the destination settles it, however long that takes."""
        failures = 0
        while True:
            protobuf = self.destination.sends_protobuf
            outcome = await self.destination.send(client, lane.signal, body, hops)
            match outcome:
                case Retry() | Blocked():
                    pass
                case OtherEncoding(answer=answer):
                    if protobuf != self.destination.sends_protobuf or self.destination.change_encoding():
                        return outcome
                    outcome = Blocked(answer)
                case TooBig(answer=answer) if len(body) <= LEAST_BYTES:
                    return Rejected(answer)
                case _:
                    self._note(lane, outcome, 0, None)
                    return outcome
            failures += 1
            pause = delay(failures, outcome.after_s if isinstance(outcome, Retry) else None, random.random())
            self._note(lane, outcome, failures, pause)
            await self._done(self._store.attempted(lane, ids, outcome.answer))
            await asyncio.sleep(pause)

    def _note(self, lane: Lane, outcome: Outcome, failures: int, pause: float | None) -> None:
        before = self.last.get(lane.signal)
        now = time.time()
        self.last[lane.signal] = LastAnswer(
            answer=outcome.answer, at=now, failures=failures, next_attempt_at=now + pause if pause else None
        )
        if failures == 1 and not (before and before["failures"]):
            logger.warning("%s does not take %s now: %s; keeping it", lane.destination, lane.signal, outcome.answer)
        elif not failures and before and before["failures"]:
            logger.info("%s takes %s again", lane.destination, lane.signal)

    @staticmethod
    async def _done(future: object) -> None:
        await asyncio.wrap_future(future)  # type: ignore[arg-type]
