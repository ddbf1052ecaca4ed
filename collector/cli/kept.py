"""What the readers ask: the running collector, or its store on disk where none runs; ids may be shortened."""

from __future__ import annotations

import dataclasses
from typing import Any

from collector.cli.client import Client, NotRunning, open_reader, urls_of
from collector.errors import CollectorError
from collector.settings.model import Settings
from collector.store.entries import FoundId, SessionQuery, SpanQuery

_SESSION_LENGTH, _HEX_LENGTH = 8, 8


class KeptReader:
    """Reads what is kept under these settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = Client(settings)

    def sessions(self, **query: Any) -> list[dict[str, Any]]:
        try:
            return self._get("/api/sessions", **query)  # type: ignore[no-any-return]
        except NotRunning:
            return self._from_disk(lambda reader: reader.sessions(SessionQuery(**query)))

    def traces(self, session: str, limit: int, **only: Any) -> list[dict[str, Any]]:
        try:
            return self._get("/api/traces", session=session, limit=limit, **only)  # type: ignore[no-any-return]
        except NotRunning:
            return self._from_disk(lambda reader: reader.traces(session, limit, SpanQuery(**only)))

    def spans(self, trace: str, session: str, limit: int, **only: Any) -> list[dict[str, Any]]:
        try:
            return self._get("/api/spans", trace=trace, session=session, limit=limit, **only)  # type: ignore[no-any-return]
        except NotRunning:
            return self._from_disk(lambda reader: reader.spans(trace, session, limit, SpanQuery(**only)))

    def find(self, identifier: str) -> dict[str, str]:
        """The one thing of this id; raises `CollectorError` where nothing, or more than one thing, has it."""
        if not identifier.strip("/ ") and not (identifier and self.is_session(identifier)):
            raise CollectorError("an id is needed; `collector sessions` lists ids")
        try:
            found = self._get("/api/find", id=identifier)
        except NotRunning:
            found = self._from_disk(lambda reader: reader.find(identifier))
        from collector.viewer.short_ids import only_one

        return dataclasses.asdict(only_one(identifier, [FoundId(**each) for each in found]))

    def is_session(self, identifier: str) -> bool:
        """Whether a session has exactly this id."""
        try:
            found = self._get("/api/find", id=identifier, limit=1)
        except NotRunning:
            found = self._from_disk(lambda reader: reader.find(identifier, 1))
        return bool(found) and found[0]["session_id"] == identifier and not found[0]["trace_id"]

    def session(self, identifier: str) -> str:
        """The whole id of a session that may be shortened; empty for none."""
        if not identifier:
            return ""
        found = self.find(identifier)
        if not found["session_id"] or found["trace_id"]:
            raise CollectorError(f"{identifier}: this is no session; `collector sessions` lists their ids")
        return found["session_id"]

    def trace(self, identifier: str) -> str:
        """The whole id of a trace that may be shortened; empty for none."""
        if not identifier:
            return ""
        found = self.find(identifier)
        if not found["trace_id"] or found["span_id"]:
            raise CollectorError(f"{identifier}: this is no trace; `collector traces` lists their ids")
        return found["trace_id"]

    def show(self, **query: Any) -> dict[str, Any]:
        """What `/api/show` answers; raises `CollectorError` where there is nothing."""
        try:
            found = self._get("/api/show", **query)
        except NotRunning:
            from collector.viewer.show import shown

            reader = open_reader(self._settings)
            try:
                found = shown(reader, **query)
            finally:
                reader.close()
        if found is None:
            raise CollectorError("no such turn: the session has fewer" if query.get("turn") else "it is kept no longer")
        return dict(found)

    def nothing(self, filtered: bool) -> str:
        """What to say of an empty list."""
        if filtered:
            return "nothing that is kept fits"
        url = urls_of(self._settings)[0]
        return f"nothing has arrived yet: `collector setup AGENT` prints what an agent needs to send to {url}"

    def no_session(self, filtered: bool) -> str:
        """What to say of an empty list of sessions; what arrived may be of none."""
        if not filtered and self.traces("", 1):
            return "no session: what arrived names none (`session.id`); `collector traces` lists it"
        return self.nothing(filtered)

    def _get(self, path: str, **query: Any) -> Any:
        asked = {name: value for name, value in query.items() if value not in ("", 0, False)}
        return self._client.get(path, **asked)

    def _from_disk(self, read: Any) -> list[dict[str, Any]]:
        reader = open_reader(self._settings)
        try:
            return [dataclasses.asdict(row) for row in read(reader)]
        finally:
            reader.close()


def short_session(identifier: str) -> str:
    """OpenCode's ids begin with the time and end by chance; of others the beginning tells more."""
    if identifier.startswith("ses_") and len(identifier) > 2 * _SESSION_LENGTH:
        return identifier[-_SESSION_LENGTH:]
    return identifier[:13] if len(identifier) > 20 else identifier


def short_trace(trace_id: str) -> str:
    return trace_id[:_HEX_LENGTH]


def short_span(trace_id: str, span_id: str) -> str:
    """Named with its trace, it is found among millions."""
    return f"{trace_id[:_HEX_LENGTH]}/{span_id[:_HEX_LENGTH]}"
