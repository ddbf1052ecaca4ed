"""`collector status`."""

from __future__ import annotations

from typing import Any

import typer

from collector.cli.client import Client, NotRunning, open_reader
from collector.cli.options import AsJson, DataDirOption
from collector.cli.show import moment, print_json, say
from collector.enums import LOCAL
from collector.settings.sources import load


def register(app: typer.Typer) -> None:
    app.command()(status)


def status(
    as_json: AsJson = False,
    data_dir: DataDirOption = None,
) -> None:
    """Say what the collector does and what became of what came.

    Exit code 1 when none runs.
    """
    settings = load({"data_dir": data_dir}).settings
    try:
        found: dict[str, Any] = Client(settings).get("/api/status")
    except NotRunning as error:
        ledger = open_reader(settings).ledger()
        found = {"running": False, "reason": str(error), "data_dir": str(settings.data_dir), "ledger": ledger}
    if as_json:
        print_json(found)
    else:
        for line in _lines(found):
            say(line)
    raise typer.Exit(0 if found["running"] else 1)


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [
        f"running at {found['url']}{_grpc(found)}, version {found['version']}"
        if found["running"]
        else f"not running: {found['reason']}"
    ]
    if found["running"]:
        forwarding = found["forwarding"]
        policy = found["policy"]
        held = f"policy {policy['name']}, revision {policy['revision']} ({policy['fingerprint']})"
        lines += [f"{forwarding['reason']}; content level {found['content']}", f"{held}, engine {policy['engine']}"]
        for destination, signals in forwarding["destinations"].items():
            lines += [f"  {_answered(destination, signal, last)}" for signal, last in signals.items()]
        lines += [f"notice: {notice}" for notice in found["notices"]]
        lines += _opencode(found["opencode"])
        lines += [_team(team) for team in found["teams"]]
    lines.append(f"data in {found['data_dir']}")
    for destination, signals in found["ledger"].items():
        for signal, account in signals.items():
            dropped = "".join(f", {count} dropped ({reason})" for reason, count in account["dropped"].items())
            lines.append(
                f"{destination} {signal}: {account['received']} received = {account['delivered']} {_kept(destination)}"
                f" + {account['queued']} queued + {account['dead_lettered']} dead-lettered{dropped}"
            )
    return lines


def _kept(destination: str) -> str:
    return "kept" if destination == LOCAL else "delivered"


def _grpc(found: dict[str, Any]) -> str:
    return f" and for OTLP/gRPC at {found['grpc']}" if found["grpc"] else ""


def _answered(destination: str, signal: str, last: dict[str, Any]) -> str:
    again = ""
    if last["next_attempt_at"]:
        again = f", failed {last['failures']} times, next attempt {moment(int(last['next_attempt_at'] * 1e9))}"
    return f"{destination} {signal}: last answer {last['answer']} at {moment(int(last['at'] * 1e9))}{again}"


def _team(team: dict[str, Any]) -> str:
    limits = [
        f"{team[f'{what}_per_minute']} {what} a minute"
        for what in ("requests", "bytes")
        if team[f"{what}_per_minute"] is not None
    ]
    line = f"team {team['name']}: {team['requests']} requests, {team['bytes']} bytes, {team['refused']} over the limit"
    return f"{line} ({' and '.join(limits)})" if limits else line


def _opencode(found: dict[str, Any]) -> list[str]:
    lines = []
    if found["accepted"] or found["rejected"]:
        lines.append(f"OpenCode events: {found['accepted']} taken, {found['rejected']} refused")
    for turn in found["open_turns"]:
        lines.append(
            f"  open turn of {turn['session_id']} since {moment(turn['since_ms'] * 1_000_000)} ({turn['message_id']})"
            + (f": {turn['waiting'] or turn['running']}" if turn["waiting"] or turn["running"] else "")
        )
    if found["copied"]:
        lines.append(
            f"  {found['copied']} messages were copied by forks: their turns stand in the sessions they are of"
        )
    for kind, count in found["unknown"].items():
        lines.append(f"  unknown event type {kind}: {count}, kept out of spans")
    return lines
