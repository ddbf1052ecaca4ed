"""A gRPC client for tests: calls as bytes, so that what no SDK would send can be sent too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from harness.telemetry import logs, metrics, traces

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"

REQUESTS: list[tuple[str, str, Message]] = [
    ("traces", TRACES, traces(2)),
    ("logs", LOGS, logs()),
    ("metrics", METRICS, metrics()),
]
EMPTY = [
    (TRACES, ExportTraceServiceRequest()),
    (LOGS, ExportLogsServiceRequest()),
    (METRICS, ExportMetricsServiceRequest()),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended: the name of its status code, what it said, the message of an OK, what was told beside it."""

    code: str
    said: str = ""
    body: bytes = b""
    status: Status = field(default_factory=Status)

    @property
    def retry_seconds(self) -> int | None:
        """What RetryInfo says; None where there is none."""
        for detail in self.status.details:
            info = details.RetryInfo()
            if detail.Unpack(info):
                return int(info.retry_delay.seconds)
        return None


class GrpcClient:
    """One connection to `address`."""

    def __init__(
        self,
        address: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        compression: grpc.Compression = grpc.Compression.NoCompression,
        **options: int | str,
    ) -> None:
        given = [(f"grpc.{name}", value) for name, value in options.items()]
        given += [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options=given, compression=compression)
        else:
            self._channel = grpc.secure_channel(address, credentials, options=given, compression=compression)

    def __enter__(self) -> GrpcClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def call(self, method: str, body: bytes, seconds: float = 60, **metadata: str) -> Answer:
        return self.stream(method, [body], seconds, **metadata)

    def stream(self, method: str, messages: Iterable[bytes], seconds: float = 60, **metadata: str) -> Answer:
        """A call of any number of messages; names in `metadata` may use _ for -."""
        sent = [(name.replace("_", "-"), value) for name, value in metadata.items()]
        try:
            body = self._channel.stream_unary(method)(iter(messages), timeout=seconds, metadata=sent)
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
            return Answer(error.code().name, error.details() or "", status=status)
        return Answer("OK", body=body)
