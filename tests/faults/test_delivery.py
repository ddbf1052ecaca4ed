"""A real collector against a destination that misbehaves: nothing is lost, nothing is sent that must not be."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from harness.credentials import PLANTED, assert_no_secret
from harness.process import assert_balanced, running
from harness.telemetry import JSON, PROTOBUF, logs, metrics, span_ids, traces
from harness.upstream import OK, Received, requires, upstream, wait_for

from collector.otlp.write import to_json

TOKEN = "tok-" + "upstream-1"


def _sent(up) -> list[str]:  # type: ignore[no-untyped-def]
    return sorted(span.span_id.hex() for span in up.spans())


def test_spans_arrive_once_with_the_token_as_json(tmp_path: Path) -> None:
    """What Catalyst takes, from a client that sends protobuf."""
    request = traces(20)
    with upstream(requires(TOKEN)) as up, running(tmp_path, "--upstream", up.url, CATALYST_OTLP_TOKEN=TOKEN) as proxy:
        assert proxy.post("/v1/traces", request.SerializeToString())[0] == 200
        up.wait(lambda u: len(u.spans()) == 20)
        assert _sent(up) == sorted(span_ids(request))
        assert up.received[0].headers["content-encoding"] == "gzip"
        wait_for(lambda: proxy.account()["delivered"] == 20)


def test_nothing_of_the_clients_request_but_its_telemetry_is_passed_on(tmp_path: Path) -> None:
    """Headers are built from configuration alone."""
    with upstream() as up, running(tmp_path, "--upstream", up.url) as proxy:
        proxy.post(
            "/v1/traces?key=CANARY1",
            traces().SerializeToString(),
            authorization="Bearer CANARY2",
            x_api_key="CANARY3",
            user_agent="CANARY4",
            cookie="a=CANARY5",
            traceparent="CANARY6",
        )
        up.wait(lambda u: len(u.spans()) == 1)
        assert "CANARY" not in f"{up.received[0].path} {up.received[0].headers}"
        assert "authorization" not in up.received[0].headers


def test_credentials_leave_neither_to_the_destination_nor_to_disk_nor_to_the_log(tmp_path: Path) -> None:
    text = " ".join(PLANTED.values())
    request = traces(1, {"input.value": text, text: "as a key"})
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.name = f"bash: echo {PLANTED['github']}"
    span.status.message = text
    span.events.add(name="exception").attributes.add(key="exception.message").value.string_value = text
    with upstream() as up, running(tmp_path, "--upstream", up.url, CATALYST_DEBUG="true") as proxy:
        for body, content_type in ((request.SerializeToString(), PROTOBUF), (to_json(request), JSON)):
            assert proxy.post("/v1/traces", body, content_type)[0] == 200
        proxy.post("/v1/logs", logs(1, text).SerializeToString())
        proxy.post("/v1/traces", text.encode(), JSON)
        up.wait(lambda u: len(u.taken) >= 2 and len(u.spans()) == 2)
        for received in up.received:
            assert_no_secret(received.body, received.path)
        assert_no_secret(proxy.files(), "the data directory")
        for path in ("/api/spans", "/api/sessions", "/api/traces", "/api/status", "/api/tail?after=0"):
            assert_no_secret(str(proxy.get(path)), path)
        proxy.stop()
        assert_no_secret(proxy.files(), "the data directory after the stop")
        assert_no_secret(proxy.log.read_bytes(), "the log")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_destination_that_is_away_for_a_while_gets_everything_later(tmp_path: Path, status: int) -> None:
    answers = [(status, {"retry-after": "0"}, b""), (status, {}, b"")]

    def answer(_: Received):  # type: ignore[no-untyped-def]
        return answers.pop(0) if answers else OK

    with upstream(answer) as up, running(tmp_path, "--upstream", up.url) as proxy:
        proxy.post("/v1/traces", traces(3).SerializeToString())
        up.wait(lambda u: len(u.spans()) == 3)
        assert [item.answered for item in up.received] == [status, status, 200]
        wait_for(lambda: proxy.account()["delivered"] == 3)
        assert_balanced(proxy.account())


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    times: list[float] = []

    def answer(_: Received):  # type: ignore[no-untyped-def]
        times.append(time.monotonic())
        return (503, {"retry-after": "2"}, b"") if len(times) == 1 else OK

    with upstream(answer) as up, running(tmp_path, "--upstream", up.url) as proxy:
        proxy.post("/v1/traces", traces().SerializeToString())
        up.wait(lambda u: len(u.spans()) == 1)
        assert times[1] - times[0] >= 2


def test_a_destination_that_was_never_there_loses_nothing_and_hurts_nobody(tmp_path: Path) -> None:
    """The client's posts are answered while the upstream refuses connections; later all arrive, once."""
    with upstream() as gone:
        address, port = gone.url, gone.port
    sent: list[str] = []
    with running(tmp_path, "--upstream", address) as proxy:
        for _ in range(20):
            request = traces(2)
            status, _, _ = proxy.post("/v1/traces", request.SerializeToString())
            assert status == 200
            sent += span_ids(request)
        assert proxy.account()["queued"] == 40
        assert_balanced(proxy.account())
        proxy.stop()
    with upstream(port=port) as up, running(tmp_path, "--upstream", up.url):
        up.wait(lambda u: len(u.spans()) >= 40)
        assert _sent(up) == sorted(sent)


def test_a_wrong_token_keeps_everything_until_it_is_right(tmp_path: Path) -> None:
    """A person can mend it: the token file is read again."""
    token = tmp_path / "token"
    token.write_text("wrong\n")
    extra = {"COLLECTOR_UPSTREAM_TOKEN_FILE": str(token)}
    with upstream(requires(TOKEN)) as up, running(tmp_path, "--upstream", up.url, **extra) as proxy:
        proxy.post("/v1/traces", traces(4).SerializeToString())
        up.wait(lambda u: any(item.answered == 401 for item in u.received))
        wait_for(lambda: proxy.get("/api/status")["forwarding"]["last"]["traces"]["answer"] == "HTTP 401")
        assert proxy.account()["queued"] == 4
        token.write_text(TOKEN + "\n")
        up.wait(lambda u: len(u.spans()) == 4)


def test_json_is_given_up_once_for_protobuf_on_415(tmp_path: Path) -> None:
    """Phoenix takes protobuf only."""

    def answer(received: Received):  # type: ignore[no-untyped-def]
        return OK if received.headers["content-type"] == PROTOBUF else (415, {}, b"")

    with upstream(answer) as up, running(tmp_path, "--upstream", up.url) as proxy:
        for _ in range(3):
            proxy.post("/v1/traces", traces(1).SerializeToString())
            up.wait(lambda u: u.taken != [])
        up.wait(lambda u: len(u.spans()) == 3)
        assert [item.answered for item in up.received].count(415) <= 2
        assert up.received[-1].headers["content-type"] == PROTOBUF


def test_one_refused_batch_is_set_aside_and_its_neighbours_arrive(tmp_path: Path) -> None:
    """A 400 must not be sent again, and must not hold up what is fine."""
    down = [True]

    def answer(received: Received):  # type: ignore[no-untyped-def]
        if down[0]:
            return 503, {}, b""
        return (400, {}, b"CANARY7") if b"poison" in received.body else OK

    with upstream(answer) as up, running(tmp_path, "--upstream", up.url) as proxy:
        for name in ("fine", "poison", "fine"):
            proxy.post("/v1/traces", traces(2, {"input.value": name}).SerializeToString())
        up.wait(lambda u: len(u.received) >= 1)
        down[0] = False
        wait_for(lambda: proxy.account()["queued"] == 0)
        account = proxy.account()
        assert (account["delivered"], account["dead_lettered"]) == (4, 2)
        assert_balanced(account)
        proxy.stop()
        assert b"CANARY7" not in proxy.log.read_bytes() + proxy.files()


def test_what_the_destination_left_out_is_counted(tmp_path: Path) -> None:
    body = b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"CANARY7"}}'
    with (
        upstream(lambda _: (200, {"content-type": JSON}, body)) as up,
        running(tmp_path, "--upstream", up.url) as proxy,
    ):
        proxy.post("/v1/traces", traces(5).SerializeToString())
        wait_for(lambda: proxy.account()["queued"] == 0)
        assert proxy.account()["dropped"] == {"left out by the destination": 2}
        assert_balanced(proxy.account())
        assert len(up.received) == 1  # a partial success MUST NOT be retried


def test_every_post_is_under_the_size_that_catalyst_takes(tmp_path: Path) -> None:
    """4 MiB as sent; incompressible text makes compressed bodies large as well."""
    request = traces(12)
    for span in request.resource_spans[0].scope_spans[0].spans:
        span.attributes.add(key="input.value").value.string_value = os.urandom(400_000).hex()

    def answer(received: Received):  # type: ignore[no-untyped-def]
        return OK if len(received.raw) < 4 * 1024 * 1024 else (413, {}, b"")

    with upstream(answer) as up, running(tmp_path, "--upstream", up.url) as proxy:
        assert proxy.post("/v1/traces", request.SerializeToString())[0] == 200
        up.wait(lambda u: len(u.spans()) == 12, 60)
        assert [item.answered for item in up.received if item.answered != 200] == []
        assert len(up.received) > 1


def test_a_destination_that_takes_less_is_sent_less(tmp_path: Path) -> None:
    def answer(received: Received):  # type: ignore[no-untyped-def]
        return OK if len(received.raw) < 150_000 else (413, {}, b"")

    request = traces(40, size=20_000)
    extra = {"COLLECTOR_UPSTREAM_COMPRESSION": "none"}
    with upstream(answer) as up, running(tmp_path, "--upstream", up.url, **extra) as proxy:
        proxy.post("/v1/traces", request.SerializeToString())
        up.wait(lambda u: len(u.spans()) >= 40)
        assert _sent(up) == sorted(span_ids(request))


def test_logs_and_metrics_go_to_their_own_paths(tmp_path: Path) -> None:
    with upstream() as up, running(tmp_path, "--upstream", up.url) as proxy:
        proxy.post("/v1/logs", logs(3).SerializeToString())
        proxy.post("/v1/metrics", metrics(2).SerializeToString())
        up.wait(lambda u: {item.path for item in u.taken} == {"/v1/logs", "/v1/metrics"})
        wait_for(lambda: proxy.account("logs")["delivered"] == 3 and proxy.account("metrics")["delivered"] == 2)


def test_a_destination_for_traces_only_gets_traces_only(tmp_path: Path) -> None:
    extra = {"COLLECTOR_UPSTREAM_SIGNALS": "traces"}
    with upstream() as up, running(tmp_path, "--upstream", up.url, **extra) as proxy:
        assert proxy.post("/v1/logs", logs(3).SerializeToString())[0] == 200
        proxy.post("/v1/traces", traces(1).SerializeToString())
        up.wait(lambda u: len(u.spans()) == 1)
        assert proxy.account("logs")["dropped"] == {"destination takes traces only": 3}
        assert [item.path for item in up.received] == ["/v1/traces"]


def test_a_destination_without_a_logs_path_does_not_block_traces(tmp_path: Path) -> None:
    def answer(received: Received):  # type: ignore[no-untyped-def]
        return OK if received.path == "/v1/traces" else (405, {}, b"")

    with upstream(answer) as up, running(tmp_path, "--upstream", up.url) as proxy:
        proxy.post("/v1/logs", logs(3).SerializeToString())
        proxy.post("/v1/traces", traces(1).SerializeToString())
        up.wait(lambda u: len(u.spans()) == 1)
        wait_for(lambda: proxy.account("logs")["dropped"] == {"destination has no path for logs": 3})


def test_two_collectors_that_forward_to_each_other_stop(tmp_path: Path) -> None:
    """Each names itself in a hop header and refuses what it has seen before."""
    first_dir, second_dir = tmp_path / "first", tmp_path / "second"
    first_dir.mkdir()
    second_dir.mkdir()
    with running(first_dir) as first:
        port = first.url.rsplit(":", 1)[1]
        first.stop()
    with (
        running(second_dir, "--upstream", f"http://127.0.0.1:{port}") as second,
        running(first_dir, "--port", port, "--upstream", second.url) as first,
    ):
        first.post("/v1/traces", traces(1).SerializeToString())
        wait_for(lambda: second.get("/api/status")["ledger"] != {})
        wait_for(lambda: second.account()["dead_lettered"] == 1)
        assert first.account()["received"] == 1
