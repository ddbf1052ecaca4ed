"""`collector redact`: text in, redacted text out."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from collector.cli.options import PolicyOption
from collector.cli.policy import load_in_force
from collector.cli.show import json_text, say, write_text
from collector.enforce.explain import reason_of
from collector.errors import CollectorError
from collector.redact.label import label_of
from collector.redact.seal import Sealer
from collector.settings.sources import load


def register(app: typer.Typer) -> None:
    app.command()(redact)


def redact(
    jsonl: Annotated[bool, typer.Option("--jsonl", help='Read {"text":...} a line, write text and findings.')] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Also say why, and how to allow it, on stderr.")] = False,
    policy: PolicyOption = None,
) -> None:
    """Mask what must not leave, from standard input to output."""
    in_force = load_in_force(load({"policy_file": policy}))
    sealer = in_force.sealer()
    if explain and not jsonl:
        data = sys.stdin.buffer.read()
        redacted, extents = sealer.text(data)
        write_text(redacted)
        sys.stdout.buffer.flush()
        for number, extent in enumerate(extents):
            label = label_of(data, extents, number)
            beside = f", beside {label}" if label else ""
            line = data.count(b"\n", 0, extent.start) + 1
            column = len(data[data.rfind(b"\n", 0, extent.start) + 1 : extent.start].decode("utf-8", "replace")) + 1
            say(f"line {line}, column {column}{beside}: {reason_of(extent.rule, in_force)}", sys.stderr)
        return
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
        found = _redacted(sealer, text)
        if explain:
            for finding in found["findings"]:
                finding["why"] = reason_of(finding["rule"], in_force)
        sys.stdout.write(json_text(found) + "\n")
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
