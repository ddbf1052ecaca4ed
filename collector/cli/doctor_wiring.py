"""What `collector doctor` looks at outside the collector: OpenCode, its plugins, and the environment."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from collector.cli.client import urls_of
from collector.cli.finding import Finding
from collector.errors import ConfigError
from collector.opencode.install import (
    ConfigPlace,
    global_place,
    opencode_version,
    plugin_text,
    project_place,
    text_of,
)
from collector.opencode.listing import NPM_PLUGIN, listed_plugins, root_of
from collector.opencode.npm_plugin import FIRST_RENAMED, cached_copies, npm_entries
from collector.settings.model import Settings

_LISTED_UNTIL = (2,)
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_OF_NPM = ("INFERENCE_OTLP_ENDPOINT", "CATALYST_OTLP_ENDPOINT")


def wiring_findings(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """How agents on this machine are wired to a collector of these settings; nothing is changed."""
    port = urlsplit(urls_of(settings)[0]).port or settings.port
    yield from _opencode(port, environ)
    yield from _environment(port, environ)


def _opencode(port: int, environ: Mapping[str, str]) -> Iterator[Finding]:
    binary = shutil.which("opencode", path=environ.get("PATH"))
    version = opencode_version(binary) if binary else None
    home = Path(environ.get("HOME") or Path.home())
    places = [global_place(environ, home), project_place(Path.cwd())]
    installed = [place for place in places if place.plugin.is_file()]
    npm = npm_entries(places)
    if binary:
        name = ".".join(map(str, version)) if version else "of a version it does not say"
        yield Finding("OpenCode", "ok" if version else "notice", f"{name} at {binary}")
    elif not installed and not npm:
        yield Finding("OpenCode", "ok", "no `opencode` on the PATH; nothing to look at")
        return
    for place in installed:
        yield from _plugin(place, version, port)
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


def _plugin(place: ConfigPlace, version: tuple[int, ...] | None, port: int) -> Iterator[Finding]:
    try:
        if text_of(place.plugin) != plugin_text(version):
            said = f"{place.plugin} is of another version than this collector: run `collector opencode install` again"
            yield Finding("plugin", "notice", said)
        config = place.config()
        text = text_of(config)
        names = listed_plugins(root_of(config, text)) if text is not None else []
    except ConfigError as error:
        yield Finding("plugin", "problem", str(error))
        return
    if version is not None and version < _LISTED_UNTIL and place.entry(config) not in names:
        yield Finding("plugin", "problem", f"{config} does not list it: run `collector opencode install`")
        return
    try:
        url = str(json.loads(place.settings.read_text("utf-8"))["url"])
        theirs = urlsplit(url).port
    except (OSError, ValueError, LookupError, TypeError):
        yield Finding("plugin", "problem", f"{place.settings} names no address: run `collector opencode install`")
        return
    if theirs != port:
        said = f"{place.settings} sends to port {theirs}, the collector is at {port}: run `collector opencode install`"
        yield Finding("plugin", "problem", said)
    else:
        yield Finding("plugin", "ok", f"{place.plugin} sends to {url}")


def _environment(port: int, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Names that would lead telemetry past the collector, or back into it."""
    for name in (*_ENDPOINTS, *_OF_NPM):
        value = environ.get(name, "")
        if not value:
            continue
        parts = urlsplit(value)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if not local:
            said = "leads agents past the collector: unset it here, or give it to the collector as --upstream"
            yield Finding("environment", "notice", f"{name} names {parts.hostname or 'no host'}; it {said}")
        elif _port_of(parts) != port:
            yield Finding("environment", "notice", f"{name} names port {_port_of(parts)}, the collector is at {port}")
        else:
            yield Finding("environment", "ok", f"{name} leads to this collector")
    switch = next((name for name in ("TRACE_TO_INFERENCE", "TRACE_TO_CATALYST") if environ.get(name)), "")
    if switch and not any(environ.get(name) for name in _OF_NPM):
        said = "is set and no endpoint: the npm plugin sends past the collector, to Catalyst itself"
        yield Finding("environment", "notice", f"{switch} {said}; set INFERENCE_OTLP_ENDPOINT=http://127.0.0.1:{port}")
    bypass = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    proxy = next((name for name in _PROXIES if environ.get(name)), "")
    if proxy and "127.0.0.1" not in bypass and bypass != "*":
        said = "is set and NO_PROXY leaves out 127.0.0.1: some clients would send to the proxy instead"
        yield Finding("environment", "notice", f"{proxy} {said}; export NO_PROXY=127.0.0.1,localhost")


def _port_of(parts: SplitResult) -> int | None:
    try:
        return parts.port or {"https": 443}.get(parts.scheme, 80)
    except ValueError:
        return None
