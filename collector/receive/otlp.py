"""OTLP/HTTP: `/v1/traces`, `/v1/logs`, `/v1/metrics` (the hot path)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from collector.batch import SealedBatch, Signal
from collector.errors import NotNow, TooLarge, UnsupportedMedia
from collector.otlp.read import JSON, PROTOBUF
from collector.pipeline.otlp import HeldBatch, Pipeline, Processed
from collector.receive.answers import export_response
from collector.receive.decompress import decompress
from collector.receive.guard import Headers
from collector.receive.limits import Reservation
from collector.receive.receiver import Admission, AsgiReceive, Receiver, hops_of
from collector.store import Keeping
from collector.store.entries import Completable, Refusal

_PATHS = {signal.path: signal for signal in Signal}
_LARGE_BYTES = 1024 * 1024
_HOLD_SECONDS = 2.0
"""For which spans wait for log records and parents of another request before they are sent."""


class OtlpReceiver(Receiver):
    """Takes export requests; `kept` is told of each batch once it is on disk.

    Bodies over 1 MiB, before or after decompression, are handled in one other thread, so that small ones are still
    answered meanwhile.
    """

    paths = _PATHS.keys()

    def __init__(
        self,
        admission: Admission,
        new_pipeline: Callable[[], Pipeline],
        store: Keeping,
        kept: Callable[[Signal, Processed], None],
    ) -> None:
        super().__init__(admission)
        self._pipeline = new_pipeline()
        self._large_pipeline = new_pipeline()
        self._large = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")
        self._store = store
        self._kept = kept

    def close(self) -> None:
        self._large.shutdown(wait=False, cancel_futures=True)

    def admit(self, path: str, content_type: str) -> None:
        if content_type not in (JSON, PROTOBUF):
            kind = "OTLP/gRPC is not served here; use OTLP/HTTP" if "grpc" in content_type else "no such content-type"
            raise UnsupportedMedia(f"{kind}: send {PROTOBUF} or {JSON}")

    async def take(self, path: str, headers: Headers, content_type: str, receive: AsgiReceive) -> bytes:
        signal = _PATHS[path]
        encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        with self._budget.request() as reservation:
            raw = await self.read(headers, receive, reservation)
            outcome = await self._handle(signal, raw, encoding, content_type, reservation)
            if outcome.batch is not None:
                reservation.add(len(outcome.batch.data))
            del raw
            if outcome.batch is not None or outcome.left_out.total or outcome.dropped:
                refusal = Refusal(signal, outcome.left_out.by_reason + Counter(outcome.dropped))
                put = self._store.put(outcome.batch, refusal, hops=",".join(hops_of(headers)))
                await asyncio.shield(asyncio.wrap_future(put))
            if outcome.held is not None:
                await self._keep_held(outcome.held, headers, reservation)
            for completed in outcome.completed:
                await self._complete(completed, headers)
            if outcome.late is not None:
                await self._keep_late(outcome.late, headers)
            self._kept(signal, outcome)
        return export_response(signal, outcome.left_out, content_type)

    async def _keep_held(self, held: HeldBatch, headers: Headers, reservation: Reservation) -> None:
        """Kept before the answer as everything is, and due a little later: a crash sends what there is."""
        reservation.add(len(held.batch.data))
        put = self._store.put(
            held.batch,
            Refusal(Signal.TRACES, {}),
            hops=",".join(hops_of(headers)),
            completable=Completable(held.number, _HOLD_SECONDS),
        )
        await asyncio.shield(asyncio.wrap_future(put))

    async def _complete(self, completed: HeldBatch, headers: Headers) -> None:
        """Put what is known now in the place of what was held; too late for that, send again what counts no tokens."""
        with contextlib.suppress(NotNow):
            done = await asyncio.shield(asyncio.wrap_future(self._store.complete(completed.number, completed.batch)))
            if not done and (again := completed.uncounted()) is not None:
                await self._keep_late(again, headers)

    async def _keep_late(self, batch: SealedBatch, headers: Headers) -> None:
        """An addition to spans that are kept already: where it finds no room, nothing is lost."""
        with contextlib.suppress(NotNow):
            put = self._store.put(batch, Refusal(Signal.TRACES, {}), hops=",".join(hops_of(headers)))
            await asyncio.shield(asyncio.wrap_future(put))

    async def _handle(
        self, signal: Signal, raw: bytes, encoding: str, content_type: str, reservation: Reservation
    ) -> Processed:
        if len(raw) <= _LARGE_BYTES:
            with contextlib.suppress(TooLarge):
                body = decompress(raw, encoding, min(_LARGE_BYTES, self._most))
                return self._pipeline.run(signal, body, content_type)
        loop = asyncio.get_running_loop()
        if encoding not in ("", "identity"):
            raw = await loop.run_in_executor(self._large, decompress, raw, encoding, self._most)
            reservation.add(len(raw))
        return await loop.run_in_executor(self._large, self._large_pipeline.run, signal, raw, content_type)
