"""What a convention makes of a span, put into the span: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.enums import SourceKeys
from collector.otlp.values import Attributes, Value, read_attributes, write_value
from collector.reshape.convention import Convention
from collector.reshape.environment import NEW, OLD, copy_environment
from collector.reshape.target import GROUPS, Target
from collector.reshape.written import Written

_VECTOR = ".embedding.vector"
_CONTENT = ("input.value", "output.value", "llm.input_messages", "llm.output_messages", "llm.tools", "tool.parameters")
_MANY = 256


@dataclass(frozen=True, slots=True)
class ReadSpan:
    """A span, its attributes as they came, and their keys."""

    span: Span
    pairs: Sequence[KeyValue]
    keys: Sequence[str]


def apply(
    read: ReadSpan,
    present: Attributes,
    target: Target,
    convention: Convention,
    source_keys: SourceKeys,
    *,
    vectors: bool = False,
) -> None:
    """Add what is new and take out what is now said twice; nothing changes when this fails.

    What the sender says in OpenInference's own keys is never overwritten, and a list of which it wrote some items is
    left as it is. `present` may hold what a convention took from events, too: those keys are none of OpenInference's.
    A source key goes only when all it says is found among the values that are there now.
    """
    span = read.span
    add = span.attributes.add
    said_otherwise = False
    given = _lists(read.keys)
    came = set(read.keys)
    filled: list[KeyValue] = []
    values: list[Value] = []
    try:
        for key, value in target.attributes.items():
            if key in present or (given and key.startswith(given)):
                said_otherwise |= key.startswith(_CONTENT) and present.get(key) != value
                values.append(present.get(key))
            elif vectors or not key.endswith(_VECTOR):
                values.append(value)
                if key in came:  # without a value
                    pair = next(pair for pair in read.pairs if pair.key == key)
                    filled.append(pair)
                else:
                    pair = add()
                    pair.key = key
                if type(value) is str:
                    pair.value.string_value = value
                else:
                    write_value(pair.value, value)
    except Exception:
        del span.attributes[len(read.keys) :]
        for pair in filled:
            pair.ClearField("value")
        raise
    if source_keys is not SourceKeys.ALL and not said_otherwise:
        own = convention.own if source_keys is SourceKeys.NONE else ()
        _remove_written(read, present, target, Written(values), own)
    if OLD in present or NEW in present:
        copy_environment(span.attributes)


def _lists(keys: Sequence[str]) -> tuple[str, ...]:
    """The lists of which the span came with some items."""
    found = [key for key in keys if key.startswith(GROUPS)]
    return tuple(group for group in GROUPS if any(key.startswith(group) for key in found)) if found else ()


def _remove_written(
    read: ReadSpan, present: Attributes, target: Target, written: Written, own: tuple[str, ...]
) -> None:
    """Take out the redundant keys of the span and of its events, as far as `written` holds what they say; and the
    span's `own` keys whatever they say."""
    said = target.redundant.intersection(read.keys)
    gone = {key for key in said if written.holds(key, present.get(key))} | target.replaced
    if own:
        gone |= {key for key in read.keys if _is_own(key, own)}
    _remove(read.span, read.keys, gone)
    for event in read.span.events if target.redundant_in_events else ():
        named = target.redundant_in_events.get(event.name)
        if named:
            told = read_attributes(event.attributes)
            gone = {key for key in named if key in told and written.holds(key, told[key])}
            _remove(event, [pair.key for pair in event.attributes], gone)


def _is_own(key: str, own: tuple[str, ...]) -> bool:
    """Whether `key` is one of `own`, or begins with one of those that end with a dot or colon."""
    return any(key.startswith(one) if one.endswith((".", ":")) else key == one for one in own)


def _remove(holder: Span | Span.Event, keys: Sequence[str], gone: Collection[str]) -> None:
    """Take out the attributes whose keys are in `gone`; `keys` are those of the first attributes, the only ones looked
    at. Many go at once by copying the others, since each deletion moves all that follow."""
    if not gone:
        return
    pairs = holder.attributes
    at = [index for index, key in enumerate(keys) if key in gone]
    if len(at) < _MANY:
        for index in reversed(at):
            del pairs[index]
        return
    kept = Span()
    out = set(at)
    kept.attributes.extend(pair for index, pair in enumerate(pairs) if index not in out)
    holder.ClearField("attributes")
    holder.attributes.MergeFrom(kept.attributes)
