"""`collector config`."""

from __future__ import annotations

from typing import Any

import typer
from pydantic import SecretStr

from collector.cli.options import AsJson, ConfigOption, DataDirOption
from collector.cli.show import print_json, print_table
from collector.settings.model import PREFIX, Settings
from collector.settings.sources import load


def register(app: typer.Typer) -> None:
    app.command()(config)


def config(
    as_json: AsJson = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show each setting, its value and its origin; tokens as stars."""
    from collector.settings.forwarding import forwarding_settings

    loaded = load({"data_dir": data_dir}, config)
    forwarding = forwarding_settings(loaded.settings, loaded.origins, loaded.settings.port)
    rows = {
        name: {
            "value": _shown(name, getattr(loaded.settings, name)),
            "origin": loaded.origins.get(name, "default"),
            "environment": PREFIX + name.upper(),
            "description": field.description,
        }
        for name, field in Settings.model_fields.items()
    }
    if as_json:
        print_json(
            {"settings": rows, "forwarding": forwarding.reason, "notices": [*loaded.notices, *forwarding.notices]}
        )
        return
    print_table(
        ["setting", "value", "from", "what it is"],
        ([name, str(row["value"]), str(row["origin"]), str(row["description"])] for name, row in rows.items()),
        "",
    )
    for notice in (*loaded.notices, *forwarding.notices):
        print(f"notice: {notice}")
    print(forwarding.reason)


def _shown(name: str, value: Any) -> Any:
    """Headers may hold credentials as well: their values are stars too. Of destinations the names are shown."""
    if isinstance(value, SecretStr):
        return "********"
    if name == "destination":
        return [table.name or table.preset for table in value]
    if name == "team":
        return [table.name for table in value]
    if name == "upstream_headers":
        return dict.fromkeys(value, "********")
    if isinstance(value, (list, dict, int, float, bool)) or value is None:
        return value
    return str(value)
