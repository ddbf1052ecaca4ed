"""Fifty ways content gets past a redactor, each tried on a running collector and looked for everywhere it could be.

The numbers are those of the list in the developer's page. Looked for: in the bytes that leave, in what is on
disk, in the log, in the metrics, in the status and in every answer.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from google.protobuf.message import Message
from harness.process import TREE_AND_START
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.write import to_document

PROTOBUF, JSON = "application/x-protobuf", "application/json"


class Canary:
    """A secret that was never issued, another for each use; assembled here so that no file holds one."""

    used = 0

    @classmethod
    def new(cls) -> str:
        cls.used += 1
        return "gh" + "p_" + f"{cls.used:04d}" + "Zq8Lw3Rt6Yp1Xc9Vb4Nm7Kj2Hg5Fd0Sa"


class Upstream:
    """Takes what leaves, and answers as it is told."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[str] = []
        self.answer = (200, b"{}")
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers["content-encoding"] == "gzip":
                    body = gzip.decompress(body)
                upstream.bodies.append(body)
                upstream.headers.append(str(self.headers))
                status, answer = upstream.answer
                self.send_response(status)
                self.send_header("content-type", JSON)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


class Running:
    """A collector as users run it, and everything it lets out."""

    def __init__(self, directory: Path, *arguments: str, **environ: str) -> None:
        self.upstream = Upstream()
        self.data = directory / "data"
        self.log = directory / "log"
        names = {name: value for name, value in os.environ.items() if not name.startswith(("COLLECTOR_", "OPENINF"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "collector", "serve", "--port", "0", "--data-dir", str(self.data),
             "--upstream", self.upstream.url, *arguments],
            stdout=subprocess.PIPE, stderr=self.log.open("wb"), text=True, cwd=directory,
            env={**names, "PYTHONPATH": TREE_AND_START, "CATALYST_DEBUG": "true", **environ},
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), self.log.read_text()
        self.url = urlsplit(line.split()[-1])
        self.answers: list[bytes] = []

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "GET":
            sent["x-collector-token"] = (self.data / "read-token").read_text()
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        self.answers += [answer, str(response.headers).encode()]
        return response.status, answer

    def send(self, request: Message, *, also_json: bool = True) -> None:
        path = {ExportTraceServiceRequest: "traces", ExportLogsServiceRequest: "logs"}.get(type(request), "metrics")  # type: ignore[call-overload]
        data = request.SerializeToString()
        assert self.ask("POST", f"/v1/{path}", data, content_type=PROTOBUF)[0] == 200
        packed = gzip.compress(data)
        assert self.ask("POST", f"/v1/{path}", packed, content_type=PROTOBUF, content_encoding="gzip")[0] == 200
        if also_json:
            document = json.dumps(to_document(request)).encode()
            assert self.ask("POST", f"/v1/{path}", document, content_type=JSON)[0] == 200

    def wait(self) -> None:
        """Until nothing waits any more."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            ledger = json.loads(self.ask("GET", "/api/status")[1])
            if not any(account["queued"] for signals in ledger["ledger"].values() for account in signals.values()):
                return
            time.sleep(0.05)
        raise AssertionError("telemetry is still queued")

    def everything(self) -> bytes:
        """All that is outside the process: sent, answered, logged, on disk and on its pages."""
        for page in ("/metrics", "/api/status", "/api/spans", "/api/traces", "/api/sessions", "/api/tail?after=0"):
            self.ask("GET", page)
        files = [path.read_bytes() for path in self.data.rglob("*") if path.is_file()]
        return b"\n".join(
            [
                *self.upstream.bodies,
                *map(str.encode, self.upstream.headers),
                *self.answers,
                self.log.read_bytes(),
                *files,
            ]
        )

    def holds(self, *needles: str) -> list[str]:
        everything = self.everything()
        return [needle for needle in needles if needle.encode() in everything]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    found = Running(tmp_path_factory.mktemp("running"))
    yield found
    found.process.terminate()
    found.process.wait(20)
    found.upstream.server.shutdown()


def trace() -> tuple[ExportTraceServiceRequest, Any]:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    return request, scope.spans.add(name="x", trace_id=os.urandom(16), span_id=os.urandom(8))


def with_value(text: str, key: str = "note") -> ExportTraceServiceRequest:
    request, span = trace()
    span.attributes.add(key=key).value.string_value = text
    return request


def gone(running: Running, *needles: str) -> None:
    running.wait()
    assert running.holds(*needles) == []


def test_01_02_03_names_trace_states_and_status_messages(running: Running) -> None:
    request, span = trace()
    canaries = [Canary.new() for _ in range(3)]
    span.name, span.trace_state, span.status.message = f"run {canaries[0]}", f"v={canaries[1]}", f"no: {canaries[2]}"
    running.send(request)
    gone(running, *canaries)


def test_04_28_29_attribute_values_of_every_type_and_shape(running: Running) -> None:
    request, span = trace()
    canaries = [Canary.new() for _ in range(8)]
    span.attributes.add(key="s").value.string_value = canaries[0]
    span.attributes.add(key="b").value.bytes_value = canaries[1].encode()
    span.attributes.add(key="a").value.array_value.values.add().string_value = canaries[2]
    outer = span.attributes.add(key="k").value.kvlist_value.values.add(key="in").value.array_value.values.add()
    outer.kvlist_value.values.add(key="deep").value.string_value = canaries[3]
    for char in canaries[4]:
        span.attributes.add(key="chars").value.array_value.values.add().string_value = char
    chars = span.attributes.add(key="chars").value.array_value.values
    for char in canaries[5]:
        chars.add().string_value = char
    numbers = span.attributes.add(key="numbers").value.array_value.values
    for byte in canaries[6].encode():
        numbers.add().int_value = byte
    halves = span.attributes.add(key="halves").value.array_value.values
    halves.add().string_value, halves.add().string_value = canaries[7][:20], canaries[7][20:]
    running.send(request)
    gone(running, *canaries, canaries[7][:20], canaries[7][20:])
    left = b"".join(running.upstream.bodies)
    assert b"".join(b'{"stringValue":"%s"},' % bytes([char]) for char in canaries[5][:10].encode()) not in left
    assert b",".join(b'{"intValue":"%d"}' % char for char in canaries[6][:10].encode()) not in left


def test_05_06_attribute_keys_and_repeated_keys(running: Running) -> None:
    request, span = trace()
    canaries = [Canary.new() for _ in range(4)]
    span.attributes.add(key=f"env.{canaries[0]}").value.bool_value = True
    span.attributes.add(key="m").value.kvlist_value.values.add(key=canaries[1]).value.int_value = 1
    span.attributes.add(key="twice").value.string_value = canaries[2]
    span.attributes.add(key="twice").value.string_value = canaries[3]
    running.send(request)
    gone(running, *canaries)


def test_07_08_events_and_links(running: Running) -> None:
    request, span = trace()
    canaries = [Canary.new() for _ in range(5)]
    event = span.events.add(name=f"said {canaries[0]}")
    event.attributes.add(key="exception.message").value.string_value = canaries[1]
    event.attributes.add(key="exception.stacktrace").value.string_value = f"at x\n  {canaries[2]}"
    link = span.links.add(trace_id=os.urandom(16), span_id=os.urandom(8), trace_state=f"v={canaries[3]}")
    link.attributes.add(key="a").value.string_value = canaries[4]
    running.send(request)
    gone(running, *canaries)


def test_09_10_11_resources_scopes_and_schema_urls(running: Running) -> None:
    request, _ = trace()
    canaries = [Canary.new() for _ in range(10)]
    holder, scope = request.resource_spans[0], request.resource_spans[0].scope_spans[0]
    holder.resource.attributes.add(key="process.command_line").value.string_value = f"x --key {canaries[0]}"
    holder.resource.attributes.add(key="service.name").value.string_value = canaries[1]
    holder.resource.entity_refs.add(type=canaries[2], schema_url=canaries[3], id_keys=[canaries[4]],
                                    description_keys=[canaries[5]])  # fmt: skip
    holder.schema_url, scope.schema_url = f"https://x/{canaries[6]}", f"https://x/{canaries[7]}"
    scope.scope.name, scope.scope.version = canaries[8], canaries[9]
    running.send(request)
    gone(running, *canaries)


def test_12_log_records(running: Running) -> None:
    request = ExportLogsServiceRequest()
    canaries = [Canary.new() for _ in range(6)]
    records = request.resource_logs.add().scope_logs.add().log_records
    records.add(severity_text=canaries[0], event_name=canaries[1]).body.string_value = canaries[2]
    records.add().body.kvlist_value.values.add(key="a").value.string_value = canaries[3]
    records.add().body.bytes_value = canaries[4].encode()
    records.add().attributes.add(key="a").value.string_value = canaries[5]
    running.send(request)
    gone(running, *canaries)


def test_13_metrics_and_exemplars(running: Running) -> None:
    request = ExportMetricsServiceRequest()
    canaries = [Canary.new() for _ in range(6)]
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name, metric.description, metric.unit = canaries[0], canaries[1], canaries[2]
    metric.metadata.add(key="a").value.string_value = canaries[3]
    point = metric.gauge.data_points.add(as_int=1)
    point.attributes.add(key="a").value.string_value = canaries[4]
    point.exemplars.add(as_int=1).filtered_attributes.add(key="a").value.string_value = canaries[5]
    running.send(request)
    gone(running, *canaries)


@pytest.mark.parametrize("path", ["/v1development/profiles", "/v1/profiles", "/v1/anything", "/"])
def test_14_signals_that_are_not_known_are_refused(running: Running, path: str) -> None:
    """A profile has a string table that nothing here reads: it must not be proxied."""
    canary = Canary.new()
    status, _ = running.ask("POST", path, canary.encode(), content_type=PROTOBUF)
    assert status in (401, 404, 405)
    gone(running, canary)


def test_15_ids_hold_no_text(running: Running) -> None:
    request, span = trace()
    canaries = [Canary.new() for _ in range(3)]
    span.trace_id = canaries[0].encode() * 10
    other = request.resource_spans[0].scope_spans[0].spans.add(name="y", trace_id=os.urandom(16), span_id=os.urandom(8))
    other.links.add(trace_id=canaries[1].encode(), span_id=os.urandom(8))
    third = request.resource_spans[0].scope_spans[0].spans.add(name="z", trace_id=os.urandom(16), span_id=os.urandom(8))
    third.parent_span_id = canaries[2].encode()
    running.send(request, also_json=False)
    gone(running, *canaries, *(canary.encode().hex() for canary in canaries))


def test_16_numbers_stay_but_card_numbers_are_read_as_text(running: Running) -> None:
    """A number cannot hold other text; one of a card's length and check digit is masked where the rules say card."""
    request, span = trace()
    span.attributes.add(key="n").value.int_value = 12345678901
    running.send(request)
    running.wait()
    assert b'"intValue":"12345678901"' in b"".join(running.upstream.bodies)


def test_17_nothing_of_a_request_but_its_telemetry_is_passed_on(running: Running) -> None:
    canaries = [Canary.new() for _ in range(4)]
    body = with_value("x").SerializeToString()
    status, _ = running.ask(
        "POST", f"/v1/traces?key={canaries[0]}", body, content_type=PROTOBUF, authorization=f"Bearer {canaries[1]}",
        x_api_key=canaries[2], user_agent=canaries[3],
    )  # fmt: skip
    assert status == 200
    gone(running, *canaries)


def test_18_what_an_upstream_answers_is_not_repeated(running: Running) -> None:
    """It may echo what it was sent."""
    canaries = [Canary.new() for _ in range(2)]
    running.upstream.answer = (400, json.dumps({"message": f"bad value {canaries[0]}"}).encode())
    try:
        running.send(with_value("refused"), also_json=False)
        running.wait()
        running.upstream.answer = (
            200, json.dumps({"partialSuccess": {"rejectedSpans": "1", "errorMessage": canaries[1]}}).encode()
        )  # fmt: skip
        running.send(with_value("partly refused"), also_json=False)
        running.wait()
    finally:
        running.upstream.answer = (200, b"{}")
    gone(running, *canaries)


def test_19_fields_that_are_not_known_do_not_survive(running: Running) -> None:
    """Protobuf keeps them through decoding and encoding; in JSON their names are unknown keys."""
    canaries = [Canary.new() for _ in range(6)]
    unknown = [b"\xfa\x7f" + bytes([len(canary)]) + canary.encode() for canary in canaries]  # field 2047
    request, span = trace()
    span.attributes.add(key="a").value.string_value = "b"
    for number, message in enumerate(
        [request, request.resource_spans[0], request.resource_spans[0].scope_spans[0], span, span.attributes[0]]
    ):
        message.MergeFromString(unknown[number])
    running.send(request, also_json=False)
    document = to_document(request)
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["comment"] = canaries[5]
    running.ask("POST", "/v1/traces", json.dumps(document).encode(), content_type=JSON)
    gone(running, *canaries)


def test_20_repeated_fields_and_odd_orders_are_read_as_protobuf_does_and_written_anew(running: Running) -> None:
    canaries = [Canary.new() for _ in range(2)]
    first = b"\x0a" + bytes([len(canaries[0])]) + canaries[0].encode()
    value = first + b"\x0a\x02ok"  # the same oneof twice: the last wins, the first must be gone
    pair = b"\x0a\x01k\x12" + bytes([len(value)]) + value
    request, span = trace()
    span.MergeFromString(b"\x4a" + bytes([len(pair)]) + pair)
    again = with_value(canaries[1]).SerializeToString()
    running.ask("POST", "/v1/traces", request.SerializeToString() + again, content_type=PROTOBUF)
    group = b"\x0b\x0a" + bytes([len(canaries[0])]) + canaries[0].encode() + b"\x0c"  # a group, field 1
    running.ask("POST", "/v1/traces", again + group, content_type=PROTOBUF)
    gone(running, *canaries)


def test_21_invalid_unicode_hides_nothing(running: Running) -> None:
    canaries = [Canary.new() for _ in range(5)]
    for bad in (b"\xff\xfe", b"\xc1\xa7"):  # no UTF-8, and an overlong form
        broken = with_value("@@" + canaries[0]).SerializeToString().replace(b"@@", bad)
        running.ask("POST", "/v1/traces", broken, content_type=PROTOBUF)
    document = json.dumps(to_document(with_value("HERE")))
    for text in (f"\\ud800{canaries[0]}", f"\\u202e{canaries[1]}\\u0000", f"\\ufeff{canaries[2]}"):
        running.ask("POST", "/v1/traces", document.replace("HERE", text).encode(), content_type=JSON)
    split = canaries[3][:2] + "\u200b" + canaries[3][2:]
    running.send(with_value(split))
    wide = canaries[4] + "\u0301"
    running.send(with_value(wide))
    gone(running, *canaries, canaries[3][6:])


@pytest.mark.parametrize("depth", [40, 200, 5000])
def test_22_nesting_has_an_end(running: Running, depth: int) -> None:
    """Below it stands a placeholder, or the request is refused; never the value as it is."""
    canary = Canary.new()
    value: Any = '{"stringValue": "%s"}' % canary  # noqa: UP031 - braces
    for _ in range(depth):
        value = '{"arrayValue": {"values": [' + value + "]}}"
    document = json.dumps(to_document(with_value("HERE"))).replace('{"stringValue": "HERE"}', value)
    status, _ = running.ask("POST", "/v1/traces", document.encode(), content_type=JSON)
    assert status in (200, 400)
    gone(running, canary)


WRAPPED = {
    "json": lambda text: json.dumps({"a": json.dumps({"b": json.dumps([text])})}),
    "unicode escapes": lambda text: json.dumps("".join(f"\\u{ord(char):04x}" for char in text[:4]) + text[4:]),
    "base64": lambda text: base64.b64encode(f"token={text}".encode()).decode(),
    "base64 shifted": lambda text: base64.b64encode(f"x token={text}".encode()).decode(),
    "base64 wrapped": lambda text: base64.encodebytes(f"a file with some text and {text} inside it".encode()).decode(),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(f"token={text}".encode())).decode(),
    "percent": lambda text: quote(f"https://h/?token={text}", safe=""),
    "percent all": lambda text: "".join(f"%{ord(char):02x}" for char in text),
    "data uri": lambda text: "data:text/plain;base64," + base64.b64encode(f"key {text}\n".encode()).decode(),
    "python bytes": lambda text: repr(f"token {text}\n".encode()),
    "shell": lambda text: f"export T={text[:15]}\\\n{text[15:]}",
    "gutters": lambda text: f"00001| a = 1\n00002| T={text}\n+ T={text}\n> T={text}",
    "ansi": lambda text: f"\x1b[32m{text}\x1b[0m and {text[:6]}\x1b[1m{text[6:]}",
    "crlf": lambda text: f"a\r\n{text}\r\n\tb",
    "markdown": lambda text: f"> `{text}`",
}


@pytest.mark.parametrize("how", WRAPPED)
def test_23_24_25_encodings(running: Running, how: str) -> None:
    canary = Canary.new()
    wrapped = WRAPPED[how](canary)
    running.send(with_value(wrapped))
    gone(running, canary, wrapped, json.dumps(wrapped)[1:-1])


def test_26_long_values_are_read_as_a_whole(running: Running) -> None:
    """A secret on the seam of two chunks is in neither. (Parts of one array are read together: 28.)"""
    canaries = [Canary.new() for _ in range(4)]
    for at, canary in zip((65536, 131072, 262144, 1_000_000), canaries, strict=True):
        running.send(with_value("word " * ((at - 15) // 5) + canary + " tail" * 10), also_json=False)
    gone(running, *canaries)


def test_36_49_the_queue_on_disk_holds_only_what_was_redacted(running: Running) -> None:
    """While a destination is down everything waits on disk, and no other file is written."""
    canary = Canary.new()
    running.upstream.answer = (503, b"")
    running.send(with_value(f"waits: {canary}"), also_json=False)
    found = running.holds(canary)
    running.upstream.answer = (200, b"{}")
    assert found == []
    assert b"waits: [REDACTED:github-token]" in b"".join(path.read_bytes() for path in running.data.glob("*.db*"))
    assert {path.name.partition(".")[0] for path in running.data.rglob("*") if path.is_file()} <= {
        "collector", "lock", "running", "reserve", "instance-key", "install-token", "read-token"
    }  # fmt: skip


def test_44_bombs_are_refused(running: Running) -> None:
    """Cut while they are read, and refused as a whole: never kept unread."""
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    assert running.ask("POST", "/v1/traces", bomb, content_type=PROTOBUF, content_encoding="gzip")[0] == 413
    twice = gzip.compress(bomb)
    assert running.ask("POST", "/v1/traces", twice, content_type=PROTOBUF, content_encoding="gzip, gzip")[0] == 415


@pytest.mark.parametrize(
    "body",
    [
        "{{CANARY}",
        '{"resourceSpans": "CANARY"}',
        '{"resourceSpans": [{"CANARY": 1}]}',
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"CANARY"}]}]}]}',
    ],
)
def test_46_errors_do_not_quote(running: Running, body: str) -> None:
    canary = Canary.new()
    running.ask("POST", "/v1/traces", body.replace("CANARY", canary).encode(), content_type=JSON)
    running.ask("POST", "/v1/traces", canary.encode(), content_type=PROTOBUF)
    running.ask("POST", f"/v1/{canary}", b"", content_type=JSON)
    running.ask("POST", "/v1/traces", b"{}", content_type=f"text/{canary}")
    running.ask("GET", f"/api/traces?limit={canary}")
    gone(running, canary)


def test_48_metric_labels_are_our_own_words(running: Running) -> None:
    """Keys and names of clients as labels would leak, and grow without end."""
    request, span = trace()
    span.attributes.add(key="zebra.crossing").value.string_value = Canary.new()
    span.attributes.add(key="redaction.rule.zebra").value.int_value = 3
    running.send(request)
    running.wait()
    text = running.ask("GET", "/metrics")[1].decode()
    assert "zebra" not in text
    assert 'collector_redactions_total{action="placeholder",rule="github-token",signal="traces"}' in text
    assert 'collector_redactions_total{action="drop",rule="forged-report",signal="traces"}' in text
