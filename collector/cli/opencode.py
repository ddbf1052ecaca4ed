"""`collector opencode install | uninstall | attach | import`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from collector.data_dir import announced_url
from collector.errors import ConfigError
from collector.opencode import install as installing
from collector.settings import Settings, load

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and change nothing.")]
InProject = Annotated[bool, typer.Option("--project", help="For the project in this directory only.")]
Globally = Annotated[bool, typer.Option("--global", help="For all projects of this user [the default].")]

opencode = typer.Typer(help="OpenCode: install the plugin, follow a server, import what it kept.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(opencode, name="opencode")


@opencode.command()
def install(
    project: InProject = False,
    everywhere: Globally = False,
    dry_run: DryRun = False,
    url: Annotated[str, typer.Option(help="Where the collector listens [where it runs, or its settings].")] = "",
    opencode_version: Annotated[str, typer.Option(help="OpenCode's version [what `opencode --version` says].")] = "",
) -> None:
    """Put the plugin into OpenCode and list it in its configuration."""
    place = _place(project, everywhere)
    settings = load().settings
    token = settings.access_token.get_secret_value() if settings.access_token else None
    version = installing.parse_version(opencode_version) if opencode_version else installing.opencode_version()
    changes = installing.planned_install(place, url or _url(settings), token, version)
    _do(changes, dry_run, f"installed in {place.folder}: restart OpenCode to load it", "installed already")
    if token and project:
        print("the access token stays out of the project: run `collector opencode install --global` for it")


@opencode.command()
def uninstall(project: InProject = False, everywhere: Globally = False, dry_run: DryRun = False) -> None:
    """Take the plugin out of OpenCode; its configuration becomes what it was."""
    place = _place(project, everywhere)
    _do(installing.planned_uninstall(place), dry_run, f"uninstalled from {place.folder}", "not installed")


def _place(project: bool, everywhere: bool) -> installing.Place:
    if project and everywhere:
        raise ConfigError("--project and --global exclude each other")
    if project:
        return installing.project_place(Path.cwd())
    return installing.global_place(os.environ, Path.home())


def _do(changes: list[installing.Change], dry_run: bool, done: str, nothing: str) -> None:
    if dry_run:
        print(installing.diff(changes) or nothing, end="" if changes else "\n")
        return
    installing.apply(changes)
    print(done if changes else nothing)


def _url(settings: Settings) -> str:
    """Where a client on this machine reaches the collector that these settings start."""
    announced = announced_url(settings.data_dir.expanduser())
    if announced is None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        announced = f"http://{host}:{settings.port}"
    return announced.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
