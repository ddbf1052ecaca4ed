"""`collector export`: what is kept, as a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from collector.cli.client import open_reader
from collector.cli.kept import KeptReader
from collector.cli.options import DataDirOption
from collector.errors import CollectorError, ConfigError
from collector.settings.sources import load

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from collector.store import Reading

_AT_ONCE = 50


class ExportFormat(StrEnum):
    """The forms of an export."""

    OTLP_JSON = "otlp-json"
    HALO_JSONL = "halo-jsonl"
    MARKDOWN = "markdown"
    HTML = "html"


def register(app: typer.Typer) -> None:
    app.command()(export)


def export(
    file: Annotated[Path | None, typer.Argument(help="Where to write; left out: standard output.")] = None,
    form: Annotated[ExportFormat, typer.Option("--format", help="OTLP/JSON lines are what was sent.")] = (
        ExportFormat.OTLP_JSON
    ),
    session: Annotated[str, typer.Option(help="Only this session; its id may be short.")] = "",
    trace: Annotated[str, typer.Option(help="Only this trace; its id may be short.")] = "",
    data_dir: DataDirOption = None,
) -> None:
    """Write kept traces to a file: OTLP/JSON, HALO, Markdown, HTML.

    Markdown and HTML are of one session or trace.
    """
    from collector.viewer.export import exported, exported_of
    from collector.viewer.reading import outline_of

    if form in (ExportFormat.MARKDOWN, ExportFormat.HTML) and not (session or trace):
        raise ConfigError(f"--format {form} is of one session or trace: name it with --session or --trace")
    settings = load({"data_dir": data_dir}).settings
    kept = KeptReader(settings)
    session, trace = kept.session(session), kept.trace(trace)
    reader = open_reader(settings)
    try:
        if session or trace:
            pieces = exported_of(reader, outline_of(reader, session, trace), session or trace, form)
        else:
            pieces = exported(_every(reader), "", form)
        first = next(pieces, b"")
        if not first:
            raise CollectorError("nothing of this is kept; `collector sessions` lists what is")
        if file is None:
            _write(sys.stdout.buffer, first, pieces)
        else:
            with _opened(file) as out:
                _write(out, first, pieces)
    finally:
        reader.close()


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("wb")
    except OSError as error:
        raise CollectorError(f"{file}: cannot be written: {error.strerror}") from None


def _write(out: BinaryIO, first: bytes, pieces: Iterator[bytes]) -> None:
    out.write(first)
    for piece in pieces:
        out.write(piece)
    out.flush()


def _every(reader: Reading) -> Iterator[ExportTraceServiceRequest]:
    """Every kept export request of traces, oldest first, some at a time."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from collector.batch import Signal
    from collector.otlp.json_reader import read_json
    from collector.otlp.left_out import LeftOut

    last = 0
    while found := reader.after(last, _AT_ONCE):
        last = found[-1][0]
        for _, signal, document in found:
            if signal is Signal.TRACES:
                import orjson

                request = read_json(signal, orjson.dumps(document), LeftOut())
                assert isinstance(request, ExportTraceServiceRequest)
                yield request
