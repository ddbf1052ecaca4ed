"""`collector show ID`: a session, turn, trace or span with its content, as a person reads it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from collector.cli.kept import KeptReader
from collector.cli.options import AsJson, DataDirOption
from collector.cli.show import print_json, printable
from collector.errors import CollectorError
from collector.settings.sources import load

_WIDEST = 100


def register(app: typer.Typer) -> None:
    app.command()(show)


def show(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Of a session, trace or span, or SESSION/2 for a turn; may be short.")
    ],
    as_json: AsJson = False,
    data_dir: DataDirOption = None,
) -> None:
    """Print a session, turn, trace or span with its content."""
    kept = KeptReader(load({"data_dir": data_dir}).settings)
    session, slash, turn = identifier.rpartition("/")
    if slash and turn.isdigit() and len(turn) < 5 and (found := kept.find(session)) and not found["trace_id"]:
        if not int(turn):
            raise CollectorError("turns are numbered from 1")
        document = kept.show(session=found["session_id"], turn=int(turn))
    else:
        found = kept.find(identifier)
        if found["trace_id"]:
            document = kept.show(trace=found["trace_id"], span=found["span_id"])
        else:
            document = kept.show(session=found["session_id"])
    if as_json:
        print_json(document)
    else:
        _print_markdown(document["markdown"])


def _print_markdown(text: str) -> None:
    """To a terminal wrapped and coloured, elsewhere as it is; nothing in it steers the terminal."""
    text = "\n".join(printable(line.expandtabs(4)) for line in text.split("\n"))
    if not sys.stdout.isatty():
        print(text, end="")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.width = min(console.width, _WIDEST)
    console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))
