"""What is under way in a turn that is not over: whom it waits for, and which tools run (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collector.assemble.fold.message import SessionMessage, is_settled
from collector.assemble.fold.session import SessionState
from collector.assemble.fold.turns import Turn


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A call that runs since `since` (ms): `kind` is LLM or TOOL, `name` is the model's or the tool's."""

    kind: str
    name: str
    since: int


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn that is not over: its session, opening message and when that was made (ms).

    `waiting` says what a person is asked, since `waiting_since` (ms); `running` names the tools that run, and
    `under_way` says since when each of them runs, and each model call. Each is empty where nothing is known of it.
    """

    session: str
    message: str
    since: int
    waiting: str = ""
    waiting_since: int = 0
    running: str = ""
    under_way: tuple[UnderWay, ...] = ()


def is_at_work(session: SessionState, quiet: int, silent: int) -> bool:
    """Whether nothing of `session` is due.

    Something was heard of all that is open after `quiet`; or all that is open is one turn, something was heard of the
    session after `silent`, and nothing of it came to an end since it was last written.
    """
    opened, steps = session.opened, session.steps.values()
    if session.usages.facts or not (opened or steps):
        return False
    if session.heard > quiet:
        if len(opened) > 1:
            return all(message.heard > quiet for message in (*opened.values(), *steps))
        return all(step.heard > quiet or _has_nothing_due(step, silent) for step in steps)
    return (
        len(opened) < 2
        and session.heard > silent
        and session.gone_at is None
        and session.info.deleted is None
        and any(not step.done for step in steps)
        and all(_has_nothing_due(step) for step in steps)
    )


def _has_nothing_due(step: SessionMessage, silent: int = 0) -> bool:
    """Whether nothing of `step` came to an end since it was last written, and something was heard of it since."""
    if step.written_version == step.version:
        return True
    return step.heard > silent and not step.done and not any(is_settled(tool) for tool in step.tools.values())


def open_turn(turn: Turn) -> OpenTurn:
    """What is known of `turn` now."""
    waiting, since = _waiting(turn.session)
    tools = [tool.name or "" for step in turn.steps for tool in step.running_tools()]
    running = ", ".join(dict.fromkeys(filter(None, tools)))
    return OpenTurn(turn.session.id, turn.opener.id, turn.start, waiting, since, running, tuple(_under_way(turn)))


def _under_way(turn: Turn) -> Iterator[UnderWay]:
    for step in turn.steps:
        if not step.done and not step.tools:
            yield UnderWay("LLM", step.info.model or "", step.created)
        for tool in step.running_tools():
            yield UnderWay("TOOL", tool.name or "", tool.start or step.created)


def _waiting(session: SessionState) -> tuple[str, int]:
    """What was asked last and not answered."""
    asked = [ends[False] for ends in session.waits.values() if False in ends and True not in ends]
    if not asked:
        return "", 0
    last = max(asked, key=lambda fact: fact.at)
    what = f"permission: {last.permission}" if last.what == "permission" and last.permission else f"a {last.what}"
    return f"waiting for {what}", last.at
