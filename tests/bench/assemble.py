"""How fast events become spans, and what many sessions cost: `python tests/bench/assemble.py`."""

from __future__ import annotations

import gzip
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import orjson
from harness.live_sessions import recorded, shifted
from harness.opencode import FIXTURES, Script

from collector.app.memory import settle_memory, tune_allocator
from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType


def one_long_session(events: int) -> list[bytes]:
    """Turns of several steps and tools, compacted now and then as a real long session is."""
    multi, compaction = recorded("multi"), recorded("compaction")
    session = re.search(rb"ses_[0-9a-f]{12}\w+", multi[2])
    other = re.search(rb"ses_[0-9a-f]{12}\w+", compaction[2])
    assert session and other
    compaction = [line.replace(other[0], session[0]) for line in compaction]
    lines: list[bytes] = []
    turn = 0
    while len(lines) < events:
        lines += shifted(compaction if turn % 10 == 9 else multi, turn, session=0)
        turn += 1
    return lines[:events]


def run(lines: list[bytes], assembler: Assembler, reader: ItemReader) -> tuple[int, float]:
    """Spans made, and seconds of processor time taken from bytes to spans."""
    began = time.process_time()
    spans = 0
    for line in lines:
        item: dict[str, Any] = orjson.loads(line)
        now = item["ts"]
        for fact in reader.read(item, now):
            if not isinstance(fact, UnknownType):
                spans += len(assembler.feed(fact, now))
    spans += len(assembler.look(now + 10_000))
    return spans, time.process_time() - began


def recorded_sessions() -> list[list[dict[str, Any]]]:
    """What the plugin told in the recordings of real sessions."""
    paths = sorted(FIXTURES.glob("recorded/*/*.json.gz"))
    return [orjson.loads(gzip.decompress(path.read_bytes()))["plugin"] for path in paths]


def one_after_the_other(sessions: list[list[dict[str, Any]]]) -> tuple[int, int, float]:
    """Events and spans of `sessions` in one stream, and the seconds of processor time that these took."""
    assembler, reader = Assembler(), ItemReader()
    events = spans = now = 0
    began = time.process_time()
    for lines in sessions:
        moved = now + 10_000 - lines[0]["ts"]
        for item in lines:
            now = item["ts"] + moved
            for fact in reader.read(item, now):
                if not isinstance(fact, UnknownType):
                    spans += len(assembler.feed(fact, now))
        events += len(lines)
        spans += len(assembler.look(now + 10_000))
        assembler.finished.clear()
    return events, spans, time.process_time() - began


def long_session(turns: int) -> Script:
    """Turns of one call each; the conversation fills a span after about 1,500 of them."""
    script = Script()
    for turn in range(turns):
        at = turn * 10_000
        script.user(f"msg_{turn:05}a", at + 10, f"question {turn} " + "of words " * 60)
        script.answer(f"msg_{turn:05}b", f"msg_{turn:05}a", at + 100, f"answer {turn} " + "in words " * 60)
        script.idle(at + 200)
    return script


def held_by_a_long_session(turns: int) -> None:
    """Print what the process holds, each quarter of a session of `turns` turns."""
    told = long_session(turns).events
    assembler, reader, before = Assembler(), ItemReader(), megabytes()
    for count, item in enumerate(told, 1):
        for fact in reader.read(item, item["ts"]):
            if not isinstance(fact, UnknownType):
                assembler.feed(fact, item["ts"])
        assembler.finished.clear()
        assembler.once.marks.clear()
        if count % (len(told) // 4) == 0:
            print(f"{turns * count // len(told):6} turns of one session: {megabytes() - before:.0f} MB more resident")


def megabytes() -> float:
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    tune_allocator()
    settle_memory()  # as the collector's process is
    lines = one_long_session(20_000)
    spans, seconds = run(lines, Assembler(), ItemReader())
    print(f"one session: {len(lines)} events, {spans} spans, {len(lines) / seconds:,.0f} events/s")

    told = recorded_sessions()
    count, spans, seconds = min((one_after_the_other(told) for _ in range(5)), key=lambda found: found[2])
    print(f"{len(told)} recorded sessions: {count} events, {spans} spans, {count / seconds:,.0f} events/s")

    held_by_a_long_session(10_000)

    assembler, reader = Assembler(), ItemReader()
    multi = recorded("multi")
    for number in range(1, 1001):
        run(list(shifted(multi, number, session=number)), assembler, reader)
        assembler.finished.clear()
        if number in (100, 250, 500, 1000):
            print(f"{number:5} sessions: {megabytes():.0f} MB resident, {len(assembler.sessions)} sessions held")


if __name__ == "__main__":
    sys.exit(main())
