"""The policy document: one TOML schema, read strictly. What is not understood is refused, never passed over.

Raises `ConfigError` with one line that names the file and the key; it never repeats a value.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.errors import ConfigError
from collector.policy.model import KEY_ID, RULE_ID

SCHEMA = 1
MOST_BYTES = 1024 * 1024

Preset = Literal["metadata-only", "no-tool-content", "secrets-and-pii", "secrets"]
SignalName = Literal["traces", "logs", "metrics", "span", "log", "metric"]
Names = list[Annotated[str, Field(min_length=1, max_length=256)]]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
RuleId = Annotated[str, Field(pattern=f"^{RULE_ID}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class ContentTable(_Table):
    """`[[content]]`: a content level for some signals, services, span kinds and tools."""

    level: Literal["mask", "metadata"]
    signal: list[SignalName] = []
    service: Names = []
    kind: Names = []
    tool: Names = []


class RulesTable(_Table):
    """`[rules]`: packs by version (or `@latest`), rules of theirs turned on or off, and what is done to findings."""

    packs: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*@([0-9]+|latest)$")]] | None = None
    enable: list[RuleId] | None = None
    disable: list[RuleId] | None = None
    action: dict[str, Literal["placeholder", "hash", "drop"]] = {}


class RuleTable(_Table):
    """`[[rule]]`: a rule of one's own. Its examples are part of it and run whenever it is loaded."""

    id: RuleId
    pattern: Annotated[str, Field(min_length=1, max_length=1000)]
    literals: Names = []
    group: Annotated[int, Field(ge=0, le=20)] = 0
    check: Annotated[str, Field(pattern=r"^(none|luhn|mod97|entropy>=[0-9]{1,2}(\.[0-9]{1,3})?)$")] = "none"
    action: Literal["placeholder", "hash", "drop"] = "placeholder"
    match: Annotated[list[str], Field(min_length=1)]
    no_match: Annotated[list[str], Field(min_length=1)]


class FieldTable(_Table):
    """`[[field]]`: what is done to some fields, whatever they hold."""

    action: Annotated[str, Field(pattern=r"^(keep|scan|truncate:[0-9]{1,9}|hash|placeholder|drop)$")]
    signal: list[SignalName] = []
    at: list[str] = []
    key: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    service: Names = []
    kind: Names = []
    tool: Names = []
    role: list[Literal["system", "developer", "user", "assistant", "tool", "function"]] = []
    type: Literal["string", "int", "double", "bool"] | None = None
    shape: Literal["identifier", "number", "version", "model"] | None = None


Positive = Annotated[int, Field(ge=1, le=2**31)]


class LimitsTable(_Table):
    """`[limits]`: structure taken as it is."""

    max_value_bytes: Positive | None = None
    max_depth: Annotated[int, Field(ge=1, le=32)] | None = None
    max_attributes: Positive | None = None
    max_events: Positive | None = None
    max_links: Positive | None = None
    max_short_items: Positive | None = None
    max_inline_bytes: Positive | None = None
    decode_depth: Annotated[int, Field(ge=1, le=6)] | None = None


class HmacTable(_Table):
    """`[hmac]`: the key of pseudonyms; at least 32 bytes in a file that others cannot read."""

    key_file: Annotated[str, Field(min_length=1, max_length=1024)]
    key_id: Annotated[str, Field(pattern=f"^{KEY_ID}$")]


class ReportTable(_Table):
    """`[report]`: whether spans say which policy redacted them."""

    span_attributes: bool = True


class Body(_Table):
    """What one layer asks for; what it does not name it leaves to the others."""

    preset: Preset | None = None
    mode: Literal["mask", "metadata", "metadata-only"] | None = None
    on_error: Literal["drop", "metadata-only"] | None = None
    content: list[ContentTable] | None = None
    rules: RulesTable | None = None
    rule: list[RuleTable] | None = None
    field: list[FieldTable] | None = None
    hide: Names | None = None
    hmac: HmacTable | None = None
    limits: LimitsTable | None = None
    report: ReportTable | None = None


class UserDocument(Body):
    """A user's policy."""

    version: Annotated[Literal[1], Field(alias="schema")] = 1
    name: Name = "policy"
    revision: Annotated[int, Field(ge=0, le=2**53)] = 0


class RemoteDocument(UserDocument):
    """What an organisation serves: as a machine's policy, but it names no other source."""

    not_before: datetime | None = None
    expires: datetime | None = None
    required: Body | None = None
    defaults: Body | None = None


class MachineDocument(UserDocument):
    """The administrator's policy: what stands outside `[defaults]` is locked, as is `[required]`."""

    policy_url: Annotated[str, Field(max_length=2048)] | None = None
    public_keys: Annotated[list[str], Field(min_length=1, max_length=2)] | None = None
    max_age: Annotated[str, Field(pattern=r"^[0-9]{1,6}[smhd]$")] | Annotated[int, Field(ge=1)] | None = None
    required: Body | None = None
    defaults: Body | None = None


D = TypeVar("D", UserDocument, RemoteDocument, MachineDocument)


def read_document(kind: type[D], data: bytes, origin: str) -> D:
    """Read one document; `origin` stands before what is wrong with it."""
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{origin}: larger than {MOST_BYTES} bytes")
    try:
        found = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigError(f"{origin}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
        raise ConfigError(f"{origin}: not valid TOML{f' ({place[1]})' if place else ''}") from None
    if found.get("schema", SCHEMA) != SCHEMA:
        raise ConfigError(f"{origin}: schema: this collector reads schema {SCHEMA} only")
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        raise ConfigError(f"{origin}: {_said(error, kind)}") from None


def _said(error: ValidationError, kind: type[BaseModel]) -> str:
    """The first thing that is wrong: a key that is not known before anything else."""
    every = error.errors(include_url=False, include_input=False, include_context=True)
    first = next((each for each in every if each["type"] == "extra_forbidden"), every[0])
    path = _path(first["loc"])
    if first["type"] == "extra_forbidden":
        known = _keys(kind, first["loc"][:-1])
        close = difflib.get_close_matches(str(first["loc"][-1]), known, 1)
        return f"{path}: unknown key" + (f"; did you mean {close[0]}?" if close else "")
    if first["type"] == "missing":
        return f"{path}: missing"
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{path}: {message[:1].lower()}{message[1:]}"


def _path(loc: tuple[int | str, ...]) -> str:
    """`rule[2].pattern`, counted from 1 as people count tables."""
    parts = ""
    for part in loc:
        if isinstance(part, int):
            parts += f"[{part + 1}]"
        elif not part.startswith(("constrained-", "function-", "str", "int")) or part in ("string",):
            parts += f".{part}" if parts else part
    return parts


def _keys(kind: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys that may stand at `loc`."""
    here: type[BaseModel] = kind
    for part in loc:
        if isinstance(part, str) and part in here.model_fields:
            here = _table_in(here.model_fields[part].annotation) or here
    return [field.alias or name for name, field in here.model_fields.items()]


def _table_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)


def seconds(age: str | int) -> int:
    """`90`, `"15m"`, `"12h"` or `"7d"` in seconds."""
    if isinstance(age, int):
        return age
    return int(age[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[age[-1]]


def as_utc(moment: datetime) -> datetime:
    """A time without an offset is meant in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
