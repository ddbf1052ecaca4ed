"""`collector redact`: text in, redacted text out."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from collector.errors import CollectorError
from collector.redact.engine import Engine, replace


def register(app: typer.Typer) -> None:
    app.command()(redact)


def redact(
    jsonl: Annotated[bool, typer.Option("--jsonl", help='Read {"text":...} a line, write text and findings.')] = False,
) -> None:
    """Mask credentials in what is read from standard input."""
    engine = Engine()
    if not jsonl:
        data = sys.stdin.buffer.read()
        sys.stdout.buffer.write(replace(data, engine.find(data)))
        return
    failed = False
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            text = json.loads(line)["text"]
            if not isinstance(text, str):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            print(f'collector: line {number}: expected {{"text": "..."}}', file=sys.stderr)
            failed = True
            continue
        sys.stdout.write(json.dumps(_redacted(engine, text), ensure_ascii=False) + "\n")
    if failed:
        raise CollectorError("some lines could not be read")


def _redacted(engine: Engine, text: str) -> dict[str, Any]:
    """Offsets are code points of the input."""
    data = text.encode("utf-8", "surrogatepass")
    extents = engine.find(data)
    findings = [
        {
            "rule": extent.rule,
            "start": len(data[: extent.start].decode("utf-8", "surrogatepass")),
            "end": len(data[: extent.end].decode("utf-8", "surrogatepass")),
        }
        for extent in extents
    ]
    return {"text": replace(data, extents).decode("utf-8", "replace"), "findings": findings}
