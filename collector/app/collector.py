"""The collector as a process: what is made of the settings, in which order it starts, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from collector import __version__
from collector.app.access import new_guard, own_client
from collector.app.assembling import Assembling
from collector.app.data_dir import INSTALL_TOKEN, INSTANCE_KEY, DataDirectory, secret
from collector.app.health import HealthAnswers
from collector.app.http_protocol import ConnectionLimit
from collector.app.memory import settle_memory
from collector.app.page import masked_by, new_viewer, test_traces
from collector.app.parts import exports_of, new_forwarders, new_forwarding_task, open_store_of
from collector.app.policy_switch import PolicySwitch, Sealers
from collector.app.reload import Reload
from collector.app.routes import Routes
from collector.app.serving import (
    HttpServer,
    new_server,
    reload_on_signal,
    stop_on_signals,
    url_of,
)
from collector.app.status import StatusSources, Tallies, status_of
from collector.app.teams import team_rows
from collector.app.workers import Workers
from collector.batch import SealedBatch, Signal
from collector.enforce.explain import reason_of
from collector.enforce.in_force import Enforcement, InForce
from collector.errors import ConfigError
from collector.opencode.catch_up import CatchUp
from collector.opencode.connection import proof_of
from collector.otlp.left_out import LeftOut
from collector.pipeline.events import Intake, IntakeResult
from collector.pipeline.otlp import Processed
from collector.receive.limits import Budget
from collector.receive.opencode import OpenCodeReceiver
from collector.receive.otlp import OtlpReceiver
from collector.receive.receiver import Admission
from collector.settings.forwarding import ForwardingSettings, forwarding_settings
from collector.settings.loopback import is_loopback
from collector.settings.model import Settings
from collector.settings.sources import Loaded
from collector.settings.tls import server_tls
from collector.viewer.live import Changes, Live, QueueControl

logger = logging.getLogger(__name__)


class Collector:
    """A collector that listens on `listener`; `run` until stopped."""

    def __init__(
        self,
        loaded: Loaded,
        data_dir: DataDirectory,
        listener: socket.socket,
        enforcement: Enforcement,
        in_force: InForce,
        reread: Callable[[], Loaded] | None = None,
    ) -> None:
        settings = self._settings = loaded.settings
        self._data_dir = data_dir
        self._listener = listener
        self.url = url_of(settings, listener)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: HttpServer | None = None
        self._tallies = Tallies()
        self._tls = server_tls(settings)
        self._limit = ConnectionLimit(settings.max_connections)
        wanted = forwarding_settings(settings, loaded.origins, listener.getsockname()[1])
        store = self._store = open_store_of(settings, data_dir, wanted)
        self._reader = store.open_reading()
        sealers = Sealers(in_force)
        self._forwarding = new_forwarding_task(store, wanted, sealers)
        self._policy = PolicySwitch(enforcement, sealers, store, self._forwarding)
        self._assembling = Assembling(
            store.inbox,
            lambda request, passages: sealers().seal(Signal.TRACES, request, passages),
            sealers.again,
            self._assembled,
            service=settings.service_name,
            metadata=settings.additional_metadata,
            quiet_seconds=settings.turn_quiet_seconds,
            changed=self._changed_elsewhere,
        )
        self._catch_up = CatchUp(data_dir.path, self._assembling.open_turns) if _may_catch_up(settings) else None
        guard = new_guard(settings, data_dir.path)
        self._reload = Reload(
            loaded,
            reread or (lambda: loaded),
            guard=guard,
            enforcement=enforcement,
            policy=self._policy,
            send_to=self._send_to,
        )
        admission = self._admission = Admission(
            store.instance, guard, Budget(settings.max_inflight_bytes), most_bytes=settings.max_body_bytes
        )
        configured = [each.name for each in wanted.destinations]
        self._workers = Workers(settings.workers)
        self._exports = exports_of(settings, sealers, store, configured, self._kept, self._workers)
        otlp = OtlpReceiver(admission, self._exports)
        sealing = self._workers.under(sealers)
        self._events = OpenCodeReceiver(
            admission,
            Intake(sealers, settings.service_name),
            store.inbox,
            self._taken,
            install_token=secret(data_dir.path, INSTALL_TOKEN),
            waiting_bytes=self._assembling.waiting_bytes,
            turns_ahead=self._assembling.turns_ahead,
            elsewhere=partial(sealing.read_events, settings.service_name) if sealing is not None else None,
        )
        self._status = StatusSources(
            url=self.url,
            data_dir=str(data_dir.path),
            notices=(*loaded.notices, *wanted.notices),
            settings=wanted,
            sealers=sealers,
            policy=self._policy,
            store=store,
            reader=self._reader,
            forwarding=self._forwarding,
            receivers=(otlp, self._events),
            events=self._events,
            open_turns=self._assembling.open_turns,
            copied=self._assembling.copied,
            told_by_npm=self._assembling.told_by_npm,
            tallies=self._tallies,
            connections=self._limit,
            reload=self._reload,
            teams=team_rows(settings, self._exports),
            workers=self._workers,
        )
        self._changes = Changes()
        live = self._new_live(settings, sealers)
        control = QueueControl(store, [each.name for each in wanted.destinations], self._forwarding.wake)
        viewer = partial(new_viewer, live, control)
        self._routes = Routes((otlp, self._events), HealthAnswers(live, __version__), viewer, guard)

    def _new_live(self, settings: Settings, sealers: Sealers) -> Live:
        """What the page and the commands ask of a running collector."""
        return Live(
            reader=self._reader,
            status=lambda: status_of(self._status),
            failure=self._failure,
            answer_for=self._forwarding.answer_for,
            mask=masked_by(sealers),
            policy_rows=lambda: sealers.in_force.rows,
            reason_of=lambda rule: reason_of(rule, sealers.in_force),
            test_trace=test_traces(settings),
            proof=partial(proof_of, secret(self._data_dir.path, INSTANCE_KEY)),
            changes=self._changes,
            store_notices=lambda: self._store.notices,
        )

    async def run(self, listening: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM; `listening` is called once connections are accepted.

        Start: accept connections, assemble, forward. Stop, within ten seconds: take no more, end what tells of more
        to come, let what was kept leave, close the store.
        """
        for notice in (*self._status.notices, *self._status.sealers.in_force.notices):
            logger.warning("%s", notice)
        logger.info("%s; data in %s", self._status.settings.reason, self._data_dir.path)
        self._loop = asyncio.get_running_loop()
        server = self._server = new_server(self._routes, self._limit, self._tls)
        await self._start_workers()
        server.beside = await self._serve_grpc()
        stop_on_signals(server)
        serving = asyncio.create_task(server.serve(sockets=[self._listener]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        if server.started:
            self._store.follow(self._others_put)
            self._assembling.start()
            self._data_dir.announce(self.url)
            settle_memory()
            listening(self.url)
            if self._catch_up is not None:
                self._catch_up.start(own_client(self.url, self._settings, self._data_dir.path))
        reload_on_signal(self._reload.ask)
        watching = [asyncio.create_task(watch) for watch in (self._policy.keep_in_force(), self._reload.watch())]
        try:
            await serving
            await self._finish(at_once=server.force_exit)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            await self._forwarding.pause()
        await self._close()

    def stop(self) -> None:
        """Ask it to stop, from any thread; `run` returns when it has."""
        if self._server is not None:
            self._server.finish()

    async def _start_workers(self) -> None:
        try:
            await self._workers.start()
        except ConfigError:
            await self._close()
            raise

    async def _serve_grpc(self) -> Callable[[float], Awaitable[None]] | None:
        """Take OTLP/gRPC too where a port is set for it; answers how to stop that."""
        if self._settings.grpc_port is None:
            return None
        from collector.app.grpc_serving import new_grpc_server

        try:
            server = await new_grpc_server(self._settings, self._admission, self._exports)
        except ConfigError:
            await self._close()
            raise
        logger.info("OTLP/gRPC is taken at %s", server.address)
        self._status = replace(self._status, grpc=server.address, receivers=(*self._status.receivers, server.receiver))
        return server.stop

    async def _finish(self, *, at_once: bool) -> None:
        """No request comes any more: bring to an end what was taken, unless that may not take a moment."""
        if self._catch_up is not None:
            await asyncio.to_thread(self._catch_up.stop)
        await asyncio.to_thread(self._assembling.stop)
        if not at_once:
            await self._forwarding.drain()

    async def _close(self) -> None:
        for exports in self._exports.values():
            exports.close()
        self._events.close()
        await self._workers.close()
        self._reader.close()
        await asyncio.to_thread(self._store.close)

    async def _send_to(self, loaded: Loaded) -> str:
        """Send to where new settings say; answers what of them needs a restart."""
        wanted = forwarding_settings(loaded.settings, loaded.origins, self._listener.getsockname()[1])
        if _lanes(wanted) != _lanes(self._status.settings):
            return " (which destinations there are, and the signals they take)"
        await self._forwarding.replace(new_forwarders(self._store, wanted, self._status.sealers))
        self._status = replace(self._status, settings=wanted)
        return ""

    async def _failure(self) -> str:
        """Why the collector is not ready: it may not send, or cannot keep."""
        return self._status.sealers.in_force.blocked or await self._store.failure()

    def _kept(self, signal: Signal, processed: Processed) -> None:
        """A request is on disk."""
        self._tallies.add_request(signal, processed)
        self._changes.tell()
        if processed.batch is not None:
            self._forwarding.notify(signal)
        if processed.late is not None or processed.held is not None or processed.completed:
            self._forwarding.notify(Signal.TRACES)
        for convention, count in processed.failed.items():
            logger.warning("%d spans left as they came: reshaping them as %s failed", count, convention)

    def _taken(self, result: IntakeResult) -> None:
        """Events are on disk."""
        self._tallies.add_events(result)
        self._changes.tell()
        self._assembling.take(result.rows, can_wait=result.can_wait)
        if self._catch_up is not None:
            self._catch_up.told(result.hooks)

    def _others_put(self) -> None:
        """Another collector of the same store put something, or gave it back; called in a thread of the store."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._look_again)

    def _look_again(self) -> None:
        self._changes.tell()
        self._forwarding.wake()

    def _changed_elsewhere(self) -> None:
        """Other turns are open than before; called in the assembling thread."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._changes.tell)

    def _assembled(self, batch: SealedBatch) -> None:
        """Assembled spans are on disk; called in the assembling thread."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: it leaves after the next start
            self._loop.call_soon_threadsafe(self._kept, batch.signal, Processed(batch, LeftOut()))


def _lanes(forwarding: ForwardingSettings) -> dict[str, tuple[Signal, ...]]:
    return {each.name: each.signals for each in forwarding.destinations}


def _may_catch_up(settings: Settings) -> bool:
    """What a plugin says of its store is believed only of processes on this machine."""
    return settings.opencode_catch_up and is_loopback(settings.host)
