"""Sealing on other cores: processes that read and seal for this one, which keeps and forwards alone (`--workers`).

What is remembered between requests (log records joined to spans, held spans, sessions told twice) stays in this process
and in the order of arrival. A sealing process gets one reshaped request, and gives back a sealed batch: the same
function of the same bytes as here. Every job names the sealer it is for, and a process that does not have it is sent
its recipe first; so nothing is sealed under a policy that was replaced before it was given away, and what was under way
while it was replaced is sealed again.

A process that ends takes its requests under way with it: they are answered 503, and it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from collector.app.frames import (
    EVENTS,
    FAILED,
    HEADER_BYTES,
    LAST_WORDS,
    POLICY,
    READ,
    REFUSED,
    SEAL,
    frame,
    length_in,
    values_in,
)
from collector.batch import SealedBatch, Signal
from collector.errors import BadRequest, CollectorError, ConfigError, Unavailable
from collector.forward.backoff import delay
from collector.otlp.read import Decoded
from collector.pipeline.crossing import unpack_batch, unpack_decoded, unpack_events
from collector.pipeline.events import IntakeResult
from collector.redact.seal import Sealer, SealerSource

logger = logging.getLogger(__name__)

_START_SECONDS = 60.0
_END_SECONDS = 1.0
_MOST_PAUSE_SECONDS = 5.0
_SILENT_SECONDS = 60.0
"""How long a process may have something to do and answer nothing: the largest body takes a few."""

_SOCKET_BYTES = 1024 * 1024
_GIVEN = frozenset(
    {"PATH", "LANG", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH"}
)
"""What a sealing process is given of the environment, beside Python's own. Tokens may stand there under any name."""


class Workers:
    """`most` sealing processes from `start` to `close`; used on the event loop alone.

    `ended` counts those that ended by themselves.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.ended = 0
        self._last_end = ""
        self._sources: list[SealerSource] = []
        self._workers = [_Worker(self._sources, self._note_end) for _ in range(most)]

    def under(self, sealers: SealerSource) -> PolicyWorkers | None:
        """Seals under the policy that `sealers` are of; None where all is sealed in this process."""
        if not self.most:
            return None
        if sealers not in self._sources:
            self._sources.append(sealers)
        return PolicyWorkers(self, self._sources.index(sealers), sealers)

    @property
    def running(self) -> int:
        return sum(worker.is_running for worker in self._workers)

    @property
    def notices(self) -> list[str]:
        """What a person should know of them."""
        found = []
        if self.ended:
            found.append(
                f"sealing processes ended by themselves {self.ended} times (the last: {self._last_end}); they are"
                " started again, and what they were sealing was answered 503"
            )
        if self.running < self.most:
            found.append(f"{self.running} of {self.most} sealing processes run (COLLECTOR_WORKERS)")
        return found

    async def start(self) -> None:
        """Return when every process has proved that it redacts; raises `ConfigError` when one cannot."""
        found = await asyncio.gather(*(worker.start() for worker in self._workers), return_exceptions=True)
        for failure in filter(None, found):
            await self.close()
            if not isinstance(failure, (OSError, Unavailable)):
                raise failure
            raise ConfigError(f"--workers {self.most}: a sealing process could not be started: {failure}")

    async def close(self) -> None:
        await asyncio.gather(*(worker.close() for worker in self._workers))

    def _note_end(self, how: str) -> None:
        self.ended += 1
        self._last_end = how
        logger.error("a sealing process ended by itself (%s); it is started again", how)

    @property
    def first(self) -> _Worker:
        """Who does what must be done in order; nobody else does it while that one is being started again."""
        if not self._workers[0].is_running:
            raise Unavailable("the sealing process that reads events is being started", retry_after=1)
        return self._workers[0]

    def chosen(self, affinity: int) -> _Worker:
        """Who is to do a job: the one that `affinity` names, which may know its texts, unless it has others to do."""
        running = [worker for worker in self._workers if worker.is_running]
        if not running:
            raise Unavailable("no sealing process runs now", retry_after=1)
        preferred = running[affinity % len(running)]
        least = min(running, key=lambda worker: worker.bytes_under_way)
        return least if preferred.bytes_under_way else preferred


class PolicyWorkers:
    """Reads and seals in other processes, under one source of sealers."""

    def __init__(self, workers: Workers, number: int, sealers: SealerSource) -> None:
        self._workers = workers
        self._number = number
        self._sealers = sealers

    async def read(self, signal: Signal, body: bytes, content_type: str) -> Decoded:
        """As `collector.otlp.read.decode`; raises `Unavailable` when the process ends meanwhile."""
        packed = await self._workers.chosen(0).ask(READ, signal.value, body, content_type, size=len(body))
        return unpack_decoded(signal, packed)

    async def read_events(self, service: str, body: bytes, now: int) -> IntakeResult:
        """As `collector.pipeline.events.Intake.take`, always in the same process and in the order of the calls.

        What hooks say before they say for whom is remembered there. Raises `Unavailable` as `read`.
        """
        worker = self._workers.first
        worker.learn(self._number)
        return unpack_events(await worker.ask(EVENTS, self._number, service, body, now, size=len(body)))

    async def seal(self, signal: Signal, data: bytes, affinity: int) -> SealedBatch:
        """Seal a serialized request under the policy in force when this returns; raises `Unavailable` as `read`."""
        while True:
            sealer = self._sealers()
            worker = self._workers.chosen(affinity)
            worker.learn(self._number)
            packed = await worker.ask(SEAL, self._number, signal.value, data, size=len(data))
            if self._sealers() is sealer:
                return unpack_batch(packed)


class _Worker:
    """One sealing process, started again whenever it ends: `ended` is told how. It seals by `sources`."""

    def __init__(self, sources: Sequence[SealerSource], ended: Callable[[str], None]) -> None:
        self._sources = sources
        self._ended = ended
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: _Connection | None = None
        self._known: dict[int, Sealer] = {}
        self._proved: set[int] = set()
        self._tending: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._connection is not None and self._connection.is_open

    @property
    def bytes_under_way(self) -> int:
        return self._connection.bytes_under_way if self._connection is not None else 0

    async def start(self) -> None:
        """Return when it can seal; raises `OSError` or `Unavailable` when it cannot."""
        await self._open()
        assert self._connection is not None
        connection, self._tending = self._connection, asyncio.create_task(self._tend())
        try:
            async with asyncio.timeout(_START_SECONDS):
                await asyncio.gather(*self._teach())
        except TimeoutError:
            raise Unavailable(f"it was not ready within {_START_SECONDS:.0f} s") from None
        except Unavailable as error:
            raise Unavailable(connection.last_words or str(error)) from None

    def learn(self, number: int) -> asyncio.Future[Any] | None:
        """Have the process make a sealer as its source has it now, unless it has it."""
        sealer = self._sources[number]()
        if self._known.get(number) is sealer:
            return None
        self._known[number] = sealer
        learnt = self.ask(POLICY, number, pickle.dumps(sealer.recipe))
        learnt.add_done_callback(partial(self._note_learnt, number))
        return learnt

    def _note_learnt(self, number: int, learnt: asyncio.Future[Any]) -> None:
        # That it failed, whoever asks to have something sealed hears by the end of the process as well.
        if not learnt.cancelled() and learnt.exception() is None:
            self._proved.add(number)

    def ask(self, kind: str, *about: Any, size: int = 0) -> asyncio.Future[Any]:
        """What the process answers; raises `Unavailable` when it ends meanwhile or fails, `BadRequest` as it does."""
        if self._connection is None or not self._connection.is_open:
            raise Unavailable("the sealing process has ended", retry_after=1)
        return self._connection.ask(kind, about, size)

    def _teach(self) -> list[asyncio.Future[Any]]:
        learnt = [self.learn(number) for number in range(len(self._sources))]
        return [each for each in learnt if each is not None]

    async def _open(self) -> None:
        self._process, ours = _start()
        self._known, self._proved = {}, set()
        loop = asyncio.get_running_loop()
        connect = loop.create_connection if sys.platform == "win32" else loop.create_unix_connection
        _, self._connection = await connect(_Connection, sock=ours)

    async def _tend(self) -> None:
        """Start the process again whenever it ends: at once, and after pauses where it ends before it can seal."""
        failures = 0
        while True:
            assert self._connection is not None and self._process is not None
            await self._connection.closed.wait()
            code = await asyncio.to_thread(_end, self._process)
            self._ended(self._connection.last_words or (f"signal {-code}" if code < 0 else f"exit code {code}"))
            failures = 0 if len(self._proved) == len(self._sources) else failures
            while True:
                if failures:
                    await asyncio.sleep(min(delay(failures, None, 1.0), _MOST_PAUSE_SECONDS))
                failures += 1
                try:
                    await self._open()
                    break
                except OSError as error:
                    logger.error("a sealing process cannot be started: %s", error)
            with contextlib.suppress(CollectorError):  # it has ended again
                self._teach()

    async def close(self) -> None:
        """End the process, which has nothing left to do."""
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            await asyncio.to_thread(_end, self._process)


class _Connection(asyncio.Protocol):
    """The collector's end of the socket between it and one sealing process."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.is_open = False
        self.bytes_under_way = 0
        self.last_words = ""
        self._transport: asyncio.Transport | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[asyncio.Future[Any], int]] = {}
        self._come = bytearray()
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.TimerHandle | None = None
        self._heard_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of that class
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self.closed.set()
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(Unavailable("the sealing process ended, nothing was kept", retry_after=1))
        self._waiting.clear()
        self.bytes_under_way = 0
        if self._watch is not None:
            self._watch.cancel()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def ask(self, kind: str, about: tuple[Any, ...], size: int) -> asyncio.Future[Any]:
        assert self._transport is not None
        number = next(self._numbers)
        future: asyncio.Future[Any] = self._loop.create_future()
        size += 1
        if not self._waiting:
            self._heard_at = self._loop.time()
        if self._watch is None:
            self._watch = self._loop.call_later(_SILENT_SECONDS, self._look)
        self._waiting[number] = (future, size)
        self.bytes_under_way += size
        self._transport.write(frame(number, kind, *about))
        return future

    def _look(self) -> None:
        """End a process that hangs; nobody looks at one that has nothing to do."""
        self._watch = None
        if not self._waiting:
            return
        left = self._heard_at + _SILENT_SECONDS - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
            return
        self.last_words = f"it answered nothing for {_SILENT_SECONDS:.0f} s"
        assert self._transport is not None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        come = self._come
        come += data
        while len(come) >= HEADER_BYTES:
            end = HEADER_BYTES + length_in(bytes(come[:HEADER_BYTES]))
            if len(come) < end:
                break
            self._answered(*values_in(bytes(come[HEADER_BYTES:end])))
            del come[:end]

    def _answered(self, number: int, outcome: str, what: Any) -> None:
        if number == LAST_WORDS:
            self.last_words = what
            return
        future, size = self._waiting.pop(number)
        self.bytes_under_way -= size
        if future.done():
            return  # nobody waits any more
        if outcome == REFUSED:
            future.set_exception(BadRequest(what))
        elif outcome == FAILED:
            logger.error("a request could not be sealed: %s", what)
            future.set_exception(Unavailable("the request could not be handled now"))
        else:
            future.set_result(what)


def _start() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A sealing process, and our end of the socket to it; nobody else has either end."""
    ours, theirs = socket.socketpair()
    with theirs:
        for end in (ours, theirs):
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BYTES)
        ours.setblocking(False)
        command = [sys.executable, "-P", "-m", "collector.app.sealing_process"]
        given = subprocess.PIPE if sys.platform == "win32" else theirs.fileno()
        try:
            process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.DEVNULL,
                env=_environment(os.environ),
                process_group=0,  # a terminal's Ctrl-C, which it cannot take while it starts, is not for it
            )
            if sys.platform == "win32":
                assert process.stdin is not None
                with process.stdin as told:
                    told.write(theirs.share(process.pid))
            return process, ours
        except OSError:
            ours.close()
            raise


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """What a sealing process is given of our environment: no tokens, and where our modules are found."""
    kept = {name: value for name, value in own.items() if name.upper() in _GIVEN or name.startswith(("PYTHON", "LC_"))}
    return {**kept, "PYTHONPATH": os.pathsep.join(str(Path(each).absolute()) for each in sys.path)}


def _end(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process whose socket is closed; one that is busy still is ended."""
    try:
        return process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
