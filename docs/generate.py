"""Writes the tables of docs/settings.md from the code they describe: `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from collector.settings.model import PREFIX, Settings
from collector.settings.npm_names import NPM_NAMES
from collector.settings.sources import FLAGS

PAGE = Path(__file__).parent / "settings.md"


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


def page() -> str:
    """The page as it should be: what stands between a table's markers is written anew."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in (("settings", settings_table()), ("npm names", npm_names_table())):
        begin, end = f"<!-- {name}: written by make docs -->", f"<!-- end of {name} -->"
        text, found = re.subn(
            f"{re.escape(begin)}.*?{re.escape(end)}",
            lambda _, b=begin, t=table, e=end: f"{b}\n{t}\n{e}",
            text,
            flags=re.S,
        )
        if found != 1:
            raise SystemExit(f"docs/settings.md: expected the markers of {name} once")
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
    PAGE.write_text(page(), encoding="utf-8")
