"""OpenCode's configuration for one run, given by its environment: the plugin, with nothing written anywhere."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from collector.errors import ConfigError
from collector.opencode.install import PluginSettings
from collector.opencode.listing import PLUGIN_FILE, PLUGIN_KEY

CONTENT = "OPENCODE_CONFIG_CONTENT"
"""The variable that OpenCode reads a configuration from, beside its files."""


def with_plugin(content: str, target: PluginSettings) -> str:
    """The configuration `content` with our plugin, and where it sends; raises `ConfigError` where it is none."""
    try:
        found: Any = json.loads(content) if content.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get(PLUGIN_KEY, []), list):
        raise ConfigError(f"{CONTENT}: expected a JSON object, its `{PLUGIN_KEY}` a list")
    plugin = Path(str(files("collector.opencode") / "plugin" / PLUGIN_FILE)).absolute().as_uri()
    options = json.loads(target.text(private=True))
    return json.dumps({**found, PLUGIN_KEY: [*found.get(PLUGIN_KEY, []), [plugin, options]]})
