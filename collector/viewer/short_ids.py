"""Ids that may be shortened: the one thing that is meant, or which it could be."""

from __future__ import annotations

from collections.abc import Sequence

from collector.errors import CollectorError
from collector.store.entries import FoundId

_MOST_NAMED = 5


class NoSuchId(CollectorError):
    """Nothing that is kept has an id like the one given, or more than one thing has."""


def only_one(identifier: str, found: Sequence[FoundId]) -> FoundId:
    """The one thing found; raises `NoSuchId`, which names the candidates where there are several."""
    if not found:
        raise NoSuchId(f"{identifier}: nothing that is kept has an id like this; `collector sessions` lists ids")
    if len(found) > 1:
        names = ", ".join(whole_id(each) for each in found[:_MOST_NAMED])
        raise NoSuchId(f"{identifier} is short for more than one: {names}; give more of it")
    return found[0]


def only_session(identifier: str, found: Sequence[FoundId]) -> str:
    """The whole id of the one session found; raises `NoSuchId`."""
    sessions = [each for each in found if each.session_id and not each.trace_id]
    if found and not sessions:
        of = f", but of {found[0].session_id}" if found[0].session_id else ""
        raise NoSuchId(f"{identifier}: this is no session{of}; `collector sessions` lists their ids")
    return only_one(identifier, sessions).session_id


def whole_id(found: FoundId) -> str:
    return "/".join(filter(None, (found.trace_id, found.span_id))) or found.session_id
