"""The policy in force while the process runs: one source of sealers for all stages, and what a change of it takes.

A change goes in this order, so that nothing sealed under another policy leaves after it:

    forwarding pauses ─> stages seal under the new policy ─> what waits is sealed again ─> forwarding goes on
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from typing import Protocol

from collector.batch import SealedBatch, Signal
from collector.enforce.in_force import Enforcement, InForce
from collector.errors import CollectorError
from collector.pipeline.selftest import prove
from collector.redact.seal import Sealer
from collector.store import Sealing

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 60.0
_RETRY_SECONDS = 5.0
_RESEAL_AT_ONCE = 16


class Sealers:
    """The sealer of the policy in force, one for each thread that asks: sealers are not safe to share, engines are."""

    def __init__(self, in_force: InForce) -> None:
        self._threads = threading.local()
        self._in_force = in_force
        self._current = (in_force, in_force.sealer().engine)

    def use(self, in_force: InForce) -> None:
        """From now on every thread gets a sealer of this policy; where it is the same, the one it has."""
        if in_force.differs_from(self._in_force):
            self._current = (in_force, in_force.sealer().engine)
        self._in_force = in_force

    @property
    def in_force(self) -> InForce:
        return self._in_force

    @property
    def engine_name(self) -> str:
        """What searches for findings: `hyperscan`, or `re` where that is missing."""
        return self._current[1].name

    def __call__(self) -> Sealer:
        current = self._current
        held: tuple[object, Sealer] | None = getattr(self._threads, "held", None)
        if held is None or held[0] is not current:
            in_force, engine = current
            held = self._threads.held = (current, in_force.sealer(engine))
        return held[1]

    def reseal(self, signal: Signal, data: bytes) -> SealedBatch:
        """Seal a sealed batch again under the policy in force."""
        return self().reseal(signal, data)

    def again(self, batch: SealedBatch) -> SealedBatch:
        """A batch under the policy in force: itself, with what it shares, where it was sealed under that one."""
        sealer = self()
        return batch if batch.policy == sealer.fingerprint else sealer.reseal(batch.signal, batch.data)


class Pausable(Protocol):
    """What a change of the policy asks of forwarding."""

    async def pause(self) -> None: ...

    def resume(self) -> None: ...


class PolicySwitch:
    """Looks for another policy and puts it in force; a new policy that is wrong changes nothing."""

    def __init__(self, enforcement: Enforcement, sealers: Sealers, waiting: Sealing, forwarding: Pausable) -> None:
        self._enforcement = enforcement
        self._sealers = sealers
        self._waiting = waiting
        self._forwarding = forwarding
        self._failure = ""
        self._wanted = asyncio.Event()

    def look_now(self) -> None:
        """Look for another policy soon; called on the event loop."""
        self._wanted.set()

    @property
    def notices(self) -> list[str]:
        """What a person should know of the policy."""
        in_force = self._sealers.in_force
        unsent = f"nothing is sent: {in_force.blocked}" if in_force.blocked else ""
        return [*in_force.notices, *filter(None, (self._failure, unsent))]

    async def keep_in_force(self) -> None:
        """Put the policy in force, then look for another one, until cancelled."""
        self._wanted = asyncio.Event()
        pending = True
        while True:
            try:
                if pending:
                    await self._adopt()
                    pending = False
            except CollectorError as error:
                logger.error("the policy could not be applied: %s", error)
            longest = _RETRY_SECONDS if pending else _LOOK_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self._enforcement.refresh_s or longest, longest)):
                    await self._wanted.wait()
            self._wanted.clear()
            pending |= await self._look()

    async def _look(self) -> bool:
        """Read the policy again; True when another one holds from now on."""
        now = time.time()
        await asyncio.to_thread(self._enforcement.refresh, now)
        try:
            found = await asyncio.to_thread(self._enforcement.load, now)
            changed = found.differs_from(self._sealers.in_force)
            if changed:
                await asyncio.to_thread(lambda: prove(found.sealer()))
        except CollectorError as error:
            self._failure = f"the policy was changed but cannot be used, what held before holds: {error}"
            return False
        self._failure = ""
        if changed:
            await self._forwarding.pause()
        self._sealers.use(found)
        return changed

    async def _adopt(self) -> None:
        """Seal what waits again wherever it was sealed under another policy, then let it leave."""
        in_force = self._sealers.in_force
        fingerprint = self._sealers().fingerprint
        waiting = await asyncio.wrap_future(self._waiting.adopt(fingerprint))
        if in_force.blocked:
            logger.error("nothing is sent: %s", in_force.blocked)
            return
        if waiting:
            logger.info("sealing %d waiting batches under policy %s", len(waiting), in_force.policy.name)
        for at in range(0, len(waiting), _RESEAL_AT_ONCE):
            some = waiting[at : at + _RESEAL_AT_ONCE]
            await asyncio.wrap_future(self._waiting.reseal(some, self._sealers.reseal))
        await asyncio.wrap_future(self._waiting.adopted(fingerprint))
        self._forwarding.resume()
