"""`collector serve`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from collector import logs
from collector.app.data_dir import READ_TOKEN, found_secret, page_address
from collector.cli.options import ConfigOption, DataDirOption, PolicyOption
from collector.settings.sources import load


def register(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one [4318].")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    policy: PolicyOption = None,
    upstream: Annotated[str | None, typer.Option(help="Where to forward; a token alone means Catalyst.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that seal on cores of their own [0].")] = None,
) -> None:
    """Listen, redact, keep and forward, until stopped."""
    from collector.app.process import serve as run

    flags = {
        "host": host,
        "port": port,
        "data_dir": data_dir,
        "upstream_endpoint": upstream,
        "policy_file": policy,
        "workers": workers,
    }
    loaded = load(flags, config)
    logs.configure(loaded.settings.log_level)
    settings = loaded.settings

    def listening(url: str) -> None:
        print(f"listening on {url}", flush=True)
        if sys.stdout.isatty():
            token = None if settings.read_without_token else found_secret(settings.data_dir.expanduser(), READ_TOKEN)
            print(f"the page: {page_address(url, token)}", flush=True)

    run(loaded, listening, reread=lambda: load(flags, config))
