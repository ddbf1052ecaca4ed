"""What a number of developers needs, simulated from what was measured: printed, or the tables of docs/capacity.md.

`python tests/bench/capacity.py` prints what 100, 10,000 and 1,000,000 developers need, `--developers N` another number,
`--write` writes the tables of the page (as `make docs` does). The figures are those of measured.json, which
`make bench-peers` and `store_engines.py --write` keep; what was not measured is said to be that. How developers work,
and what machines cost, are assumptions, and arguments: put in yours.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.live_sessions import SPANS_A_TURN, recorded

from collector.settings.model import Settings

PAGE = Path(__file__).parents[2] / "docs/capacity.md"
MEASURED = Path(__file__).parent / "measured.json"
DEVELOPERS = (100, 10_000, 1_000_000)
_EXACT_UP_TO = 50
_HOURS_A_DAY = 8
_FULL = 0.7
"""Of what was measured as the most, so much is used: the rest is for what was not foreseen."""
_SERVER_CORES = 2
_MONTH_H = 730
_TURN = recorded()


@dataclass(frozen=True, slots=True)
class Assumed:
    """How developers work, and what machines cost."""

    running: float = 0.2
    """Part of the developers whose agent runs in the busiest hour."""
    turns_an_hour: float = 60.0
    """Of each of them."""
    days: float = 30.0
    """That telemetry is kept."""
    core_hour: float = 0.04
    """Price of a core for an hour."""
    gb_month: float = 0.10
    """Price of a GB of disk for a month."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What comes in: turns, events and spans a second, in the mean of the busiest hour and in its busiest second."""

    developers: int
    at_work: int
    turns: float
    busiest_turns: float

    @property
    def events(self) -> float:
        return self.turns * len(_TURN)

    @property
    def busiest_events(self) -> float:
        return self.busiest_turns * len(_TURN)

    @property
    def spans(self) -> float:
        return self.turns * SPANS_A_TURN

    @property
    def busiest_spans(self) -> float:
        return self.busiest_turns * SPANS_A_TURN

    @property
    def event_mb(self) -> float:
        return self.turns * sum(map(len, _TURN)) / 1e6


def simulate(developers: int, assumed: Assumed, seed: int = 1) -> list[int]:
    """Turns that end in each second of the busiest hour, at random; all a turn told counts in that second."""
    chance = random.Random(seed)
    mean = developers * assumed.running * assumed.turns_an_hour / 3600
    if mean > _EXACT_UP_TO:  # so many are as good as normal
        return [max(round(chance.gauss(mean, math.sqrt(mean))), 0) for _ in range(3600)]
    seconds = []
    for _ in range(3600):
        turns, left = 0, chance.expovariate(1.0)
        while left < mean:  # one exponential pause after another: a Poisson number of turns
            turns += 1
            left += chance.expovariate(1.0)
        seconds.append(turns)
    return seconds


def traffic(developers: int, assumed: Assumed) -> Traffic:
    seconds = simulate(developers, assumed)
    return Traffic(developers, round(developers * assumed.running), statistics.mean(seconds), float(max(seconds)))


Measured = Mapping[str, Any]


def measured() -> Measured:
    found: Measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    return found


def measured_table(known: Measured) -> str:
    """Every measured figure that is reckoned with, and where it comes from."""
    rows = [
        ("events of a turn", f"{len(_TURN)}", "the recorded turn `multi`: five requests to a model, six tools"),
        ("bytes of its events", f"{sum(map(len, _TURN)):,}", "the same"),
        ("spans of it", f"{SPANS_A_TURN}", "the same, assembled"),
    ]
    spans = known.get("spans", {})
    for name, key in (
        ("CPU us a span, taken and sent on", "cpu_us"),
        ("bytes written to disk a span", "disk_bytes"),
        ("bytes sent on a span", "sent_bytes"),
    ):
        rows.append((name, _shown(spans.get(key)), spans.get("measured", "")))
    for engine in ("sqlite", "postgresql"):
        found = known.get("engines", {}).get(engine, {})
        for name, key in (
            ("events/s, kept, assembled and kept as spans", "events_a_second"),
            ("CPU us an event, with the door", "event_cpu_us"),
            ("durable commits/s meanwhile", "commits_a_second"),
            ("spans/s, sealed ones kept", "spans_a_second"),
            ("bytes on disk a kept span", "kept_bytes"),
        ):
            rows.append((f"{engine}: {name}", _shown(found.get(key)), found.get("measured", "")))
        rows.append((f"{engine}: events/s are bound by", found.get("bound", _shown(None)), ""))
    return _table(("figure", "measured", "where"), rows)


def traffic_table(assumed: Assumed, developers: Iterable[int] = DEVELOPERS) -> str:
    """What comes in."""
    rows = []
    for each in (traffic(number, assumed) for number in developers):
        rows.append(
            (
                f"{each.developers:,}", f"{each.at_work:,}", f"{each.turns:,.2f}", f"{each.events:,.0f}",
                f"{each.busiest_events:,.0f}", f"{each.event_mb:,.2f}", f"{each.spans:,.1f}",
                f"{each.busiest_spans:,.0f}",
            )
        )  # fmt: skip
    return _table(
        ("developers", "agents at work, connections", "turns/s", "events/s", "in the busiest second", "MB/s of events",
         "spans/s", "in the busiest second"),
        rows,
    )  # fmt: skip


def need_table(known: Measured, assumed: Assumed, developers: Iterable[int] = DEVELOPERS) -> str:
    """What it takes, where laptops send spans and where agents send their events."""
    rows = []
    spans, engine = known.get("spans", {}), known.get("engines", {}).get("postgresql", {})
    for each in (traffic(number, assumed) for number in developers):
        for what, busiest, cpu_us, most in (
            ("spans", each.busiest_spans, spans.get("cpu_us"), engine.get("spans_a_second")),
            ("events", each.busiest_events, engine.get("event_cpu_us"), engine.get("events_a_second")),
        ):
            cores = busiest * cpu_us / 1e6 if cpu_us else None
            collectors = math.ceil(cores / _FULL) if cores else None
            servers = math.ceil(busiest / (most * _FULL)) if most else None
            kept = engine.get("kept_bytes")
            gb_day = each.spans * _HOURS_A_DAY * 3600 * kept / 1e9 if kept else None
            cost = None
            if collectors and servers and gb_day:
                machines = (collectors + servers * _SERVER_CORES) * _MONTH_H * assumed.core_hour
                cost = machines + gb_day * assumed.days * assumed.gb_month
            rows.append(
                (
                    f"{each.developers:,}", what, _shown(cores, 2), _shown(collectors), _shown(servers),
                    _shown(_times(each.busiest_spans, spans.get("sent_bytes")), 2),
                    _shown(_times(each.spans, spans.get("disk_bytes")), 2), _shown(gb_day, 1), _shown(cost),
                )
            )  # fmt: skip
    return _table(
        ("developers", "sent to the gateway", "cores busy", "collectors", "PostgreSQL servers", "MB/s on",
         "MB/s to disk", "GB kept a day", "cost a month"),
        rows,
    )  # fmt: skip


def limits_table(known: Measured, assumed: Assumed) -> str:
    """Where each limit lies: the first number of developers whose busiest second is beyond it."""
    cpu_us, connections = known.get("spans", {}).get("cpu_us"), Settings.model_fields["max_connections"].default

    def row(what: str, most: float | None, busiest: Callable[[Traffic], float], change: str) -> tuple[str, ...]:
        at = "not measured" if most is None else _reached(busiest, most * _FULL, assumed)
        return what, _shown(most), at, change

    def busiest_spans(each: Traffic) -> float:
        return each.busiest_spans

    def busiest_events(each: Traffic) -> float:
        return each.busiest_events

    more = "more collectors on one PostgreSQL"
    rows = [
        row("connections of one collector, as set", connections, lambda each: each.at_work, "a higher setting"),
        row("spans/s that one process takes and sends on", cpu_us and 1e6 / cpu_us, busiest_spans, more),
    ]
    for engine, change in (
        ("sqlite", "PostgreSQL, or collectors on the laptops, which send spans"),
        ("postgresql", "shards: a database for a part of the sessions, with collectors of its own"),
    ):
        found = known.get("engines", {}).get(engine, {})
        rows += [
            row(f"{engine}: events/s kept and assembled", found.get("events_a_second"), busiest_events, change),
            row(f"{engine}: spans/s kept", found.get("spans_a_second"), busiest_spans, change),
        ]
    columns = ("limit", "at most", f"{_FULL:.0%} of it is reached at developers", "what is changed there")
    return _table(columns, rows)


def _reached(of: Callable[[Traffic], float], most: float, assumed: Assumed) -> str:
    """The first number of developers, to two digits, of whose traffic `of` is more than `most`."""
    low, high = 1, 2
    while of(traffic(high, assumed)) <= most and high < 1 << 30:
        low, high = high, high * 2
    while high - low > max(high // 100, 1):
        middle = (low + high) // 2
        low, high = (middle, high) if of(traffic(middle, assumed)) <= most else (low, middle)
    unit = 10 ** max(len(str(high)) - 2, 0)
    return f"{high // unit * unit:,}"


def _times(number: float, each: float | None) -> float | None:
    return number * each / 1e6 if each else None


def _shown(value: float | None, digits: int = 0) -> str:
    """A figure with so many digits after the point; without any, a small one has three digits in all."""
    if value is None:
        return "not measured"
    return f"{value:,.{digits}f}" if digits or value >= 10 else f"{value:.3g}"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in line) + "|" for line in lines)


def page(text: str, known: Measured, assumed: Assumed) -> str:
    """The page with what stands between its markers written anew."""
    tables = {
        "measured": measured_table(known),
        "traffic": traffic_table(assumed),
        "need": need_table(known, assumed),
        "limits": limits_table(known, assumed),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name}: written by make docs -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise SystemExit(f"docs/capacity.md: expected the markers of {name}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--developers", type=int, action="append")
    for field in fields(Assumed):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default)
    parser.add_argument("--write", action="store_true", help="write the tables of docs/capacity.md")
    arguments = parser.parse_args()
    known = measured()
    if arguments.write:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), known, Assumed()), encoding="utf-8")
        return
    assumed = Assumed(**{field.name: getattr(arguments, field.name) for field in fields(Assumed)})
    developers = arguments.developers or DEVELOPERS
    for table in (measured_table(known), traffic_table(assumed, developers), need_table(known, assumed, developers)):
        print(table, end="\n\n")
    print(limits_table(known, assumed))


if __name__ == "__main__":
    main()
