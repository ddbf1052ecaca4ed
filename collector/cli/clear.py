"""`collector clear`: forget what is kept."""

from __future__ import annotations

import typer

from collector.cli.command_store import Commands, confirmed
from collector.cli.options import DataDirOption, Yes
from collector.settings.sources import load


def register(app: typer.Typer) -> None:
    app.command()(clear)


def clear(yes: Yes = False, data_dir: DataDirOption = None) -> None:
    """Forget what was delivered, or is only kept here."""
    commands = Commands(load({"data_dir": data_dir}))
    confirmed("forget every session, trace, log record and metric that does not wait to be sent", yes)
    print(f"{commands.clear()} items forgotten")
