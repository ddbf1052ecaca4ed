"""`collector send-test`: one test trace through the running collector, and what became of it."""

from __future__ import annotations

import json
import os
import time
from typing import Annotated, Any

import typer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector import __version__
from collector.cli.client import Client
from collector.cli.options import AsJson
from collector.cli.show import print_json
from collector.errors import CollectorError
from collector.settings.model import Settings
from collector.settings.sources import load

_POLL_SECONDS = 0.2


def register(app: typer.Typer) -> None:
    app.command("send-test")(send_test)


def send_test(
    as_json: AsJson = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the destination's answer.")] = 15,
) -> None:
    """Send a test trace through the running collector and say what the destination answered."""
    settings = load().settings
    client = Client(settings)
    request = _test_trace(settings)
    trace_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
    client.post("/v1/traces", request.SerializeToString(), "application/x-protobuf")
    result = _follow(client, trace_id, wait)
    if as_json:
        print_json({"trace_id": trace_id, **result})
    else:
        print(f"trace {trace_id}: {result['said']}")
    raise typer.Exit(0 if result["state"] in ("delivered", "local") else 1)


def _follow(client: Client, trace_id: str, wait: float) -> dict[str, Any]:
    status = client.get("/api/status")
    if not status["forwarding"]["endpoint"]:
        return {"state": "local", "said": f"kept here, not forwarded ({status['forwarding']['reason']})"}
    endpoint = status["forwarding"]["endpoint"]
    if "traces" not in status["forwarding"]["signals"]:
        return {"state": "local", "said": f"kept here, not forwarded: {endpoint} takes no traces"}
    deadline = time.monotonic() + wait
    while True:
        found = client.get(f"/api/deliveries/{trace_id}")
        if not found["kept"]:
            raise CollectorError("the test trace was taken but is not kept: raise max_store_bytes")
        if not found["waiting"]:
            return {"state": "delivered", "said": f"{endpoint} took it ({found['answer'] or 'delivered'})"}
        first = found["waiting"][0]
        if first["state"] == "dead":
            return {"state": "dead", "said": f"{endpoint} refused it for good ({first['answer']})"}
        if time.monotonic() > deadline:
            answer = first["answer"] or "no answer yet"
            return {"state": "queued", "said": f"still queued after {wait:g} s, {endpoint}: {answer}"}
        time.sleep(_POLL_SECONDS)


def _test_trace(settings: Settings) -> ExportTraceServiceRequest:
    """A turn as an agent would send it: AGENT with one LLM child."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _attributes(resource.resource, {"service.name": settings.service_name, "service.version": __version__})
    scope = resource.scope_spans.add()
    scope.scope.name = "opencode-collector"
    now = time.time_ns()
    trace_id, root_id = os.urandom(16), os.urandom(8)
    shared = {"session.id": f"send-test-{trace_id.hex()[:8]}", "agent.id": settings.service_name}
    metadata = json.dumps({**settings.additional_metadata, "sent_by": "collector send-test"})
    _span(scope, trace_id, root_id, b"", "send-test", now - 20_000_000, now, {
        **shared, "openinference.span.kind": "AGENT", "input.value": "Is anyone there?",
        "output.value": "Yes: this trace came through.", "metadata": metadata,
    })  # fmt: skip
    _span(scope, trace_id, os.urandom(8), root_id, "test/test-model", now - 15_000_000, now - 5_000_000, {
        **shared, "openinference.span.kind": "LLM", "llm.model_name": "test-model", "llm.provider": "test",
        "llm.token_count.prompt": 3, "llm.token_count.completion": 5, "llm.token_count.total": 8,
    })  # fmt: skip
    return request


def _span(
    scope: Any,
    trace_id: bytes,
    span_id: bytes,
    parent: bytes,
    name: str,
    start: int,
    end: int,
    attributes: dict[str, Any],
) -> None:
    span = scope.spans.add(
        trace_id=trace_id, span_id=span_id, parent_span_id=parent, name=name, kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=start, end_time_unix_nano=end,
    )  # fmt: skip
    _attributes(span, attributes)


def _attributes(holder: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        pair = holder.attributes.add(key=key)
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value
