"""What is refused is said once a change, however many requests come."""

from __future__ import annotations

import logging

import pytest

from collector.errors import Busy, StoreFull
from collector.receive.limits import RefusalLog


def test_a_line_a_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = [0.0]
    log = RefusalLog(lambda: now[0])
    log.taken()
    for _ in range(100):
        log.refused(StoreFull("the queue is full"))
        now[0] += 1
        log.taken()
    log.refused(Busy("too much at once"))
    now[0] += 60
    log.taken()
    log.taken()
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "telemetry is refused for now (503), and clients try again: the queue is full",
        "telemetry is refused for now (429), and clients try again: too much at once",
        "telemetry is taken again",
    ]
