"""A gateway: teams with tokens of their own, and laptops' collectors that forward to it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.credentials import GITHUB, assert_no_secret
from harness.grpc_client import TRACES, GrpcClient
from harness.process import Process, assert_balanced, run, running
from harness.telemetry import span_ids, traces
from harness.upstream import Upstream, upstream, wait_for
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

pytestmark = pytest.mark.slow

OPERATOR, RED, BLUE = "operator-" + "token", "red-team-" + "token", "blue-team-" + "token"
GATEWAY = f"""
access_token = "{OPERATOR}"
grpc_port = 0
upstream_endpoint = "SHARED"

[[destination]]
name = "blue-place"
endpoint = "OWN"

[[team]]
name = "red"
token = "{RED}"
services = ["shop-*"]
requests_per_minute = 5

[[team]]
name = "blue"
token = "{BLUE}"
destinations = ["blue-place"]
policy = "metadata-only"
"""


@contextmanager
def gateway(directory: Path) -> Iterator[tuple[Process, Upstream, Upstream]]:
    """A gateway, where all that no team claims goes, and where the blue team's goes."""
    with upstream() as shared, upstream() as own:
        (directory / "collector.toml").write_text(GATEWAY.replace("SHARED", shared.url).replace("OWN", own.url))
        with running(directory) as process:
            yield process, shared, own


def of_service(name: str, count: int = 1, text: str = "please remember me") -> ExportTraceServiceRequest:
    request = traces(count, {"input.value": text})
    request.resource_spans[0].resource.attributes[0].value.string_value = name
    return request


def send(process: Process, request: ExportTraceServiceRequest, token: str) -> tuple[int, dict[str, str], bytes]:
    return process.post("/v1/traces", request.SerializeToString(), authorization=f"Bearer {token}")


def texts(found: Upstream) -> str:
    return "".join(str(received.request) for received in found.received)


def test_what_a_team_sends_goes_to_its_destinations_alone_under_its_tighter_policy(tmp_path: Path) -> None:
    with gateway(tmp_path) as (process, shared, own):
        assert send(process, of_service("any", 2, "from blue"), BLUE)[0] == 200
        assert send(process, of_service("shop-1", 3, "from red"), RED)[0] == 200
        assert send(process, of_service("any", 4, "from the operator"), OPERATOR)[0] == 200
        shared.wait(lambda up: len(up.spans()) == 7, 60)
        own.wait(lambda up: len(up.spans()) == 2, 60)
        assert "from red" in texts(shared) and "from the operator" in texts(shared)
        assert "from blue" not in texts(shared) + texts(own)
        place = shared.url.removeprefix("http://")
        for destination, count in (("blue-place", 2), (place, 7)):
            wait_for(
                lambda destination=destination, count=count: (
                    process.account(destination=destination)["delivered"] == count
                ),
                60,
            )
            assert_balanced(process.account(destination=destination))
            assert process.account(destination=destination)["received"] == count


def test_a_policy_that_changes_leaves_what_a_team_sent_as_tight_as_it_was(tmp_path: Path) -> None:
    with upstream(lambda _: (503, {}, b"")) as shared, upstream(lambda _: (503, {}, b"")) as own:
        file = tmp_path / "collector.toml"
        document = GATEWAY.replace("SHARED", shared.url).replace("OWN", own.url)
        file.write_text(document)
        with running(tmp_path) as process:
            assert send(process, of_service("any", 1, "from blue"), BLUE)[0] == 200
            before = process.get("/api/status")["policy"]["fingerprint"]
            file.write_text('policy_file = "secrets"\n' + document)
            wait_for(lambda: process.get("/api/status")["policy"]["fingerprint"] != before, 60)
            assert send(process, of_service("any", 1, "from blue"), BLUE)[0] == 200
            batches = json.dumps(process.get("/api/tail?after=0")["batches"])
            assert batches.count('"spanId"') == 2
            assert "from blue" not in batches


def test_of_other_services_than_a_team_may_send_nothing_is_kept_and_the_sender_is_told(tmp_path: Path) -> None:
    request = of_service("shop-1", 2)
    request.MergeFrom(of_service("payroll", 3))
    request.resource_spans.add().CopyFrom(traces(1).resource_spans[0])
    del request.resource_spans[2].resource.attributes[:]
    twice = request.resource_spans.add()
    twice.CopyFrom(of_service("shop-1", 1).resource_spans[0])
    twice.resource.attributes.add(key="service.name").value.string_value = "payroll"
    with gateway(tmp_path) as (process, shared, _), GrpcClient(process.grpc) as client:
        status, _, body = send(process, request, RED)
        partial = ExportTraceServiceResponse.FromString(body).partial_success
        assert (status, partial.rejected_spans) == (200, 5)
        assert "service" in partial.error_message and "payroll" not in partial.error_message
        answer = client.call(TRACES, of_service("payroll").SerializeToString(), authorization=f"Bearer {RED}")
        assert ExportTraceServiceResponse.FromString(answer.body).partial_success.rejected_spans == 1
        shared.wait(lambda up: len(up.spans()) == 2, 60)
        account = process.account(destination=shared.url.removeprefix("http://"))
        assert (account["received"], sum(account["dropped"].values())) == (8, 6)
        assert_balanced(account)


def test_over_its_limit_a_team_is_told_when_to_come_back_and_the_others_notice_nothing(tmp_path: Path) -> None:
    with gateway(tmp_path) as (process, _, _), GrpcClient(process.grpc) as client:
        answers = [send(process, of_service("shop-1"), RED) for _ in range(8)]
        assert [status for status, _, _ in answers[:5]] == [200] * 5
        late = [(status, headers) for status, headers, _ in answers if status != 200]
        assert late and all(status == 429 and 1 <= int(headers["retry-after"]) <= 12 for status, headers in late)
        called = client.call(TRACES, of_service("shop-1").SerializeToString(), authorization=f"Bearer {RED}")
        while called.code == "OK":  # on a slow machine a request's worth came back meanwhile
            called = client.call(TRACES, of_service("shop-1").SerializeToString(), authorization=f"Bearer {RED}")
        assert called.code == "RESOURCE_EXHAUSTED"
        assert called.retry_seconds is not None and 1 <= called.retry_seconds <= 12
        assert send(process, of_service("any"), BLUE)[0] == 200
        red, blue = process.get("/api/status")["teams"]
        assert (red["name"], red["requests_per_minute"], red["bytes_per_minute"]) == ("red", 5, None)
        assert red["requests"] >= 5 and red["refused"] >= 1 and red["bytes"] > 0
        assert (blue["name"], blue["requests"], blue["refused"], blue["policy"]) == ("blue", 1, 0, "metadata-only")
        names = {"COLLECTOR_PORT": process.url.rpartition(":")[2]}
        said = run(tmp_path, "status", **names).stdout.decode()
        assert f"team red: {red['requests']} requests" in said and "5 requests a minute" in said


def test_a_teams_token_sends_otlp_and_does_nothing_else(tmp_path: Path) -> None:
    with gateway(tmp_path) as (process, _, _):
        events = process.post("/v1/opencode/events", b"[]", "application/json", authorization=f"Bearer {BLUE}")
        assert events[0] == 403
        for path in ("/api/status", "/api/spans", "/mcp"):
            assert process.post(path, b"{}", "application/json", authorization=f"Bearer {BLUE}")[0] == 401
        assert process.post("/v1/opencode/events", b"[]", "application/json", x_collector_token=OPERATOR)[0] == 200


def test_each_refused_request_is_one_line_of_the_log_without_payload_or_token(tmp_path: Path) -> None:
    with gateway(tmp_path) as (process, _, _), GrpcClient(process.grpc) as client:
        secret = of_service("shop-1", 1, GITHUB).SerializeToString()
        assert process.post("/v1/traces", secret, authorization=f"Bearer {GITHUB}")[0] == 401
        assert process.post("/v1/traces", GITHUB.encode(), authorization=f"Bearer {BLUE}")[0] == 400
        assert process.post(f"/{GITHUB}", secret, authorization=f"Bearer {BLUE}")[0] == 404
        assert client.call(TRACES, secret, authorization=f"Bearer {GITHUB}").code == "UNAUTHENTICATED"
        assert client.call(TRACES, b"\xff", authorization=f"Bearer {BLUE}").code == "INVALID_ARGUMENT"
        assert send(process, of_service("any"), BLUE)[0] == 200
        lines = [json.loads(line) for line in process.log.read_text().splitlines() if '"collector.audit"' in line]
        told = [line["message"].partition(",")[0].partition(": ")[::2] for line in lines]
        assert [place for place, _ in told] == [
            "refused /v1/traces from 127.0.0.1",
            "refused /v1/traces from 127.0.0.1",
            "refused other from 127.0.0.1",
            f"refused {TRACES} from 127.0.0.1",
            f"refused {TRACES} from 127.0.0.1",
        ]
        assert ["team blue" in line["message"] for line in lines] == [False, True, True, False, True]
        assert ["401" in line["message"] for line in lines] == [True, False, False, True, False]
        assert_no_secret(process.log.read_bytes(), "the log")
        assert BLUE not in process.log.read_text()


def test_a_team_is_taken_its_token_back_without_a_restart(tmp_path: Path) -> None:
    with gateway(tmp_path) as (process, _, _):
        file = tmp_path / "collector.toml"
        assert send(process, of_service("any"), BLUE)[0] == 200
        file.write_text(file.read_text().replace(BLUE, "another-" + "token"))
        wait_for(lambda: send(process, of_service("any"), BLUE)[0] == 401, 60)
        assert send(process, of_service("any"), "another-" + "token")[0] == 200
        assert not any("restart" in notice for notice in process.get("/api/status")["notices"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (('access_token = "' + OPERATOR + '"', ""), "COLLECTOR_ACCESS_TOKEN"),
        ((BLUE, RED), "team[2].token"),
        (('name = "blue"', 'name = "red"'), "two teams are called red"),
        (('["blue-place"]', '["nowhere"]'), "no destination is called nowhere"),
        (('"metadata-only"', '"no-such-policy"'), "policy of team blue"),
        (("requests_per_minute = 5", "requests_per_minute = 0"), "team[1].requests_per_minute"),
    ],
)
def test_teams_that_cannot_be_meant_are_one_line_and_exit_2(
    tmp_path: Path, changed: tuple[str, str], said: str
) -> None:
    document = GATEWAY.replace("SHARED", "http://127.0.0.1:9").replace("OWN", "http://127.0.0.1:9")
    (tmp_path / "collector.toml").write_text(document.replace(*changed))
    found = run(tmp_path, "serve", "--port", "0")
    lines = found.stderr.decode().strip().splitlines()
    assert (found.returncode, len(lines)) == (2, 1), found.stderr
    assert said in lines[0]
    assert BLUE not in lines[0] and RED not in lines[0]


def test_a_laptop_forwards_to_a_gateway_and_each_redacts(tmp_path: Path) -> None:
    """The laptop masks secrets; what only the gateway's policy finds is masked there."""
    near, far = tmp_path / "near", tmp_path / "far"
    near.mkdir()
    far.mkdir()
    address = "ada.lovelace" + "@" + "acme-engines.io"
    with (
        upstream() as place,
        running(far, "--upstream", place.url, "--policy", "secrets-and-pii", COLLECTOR_ACCESS_TOKEN=OPERATOR) as there,
        running(near, "--policy", "secrets", "--upstream", there.url, COLLECTOR_UPSTREAM_TOKEN=OPERATOR) as here,
    ):
        request = of_service("shop-1", 3, f"{GITHUB} of {address}")
        assert here.post("/v1/traces", request.SerializeToString())[0] == 200
        place.wait(lambda up: len(up.spans()) == 3, 60)
        assert {span.span_id.hex() for span in place.spans()} == set(span_ids(request))
        assert_no_secret(texts(place), "what left")
        assert_no_secret(here.files() + there.files(), "a disk")
        assert address in texts_kept(here)
        assert address not in texts_kept(there) + texts(place)
        hops = place.received[0].headers["x-opencode-collector-hops"].split(",")
        assert len(hops) == len(set(hops)) == 2
        for process in (here, there):
            wait_for(lambda process=process: process.account()["delivered"] == 3, 60)
            assert_balanced(process.account())


def texts_kept(process: Process) -> str:
    return json.dumps(process.get("/api/tail?after=0")["batches"], ensure_ascii=False)


def test_collectors_that_forward_to_each_other_pass_it_on_once(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        running(two, "--upstream", f"http://127.0.0.1:{port}") as second,
        running(one, "--port", str(port), "--upstream", second.url) as first,
    ):
        assert first.post("/v1/traces", of_service("shop-1", 2).SerializeToString())[0] == 200
        wait_for(lambda: first.account()["delivered"] == 2, 60)
        wait_for(lambda: second.account()["dead_lettered"] == 2, 60)
        assert (first.account()["received"], second.account()["received"]) == (2, 2)
        for process in (first, second):
            assert_balanced(process.account())
