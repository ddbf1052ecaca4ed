"""One span through the reshape stage, and what its tests are told with."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.values import read_attributes, write_value
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper

PNG = "data:image/png;base64,QUJD"
TRACE = b"t" * 16
SPAN = bytes(7) + b"\1"
IN, OUT = "llm.input_messages", "llm.output_messages"


def one(
    attributes: dict[str, Any],
    *,
    name: str = "span",
    scope: str = "",
    service: str = "",
    events: list[tuple[str, dict[str, Any]]] | None = None,
    times: tuple[int, int] = (0, 0),
    join: LogJoin | None = None,
) -> dict[str, Any]:
    """One span through the stage; its attributes afterwards."""
    request = ExportTraceServiceRequest()
    holder = request.resource_spans.add()
    write_value(holder.resource.attributes.add(key="service.name").value, service)
    scoped = holder.scope_spans.add()
    scoped.scope.name = scope
    span = scoped.spans.add(trace_id=TRACE, span_id=SPAN, name=name)
    span.start_time_unix_nano, span.end_time_unix_nano = times
    for key, value in attributes.items():
        write_value(span.attributes.add(key=key).value, value)
    for event_name, fields in events or ():
        event = span.events.add(name=event_name)
        for key, value in fields.items():
            write_value(event.attributes.add(key=key).value, value)
    reshaper = Reshaper(join=join)
    reshaper.reshape(request)
    assert not reshaper.failed
    return read_attributes(scoped.spans[0].attributes)


def chat(asked: Any = None, answered: Any = None, **more: Any) -> dict[str, Any]:
    given = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **more}
    if asked is not None:
        given["gen_ai.input.messages"] = asked if isinstance(asked, str) else json.dumps(asked)
    if answered is not None:
        given["gen_ai.output.messages"] = json.dumps(answered)
    return one(given)


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


def user(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": list(parts)}]


def logs_with(*records: tuple[str, dict[str, Any], Any], scope: str = "x", at_ns: int = 5) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    scoped = request.resource_logs.add().scope_logs.add()
    scoped.scope.name = scope
    for name, attributes, body in records:
        record = scoped.log_records.add(trace_id=TRACE, span_id=SPAN, time_unix_nano=at_ns)
        if scope.startswith(("codex", "com.anthropic")):
            attributes = {"event.name": name, **attributes}
        else:
            record.event_name = name
        for key, value in attributes.items():
            write_value(record.attributes.add(key=key).value, value)
        for key, value in (body or {}).items():
            write_value(record.body.kvlist_value.values.add(key=key).value, value)
    return request


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now
