"""How version 1 of the published vectors was made: python tests/conformance/vectors.py HARMLESS_LINES > vectors.jsonl

`HARMLESS_LINES` is a file of ordinary lines that must be left alone.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import unseen
import vendors

_SEED = 20261125
_TOLERANCE = 0.95


def _vector(number: int, kind: str, text: str, secret: str) -> dict[str, Any]:
    start = text.rindex(secret) if secret else 0
    spans = [{"start": start, "end": start + len(secret)}] if secret else []
    return {
        "id": f"{kind}-{number}",
        "kind": kind,
        "position": "text",
        "input": text,
        "expected": spans,
        "tolerance": _TOLERANCE,
    }


def made(harmless: Path) -> Iterator[dict[str, Any]]:
    """Every form once in a sentence, every third sample, every harmless line."""
    for number, form in enumerate(vendors.FORMS):
        token = vendors.token(form.form, random.Random(_SEED + number))
        yield _vector(number, "token", f"Found {token} in it.", token)
    for number, sample in enumerate(unseen.samples(_SEED)):
        if number % 3 == 0:
            yield _vector(number, sample.kind, sample.text, sample.secret)
    for number, line in enumerate(harmless.read_text(encoding="utf-8").splitlines()):
        yield _vector(number, "harmless", line, "")


if __name__ == "__main__":
    for row in made(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
