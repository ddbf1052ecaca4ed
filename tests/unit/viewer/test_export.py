"""Kept traces as files: what was sent, what HALO reads, what a person reads."""

from __future__ import annotations

import json
from datetime import datetime

from harness.opencode import assemble, recording
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.assemble.spans.otlp import export_request
from collector.batch import Signal
from collector.otlp.read import decode
from collector.viewer.export import FORMATS, exported, halo_lines


def request(scenario: str = "multi") -> ExportTraceServiceRequest:
    return export_request(assemble(recording(scenario)))


def test_otlp_json_is_what_was_sent() -> None:
    [line] = b"".join(exported([request()], "x", "otlp-json")).splitlines()
    assert decode(Signal.TRACES, line, "application/json").request == request()


def test_halo_gets_a_span_a_line_with_names_and_iso_times() -> None:
    lines = [json.loads(line) for line in halo_lines(request())]
    spans = [span for resource in request().resource_spans for scope in resource.scope_spans for span in scope.spans]
    assert [line["span_id"] for line in lines] == [span.span_id.hex() for span in spans]
    for line, span in zip(lines, spans, strict=True):
        assert line["kind"] == "SPAN_KIND_INTERNAL"
        assert line["status"]["code"] in ("STATUS_CODE_OK", "STATUS_CODE_ERROR")
        assert line["start_time"].endswith("Z")
        start = datetime.fromisoformat(line["start_time"][:26] + "+00:00")
        assert int(start.timestamp() * 1000) == span.start_time_unix_nano // 1_000_000
        assert line["resource"]["attributes"]["service.name"] == "opencode"
        assert line["attributes"]["openinference.span.kind"]


def test_every_form_of_every_recording_is_written() -> None:
    for form in FORMATS:
        for scenario in ("multi", "subagent", "compaction"):
            assert b"".join(exported([request(scenario)], "x", form))


def test_a_shared_page_loads_nothing() -> None:
    html = b"".join(exported([request()], "x", "html")).decode()
    assert "<script" not in html
    assert '<link rel="stylesheet"' not in html
    assert "default-src 'none'" in html
