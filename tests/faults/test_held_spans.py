"""Spans whose log records come in another request leave a running collector once, complete."""

from __future__ import annotations

from pathlib import Path

from harness.process import Process
from harness.reshape import TRACE, logs_with
from harness.telemetry import PROTOBUF
from harness.upstream import upstream
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.values import read_attributes, write_value

CALL, PLAIN = bytes(7) + b"\1", bytes(7) + b"\2"


def request() -> bytes:
    """A call whose messages are in log records, and a span that waits for nothing."""
    made = ExportTraceServiceRequest()
    spans = made.resource_spans.add().scope_spans.add().spans
    call = spans.add(trace_id=TRACE, span_id=CALL, name="chat")
    write_value(call.attributes.add(key="gen_ai.operation.name").value, "chat")
    write_value(call.attributes.add(key="gen_ai.usage.input_tokens").value, 5)
    spans.add(trace_id=TRACE, span_id=PLAIN, name="plain")
    return made.SerializeToString()


def records() -> bytes:
    asked = logs_with(("gen_ai.user.message", {}, {"content": "which day is it"}))
    for record in asked.resource_logs[0].scope_logs[0].log_records:
        record.trace_id, record.span_id = TRACE, CALL
    return asked.SerializeToString()


def test_a_call_is_sent_once_with_the_messages_that_came_after_it(tmp_path: Path) -> None:
    with upstream() as destination:
        process = Process(tmp_path, "--upstream", destination.url)
        try:
            assert process.post("/v1/traces", request(), PROTOBUF)[0] == 200
            assert process.post("/v1/logs", records(), PROTOBUF)[0] == 200
            destination.wait(lambda state: len(state.spans()) >= 2)
        finally:
            process.stop()  # sends what still waits, so that a second copy would be seen
        sent = destination.spans()
    assert [span.span_id for span in sent] == [PLAIN, CALL]
    assert read_attributes(sent[1].attributes)["llm.input_messages.0.message.content"] == "which day is it"


def test_a_call_whose_records_never_come_is_sent_without_them(tmp_path: Path) -> None:
    with upstream() as destination:
        process = Process(tmp_path, "--upstream", destination.url)
        try:
            assert process.post("/v1/traces", request(), PROTOBUF)[0] == 200
            destination.wait(lambda state: len(state.spans()) >= 2)
        finally:
            process.stop()
        assert [span.span_id for span in destination.spans()] == [PLAIN, CALL]
