"""OTLP/HTTP: `/v1/traces`, `/v1/logs`, `/v1/metrics` (the hot path)."""

from __future__ import annotations

from collections.abc import Mapping

from collector.batch import Signal
from collector.errors import UnsupportedMedia
from collector.otlp.read import JSON, PROTOBUF
from collector.receive.answers import export_response
from collector.receive.exports import Exports
from collector.receive.guard import Headers
from collector.receive.receiver import Admission, AsgiReceive, Receiver, hops_of

_PATHS = {signal.path: signal for signal in Signal}


class OtlpReceiver(Receiver):
    """Takes export requests in both encodings; `exports` are by the team whose token came, "" for none."""

    paths = _PATHS.keys()

    def __init__(self, admission: Admission, exports: Mapping[str, Exports]) -> None:
        super().__init__(admission)
        self._exports = exports

    def admit(self, path: str, content_type: str, team: str) -> None:
        if content_type not in (JSON, PROTOBUF):
            kind = "OTLP/gRPC has a port of its own" if "grpc" in content_type else "no such content-type"
            raise UnsupportedMedia(f"{kind}: send {PROTOBUF} or {JSON}")
        self._exports[team].quota.admit()

    async def take(self, path: str, headers: Headers, content_type: str, team: str, receive: AsgiReceive) -> bytes:
        signal = _PATHS[path]
        encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        hops = ",".join(hops_of(headers))
        with self._budget.request() as reservation:
            left_out = await self._exports[team].take(
                signal, await self.read(headers, receive, reservation), encoding, content_type, hops, reservation
            )
        return export_response(signal, left_out, content_type)
