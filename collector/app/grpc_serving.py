"""OTLP/gRPC's port: grpcio's server beside the HTTP one. Imported only where the port is set: it takes 12 MB."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its library writes to stderr itself, and not as our log does
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # programs are started, and nothing else forks

import grpc

from collector.errors import ConfigError
from collector.receive.exports import Exports
from collector.receive.otlp_grpc import GrpcReceiver
from collector.receive.receiver import Admission
from collector.settings.model import Settings

_HANDSHAKE_MS = 15_000
_IDLE_MS = 10 * 60_000


class GrpcServer:
    """Listens as the settings say; made and used on the event loop. `address` is where, once it has started."""

    def __init__(self, settings: Settings, receiver: GrpcReceiver) -> None:
        self._settings = settings
        self.receiver = receiver
        self.address = ""
        self._server = grpc.aio.server(options=_options(settings))
        self._server.add_generic_rpc_handlers((receiver,))

    async def start(self) -> None:
        """Raises `ConfigError` where the port cannot be listened on."""
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        credentials = _credentials(settings)
        try:
            if credentials is None:
                port = self._server.add_insecure_port(f"{host}:{settings.grpc_port}")
            else:
                port = self._server.add_secure_port(f"{host}:{settings.grpc_port}", credentials)
        except RuntimeError:  # its text holds no more than that
            raise ConfigError(f"cannot listen on {host}:{settings.grpc_port} (COLLECTOR_GRPC_PORT)") from None
        await self._server.start()
        self.address = f"{host}:{port}"

    async def stop(self, seconds: float) -> None:
        """Take no more calls; those under way get `seconds`, then their clients are told to send again."""
        await self._server.stop(seconds)


async def new_grpc_server(settings: Settings, admission: Admission, exports: Mapping[str, Exports]) -> GrpcServer:
    """A server that takes calls; raises `ConfigError` where the port cannot be listened on."""
    server = GrpcServer(settings, GrpcReceiver(admission, exports))
    await server.start()
    return server


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),  # two collectors would share a port
        ("grpc.per_message_decompression", 0),  # it knows no bound; `receive.decompress` does
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
        ("grpc.max_connection_idle_ms", _IDLE_MS),
    ]


def _credentials(settings: Settings) -> Any:
    """The same certificates as HTTP's; `server_tls` has proved that they can be used."""
    if settings.tls_certificate is None:
        return None
    certificate = settings.tls_certificate.read_bytes()
    key = settings.tls_key.read_bytes() if settings.tls_key is not None else certificate
    authority = _read(settings.tls_client_ca)
    return grpc.ssl_server_credentials(((key, certificate),), authority, require_client_auth=authority is not None)


def _read(file: Path | None) -> bytes | None:
    return file.read_bytes() if file is not None else None
