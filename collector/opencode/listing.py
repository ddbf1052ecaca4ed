"""The plugins that a configuration of OpenCode lists: ours put in, the npm plugin taken out, and both undone (pure).

What was taken out is kept as its text and its position, so that it comes back as it stood: see `restored`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.errors import ConfigError
from collector.opencode.jsonc import Node, NotJson, insert, plain, read, remove

PLUGIN_KEY = "plugin"
PLUGIN_FILE = "collector-opencode.js"
NPM_PLUGIN = "@inference/trace-opencode"


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry that was taken out of a list: where it stood, and its text."""

    position: int
    text: str


def root_of(config: Path, text: str) -> Node | None:
    """The root of a configuration's text; raises `ConfigError` where it cannot be read or is no object."""
    try:
        root = read(text)
    except NotJson as error:
        raise ConfigError(f"{config}: {error}; nothing was changed") from None
    if root is not None and root.members is None:
        raise ConfigError(f"{config}: not a JSON object; nothing was changed")
    return root


def listed_plugins(root: Node | None) -> list[str]:
    """The names under `plugin`, of plain entries and of those with options; empty for what is neither."""
    found = plain(root) if root is not None else None
    entries = found.get(PLUGIN_KEY) if isinstance(found, dict) else None
    names = [item[0] if isinstance(item, list) and item else item for item in entries or ()]
    return [name if isinstance(name, str) else "" for name in names]


def is_npm(name: str) -> bool:
    """Whether an entry names the npm plugin: by its name, with a version, or by the place of an installed copy."""
    place = name.replace("\\", "/")
    return name == NPM_PLUGIN or name.startswith(NPM_PLUGIN + "@") or f"node_modules/{NPM_PLUGIN}/" in f"{place}/"


def with_entry(config: Path, text: str | None, entry: str) -> str:
    """The configuration with `entry` in its list, made where there is none."""
    if text is None:
        return json.dumps({"$schema": "https://opencode.ai/config.json", PLUGIN_KEY: [entry]}, indent=2) + "\n"
    if _position(root_of(config, text), entry) is not None:
        return text
    return _with(config, text, json.dumps(entry, ensure_ascii=False), None)


def without_entry(config: Path, text: str, entry: str) -> str:
    position = _position(root_of(config, text), entry)
    return text if position is None else remove(text, PLUGIN_KEY, position)


def is_listed(config: Path, text: str, entry: str) -> bool:
    return _position(root_of(config, text), entry) is not None


def without_npm(config: Path, text: str) -> tuple[str, list[Taken]]:
    """The configuration without the npm plugin, and the entries taken out, in their order."""
    taken: list[Taken] = []
    while True:
        root = root_of(config, text)
        position = next((at for at, name in enumerate(listed_plugins(root)) if is_npm(name)), None)
        array = root.member(PLUGIN_KEY) if root is not None else None
        if position is None or array is None or array.elements is None:
            return text, taken
        node = array.elements[position]
        taken.append(Taken(position + len(taken), text[node.start : node.end]))
        text = remove(text, PLUGIN_KEY, position)


def made_of(config: Path, before: str, entry: str, taken: Sequence[Taken]) -> list[str]:
    """What installing can have made of `before`: with the entry or, for OpenCode 2, without it."""
    made = [with_entry(config, before, entry), before]
    if taken:
        made = [text for each in made for text in (without_npm(config, each)[0], each)]
    return made


def restored(config: Path, text: str, before: str | None, entry: str, taken: Sequence[Taken]) -> str | None:
    """What uninstalling leaves of `text`: `before` where nobody changed it since, and otherwise each change undone.

    None where installing made the file. What a person put back, or wrote meanwhile, stays as it is.
    """
    if before is None and not taken and text == with_entry(config, None, entry):
        return None
    if before is not None:
        made = made_of(config, before, entry, taken)
        whole = before if text in made else next(filter(None, (_undone(text, before, each) for each in made)), None)
        if whole is not None:
            text = whole
    names = {name for name in listed_plugins(root_of(config, text)) if is_npm(name)}
    for each in taken:
        if _name(each) not in names:
            text = _with(config, text, each.text, each.position)
    return without_entry(config, text, entry)


def _undone(text: str, before: str, made: str) -> str | None:
    """`text` with what turned `before` into `made` undone, where all that changed since stands outside of it."""
    root, root_before, root_made = read(text), read(before), read(made)
    if root is None or root_before is None or root_made is None:
        return None
    array, array_before, array_made = (each.member(PLUGIN_KEY) for each in (root, root_before, root_made))
    if array is None or array_made is None or text[array.start : array.end] != made[array_made.start : array_made.end]:
        return None
    if array_before is not None:
        return text[: array.start] + before[array_before.start : array_before.end] + text[array.end :]
    start = next((at for at, (one, other) in enumerate(zip(before, made, strict=False)) if one != other), len(before))
    added = made[start : start + len(made) - len(before)]
    if root_before.members and text.count(added) == 1:  # a first member has no comma that could go with it
        return text.replace(added, "")
    return None


def _with(config: Path, text: str, entry: str, position: int | None) -> str:
    try:
        return insert(text, PLUGIN_KEY, entry, position)
    except NotJson:
        raise ConfigError(f'{config}: "{PLUGIN_KEY}" is not a list there; make it one and try again') from None


def _name(taken: Taken) -> str:
    found = read(taken.text)
    value = plain(found) if found is not None else ""
    return str(value[0] if isinstance(value, list) and value else value)


def _position(root: Node | None, entry: str) -> int | None:
    """Where the plugin is listed, as a plain path or as one with options."""
    for position, name in enumerate(listed_plugins(root)):
        if name == entry or name.endswith("/plugins/" + PLUGIN_FILE):
            return position
    return None
