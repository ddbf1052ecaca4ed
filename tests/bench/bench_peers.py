"""Measures the collector beside others that take the same telemetry, and writes docs/performance.md.

`make bench-peers`: the same payloads, sink and machine, systems interleaved, the order turned round each round. CPU is
that of the process tree from the first post until all is delivered and the processes are still, so that what is done
later counts too. `--quick` is one round with short loads; it and `--only` print the page instead of writing it. A
system that fails is "not measured", with the reason. Machines are noisy: compare rows of one run, and CPU before wall
time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from payloads import SHAPES
from peers_report import OURS, Figures, Run, report
from peers_running import Generator, NotMeasured, Sink, counting_sink, cpu_of, started
from peers_stages import stages
from peers_systems import System, systems

_PAGE = Path(__file__).parents[2] / "docs/performance.md"
_MEASURED = Path(__file__).parent / "measured.json"
_ONCE_S = 30
"""A cell that took longer than this is measured once: what is many times slower needs no median."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2, help="of posting, for each figure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10.5, help="no measurement begins that would end later")
    parser.add_argument("--only", default="", help="systems whose name holds this")
    parser.add_argument("--shapes", default="SML", help="payloads, of S, M and L")
    parser.add_argument("--quick", action="store_true", help="one round of half a second each")
    parser.add_argument("--out", type=Path, help="the page (default: docs/performance.md for a whole run)")
    arguments = parser.parse_args()
    if not sys.platform.startswith("linux"):
        sys.exit("bench-peers reads /proc: it runs on Linux only")
    if arguments.quick:
        arguments.seconds, arguments.rounds = 0.5, 1
    is_whole = not (arguments.quick or arguments.only or arguments.shapes != "SML")
    every = systems()
    wanted = [each for each in every if arguments.only in each.name]
    run = rounds(wanted, arguments.shapes, arguments.seconds, arguments.rounds, arguments.minutes * 60)
    text = report(every, run)
    out = arguments.out or (_PAGE if is_whole else None)
    if out is None:
        print("", text, sep="\n")
    else:
        out.write_text(text, encoding="utf-8")
        print(f"written: {out.name}")
    if is_whole:
        keep(run)


def rounds(wanted: list[System], shapes: str, seconds: float, most: int, budget_s: float) -> Run:
    """Measure all, again as often as the time allows; the stages of ours at the end."""
    began = time.monotonic()
    found: dict[tuple[str, str], list[Figures]] = defaultdict(list)
    failed: dict[tuple[str, str], str] = {}
    took: dict[tuple[str, str], float] = defaultdict(float)
    generator = Generator()
    try:
        for number in range(most):
            for shape in shapes:
                for system in wanted[:: -1 if number % 2 else 1]:
                    key = system.name, shape
                    if not system.is_installed:
                        failed[key] = "not installed"
                    at = time.monotonic()
                    if key in failed or took[key] > _ONCE_S:
                        continue
                    if at - began + took[key] > budget_s:
                        if not found[key]:
                            failed[key] = "the time of the run was over"
                        continue
                    try:
                        found[key].append(measure(system, shape, seconds, generator))
                        print(f"{number + 1} {shape} {system.name:26}{found[key][-1].cpu_us:9.1f} us/span", flush=True)
                    except Exception as error:
                        failed[key] = str(error) if isinstance(error, NotMeasured) else type(error).__name__
                        print(f"{number + 1} {shape} {system.name:26}not measured: {error}", flush=True)
                        if "posting failed" in failed[key]:
                            generator.close()
                            generator = Generator()
                    took[key] = time.monotonic() - at
    finally:
        generator.close()
    return Run(
        figures={key: middle(rows) for key, rows in found.items() if rows},
        failed=failed,
        stages={shape: stages(shape) for shape in shapes if found[OURS, shape]},
        machine=f"{os.cpu_count()} CPUs, {platform.system()}, Python {platform.python_version()}",
        day=date.today().isoformat(),
    )


def middle(rows: list[Figures]) -> Figures:
    """The median of each figure, and of how many."""
    names = [name for name in Figures.__dataclass_fields__ if name != "rounds"]
    medians = {name: statistics.median(getattr(row, name) for row in rows) for name in names}
    return replace(rows[0], **medians, rounds=len(rows))


def measure(system: System, shape: str, seconds: float, generator: Generator) -> Figures:
    """One fresh process of `system` under one payload."""
    spans = SHAPES[shape][0]
    with (
        tempfile.TemporaryDirectory() as directory,
        counting_sink() as sink,
        started(system, Path(directory), sink) as running,
    ):
        running.settle(sink)
        idle = running.memory("VmRSS:")
        most = system.requests.get(shape, 0)
        generator.load(running.url, shape, 4, seconds / 2, most=most // 2)
        running.settle(sink)
        before, written, delivered, beside = running.cpu(), running.written(), sink.received(), cpu_of(sink.pid)
        four = generator.load(running.url, shape, 4, seconds, most=most)
        running.settle(sink)
        _check(system, four, sink, delivered)
        count = four["requests"] * spans
        figures = Figures(
            cpu_us=(running.cpu() - before) / count * 1e6,
            four=count / four["wall"],
            disk=(running.written() - written) / count,
            sent=(sink.received()[1] - delivered[1]) / count,
            beside_us=(four["cpu"] + cpu_of(sink.pid) - beside) / count * 1e6,
            idle_mib=idle,
        )
        one = generator.load(running.url, shape, 1, seconds / 2, most=most // 2)
        running.settle(sink)
        half = generator.load(running.url, shape, 8, seconds, max(four["requests"] / four["wall"] / 2, 0.5), most)
        running.settle(sink)
        return replace(
            figures,
            one=one["requests"] * spans / one["wall"],
            p50_ms=half["p50"],
            p99_ms=half["p99"],
            peak_mib=running.memory(),
        )


def _check(system: System, answered: dict[str, float], sink: Sink, before: tuple[int, int]) -> None:
    if answered["refused"] or not answered["requests"]:
        raise NotMeasured("it did not take what was sent")
    if system.forwards and sink.received() == before:
        raise NotMeasured("it did not deliver what was sent")


def keep(run: Run) -> None:
    """Keep what tests/bench/capacity.py reckons with: our figures of payload M."""
    figures = run.figures.get((OURS, "M"))
    if figures is not None:
        known = json.loads(_MEASURED.read_text(encoding="utf-8"))
        known["spans"] = {
            "cpu_us": round(figures.cpu_us, 1),
            "disk_bytes": round(figures.disk),
            "sent_bytes": round(figures.sent),
            "measured": f"{run.day}, {run.machine}, `make bench-peers`, payload M",
        }
        _MEASURED.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
