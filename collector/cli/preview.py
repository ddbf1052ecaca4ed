"""`collector preview`: exactly what would leave, without a collector and without a network."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from collector.batch import Signal
from collector.decode import JSON, PROTOBUF
from collector.encode import to_json
from collector.errors import CollectorError
from collector.pipeline import Pipeline
from collector.receive.limits import decompress
from collector.redact import Sealer
from collector.reshape import LogJoin, Reshaper
from collector.settings import load

_GZIP = b"\x1f\x8b"


class Form(StrEnum):
    OTLP = "otlp"


def register(app: typer.Typer) -> None:
    app.command()(preview)


def preview(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="OTLP exports; - is standard input.")],
    form: Annotated[Form, typer.Option("--as", help="What the files hold.")] = Form.OTLP,
    signal: Annotated[Signal, typer.Option(help="What protobuf files hold; JSON says so itself.")] = Signal.TRACES,
) -> None:
    """Print what would leave, one OTLP/JSON request a line for each FILE."""
    settings = load().settings
    join = LogJoin(time.monotonic)
    reshaper = Reshaper(settings.reshape_source_keys, vectors=settings.reshape_vectors, join=join)
    pipeline = Pipeline(Sealer(settings.content), reshaper=reshaper)
    failed = False
    for file in files:
        try:
            for line in _preview(pipeline, file, signal, settings.max_body_bytes):
                sys.stdout.buffer.write(line + b"\n")
                sys.stdout.buffer.flush()
        except CollectorError as error:
            print(f"collector: {file}: {error}", file=sys.stderr)
            failed = True
    raise typer.Exit(1 if failed else 0)


def _preview(pipeline: Pipeline, file: Path, signal: Signal, most_bytes: int) -> Iterator[bytes]:
    for body in _bodies(file, most_bytes):
        is_json = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[", b"")
        found = _signal_of(body) if is_json else signal
        outcome = pipeline.run(found, body, JSON if is_json else PROTOBUF)
        if outcome.rejected.total:
            print(f"collector: {file}: left out: {outcome.rejected}", file=sys.stderr)
        for reason, count in outcome.dropped.items():
            print(f"collector: {file}: dropped: {count} with {reason}", file=sys.stderr)
        if outcome.batch is None:
            yield b"{}"
        else:
            yield to_json(found.request.FromString(outcome.batch.data))


def _bodies(file: Path, most_bytes: int) -> Iterator[bytes]:
    """The requests in a file: one as a whole, or one a line."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise CollectorError(f"cannot be read: {error.strerror}") from None
    if data.startswith(_GZIP):
        data = decompress(data, "gzip", most_bytes)
    lines = data.strip().splitlines()
    if len(lines) > 1 and all(line.startswith(b"{") and _is_json(line) for line in lines):
        yield from lines
    else:
        yield data


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _signal_of(body: bytes) -> Signal:
    """Which signal a JSON request holds, by the key it begins with."""
    for signal, key in ((Signal.LOGS, b'"resourceLogs"'), (Signal.METRICS, b'"resourceMetrics"')):
        at = body.find(key)
        if 0 <= at < (body.find(b'"resourceSpans"') + 1 or len(body)) and not body[:at].strip(b"\xef\xbb\xbf \t\r\n{"):
            return signal
    return Signal.TRACES
