"""Export requests from a body to the disk: what the receiver of every protocol does with them (the hot path)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Protocol
from zlib import crc32

from collector.batch import SealedBatch, Signal
from collector.errors import NotNow, TooLarge
from collector.otlp.left_out import LeftOut
from collector.otlp.read import JSON, Decoded, decode
from collector.pipeline.otlp import HeldBatch, Pipeline, Prepared, Processed
from collector.receive.decompress import decompress
from collector.receive.limits import Reservation
from collector.receive.quota import Quota
from collector.store import Keeping
from collector.store.entries import Completable, Refusal

_LARGE_BYTES = 1024 * 1024
_HOLD_SECONDS = 2.0
"""For which spans wait for log records and parents of another request before they are sent."""

_MOST_REFUSED = 10_000
"""Held requests that were not kept, whose numbers are remembered: what completes them has nothing to complete."""

_SMALL_BYTES = 4096
"""Bodies that are sealed here sooner than they are sent to another process (measured)."""


class Elsewhere(Protocol):
    """Other processes, which read and seal as this one would; `affinity` says which requests may be like each other."""

    async def read(self, signal: Signal, body: bytes, content_type: str) -> Decoded: ...

    async def seal(self, signal: Signal, data: bytes, affinity: int) -> SealedBatch: ...


class Exports:
    """Reads, seals and keeps export requests; `kept` is told of each batch once it is on disk.

    Bodies over 1 MiB, before or after decompression, are handled in one other thread, so that small ones are still
    answered meanwhile. None may be larger than `most_bytes`. `quota` says how much may come, and counts it;
    `destinations` are the only ones that get it, where they are given. With `sealing` all but small ones are sealed in
    other processes; what is remembered between requests stays here.
    """

    def __init__(
        self,
        new_pipeline: Callable[[], Pipeline],
        store: Keeping,
        kept: Callable[[Signal, Processed], None],
        most_bytes: int,
        quota: Quota | None = None,
        destinations: Collection[str] | None = None,
        sealing: Elsewhere | None = None,
    ) -> None:
        self.quota = quota or Quota()
        self._destinations = destinations
        self._pipeline = new_pipeline()
        self._large_pipeline = new_pipeline()
        self._large = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")
        self._store = store
        self._kept = kept
        self._most = most_bytes
        self._sealing = sealing
        self._unkept: dict[int, asyncio.Future[bool]] = {}
        self._refused: dict[int, None] = {}

    def close(self) -> None:
        self._large.shutdown(wait=False, cancel_futures=True)

    async def take(
        self, signal: Signal, raw: bytes, encoding: str, content_type: str, hops: str, reservation: Reservation
    ) -> LeftOut:
        """Keep what a body holds, and say what was left out of it; when this returns, it survives a power cut.

        `hops` are the collectors that it came through. Raises `SenderError` when nothing of it can be read and
        `NotNow` when nothing of it was kept.
        """
        self.quota.charge(len(raw))
        outcome = await self._handle(signal, raw, encoding, content_type, reservation)
        del raw
        if outcome.held is not None:
            self._expect(outcome.held.number)
        kept = False
        try:
            if outcome.batch is not None:
                reservation.add(len(outcome.batch.data))
            if outcome.batch is not None or outcome.left_out.total or outcome.dropped:
                refusal = Refusal(signal, outcome.left_out.by_reason + Counter(outcome.dropped))
                put = self._store.put(outcome.batch, refusal, hops=hops, destinations=self._destinations)
                await asyncio.shield(asyncio.wrap_future(put))
            if outcome.held is not None:
                await self._keep_held(outcome.held, hops, reservation)
            kept = True
        finally:
            if outcome.held is not None:
                self._tell(outcome.held.number, kept)
        for completed in outcome.completed:
            await self._complete(completed, hops)
        if outcome.late is not None:
            await self._keep_late(outcome.late, hops)
        self._kept(signal, outcome)
        return outcome.left_out

    def _expect(self, number: int) -> None:
        """Have what completes a held request wait until that is kept, if it is: it may be sealed sooner."""
        self._unkept.setdefault(number, asyncio.get_running_loop().create_future())

    def _tell(self, number: int, kept: bool) -> None:
        unkept = self._unkept.pop(number, None)
        if unkept is not None and not unkept.done():
            unkept.set_result(kept)
        if not kept:
            self._refused[number] = None
            while len(self._refused) > _MOST_REFUSED:
                del self._refused[next(iter(self._refused))]

    async def _keep_held(self, held: HeldBatch, hops: str, reservation: Reservation) -> None:
        """Kept before the answer as everything is, and due a little later: a crash sends what there is."""
        reservation.add(len(held.batch.data))
        put = self._store.put(
            held.batch,
            Refusal(Signal.TRACES, {}),
            hops=hops,
            completable=Completable(held.number, _HOLD_SECONDS),
            destinations=self._destinations,
        )
        await asyncio.shield(asyncio.wrap_future(put))

    async def _complete(self, completed: HeldBatch, hops: str) -> None:
        """Put what is known now in the place of what was held; too late for that, send again what counts no tokens."""
        unkept = self._unkept.get(completed.number)
        if unkept is not None:
            await asyncio.shield(unkept)
        if completed.number in self._refused:
            return  # its sender was not answered 200 and sends it again
        with contextlib.suppress(NotNow):
            done = await asyncio.shield(asyncio.wrap_future(self._store.complete(completed.number, completed.batch)))
            if not done and (again := completed.uncounted()) is not None:
                await self._keep_late(again, hops)

    async def _keep_late(self, batch: SealedBatch, hops: str) -> None:
        """An addition to spans that are kept already: where it finds no room, nothing is lost."""
        with contextlib.suppress(NotNow):
            put = self._store.put(batch, Refusal(Signal.TRACES, {}), hops=hops, destinations=self._destinations)
            await asyncio.shield(asyncio.wrap_future(put))

    async def _handle(
        self, signal: Signal, raw: bytes, encoding: str, content_type: str, reservation: Reservation
    ) -> Processed:
        if len(raw) <= _LARGE_BYTES:
            with contextlib.suppress(TooLarge):
                body = decompress(raw, encoding, min(_LARGE_BYTES, self._most))
                if self._sealing is None or len(body) <= _SMALL_BYTES:
                    return self._pipeline.run(signal, body, content_type)
                if encoding not in ("", "identity"):
                    reservation.add(len(body))  # it waits its turn there
                under_way = self._elsewhere(self._sealing, signal, body, content_type)
                del body, raw  # it keeps of them what it needs
                return await under_way
        loop = asyncio.get_running_loop()
        if encoding not in ("", "identity"):
            raw = await loop.run_in_executor(self._large, decompress, raw, encoding, self._most)
            reservation.add(len(raw))
        if self._sealing is None:
            return await loop.run_in_executor(self._large, self._large_pipeline.run, signal, raw, content_type)
        under_way = self._elsewhere(self._sealing, signal, raw, content_type)
        del raw
        return await under_way

    async def _elsewhere(self, sealing: Elsewhere, signal: Signal, body: bytes, content_type: str) -> Processed:
        """Read and seal in other processes, and do here, in the order of arrival, what comes between."""
        decoded = await sealing.read(signal, body, content_type) if content_type == JSON else None
        loop = asyncio.get_running_loop()
        if len(body) > _LARGE_BYTES:
            prepare = partial(_prepare, self._large_pipeline, signal, body, content_type, decoded)
            prepared, parts, affinity = await loop.run_in_executor(self._large, prepare)
            del prepare
        else:
            prepared, parts, affinity = _prepare(self._pipeline, signal, body, content_type, decoded)
        del body, decoded
        if prepared.held is not None:
            self._expect(prepared.held.number)
        try:
            batches = await asyncio.gather(*(sealing.seal(of, data, affinity) for of, data in parts))
        except BaseException:
            if prepared.held is not None:
                self._tell(prepared.held.number, False)
            raise
        return self._pipeline.sealed(prepared, batches)


def _prepare(
    pipeline: Pipeline, signal: Signal, body: bytes, content_type: str, decoded: Decoded | None
) -> tuple[Prepared, list[tuple[Signal, bytes]], int]:
    """A request that is still to be sealed, its parts as bytes, and which requests may be like it."""
    prepared = pipeline.prepare(signal, decoded or decode(signal, body, content_type))
    affinity = _client_of(prepared)
    parts = [(of, request.SerializeToString()) for of, request in prepared.parts]
    return replace(prepared, request=signal.request()), parts, affinity  # the bytes are enough


def _client_of(prepared: Prepared) -> int:
    """A number of the client: of its texts most are known to whoever sealed its request before."""
    holders = getattr(prepared.request, prepared.request.DESCRIPTOR.fields[0].name)
    return crc32(holders[0].resource.SerializeToString()) if holders else 0
