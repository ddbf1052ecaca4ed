"""How the process runs: flags, then environment, then `collector.toml`, then defaults.

What may leave the machine is not here: that is the policy's.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from collector.batch import Signal
from collector.errors import ConfigError
from collector.otlp.write import Encoding
from collector.policy.model import ContentLevel
from collector.reshape.target import SourceKeys
from collector.settings.npm_names import boolean, read_honoured

PREFIX = "COLLECTOR_"
CONFIG_FILE = "collector.toml"
_APP = "opencode-collector"
_MIB = 1024 * 1024


def _words(value: Any) -> Any:
    """A list may be written as words with commas between them."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


Flag = Annotated[bool, BeforeValidator(boolean)]
Words = Annotated[list[str], NoDecode, BeforeValidator(_words)]


class Settings(BaseSettings):
    """Every setting, its type and its default; unknown names are an error."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        hide_input_in_errors=True,
        frozen=True,
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(4318, ge=0, le=65535, description="port to listen on; 0 picks a free one")
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir(_APP, appauthor=False)),
        description="where telemetry is kept",
    )
    access_token: SecretStr | None = Field(None, description="what clients must send; needed to listen beyond loopback")
    bind_without_token: Flag = Field(
        False,
        description="listen beyond loopback without an access token: only in a container published on loopback",
    )
    allowed_hosts: Words = Field([], description="Host names that requests may carry beside the loopback ones")
    allowed_origins: Words = Field([], description="web origins that may send telemetry from a page")

    policy_file: str = Field("", description="what may leave: a policy file, or the name of a preset")
    content: ContentLevel = Field(ContentLevel.MASK, description="mask credentials, or keep metadata only")

    forward: Annotated[bool | None, BeforeValidator(boolean)] = Field(None, description="false keeps everything local")
    upstream_endpoint: str = Field("", description="where to forward; a token alone means Catalyst")
    upstream_encoding: Encoding = Field(Encoding.AUTO, description="json, protobuf, or auto")
    upstream_compression: Literal["gzip", "none"] = Field("gzip", description="gzip or none")
    upstream_headers: dict[str, str] = Field({}, description="headers to add, as a JSON object or a table")
    upstream_token: SecretStr | None = Field(None, description="put into each request on the way out")
    upstream_token_file: Path | None = Field(None, description="a file with the token, read again when it changes")
    upstream_signals: Annotated[list[Signal], NoDecode, BeforeValidator(_words)] | None = Field(
        None, description="traces, logs, metrics; what the upstream takes"
    )

    max_body_bytes: int = Field(64 * _MIB, ge=1024, description="of one request, before and after decompression")
    max_inflight_bytes: int = Field(256 * _MIB, ge=1024, description="of all requests under way")
    max_queue_bytes: int = Field(1024 * _MIB, ge=1024, description="undelivered; more is refused with 503")
    max_queue_days: float = Field(7, gt=0, description="undelivered telemetry is dropped after this, and counted")
    max_store_bytes: int = Field(512 * _MIB, ge=1024, description="kept in all; the oldest delivered goes first")

    reshape_source_keys: SourceKeys = Field(
        SourceKeys.DISTINCT,
        description="source keys of reshaped spans: all stay, distinct (what would be sent twice goes), or none",
    )
    reshape_vectors: Flag = Field(False, description="keep embedding vectors")

    service_name: str = Field("opencode", description="service.name and agent id of spans made here")
    additional_metadata: dict[str, Any] = Field(
        {}, description="JSON object merged into the metadata of turns made here"
    )
    turn_quiet_seconds: float = Field(600, gt=0, description="a turn of which nothing more is heard is given up after")
    opencode_catch_up: Flag = Field(True, description="read from OpenCode's own store what its plugin could not tell")
    keep_internal_spans: Flag = Field(False, description="keep the internal spans of OpenCode's own OTLP export")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much is logged on stderr")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # `load` merges the sources itself, to know where each value came from


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
            lambda key: f"--{_FLAGS.get(key, key)}",
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
        raise _as_config_error(error, origins) from None
    return Loaded(settings, origins, notices)


_FLAGS = {"data_dir": "data-dir", "upstream_endpoint": "upstream", "policy_file": "policy"}


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
    for folder in (Path.cwd(), Path(platformdirs.user_config_dir(_APP, appauthor=False))):
        if (folder / CONFIG_FILE).is_file():
            return folder / CONFIG_FILE
    return None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ConfigError(f"{path}: not valid TOML") from None
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


def _as_config_error(error: ValidationError, origins: Mapping[str, str]) -> ConfigError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    message = first["msg"].removeprefix("Value error, ")
    return ConfigError(f"{origins.get(key, key)}: {message[:1].lower()}{message[1:]}")
