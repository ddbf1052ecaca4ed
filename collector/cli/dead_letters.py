"""`collector dead-letters list | show | retry | drop`: what a destination refused for good."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from collector.cli.client import NotRunning, open_reader
from collector.cli.command_store import Commands, confirmed
from collector.cli.options import AsJson, DataDirOption, Yes
from collector.cli.show import moment, number, print_json, print_table
from collector.errors import CollectorError
from collector.settings.sources import load

letters = typer.Typer(help="What was refused for good: list, show, retry and drop it.", no_args_is_help=True)

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Dead letters by their ids.")]
All = Annotated[bool, typer.Option("--all", help="All dead letters.")]


def register(app: typer.Typer) -> None:
    app.add_typer(letters, name="dead-letters")


@letters.command("list")
def list_(
    destination: Annotated[str, typer.Option(help="Only of this destination.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
    data_dir: DataDirOption = None,
) -> None:
    """List dead letters, newest first, with the destination's answer."""
    commands = Commands(load({"data_dir": data_dir}))
    try:
        rows = commands.client.get("/api/dead-letters", destination=destination, limit=limit)
    except NotRunning:
        reader = open_reader(commands.settings)
        rows = [dataclasses.asdict(letter) for letter in reader.dead_letters(limit, destination)]
        reader.close()
    if as_json:
        print_json(rows)
        return
    print_table(
        ["id", "destination", "signal", "items", "when", "attempts", "answer"],
        (
            [
                str(row["id"]), row["destination"], row["signal"], number(row["items"]), moment(row["at_ns"]),
                number(row["attempts"]), row["cause"],
            ]
            for row in rows
        ),
        "nothing was refused for good",
    )  # fmt: skip


@letters.command()
def show(
    letter: Annotated[int, typer.Argument(metavar="ID", help="A dead letter by its id.")],
    data_dir: DataDirOption = None,
) -> None:
    """Print a dead letter and its items, as OTLP/JSON."""
    commands = Commands(load({"data_dir": data_dir}))
    try:
        print_json(commands.client.get(f"/api/dead-letters/{letter}"))
        return
    except NotRunning:
        reader = open_reader(commands.settings)
        found: Any = reader.dead_letter(letter)
        reader.close()
    if found is None:
        raise CollectorError("no such dead letter is kept")
    print_json({**dataclasses.asdict(found[0]), "request": found[1]})


@letters.command()
def retry(ids: Ids = None, every: All = False, data_dir: DataDirOption = None) -> None:
    """Queue dead letters once more."""
    chosen = _chosen(ids, every)
    print(f"{Commands(load({'data_dir': data_dir})).retry(chosen)} items queued again")


@letters.command()
def drop(ids: Ids = None, every: All = False, yes: Yes = False, data_dir: DataDirOption = None) -> None:
    """Give dead letters up; they are counted as dropped."""
    chosen = _chosen(ids, every)
    confirmed("give up all dead letters" if chosen is None else f"give up {len(chosen)} dead letters", yes)
    print(f"{Commands(load({'data_dir': data_dir})).give_up(chosen)} items dropped")


def _chosen(ids: list[int] | None, every: bool) -> list[int] | None:
    if bool(ids) == every:
        raise typer.BadParameter("name dead letters by their ids, or all of them with --all")
    return None if every else ids
