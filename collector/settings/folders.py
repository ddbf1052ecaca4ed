"""The user's own folders; a user that is only a number, as in a container, may have none."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from collector.errors import ConfigError

APP = "opencode-collector"


def config_folder() -> Path | None:
    """Where the user's settings and policy stand; None where the user has no home."""
    try:
        return Path(platformdirs.user_config_dir(APP, appauthor=False))
    except RuntimeError:
        return None


def data_folder() -> Path:
    """Where telemetry is kept unless it is said; raises `ConfigError` where the user has no home."""
    try:
        return Path(platformdirs.user_data_dir(APP, appauthor=False))
    except RuntimeError:
        raise ConfigError("this user has no home directory: set COLLECTOR_DATA_DIR, or HOME") from None
