"""A disk that is really full: what was delivered makes room, and what waits is delivered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.process import Process, ask, assert_balanced, running
from harness.telemetry import span_ids, traces
from harness.upstream import OK, Answer, Received, upstream, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs root on Linux"),
]

MIB = 1024 * 1024


@contextmanager
def _small_disk(place: Path, size: int) -> Iterator[Path]:
    """A file system of `size` bytes at `place`; skips where even root may not mount one, as in some containers."""
    place.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _fill(proxy: Process) -> tuple[list[str], int]:
    """Post until it is refused for good, not only until the log is emptied; the spans that were answered with 200."""
    answered: list[str] = []
    refused = status = 0
    while refused < 6:
        request = traces(2, {"input.value": os.urandom(40_000).hex()})
        status = proxy.post("/v1/traces", request.SerializeToString())[0]
        if status == 200:
            refused = 0
            answered += span_ids(request)
        else:
            refused += 1
            time.sleep(0.3)
    return answered, status


def _log_fits(data: Path) -> bool:
    """Whether the disk has room to write the log into the file; where it has not, nothing can be written any more."""
    log = (data / "collector.db-wal").stat().st_size
    try:
        kept = (data / "reserve").stat().st_size
    except FileNotFoundError:
        kept = 0
    return log <= shutil.disk_usage(data).free + kept


@pytest.mark.parametrize("pause", [0, 0.3], ids=["", "slowly"])
def test_delivered_data_makes_room_on_a_full_disk(pause: float, tmp_path: Path) -> None:
    """Far more is taken than the disk holds, though the store's own cap is never reached."""

    def answer(_: Received) -> Answer:
        time.sleep(pause)
        return OK

    with (
        _small_disk(tmp_path / "data", 12 * MIB) as data,
        upstream(answer) as up,
        running(tmp_path, "--upstream", up.url) as proxy,
    ):
        taken = 0
        refused = 0
        for _ in range(300):
            request = traces(2, {"input.value": os.urandom(40_000).hex()})
            if proxy.post("/v1/traces", request.SerializeToString())[0] == 200:
                taken += 2
            else:
                refused += 1
                wait_for(lambda: _log_fits(data), 10)  # what is read changes meanwhile; what stops all writes stays
                wait_for(lambda: ask(proxy.url + "/readyz", None, {})[0] == 200, 40)
        assert taken > 400, (taken, refused)
        wait_for(
            lambda: proxy.account()["delivered"] == taken,
            40,
            lambda: f"taken {taken}, refused {refused}, {proxy.account()}, {ask(proxy.url + '/readyz', None, {})}",
        )
        assert_balanced(proxy.account())


def test_what_is_indexed_for_search_leaves_room_for_the_log_on_a_small_disk(tmp_path: Path) -> None:
    """The index of a text is larger than the batch, and is written after the post was answered."""
    with _small_disk(tmp_path / "data", 12 * MIB) as data, running(tmp_path) as proxy:
        while shutil.disk_usage(data).free > 3.75 * MIB:
            request = traces(2, {"input.value": os.urandom(10_000).hex()})
            assert proxy.post("/v1/traces", request.SerializeToString())[0] == 200
        for _ in range(30):
            time.sleep(0.1)
            assert _log_fits(data)
        assert proxy.post("/v1/traces", traces(1).SerializeToString())[0] == 200
        assert_balanced(proxy.account())


def test_a_disk_full_of_what_waits_refuses_says_so_and_delivers_after_a_restart(tmp_path: Path) -> None:
    down = [True]

    def answer(_: Received) -> Answer:
        return (503, {}, b"") if down[0] else OK

    with _small_disk(tmp_path / "data", 12 * MIB), upstream(answer) as up:
        with running(tmp_path, "--upstream", up.url) as proxy:
            answered, status = _fill(proxy)
            assert status == 503
            assert ask(proxy.url + "/readyz", None, {})[0] == 503
            assert_balanced(proxy.account())
            assert proxy.account()["queued"] == len(answered)
            proxy.stop()
        with running(tmp_path, "--upstream", up.url) as proxy:
            assert proxy.account()["queued"] == len(answered)
            down[0] = False
            up.wait(lambda u: {span.span_id.hex() for span in u.spans()} >= set(answered), 60)
            wait_for(lambda: proxy.account()["queued"] == 0, 60)
            wait_for(lambda: ask(proxy.url + "/readyz", None, {})[0] == 200, 40)
            assert proxy.post("/v1/traces", traces(1).SerializeToString())[0] == 200
            assert_balanced(proxy.account())
