"""Makes the load of a number of developers on this machine, for a collector that is started for it.

`python tests/bench/capacity_load.py` sends what 10,000 developers send, as `capacity.py` simulates it, for a minute:
the events of their agents (`--send events`, the mean of the busiest hour; `--busiest` its busiest second) or the spans
of their laptops' collectors (`--send spans`). The collector forwards to a sink on this machine. It prints what was
taken, how long answers took, the processors and memory the collector used, and whether it kept up. `--postgres` keeps
in PostgreSQL, on the same machine.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from capacity import Assumed, Traffic, traffic
from harness.live_sessions import SPANS_A_TURN, LiveSessions, post_turns
from harness.postgres import own_server, programs
from harness.process import Process, memory, running
from payloads import SHAPES
from peers_running import Generator, cpu_of
from sink import sink

_MOST_SESSIONS = 400
_KEPT_UP = 0.95
_DRAIN_S = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--developers", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--send", choices=("events", "spans"), default="events")
    parser.add_argument("--busiest", action="store_true", help="what the busiest second has, all the time")
    parser.add_argument("--postgres", action="store_true")
    arguments = parser.parse_args()
    wanted = traffic(arguments.developers, Assumed())
    with contextlib.ExitStack() as held:
        extra = {}
        if arguments.postgres:
            if programs() is None:
                sys.exit("PostgreSQL's server is not installed")
            extra["COLLECTOR_STORE_URL"] = held.enter_context(own_server("shared_buffers=256MB")).new_database()
        place = Path(held.enter_context(tempfile.TemporaryDirectory()))
        upstream, _ = held.enter_context(sink())
        collector = held.enter_context(running(place, "--upstream", upstream, **extra))
        send = events if arguments.send == "events" else spans
        send(collector, wanted, arguments.seconds, arguments.busiest)


def events(collector: Process, wanted: Traffic, seconds: float, busiest: bool) -> None:
    """Whole turns of sessions at work at once, each session's events in order."""
    rate = wanted.busiest_events if busiest else wanted.events
    live = max(min(wanted.at_work, _MOST_SESSIONS), 1)
    sessions = LiveSessions(live)
    turns = max(round(rate * seconds / live / sessions.events_a_turn), 1)
    before = cpu_of(collector.pid)
    posted = post_turns(collector.url, sessions, turns, a_second=rate, events_a_post=20, connections=min(live, 64))
    cores = (cpu_of(collector.pid) - before) / posted.seconds
    taken = posted.events / posted.seconds
    told = (posted.latency(0.5), posted.latency(0.99))
    _told(collector, wanted, "events", rate, taken, cores, told)
    print(f"{live} sessions at work; {posted.again} posts came again")
    _drained(collector, turns * live * SPANS_A_TURN)


def spans(collector: Process, wanted: Traffic, seconds: float, busiest: bool) -> None:
    """Requests of payload M, which have 64 spans."""
    rate = wanted.busiest_spans if busiest else wanted.spans
    generator = Generator()
    try:
        generator.load(f"{collector.url}/v1/traces", "M", 1, 0.01)  # makes its payloads
        before = cpu_of(collector.pid)
        found = generator.load(f"{collector.url}/v1/traces", "M", 16, seconds, rate / SHAPES["M"][0])
    finally:
        generator.close()
    cores = (cpu_of(collector.pid) - before) / found["wall"]
    taken = found["requests"] * SHAPES["M"][0] / found["wall"]
    _told(collector, wanted, "spans", rate, taken, cores, (found["p50"], found["p99"]))
    _drained(collector, 0)


def _told(
    collector: Process, wanted: Traffic, what: str, rate: float, taken: float, cores: float, ms: tuple[float, float]
) -> None:
    print(f"{wanted.developers:,} developers: {rate:,.0f} {what}/s asked for, {taken:,.0f}/s taken", end=": ")
    print("kept up" if taken >= rate * _KEPT_UP else "did NOT keep up")
    print(f"answers: p50 {ms[0]:.0f} ms, p99 {ms[1]:.0f} ms")
    print(f"the collector: {cores:.2f} cores, at most {memory(collector.pid, 'VmHWM') >> 20} MiB")


def _drained(collector: Process, spans: int) -> None:
    began = time.monotonic()
    while True:
        account = collector.account()
        if account["received"] >= spans and not account["queued"]:
            break
        if time.monotonic() - began > _DRAIN_S:
            print(f"not drained within {_DRAIN_S} s: {account}")
            return
        time.sleep(0.2)
    print(
        f"all told and delivered {time.monotonic() - began:.1f} s after the last post: {account['delivered']:,} spans"
    )


if __name__ == "__main__":
    main()
