"""Wiring: what is made of the settings, in which order it starts, and how it stops within ten seconds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn

from collector import __version__
from collector.app.assembling import Assembling
from collector.app.data_dir import DataDirectory
from collector.app.destinations import new_destination
from collector.app.serving import (
    HttpServer,
    check_bind,
    listen,
    run_loop,
    settle_memory,
    stop_on_signals,
    tune_allocator,
    url_of,
)
from collector.batch import SealedBatch, Signal
from collector.enforce.in_force import Enforcement, InForce
from collector.enforce.request import PolicyRequest
from collector.errors import CollectorError
from collector.forward.forwarder import Forwarder
from collector.opencode.catch_up import CatchUp
from collector.opencode.client import EventClient
from collector.otlp.left_out import LeftOut
from collector.pipeline.events import Intake, IntakeResult, event_level
from collector.pipeline.otlp import Pipeline, Processed
from collector.pipeline.selftest import prove
from collector.pipeline.sift import Sieve
from collector.receive.answers import status_response
from collector.receive.guard import Guard, headers_of
from collector.receive.limits import Budget
from collector.receive.opencode import OpenCodeReceiver
from collector.receive.otlp import OtlpReceiver
from collector.receive.receiver import plain
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper
from collector.settings.destinations import forwarding_settings
from collector.settings.loopback import is_loopback
from collector.settings.model import Settings
from collector.settings.sources import Loaded
from collector.store.entries import Caps
from collector.store.open import open_reading, open_store
from collector.viewer.api import Live, new_api
from collector.viewer.status import Status

logger = logging.getLogger(__name__)

_REQUESTS_SECONDS = 4
_DRAIN_SECONDS = 3.0
_RESTART_SECONDS = 5.0
_POLICY_SECONDS = 60.0
_RESEAL_AT_ONCE = 16


class Collector:
    """A collector that listens on `listener`; `run` until stopped."""

    def __init__(
        self,
        loaded: Loaded,
        data_dir: DataDirectory,
        listener: socket.socket,
        enforcement: Enforcement,
        in_force: InForce,
    ) -> None:
        settings = loaded.settings
        self._settings = settings
        self._data_dir = data_dir
        self._listener = listener
        self.url = url_of(settings.host, listener)
        self._forwarding_settings = forwarding_settings(settings, loaded.origins, listener.getsockname()[1])
        self._notices = (*loaded.notices, *self._forwarding_settings.notices)
        wanted = self._forwarding_settings.destination
        destination = new_destination(wanted) if wanted else None
        caps = Caps(settings.max_queue_bytes, settings.max_queue_days * 86400, settings.max_store_bytes)
        self._store = open_store(data_dir.path, caps, {destination.name: destination.signals} if destination else {})
        self._reader = open_reading(data_dir.path)
        self._forwarder = Forwarder(self._store, destination, self._store.instance) if destination else None
        self._forward_task: asyncio.Task[None] | None = None
        self._redactions: Counter[tuple[str, str, Signal]] = Counter()
        self._enforcement = enforcement
        self._in_force = in_force
        self._policy_notice = ""
        self._sealer = in_force.sealer()
        self._turn_sealer = in_force.sealer(self._sealer.engine)
        self._pipelines: list[Pipeline] = []
        self._not_reshaped: Counter[str] = Counter()
        self._guard = Guard(
            settings.access_token.get_secret_value() if settings.access_token else None,
            settings.allowed_hosts,
            settings.allowed_origins,
            addresses=not is_loopback(settings.host),
        )
        self._join = LogJoin(time.monotonic)
        self._sieve = Sieve(self._store.inbox.knows, keep_internal=settings.keep_internal_spans)
        budget = Budget(settings.max_inflight_bytes)
        self._receiver = OtlpReceiver(
            self._new_pipeline,
            self._store,
            self._guard,
            budget,
            settings.max_body_bytes,
            self._kept,
        )
        self._assembling = Assembling(
            self._store.inbox,
            lambda request: self._turn_sealer.seal(Signal.TRACES, request),
            self._assembled,
            service=settings.service_name,
            metadata=settings.additional_metadata,
            quiet_seconds=settings.turn_quiet_seconds,
        )
        self._catch_up = CatchUp(data_dir.path, self._assembling.open_turns) if _may_catch_up(settings) else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._intake = Intake(event_level(in_force.policy), self._sealer.engine)
        self._events = OpenCodeReceiver(
            self._intake,
            self._store.instance,
            self._store.inbox,
            self._guard,
            budget,
            settings.max_body_bytes,
            self._taken,
            self._assembling.is_busy,
        )
        self._api = new_api(Live(self._reader, self.status, self._failure, self._answer_for), __version__)

    async def run(self, listening: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM; `listening` is called once connections are accepted."""
        for notice in (*self._notices, *self._in_force.notices):
            logger.warning("%s", notice)
        logger.info("%s; data in %s", self._forwarding_settings.reason, self._data_dir.path)
        server = HttpServer(
            uvicorn.Config(
                self._dispatch,
                interface="asgi3",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=_REQUESTS_SECONDS,
            )
        )
        stop_on_signals(server)
        serving = asyncio.create_task(server.serve(sockets=[self._listener]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        self._loop = asyncio.get_running_loop()
        if server.started:
            self._assembling.start()
            self._data_dir.announce(self.url)
            settle_memory()
            listening(self.url)
            if self._catch_up is not None:
                token = self._settings.access_token
                self._catch_up.start(EventClient(self.url, token.get_secret_value() if token else None, attempts=2))
        async with self._forwarding():
            await serving
            if self._catch_up is not None:
                await asyncio.to_thread(self._catch_up.stop)
            await asyncio.to_thread(self._assembling.stop)
            await self._drain()
        self._receiver.close()
        self._events.close()
        self._reader.close()
        await asyncio.to_thread(self._store.close)

    @contextlib.asynccontextmanager
    async def _forwarding(self) -> AsyncIterator[None]:
        """Forward under the policy in force, for as long as there is one that may be sent under."""
        enforcing = asyncio.create_task(self._keep_enforcing())
        try:
            yield
        finally:
            for task in (enforcing, self._forward_task):
                if task is not None:
                    await _cancelled(task)

    async def _keep_enforcing(self) -> None:
        """Seal what waits again wherever the policy has changed, then send; look for changes ever after."""
        await self._adopt()
        while True:
            await asyncio.sleep(min(self._enforcement.refresh_s or _POLICY_SECONDS, _POLICY_SECONDS))
            try:
                if await self._read_policy():
                    await self._adopt()
            except CollectorError as error:
                logger.error("the policy could not be applied: %s", error)

    async def _read_policy(self) -> bool:
        """Ask for the policy and read it again; True when another one holds. One that is wrong changes nothing."""
        now = time.time()
        await asyncio.to_thread(self._enforcement.refresh, now)
        try:
            found = await asyncio.to_thread(self._enforcement.load, now)
            changed = found.differs_from(self._in_force)
            if changed:
                await asyncio.to_thread(prove, found.sealer())
        except CollectorError as error:
            self._policy_notice = f"the policy was changed but cannot be used, what held before holds: {error}"
            return False
        self._policy_notice = ""
        self._in_force = found
        return changed

    async def _adopt(self) -> None:
        """Put the policy in force: nothing that was sealed under another leaves after this."""
        if self._forward_task is not None:
            await _cancelled(self._forward_task)
            self._forward_task = None
        sealer = self._sealer = self._in_force.sealer()
        for pipeline in self._pipelines:
            pipeline.seal_with(self._in_force.sealer(sealer.engine))
        self._turn_sealer = self._in_force.sealer(sealer.engine)
        self._intake.redact_with(event_level(self._in_force.policy), sealer.engine)
        waiting = await asyncio.wrap_future(self._store.adopt(sealer.fingerprint))
        if self._in_force.blocked:
            logger.error("nothing is sent: %s", self._in_force.blocked)
            return
        if waiting:
            logger.info("sealing %d waiting batches under policy %s", len(waiting), self._in_force.policy.name)
        for at in range(0, len(waiting), _RESEAL_AT_ONCE):
            await asyncio.wrap_future(self._store.reseal(waiting[at : at + _RESEAL_AT_ONCE], sealer.reseal))
        await asyncio.wrap_future(self._store.adopted(sealer.fingerprint))
        if self._forwarder is not None:
            self._forward_task = asyncio.create_task(self._keep_forwarding())

    def _new_pipeline(self) -> Pipeline:
        pipeline = Pipeline(
            self._in_force.sealer(self._sealer.engine),
            reshaper=_reshaper(self._settings, self._join),
            sift=self._sieve.sift,
        )
        self._pipelines.append(pipeline)
        return pipeline

    def _unsent(self) -> str:
        return f"nothing is sent: {self._in_force.blocked}" if self._in_force.blocked else ""

    async def _failure(self) -> str:
        """Why the collector is not ready: it may not send, or cannot keep."""
        return self._in_force.blocked or await self._store.failure()

    async def _keep_forwarding(self) -> None:
        assert self._forwarder is not None
        while True:
            try:
                await self._forwarder.run()
            except Exception as error:
                logger.error("forwarding stopped (%s); starting it again", type(error).__name__)
                await asyncio.sleep(_RESTART_SECONDS)

    async def _drain(self) -> None:
        """What came last gets a moment to leave; what does not is sent after the next start."""
        if self._forwarder is None or self._forward_task is None:
            return
        deadline = asyncio.get_running_loop().time() + _DRAIN_SECONDS
        while self._store.sizes["queued_bytes"] and asyncio.get_running_loop().time() < deadline:
            if any(last["failures"] for last in self._forwarder.last.values()):
                return
            await asyncio.sleep(0.02)

    async def _dispatch(self, scope: Any, receive: Any, send: Any) -> None:
        """OTLP goes straight to its receiver; the framework costs 60-150 us a request (measured)."""
        if scope["type"] != "http":
            return
        if not _is_page(scope["path"]):
            receiver = self._events if plain(scope["path"]) in self._events.paths else self._receiver
            await receiver(scope, receive, send)
            return
        try:
            self._guard.check(scope["path"], headers_of(scope))
        except CollectorError as error:
            status, body = status_response(error, "application/json")
            await send(
                {
                    "type": "http.response.start",
                    "status": status,
                    "headers": [
                        (b"content-type", b"application/json"),
                        (b"content-length", b"%d" % len(body)),
                    ],
                }
            )
            await send({"type": "http.response.body", "body": body})
            return
        await self._api(scope, receive, send)

    def _kept(self, signal: Signal, outcome: Processed) -> None:
        if outcome.batch is not None:
            for (rule, action), times in outcome.batch.actions.items():
                self._redactions[rule, action, signal] += times
            if self._forwarder is not None:
                self._forwarder.notify(signal)
        if outcome.late is not None and self._forwarder is not None:
            self._forwarder.notify(Signal.TRACES)
        for convention, count in outcome.failed.items():
            self._not_reshaped[convention] += count
            logger.warning("%d spans left as they came: reshaping them as %s failed", count, convention)

    def _taken(self, taken: IntakeResult) -> None:
        for rule, times in taken.findings.items():
            self._redactions[rule, "placeholder", Signal.TRACES] += times
        self._assembling.take(row.fact for row in taken.rows)
        if self._catch_up is not None:
            self._catch_up.told(taken.hooks)

    def _assembled(self, batch: SealedBatch) -> None:
        """Called in the assembling thread."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: it leaves after the next start
            self._loop.call_soon_threadsafe(self._kept, batch.signal, Processed(batch, LeftOut()))

    def _answer_for(self, batches: list[int]) -> str:
        if self._forwarder is None:
            return ""
        return next((answer for batch, answer in reversed(self._forwarder.answers) if batch in batches), "")

    def status(self) -> Status:
        """What this process says of itself."""
        answers: dict[str, dict[str, int]] = defaultdict(dict)
        for (path, status), count in [*self._receiver.answers.items(), *self._events.answers.items()]:
            answers[path][str(status)] = count
        destination = self._forwarding_settings.destination
        policy = self._in_force.policy
        by_rule: Counter[str] = Counter()
        for (rule, _, _), times in self._redactions.items():
            by_rule[rule] += times
        return Status(
            running=True,
            version=__version__,
            url=self.url,
            data_dir=str(self._data_dir.path),
            content=policy.mode,
            forwarding={
                "reason": self._forwarding_settings.reason,
                "endpoint": destination.urls[Signal.TRACES] if destination else "",
                "signals": list(destination.signals) if destination else [],
                "last": {str(sig): last for sig, last in self._forwarder.last.items()} if self._forwarder else {},
            },
            ledger=self._reader.ledger(),
            store=self._store.sizes,
            answers=dict(answers),
            redactions=dict(by_rule),
            redacted=[
                {"rule": rule, "action": action, "signal": str(signal), "count": times}
                for (rule, action, signal), times in sorted(self._redactions.items())
            ],
            policy={
                "name": policy.name,
                "revision": policy.revision,
                "fingerprint": policy.fingerprint(),
                "mode": policy.mode,
                "engine": getattr(self._sealer.engine, "name", "re"),
                "blocked": self._in_force.blocked,
                "sources": list(self._in_force.sources),
            },
            notices=[*self._notices, *self._in_force.notices, *filter(None, (self._policy_notice, self._unsent()))],
            not_reshaped=dict(self._not_reshaped),
            opencode={
                "accepted": self._events.counts["accepted"],
                "rejected": self._events.counts["rejected"],
                "unknown": self._store.inbox.unknown(),
                "open_turns": self._assembling.open_turns(),
                "inbox_bytes": self._store.inbox.size,
            },
        )


def serve(loaded: Loaded, listening: Callable[[str], None], enforcement: Enforcement | None = None) -> None:
    """Run a collector until it is told to stop; raises `ConfigError` before anything is listened on."""
    tune_allocator()
    settings = loaded.settings
    check_bind(settings)
    data_dir = DataDirectory(settings.data_dir.expanduser())
    data_dir.claim()
    try:
        enforcement = enforcement or Enforcement(
            PolicyRequest.from_settings(loaded, os.environ), data_dir.path, fetch=True
        )
        in_force = enforcement.load(time.time())
        prove(in_force.sealer())
        with listen(settings) as listener:
            collector = Collector(loaded, data_dir, listener, enforcement, in_force)
            run_loop(collector.run(listening))
    finally:
        data_dir.release()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _reshaper(settings: Settings, join: LogJoin) -> Reshaper:
    """One for each thread; what they remember of log records they share."""
    return Reshaper(settings.reshape_source_keys, vectors=settings.reshape_vectors, join=join)


def _may_catch_up(settings: Settings) -> bool:
    """What a plugin says of its store is believed only of processes on this machine."""
    return settings.opencode_catch_up and is_loopback(settings.host)


def _is_page(path: str) -> bool:
    return path in ("/", "/healthz", "/readyz", "/metrics") or path.startswith("/api/")
