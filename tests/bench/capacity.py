"""What a number of developers needs, from what docs/performance.md measured: prints it, or writes docs/capacity.md.

`python tests/bench/capacity.py` prints the table for 100, 10,000 and 1,000,000 developers, `--developers N` one row,
`--write` the page. `--load` starts a collector and sends it what `--developers` send in their busiest second.
The assumptions are arguments: change them to yours.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

_DOCS = Path(__file__).parents[2] / "docs"
_ROW = "| M | ours, JSON+gzip out |"
_EXACT_UP_TO = 50
_DAY_S = 8 * 3600


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How developers work: the part of them whose agent runs in the busiest hour, turns an hour, spans a turn."""

    running: float = 0.2
    turns_an_hour: float = 60
    spans_a_turn: float = 12
    bytes_in: float = 10_500
    """Of one span on its way in: 40 attributes and 8 KB of text, as payload M has."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one span: CPU seconds, bytes written to disk and sent on."""

    cpu_s: float
    disk: float
    sent: float


@dataclass(frozen=True, slots=True)
class Need:
    """What one number of developers needs in its busiest hour: spans/s in the mean and in the busiest second."""

    developers: int
    connections: int
    mean: float
    busiest: float
    cores: float
    in_mb_s: float
    out_mb_s: float
    disk_mb_s: float
    kept_gb_day: float


def costs(page: str) -> Costs:
    """The figures of payload M in docs/performance.md."""
    row = next((line for line in page.splitlines() if line.startswith(_ROW)), "")
    cells = [cell.strip() for cell in row.split("|")]
    if len(cells) < 12 or not re.fullmatch(r"[0-9.]+", cells[3]):
        sys.exit("docs/performance.md has no figures of payload M: run `make bench-peers` first")
    return Costs(float(cells[3]) / 1e6, float(cells[10]), float(cells[11]))


def simulate(developers: int, assumed: Assumptions, seed: int = 1) -> list[int]:
    """Spans that come in each second of the busiest hour: turns end at random, and their spans come together."""
    chance = random.Random(seed)
    turns = developers * assumed.running * assumed.turns_an_hour / 3600
    mean = assumed.spans_a_turn
    if turns > _EXACT_UP_TO:  # the sum of so many is normal; of geometric numbers, the variance is mean * (mean - 1)
        spread = math.sqrt(turns * (mean * mean + mean * (mean - 1)))
        return [max(round(chance.gauss(turns * mean, spread)), 0) for _ in range(3600)]
    seconds = []
    for _ in range(3600):
        spans, left = 0, chance.expovariate(1.0)
        while left < turns:  # one exponential pause after another: a Poisson number of turns
            spans += 1 + int(math.log(1 - chance.random()) / math.log(1 - 1 / mean))
            left += chance.expovariate(1.0)
        seconds.append(spans)
    return seconds


def need(developers: int, assumed: Assumptions, cost: Costs) -> Need:
    seconds = simulate(developers, assumed)
    mean, busiest = statistics.mean(seconds), float(max(seconds))
    return Need(
        developers=developers,
        connections=round(developers * assumed.running),
        mean=mean,
        busiest=busiest,
        cores=busiest * cost.cpu_s,
        in_mb_s=busiest * assumed.bytes_in / 1e6,
        out_mb_s=busiest * cost.sent / 1e6,
        disk_mb_s=mean * cost.disk / 1e6,
        kept_gb_day=mean * _DAY_S * assumed.bytes_in * 1.3 / 1e9,
    )


def table(rows: list[Need]) -> str:
    lines = [
        "| developers | open connections | spans/s, mean | busiest second | cores | MB/s in | MB/s out"
        " | MB/s to disk | GB kept a day |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in rows:
        lines.append(
            f"| {each.developers:,} | {each.connections:,} | {each.mean:,.1f} | {each.busiest:,.0f} | {each.cores:,.2f}"
            f" | {each.in_mb_s:,.1f} | {each.out_mb_s:,.1f} | {each.disk_mb_s:,.1f} | {each.kept_gb_day:,.1f} |"
        )
    return "\n".join(lines)


def page(rows: list[Need], assumed: Assumptions) -> str:
    """docs/capacity.md."""
    return f"""# How many developers one collector carries

Written by `python tests/bench/capacity.py --write` from the figures of payload M in [performance.md](performance.md).
It is a simulation, not a promise: measure your own spans, and give the script your own numbers.

Assumed: in the busiest hour an agent runs for {assumed.running:.0%} of the developers;
each makes {assumed.turns_an_hour:.0f} turns an hour of {assumed.spans_a_turn:.0f} spans, which come together when the
turn ends; a span has {assumed.bytes_in:,.0f} bytes. Cores are those that the busiest second keeps busy; a day has eight
such hours; the index and lists take 30 % on top of what is kept.

{table(rows)}

## Where each limit lies, and what is changed there

* **100**: nothing. One collector on SQLite is idle most of the time; most teams this small have one on each laptop.
* **10,000**: the disk fills first: set `COLLECTOR_MAX_STORE_BYTES` for the days you keep, or forward and keep little.
  One process redacts on one core: where the cores above are more than about 0.7, run a second collector, on PostgreSQL
  ([postgres.md](postgres.md)), behind any load balancer. Connections are cheap: an idle one costs no CPU.
* **1,000,000**, on paper; nothing of this was built or measured:
  * *Cores*: collectors behind a load balancer, as many as the cores above divided by 0.7. The door keeps no state.
  * *Database*: one PostgreSQL does not take these bytes. Shard by session id over several, so that a turn stays in one
    of them; lists that span sessions ask each shard. Partition batches by day, and drop days whole.
  * *Bodies*: sealed batches go to object storage under their digest; the database keeps lists, queue and ledger, some
    hundreds of bytes a span.
  * *Connections*: laptops forward in batches, through their own collector, so that a connection carries many turns.
* **Cost** is cores x hours x your price, and GB kept x days x your price of storage; both columns are above.

## Try it

`python tests/bench/capacity.py --developers 10000 --load` starts a collector here and sends it, for some seconds, what
that many developers send in their busiest second; it prints what was taken and how long answers took.
"""


def load(developers: int, assumed: Assumptions, seconds: float) -> None:
    """Send a collector on this machine what the busiest second holds, and print what it took."""
    from harness.process import Process
    from payloads import SHAPES

    wanted = max(simulate(developers, assumed))
    rate = wanted / SHAPES["M"][0]
    with tempfile.TemporaryDirectory() as place:
        process = Process(Path(place))
        try:
            script = Path(__file__).with_name("peers_load.py")
            arguments = [f"{process.url}/v1/traces", "M", "8", str(seconds), str(rate)]
            done = subprocess.run([sys.executable, str(script), *arguments], check=True, capture_output=True, text=True)
        finally:
            process.stop()
    print(f"{wanted} spans/s asked for, as {rate:.1f} requests/s of payload M, for {seconds:.0f} s")
    print(done.stdout.strip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--developers", type=int, action="append")
    parser.add_argument("--running", type=float, default=Assumptions.running, help="part whose agent runs")
    parser.add_argument("--turns", type=float, default=Assumptions.turns_an_hour, help="an hour, of each")
    parser.add_argument("--spans", type=float, default=Assumptions.spans_a_turn, help="a turn")
    parser.add_argument("--bytes", type=float, default=Assumptions.bytes_in, help="a span, on its way in")
    parser.add_argument("--load", action="store_true", help="send it to a collector on this machine")
    parser.add_argument("--seconds", type=float, default=20, help="of --load")
    parser.add_argument("--write", action="store_true", help="write docs/capacity.md")
    arguments = parser.parse_args()
    assumed = Assumptions(arguments.running, arguments.turns, arguments.spans, arguments.bytes)
    developers = arguments.developers or [100, 10_000, 1_000_000]
    if arguments.load:
        load(max(arguments.developers or [10_000]), assumed, arguments.seconds)
        return
    cost = costs((_DOCS / "performance.md").read_text())
    rows = [need(number, assumed, cost) for number in developers]
    print(table(rows))
    if arguments.write:
        (_DOCS / "capacity.md").write_text(page(rows, assumed))


if __name__ == "__main__":
    main()
