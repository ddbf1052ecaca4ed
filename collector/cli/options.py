"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

DataDirOption = Annotated[Path | None, typer.Option("--data-dir", help="Where telemetry is kept.")]

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; otherwise collector.toml here or yours.")
]

PolicyOption = Annotated[
    str | None,
    typer.Option(
        "--policy", help="Policy file, or a preset: metadata-only, no-tool-content, secrets-and-pii, secrets."
    ),
]
