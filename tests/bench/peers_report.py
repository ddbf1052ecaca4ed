"""docs/performance.md: what was measured, in tables and bars, with the aims beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from payloads import SHAPES
from peers_systems import System

OURS, LOCAL = "ours, JSON+gzip out", "ours, local only"
_ROTEL, _EQUAL, _PHOENIX = "Rotel", "otelcol, our patterns", "Phoenix"
_TIMES = (
    (OURS, _ROTEL, {"S": 2.0, "M": 0.6, "L": 0.4}),
    (OURS, _EQUAL, {"S": 1.0, "M": 0.33, "L": 0.33}),
    (LOCAL, _PHOENIX, {"S": 0.02, "M": 0.05, "L": 0.25}),
)
"""CPU a span of ours, times that of another, at most."""
_IDLE_MIB = ((LOCAL, 75), (OURS, 85))
_A_DECADE = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one system and payload: CPU us a span, spans/s at 4 connections and at 1, latency in ms at half load, MiB at
    most and before the first post, bytes written to disk and sent a span, and CPU us a span of generator and sink."""

    cpu_us: float
    four: float
    disk: float
    sent: float
    beside_us: float
    idle_mib: float
    one: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    peak_mib: float = 0.0
    rounds: int = 1


@dataclass(frozen=True, slots=True)
class Run:
    """What one run found: figures and failures by system and payload, CPU us a span of our stages by payload."""

    figures: Mapping[tuple[str, str], Figures]
    failed: Mapping[tuple[str, str], str]
    stages: Mapping[str, Mapping[str, float]]
    machine: str
    day: str


def report(every: Sequence[System], run: Run) -> str:
    """The whole page."""
    parts = [
        "# What it costs, beside others",
        f"Written by `make bench-peers` on {run.day}: {run.machine}. Payloads, sink and machine are the same for all,"
        " systems take turns, and ids and texts are new in every request. Figures are medians of the rounds that stand"
        " beside them.\n**CPU is that of the whole process tree, from the first post until all is delivered and the"
        " processes are still**, with what is done beside the posts, such as the index for search.\nGenerator and sink"
        " share the processors with what is measured (their CPU stands in the last column), so spans/s are lower than"
        " on a machine of their own. Compare rows of one run, and CPU before spans/s and latency.",
        "Payloads: " + "; ".join(f"**{name}** {_shown(name)}" for name in SHAPES) + ".",
        "## CPU a span",
        f"On a logarithmic scale: {_A_DECADE} marks are ten times as much.",
        *(_bars(name, every, run) for name in SHAPES if any(shape == name for _, shape in run.figures)),
        "## Aims",
        _aims(run),
        *_where(run),
        "## All figures",
        _table(every, run),
        "## How each was set up, and what it does not do",
        "\n".join(f"* **{each.name}**: {each.configuration}." + _lacks(each) for each in every),
    ]
    return "\n\n".join(parts) + "\n"


def _shown(name: str) -> str:
    spans, attributes, size = SHAPES[name]
    text = f"{size} bytes each" if name == "S" else f"one of {size} bytes"
    return f"{spans} spans of {attributes} attribute{'s' * (attributes > 1)}, {text}"


def _bars(name: str, every: Sequence[System], run: Run) -> str:
    rows = [(each.name, run.figures[each.name, name].cpu_us) for each in every if (each.name, name) in run.figures]
    least = min((value for _, value in rows), default=1.0)
    lines = [
        f"{label:24} {value:10.1f} us {'#' * (_A_DECADE + round(math.log10(max(value / least, 1)) * _A_DECADE))}"
        for label, value in rows
    ]
    return "\n".join([f"{name}:", "", "```text", *lines, "```"])


def _table(every: Sequence[System], run: Run) -> str:
    lines = [
        "| payload | system | CPU us/span | spans/s, 1 connection | 4 | p50 ms at half load | p99 | peak MiB | idle MiB"
        " | bytes to disk a span | bytes sent a span | rounds | generator and sink, us/span | beside ours it |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in SHAPES:
        for each in every:
            row = run.figures.get((each.name, name))
            if row is None:
                reason = run.failed.get((each.name, name), "left out")
                lines.append(f"| {name} | {each.name} | not measured: {reason} |" + " |" * 11)
            else:
                lines.append(
                    f"| {name} | {each.name} | {row.cpu_us:.1f} | {row.one:.0f} | {row.four:.0f} | {row.p50_ms:.0f}"
                    f" | {row.p99_ms:.0f} | {row.peak_mib:.0f} | {row.idle_mib:.0f} | {row.disk:.0f} | {row.sent:.0f}"
                    f" | {row.rounds} | {row.beside_us:.1f} | {each.lacks} |"
                )
    return "\n".join(lines)


def _aims(run: Run) -> str:
    lines = ["| aim | payload | at most | measured | |", "|---|---|---|---|---|"]
    for ours, other, aims in _TIMES:
        for name, aim in aims.items():
            one, two = run.figures.get((ours, name)), run.figures.get((other, name))
            measured = one.cpu_us / two.cpu_us if one and two else None
            lines.append(_aim(f"CPU of {ours}, times that of {other}", name, aim, measured))
    for ours, most in _IDLE_MIB:
        idle = [row.idle_mib for (system, _), row in run.figures.items() if system == ours]
        lines.append(_aim(f"MiB of {ours}, before the first post", "", most, max(idle, default=None)))
    return "\n".join(lines)


def _aim(what: str, name: str, aim: float, measured: float | None) -> str:
    if measured is None:
        return f"| {what} | {name} | {aim:g} | not measured | |"
    shown = f"{measured:.0f}" if aim > 10 else f"{measured:.3f}" if aim < 0.1 else f"{measured:.2f}"
    return f"| {what} | {name} | {aim:g} | {shown} | {'met' if measured <= aim else '**not met**'} |"


def _where(run: Run) -> Iterator[str]:
    """Where our CPU goes: the measured reason of what is not met."""
    shapes = [name for name in SHAPES if name in run.stages and (OURS, name) in run.figures]
    if not shapes:
        return
    yield "### Where ours goes"
    yield (
        "CPU us a span. The stages were measured one by one in one process without a server; the rest is what the whole"
        " collector takes beyond them: HTTP in and out, the store, lists and the index for search. The last row is all"
        " that Rotel takes, which does none of it but decode, write protobuf and compress."
    )
    names = list(run.stages[shapes[0]])
    lines = ["| stage | " + " | ".join(shapes) + " |", "|---|" + "---|" * len(shapes)]
    lines += [
        f"| {stage} | " + " | ".join(f"{run.stages[name][stage]:.1f}" for name in shapes) + " |" for stage in names
    ]
    whole = {name: run.figures[OURS, name].cpu_us for name in shapes}
    rest = " | ".join(f"{whole[name] - sum(run.stages[name].values()):.1f}" for name in shapes)
    lines.append(f"| the rest | {rest} |")
    lines.append("| **the whole collector** | " + " | ".join(f"{whole[name]:.1f}" for name in shapes) + " |")
    others = [run.figures.get((_ROTEL, name)) for name in shapes]
    lines.append("| Rotel | " + " | ".join(f"{each.cpu_us:.1f}" if each else "not measured" for each in others) + " |")
    yield "\n".join(lines)


def _lacks(system: System) -> str:
    return f" It {system.lacks}." if system.lacks else ""
