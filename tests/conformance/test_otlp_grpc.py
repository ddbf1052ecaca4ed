"""Every line of the OTLP specification that concerns a receiver of OTLP/gRPC, against a real process."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2 as details
from harness.credentials import GITHUB, assert_no_secret
from harness.grpc_client import EMPTY, LOGS, METRICS, REQUESTS, TRACES, Answer, GrpcClient
from harness.process import Process, assert_balanced, run, running
from harness.telemetry import PROTOBUF, span_ids, traces
from harness.upstream import wait_for
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

pytestmark = pytest.mark.slow  # starts processes

TOKEN = "a-token-" + "for-tests"
MOST = 200_000
SETTINGS = {"COLLECTOR_GRPC_PORT": "0", "COLLECTOR_MAX_BODY_BYTES": str(MOST)}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(tmp_path_factory.mktemp("grpc"), COLLECTOR_ACCESS_TOKEN=TOKEN, **SETTINGS) as process:
        yield process


@pytest.fixture(scope="module")
def client(collector: Process) -> Iterator[GrpcClient]:
    with GrpcClient(collector.grpc) as found:
        yield found


def received(collector: Process, signal: str) -> int:
    """Of all that came in; 0 while nothing has."""
    return sum(
        account.get(signal, {"received": 0})["received"] for account in collector.get("/api/status")["ledger"].values()
    )


def send(client: GrpcClient, method: str, body: bytes) -> Answer:
    return client.call(method, body, authorization=f"Bearer {TOKEN}")


@pytest.mark.parametrize(("signal", "method", "request_"), REQUESTS)
def test_full_success_is_an_empty_response_and_kept(collector: Process, client, signal, method, request_) -> None:
    """ "MUST leave partial_success unset": of three signals the response is then no bytes at all."""
    before = received(collector, signal)
    answer = send(client, method, request_.SerializeToString())
    assert (answer.code, answer.body) == ("OK", b"")
    assert received(collector, signal) > before
    assert_balanced(collector.account(signal))


@pytest.mark.parametrize(("method", "request_"), EMPTY)
def test_an_empty_request_succeeds(client: GrpcClient, method: str, request_) -> None:
    assert send(client, method, request_.SerializeToString()) == Answer("OK")


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_gzip_and_deflate_are_taken(collector: Process, compression: grpc.Compression) -> None:
    """ "MUST support compression none and gzip"."""
    request = traces(3, size=2000)
    with GrpcClient(collector.grpc, compression=compression) as squeezing:
        assert send(squeezing, TRACES, request.SerializeToString()).code == "OK"
    kept = {span["span_id"] for span in collector.get("/api/spans?limit=500")}
    assert set(span_ids(request)) <= kept


def test_what_is_left_out_is_a_partial_success(client: GrpcClient) -> None:
    """ "MUST set rejected_spans; SHOULD fill error_message"."""
    request = traces(2)
    request.resource_spans[0].scope_spans[0].spans[0].span_id = bytes(8)
    answer = send(client, TRACES, request.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.code, partial.rejected_spans) == ("OK", 1)
    assert "invalid trace or span id" in partial.error_message


def test_invalid_utf8_costs_no_batch_as_over_http(client: GrpcClient) -> None:
    """gRPC's own reader refuses all of it; the pipeline's mends the string."""
    body = traces(1).SerializeToString()
    name = traces(1).resource_spans[0].scope_spans[0].spans[0].name.encode()
    broken = body.replace(name, b"\xff" * len(name))
    assert broken != body
    assert send(client, TRACES, broken).code == "OK"


@pytest.mark.parametrize(
    "body",
    [b"\xff\xff\xff", b'{"resourceSpans":[]}', gzip.compress(bytes(900))[:20]],
    ids=["noise", "JSON", "cut gzip"],
)
def test_undecodable_is_invalid_argument_with_bad_request(client: GrpcClient, body: bytes) -> None:
    """ "Status.details SHOULD hold BadRequest"; it is not retried."""
    answer = send(client, TRACES, body)
    assert answer.code == "INVALID_ARGUMENT"
    assert answer.retry_seconds is None
    assert answer.status.details[0].Unpack(details.BadRequest())


def test_a_call_without_a_message_is_invalid_argument(client: GrpcClient) -> None:
    assert client.stream(TRACES, [], authorization=f"Bearer {TOKEN}").code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("squeeze", [bytes, gzip.compress, zlib.compress])
def test_too_large_is_resource_exhausted_and_not_retried(client: GrpcClient, squeeze) -> None:
    """ "MUST limit request body size, INCLUDING AFTER DECOMPRESSION"; retryable only with RetryInfo."""
    answer = send(client, TRACES, squeeze(bytes(MOST * 20)))
    assert (answer.code, answer.retry_seconds) == ("RESOURCE_EXHAUSTED", None)


def test_a_message_just_under_the_limit_is_taken(client: GrpcClient) -> None:
    assert send(client, TRACES, traces(1, size=MOST - 2000).SerializeToString()).code == "OK"


def test_another_method_is_unimplemented(client: GrpcClient) -> None:
    answer = send(client, "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export", b"")
    assert answer.code == "UNIMPLEMENTED"


@pytest.mark.parametrize("metadata", [{}, {"authorization": "Bearer wrong"}, {"x_collector_token": "wrong"}])
@pytest.mark.parametrize("method", [TRACES, LOGS, METRICS])
def test_without_the_token_it_is_unauthenticated(client: GrpcClient, method: str, metadata: dict[str, str]) -> None:
    answer = client.call(method, traces(1).SerializeToString(), **metadata)
    assert (answer.code, answer.retry_seconds) == ("UNAUTHENTICATED", None)


def test_who_may_not_send_is_answered_before_the_message_is_read(client: GrpcClient) -> None:
    """It is larger than the limit, and not even that is found out."""
    assert client.call(TRACES, bytes(MOST * 20)).code == "UNAUTHENTICATED"


def test_the_token_may_stand_in_a_header_of_its_own(client: GrpcClient) -> None:
    assert client.call(TRACES, traces(1).SerializeToString(), x_collector_token=TOKEN).code == "OK"


def test_a_web_page_is_refused(client: GrpcClient) -> None:
    answer = client.call(TRACES, b"", authorization=f"Bearer {TOKEN}", origin="https://evil.example")
    assert answer.code == "PERMISSION_DENIED"


def test_telemetry_that_came_through_too_many_collectors_is_refused(client: GrpcClient) -> None:
    hops = ",".join(f"hop{index}" for index in range(8))
    metadata = {"authorization": f"Bearer {TOKEN}", "x_opencode_collector_hops": hops}
    assert client.call(TRACES, traces(1).SerializeToString(), **metadata).code == "INVALID_ARGUMENT"


def test_no_answer_and_no_log_repeats_the_payload(collector: Process, client: GrpcClient) -> None:
    request = traces(1)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.name, span.trace_id = GITHUB, GITHUB.encode()
    for body in (request.SerializeToString(), GITHUB.encode(), gzip.compress(GITHUB.encode())):
        answer = send(client, TRACES, body)
        assert_no_secret(answer.said.encode() + answer.body + answer.status.SerializeToString(), "the answer")
    assert_no_secret(collector.log.read_bytes(), "the log")
    assert_no_secret(collector.files(), "the disk")


def test_status_and_doctor_say_where_it_is_taken(collector: Process) -> None:
    assert collector.get("/api/status")["grpc"] == collector.grpc
    names = {"COLLECTOR_PORT": collector.url.rpartition(":")[2], "COLLECTOR_ACCESS_TOKEN": TOKEN}
    for command in ("status", "doctor"):
        assert collector.grpc in run(collector.directory, command, **names).stdout.decode()


def test_status_counts_answers_by_method_and_code(collector: Process, client: GrpcClient) -> None:
    assert send(client, LOGS, b"").code == "OK"
    assert client.call(LOGS, b"").code == "UNAUTHENTICATED"
    answers = collector.get("/api/status")["answers"][LOGS]
    assert answers["OK"] >= 1
    assert answers["UNAUTHENTICATED"] >= 1


def test_too_much_under_way_is_resource_exhausted_with_retry_info(tmp_path: Path) -> None:
    """A request over HTTP holds the memory they share: "RESOURCE_EXHAUSTED only with RetryInfo" is retried."""
    limits = {"COLLECTOR_MAX_INFLIGHT_BYTES": "200000", "COLLECTOR_GRPC_PORT": "0"}
    body = traces(1, size=50_000).SerializeToString()
    with running(tmp_path, **limits) as collector, GrpcClient(collector.grpc) as client:
        place = ("127.0.0.1", int(collector.url.rpartition(":")[2]))
        head = (
            f"POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 200000\r\n\r\n"
        )
        deadline = time.monotonic() + 60
        answer = Answer("OK")
        with socket.create_connection(place) as holding:
            holding.sendall(head.encode() + bytes(190_000))
            while answer.code == "OK" and time.monotonic() < deadline:
                time.sleep(0.2)  # a call that comes before those bytes would have them refused instead
                answer = client.call(TRACES, body)
        assert (answer.code, answer.retry_seconds) == ("RESOURCE_EXHAUSTED", 1)
        wait_for(lambda: client.call(TRACES, body).code == "OK", 60)


def test_a_full_store_is_unavailable_with_retry_info_and_keeps_nothing(tmp_path: Path) -> None:
    limits = {"COLLECTOR_MAX_QUEUE_BYTES": "1024", "COLLECTOR_GRPC_PORT": "0"}
    upstream = "http://127.0.0.1:9"  # nothing listens there
    with running(tmp_path, "--upstream", upstream, **limits) as collector, GrpcClient(collector.grpc) as client:
        first = client.call(TRACES, traces(5).SerializeToString())
        second = client.call(TRACES, traces(1, size=2000).SerializeToString())
        assert (first.code, second.code) == ("OK", "UNAVAILABLE")
        assert second.retry_seconds is not None and second.retry_seconds > 0
        assert collector.account()["received"] == 5
