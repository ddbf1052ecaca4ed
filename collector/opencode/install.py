"""Putting the plugin into OpenCode and taking it out again.

    <config>/plugins/collector-opencode.js    the plugin, where both lines of OpenCode look for plugins
    <config>/collector-opencode.json          where the collector listens, and the access token if there is one
    opencode.json(c)                          an entry under `plugin`, for versions that load what is listed

`<config>` is OpenCode's global directory, or `.opencode` of a project. Every change is planned first: a plan is
shown by `--dry-run` and otherwise written, so what was shown is what is done.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from collector.errors import CollectorError, ConfigError
from collector.opencode.jsonc import Node, NotJson, append, plain, read, remove

PLUGIN_FILE = "collector-opencode.js"
SETTINGS_FILE = "collector-opencode.json"
BACKUP_SUFFIX = ".before-collector"
PLUGIN_KEY = "plugin"
_CONFIG_NAMES = ("opencode.jsonc", "opencode.json")
_OBJECT_EXPORT = "export default { id: ID, server, setup }"
_FUNCTION_EXPORT = "export const CollectorOpencode = server"
_FIRST_WITH_OBJECTS = (1, 18, 29)
_FIRST_FINDING = (2,)


@dataclass(frozen=True, slots=True)
class Change:
    """A file before and after; None where it is not there. `secret` files are for their owner alone."""

    path: Path
    before: str | None
    after: str | None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class ConfigPlace:
    """Where a plugin is installed: `folder` holds it, one of `configs` lists it."""

    folder: Path
    configs: tuple[Path, ...]
    private: bool

    @property
    def plugin(self) -> Path:
        return self.folder / "plugins" / PLUGIN_FILE

    @property
    def settings(self) -> Path:
        return self.folder / SETTINGS_FILE

    def config(self) -> Path:
        """The configuration that is there, else the one to make."""
        return next((path for path in self.configs if path.is_file()), self.configs[-1])

    def entry(self, config: Path) -> str:
        """How the configuration names the plugin: relative in a project, so that it can be committed."""
        if self.private:
            return self.plugin.absolute().as_uri()
        return "./" + self.plugin.relative_to(config.parent).as_posix()


def global_place(environ: Mapping[str, str], home: Path) -> ConfigPlace:
    """OpenCode follows XDG on every system."""
    folder = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "opencode"
    return ConfigPlace(folder, tuple(folder / name for name in _CONFIG_NAMES), private=True)


def project_place(project: Path) -> ConfigPlace:
    folder = project / ".opencode"
    inner = tuple(folder / name for name in _CONFIG_NAMES)
    return ConfigPlace(folder, (*inner, *(project / name for name in _CONFIG_NAMES)), private=False)


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """What the plugin is told: where the collector listens, and the tokens it shows there.

    `install_token` makes the collector believe which files the plugin names.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    install_token: str | None = field(default=None, repr=False)

    def text(self, *, private: bool) -> str:
        """As a settings file; a project's may be committed, so it holds no token."""
        tokens = {"token": self.token, "installToken": self.install_token} if private else {}
        found = {"url": self.url} | {name: value for name, value in tokens.items() if value}
        return json.dumps(found, indent=2) + "\n"


def planned_install(
    place: ConfigPlace, settings: PluginSettings, version: tuple[int, ...] | None, personal: ConfigPlace | None = None
) -> list[Change]:
    """What installing changes: nothing when it is installed already. Raises `ConfigError`.

    `personal` is the user's global place: what a project's settings may not hold is kept in its settings.
    """
    config = place.config()
    text = text_of(config)
    # OpenCode 2 loads what lies in `plugins`, and would load what is listed once more.
    finds_it = version is not None and version >= _FIRST_FINDING
    listed = (
        _unlisted(config, text, place.entry(config)) if finds_it else _with_entry(config, text, place.entry(config))
    )
    backup = config.with_name(config.name + BACKUP_SUFFIX)
    changes = [
        Change(place.plugin, text_of(place.plugin), plugin_text(version)),
        Change(place.settings, text_of(place.settings), settings.text(private=place.private), secret=place.private),
        Change(config, text, listed),
    ]
    if text is not None and listed not in (None, text) and not finds_it:
        changes.append(Change(backup, text_of(backup), text, secret=True))
    if personal is not None and not place.private and text_of(personal.settings) is None:
        changes.append(Change(personal.settings, None, settings.text(private=True), secret=True))
    return [change for change in changes if change.before != change.after]


def listed_plugins(root: Node | None) -> list[str]:
    """The names under `plugin`, of plain entries and of those with options; empty for what is neither."""
    found = plain(root) if root is not None else None
    entries = found.get(PLUGIN_KEY) if isinstance(found, dict) else None
    names = [item[0] if isinstance(item, list) and item else item for item in entries or ()]
    return [name if isinstance(name, str) else "" for name in names]


def planned_uninstall(place: ConfigPlace) -> list[Change]:
    """What uninstalling changes: the files of `planned_install` go, and the configuration is as it was."""
    changes = [Change(path, text_of(path), None) for path in (place.plugin, place.settings)]
    for config in place.configs:
        text = text_of(config)
        backup = config.with_name(config.name + BACKUP_SUFFIX)
        kept = text_of(backup)
        if text is not None:
            changes.append(Change(config, text, _without_entry(config, text, kept, place.entry(config))))
        changes.append(Change(backup, kept, None))
    return [change for change in changes if change.before != change.after]


def plugin_text(version: tuple[int, ...] | None) -> str:
    """The plugin as this version of OpenCode loads it: an object, or before 1.18.29 a function."""
    text = files("collector.opencode").joinpath("plugin", PLUGIN_FILE).read_text(encoding="utf-8")
    if version is not None and version < _FIRST_WITH_OBJECTS:
        return text.replace(_OBJECT_EXPORT, _FUNCTION_EXPORT)
    return text


def opencode_version(binary: str = "opencode") -> tuple[int, ...] | None:
    """What `opencode --version` says; None where there is none to ask."""
    try:
        asked = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(asked.stdout)


def parse_version(text: str) -> tuple[int, ...] | None:
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(number) for number in found.groups()) if found else None


def apply(changes: Iterable[Change]) -> None:
    """Write a plan; raises `CollectorError` naming the file that could not be written."""
    for change in changes:
        try:
            if change.after is None:
                change.path.unlink(missing_ok=True)
                if change.path.name == PLUGIN_FILE and not any(change.path.parent.iterdir()):
                    change.path.parent.rmdir()
            else:
                _write(change.path, change.after, change.secret)
        except OSError as error:
            raise CollectorError(f"{change.path} cannot be written: {error.strerror}") from None


def diff(changes: Iterable[Change]) -> str:
    """A plan as a unified diff; the plugin itself is named only, and the token is not shown."""
    lines: list[str] = []
    for change in changes:
        if change.path.name == PLUGIN_FILE or change.path.name.endswith(BACKUP_SUFFIX):
            did = "write" if change.before is None else "delete" if change.after is None else "replace"
            lines.append(f"{did} {change.path}\n")
            continue
        lines += difflib.unified_diff(
            _shown(change, change.before), _shown(change, change.after), str(change.path), str(change.path)
        )
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def _shown(change: Change, text: str | None) -> list[str]:
    if text is not None and change.path.name == SETTINGS_FILE:
        text = re.sub(r'("(?:token|installToken)": )"(?:[^"\\]|\\.)*"', r'\1"***"', text)
    return (text or "").splitlines(keepends=True)


def _with_entry(config: Path, text: str | None, entry: str) -> str:
    if text is None:
        return json.dumps({"$schema": "https://opencode.ai/config.json", PLUGIN_KEY: [entry]}, indent=2) + "\n"
    root = root_of(config, text)
    if _position(root, entry) is not None:
        return text
    try:
        return append(text, PLUGIN_KEY, entry)
    except NotJson:
        raise ConfigError(f'{config}: "{PLUGIN_KEY}" is not a list there; make it one and try again') from None


def _unlisted(config: Path, text: str | None, entry: str) -> str | None:
    """The configuration without the entry an earlier version needed."""
    return None if text is None else _without_entry(config, text, None, entry)


def _without_entry(config: Path, text: str, backup: str | None, entry: str) -> str | None:
    if text == _with_entry(config, None, entry) and backup is None:
        return None  # it was made by us
    if backup is not None and text == _with_entry(config, backup, entry):
        return backup
    position = _position(root_of(config, text), entry)
    return text if position is None else remove(text, PLUGIN_KEY, position)


def root_of(config: Path, text: str) -> Node | None:
    try:
        root = read(text)
    except NotJson as error:
        raise ConfigError(f"{config}: {error}; nothing was changed") from None
    if root is not None and root.members is None:
        raise ConfigError(f"{config}: not a JSON object; nothing was changed")
    return root


def _position(root: Node | None, entry: str) -> int | None:
    """Where the plugin is listed, as a plain path or as one with options."""
    for position, name in enumerate(listed_plugins(root)):
        if name == entry or name.endswith("/plugins/" + PLUGIN_FILE):
            return position
    return None


def text_of(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({type(error).__name__})") from None


def _write(path: Path, text: str, secret: bool) -> None:
    """Replace a file in one step, keeping its rights and the link it may be behind."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600 if secret else 0o644
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
        out.write(text.encode("utf-8"))
    new.chmod(0o600 if secret else mode)
    new.replace(path)
