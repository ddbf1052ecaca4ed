"""`collector preview`: exactly what would leave, without a collector and without a network."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from collector.assemble.assembler import Assembler
from collector.assemble.spans.otlp import export_request
from collector.batch import SealedBatch, Signal
from collector.cli.options import PolicyOption
from collector.cli.policy import load_in_force
from collector.cli.recognise import OPENCODE, OTLP, recognised
from collector.cli.show import say, write_document
from collector.enforce.in_force import InForce
from collector.errors import CollectorError
from collector.otlp.read import JSON, PROTOBUF
from collector.otlp.write import to_json
from collector.pipeline.events import Intake
from collector.pipeline.otlp import Pipeline
from collector.pipeline.sift import Sieve
from collector.receive.decompress import decompress
from collector.redact.seal import always
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper
from collector.settings.model import Settings
from collector.settings.sources import load

_GZIP = b"\x1f\x8b"
_MOST_REASONS = 20


class Form(StrEnum):
    OTLP = OTLP
    OPENCODE = OPENCODE


def register(app: typer.Typer) -> None:
    app.command()(preview)


def preview(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="OTLP exports or OpenCode events; - is standard input.")
    ],
    form: Annotated[
        Form | None, typer.Option("--as", help="What the files hold; left out: told by how they begin.")
    ] = None,
    signal: Annotated[Signal, typer.Option(help="What protobuf files hold; JSON says so itself.")] = Signal.TRACES,
    policy: PolicyOption = None,
) -> None:
    """Print what would leave of each FILE as OTLP/JSON, a line each."""
    loaded = load({"policy_file": policy})
    in_force = load_in_force(loaded)
    otlp = new_otlp_preview(loaded.settings, in_force, signal)
    failed = False
    for file in files:
        try:
            data = _read(file, loaded.settings.max_body_bytes)
            if (form or recognised(data)) == Form.OTLP:
                otlp.read(file, data)
                continue
            batch, _ = event_batch(loaded.settings, in_force, file, data)
            write_document(to_json(Signal.TRACES.request.FromString(batch.data)) + b"\n")
        except CollectorError as error:
            say(f"collector: {file}: {error}", sys.stderr)
            failed = True
    for line in otlp.documents():
        write_document(line + b"\n")
    sys.stdout.buffer.flush()
    raise typer.Exit(1 if failed else 0)


def new_otlp_preview(settings: Settings, in_force: InForce, signal: Signal) -> OtlpPreview:
    """A preview of OTLP files as a collector of these settings would send them; `signal` is what protobuf holds."""
    join = LogJoin(time.monotonic)
    reshaper = Reshaper(settings.reshape_source_keys, vectors=settings.reshape_vectors, join=join, hold=True)
    sieve = Sieve(keep_internal=settings.keep_internal_spans)
    pipeline = Pipeline(always(in_force.sealer()), reshaper=reshaper, sift=sieve.sift)
    return OtlpPreview(pipeline, signal, settings.max_body_bytes)


class OtlpPreview:
    """What would leave of files that come one after another: what a later one says of the spans of an earlier one is
    in the document of that one."""

    def __init__(self, pipeline: Pipeline, signal: Signal, most_bytes: int) -> None:
        self._pipeline = pipeline
        self._signal = signal
        self._most_bytes = most_bytes
        self._documents: list[tuple[Signal, list[SealedBatch]]] = []
        self._held: dict[int, tuple[list[SealedBatch], int]] = {}

    def read(self, file: Path, data: bytes | None = None) -> None:
        """Take in a file, or `data` that was read from it: a document for each signal it holds."""
        sealed: dict[Signal, list[SealedBatch]] = {}
        for body in _bodies(_read(file, self._most_bytes) if data is None else data):
            is_json = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[", b"")
            found = _signal_of(body) if is_json else self._signal
            outcome = self._pipeline.run(found, body, JSON if is_json else PROTOBUF)
            if outcome.left_out.total:
                say(f"collector: {file}: left out: {outcome.left_out}", sys.stderr)
            for reason, count in outcome.dropped.items():
                say(f"collector: {file}: dropped: {count} with {reason}", sys.stderr)
            parts = sealed.setdefault(found, [])
            if outcome.batch is not None:
                parts.append(outcome.batch)
            if outcome.held is not None:
                self._held[outcome.held.number] = (parts, len(parts))
                parts.append(outcome.held.batch)
            for completed in outcome.completed:
                of_file, index = self._held[completed.number]
                of_file[index] = completed.batch
        self._documents += sealed.items()

    def documents(self) -> Iterator[bytes]:
        """Each document as OTLP/JSON, in the order of the files."""
        for found, parts in self._documents:
            yield to_json(found.request.FromString(b"".join(part.data for part in parts)))

    def batches(self) -> list[SealedBatch]:
        """What the documents are made of."""
        return [part for _, parts in self._documents for part in parts]


def event_batch(
    settings: Settings, in_force: InForce, file: Path, data: bytes | None = None
) -> tuple[SealedBatch, Counter[str]]:
    """The spans of the turns a file of OpenCode events tells of; what is open at its end is closed.

    Also what was found in the events, before there were spans, by rule.
    """
    sealer = in_force.sealer()
    intake = Intake(always(sealer), settings.service_name)
    assembler = Assembler(settings.service_name, settings.additional_metadata)
    body = _read(file, settings.max_body_bytes) if data is None else data
    taken = intake.take(body, time.time_ns() // 1_000_000)
    if not taken.rows and not taken.items - len(taken.rejected):
        raise CollectorError("holds no event of OpenCode that is known here")
    for index, reason in taken.rejected[:_MOST_REASONS]:
        say(f"collector: {file}: item {index} left out: {reason}", sys.stderr)
    for kind, count in taken.unknown.items():
        say(f"collector: {file}: unknown event type {kind}: {count}, kept out of spans", sys.stderr)
    for row in taken.rows:
        assembler.learn(row.fact, 0)
    batch = sealer.seal(Signal.TRACES, export_request(assembler.close()))
    early: Counter[str] = Counter()
    for (rule, _), times in taken.actions.items():
        early[rule] += times
    return batch, early


def _read(file: Path, most_bytes: int) -> bytes:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise CollectorError(f"cannot be read: {error.strerror}") from None
    return decompress(data, "gzip", most_bytes) if data.startswith(_GZIP) else data


def _bodies(data: bytes) -> Iterator[bytes]:
    """The requests in a file: one as a whole, or one a line."""
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
    found = _ROOT_KEY.search(body)
    return Signal(_ROOTS[found.group(1)]) if found else Signal.TRACES


_ROOTS = {b"Spans": "traces", b"Logs": "logs", b"Metrics": "metrics"}
_ROOT_KEY = re.compile(rb'"resource(Spans|Logs|Metrics)"')
