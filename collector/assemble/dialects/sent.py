"""The conversation as a hook of OpenCode 1 shows it before a request, each part named as it was sent (pure).

Parts may be other than events say: reminders are made for one request, results are cleared, another plugin may have
changed any. A part is put into facts when it is new or other than it was; until then a history names it only.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import orjson

from collector.assemble.dialects import v1_messages
from collector.assemble.dialects.lenient import JsonObject, mapping, objects, text
from collector.assemble.facts import AnyFact, HistoryFact, PartFact, ToolFact, latest, order

_MOST_SESSIONS = 2_000
_MOST_KNOWN = 30_000
"""Messages and parts of all sessions together, some 400 bytes each."""
_SPOKEN = frozenset({"text", "reasoning", "file", "tool", "compaction", "subtask"})
"""Types of parts that a model is sent; the start of a step parts what came before it from what follows."""


@dataclass(slots=True)
class _Turn:
    """What was put into facts since the prompt `prompt`: of each message or part its hash, and the name it got."""

    prompt: str
    hashes: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def is_new(self, identifier: str, content: JsonObject, at: int) -> bool:
        """Whether `content` was not read in this turn, or was other; from now on it is known."""
        digest = hash(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS))
        if self.hashes.get(identifier) == digest:
            return False
        self.hashes[identifier] = digest
        self.names[identifier] = f"{identifier}:{at}"
        return True


class SentHistories:
    """Reads histories; remembers what it gave for the present turn of each of the sessions last read."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, _Turn] = OrderedDict()
        self._known = 0
        """Messages and parts of all of them."""

    def read(self, messages: list[JsonObject], at: int) -> list[AnyFact]:
        """The facts in a history heard at `at`: messages, those of their parts that changed, and what was sent."""
        infos = [mapping(item.get("info")) for item in messages]
        session = next((found for info in infos if (found := text(info.get("sessionID")))), None)
        if session is None:
            return []
        prompt = next((text(info.get("id")) for info in reversed(infos) if info.get("role") == "user"), None)
        turn = self._turn(session, prompt or "")
        before = len(turn.names)
        facts: list[AnyFact] = []
        ids: list[str] = []
        names: list[str] = []
        for info, item in zip(infos, messages, strict=True):
            identifier = text(info.get("id")) or ""
            ids.append(identifier)
            if turn.is_new(identifier, info, at):
                facts += v1_messages.message(info, session, at, recalled=True)
            said = len(names)
            for part in objects(item.get("parts")):
                name = text(part.get("id")) or ""
                fresh = turn.is_new(name, part, at)
                sent = turn.names[name]
                kind = part.get("type")
                if (isinstance(kind, str) and kind in _SPOKEN) or (kind == "step-start" and len(names) > said):
                    names.append(sent)
                fact = v1_messages.part(part, session, at) if fresh else None
                if isinstance(fact, (PartFact, ToolFact)):
                    fact.key, fact.sent = f"sent:{sent}", sent
                    fact.order = order(0, fact.order >> 48)  # the event's own telling of the same state counts
                    facts.append(fact)
        self._known += len(turn.names) - before
        facts.append(HistoryFact(*latest(session, f"history:{at}", at), messages=ids, parts=names))
        return facts

    def _turn(self, session: str, prompt: str) -> _Turn:
        """What is known of the present turn: what went before may be forgotten by those who read the facts."""
        turn = self._turns.get(session)
        is_known = turn is not None and turn.prompt == prompt
        if turn is None or not is_known:
            self._known -= len(turn.names) if turn is not None else 0
            turn = self._turns[session] = _Turn(prompt)
        self._turns.move_to_end(session)
        if not is_known:
            self._forget()
        return turn

    def _forget(self) -> None:
        """Let go of the sessions that were read longest ago: their parts are put into facts once more."""
        while len(self._turns) > 1 and (len(self._turns) > _MOST_SESSIONS or self._known > _MOST_KNOWN):
            self._known -= len(self._turns.popitem(last=False)[1].names)
