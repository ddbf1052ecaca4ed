"""What is wrong with a settings file, by its key and its line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

Location = tuple[int | str, ...]

_ARRAY = re.compile(r"\s*\[\[\s*([^\]]+?)\s*\]\]")
_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_VARIANT = re.compile(r"str|int|float|bool|(constrained|function|nullable|list|dict|is-instance)[-\[].*")
_KEY = re.compile(r"""\s*([\w.\-"']+)\s*=""")


def first_fault(error: ValidationError, model: type[BaseModel]) -> tuple[Location, str]:
    """Where the first fault is, and what it is: a key that is not known before anything else."""
    every = error.errors(include_url=False, include_input=False, include_context=False)
    fault = next((each for each in every if each["type"] == "extra_forbidden"), every[0])
    if fault["type"] == "extra_forbidden":
        name = str(fault["loc"][-1])
        location = (*_without_variants(fault["loc"][:-1]), name)
        close = difflib.get_close_matches(name, _keys(model, location[:-1]), 1)
        return location, "unknown key" + (f"; did you mean {close[0]}?" if close else "")
    location = _without_variants(fault["loc"])
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return location, message[:1].lower() + message[1:]


def shown(location: Location) -> str:
    """`destination[2].token.file`, counted from 1 as people count tables."""
    parts = ""
    for part in location:
        if isinstance(part, int):
            parts += f"[{part + 1}]"
        else:
            parts += f".{part}" if parts else part
    return parts


def lines_of(text: str) -> Mapping[Location, int]:
    """The line on which each table and key of a TOML document stands."""
    found: dict[Location, int] = {}
    arrays: dict[Location, int] = {}
    table: Location = ()

    def placed(names: str) -> Location:
        """The names of a header, with the number of the array's last table after each array's name."""
        place: Location = ()
        for name in _names(names):
            place += (name,)
            if place in arrays:
                place += (arrays[place],)
        return place

    for number, line in enumerate(text.splitlines(), 1):
        if header := _ARRAY.match(line):
            names = _names(header[1])
            above = placed(".".join(map(str, names[:-1])))
            array = (*above, names[-1])
            arrays[array] = arrays.get(array, -1) + 1
            table = (*array, arrays[array])
            found[table] = number
        elif header := _TABLE.match(line):
            table = placed(header[1])
            found[table] = number
        elif key := _KEY.match(line):
            found.setdefault((*table, *_names(key[1])), number)
    return found


def line_of(location: Location, lines: Mapping[Location, int]) -> int | None:
    """The line of a key, or of the table or key around it."""
    for length in range(len(location), 0, -1):
        if location[:length] in lines:
            return lines[location[:length]]
    return None


def _names(text: str) -> Location:
    return tuple(name.strip().strip("\"'") for name in text.split(".") if name.strip())


def _without_variants(location: Location) -> Location:
    """pydantic also names which type of a union it tried; people have no use for that."""
    return tuple(part for part in location if isinstance(part, int) or not _VARIANT.fullmatch(part))


def _keys(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that may stand at `location`."""
    here = model
    for part in location:
        if isinstance(part, str) and part in here.model_fields:
            here = next(iter(_tables_in(here.model_fields[part].annotation)), here)
    return list(here.model_fields)


def _tables_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [table for each in get_args(annotation) for table in _tables_in(each)]
