"""`collector show ID`: a session, turn, trace or span with its content, as a person reads it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

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
    part: Annotated[int, typer.Option(min=0, help="Of a long one only this part; 0: all of them.")] = 0,
    as_json: AsJson = False,
    data_dir: DataDirOption = None,
) -> None:
    """Print a session, turn, trace or span with its content."""
    kept = KeptReader(load({"data_dir": data_dir}).settings)
    pages = _pages(kept, _meant(kept, identifier), part)
    if as_json:
        print_json(_joined(pages))
        return
    for document in pages:
        _print_markdown(document["markdown"])


def _meant(kept: KeptReader, identifier: str) -> dict[str, Any]:
    """What to ask for: an id as a whole comes before SESSION/2, since an id may hold a slash."""
    session, slash, turn = identifier.rpartition("/")
    if slash and session and turn.isdigit() and len(turn) < 5 and not kept.is_session(identifier):
        found = kept.find(session)
        if not found["trace_id"]:
            if not int(turn):
                raise CollectorError("turns are numbered from 1")
            return {"session": found["session_id"], "turn": int(turn)}
    found = kept.find(identifier)
    if found["trace_id"]:
        return {"trace": found["trace_id"], "span": found["span_id"]}
    return {"session": found["session_id"]}


def _pages(kept: KeptReader, query: dict[str, Any], part: int) -> Iterator[dict[str, Any]]:
    """The parts of what was asked for, each read when its turn comes."""
    document = kept.show(**query, part=part or 1)
    yield document
    for number in range(2, 1 if part else document.get("parts", 1) + 1):
        yield kept.show(**query, part=number)


def _joined(pages: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """The parts as one document: a turn that stands in several is told once."""
    whole = next(pages)
    for document in pages:
        known = {turn["number"] for turn in whole["turns"]}
        whole["turns"] += [turn for turn in document["turns"] if turn["number"] not in known]
        whole["spans"] += document["spans"]
        whole["markdown"] += "\n" + document["markdown"]
    return {name: value for name, value in whole.items() if name not in ("part", "parts")}


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
