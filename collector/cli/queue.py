"""`collector queue list | move | drop`: what waits for each destination."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collector.cli.client import NotRunning, open_reader
from collector.cli.command_store import Commands, confirmed
from collector.cli.options import AsJson, DataDirOption, Yes
from collector.cli.show import number, print_json, print_table
from collector.settings.sources import load

queue = typer.Typer(help="What waits for each destination: list, move and drop it.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(queue, name="queue")


@queue.command("list")
def list_(as_json: AsJson = False, data_dir: DataDirOption = None) -> None:
    """List what waits; of a destination that is no longer configured it waits until it is moved or dropped."""
    rows = _waiting(Commands(load({"data_dir": data_dir})))
    if as_json:
        print_json(rows)
        return
    print_table(
        ["destination", "signal", "items", "bytes", "oldest", "why"],
        (
            [
                row["destination"], row["signal"], number(row["items"]), number(row["bytes"]),
                f"{row['oldest_seconds']:.0f} s",
                row["cause"] if row["configured"] else "not configured: move or drop it",
            ]
            for row in rows
        ),
        "nothing waits",
    )  # fmt: skip


@queue.command()
def move(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The destination it waits for now.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The destination it is to be sent to.")],
    data_dir: DataDirOption = None,
) -> None:
    """Let what waits for one destination be sent to another instead."""
    items = Commands(load({"data_dir": data_dir})).move(source, target)
    print(f"{items} items wait for {target} now")


@queue.command()
def drop(
    destination: Annotated[str, typer.Argument(help="The destination whose queue is given up.")],
    yes: Yes = False,
    data_dir: DataDirOption = None,
) -> None:
    """Give up what waits for a destination; it is counted as dropped, and stays readable here."""
    commands = Commands(load({"data_dir": data_dir}))
    waiting = sum(row["items"] for row in _waiting(commands) if row["destination"] == destination)
    confirmed(f"give up {waiting} items that wait for {destination}", yes)
    print(f"{commands.drop(destination)} items dropped")


def _waiting(commands: Commands) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = commands.client.get("/api/queue")
        return found
    except NotRunning:
        import dataclasses

        reader = open_reader(commands.settings)
        try:
            return [dataclasses.asdict(entry) for entry in reader.queues(commands.destinations)]
        finally:
            reader.close()
