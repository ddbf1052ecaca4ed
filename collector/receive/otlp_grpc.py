"""OTLP/gRPC: the `Export` method of each signal, in front of the same pipeline as OTLP/HTTP.

A call is read as a stream that must hold one message, because its headers are then seen before the message is read:
who may not send costs no memory. The message is taken as bytes, compressed as it came: the pipeline's reader forgives
more than gRPC's own, and gRPC would undo compression without a bound.

The Host of a request is not looked at: gRPC's library does not tell it, and no web page can speak gRPC.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status

from collector.batch import Signal
from collector.errors import BadRequest, Busy, CollectorError, NotNow, Unavailable
from collector.otlp.read import PROTOBUF
from collector.receive.answers import code_of, export_response
from collector.receive.audit import note_refusal
from collector.receive.exports import Exports
from collector.receive.guard import Access, Headers
from collector.receive.limits import Reservation
from collector.receive.receiver import Admission, hops_of

logger = logging.getLogger(__name__)

METHODS = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": Signal.TRACES,
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": Signal.LOGS,
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": Signal.METRICS,
}

_MESSAGE_SECONDS = 60.0
_MOST_READING = 64
_MOST_CALLS = 4096
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_LOCAL = {b"host": b"localhost"}


class GrpcReceiver(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio has no types
    """Answers the calls of a `grpc.aio` server; `answers` counts them by method and name of the status code.

    At most 64 messages are read at once, and at most 4,096 calls wait for that; of a waiting call gRPC holds back all
    but the first 64 KiB or so. `exports` are by the team whose token came, "" for none.
    """

    def __init__(self, admission: Admission, exports: Mapping[str, Exports]) -> None:
        self._admission = admission
        self._exports = exports
        self._turns = asyncio.Semaphore(_MOST_READING)
        self._calls = 0
        self.answers: Counter[tuple[str, str]] = Counter()

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a call; None, which gRPC answers with UNIMPLEMENTED, for another method."""
        method = handler_call_details.method
        if method not in METHODS:
            return None

        async def export(_: Any, context: Any) -> bytes:
            return await self._answer(method, context)

        return grpc.stream_unary_rpc_method_handler(export)

    async def _answer(self, method: str, context: Any) -> bytes:
        headers, team = _headers_of(context), ""
        try:
            team = self._admission.guard.check({**headers, **_LOCAL}, Access.SEND)
            answer = await self._take(METHODS[method], headers, team, context)
        except CollectorError as error:
            failure = error
            if isinstance(error, NotNow):
                self._admission.refusals.refused(error)
        except asyncio.CancelledError:  # the client gave up, or the process ends: nobody hears an answer
            self.answers[method, grpc.StatusCode.CANCELLED.name] += 1
            raise
        except Exception as error:
            # Its text may quote the payload, so only its kind is said.
            logger.error("a call could not be handled: %s", type(error).__name__)
            failure = Unavailable("the call could not be handled now")
        else:
            self._admission.refusals.taken()
            self.answers[method, grpc.StatusCode.OK.name] += 1
            return answer
        code = _CODES[code_of(failure)]
        self.answers[method, code.name] += 1
        note_refusal(method, _peer_of(context), team, failure)
        trailers = (("grpc-status-details-bin", status_of(failure).SerializeToString()),)
        await context.abort(code, str(failure), trailers)
        raise AssertionError  # abort always raises

    async def _take(self, signal: Signal, headers: Headers, team: str, context: Any) -> bytes:
        self._admission.check_hops(headers)
        exports = self._exports[team]
        exports.quota.admit()
        with self._admission.budget.request() as reservation:
            left_out = await exports.take(
                signal, *await self._read(context, reservation), PROTOBUF, ",".join(hops_of(headers)), reservation
            )
        return export_response(signal, left_out, PROTOBUF)

    async def _read(self, context: Any, reservation: Reservation) -> tuple[bytes, str]:
        """The message, and how it is compressed."""
        if self._calls >= _MOST_CALLS:
            raise Busy("too many calls are under way at once", retry_after=1)
        self._calls += 1
        try:
            async with asyncio.timeout(_MESSAGE_SECONDS):
                await self._turns.acquire()
            message = await self._message(context)
        except TimeoutError:
            raise Unavailable(f"the message did not arrive within {_MESSAGE_SECONDS:.0f} s", retry_after=1) from None
        finally:
            self._calls -= 1
        reservation.add(len(message))
        return message, _encoding_of(message)

    async def _message(self, context: Any) -> bytes:
        """Reading is never cancelled, since gRPC's library may still write where it read to; it ends with the call."""
        reading = asyncio.ensure_future(context.read())
        reading.add_done_callback(self._read_ended)
        done, _ = await asyncio.wait({reading}, timeout=_MESSAGE_SECONDS)
        if not done:
            raise TimeoutError
        message = reading.result()
        if message is grpc.aio.EOF:
            raise BadRequest("the call holds no message")
        return bytes(message)

    def _read_ended(self, reading: asyncio.Future[Any]) -> None:
        self._turns.release()
        if not reading.cancelled():
            reading.exception()  # it is looked at here, so that asyncio need not say that nobody did


def status_of(error: CollectorError) -> Status:
    """What a client is told beside the code: when to try again, or that it need not (specification, "Failures")."""
    status = Status(code=code_of(error), message=str(error))
    if isinstance(error, NotNow):
        again = details.RetryInfo(retry_delay=Duration(seconds=error.retry_after))
        status.details.append(_packed(again))
    elif isinstance(error, BadRequest):
        violation = details.BadRequest.FieldViolation(field="request", description=str(error))
        status.details.append(_packed(details.BadRequest(field_violations=[violation])))
    return status


def _packed(detail: Any) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed


def _encoding_of(message: bytes) -> str:
    """gRPC's own compressions by their first bytes: as a message they would be a field that OTLP does not have.

    gzip's are a wire type that protobuf does not have; zlib's are field 15, with a checksum over both.
    """
    if message.startswith(b"\x1f\x8b"):
        return "gzip"
    if message.startswith(b"\x78") and len(message) > 1 and int.from_bytes(message[:2], "big") % 31 == 0:
        return "deflate"
    return ""


def _peer_of(context: Any) -> str:
    """The address that a call comes from: gRPC writes `ipv4:127.0.0.1:4317` and `ipv6:%5B::1%5D:4317`."""
    kind, _, place = str(context.peer()).partition(":")
    return unquote(place.rpartition(":")[0]).strip("[]") if kind in ("ipv4", "ipv6") else kind


def _headers_of(context: Any) -> Headers:
    """The metadata of a call, by lower-case name."""
    return {
        name.encode(): value if isinstance(value, bytes) else value.encode()
        for name, value in context.invocation_metadata() or ()
    }
