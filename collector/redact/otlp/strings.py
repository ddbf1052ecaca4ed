"""The texts of one request: taken from where they stand, with what the policy says of keys and sizes, and put back.

On the way, in this order: limits of structure, then field actions. What is left is listed, to be masked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from collector.policy.model import Action, FieldRule, Limits, Place
from collector.redact.otlp.entries import LISTED
from collector.redact.otlp.fields import UNMET, FieldActions, KeyTable, Subject, Treatment, decide, fits
from collector.redact.otlp.items import cut, delete
from collector.redact.otlp.opaque import opaque
from collector.redact.placeholders import named, rule_named_by, sized
from collector.redact.report import (
    BYTES,
    ERROR,
    FIELD,
    FORGED,
    SECRET_FIELD,
    SHORT_ITEMS,
    TOO_DEEP,
    Tally,
)
from collector.redact.rules.vocabulary import holds_secret

Slot = Any
"""Where a text came from: an attribute value; or a message, its field, and the index in a repeated field (else -1)."""

JOINED = ""
"""The field of a slot that stands for the items of an array, read together."""

Pseudonym = Callable[[str, bytes], str]
"""Makes a keyed pseudonym: of a rule id and the bytes found."""

Fields = tuple[tuple[str, Place], ...]
"""Fields of a message that hold text, and what place each is."""
_LEAST_CARD = 10**11
_MOST_JOINED = 65536


class Texts:
    """The texts of one request and the places they came from, to be read together and written back singly."""

    __slots__ = (
        "_actions", "_numbers", "_pseudonym", "_starts", "_text_rules", "cuts", "limits", "listed", "new_keys", "slots",
        "spans", "subject", "tally", "texts",
    )  # fmt: skip

    def __init__(self, actions: FieldActions, limits: Limits, tally: Tally, pseudonym: Pseudonym) -> None:
        self.texts: list[str] = []
        self.slots: list[Slot] = []
        self.cuts: dict[int, int] = {}
        self.new_keys: list[tuple[int, KeyTable, str, Treatment]] = []
        self.spans: list[Any] = []
        self.listed: list[list[Any]] = []
        """Of each span, the attributes that its index entry is made of."""
        self._starts: list[int] = []
        self._numbers: list[int] = []
        self.subject = Subject()
        self._actions = actions
        self._text_rules = actions.texts
        self.limits = limits
        self.tally = tally
        self._pseudonym = pseudonym

    def put(self, index: int, text: str) -> None:
        """Write `text` where text number `index` was read."""
        slot = self.slots[index]
        if type(slot) is not tuple:
            slot.string_value = text
        elif slot[2] < 0:
            setattr(slot[0], slot[1], text)
        else:
            getattr(slot[0], slot[1])[slot[2]] = text

    def joined(self, index: int) -> tuple[list[Any], int, list[str]] | None:
        """For a text that stands for an array's items: the items, how far apart they were put, what they were."""
        slot = self.slots[index]
        return slot[0] if type(slot) is tuple and slot[1] == JOINED else None

    def begin(self, span: Any) -> None:
        """What follows belongs to `span`."""
        self._mark(len(self.spans))
        self.spans.append(span)
        self.listed.append([])
        self.subject = Subject(span, self.subject.resource)

    def _mark(self, number: int) -> None:
        self.tally.at = number
        self._starts.append(len(self.texts))
        self._numbers.append(number)

    def take(self, message: Any, fields: Fields) -> None:
        for field, place in fields:
            text = getattr(message, field)
            if text:
                if self._text_rules and place in self._text_rules:
                    self._treat_text(message, field, place, text)
                else:
                    self.texts.append(text)
                    self.slots.append((message, field, -1))

    def take_each(self, message: Any, field: str) -> None:
        """Take the texts of a repeated field, of which a policy says nothing by place or key."""
        found = getattr(message, field)
        self.texts += found
        self.slots += [(message, field, index) for index in range(len(found))]

    def take_text(self, holder: Any, text: str) -> None:
        """Take a text of which a policy says nothing by place or key; `holder.string_value` is where it stands."""
        if text:
            self.texts.append(text)
            self.slots.append(holder)

    def take_attributes(self, holder: Any, pairs: Any, place: Place, depth: int = 0) -> None:
        cut(holder, pairs, self.limits.max_attributes, "dropped_attributes_count", self.tally)
        self.take_pairs(pairs, place, depth)

    def take_pairs(self, pairs: Any, place: Place, depth: int = 0) -> None:
        """Take attributes as they are, however many; a value that goes is cleared, and its pair deleted."""
        table = self._actions.tables[place]
        found = list(pairs)
        treatments = list(map(table.get, [pair.key for pair in found], repeat(UNMET)))
        gone: list[Any] = []
        if any(treatments):
            taken = []
            for at, treatment in enumerate(treatments):
                if treatment is not None:
                    pair = found[at]
                    if place is Place.ATTR and not depth and pair.key in LISTED and self.spans:
                        self.listed[-1].append(pair)
                    if treatment is UNMET or not treatment.plain:
                        self._take_treated(pair, treatment, table, place, depth, gone)
                        taken.append(at)
            delete(found, taken)
        values = [pair.value for pair in found]
        texts = [value.string_value for value in values]
        if all(texts):  # most are: lists are made and joined at a fraction of what a loop costs
            self.texts += texts
            self.slots += values
        else:
            for value in values:
                self.take_value(value, value.WhichOneof("value"), place, depth)
        if gone:
            left = {id(pair) for pair in gone}  # the same object as long as it is held
            delete(pairs, [at for at, pair in enumerate(pairs) if id(pair) in left])

    def _take_treated(
        self, pair: Any, treatment: Treatment, table: KeyTable, place: Place, depth: int, gone: list[Any]
    ) -> None:
        """Do what the key calls for; what is to be deleted is added to `gone`."""
        if self._treat(pair, pair.key, treatment, table, depth):
            if treatment.remove or not pair.HasField("value"):
                gone.append(pair)
        else:
            self.take_value(pair.value, pair.value.WhichOneof("value"), place, depth)

    def take_value(self, value: Any, kind: str | None, place: Place, depth: int) -> None:
        if kind == "string_value":
            if text := value.string_value:
                self.texts.append(text)
                self.slots.append(value)
        elif kind == "int_value" or kind == "double_value":
            self._take_number(value, getattr(value, kind))
        elif kind == "bytes_value":
            # Nobody can say what bytes hold (a compressed prompt, an image): their size is all that stays.
            self._replace(value, BYTES, len(value.bytes_value))
        elif kind == "array_value" or kind == "kvlist_value":
            if depth >= self.limits.max_depth:
                self._replace(value, TOO_DEEP)
            elif kind == "array_value":
                self._take_array(value, place, depth)
            else:
                self.take_attributes(None, value.kvlist_value.values, place, depth + 1)

    def _take_number(self, value: Any, number: float) -> None:
        """A number as long as a card's is read as text."""
        if (number >= _LEAST_CARD or number <= -_LEAST_CARD) and number == number // 1 and abs(number) < 10**20:
            self.texts.append(str(int(number)))
            self.slots.append(value)

    def _take_array(self, value: Any, place: Place, depth: int) -> None:
        items = value.array_value.values
        kinds = [item.WhichOneof("value") for item in items]
        if len(items) > self.limits.max_short_items and _are_short(items, kinds):
            self._replace(value, SHORT_ITEMS)  # text taken apart into characters, or its bytes as numbers
            return
        for item, kind in zip(items, kinds, strict=True):
            self.take_value(item, kind, place, depth + 1)
        strings = [item for item, kind in zip(items, kinds, strict=True) if kind == "string_value"]
        if len(strings) > 1:
            self._take_joined(strings)

    def _take_joined(self, items: list[Any]) -> None:
        """A secret may be spread over the items of an array: they are read together as well."""
        parts = [item.string_value for item in items]
        if sum(map(len, parts)) <= _MOST_JOINED:
            for between in ("", " "):
                self.texts.append(between.join(parts))
                self.slots.append(((items, len(between), parts), JOINED, -1))

    def _treat(self, pair: Any, key: str, treatment: Treatment, table: KeyTable, depth: int) -> bool:
        """Do what the key calls for; True when the value is dealt with, its `value` cleared when it goes."""
        if treatment is UNMET:
            treatment = table.resolve(key)
            if not treatment.remove:
                self.new_keys.append((len(self.texts), table, key, treatment))
                self.texts.append(key)
                self.slots.append((pair, "key", -1))
        try:
            return self._act(pair, key, treatment, depth)
        except Exception:  # whatever went wrong, the value does not pass
            self._replace(pair.value, ERROR)
            return True

    def _act(self, pair: Any, key: str, treatment: Treatment, depth: int) -> bool:
        if treatment.remove:
            self.tally.add(FORGED, Action.DROP)
            pair.ClearField("value")
            return True
        if treatment.plain:
            return False
        value = pair.value
        rule = decide(treatment.rules, self.subject, treatment.role_key) if treatment.rules else None
        name = treatment.secret_name
        if name and (rule is None or rule.action < Action.HASH) and _holds_secret(name, value):
            if not opaque(value.string_value):
                self._hide_secret(value)
            return True
        if rule is None or rule.action is Action.SCAN:
            return False
        if rule.action is Action.DROP:
            self.tally.add(FIELD, Action.DROP)
            pair.ClearField("value")
            return True
        return self._change(value, rule)

    def _hide_secret(self, value: Any) -> None:
        action = self._actions.on_secret
        data = _bytes_of(value, value.WhichOneof("value"))
        if action is Action.HASH:
            value.string_value = self._pseudonym(SECRET_FIELD, data)
            self.tally.add(SECRET_FIELD, action)
        else:
            self._replace(value, SECRET_FIELD, len(data) if action is Action.DROP else 0, action)

    def _change(self, value: Any, rule: FieldRule) -> bool:
        """Keep, truncate, hash or replace a whole value; True when it needs no scan."""
        if rule.action is Action.KEEP:
            return fits(rule, value)
        kind = value.WhichOneof("value")
        if kind is None or (kind == "string_value" and (not value.string_value or opaque(value.string_value))):
            return True
        if rule.action is Action.TRUNCATE:
            if kind == "string_value":
                self.cuts[len(self.texts)] = rule.most_bytes
            elif kind not in ("int_value", "double_value", "bool_value") and value.ByteSize() > rule.most_bytes:
                self._replace(value, FIELD, value.ByteSize(), Action.TRUNCATE)
                return True
            return False
        data = _bytes_of(value, kind)
        if rule.action is Action.HASH:
            value.string_value = self._pseudonym(FIELD, data)
            self.tally.add(FIELD, Action.HASH)
        else:
            self._replace(value, FIELD, len(data))
        return True

    def _treat_text(self, message: Any, field: str, place: Place, text: str) -> None:
        rule = decide(self._text_rules[place], self.subject)
        action = rule.action if rule is not None else Action.SCAN
        if rule is None or action <= Action.TRUNCATE or opaque(text):
            if rule is not None and action is Action.TRUNCATE:
                self.cuts[len(self.texts)] = rule.most_bytes
            self.texts.append(text)
            self.slots.append((message, field, -1))
            return
        data = text.encode("utf-8", "surrogatepass")
        self.tally.add(FIELD, action)
        if action is Action.DROP:
            message.ClearField(field)
        else:
            setattr(message, field, self._pseudonym(FIELD, data) if action is Action.HASH else sized(FIELD, len(data)))

    def treat_body(self, value: Any) -> bool:
        """Do what the selectors of log bodies say; True when the body is dealt with."""
        rule = decide(self._text_rules.get(Place.BODY, ()), self.subject)
        if rule is None or rule.action in (Action.KEEP, Action.SCAN):
            return False
        if rule.action is Action.DROP:
            self.tally.add(FIELD, Action.DROP)
            value.Clear()
            return True
        return self._change(value, rule)

    def pass_over(self, rule: str) -> None:
        """Leave out of what is read the texts that are placeholders of `rule` already."""
        for index, text in enumerate(self.texts):
            if text[:1] == "[" and rule_named_by(text) == rule:
                self.texts[index] = ""

    def owner(self, index: int) -> int:
        """The number of the span that text number `index` belongs to, or -1."""
        at = bisect_right(self._starts, index) - 1
        return self._numbers[at] if at >= 0 else -1

    def end_spans(self) -> None:
        """What follows belongs to no span."""
        self._mark(-1)

    def cut_items(self, holder: Any, items: Any, most: int, counter: str) -> None:
        cut(holder, items, most, counter, self.tally)

    def _replace(self, value: Any, rule: str, size: int = 0, action: Action = Action.PLACEHOLDER) -> None:
        value.string_value = sized(rule, size) if size else named(rule)
        self.tally.add(rule, action)


def _holds_secret(name: str, value: Any) -> bool:
    """Whether a value under `name`, or anything in it, is a secret by what the name says; nobody can tell of bytes."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return holds_secret(name, value.string_value)
    if kind == "int_value" or kind == "double_value":
        return holds_secret(name, str(getattr(value, kind)))
    if kind == "array_value":
        return any(_holds_secret(name, item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return any(_holds_secret(name, pair.value) for pair in value.kvlist_value.values)
    return bool(kind == "bytes_value")


def _are_short(items: Any, kinds: Sequence[str | None]) -> bool:
    """Whether an array looks like the characters of a text, or like its bytes or code points."""
    if all(kind == "string_value" for kind in kinds):
        return all(len(item.string_value) <= 2 for item in items)
    return all(kind == "int_value" for kind in kinds) and all(0 <= item.int_value <= 0x10FFFF for item in items)


def _bytes_of(value: Any, kind: str) -> bytes:
    if kind == "string_value":
        return bytes(value.string_value.encode("utf-8", "surrogatepass"))
    if kind in ("int_value", "double_value", "bool_value"):
        return str(getattr(value, kind)).encode()
    return bytes(value.SerializeToString(deterministic=True))
