"""Where settings come from: flags, then environment, then `collector.toml`, then defaults.

Every error names the setting and its source, never the value.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from collector.enums import ContentLevel
from collector.errors import ConfigError
from collector.settings.explain import first_fault, line_of, lines_of, shown
from collector.settings.folders import config_folder
from collector.settings.model import PREFIX, Settings
from collector.settings.npm_names import read_honoured

CONFIG_FILE = "collector.toml"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, where each came from (a setting that is not named has its default), and notices."""

    settings: Settings
    origins: Mapping[str, str]
    notices: tuple[str, ...]


def load(flags: Mapping[str, Any] | None = None, config: Path | None = None) -> Loaded:
    """Read the settings of this process.

    Raises `ConfigError` naming the setting and where it came from; never its value.
    """
    _refuse_unknown_names(os.environ)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    file = _config_file(config)
    layers: list[tuple[Mapping[str, Any], Callable[[str], str]]] = []
    if file is not None:
        layers.append((_read_file(file), lambda _: str(file)))
    honoured = read_honoured(os.environ)
    layers.append(({key: value for key, (value, _) in honoured.items()}, lambda key: honoured[key][1]))
    layers.append((_read_environment(), lambda key: PREFIX + key.upper()))
    layers.append(
        (
            {key: value for key, value in (flags or {}).items() if value is not None},
            lambda key: f"--{FLAGS[key]}",
        )
    )
    for layer, origin in layers:
        for key, value in layer.items():
            values[key] = value
            origins[key] = origin(key)
    notices = _keep_strictest_content(values, origins, honoured)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise as_config_error(error, origins, file) from None
    return Loaded(settings, origins, notices)


FLAGS = {
    "host": "host",
    "port": "port",
    "data_dir": "data-dir",
    "policy_file": "policy",
    "workers": "workers",
    "upstream_endpoint": "upstream",
}
"""Settings that `collector serve` takes as flags too, and the flags' names."""


def _refuse_unknown_names(environ: Mapping[str, str]) -> None:
    for name in environ:
        if not name.upper().startswith(PREFIX):
            continue
        key = name.upper()[len(PREFIX) :].partition("__")[0].lower()
        if key not in Settings.model_fields:
            close = difflib.get_close_matches(key, Settings.model_fields, 1)
            hint = f"; did you mean {PREFIX}{close[0].upper()}?" if close else ""
            raise ConfigError(f"{name} is not a setting{hint}")


def _config_file(explicit: Path | None) -> Path | None:
    if explicit is not None:
        if not explicit.is_file():
            raise ConfigError(f"--config {explicit}: no such file")
        return explicit
    for folder in (Path.cwd(), config_folder()):
        if folder is not None and (folder / CONFIG_FILE).is_file():
            return folder / CONFIG_FILE
    return None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
        raise ConfigError(f"{path}: not valid TOML{f' ({place[1]})' if place else ''}") from None
    for key in found:
        if key not in Settings.model_fields:
            close = difflib.get_close_matches(key, Settings.model_fields, 1)
            raise ConfigError(f"{path}: {key} is not a setting{f'; did you mean {close[0]}?' if close else ''}")
    return found


def _read_environment() -> dict[str, Any]:
    try:
        return EnvSettingsSource(Settings)()
    except SettingsError as error:
        name = next((field for field in Settings.model_fields if f'"{field}"' in str(error)), "")
        raise ConfigError(f"{PREFIX}{name.upper()}: expected JSON") from None


def _keep_strictest_content(
    values: dict[str, Any], origins: dict[str, str], honoured: Mapping[str, tuple[Any, str]]
) -> tuple[str, ...]:
    """A name that asks for metadata only holds, whatever another layer says."""
    strict = honoured.get("content")
    if strict is None or str(values.get("content")) == ContentLevel.METADATA:
        return ()
    notice = f"content stays at metadata: {strict[1]} asks for it, {origins['content']} cannot loosen it"
    values["content"], origins["content"] = strict
    return (notice,)


def as_config_error(error: ValidationError, origins: Mapping[str, str], file: Path | None = None) -> ConfigError:
    """What is wrong with settings, said of where they came from (`origins`, by setting), and never with the value."""
    location, fault = first_fault(error, Settings)
    key = str(location[0]) if location else ""
    origin = origins.get(key, key)
    if file is not None and origin == str(file):
        line = line_of(location, lines_of(file.read_text(encoding="utf-8")))
        place = f", line {line}" if line is not None else ""
        return ConfigError(f"{file}{place}: {shown(location)}: {fault}")
    if len(location) > 1:
        return ConfigError(f"{origin}: {shown(location)}: {fault}")
    return ConfigError(f"{origin}: {fault}")
