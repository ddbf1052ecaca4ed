"""What a process needs to serve: its socket, its event loop, its signals, its memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn

from collector.app.http_protocol import ConnectionLimit, HttpProtocol
from collector.errors import ConfigError
from collector.opencode.connection import ask
from collector.settings.loopback import is_loopback
from collector.settings.model import Settings

logger = logging.getLogger(__name__)

_REQUESTS_SECONDS = 4
_ASK_SECONDS = 1.0


def run_loop(main: Any) -> None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        asyncio.run(main)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)


def check_bind(settings: Settings) -> None:
    """Raise `ConfigError` where everyone on the network could send, or the host is no address."""
    try:
        socket.getaddrinfo(settings.host, None)
    except (OSError, UnicodeError):
        raise _no_address(settings.host) from None
    if is_loopback(settings.host) or settings.access_token is not None or settings.access_tokens:
        return
    if not settings.bind_without_token:
        raise ConfigError(
            f"listening on {settings.host} opens the collector to other machines: set COLLECTOR_ACCESS_TOKEN first"
        )
    logger.warning(
        "LISTENING ON %s WITHOUT AN ACCESS TOKEN: anyone who reaches this port can send and read telemetry;"
        " publish it on loopback only",
        settings.host,
    )


def check_reading(settings: Settings) -> None:
    if settings.read_without_token:
        logger.warning(
            "READING TAKES NO TOKEN (COLLECTOR_READ_WITHOUT_TOKEN): every user of this machine, and whoever else"
            " reaches the port, can read what is kept"
        )


@contextlib.contextmanager
def listen(settings: Settings) -> Iterator[socket.socket]:
    """The socket of HTTP; raises `ConfigError` where a port that is set cannot be listened on."""
    with _bound(settings.host, settings.port, "--port") as listener:
        if settings.grpc_port is not None:
            with _bound(settings.host, settings.grpc_port, "COLLECTOR_GRPC_PORT"):
                pass  # gRPC's library binds it itself, and cannot say why it could not
        listener.listen(1024)
        listener.setblocking(False)
        yield listener


def _no_address(host: str) -> ConfigError:
    return ConfigError(f"--host {host}: not an address of this machine")


@contextlib.contextmanager
def _bound(host: str, port: int, setting: str) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":  # there it would let two collectors share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except socket.gaierror:
        raise _no_address(host) from None
    except OSError as error:
        listener.close()
        if error.errno in (98, 48, 10048):
            raise ConfigError(
                f"port {port} on {host} is taken{_by_whom(host, port)}, or choose another with {setting}"
            ) from None
        raise ConfigError(f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}") from None
    with listener:
        yield listener


def _by_whom(host: str, port: int) -> str:
    """Who has a port, as far as it says, and what to do; a collector of this data directory is refused before."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    url = f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"
    try:
        said = json.loads(ask(url, "GET", "/healthz", seconds=_ASK_SECONDS).body)
        if said["service"] != "opencode-collector":
            raise ValueError
        version = str(said["version"])[:40]
    except (OSError, ValueError, LookupError, TypeError):
        return ": stop what uses it"
    directory = "another data directory"
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # it tells no stranger, unless it is set to
        directory = str(json.loads(ask(url, "GET", "/api/status", seconds=_ASK_SECONDS).body)["data_dir"])
    return f" by a collector that runs already (version {version}, of {directory}): send to that one, stop it"


def url_of(settings: Settings, listener: socket.socket) -> str:
    """An address that a client on this machine can use: 0.0.0.0 and :: mean every address, and are none."""
    scheme = "https" if settings.tls_certificate is not None else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
    return f"{scheme}://{host}:{listener.getsockname()[1]}"


class HttpServer(uvicorn.Server):
    """uvicorn, without its own signal handlers: it would raise the signal again after a clean stop.

    `beside` stops what listens on another port, in the same time. It stops when `finish` is called, and waits for that
    alone: uvicorn itself looks ten times a second, which is most of what an idle collector did.
    """

    beside: Callable[[float], Awaitable[None]] | None = None

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._finishing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def finish(self) -> None:
        """Stop taking connections and finish what is under way; from any thread, and from a signal's handler."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped already
                self._loop.call_soon_threadsafe(self._finishing.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._finishing.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        beside = [self.beside(0 if self.force_exit else _REQUESTS_SECONDS)] if self.beside is not None else []
        await asyncio.gather(super().shutdown(sockets), *beside)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def new_server(application: Any, limit: ConnectionLimit, tls: ssl.SSLContext | None = None) -> HttpServer:
    """A server for an ASGI application, not yet started."""
    config = uvicorn.Config(
        application,
        http=type("LimitedProtocol", (HttpProtocol,), {"limit": limit}),
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_REQUESTS_SECONDS,
    )
    config.load()
    config.ssl = tls
    return HttpServer(config)


def reload_on_signal(again: Callable[[], None]) -> None:
    """Call `again` at SIGHUP, where there is such a signal."""
    if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, again)


def stop_on_signals(server: HttpServer) -> None:
    """Stop at SIGINT or SIGTERM, at the second one at once; only a process's main thread hears signals."""
    if threading.current_thread() is not threading.main_thread():
        return

    def stop(*_: Any) -> None:
        if server.should_exit:
            server.force_exit = True
        server.finish()

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            asyncio.get_running_loop().add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, stop)
