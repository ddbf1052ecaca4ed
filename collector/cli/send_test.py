"""`collector send-test`: one test trace through the running collector, and what became of it."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from collector.cli.client import Client
from collector.cli.options import AsJson
from collector.cli.show import print_json, say
from collector.errors import CollectorError
from collector.settings.sources import load

_POLL_SECONDS = 0.2


def register(app: typer.Typer) -> None:
    app.command("send-test")(send_test)


def send_test(
    as_json: AsJson = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the destination's answer.")] = 15,
) -> None:
    """Send a test trace, and say what the destination answered."""
    client = Client(load().settings)
    request = client.get("/api/test-trace")
    trace_id = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"]
    client.post("/v1/traces", json.dumps(request).encode(), "application/json")
    result = _follow(client, trace_id, wait)
    if as_json:
        print_json({"trace_id": trace_id, **result})
    else:
        say(f"trace {trace_id}: {result['said']}")
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
