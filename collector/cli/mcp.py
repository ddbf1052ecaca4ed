"""`collector mcp`: the kept traces as an MCP server on stdin and stdout, for agents that start their servers."""

from __future__ import annotations

import sys

import typer

from collector import __version__
from collector.cli.client import Client, NotRunning, open_reader
from collector.cli.options import DataDirOption
from collector.settings.sources import load

_WAIT_SECONDS = 75
"""A tool may wait a minute for the next turn."""


def register(app: typer.Typer) -> None:
    app.command()(mcp)


def mcp(data_dir: DataDirOption = None) -> None:
    """Serve what is kept to agents: an MCP server on stdin, stdout.

    Messages stand one a line, and are answered by the running collector or, where none runs, from its store.
    """
    settings = load({"data_dir": data_dir}).settings
    client = Client(settings)
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        try:
            found = client.post("/mcp", line, "application/json", _WAIT_SECONDS)
        except NotRunning:
            from collector.viewer.mcp import answer_text

            reader = open_reader(settings)
            try:
                found = answer_text(reader, __version__, line)
            finally:
                reader.close()
        if found:
            sys.stdout.buffer.write(found + b"\n")
            sys.stdout.buffer.flush()
