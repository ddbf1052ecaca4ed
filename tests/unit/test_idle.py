"""A collector that nothing is sent to sleeps: laptops run it all day."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest
from harness.process import running, sealing_processes
from harness.telemetry import traces
from harness.upstream import upstream


def _wakeups(pid: int) -> int:
    """How often the threads of a process slept and were woken."""
    tasks = Path(f"/proc/{pid}/task").glob("*/status")
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", each.read_text(), re.M)[1]) for each in tasks)  # type: ignore[index]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of wakeups")
@pytest.mark.parametrize("workers", [0, 2])
def test_an_idle_collector_wakes_less_than_once_a_second(tmp_path: Path, workers: int) -> None:
    """Counted over ten seconds, the best of three: what starts a process is not what it does when idle."""
    with running(tmp_path, "--workers", str(workers)) as collector:
        processes = [collector.pid, *sealing_processes(collector.pid)]
        assert len(processes) == 1 + workers
        counts = []
        for _ in range(3):
            before = sum(map(_wakeups, processes))
            time.sleep(10)
            counts.append(sum(map(_wakeups, processes)) - before)
            if counts[-1] < 10:
                break
        assert min(counts) < 10, counts


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is loaded")
def test_a_collector_that_forwards_loads_its_client_with_the_first_post(tmp_path: Path) -> None:
    """10 MiB that an idle one can do without."""
    with upstream() as up, running(tmp_path, "--upstream", up.url) as collector:

        def is_loaded() -> bool:
            return "/aiohttp/" in Path(f"/proc/{collector.pid}/maps").read_text()

        time.sleep(1)
        assert not is_loaded()
        collector.post("/v1/traces", traces(2).SerializeToString())
        up.wait(lambda at: len(at.spans()) == 2)
        assert is_loaded()
