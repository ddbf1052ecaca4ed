"""Writes the tables of settings and presets from the code they describe: `make docs`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from collector.settings.model import PREFIX, Settings
from collector.settings.npm_names import NPM_NAMES
from collector.settings.presets import PRESETS
from collector.settings.sources import FLAGS

FOLDER = Path(__file__).parent


def settings_table() -> str:
    return _table(
        ("environment", "flag", "default", "what it is"),
        (
            (
                PREFIX + name.upper(),
                f"--{FLAGS[name]}" if name in FLAGS else "",
                _default(field),
                field.description or "",
            )
            for name, field in Settings.model_fields.items()
        ),
    )


def npm_names_table() -> str:
    """One row for names that mean the same, in the order in which they win."""
    rows: dict[str, list[str]] = {}
    for known in NPM_NAMES:
        rows.setdefault(known.meaning, []).append(known.name)
    return _table(("name", "here"), ((", ".join(names), meaning) for meaning, names in rows.items()))


def presets_table() -> str:
    """What each preset fills in."""
    return _table(
        ("preset", "address", "signals", "encoding", "token", "see"),
        (
            (
                f"`{name}`",
                (preset.endpoint or "its own") + preset.base_path,
                ", ".join(preset.signals),
                preset.encoding.value,
                f"`{preset.token_header}: {preset.token_scheme} ...`".replace(":  ", ": ")
                + (f" ({preset.token_hint})" if preset.token_hint else ""),
                preset.source,
            )
            for name, preset in PRESETS.items()
        ),
    )


TABLES = {
    "settings.md": {"settings": settings_table, "npm names": npm_names_table},
    "destinations.md": {"presets": presets_table},
}


def page(name: str) -> str:
    """A page as it should be: what stands between a table's markers is written anew."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    for table, write in TABLES[name].items():
        begin, end = f"<!-- {table}: written by make docs -->", f"<!-- end of {table} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise SystemExit(f"{name}: expected the markers of {table}")
        text = f"{before}{begin}\n{write()}\n{end}{after}"
    return text


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in line) + "|" for line in lines)


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if field.default_factory is not None:
        return "your data directory"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value in ("", [], {}) or isinstance(value, SecretStr):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    for name in TABLES:
        (FOLDER / name).write_text(page(name), encoding="utf-8")
