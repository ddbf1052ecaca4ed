"""The npm plugin for OpenCode, which tells the same turns: where it is listed, and cached copies of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from collector.errors import ConfigError
from collector.opencode.install import ConfigPlace, parse_version, text_of
from collector.opencode.listing import NPM_PLUGIN, is_npm, listed_plugins, root_of

FIRST_RENAMED = (0, 1, 13)
"""The first version whose settings are named INFERENCE_*."""


def npm_entries(places: Iterable[ConfigPlace]) -> list[tuple[Path, str]]:
    """Where the npm plugin is listed, and how: configurations that cannot be read list nothing."""
    return npm_entries_of({path: None for place in places for path in place.configs})


def npm_entries_of(configs: Mapping[Path, str | None]) -> list[tuple[Path, str]]:
    """The same of these configurations; of some the text is given, since they stand in no file."""
    found = []
    for config, given in configs.items():
        try:
            text = text_of(config) if given is None else given
            root = root_of(config, text) if text is not None else None
        except ConfigError:
            continue
        found += [(config, name) for name in listed_plugins(root) if is_npm(name)]
    return found


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
