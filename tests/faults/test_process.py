"""A real collector that is killed, stopped, started twice, or started wrongly."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness.process import Process, ask, assert_balanced, run, running
from harness.telemetry import span_ids, traces
from harness.upstream import OK, Received, upstream, wait_for


def test_a_batch_answered_with_200_survives_kill_9(tmp_path: Path) -> None:
    """200 means kept: committed and synced before the answer."""
    hanging = threading.Event()

    def answer(_: Received):  # type: ignore[no-untyped-def]
        hanging.wait(20)
        return 503, {}, b""

    request = traces(7)
    with upstream(answer) as never, running(tmp_path, "--upstream", never.url) as proxy:
        assert proxy.post("/v1/traces", request.SerializeToString())[0] == 200
        proxy.kill()
        hanging.set()
    with upstream(port=never.port) as up, running(tmp_path, "--upstream", up.url) as proxy:
        up.wait(lambda u: len(u.spans()) >= 7)
        assert sorted(s.span_id.hex() for s in up.spans()) == sorted(span_ids(request))
        assert_balanced(proxy.account())


def test_killed_again_and_again_under_load_it_loses_no_answered_batch(tmp_path: Path) -> None:
    answered: list[str] = []
    with upstream() as up:
        for _ in range(4):
            with running(tmp_path, "--upstream", up.url) as proxy:
                until = time.monotonic() + 0.5
                while time.monotonic() < until:
                    request = traces(3)
                    if proxy.post("/v1/traces", request.SerializeToString())[0] == 200:
                        answered += span_ids(request)
                proxy.kill()
        with running(tmp_path, "--upstream", up.url) as proxy:
            wait_for(lambda: proxy.account()["queued"] == 0)
            arrived = {span.span_id.hex() for span in up.spans()}
            assert set(answered) <= arrived
            assert_balanced(proxy.account())


def test_it_stops_in_time_with_a_hanging_upstream_and_a_request_in_flight(tmp_path: Path) -> None:
    release = threading.Event()

    def hang(_: Received):  # type: ignore[no-untyped-def]
        release.wait(30)
        return OK

    with upstream(hang) as up, running(tmp_path, "--upstream", up.url) as proxy:
        proxy.post("/v1/traces", traces(5).SerializeToString())
        up_port = int(proxy.url.rsplit(":", 1)[1])
        half = socket.create_connection(("127.0.0.1", up_port))
        half.sendall(b"POST /v1/traces HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\nhalf a body")
        time.sleep(0.3)
        code, seconds = proxy.stop(15)
        half.close()
        release.set()
        assert code == 0
        assert seconds < 10
    with running(tmp_path) as proxy:
        assert proxy.account(destination=f"127.0.0.1:{up.port}")["queued"] == 5


def test_what_came_last_leaves_before_the_stop(tmp_path: Path) -> None:
    """A CI job stops the collector right after its last span."""
    with upstream() as up, running(tmp_path, "--upstream", up.url) as proxy:
        for _ in range(10):
            proxy.post("/v1/traces", traces(2).SerializeToString())
        proxy.stop()
        assert len(up.spans()) == 20


def test_local_only_keeps_and_shows_what_arrived(tmp_path: Path) -> None:
    request = traces(3, session="ses_local")
    with running(tmp_path) as proxy:
        proxy.post("/v1/traces", request.SerializeToString())
        assert [session["session_id"] for session in proxy.get("/api/sessions")] == ["ses_local"]
        assert len(proxy.get("/api/spans?session=ses_local")) == 3
        assert proxy.account(destination="local")["delivered"] == 3
        trace_id, span_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex(), span_ids(request)[0]
        document = proxy.get(f"/api/spans/{trace_id}/{span_id}")
        assert document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["spanId"] == span_id


def _refusal(directory: Path, *arguments: str, **extra: str) -> str:
    result = run(directory, "serve", *arguments, **extra)
    assert result.returncode == 2, (result.returncode, result.stderr)
    lines = result.stderr.decode().strip().splitlines()
    assert len(lines) == 1, lines
    assert result.stdout == b""
    return lines[0]


def test_a_taken_port_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = _refusal(tmp_path, "--port", str(taken.getsockname()[1]))
    assert "is taken" in line and "--port" in line


def test_a_taken_port_of_grpc_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = _refusal(tmp_path, "--port", "0", COLLECTOR_GRPC_PORT=str(taken.getsockname()[1]))
    assert "is taken" in line and "COLLECTOR_GRPC_PORT" in line


def test_a_wrong_setting_is_one_line_and_exit_2(tmp_path: Path) -> None:
    assert "COLLECTOR_PROT" in _refusal(tmp_path, COLLECTOR_PROT="1")
    assert "CATALYST_REDACT_CONTENT" in _refusal(tmp_path, CATALYST_REDACT_CONTENT="perhaps")


@pytest.mark.skipif(sys.platform == "win32", reason="directory modes are POSIX's")
def test_an_unwritable_data_directory_is_one_line_and_exit_2(tmp_path: Path) -> None:
    """Root may write to any directory, but not make one in /proc."""
    directory = Path("/proc/collector") if os.getuid() == 0 else tmp_path / "data"
    if os.getuid() != 0:
        directory.mkdir(mode=0o500)
    assert "cannot be written" in _refusal(tmp_path, "--port", "0", "--data-dir", str(directory))


def test_a_data_directory_that_is_a_file_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    assert "is a file: name a directory" in _refusal(tmp_path, "--port", "0")


def test_an_upstream_that_is_ourselves_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    assert "own address" in _refusal(tmp_path, "--port", port, "--upstream", f"http://localhost:{port}")


def test_listening_beyond_loopback_needs_a_token(tmp_path: Path) -> None:
    assert "COLLECTOR_ACCESS_TOKEN" in _refusal(tmp_path, "--host", "0.0.0.0", "--port", "0")


def test_two_collectors_do_not_share_a_data_directory(tmp_path: Path) -> None:
    with running(tmp_path):
        assert "another collector" in _refusal(tmp_path, "--port", "0")


def test_a_data_directory_is_free_again_after_kill_9(tmp_path: Path) -> None:
    with running(tmp_path) as proxy:
        proxy.kill()
    with running(tmp_path) as proxy:
        proxy.get("/healthz")


def test_with_a_token_a_public_bind_works_and_asks_for_it(tmp_path: Path) -> None:
    with running(tmp_path, "--host", "0.0.0.0", COLLECTOR_ACCESS_TOKEN="tok-1") as proxy:
        assert urlsplit(proxy.url).hostname == "127.0.0.1"  # 0.0.0.0 is no address to send to
        body = traces().SerializeToString()
        assert proxy.post("/v1/traces", body)[0] == 401
        assert proxy.post("/v1/traces", body, authorization="Bearer tok-1")[0] == 200
        assert proxy.get("/healthz")["status"] == "ok"
        assert proxy.get("/api/status", x_collector_token="tok-1")["running"]


def test_health_and_readiness_and_metrics_answer(tmp_path: Path) -> None:
    with running(tmp_path) as proxy:
        proxy.post("/v1/traces", traces(2).SerializeToString())
        assert proxy.get("/readyz")["status"] == "ready"
        status, headers, body = ask(proxy.url + "/metrics", None, {})
        assert status == 200 and headers["content-type"].startswith("text/plain")
        assert b'collector_items_total{destination="local",outcome="kept",reason="",signal="traces"} 2.0' in body
        assert b"delivered" not in body  # nothing is forwarded
        assert ask(proxy.url + "/", None, {})[0] == 401
        assert ask(proxy.url + "/", None, {"x-collector-token": proxy.read_token})[0] == 200
        assert ask(proxy.url + "/api/nothing", None, {})[0] == 404


@pytest.mark.skipif(sys.platform == "win32", reason="a process there is ended, not asked")
def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    """The first waits for a request that never ends, which is told to come back; what was answered is kept."""
    with running(tmp_path) as proxy:
        assert proxy.post("/v1/traces", traces(3).SerializeToString())[0] == 200
        parts = urlsplit(proxy.url)
        with socket.create_connection((parts.hostname, parts.port)) as hanging:
            hanging.sendall(
                b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
                b"Content-Length: 9\r\n\r\n1"
            )
            wait_for(lambda: proxy.get("/healthz")["status"] == "ok")
            os.kill(proxy.pid, signal.SIGTERM)
            wait_for(lambda: not _listens(proxy))
            os.kill(proxy.pid, signal.SIGTERM)
            assert proxy.stop()[0] == 0
            assert hanging.recv(100).startswith(b"HTTP/1.1 503 ")
        assert "graceful shutdown exceeded" not in proxy.log.read_text()
    with running(tmp_path) as proxy:
        assert proxy.account()["received"] == 3


def _listens(process: Process) -> bool:
    parts = urlsplit(process.url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_stopped_collector_tells_clients_to_come_back(tmp_path: Path) -> None:
    """Requests that arrive while it stops are answered 503 or not at all; never with a loss."""
    proxy = Process(tmp_path)
    outcomes: list[object] = []

    def send() -> None:
        for _ in range(200):
            try:
                outcomes.append(proxy.post("/v1/traces", traces(1).SerializeToString())[0])
            except OSError:
                outcomes.append("refused")
                return

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(0.2)
    proxy.stop()
    sender.join()
    assert set(outcomes) <= {200, 503, "refused"}
    kept = outcomes.count(200)
    with running(tmp_path) as again:
        assert again.account()["received"] >= kept
