"""Real SDK exporters as clients: protobuf, gzip, and JSON with base64 ids."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
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
