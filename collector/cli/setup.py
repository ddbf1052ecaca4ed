"""`collector setup AGENT`: the lines an agent needs to send to this collector."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.cli.client import urls_of
from collector.cli.options import DataDirOption
from collector.errors import ConfigError
from collector.settings.sources import load
from collector.settings.wiring import AGENTS


def register(app: typer.Typer) -> None:
    app.command()(setup)


def setup(
    agent: Annotated[str, typer.Argument(help=f"One of {', '.join(each.name for each in AGENTS)}.")],
    data_dir: DataDirOption = None,
) -> None:
    """Print the lines an agent needs to send here."""
    found = next((each for each in AGENTS if each.name == agent), None)
    if found is None:
        raise ConfigError(f"{agent} is not known; there are {', '.join(each.name for each in AGENTS)}")
    url = urls_of(load({"data_dir": data_dir}).settings)[0]
    print(f"# {found.title}{f', {found.about}' if found.about else ''}")
    print(found.pasted(url))
