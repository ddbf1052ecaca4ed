"""`collector mcp`: the kept traces as an MCP server on stdin and stdout, for agents that start their servers."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, closing

import typer

from collector import __version__
from collector.cli.client import Client, NotRunning, open_reader
from collector.cli.options import DataDirOption
from collector.errors import CollectorError
from collector.settings.model import Settings
from collector.settings.sources import load

_WAIT_SECONDS = 75
"""A tool may wait a minute for the next turn."""
_INTERNAL = -32603


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
            found = _from_disk(settings, line)
        except CollectorError as error:
            found = _refused(line, str(error))
        if found:
            sys.stdout.buffer.write(found + b"\n")
            sys.stdout.buffer.flush()


def _from_disk(settings: Settings, line: bytes) -> bytes:
    """The answer to a message where no collector runs; a store is asked for only when a tool is called."""
    from collector.viewer.mcp import answer_text

    with ExitStack() as opened:
        return answer_text(lambda: opened.enter_context(closing(open_reader(settings))), __version__, line)


def _refused(line: bytes, why: str) -> bytes:
    """The answer to a message that the collector did not answer: an error, and nothing to a notification.

    The agent may ask again, since this goes on.
    """
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if isinstance(message, dict) and "id" not in message:
        return b""
    identifier = message["id"] if isinstance(message, dict) else None
    return json.dumps({"jsonrpc": "2.0", "id": identifier, "error": {"code": _INTERNAL, "message": why}}).encode()
