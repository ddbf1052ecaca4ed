"""Prints what sealing processes (`--workers`) give and cost: CPU a span of each part, spans/s at four connections.

Rows take turns, medians of rounds, fresh ids and texts. Spans/s are what this machine gives beside a generator and a
sink, which want cores too: on more cores the ceiling is a second of CPU over what the keeping process takes a span.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.process import Process, memory, sealing_processes
from payloads import SHAPES
from sink import sink

_REQUESTS = {"S": 60, "M": 80, "L": 30}
_CONNECTIONS = 4
_TICK = os.sysconf("SC_CLK_TCK")
_MIB = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--local", action="store_true", help="keep only; otherwise all is forwarded as JSON+gzip too")
    arguments = parser.parse_args()
    found: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
    generator = [sys.executable, str(Path(__file__).with_name("peers_load.py"))]
    with subprocess.Popen(generator, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        for _ in range(arguments.rounds):
            for shape in SHAPES:
                for workers in arguments.workers:
                    found[shape, workers].append(_row(load, shape, workers, local=arguments.local))
        assert load.stdin is not None
        load.stdin.close()
    print(
        f"{'':4}{'workers':>8}{'spans/s':>10}{'keeping us':>12}{'sealing us':>12}{'ceiling/s':>11}{'MiB':>6}"
        f"{'MiB each':>10}"
    )
    for (shape, workers), rows in found.items():
        of = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        print(
            f"{shape:4}{workers:8}{of['rate']:10.0f}{of['keeping']:12.1f}{of['sealing']:12.1f}"
            f"{1e6 / of['keeping']:11.0f}{of['memory']:6.0f}{of['each']:10.0f}"
        )


def _row(load: subprocess.Popen[str], shape: str, workers: int, *, local: bool) -> dict[str, float]:
    where = nullcontext(("", None)) if local else sink()
    with where as (address, _), tempfile.TemporaryDirectory() as place:
        flags = ["--workers", str(workers), *(["--upstream", address] if address else [])]
        process = Process(Path(place), *flags)
        try:
            children = sealing_processes(process.pid)
            _post(load, process.url, shape, 4)
            _drained(process)
            before = _cpu([process.pid]), _cpu(children)
            sent = _post(load, process.url, shape, _REQUESTS[shape])
            _drained(process)
            used = _cpu([process.pid]) - before[0], _cpu(children) - before[1]
            held = memory(process.pid) / _MIB, max([memory(child) / _MIB for child in children], default=0.0)
        finally:
            process.stop()
    spans = sent["requests"] * SHAPES[shape][0]
    return {
        "rate": spans / sent["wall"],
        "keeping": used[0] / spans * 1e6,
        "sealing": used[1] / spans * 1e6,
        "memory": held[0],
        "each": held[1],
    }


def _post(load: subprocess.Popen[str], url: str, shape: str, requests: int) -> dict[str, float]:
    assert load.stdin is not None and load.stdout is not None
    load.stdin.write(f"{url}/v1/traces {shape} {_CONNECTIONS} 600 0 {requests}\n")
    load.stdin.flush()
    found: dict[str, float] = json.loads(load.stdout.readline())
    assert "failed" not in found and not found["refused"], found
    return found


def _drained(process: Process) -> None:
    while any(
        account["queued"] for signals in process.get("/api/status")["ledger"].values() for account in signals.values()
    ):
        time.sleep(0.2)
    time.sleep(1)  # what is done beside the posts


def _cpu(pids: list[int]) -> float:
    """Seconds of CPU, of all threads."""
    found = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found += (int(fields[11]) + int(fields[12])) / _TICK
    return found


if __name__ == "__main__":
    main()
