"""Real SDK exporters as clients: protobuf, gzip, JSON with base64 ids, and gRPC."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from harness.clients import SCRIPTS, client, run
from harness.credentials import GITHUB, assert_no_secret
from harness.process import assert_balanced, environment, running
from harness.upstream import requires, upstream, wait_for

pytestmark = [pytest.mark.real]

TOKEN = "tok-" + "catalyst-1"

OTEL = """
import os, sys
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode

provider = TracerProvider(resource=Resource.create({"service.name": "sdk"}))
exporter = OTLPSpanExporter(os.environ["ENDPOINT"] + "/v1/traces", compression=Compression.Gzip)
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("sdk-test")
with tracer.start_as_current_span("root") as root:
    root.set_attribute("input.value", "my token is " + os.environ["SECRET"])
    for index in range(30):
        with tracer.start_as_current_span("child") as child:
            child.set_attribute("index", index)
            child.set_status(Status(StatusCode.ERROR, "failed with " + os.environ["SECRET"]))
            child.record_exception(ValueError(os.environ["SECRET"]))
provider.shutdown()
"""

OTEL_GRPC = """
import logging, os
from grpc import Compression
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

secret = os.environ["SECRET"]
to = {"endpoint": os.environ["ENDPOINT"], "insecure": True, "compression": Compression.Gzip}
to["headers"] = {"authorization": "Bearer " + os.environ["TOKEN"]}
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**to)))
with provider.get_tracer("sdk-test").start_as_current_span("root") as root:
    root.set_attribute("input.value", "my token is " + secret)
    for index in range(30):
        with provider.get_tracer("sdk-test").start_as_current_span("child") as child:
            child.record_exception(ValueError(secret))
provider.shutdown()
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**to)))
logging.getLogger("app").addHandler(LoggingHandler(logger_provider=logs))
logging.getLogger("app").warning("the token was %s", secret)
logs.shutdown()
metrics = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(**to))])
metrics.get_meter("sdk-test").create_counter("calls").add(1, {"token": secret})
metrics.shutdown()
"""

CATALYST = """
import os
from catalyst_tracing import agent_span, manual_span, setup

tracing = setup(endpoint=os.environ["ENDPOINT"], token="the-clients-own", service_name="catalyst-app")
secret = os.environ["SECRET"]
with agent_span(tracing.tracer, agent_id="planner", agent_name="planner", session_id="ses_py") as agent:
    agent.set_input("my token is " + secret)
    with manual_span(tracing.tracer, name="lookup", span_kind="TOOL", tool_name="lookup", input={"q": secret}) as tool:
        tool.set_output("found " + secret)
    agent.record_tokens(prompt=10, completion=5)
tracing.shutdown()
"""


def _run_client(program: str, directory: Path, url: str, **extra: str) -> None:
    env = environment(directory, ENDPOINT=url, SECRET=GITHUB, **extra)
    result = subprocess.run([sys.executable, "-c", program], env=env, cwd=directory, capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr.decode()[-2000:]


def test_the_opentelemetry_sdk_exports_protobuf(tmp_path: Path) -> None:
    with upstream(requires(TOKEN)) as up, running(tmp_path, "--upstream", up.url, CATALYST_OTLP_TOKEN=TOKEN) as proxy:
        _run_client(OTEL, tmp_path, proxy.url)
        up.wait(lambda u: len(u.spans()) == 31)
        spans = up.spans()
        root = next(span for span in spans if span.name == "root")
        assert {span.parent_span_id for span in spans if span.name == "child"} == {root.span_id}
        for received in up.received:
            assert_no_secret(received.body, "what left")
        assert_no_secret(proxy.files(), "the database")
        wait_for(lambda: proxy.account()["delivered"] == 31)
        assert_balanced(proxy.account())


def test_the_opentelemetry_sdk_exports_every_signal_over_grpc(tmp_path: Path) -> None:
    own = "own-" + "access-token"
    settings = {"COLLECTOR_GRPC_PORT": "0", "COLLECTOR_ACCESS_TOKEN": own, "COLLECTOR_UPSTREAM_ENCODING": "protobuf"}
    with upstream() as up, running(tmp_path, "--upstream", up.url, **settings) as proxy:
        _run_client(OTEL_GRPC, tmp_path, proxy.grpc, TOKEN=own)
        up.wait(lambda u: len(u.spans()) == 31 and {item.path for item in u.received} >= {"/v1/logs", "/v1/metrics"})
        spans = up.spans()
        root = next(span for span in spans if span.name == "root")
        assert {span.parent_span_id for span in spans if span.name == "child"} == {root.span_id}
        for received in up.received:
            assert_no_secret(received.body, "what left")
            assert own.encode() not in received.body
        assert_no_secret(proxy.files(), "the database")
        for signal, count in (("traces", 31), ("logs", 1), ("metrics", 1)):
            wait_for(lambda signal=signal, count=count: proxy.account(signal)["delivered"] == count)
            assert_balanced(proxy.account(signal))


def test_the_node_sdk_exports_over_grpc(tmp_path: Path) -> None:
    """Compressed and not: another implementation of HTTP/2 and gRPC than ours."""
    installed = client("otlp-grpc")
    script = installed / "otlp_grpc.mjs"
    script.write_text((SCRIPTS / "otlp_grpc.mjs").read_text(encoding="utf-8"), encoding="utf-8")
    with upstream() as up, running(tmp_path, "--upstream", up.url, COLLECTOR_GRPC_PORT="0") as proxy:
        for compression in ("gzip", "none"):
            run(
                ["node", str(script)], tmp_path, ENDPOINT=f"http://{proxy.grpc}", COMPRESSION=compression, SECRET=GITHUB
            )
        up.wait(lambda u: sorted(span.name for span in u.spans()) == ["child"] * 60 + ["root"] * 2)
        for received in up.received:
            assert_no_secret(received.body, "what left")
        assert_no_secret(proxy.files(), "the database")


def test_the_catalyst_sdk_for_python_exports_json_with_base64_ids(tmp_path: Path) -> None:
    """It prints protobuf's own JSON: ids in base64, enums by name. Its own token stays here."""
    with upstream(requires(TOKEN)) as up, running(tmp_path, "--upstream", up.url, CATALYST_OTLP_TOKEN=TOKEN) as proxy:
        _run_client(CATALYST, tmp_path, proxy.url)
        up.wait(lambda u: len(u.spans()) == 2)
        agent, tool = sorted(up.spans(), key=lambda span: len(span.parent_span_id))
        assert (len(agent.trace_id), len(agent.span_id)) == (16, 8)
        assert tool.parent_span_id == agent.span_id
        assert agent.kind == 1
        for received in up.received:
            assert_no_secret(received.body, "what left")
            assert b"the-clients-own" not in received.body
        assert [session["session_id"] for session in proxy.get("/api/sessions")] == ["ses_py"]
        wait_for(lambda: proxy.account()["delivered"] == 2)
