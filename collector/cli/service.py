"""`collector service install | uninstall | status`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from collector.app.service import Service
from collector.app.service import service as service_of
from collector.cli.options import ConfigOption, DataDirOption
from collector.cli.show import say

service = typer.Typer(help="Start the collector at logon, as a service of this user's.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(service, name="service")


@service.command()
def install(
    show: Annotated[bool, typer.Option("--print", help="Print what would be written and change nothing.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Write the service and start it; it reads its settings from collector.toml, not from this shell."""
    command = [sys.executable, "-m", "collector", "serve"]
    command += ["--config", str(config.absolute())] if config is not None else []
    command += ["--data-dir", str(data_dir.absolute())] if data_dir is not None else []
    wanted = _service(command)
    if show:
        print(wanted.text, end="")
        return
    wanted.install()
    print(f"installed{f' as {wanted.file}' if wanted.file else ''} and started")


@service.command()
def uninstall() -> None:
    """Stop the service and take it out; what was kept stays."""
    _service([]).uninstall()
    print("uninstalled")


@service.command()
def status() -> None:
    """What the system says of the service; exit code 1 when it does not run."""
    running, said = _service([]).status()
    for line in said.splitlines():
        say(line)
    raise typer.Exit(0 if running else 1)


def _service(command: list[str]) -> Service:
    return service_of(sys.platform, command, Path.home(), os.environ)
