"""`collector open`."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.app.browser import entry_page
from collector.app.data_dir import READ_TOKEN, found_secret, leave_entry, page_address
from collector.cli.client import Client
from collector.cli.options import DataDirOption
from collector.settings.sources import load


def register(app: typer.Typer) -> None:
    app.command("open")(open_page)


def open_page(
    show: Annotated[bool, typer.Option("--print", help="Print the address instead of opening it.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Open the page in the browser, already let in."""
    import webbrowser

    settings = load({"data_dir": data_dir}).settings
    status = Client(settings).get("/api/status")
    directory = settings.data_dir.expanduser()
    token = None if settings.read_without_token else found_secret(directory, READ_TOKEN)
    address = page_address(status["url"], token)
    opened = leave_entry(directory, entry_page(address)) if token and not show else address
    if show or not webbrowser.open(opened):
        print(address)
    elif token:
        print("opened in the browser; if it may not read files there, `collector open --print` prints the address")
