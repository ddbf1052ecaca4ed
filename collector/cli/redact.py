"""`collector redact`: text in, redacted text out."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from collector.cli.options import PolicyOption
from collector.cli.policy import load_in_force
from collector.cli.show import json_text, write_text
from collector.errors import CollectorError
from collector.redact.seal import Sealer
from collector.settings.sources import load


def register(app: typer.Typer) -> None:
    app.command()(redact)


def redact(
    jsonl: Annotated[bool, typer.Option("--jsonl", help='Read {"text":...} a line, write text and findings.')] = False,
    policy: PolicyOption = None,
) -> None:
    """Mask what must not leave, from standard input to output."""
    sealer = load_in_force(load({"policy_file": policy})).sealer()
    if not jsonl:
        write_text(sealer.text(sys.stdin.buffer.read())[0])
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
        sys.stdout.write(json_text(_redacted(sealer, text)) + "\n")
    if failed:
        raise CollectorError("some lines could not be read")


def _redacted(sealer: Sealer, text: str) -> dict[str, Any]:
    """Offsets are code points of the input."""
    data = text.encode("utf-8", "surrogatepass")
    redacted, extents = sealer.text(data)
    findings = [
        {
            "rule": extent.rule,
            "start": len(data[: extent.start].decode("utf-8", "surrogatepass")),
            "end": len(data[: extent.end].decode("utf-8", "surrogatepass")),
        }
        for extent in extents
    ]
    return {"text": redacted.decode("utf-8", "replace"), "findings": findings}
