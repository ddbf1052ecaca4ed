"""Putting the plugin into OpenCode and taking it out again.

    <config>/plugins/collector-opencode.js    the plugin, where both lines of OpenCode look for plugins
    <config>/collector-opencode.json          where the collector listens, and the access token if there is one
    opencode.json(c)                          an entry under `plugin`, for versions that load what is listed
    opencode.json(c).before-collector         that file as it was

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
from typing import Any

from collector.errors import CollectorError, ConfigError
from collector.opencode.listing import (
    PLUGIN_FILE,
    Taken,
    is_listed,
    made_of,
    restored,
    with_entry,
    without_entry,
    without_npm,
)

SETTINGS_FILE = "collector-opencode.json"
BACKUP_SUFFIX = ".before-collector"
_CONFIG_NAMES = ("opencode.jsonc", "opencode.json")
_ALSO_READ = "config.json"
_TO_MAKE = "opencode.json"
_REPLACED = "replaced"
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


Replaced = dict[str, list[Taken]]
"""What was taken out of each configuration, by the name that its place has for it."""


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
        there = next((path for path in self.configs if path.is_file()), None)
        return there or [path for path in self.configs if path.name == _TO_MAKE][-1]

    def name(self, config: Path) -> str:
        """A configuration's path from where the place is: a project's settings may be committed."""
        return config.relative_to(self.folder.parent).as_posix()

    def entry(self, config: Path) -> str:
        """How the configuration names the plugin: relative in a project, so that it can be committed."""
        if self.private:
            return self.plugin.absolute().as_uri()
        return "./" + self.plugin.relative_to(config.parent).as_posix()


def global_place(environ: Mapping[str, str], home: Path) -> ConfigPlace:
    """OpenCode follows XDG on every system."""
    folder = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "opencode"
    return ConfigPlace(folder, tuple(folder / name for name in (*_CONFIG_NAMES, _ALSO_READ)), private=True)


def environment_places(environ: Mapping[str, str]) -> tuple[list[ConfigPlace], list[Path]]:
    """What the environment has OpenCode read as well: a directory like the global one, and a single configuration."""
    folder, file = environ.get("OPENCODE_CONFIG_DIR"), environ.get("OPENCODE_CONFIG")
    names = (*_CONFIG_NAMES, _ALSO_READ)
    places = [ConfigPlace(Path(folder), tuple(Path(folder) / name for name in names), private=True)] if folder else []
    return places, [Path(file)] if file else []


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

    def text(self, *, private: bool, replaced: Replaced | None = None) -> str:
        """As a settings file; a project's may be committed, so it holds no token. The plugin reads past `replaced`."""
        tokens = {"token": self.token, "installToken": self.install_token} if private else {}
        found: dict[str, Any] = {"url": self.url} | {name: value for name, value in tokens.items() if value}
        if replaced:
            found[_REPLACED] = {
                config: [[each.position, each.text] for each in taken] for config, taken in sorted(replaced.items())
            }
        return json.dumps(found, indent=2) + "\n"


def planned_install(
    place: ConfigPlace,
    settings: PluginSettings,
    version: tuple[int, ...] | None,
    personal: ConfigPlace | None = None,
    *,
    replace_npm: bool = False,
) -> list[Change]:
    """What installing changes: nothing when it is installed already. Raises `ConfigError`.

    `personal` is the user's global place: what a project's settings may not hold is kept in its settings. With
    `replace_npm` the npm plugin goes out of every configuration of `place`, and what went is noted for uninstalling.
    """
    # OpenCode 2 loads what lies in `plugins`, and would load what is listed once more.
    finds_it = version is not None and version >= _FIRST_FINDING
    replaced = replaced_in(place)
    configs: list[Change] = []
    for config in place.configs:
        text = text_of(config)
        if text is None and (finds_it or config != place.config()):
            continue
        entry, kept = place.entry(config), text_of(_backup(config))
        listed, without = text, replace_npm
        if config == place.config():
            taken_before = replaced.get(place.name(config), ())
            if kept is not None and text in made_of(config, kept, entry, taken_before):
                # Nobody wrote in it since: begun anew, it is again something that uninstalling knows.
                listed, without = kept, replace_npm or bool(taken_before)
            listed = _unlisted(place, config, listed) if finds_it else with_entry(config, listed, entry)
        if without and listed is not None:
            listed, taken = without_npm(config, listed)
            if taken:
                replaced[place.name(config)] = taken
        configs.append(Change(config, text, listed))
        if text is not None and listed not in (None, text) and _needs_backup(place, config, text, kept):
            configs.append(Change(_backup(config), kept, text, secret=True))
    written = settings.text(private=place.private, replaced=replaced)
    changes = [
        Change(place.plugin, text_of(place.plugin), plugin_text(version)),
        Change(place.settings, text_of(place.settings), written, secret=place.private),
        *configs,
    ]
    if personal is not None and not place.private and text_of(personal.settings) is None:
        changes.append(Change(personal.settings, None, settings.text(private=True), secret=True))
    return [change for change in changes if change.before != change.after]


def planned_uninstall(place: ConfigPlace) -> list[Change]:
    """What uninstalling changes: the files of `planned_install` go, and each configuration is as it was."""
    changes = [Change(path, text_of(path), None) for path in (place.plugin, place.settings)]
    replaced = replaced_in(place)
    for config in place.configs:
        text, kept = text_of(config), text_of(_backup(config))
        if text is not None:
            after = restored(config, text, kept, place.entry(config), replaced.get(place.name(config), ()))
            changes.append(Change(config, text, after))
        changes.append(Change(_backup(config), kept, None))
    return [change for change in changes if change.before != change.after]


def replaced_in(place: ConfigPlace) -> Replaced:
    """What installing took out of the configurations, as the settings file notes it; nothing where there is none."""
    try:
        found = json.loads(text_of(place.settings) or "{}")[_REPLACED]
        return {
            str(config): [Taken(int(position), str(text)) for position, text in taken]
            for config, taken in found.items()
        }
    except (ConfigError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _unlisted(place: ConfigPlace, config: Path, text: str | None) -> str | None:
    """The configuration without the entry that an earlier version of OpenCode needed."""
    entry = place.entry(config)
    if text is None or not is_listed(config, text, entry):
        return text
    kept = text_of(_backup(config))
    if kept is None and text == with_entry(config, None, entry):
        return None  # it was made by us
    if kept is not None and text == with_entry(config, kept, entry):
        return kept
    return without_entry(config, text, entry)


def _needs_backup(place: ConfigPlace, config: Path, text: str, kept: str | None) -> bool:
    """Whether `text` is how the file was before anything of ours was in it, and not what we made of the backup."""
    entry = place.entry(config)
    if is_listed(config, text, entry):
        return False
    return kept is None or text not in made_of(config, kept, entry, replaced_in(place).get(place.name(config), ()))


def _backup(config: Path) -> Path:
    return config.with_name(config.name + BACKUP_SUFFIX)


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
