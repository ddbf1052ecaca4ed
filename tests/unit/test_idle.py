"""A collector that nothing is sent to sleeps: laptops run it all day."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest
from harness.process import running


def _wakeups(pid: int) -> int:
    """How often the threads of a process slept and were woken."""
    tasks = Path(f"/proc/{pid}/task").glob("*/status")
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", each.read_text(), re.M)[1]) for each in tasks)  # type: ignore[index]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of wakeups")
def test_an_idle_collector_wakes_less_than_once_a_second(tmp_path: Path) -> None:
    """Counted over ten seconds, the best of three: what starts a process is not what it does when idle."""
    with running(tmp_path) as collector:
        counts = []
        for _ in range(3):
            before = _wakeups(collector.pid)
            time.sleep(10)
            counts.append(_wakeups(collector.pid) - before)
            if counts[-1] < 10:
                break
        assert min(counts) < 10, counts
