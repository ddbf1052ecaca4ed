"""Field selectors, compiled once: what is done to a value because of where it stands and what its key is.

A key is looked up in a table, so a field that no selector names costs one dictionary lookup. Conditions on the
service, span kind, tool or message role are looked at only for keys that a selector names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collector.batch import Signal
from collector.otlp.names import canonical, glob
from collector.policy.model import KEYED, PLACES, Action, ContentLevel, FieldRule, Place, Policy, Where, strictest
from collector.redact.placeholders import without_placeholders
from collector.redact.report import SECRET_FIELD
from collector.redact.rules.vocabulary import Says, name_says

REPORT = "redaction."
"""Attributes under this are ours: what clients send under it goes first."""

_LONGEST_WORD = 256


Conditional = tuple[FieldRule, bool]
"""A rule, and whether it takes a look at the item to know if it applies."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a key calls for; `rules` are those that name it, their conditions still to be looked at.

    `role_key` is where the role of the message stands that the key belongs to.
    """

    rules: tuple[Conditional, ...] = ()
    role_key: str = ""
    remove: bool = False
    secret_name: str = ""
    """The key, where it says or may say that its value is a secret."""
    plain: bool = False
    """Nothing but that the key itself has not been read yet."""


_UNREAD = Treatment(plain=True)
_FORGED = Treatment(remove=True)
UNMET = Treatment(plain=True)


class KeyTable(dict[str, "Treatment | None"]):
    """The attribute keys met at one place of one signal; None for keys with no finding that call for nothing."""

    def __init__(self, rules: Sequence[FieldRule], secrets: bool) -> None:
        super().__init__()
        self._rules = tuple(rules)
        self._secrets = secrets

    def is_plain(self, key: str) -> bool:
        """Whether a key was read before and calls for nothing."""
        treatment = self.get(key, UNMET)
        return treatment is None or (treatment.plain and treatment is not UNMET)

    def resolve(self, key: str) -> Treatment:
        """What a key that is met for the first time calls for."""
        if key.startswith(REPORT):
            return _FORGED
        rules = tuple((rule, rule.where.by_item) for rule in self._rules if glob(rule.key, key))
        name = without_placeholders(key)  # which name rules for secrets, and say nothing of the value
        if not self._secrets or name_says(name) is Says.NOTHING:
            name = ""
        if not (rules or name):
            return _UNREAD
        return Treatment(rules, role_key_of(key), secret_name=name)


class FieldActions:
    """The field rules of a policy for one signal."""

    def __init__(self, policy: Policy, signal: Signal) -> None:
        chosen = [rule for rule in policy.fields if signal in rule.where.signals]
        secrets = SECRET_FIELD in policy.rules
        self.on_secret = policy.actions.get(SECRET_FIELD, Action.PLACEHOLDER)
        """What is done to a value whose key says that it is a secret."""
        self.tables = {
            place: KeyTable([rule for rule in chosen if place in rule.places], secrets)
            for place in KEYED
            if signal in PLACES[place]
        }
        self.texts = {
            place: rules
            for place in Place
            if (
                rules := tuple(
                    (rule, rule.where.by_item) for rule in chosen if place in rule.places and rule.key == "*"
                )
            )
            and (place not in KEYED or place is Place.BODY)
        }


@dataclass(slots=True)
class Subject:
    """The span or log record that conditions are asked of; it is read only when one asks."""

    message: Any = None
    resource: Any = None
    _words: dict[str, str] | None = None

    @property
    def service(self) -> str:
        if self.resource is None:
            return ""
        values = (pair.value.string_value for pair in self.resource.attributes if pair.key == "service.name")
        return canonical(next(values, ""))

    @property
    def tool(self) -> str:
        return self._first(_TOOL_NAMES)

    @property
    def kind(self) -> str:
        """OpenInference's span kind; where it is missing, what the source's own attributes make of it."""
        given = self._first(_KINDS)
        if given:
            return _KIND_WORDS.get(given.lower(), given.upper())
        operation = self._first(("gen_ai.operation.name",))
        if operation:
            return _OPERATIONS.get(operation, "UNKNOWN")
        return "TOOL" if self._first(("ai.operationId",)) == "ai.toolCall" or self.tool else "UNKNOWN"

    def role(self, key: str) -> str:
        """The role of a message, by the key it stands under."""
        return self._first((key,)).lower()

    def _first(self, keys: Sequence[str]) -> str:
        if self._words is None:
            self._words = _short_texts(getattr(self.message, "attributes", ()))
        words = self._words
        return next((found for key in keys if key in words and (found := canonical(words[key]))), "")


def role_key_of(key: str) -> str:
    """Where the role stands of the message that `key` belongs to; empty for other keys."""
    message = _MESSAGE.match(key)
    return f"{message[0]}.message.role" if message else ""


_MESSAGE = re.compile(r"llm\.(?:input|output)_messages\.[0-9]{1,6}")
_KINDS = ("openinference.span.kind", "traceloop.span.kind", "langfuse.observation.type")
_TOOL_NAMES = ("tool.name", "gen_ai.tool.name", "ai.toolCall.name", "tool_name", "function_name", "mcp.tool.name")
_NAMING = frozenset((*_KINDS, *_TOOL_NAMES, "gen_ai.operation.name"))
_OPERATIONS = {
    "execute_tool": "TOOL", "chat": "LLM", "text_completion": "LLM", "generate_content": "LLM",
    "embeddings": "EMBEDDING", "invoke_agent": "AGENT", "create_agent": "AGENT", "retrieval": "RETRIEVER",
}  # fmt: skip
_KIND_WORDS = {"generation": "LLM", "workflow": "CHAIN", "task": "CHAIN", "span": "UNKNOWN"}


def applies(where: Where, subject: Subject, role_key: str = "") -> bool:
    """Whether a subject meets the conditions; its signal has been looked at before."""
    if where.kinds and subject.kind not in where.kinds:
        return False
    if where.tools and not _any_glob(where.tools, subject.tool):
        return False
    if where.services and not _any_glob(where.services, subject.service):
        return False
    return not where.roles or subject.role(role_key) in where.roles


def level_of(policy: Policy, signal: Signal, subject: Subject | None) -> ContentLevel:
    """The strictest of all layers for an item, or for what is no item (a resource, a scope)."""
    found = []
    for table in policy.levels:
        chosen = [
            rule.level
            for rule in table.rules
            if signal in rule.where.signals
            and (not rule.where.by_item or (subject is not None and applies(rule.where, subject)))
        ]
        found.append(strictest(chosen) if chosen else table.default)
    return strictest(found)


def decide(rules: Sequence[Conditional], subject: Subject, role_key: str = "") -> FieldRule | None:
    """The strictest rule that applies, if any; of two truncations the shorter."""
    best: FieldRule | None = None
    for rule, by_item in rules:
        if by_item and not applies(rule.where, subject, role_key):
            continue
        if best is None or (rule.action, -rule.most_bytes) > (best.action, -best.most_bytes):
            best = rule
    return best


def fits(rule: FieldRule, value: Any) -> bool:
    """Whether a value has the type and shape that `keep` asks for."""
    kind = value.WhichOneof("value")
    if kind != f"{rule.type}_value":
        return False
    return rule.type != "string" or SHAPES[rule.shape].fullmatch(value.string_value) is not None


SHAPES = {
    "identifier": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,63}"),
    "number": re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,12})?"),
    "version": re.compile(r"v?[0-9][A-Za-z0-9.+-]{0,39}"),
    "model": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,63}"),
}


def _any_glob(patterns: Sequence[str], text: str) -> bool:
    return bool(text) and any(glob(pattern, text) for pattern in patterns)


def _short_texts(attributes: Any) -> dict[str, str]:
    """Every attribute that is a word: roles, kinds and names of tools are found among them."""
    words = {}
    for pair in attributes:
        text = pair.value.string_value  # empty for a value of another kind
        if len(text) > _LONGEST_WORD and pair.key in _NAMING:
            text = text.strip()[:_LONGEST_WORD]  # no padding makes a kind or a tool something else
        if 0 < len(text) <= _LONGEST_WORD:
            words[pair.key] = text
    return words
