"""The policy in force: what may leave, as the seal reads it (pure data)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum

from collector.enums import ContentLevel as ContentLevel
from collector.enums import Signal


class Action(IntEnum):
    """What happens to a value; the greater is the stricter, and the strictest that applies wins."""

    KEEP = 0
    SCAN = 1
    TRUNCATE = 2
    HASH = 3
    PLACEHOLDER = 4
    DROP = 5

    @property
    def word(self) -> str:
        return self.name.lower()


class Place(StrEnum):
    """Where a field selector looks: attributes, which have keys, and the single text fields of OTLP."""

    ATTR = "attr"
    EVENT_ATTR = "event-attr"
    LINK_ATTR = "link-attr"
    RESOURCE = "resource"
    SCOPE = "scope"
    EXEMPLAR = "exemplar"
    METRIC_METADATA = "metric-metadata"
    BODY = "body"
    NAME = "name"
    EVENT_NAME = "event-name"
    STATUS = "status"
    TRACE_STATE = "trace-state"
    SEVERITY = "severity"
    DESCRIPTION = "description"
    UNIT = "unit"
    SCHEMA_URL = "schema-url"


_ALL = frozenset(Signal)
PLACES: Mapping[Place, frozenset[Signal]] = {
    Place.ATTR: _ALL,
    Place.EVENT_ATTR: frozenset({Signal.TRACES}),
    Place.LINK_ATTR: frozenset({Signal.TRACES}),
    Place.RESOURCE: _ALL,
    Place.SCOPE: _ALL,
    Place.EXEMPLAR: frozenset({Signal.METRICS}),
    Place.METRIC_METADATA: frozenset({Signal.METRICS}),
    Place.BODY: frozenset({Signal.LOGS}),
    Place.NAME: frozenset({Signal.TRACES, Signal.METRICS}),
    Place.EVENT_NAME: frozenset({Signal.TRACES, Signal.LOGS}),
    Place.STATUS: frozenset({Signal.TRACES}),
    Place.TRACE_STATE: frozenset({Signal.TRACES}),
    Place.SEVERITY: frozenset({Signal.LOGS}),
    Place.DESCRIPTION: frozenset({Signal.METRICS}),
    Place.UNIT: frozenset({Signal.METRICS}),
    Place.SCHEMA_URL: _ALL,
}
"""The signals that have each place."""

KEYED = frozenset(
    {
        Place.ATTR,
        Place.EVENT_ATTR,
        Place.LINK_ATTR,
        Place.RESOURCE,
        Place.SCOPE,
        Place.EXEMPLAR,
        Place.METRIC_METADATA,
        Place.BODY,
    }
)
"""Places that hold attributes; the body of a log record may be a map of them."""

KINDS = frozenset(
    {"AGENT", "LLM", "TOOL", "CHAIN", "RETRIEVER", "EMBEDDING", "RERANKER", "GUARDRAIL", "EVALUATOR", "PROMPT"}
    | {"UNKNOWN"}
)
"""OpenInference's span kinds."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which items a rule is about; an empty condition holds for all. Names may end or begin with `*`."""

    signals: frozenset[Signal] = _ALL
    services: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()
    tools: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()

    @property
    def by_item(self) -> bool:
        """Whether it takes more than the signal to decide."""
        return bool(self.services or self.kinds or self.tools or self.roles)


@dataclass(frozen=True, slots=True)
class LevelRule:
    """A content level for some items."""

    level: ContentLevel
    where: Where


@dataclass(frozen=True, slots=True)
class Levels:
    """One layer's content levels: the strictest rule that applies, otherwise `default`."""

    default: ContentLevel = ContentLevel.MASK
    rules: tuple[LevelRule, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What is done to the fields that the selector names; `most_bytes` is what truncation leaves.

    `type` and `shape` belong to `keep`: only a value of that type, all of which has that shape, is kept.
    """

    action: Action
    places: frozenset[Place]
    key: str = "*"
    where: Where = Where()
    most_bytes: int = 0
    type: str = ""
    shape: str = ""


@dataclass(frozen=True, slots=True)
class OwnRule:
    """A rule that the policy brings, with the examples that prove it."""

    id: str
    pattern: str
    match: tuple[str, ...]
    no_match: tuple[str, ...]
    literals: tuple[str, ...] = ()
    group: int = 0
    check: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Structure that is taken as it is; what is larger is replaced or cut, and counted."""

    max_value_bytes: int = 4 * 1024 * 1024
    max_depth: int = 32
    max_attributes: int = 10_000
    max_events: int = 10_000
    max_links: int = 1_000
    max_short_items: int = 16
    max_inline_bytes: int = 32_000
    """Of base64 after a `data:` prefix (the limit OpenInference sets for images)."""
    decode_depth: int = 3
    """How many layers of encoding are undone to look inside: the one limit that is stricter when greater."""


RULE_ID = "[a-z][a-z0-9-]{0,62}"
KEY_ID = "[A-Za-z0-9]{1,16}"
"""What rules and keys may be called: expressions, since placeholders hold both names."""


@dataclass(frozen=True, slots=True)
class HmacKey:
    """Where the key of pseudonyms stands, and the name it goes by in them."""

    key_file: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What may leave. `rules` are the ids of the pack rules that are on; `actions` the ones not replaced by a name.

    `name` and `revision` are the machine's where it has a policy, and then `locked` is true; otherwise the user's.
    """

    name: str = "secrets-and-pii"
    revision: int = 0
    locked: bool = False
    user_name: str = ""
    user_revision: int = 0
    levels: tuple[Levels, ...] = (Levels(),)
    rules: frozenset[str] = frozenset()
    packs: tuple[str, ...] = ()
    own_rules: tuple[OwnRule, ...] = ()
    actions: Mapping[str, Action] = field(default_factory=dict)
    fields: tuple[FieldRule, ...] = ()
    limits: Limits = Limits()
    hmac: HmacKey | None = None
    span_attributes: bool = True
    metadata_on_error: bool = False

    @property
    def mode(self) -> ContentLevel:
        """The content level where nothing more is said."""
        return strictest(table.default for table in self.levels)

    @property
    def hashes(self) -> bool:
        """Whether any action needs the key."""
        return Action.HASH in self.actions.values() or any(rule.action is Action.HASH for rule in self.fields)

    def level_of(self, signal: Signal) -> ContentLevel | None:
        """The content level of every item of `signal`, or None where it depends on the item."""
        tables = [
            (table.default, [rule for rule in table.rules if signal in rule.where.signals]) for table in self.levels
        ]
        if any(rule.where.by_item for _, rules in tables for rule in rules):
            return None
        return strictest(strictest(rule.level for rule in rules) if rules else default for default, rules in tables)

    def fingerprint(self) -> str:
        """A short name for exactly this policy, the same on every machine."""
        return hashlib.sha256(_canonical(self).encode()).hexdigest()[:16]


def strictest(levels: Iterable[ContentLevel]) -> ContentLevel:
    return ContentLevel.METADATA if ContentLevel.METADATA in tuple(levels) else ContentLevel.MASK


def _canonical(value: object) -> str:
    if hasattr(value, "__dataclass_fields__"):
        return "(" + ",".join(_canonical(getattr(value, each.name)) for each in fields(value)) + ")"  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{_canonical(key)}:{_canonical(item)}" for key, item in value.items())) + "}"
    if isinstance(value, frozenset):
        return "{" + ",".join(sorted(map(_canonical, value))) + "}"
    if isinstance(value, tuple):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return repr(str(value))
