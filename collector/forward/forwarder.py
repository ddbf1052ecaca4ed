"""Takes what waits from the store to one destination, until each range of items is delivered or refused for good.

A task a lane (a destination and a signal), so that a signal that waits holds up no other; a lane has a few requests
under way, and what is tried again waits in the store, not in a task. What came first is sent first; requests that are
under way together may arrive in any order, and so may what is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypedDict, TypeVar

from collector.enums import Signal
from collector.errors import CollectorError
from collector.forward import settling
from collector.forward.body import RequestBody, make_body
from collector.forward.client import LateClient
from collector.forward.destination import Destination
from collector.forward.health import DestinationHealth, Health
from collector.forward.outcome import (
    Blocked,
    Delivered,
    DestinationAnswer,
    NotServed,
    OtherEncoding,
    Refused,
    TooBig,
    TryLater,
    Unreachable,
)
from collector.store import Queue
from collector.store.entries import Hold, Lane, Leased, Settlement, Then

logger = logging.getLogger(__name__)

Done = TypeVar("Done")

_RETRIES_AT_ONCE = 2
_AFTER_FAULT_SECONDS = 5.0
_WRITE_AGAIN_SECONDS = 1.0
_REMEMBERED = 1000


class LastAnswer(TypedDict):
    """What a destination answered last for a signal; times in seconds since the epoch."""

    answer: str
    at: float
    failures: int
    next_attempt_at: float | None


@dataclass(slots=True)
class _LaneState:
    lane: Lane
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: int = 0
    retrying: int = 0
    retry_next: bool = True


class Forwarder:
    """Forwards to one destination; `run` ends only when it is cancelled, and loses nothing then.

    `instance` names this collector in the hop header, so that a loop through other collectors can be told. `redact`
    makes words of the destination fit to be shown.
    """

    def __init__(
        self, queue: Queue, destination: Destination, instance: str, redact: Callable[[str], str] = lambda _: ""
    ) -> None:
        self.destination = destination
        self.last: dict[Signal, LastAnswer] = {}
        self.answers: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED)
        self.notice = ""
        self._odd = False
        self._queue = queue
        self._instance = instance
        self._redact = redact
        self._health = DestinationHealth()
        self._lanes = {signal: _LaneState(Lane(destination.name, signal)) for signal in destination.signals}
        self._leased: set[int] = set()
        self._unwritten = 0
        """How many settlements could not be written yet."""
        self._thread: ThreadPoolExecutor
        """Asks the store and makes bodies, one at a time: each thread would keep the memory its largest body took."""

    def notify(self, signal: Signal) -> None:
        """Say that a batch was put; wakes the lane."""
        if signal in self._lanes:
            self._lanes[signal].wake.set()

    @property
    def is_failing(self) -> bool:
        """Whether the destination took nothing when it was tried last."""
        return any(last["failures"] for last in self.last.values())

    async def run(self) -> None:
        self._thread = ThreadPoolExecutor(1, "forward")
        await self._in_thread(self._remember_holds)
        try:
            async with LateClient(self.destination) as client, asyncio.TaskGroup() as tasks:
                for state in self._lanes.values():
                    state.under_way = state.retrying = 0
                    tasks.create_task(self._serve(client, state))
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._queue.release(self._leased)
            self._leased.clear()

    def _in_thread(self, work: Callable[[], Done]) -> asyncio.Future[Done]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _remember_holds(self) -> None:
        now = time.monotonic()
        held = {"": self._queue.held(self.destination.name)}
        held |= {signal: self._queue.held(state.lane) for signal, state in self._lanes.items()}
        for signal, hold in held.items():
            if hold is not None:
                health = self._health.lane(signal) if signal else self._health.whole
                health.failures, health.until, health.cause = hold.failures, now + hold.seconds, hold.cause

    # ---- one lane

    async def _serve(self, client: LateClient, state: _LaneState) -> None:
        signal = state.lane.signal
        async with asyncio.TaskGroup() as tasks:
            while True:
                state.wake.clear()
                if (wait := self._health.wait(signal, time.monotonic())) > 0:
                    await asyncio.sleep(wait)
                    continue
                if self._unwritten or state.under_way >= self._health.most_at_once(signal):
                    await state.wake.wait()
                    continue
                try:
                    ranges, retrying = await self._lease(state)
                    due = None if ranges else await self._in_thread(partial(self._queue.due_in, state.lane))
                except CollectorError as error:
                    logger.warning("%s", error)
                    await asyncio.sleep(_AFTER_FAULT_SECONDS)
                    continue
                if not ranges:
                    if due is not None and state.retrying and due <= 0:
                        due = None  # what is due waits for what is under way
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(state.wake.wait(), due)
                    continue
                state.under_way += 1
                state.retrying += retrying
                tasks.create_task(self._attempt(client, state, ranges, retrying))

    async def _lease(self, state: _LaneState) -> tuple[list[Leased], bool]:
        """What was never tried and what is due again take turns, so that neither holds up the other.

        After a failure the range that came last is sent alone: what failed may itself be the reason, and what came
        last is least likely to be of the same kind. Only here a range is sent before others that came earlier.
        """
        probing = self._health.most_at_once(state.lane.signal) == 1
        order = (True, False) if state.retry_next and not probing else (False, True)
        state.retry_next = not state.retry_next
        for retries in order:
            if retries and state.retrying >= _RETRIES_AT_ONCE:
                continue
            if ranges := await self._take(state.lane, retries=retries, newest=probing):
                return ranges, retries
        return [], False

    async def _take(self, lane: Lane, *, retries: bool, newest: bool) -> list[Leased]:
        """Lease in a thread; when cancelled, wait for it to end, since what it leased is to be given back."""
        lease = partial(self._queue.lease, lane, self.destination.merge_bytes, retries=retries, newest=newest)
        taking = self._in_thread(lease)
        try:
            await asyncio.wait([taking])
        except asyncio.CancelledError:
            await asyncio.wait([taking])
            with contextlib.suppress(CollectorError):
                self._leased.update(each.id for each in taking.result())
            raise
        ranges = taking.result()
        self._leased.update(each.id for each in ranges)
        return ranges

    async def _attempt(self, client: LateClient, state: _LaneState, ranges: list[Leased], retrying: bool) -> None:
        try:
            settlements = await self._send(client, state, ranges)
        except Exception as error:  # one body must not end its lane: it is tried again after a pause
            logger.error(
                "forwarding %s to %s failed: %s", state.lane.signal, self.destination.name, type(error).__name__
            )
            settlements = [
                Settlement(each.id, Then.RETRY, cause="failed here", retry_in_s=_AFTER_FAULT_SECONDS) for each in ranges
            ]
        finally:
            state.under_way -= 1
            state.retrying -= retrying
            state.wake.set()
        settled = {each.id for each in settlements}
        unsettled = [each.id for each in ranges if each.id not in settled]
        self._queue.release(unsettled)
        self._leased.difference_update(unsettled)
        if settlements:
            await self._settle(state.lane, settlements, settled)
        state.wake.set()

    async def _settle(self, lane: Lane, settlements: list[Settlement], ranges: set[int]) -> None:
        """Write what came of `ranges`, again until the store can be written: what was taken is not to be sent again.

        Nothing more is sent meanwhile, since a crash would forget all those answers.
        """
        failed = False
        try:
            while True:
                self._leased.difference_update(ranges)  # their leases end with the settling
                writing = self._queue.settle(lane, settlements)
                try:
                    return await asyncio.shield(asyncio.wrap_future(writing))
                except asyncio.CancelledError:
                    writing.add_done_callback(lambda done: self._queue.release(ranges) if done.exception() else None)
                    raise
                except CollectorError as error:
                    self._leased.update(ranges)
                    if not failed:
                        logger.warning("what %s answered cannot be written, and waits: %s", lane.destination, error)
                        failed = True
                        self._unwritten += 1
                await asyncio.sleep(_WRITE_AGAIN_SECONDS)
        finally:
            self._unwritten -= failed
            if failed:
                for state in self._lanes.values():
                    state.wake.set()

    async def _send(self, client: LateClient, state: _LaneState, ranges: Sequence[Leased]) -> list[Settlement]:
        """Send one body of ranges, from the first on; what comes of them. Ranges not named are as they were."""
        lane, destination = state.lane, self.destination
        protobuf = destination.sends_protobuf
        make = partial(make_body, lane.signal, ranges, destination.encode, destination.limits, destination.refine)
        body = await self._in_thread(make)
        if body.content is None:
            if body.too_large:
                return self._gone(lane, settling.cannot_fit(body.ranges[0]), settling.TOO_LARGE)
            return settling.left_out(body)
        hops = ",".join(filter(None, (ranges[0].hops, self._instance)))
        answer = await destination.send(await client.get(), lane.signal, body.content, hops)
        match answer:
            case OtherEncoding():
                if protobuf != destination.sends_protobuf or destination.change_encoding():
                    return []
                if self._health.lane(lane.signal).taken_at is None:
                    answer = Blocked(answer.answer, "the destination does not read this encoding: set another one")
                else:
                    answer = Refused(answer.answer)
            case TooBig():
                destination.take_less(len(body.content), body.plain)
        return self._judged(lane, body, answer)

    def _judged(self, lane: Lane, body: RequestBody, answer: DestinationAnswer) -> list[Settlement]:
        ranges = body.ranges
        match answer:
            case Delivered():
                self._took(lane, body, answer)
                return settling.delivered(body, answer)
            case NotServed():
                self._note(lane, answer.answer, 0, None)
                return settling.not_served(lane.signal, ranges, answer)
            case Refused():
                self._reached(lane, answer.answer)
                return self._gone(lane, settling.refused(ranges, answer), answer.answer)
            case TooBig():
                self._reached(lane, answer.answer)
                return settling.too_big(ranges, answer)
            case TryLater():
                return self._postponed(lane, ranges, answer)
            case Blocked(answer=said, advice=advice):
                self.notice = f"{self.destination.name}: {said}: {advice}"
                self._failed(lane, self._health.whole, said)
            case Unreachable(answer=said):
                self._failed(lane, self._health.whole, said)
            case OtherEncoding():
                raise AssertionError("told apart before")
        return []

    def _postponed(self, lane: Lane, ranges: Sequence[Leased], answer: TryLater) -> list[Settlement]:
        """Leave the destination alone for a while; where it takes other data, suspect what was sent."""
        health = self._health.lane(lane.signal)
        taken_lately = health.took_lately(time.monotonic())
        if answer.after_s is not None:
            self._failed(lane, self._health.whole, answer.answer, answer.after_s)
        elif answer.busy or not (taken_lately and settling.is_suspected(ranges)):
            self._failed(lane, health, answer.answer)
        if answer.advice and not taken_lately:
            self.notice = f"{self.destination.name}: {answer.answer}: {answer.advice}"
        if answer.busy or (answer.after_s is not None and not taken_lately):
            return []
        settlements = settling.try_later(ranges, answer, others_taken=taken_lately)
        return self._gone(lane, settlements, answer.answer)

    # ---- what is remembered and said

    def _took(self, lane: Lane, body: RequestBody, answer: Delivered) -> None:
        said = answer.answer
        if answer.words and (words := _printable(self._redact(answer.words))):
            said = f"{said}: {words}"
        self._reached(lane, said)
        self.notice = ""
        if answer.odd:
            self.notice = f"{self.destination.name} answers with {answer.odd}"
            if not self._odd:
                logger.warning("%s", self.notice)
            self._odd = True
        self.answers.extend((each.batch_id, said) for each in body.ranges)

    def _reached(self, lane: Lane, said: str) -> None:
        """The destination handled a request: it is there."""
        now = time.monotonic()
        for health, held in ((self._health.whole, self.destination.name), (self._health.lane(lane.signal), lane)):
            if health.took(now):
                self._queue.hold(held, None)
        self._note(lane, said, 0, None)

    def _failed(self, lane: Lane, health: Health, cause: str, after_s: float | None = None) -> None:
        pause = health.failed(time.monotonic(), cause, after_s, random.random())
        held = self.destination.name if health is self._health.whole else lane
        self._queue.hold(held, Hold(pause, health.failures, cause))
        self._note(lane, cause, health.failures, pause)

    def _gone(self, lane: Lane, settlements: list[Settlement], answer: str) -> list[Settlement]:
        if any(each.then is Then.DEAD for each in settlements):
            logger.warning("%s refused %s for good: %s", self.destination.name, lane.signal, answer)
        return settlements

    def _note(self, lane: Lane, answer: str, failures: int, pause: float | None) -> None:
        before = self.last.get(lane.signal)
        now = time.time()
        self.last[lane.signal] = LastAnswer(
            answer=answer, at=now, failures=failures, next_attempt_at=now + pause if pause else None
        )
        if failures == 1 and not (before and before["failures"]):
            logger.warning("%s does not take %s now: %s; keeping it", lane.destination, lane.signal, answer)
        elif not failures and before and before["failures"]:
            logger.info("%s takes %s again", lane.destination, lane.signal)


def _printable(words: str) -> str:
    return "".join(char if char.isprintable() else " " for char in words).strip()
