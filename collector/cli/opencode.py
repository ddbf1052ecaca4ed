"""`collector opencode install | uninstall | attach | import`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from collector.app.data_dir import INSTALL_TOKEN, announced_url, found_secret, secret
from collector.cli.client import Client, credentials_of
from collector.cli.first_event import wait_for_first_event
from collector.cli.options import DataDirOption
from collector.cli.show import say
from collector.errors import CollectorError, ConfigError
from collector.opencode import install as installing
from collector.opencode.client import EventClient
from collector.opencode.importing import Task
from collector.opencode.npm_plugin import npm_entries
from collector.settings.endpoints import check_endpoint
from collector.settings.model import Settings
from collector.settings.sources import load
from collector.settings.tls import client_tls

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and change nothing.")]
InProject = Annotated[bool, typer.Option("--project", help="For the project in this directory only.")]
Globally = Annotated[bool, typer.Option("--global", help="For all projects of this user, as by default.")]

opencode = typer.Typer(help="OpenCode: install the plugin, follow a server, import.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(opencode, name="opencode")


@opencode.command()
def install(
    project: InProject = False,
    everywhere: Globally = False,
    dry_run: DryRun = False,
    url: Annotated[str, typer.Option(help="Where the collector listens, if not where it runs.")] = "",
    opencode_version: Annotated[str, typer.Option(help="OpenCode's version, if not what it says.")] = "",
    replace_npm: Annotated[
        bool | None, typer.Option("--replace-npm/--keep-npm", help="Take the npm plugin out of the configuration.")
    ] = None,
    wait: Annotated[
        bool | None, typer.Option("--wait/--no-wait", help="Wait for OpenCode's first event; at a terminal by default.")
    ] = None,
    wait_seconds: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="How long to wait at most.")] = 300,
    data_dir: DataDirOption = None,
) -> None:
    """Put the plugin into OpenCode, with what lets the collector of the data directory believe it."""
    if url:
        check_endpoint(url, "--url")
    if opencode_version and installing.parse_version(opencode_version) is None:
        raise ConfigError(f"--opencode-version {opencode_version}: give a version like 1.18.33")
    place = _place(project, everywhere)
    settings = load({"data_dir": data_dir}).settings
    token = settings.access_token.get_secret_value() if settings.access_token else None
    version = installing.parse_version(opencode_version) if opencode_version else installing.opencode_version()
    directory = settings.data_dir.expanduser()
    made = secret(directory, INSTALL_TOKEN) if not dry_run else found_secret(directory, INSTALL_TOKEN) or "to be made"
    wanted = installing.PluginSettings(url or _url(settings), token, made)
    personal = installing.global_place(os.environ, Path.home())
    out = _takes_npm_out(place, personal, replace_npm, dry_run)
    changes = installing.planned_install(place, wanted, version, personal, replace_npm=out)
    _do(changes, dry_run, f"installed in {place.folder}: restart OpenCode to load it", "installed already")
    if token and project:
        print("the access token stays out of the project: run `collector opencode install --global` for it")
    if not dry_run and (wait or (wait is None and sys.stdout.isatty())):
        _wait(settings, wanted.url, wait_seconds, asked_for=bool(wait))


def _wait(settings: Settings, url: str, seconds: int, *, asked_for: bool) -> None:
    """Wait for the first event; the plugin is in, so that none comes is a failure only where it was asked for."""
    try:
        wait_for_first_event(settings, url, seconds)
    except CollectorError as error:
        if asked_for:
            raise
        say(f"collector: {error}", sys.stderr)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        say("no longer waiting; the plugin is installed", sys.stderr)
        if asked_for:
            raise


def _takes_npm_out(
    place: installing.ConfigPlace, personal: installing.ConfigPlace, wanted: bool | None, dry_run: bool
) -> bool:
    """Whether the npm plugin is to be taken out of `place`: as told, or as a person answers; what stays is named."""
    both = {each.folder: each for each in (place, personal)}
    found = npm_entries(both.values())
    here = [config for config, _ in found if config in place.configs]
    if here and wanted is None and not dry_run and sys.stdin.isatty():
        wanted = typer.confirm(
            f"{here[0]} lists the npm plugin, which tells the same turns: take it out?", default=True
        )
    for config, name in found:
        if not (wanted and config in here):
            again = "" if config in here else " (run install for that place)"
            say(
                f"{config} lists {name} too: its spans are left out beside this plugin's;"
                f" take it out with --replace-npm{again}",
                sys.stderr,
            )
    return bool(wanted and here)


@opencode.command()
def uninstall(project: InProject = False, everywhere: Globally = False, dry_run: DryRun = False) -> None:
    """Take the plugin out of OpenCode; its configuration becomes what it was.

    An npm plugin that installing replaced is listed again.
    """
    place = _place(project, everywhere)
    changes = installing.planned_uninstall(place)
    before = npm_entries([place])
    _do(changes, dry_run, f"uninstalled from {place.folder}", "not installed")
    for config, name in npm_entries([place]):
        if (config, name) not in before:
            say(f"{config} lists {name} again")
    personal = installing.global_place(os.environ, Path.home())
    if changes and not dry_run and personal != place and personal.settings.is_file() and not personal.plugin.is_file():
        say(f"{personal.settings} is left for other projects: `collector opencode uninstall` takes it too")


def _place(project: bool, everywhere: bool) -> installing.ConfigPlace:
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
        announced = f"{'https' if settings.tls_certificate else 'http'}://{host}:{settings.port}"
    return announced.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


@opencode.command()
def attach(
    url: Annotated[str, typer.Argument(help="Of `opencode serve`; left out: the service of OpenCode 2.")] = "",
    data_dir: DataDirOption = None,
) -> None:
    """Follow a running OpenCode until interrupted; OPENCODE_SERVER_PASSWORD is its password."""
    from collector.opencode import attach as attaching

    if url and not url.startswith(("http://", "https://")):
        raise ConfigError("URL: expected an address such as http://127.0.0.1:4096")
    environ = dict(os.environ)
    server = attaching.Server(url, attaching.password(environ)) if url else attaching.service(environ, Path.home())
    client = _client(load({"data_dir": data_dir}).settings)
    follower = attaching.Follower(server, client.send, _say)
    asyncio.run(follower.run())


@opencode.command("import")
def import_(
    files: Annotated[list[Path] | None, typer.Argument(help="A database, a storage folder, exports.")] = None,
    session: Annotated[list[str] | None, typer.Option(help="Only this session, with its subagents.")] = None,
    since: Annotated[str, typer.Option(help="Only what changed since: 7d, 12h, 2026-01-31 [7d].")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also what is older or was imported before.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Bring in the sessions OpenCode keeps on this machine; run it again to go on where it stopped."""
    from collector.opencode import importing

    settings = load({"data_dir": data_dir}).settings
    everything = everything or (bool(files) and not since)
    oldest = 0 if everything and not since else importing.since(since or "7d")
    wanted = importing.SessionFilter(frozenset(session or ()), oldest, again=everything)
    progress = importing.Progress(settings.data_dir.expanduser())
    tasks = importing.planned(importing.sources(files or (), os.environ, Path.home()), wanted, progress)
    client = _client(settings)
    with _progress_bar(len(tasks)) as (told, sent):
        count = importing.send(tasks, client, progress, told, sent)
    print(f"{len(tasks)} sessions, {count} events imported" if tasks else "nothing new to import")
    with contextlib.suppress(CollectorError):  # an address that takes events need not be one that is read
        used = Client(settings).get("/api/status")["store"].get("total_bytes", 0)
        if tasks and (warning := importing.crowded(used, settings.max_store_bytes)):
            _say(warning)


def _client(settings: Settings) -> EventClient:
    return EventClient(_url(settings), credentials_of(settings), tls=client_tls(settings))


def _say(what: str) -> None:
    say(what, sys.stderr)


@contextlib.contextmanager
def _progress_bar(total: int) -> Iterator[tuple[Callable[[Task, int], None], Callable[[int], None]]]:
    """Sessions of all there are, and events: of one long session, these alone show that it goes on."""
    console = Console(stderr=True)
    events = TextColumn("sessions, {task.fields[events]} events")
    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), events, TimeRemainingColumn())
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, events=0)
        count = 0

        def sent(more: int) -> None:
            nonlocal count
            count += more
            bar.update(task, events=count)

        yield lambda *_: bar.advance(task), sent
