"""The npm plugin for OpenCode, which tells the same turns: where it is listed, taking it out, cached copies of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from collector.errors import ConfigError
from collector.opencode.install import PLUGIN_KEY, Change, ConfigPlace, listed_plugins, parse_version, root_of, text_of
from collector.opencode.jsonc import remove

NPM_PLUGIN = "@inference/trace-opencode"
FIRST_RENAMED = (0, 1, 13)
"""The first version whose settings are named INFERENCE_*."""


def npm_entries(places: Iterable[ConfigPlace]) -> list[tuple[Path, str]]:
    """Where the npm plugin is listed, and how: configurations that cannot be read list nothing."""
    found = []
    for config in (path for place in places for path in place.configs):
        try:
            root = root_of(config, text) if (text := text_of(config)) is not None else None
        except ConfigError:
            continue
        found += [(config, name) for name in listed_plugins(root) if _is_npm(name)]
    return found


def without_npm(changes: list[Change], place: ConfigPlace) -> list[Change]:
    """The same plan, and the npm plugin taken out of the configurations of `place`."""
    planned = {change.path: change for change in changes}
    for config in place.configs:
        before = planned[config].before if config in planned else text_of(config)
        text = planned[config].after if config in planned else before
        while text is not None:
            names = listed_plugins(root_of(config, text))
            position = next((at for at, name in enumerate(names) if _is_npm(name)), None)
            if position is None:
                break
            text = remove(text, PLUGIN_KEY, position)
        if text != before:
            planned[config] = Change(config, before, text)
    return [change for change in planned.values() if change.before != change.after]


def _is_npm(name: str) -> bool:
    return name == NPM_PLUGIN or name.startswith(NPM_PLUGIN + "@")


def cached_copies(environ: Mapping[str, str], home: Path) -> Iterator[tuple[Path, tuple[int, ...]]]:
    """Copies that OpenCode keeps, with their version: what is listed as @latest is not looked up again beside one."""
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "opencode"
    for pattern in (f"node_modules/{NPM_PLUGIN}", f"packages/*/*/node_modules/{NPM_PLUGIN}"):
        for manifest in sorted(cache.glob(f"{pattern}/package.json")):
            try:
                version = parse_version(str(json.loads(manifest.read_text("utf-8")).get("version")))
            except (OSError, ValueError, AttributeError):
                continue
            if version is not None:
                yield manifest.parent, version
