"""Every line of the OTLP specification that concerns a receiver (specification of August 2026)."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from pathlib import Path
from typing import Any

import cramjam
import lz4.frame
import orjson
import pytest
import zstandard
from google.rpc.status_pb2 import Status
from harness.receiving import ReceiverHarness
from harness.telemetry import JSON, PROTOBUF, SPAN_ID, TRACE_ID, logs, metrics, span_ids, traces
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.otlp.write import to_json
from collector.receive.guard import Guard

SIGNALS = [
    ("/v1/traces", traces(), ExportTraceServiceResponse),
    ("/v1/logs", logs(), ExportLogsServiceResponse),
    ("/v1/metrics", metrics(), ExportMetricsServiceResponse),
]


def _spans(*spans: dict[str, object]) -> bytes:
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]})


GOOD = {"traceId": TRACE_ID, "spanId": SPAN_ID, "name": "good"}


@pytest.mark.parametrize(("path", "request_", "response"), SIGNALS)
def test_both_encodings_are_taken_on_one_port_for_every_signal(
    receiver: ReceiverHarness, path, request_, response
) -> None:
    """ "SHOULD accept protobuf and JSON on the same port, demultiplexed by Content-Type"."""
    binary = receiver.post(path, request_.SerializeToString(), PROTOBUF)
    text = receiver.post(path, to_json(request_), JSON)
    assert (binary.status_code, text.status_code) == (200, 200)
    assert (binary.headers["content-type"], text.headers["content-type"]) == (PROTOBUF, JSON)


@pytest.mark.parametrize(("path", "request_", "response"), SIGNALS)
def test_full_success_leaves_partial_success_unset(receiver: ReceiverHarness, path, request_, response) -> None:
    assert receiver.post(path, request_.SerializeToString(), PROTOBUF).content == b""
    assert receiver.post(path, to_json(request_), JSON).json() == {}


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs", "/v1/metrics"])
def test_an_empty_request_succeeds(receiver: ReceiverHarness, path: str, content_type: str) -> None:
    answer = receiver.post(path, b"{}" if content_type == JSON else b"", content_type)
    assert answer.status_code == 200


def test_an_empty_json_body_is_no_request(receiver: ReceiverHarness) -> None:
    """An empty protobuf body is a valid empty message; empty JSON text is not JSON."""
    answer = receiver.post("/v1/traces", b"", JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (400, JSON)


COMPRESSED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "zlib": zlib.compress,
    "x-gzip": gzip.compress,
    "lz4": lz4.frame.compress,
    "x-snappy-framed": lambda data: bytes(cramjam.snappy.compress(data)),
    "snappy": lambda data: bytes(cramjam.snappy.compress_raw(data)),
    "identity": lambda data: data,
}
SQUEEZING = [encoding for encoding in COMPRESSED if encoding != "identity"]


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_each_compression_is_taken(receiver: ReceiverHarness, encoding: str) -> None:
    request = traces(2)
    body = COMPRESSED[encoding](request.SerializeToString())
    assert receiver.post("/v1/traces", body, PROTOBUF, content_encoding=encoding).status_code == 200
    assert receiver.kept[0].batch is not None and receiver.kept[0].batch.items == 2


def test_deflate_without_a_zlib_header_is_taken_too(receiver: ReceiverHarness) -> None:
    """Some clients send the bare stream under that name."""
    squeeze = zlib.compressobj(wbits=-15)
    body = squeeze.compress(traces().SerializeToString()) + squeeze.flush()
    assert receiver.post("/v1/traces", body, PROTOBUF, content_encoding="deflate").status_code == 200


def test_a_chunked_body_without_content_length_is_taken(receiver: ReceiverHarness) -> None:
    """The JavaScript exporter sends no Content-Length (observed)."""
    body = traces(3).SerializeToString()

    async def chunks():
        for at in range(0, len(body), 7):
            yield body[at : at + 7]

    answer = receiver.post("/v1/traces", chunks(), PROTOBUF)
    assert answer.status_code == 200
    assert receiver.kept[0].batch is not None and receiver.kept[0].batch.items == 3


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON;charset=UTF-8"])
def test_content_type_parameters_are_ignored(receiver: ReceiverHarness, content_type: str) -> None:
    assert receiver.post("/v1/traces", _spans(GOOD), content_type).status_code == 200


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/grpc", "application/x-ndjson"])
def test_another_content_type_is_415(receiver: ReceiverHarness, content_type: str) -> None:
    answer = receiver.post("/v1/traces", b"{}", content_type)
    assert answer.status_code == 415
    assert PROTOBUF in answer.json()["message"]


def test_another_content_encoding_is_415(receiver: ReceiverHarness) -> None:
    assert receiver.post("/v1/traces", b"{}", JSON, content_encoding="br").status_code == 415
    assert receiver.post("/v1/traces", b"{}", JSON, content_encoding="gzip, gzip").status_code == 415


def test_an_unknown_path_is_404_and_names_the_known_ones(receiver: ReceiverHarness) -> None:
    answer = receiver.post("/v1development/profiles", b"{}", JSON)
    assert answer.status_code == 404
    assert "/v1/traces" in answer.json()["message"]


@pytest.mark.parametrize("path", ["//v1/traces", "/v1/traces/"])
def test_a_path_joined_by_hand_is_forgiven(receiver: ReceiverHarness, path: str) -> None:
    """`http://127.0.0.1:4318/` + `/v1/traces` is what many clients end up with."""
    assert receiver.post(path, b"{}", JSON).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_405_and_says_which_is_allowed(receiver: ReceiverHarness, method: str) -> None:
    answer = receiver.ask(method, "/v1/traces")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_errors_are_google_rpc_status_in_the_encoding_of_the_request(receiver: ReceiverHarness) -> None:
    """ "MUST be google.rpc.Status in the request's encoding"."""
    text = receiver.post("/v1/traces", b"[]", JSON)
    binary = receiver.post("/v1/traces", b"\xff\xff", PROTOBUF)
    assert (text.status_code, binary.status_code) == (400, 400)
    assert text.json() == {"code": 3, "message": "the body must be a JSON object"}
    assert Status.FromString(binary.content).message
    assert binary.headers["content-type"] == PROTOBUF


def test_a_body_over_the_limit_is_413_before_it_is_read(tmp_path: Path) -> None:
    receiver = ReceiverHarness(tmp_path, most_bytes=1000)
    answer = receiver.post("/v1/traces", b"x" * 1001, PROTOBUF)
    receiver.close()
    assert answer.status_code == 413
    assert Status.FromString(answer.content).code == 8


def test_a_chunked_body_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    receiver = ReceiverHarness(tmp_path, most_bytes=1000)
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 100
            yield b"x" * 100

    answer = receiver.post("/v1/traces", endless(), PROTOBUF)
    receiver.close()
    assert answer.status_code == 413
    assert sent < 3000


@pytest.mark.parametrize("encoding", SQUEEZING)
def test_the_limit_holds_after_decompression(tmp_path: Path, encoding: str) -> None:
    """ "MUST limit request body size, INCLUDING AFTER DECOMPRESSION"."""
    receiver = ReceiverHarness(tmp_path, most_bytes=100_000)
    bomb = COMPRESSED[encoding](bytes(2_000_000))
    assert len(bomb) < 100_000
    answer = receiver.post("/v1/traces", bomb, PROTOBUF, content_encoding=encoding)
    receiver.close()
    assert answer.status_code == 413


@pytest.mark.parametrize("encoding", SQUEEZING)
def test_damaged_or_cut_compression_is_400(receiver: ReceiverHarness, encoding: str) -> None:
    whole = COMPRESSED[encoding](traces(50).SerializeToString())
    for body in (b"not compressed at all", whole[: len(whole) // 2]):
        assert receiver.post("/v1/traces", body, PROTOBUF, content_encoding=encoding).status_code == 400


def test_snappy_with_frames_is_taken_under_either_name(receiver: ReceiverHarness) -> None:
    """The OpenTelemetry Collector itself once sent frames as "snappy"."""
    body = bytes(cramjam.snappy.compress(traces(2).SerializeToString()))
    assert receiver.post("/v1/traces", body, PROTOBUF, content_encoding="snappy").status_code == 200


def test_zeros_after_gzip_are_padding(receiver: ReceiverHarness) -> None:
    body = gzip.compress(traces(2).SerializeToString())
    assert receiver.post("/v1/traces", body + bytes(512), PROTOBUF, content_encoding="gzip").status_code == 200
    assert receiver.post("/v1/traces", body + b"\0x", PROTOBUF, content_encoding="gzip").status_code == 400


def test_decompressed_bytes_are_under_way_too(tmp_path: Path) -> None:
    """Many small bodies that hold much must not fill the memory; one alone is always taken."""
    receiver = ReceiverHarness(tmp_path, most_bytes=8 * 1024 * 1024, budget=6 * 1024 * 1024)
    body = gzip.compress(traces(1, size=5_000_000).SerializeToString())
    assert receiver.post("/v1/traces", body, PROTOBUF, content_encoding="gzip").status_code == 200
    with receiver.receiver._budget.request() as other:
        other.add(4 * 1024 * 1024)
        answer = receiver.post("/v1/traces", body, PROTOBUF, content_encoding="gzip")
    assert answer.status_code == 429
    assert receiver.receiver._budget.used == 0
    receiver.close()


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs", "/v1/metrics"])
def test_a_body_that_was_lost_on_the_way_is_never_200(receiver: ReceiverHarness, path: str) -> None:
    """An empty protobuf body is a valid request, so a server that swallows bodies would have each taken for one."""

    async def nothing() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def ask(*header: tuple[bytes, bytes]) -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"127.0.0.1"), (b"content-type", PROTOBUF.encode()), *header]
        await receiver.receiver({"type": "http", "method": "POST", "path": path, "headers": headers}, nothing, send)
        return int(sent[0]["status"])

    assert asyncio.run(ask((b"content-length", b"60"))) == 400
    assert asyncio.run(ask((b"transfer-encoding", b"chunked"))) == 400
    assert asyncio.run(ask((b"content-length", b"0"))) == 200


def test_gzip_of_several_members_is_one_body(receiver: ReceiverHarness) -> None:
    body = traces(2).SerializeToString()
    joined = gzip.compress(body[:20]) + gzip.compress(body[20:])
    assert receiver.post("/v1/traces", joined, PROTOBUF, content_encoding="gzip").status_code == 200
    endless = gzip.compress(b"") * 10_000
    assert receiver.post("/v1/traces", endless, PROTOBUF, content_encoding="gzip").status_code == 400


def test_spans_with_invalid_ids_are_left_out_and_the_rest_is_kept(receiver: ReceiverHarness) -> None:
    """ "MUST set rejected_spans; SHOULD fill error_message"."""
    bad = [
        {**GOOD, "traceId": "0" * 32},
        {**GOOD, "spanId": "0" * 16},
        {**GOOD, "traceId": TRACE_ID[:-1]},
        {**GOOD, "spanId": ""},
        {**GOOD, "parentSpanId": "abc"},
    ]
    answer = receiver.post("/v1/traces", _spans(GOOD, *bad), JSON).json()
    assert answer["partialSuccess"]["rejectedSpans"] == "5"
    assert "invalid trace or span id" in answer["partialSuccess"]["errorMessage"]
    batch = receiver.kept[0].batch
    assert batch is not None and batch.items == 1


def test_partial_success_in_protobuf(receiver: ReceiverHarness) -> None:
    request = traces(2)
    request.resource_spans[0].scope_spans[0].spans[0].span_id = bytes(8)
    answer = ExportTraceServiceResponse.FromString(
        receiver.post("/v1/traces", request.SerializeToString(), PROTOBUF).content
    )
    assert answer.partial_success.rejected_spans == 1


def test_all_spans_invalid_is_still_a_partial_success(receiver: ReceiverHarness) -> None:
    answer = receiver.post("/v1/traces", _spans({**GOOD, "traceId": "x"}), JSON)
    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"


def test_rejected_data_points_are_counted_as_points(receiver: ReceiverHarness) -> None:
    body = orjson.dumps(
        {
            "resourceMetrics": [
                {
                    "scopeMetrics": [
                        {
                            "metrics": [
                                {"name": "bad", "gauge": {"dataPoints": [{"asInt": "x"}, {"asInt": "1"}]}},
                                {"name": "good", "gauge": {"dataPoints": [{"asInt": "1"}]}},
                            ]
                        }
                    ]
                }
            ]
        }
    )
    answer = receiver.post("/v1/metrics", body, JSON).json()
    assert answer["partialSuccess"]["rejectedDataPoints"] == "2"


def test_no_answer_repeats_the_payload(receiver: ReceiverHarness) -> None:
    """ "message" gets logged by clients: it may name a place, never what stands there."""
    secret = "CANARY7"
    bodies = [
        secret.encode(),
        b'{"resourceSpans": "%s"}' % secret.encode(),
        _spans({**GOOD, "startTimeUnixNano": secret}),
        _spans({**GOOD, "attributes": [{"key": secret, "value": {"intValue": secret}}]}),
        _spans({**GOOD, "kind": secret}),
        _spans({**GOOD, "traceId": secret * 4}),
    ]
    for body in bodies:
        for content_type in (JSON, PROTOBUF):
            answer = receiver.post("/v1/traces", body, content_type)
            assert secret.encode() not in answer.content, content_type


def test_overload_is_429_with_retry_after(tmp_path: Path) -> None:
    """ "SHOULD 429 or 503, MAY add Retry-After"; only these are retried by clients."""
    receiver = ReceiverHarness(tmp_path, budget=1)
    with receiver.receiver._budget.request() as other:
        other.add(1)
        answer = receiver.post("/v1/traces", traces().SerializeToString(), PROTOBUF)
    receiver.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


def test_a_full_store_is_503_with_retry_after_and_keeps_nothing(tmp_path: Path) -> None:
    from collector.batch import Signal

    receiver = ReceiverHarness(tmp_path, queue_bytes=1024, destinations={"upstream": [Signal.TRACES]})
    first = receiver.post("/v1/traces", traces(5).SerializeToString(), PROTOBUF)
    second = receiver.post("/v1/traces", traces(1, size=2000).SerializeToString(), PROTOBUF)
    ledger = receiver.reader.ledger()
    receiver.close()
    assert (first.status_code, second.status_code) == (200, 503)
    assert int(second.headers["retry-after"]) > 0
    assert ledger["upstream"]["traces"]["received"] == 5


def test_anything_unforeseen_is_503_because_a_500_loses_the_data(
    receiver: ReceiverHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CANARY7")

    monkeypatch.setattr(receiver.exports._pipeline, "run", fail)
    answer = receiver.post("/v1/traces", b"{}", JSON)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert b"CANARY7" not in answer.content


def test_unknown_json_fields_are_ignored(receiver: ReceiverHarness) -> None:
    """ "unknown fields MUST be ignored"."""
    body = orjson.dumps({"future": 1, "resourceSpans": [{"scopeSpans": [{"spans": [{**GOOD, "future": {"a": []}}]}]}]})
    assert receiver.post("/v1/traces", body, JSON).json() == {}
    assert receiver.kept[0].batch is not None


def test_another_signal_on_this_path_is_named(receiver: ReceiverHarness) -> None:
    """Its fields would be "unknown" and all of it silently lost."""
    answer = receiver.post("/v1/traces", to_json(logs()), JSON)
    assert answer.status_code == 400
    assert "/v1/logs" in answer.json()["message"]


def test_telemetry_that_was_here_before_is_refused(receiver: ReceiverHarness) -> None:
    """A loop through other collectors would multiply for ever."""
    headers = {"x-opencode-collector-hops": f"abc,{receiver.store.instance}"}
    answer = receiver.ask("POST", "/v1/traces", b"{}", content_type=JSON, **headers)
    assert answer.status_code == 400
    assert (
        receiver.ask("POST", "/v1/traces", b"{}", content_type=JSON, x_opencode_collector_hops="abc").status_code == 200
    )


def test_a_200_means_that_the_batch_is_on_disk(receiver: ReceiverHarness) -> None:
    request = traces(3)
    receiver.post("/v1/traces", request.SerializeToString(), PROTOBUF)
    assert sorted(span.span_id for span in receiver.reader.spans()) == sorted(span_ids(request))


def test_empty_envelopes_are_not_kept(receiver: ReceiverHarness) -> None:
    body = b'{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"scope":{"name":"x"},"spans":[]}]}]}'
    assert receiver.post("/v1/traces", body, JSON).status_code == 200
    assert receiver.reader.last_batch() == 0


def test_browser_preflight_is_answered_for_listed_origins_only(tmp_path: Path) -> None:
    receiver = ReceiverHarness(tmp_path, guard=Guard({"access": "secret-token"}, origins=["https://app.example"]))
    headers = {"access-control-request-method": "POST"}
    listed = receiver.ask("OPTIONS", "/v1/traces", origin="https://app.example", **headers)
    foreign = receiver.ask("OPTIONS", "/v1/traces", origin="https://evil.example", **headers)
    receiver.close()
    assert (listed.status_code, listed.headers["access-control-allow-origin"]) == (204, "https://app.example")
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
