"""docs/performance.md: what was measured, in tables and bars, with the aims beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from payloads import SHAPES
from peers_systems import System

_OURS, _ROTEL = "ours, JSON+gzip out", "Rotel"
_AIMS = {"S": 2.0, "M": 0.6, "L": 0.4}
"""CPU a span of ours, times Rotel's, at most."""
_WIDTH = 40


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one system and payload: CPU us a span, spans/s at 1 and 4 connections, latency in ms at half load, peak MiB,
    bytes written to disk and sent, a span."""

    cpu_us: float
    one: float
    four: float
    p50_ms: float
    p99_ms: float
    peak_mib: float
    disk: float
    sent: float


def report(
    every: Sequence[System],
    found: Mapping[tuple[str, str], Figures],
    failed: Mapping[str, str],
    machine: str,
    day: str,
    rounds: int,
) -> str:
    """The whole page."""
    parts = [
        "# What it costs, beside others",
        f"Written by `make bench-peers` on {day}: {machine}; medians of {rounds} interleaved round(s)."
        " Payloads, sink and machine are the same for all; ids and texts are new in every request."
        " **CPU is that of the whole process tree until all is delivered and the processes are still**, with what is"
        " done beside the posts, such as the index for search. Machines are noisy: compare rows of one run, and CPU"
        " before spans/s and latency.",
        "Payloads: " + "; ".join(f"**{name}** {_shown(name)}" for name in SHAPES) + ".",
        "## CPU a span\n",
        *(_bars(name, every, found) for name in SHAPES),
        "## All figures\n",
        _table(every, found, failed),
        "## Aims\n",
        _aims(found),
        "## How each was set up, and what it does not do\n",
        "\n".join(f"* **{each.name}**: {each.configuration}." + _lacks(each) for each in every),
        "",
    ]
    return "\n\n".join(parts).replace("\n\n\n", "\n\n").rstrip() + "\n"


def _shown(name: str) -> str:
    spans, attributes, size = SHAPES[name]
    text = f"{size} bytes each" if name == "S" else f"one of {size} bytes"
    return f"{spans} spans of {attributes} attribute{'s' * (attributes > 1)}, {text}"


def _bars(name: str, every: Sequence[System], found: Mapping[tuple[str, str], Figures]) -> str:
    rows = [(each.name, found[each.name, name].cpu_us) for each in every if (each.name, name) in found]
    most = max((value for _, value in rows), default=1.0)
    lines = [f"{label:24} {value:10.1f} us {'#' * max(round(value / most * _WIDTH), 1)}" for label, value in rows]
    return "\n".join([f"{name}:", "", "```text", *lines, "```"])


def _table(every: Sequence[System], found: Mapping[tuple[str, str], Figures], failed: Mapping[str, str]) -> str:
    lines = [
        "| payload | system | CPU us/span | spans/s, 1 connection | 4 | p50 ms at half load | p99 | peak MiB"
        " | bytes to disk a span | bytes sent a span |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in SHAPES:
        for each in every:
            row = found.get((each.name, name))
            if row is None:
                lines.append(f"| {name} | {each.name} | not measured: {failed.get(each.name, 'left out')} |" + " |" * 7)
            else:
                lines.append(
                    f"| {name} | {each.name} | {row.cpu_us:.1f} | {row.one:.0f} | {row.four:.0f} | {row.p50_ms:.0f}"
                    f" | {row.p99_ms:.0f} | {row.peak_mib:.0f} | {row.disk:.0f} | {row.sent:.0f} |"
                )
    return "\n".join(lines)


def _aims(found: Mapping[tuple[str, str], Figures]) -> str:
    """Rotel neither redacts nor keeps: the aim is to cost little more than it on small spans, and less on large."""
    lines = ["| payload | aim: times Rotel's CPU, at most | measured | |", "|---|---|---|---|"]
    for name, aim in _AIMS.items():
        ours, rotel = found.get((_OURS, name)), found.get((_ROTEL, name))
        if ours is None or rotel is None:
            lines.append(f"| {name} | {aim} | not measured | |")
        else:
            times = ours.cpu_us / rotel.cpu_us
            lines.append(f"| {name} | {aim} | {times:.2f} | {'met' if times <= aim else 'not met'} |")
    why = (
        "Where an aim is not met, the reason is the same: every text is visited in Python and scanned by Hyperscan,"
        " what is sealed is parsed once more to be written as JSON, and text is indexed for search. Rotel does none of"
        " it."
    )
    return "\n".join([*lines, "", why])


def _lacks(system: System) -> str:
    return f" It {system.lacks}." if system.lacks else ""
