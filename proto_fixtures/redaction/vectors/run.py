"""Measure a redactor by the published vectors: any command that reads and writes JSON lines.

    python proto_fixtures/redaction/vectors/run.py -- collector redact --jsonl

The command gets one `{"text": ...}` a line on stdin and answers each with `{"findings": [{"start", "end"}]}`, offsets
in code points of the text. What it says beside that is ignored.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def vectors(version: str = "1") -> list[dict[str, Any]]:
    """The vectors of a version, in order."""
    with gzip.open(HERE / version / "vectors.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def score(rows: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Recall by kind, where a span counts when its tolerance is covered, and precision over all findings."""
    wanted: Counter[str] = Counter()
    met: Counter[str] = Counter()
    findings = right = 0
    for row, answer in zip(rows, answers, strict=True):
        found = [(each["start"], each["end"]) for each in answer["findings"]]
        for span in row["expected"]:
            inside = {at for start, end in found for at in range(max(start, span["start"]), min(end, span["end"]))}
            wanted[row["kind"]] += 1
            met[row["kind"]] += len(inside) >= row["tolerance"] * (span["end"] - span["start"])
        findings += len(found)
        right += sum(any(start < s["end"] and s["start"] < end for s in row["expected"]) for start, end in found)
    return {
        "recall": {kind: round(met[kind] / count, 3) for kind, count in sorted(wanted.items())},
        "precision": round(right / findings, 3) if findings else None,
        "findings": findings,
    }


def main(arguments: Sequence[str]) -> int:
    if "--" not in arguments:
        sys.stderr.write(__doc__ or "")
        return 2
    command = list(arguments[arguments.index("--") + 1 :])
    rows = vectors()
    text = "".join(json.dumps({"text": row["input"]}) + "\n" for row in rows)
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    sys.stdout.write(json.dumps(score(rows, answers), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
