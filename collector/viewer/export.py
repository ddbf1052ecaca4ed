"""Kept traces as files: OTLP/JSON lines as they were sent, HALO's lines of spans, Markdown, one page of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.otlp.values import read_attributes
from collector.otlp.write import to_json
from collector.store import Reading
from collector.viewer.reading import every_turn
from collector.viewer.shown.markdown import session_markdown, turn_markdown
from collector.viewer.shown.overview import long_file, one_file, title_of
from collector.viewer.shown.parts import Outline
from collector.viewer.shown.spans import read_spans
from collector.viewer.shown.turns import turns_of

FORMATS: Mapping[str, tuple[str, str]] = {
    "otlp-json": ("jsonl", "application/json"),
    "halo-jsonl": ("jsonl", "application/json"),
    "markdown": ("md", "text/markdown"),
    "html": ("html", "text/html"),
}
"""Each format with the ending of its files and its media type."""

_WHOLE_OUTPUT = 1_000_000
_BLOCK_BYTES = 64 * 1024


def exported(requests: Iterable[ExportTraceServiceRequest], name: str, form: str) -> Iterator[bytes]:
    """`requests` in one of `FORMATS`, in pieces; `name` is the id they were asked for by."""
    if form == "otlp-json":
        for request in requests:
            yield to_json(request) + b"\n"
    elif form == "halo-jsonl":
        for request in requests:
            yield from halo_lines(request)
    else:
        spans = list(read_spans(requests))
        turns = turns_of(spans)
        if form == "markdown":
            yield session_markdown(title_of(spans, turns), turns, _WHOLE_OUTPUT).encode()
        else:
            yield one_file(spans, name).encode()


def in_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks: each one that is sent costs more than it takes to make a small one."""
    block = bytearray()
    for piece in pieces:
        block += piece
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def exported_of(reader: Reading, outline: Outline, name: str, form: str, title: str = "") -> Iterator[bytes]:
    """A session or trace as a file, read as it is written; one of several parts is never in memory as a whole."""
    every = [span for turn in outline.turns for span in turn.spans]
    if form in ("otlp-json", "halo-jsonl") or len(outline.parts) <= 1:
        yield from exported(reader.requests_of(every), name, form)
        return
    turns = every_turn(reader, outline)
    if form == "markdown":
        first = next(turns, None)
        yield session_markdown(
            title or (first.prompt if first else name), [first] if first else [], _WHOLE_OUTPUT
        ).encode()
        for turn in turns:
            yield b"\n" + turn_markdown(turn, _WHOLE_OUTPUT).encode()
    else:
        for piece in long_file(turns, outline, title or name, name):
            yield piece.encode()


def halo_lines(request: ExportTraceServiceRequest) -> Iterator[bytes]:
    """A span a line, as HALO imports them: names of enums, times in ISO 8601, attributes as a flat map.

    Source: Catalyst's documentation, "HALO JSONL"; read by `halo-engine`.
    """
    for resource_spans in request.resource_spans:
        resource = {"attributes": _plain(read_attributes(resource_spans.resource.attributes))}
        for scope_spans in resource_spans.scope_spans:
            scope = {"name": scope_spans.scope.name, "version": scope_spans.scope.version}
            for span in scope_spans.spans:
                line = {
                    "trace_id": span.trace_id.hex(),
                    "span_id": span.span_id.hex(),
                    "parent_span_id": span.parent_span_id.hex(),
                    "trace_state": span.trace_state,
                    "name": span.name,
                    "kind": Span.SpanKind.Name(span.kind),
                    "start_time": _iso(span.start_time_unix_nano),
                    "end_time": _iso(span.end_time_unix_nano),
                    "status": {"code": Status.StatusCode.Name(span.status.code), "message": span.status.message},
                    "resource": resource,
                    "scope": scope,
                    "attributes": _plain(read_attributes(span.attributes)),
                }
                yield orjson.dumps(line) + b"\n"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Bytes have no place in JSON: they are left out of a file for people's tools, and stand in the OTLP/JSON one."""
    return {key: value for key, value in values.items() if value is not None and not isinstance(value, bytes)}


def _iso(at_ns: int) -> str:
    moment = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns % 1_000_000_000:09d}Z"
