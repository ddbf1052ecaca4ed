"""The redaction of this checkout beside that of another, by kind of text: both in turn, in one run.

    python tests/bench/beside.py CHECKOUT [DIRECTORY...]

CHECKOUT has a `.venv` of its own. For each kind of text it prints the CPU time that each takes, and how many times as
fast this one is: texts of 16 KB without findings, one by one and together, and the payloads of the other benches
sealed. Texts come from the standard library, what is installed here, `/usr/share/doc`, and DIRECTORY. Each figure is
the median of rounds in which the two take turns, so that what else runs on the machine falls on both.
"""

from __future__ import annotations

import base64
import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import redaction
from bench_seal import changed
from harness.ordinary_text import installed
from payloads import SHAPES, payload

HERE = Path(__file__).parents[2]
KINDS = {
    "JavaScript": (".js", ".mjs", ".cjs"),
    "TypeScript": (".ts", ".tsx"),
    "Python": (".py",),
    "C": (".c", ".h"),
    "Markdown": (".md",),
    "text": (".txt", ".rst"),
    "HTML": (".html",),
    "JSON": (".json",),
    "YAML": (".yml", ".yaml"),
    "shell": (".sh", ".bash"),
}
SIZE, LEAST_FILE, TEXTS, ROUNDS = 16_000, 2_000, 60, 9


def main() -> None:
    other, directories = Path(sys.argv[1]).resolve(), sys.argv[2:]
    sides = [Side(other), Side(HERE)]
    try:
        compare(sides, [*installed(), "/usr/share/doc", "/usr/share/perl", *directories])
    finally:
        for side in sides:
            side.end()


def compare(sides: Sequence[Side], directories: Sequence[str]) -> None:
    print(f"us of CPU for {SIZE} bytes without findings, one by one and together; medians of {ROUNDS}")
    print(f"{'':26}{'other':>9}{'this':>9}{'ratio':>7}   {'other':>9}{'this':>9}{'ratio':>7}")
    for kind, texts in kinds_of_text(directories):
        clean = set(range(len(texts)))
        for side in sides:
            clean &= set(side.ask("clean", texts))
        texts = [texts[number] for number in sorted(clean)]
        if len(texts) < 5:
            continue
        for side in sides:
            side.ask("keep", kind, texts)
        size = sum(len(text.encode()) for text in texts) / SIZE
        times = max(1, int(60 / size))
        both = [in_turn(sides, partial(reading, way, kind, times)) for way in ("find", "find_all")]
        print(f"{kind:26}" + "   ".join(row(took, size * times) for took in both), flush=True)
    print("us of CPU for a span sealed, with texts never seen")
    for shape, (spans, _, _) in SHAPES.items():
        for change in ("nothing to find", "a label in some", "a token in each"):
            print(f"{shape + ' ' + change:26}" + row(in_turn(sides, sealing(shape, change)), spans))


def reading(way: str, kind: str, times: int, _number: int) -> tuple[str, str, int]:
    return way, kind, times


def sealing(shape: str, change: str) -> Callable[[int], tuple[str, str]]:
    """A payload to be sealed in each round, with texts of no other round: clean ones are not read again."""
    body = payload(shape, 1)
    return lambda number: ("seal", base64.b64encode(changed(body, change, number)).decode())


def in_turn(sides: Sequence[Side], question: Callable[[int], tuple[Any, ...]]) -> list[float]:
    """CPU time of each side for the question of a round, in the median of the rounds."""
    took: list[list[int]] = [[] for _ in sides]
    for number in range(ROUNDS):
        asked = question(number)
        for side, times in zip(sides, took, strict=True):
            times.append(side.ask(*asked))
    return [statistics.median(times) for times in took]


def row(took: list[float], pieces: float) -> str:
    other, this = (ns / pieces / 1000 for ns in took)
    return f"{other:9.1f}{this:9.1f}{other / this:7.2f}"


def kinds_of_text(directories: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Texts of each kind, drawn by a lot that always falls the same."""
    yield "the bench's own words", [redaction.text(SIZE, 0, seed) for seed in range(TEXTS)]
    paths = [path for directory in directories for path in Path(directory).rglob("*")]
    for kind, endings in KINDS.items():
        yield kind, drawn(sorted(path for path in paths if path.suffix in endings))


def drawn(paths: list[Path]) -> list[str]:
    lot = random.Random(1)
    lot.shuffle(paths)
    texts: list[str] = []
    for path in paths:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if len(text) >= LEAST_FILE and "\0" not in text:
            at = lot.randrange(max(1, len(text) - SIZE))
            texts.append(text[at : at + SIZE])
        if len(texts) == TEXTS:
            break
    return texts


class Side:
    """A process with the redaction of one checkout."""

    def __init__(self, checkout: Path) -> None:
        self._process = subprocess.Popen(
            [checkout / ".venv/bin/python", Path(__file__).with_name("beside_worker.py")],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, *question: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    main()
