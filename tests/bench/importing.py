"""What an import takes: processor time and memory of both processes, beside reading the same data.

`python tests/bench/importing.py [SESSIONSxTURNS ...] [--door database|export]`; one session of ten thousand turns
(`1x10000`) takes many minutes, and is read only where it is asked for.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.kept_sessions import database, exports
from harness.process import command, cpu_seconds, environment, memory, running

from collector.opencode.client import batches
from collector.opencode.database import Database
from collector.opencode.files import Export
from collector.opencode.history import HistorySource

SIZES = ("500x20", "1x800", "1x3000")
_MIB = 1024 * 1024


def read(sources: list[HistorySource]) -> tuple[float, int]:
    """Seconds of processor time that reading and parsing takes, and the bytes that would be sent."""
    began, size = time.process_time(), 0
    for source in sources:
        for kept in source.sessions():
            for batch in batches(source.items(kept.id)):
                size += sum(map(len, batch))
    return time.process_time() - began, size


def files(folder: Path, door: str, sessions: int, turns: int) -> list[Path]:
    if door == "database":
        return [database(folder / "opencode.db", sessions, turns)]
    return exports(folder / "exports", sessions, turns)


def waiting(folder: Path) -> int:
    """Facts that are not told yet; read beside the collector, which the question would have load its page."""
    return _count(folder, "SELECT count(*) FROM inbox WHERE message_id <> ''")


def built(folder: Path) -> int:
    return _count(folder, "SELECT coalesce(sum(items), 0) FROM ledger WHERE outcome = 'received'")


def _count(folder: Path, query: str) -> int:
    with closing(sqlite3.connect(f"{(folder / 'data' / 'collector.db').as_uri()}?mode=ro", uri=True)) as store:
        return int(store.execute(query).fetchone()[0])


def _peak(pid: int) -> int:
    return round(memory(pid, "VmHWM") / _MIB)


def measure(folder: Path, door: str, sessions: int, turns: int) -> dict[str, Any]:
    kept = files(folder, door, sessions, turns)
    reading, size = read([Database(kept[0])] if door == "database" else [Export(path) for path in kept])
    with running(folder, COLLECTOR_TURN_QUIET_SECONDS="30") as collector:
        idle, begun = memory(collector.pid, "VmHWM"), cpu_seconds(collector.pid)
        importing = subprocess.Popen(
            command("opencode", "import", *map(str, kept)), cwd=folder, env=environment(folder), stdout=subprocess.PIPE
        )
        most, took, shown = 0, 0.0, time.monotonic()
        while importing.poll() is None:
            most = max(most, memory(importing.pid, "VmHWM"))
            took = max(took, cpu_seconds(importing.pid))
            time.sleep(0.2)
            if time.monotonic() - shown > 30:
                shown = time.monotonic()
                now = cpu_seconds(collector.pid) - begun
                print(f"  {built(folder)} spans, {now:.0f} s, {_peak(collector.pid)} MiB", file=sys.stderr, flush=True)
        while waiting(folder):
            time.sleep(0.5)
        took_mib, took_s = _peak(collector.pid), cpu_seconds(collector.pid) - begun
        return {
            "door": door,
            "turns": f"{sessions}x{turns}",
            "code": importing.returncode,
            "read_mb": round(size / 1e6, 1),
            "spans": built(folder),
            "expected": sessions * turns * 4,
            "reading_s": round(reading, 1),
            "importer_s": round(took, 1),
            "collector_s": round(took_s, 1),
            "idle_mib": round(idle / _MIB),
            "importer_mib": round(most / _MIB),
            "collector_mib": took_mib,
        }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", default=list(SIZES))
    parser.add_argument("--door", choices=("database", "export"))
    given = parser.parse_args(arguments)
    for size in given.sizes:
        sessions, _, turns = size.partition("x")
        for door in (given.door,) if given.door else ("database", "export"):
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps(measure(Path(folder), door, int(sessions), int(turns))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
