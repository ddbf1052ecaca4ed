"""What `collector doctor` says of OpenCode and its plugins."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collector.app.data_dir import INSTALL_TOKEN, found_secret
from collector.cli.client import urls_of
from collector.cli.doctor_environment import Here, environment_findings
from collector.cli.finding import Finding
from collector.errors import ConfigError
from collector.opencode.install import (
    ConfigPlace,
    environment_places,
    global_place,
    opencode_version,
    plugin_text,
    project_place,
    text_of,
)
from collector.opencode.listing import NPM_PLUGIN, listed_plugins, root_of
from collector.opencode.npm_plugin import FIRST_RENAMED, cached_copies, npm_entries_of
from collector.settings.model import Settings

_LISTED_UNTIL = (2,)
_INLINE = "OPENCODE_CONFIG_CONTENT"


def wiring_findings(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """How agents on this machine are wired to a collector of these settings; nothing is changed."""
    here = Here(next(iter(urls_of(settings)), ""), settings.host, settings.grpc_port)
    yield from _opencode(settings, here, environ)
    yield from environment_findings(here, environ)


def _opencode(settings: Settings, here: Here, environ: Mapping[str, str]) -> Iterator[Finding]:
    binary = shutil.which("opencode", path=environ.get("PATH"))
    version = opencode_version(binary) if binary else None
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:  # a user that is only a number, as in a container
        return
    folders, files = environment_places(environ)
    places = [global_place(environ, home), project_place(Path.cwd()), *folders]
    installed = [place for place in places if place.plugin.is_file()]
    configs: dict[Path, str | None] = dict.fromkeys([*(path for place in places for path in place.configs), *files])
    if (inline := environ.get(_INLINE)) is not None:
        configs[Path(_INLINE)] = inline
    npm = npm_entries_of(configs)
    if binary:
        name = ".".join(map(str, version)) if version else "of a version it does not say"
        yield Finding("OpenCode", "ok" if version else "notice", f"{name} at {binary}")
    elif not installed and not npm:
        yield Finding("OpenCode", "ok", "no `opencode` on the PATH; nothing to look at")
        return
    yield from _unreadable(configs)
    yield from (
        Finding("OpenCode", "problem", f"OPENCODE_CONFIG names {file}, which is no file: OpenCode reads nothing of it")
        for file in files
        if not file.is_file()
    )
    for place in installed:
        layers = [each.settings for each in places[: places.index(place) + 1]]
        yield from _plugin(place, version, here, _Tokens.of(settings, layers, environ), configs)
    if not installed and not npm:
        yield Finding("OpenCode", "notice", "no plugin tells its turns: run `collector opencode install`")
    for config, entry in npm:
        if installed:
            said = f"{config} lists {entry} beside the collector's plugin: `collector opencode install --replace-npm`"
            yield Finding("npm plugin", "notice", f"{said} (until then its spans are left out)")
        else:
            yield Finding("npm plugin", "ok", f"{entry} in {config}")
    if npm:
        for folder, found in cached_copies(environ, home):
            if found < FIRST_RENAMED:
                said = f"OpenCode keeps {NPM_PLUGIN} {'.'.join(map(str, found))}, which reads CATALYST_* names only"
                yield Finding("npm plugin", "notice", f"{said}: delete {folder} to get the latest")


def _unreadable(configs: Mapping[Path, str | None]) -> Iterator[Finding]:
    for config, given in configs.items():
        try:
            if (text := text_of(config) if given is None else given) is not None:
                root_of(config, text)
        except ConfigError as error:
            said = str(error).removesuffix("; nothing was changed")
            yield Finding("OpenCode", "problem", f"{said}: mend the file, OpenCode reads it too")


def _listed(config: Path, given: str | None, *, must_be_read: bool) -> list[str]:
    """The plugins that a configuration lists; raises `ConfigError` for one that must be read and cannot."""
    try:
        text = text_of(config) if given is None else given
        return listed_plugins(root_of(config, text)) if text is not None else []
    except ConfigError:
        if must_be_read:
            raise
        return []


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What is wrong with the tokens that a plugin shows, in words; empty where nothing is."""

    access: str
    install: str

    @classmethod
    def of(cls, settings: Settings, layers: Iterable[Path], environ: Mapping[str, str]) -> _Tokens:
        """Of a plugin that reads settings from `layers`, the later before the earlier."""
        found: dict[str, Any] = {"token": environ.get("COLLECTOR_ACCESS_TOKEN")}
        for file in layers:
            with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
                found |= {name: value for name, value in json.loads(file.read_text("utf-8")).items() if value}
        asked = [settings.access_token, *settings.access_tokens.values()]
        tokens = [each.get_secret_value() for each in asked if each is not None]
        access = "shows none of the collector's access tokens" if tokens and found["token"] not in tokens else ""
        ours = found_secret(settings.data_dir.expanduser(), INSTALL_TOKEN)
        install = "shows no install token of this data directory, so that the collector does not read what it missed"
        return cls(access, install if found.get("installToken") != ours else "")


def _plugin(
    place: ConfigPlace,
    version: tuple[int, ...] | None,
    here: Here,
    tokens: _Tokens,
    configs: Mapping[Path, str | None],
) -> Iterator[Finding]:
    again = "run `collector opencode install" + ("" if place.private else " --project") + "`"
    try:
        if text_of(place.plugin) != plugin_text(version):
            said = f"{place.plugin} is of another version than this collector: {again} again"
            yield Finding("plugin", "notice", said)
        config = place.config()
        names = [name for path, given in configs.items() for name in _listed(path, given, must_be_read=path == config)]
    except ConfigError:
        return  # told of already
    if version is not None and version < _LISTED_UNTIL and place.entry(config) not in names:
        yield Finding("plugin", "problem", f"{config} does not list it: {again}")
        return
    try:
        url = str(json.loads(place.settings.read_text("utf-8"))["url"])
    except (OSError, ValueError, LookupError, TypeError):
        yield Finding("plugin", "problem", f"{place.settings} names no address: {again}")
        return
    if said := replace(here, grpc_port=None).differs(url):
        yield Finding("plugin", "problem", f"{place.settings} {said}: {again}")
    elif tokens.access:
        again = "run `collector opencode install`"  # a project's settings hold no token
        yield Finding("plugin", "problem", f"{place.plugin} {tokens.access}: {again} with COLLECTOR_ACCESS_TOKEN set")
    else:
        yield Finding("plugin", "ok", f"{place.plugin} sends to {url}")
        if tokens.install:
            yield Finding("plugin", "notice", f"{place.plugin} {tokens.install}: run `collector opencode install`")
