"""Where in spans the texts of OpenCode's facts will stand: events are sealed as what they become is sealed (pure).

`assemble.spans` writes them there. A text field that is not listed stands under a key of its own name.
"""

from __future__ import annotations

from collections.abc import Mapping

from openinference.semconv.trace import (
    MessageAttributes,
    MessageContentAttributes,
    SpanAttributes,
    ToolAttributes,
    ToolCallAttributes,
)

from collector.assemble.facts import (
    CompactionFact,
    ConversationFact,
    Fact,
    FailureFact,
    MessageFact,
    NoteFact,
    PartFact,
    RequestFact,
    RetryFact,
    SessionFact,
    ShutdownFact,
    StatusFact,
    SystemPromptFact,
    TitleFact,
    ToolFact,
    ToolListFact,
    WaitFact,
)
from collector.policy.model import Place
from collector.redact.early import Position

Positions = tuple[Position, ...]

_SOME_INDEX = "999999"
"""An index that no field rule names by itself."""
_OUT = f"{SpanAttributes.LLM_OUTPUT_MESSAGES}.{_SOME_INDEX}."
_IN = f"{SpanAttributes.LLM_INPUT_MESSAGES}.{_SOME_INDEX}."
_CALL = f"{MessageAttributes.MESSAGE_TOOL_CALLS}.{_SOME_INDEX}."
_CONTENT = f"{MessageAttributes.MESSAGE_CONTENTS}.{_SOME_INDEX}.{MessageContentAttributes.MESSAGE_CONTENT_TEXT}"
_TOOL = f"{SpanAttributes.LLM_TOOLS}.{_SOME_INDEX}."

_INPUT, _OUTPUT = SpanAttributes.INPUT_VALUE, SpanAttributes.OUTPUT_VALUE


def _attributes(kinds: str, *keys: str, role: str = "") -> Positions:
    return tuple(Position(kind, Place.ATTR, key, role) for kind in kinds.split() for key in keys)


def _event_attributes(kinds: str, *keys: str) -> Positions:
    return tuple(Position(kind, Place.EVENT_ATTR, key) for kind in kinds.split() for key in keys)


def _messages(*roles: str, content: str = MessageAttributes.MESSAGE_CONTENT) -> Positions:
    """A content of messages of `roles`, of a model's answer too where the assistant's is among them."""
    sent = tuple(Position("LLM", Place.ATTR, _IN + content, role) for role in roles)
    answered = (Position("LLM", Place.ATTR, _OUT + content, "assistant"),) if "assistant" in roles else ()
    whole = _attributes("LLM", _INPUT, *([_OUTPUT] if answered else []))
    return (*sent, *answered, *whole)


_ERROR = (
    Position("AGENT", Place.STATUS), Position("LLM", Place.STATUS), Position("TOOL", Place.STATUS),
    Position("CHAIN", Place.STATUS), *_event_attributes("AGENT LLM TOOL CHAIN", "exception.message"),
)  # fmt: skip
_ERROR_TYPE = (
    *_attributes("AGENT", "opencode.error_type"), *_event_attributes("AGENT LLM TOOL CHAIN", "exception.type"),
    *(position for position in _ERROR if position.place is Place.STATUS),
)  # fmt: skip
_AGENT = (*_attributes("AGENT LLM TOOL CHAIN", "agent.name"), Position("LLM", Place.NAME))
_MODEL = (*_attributes("AGENT LLM", SpanAttributes.LLM_MODEL_NAME), Position("LLM", Place.NAME))
_PROVIDER = (
    *_attributes("AGENT LLM", "gen_ai.system"),
    *_attributes("LLM", SpanAttributes.LLM_SYSTEM, SpanAttributes.LLM_PROVIDER),
    Position("LLM", Place.NAME),
)  # fmt: skip
_DIRECTORY = _attributes("AGENT", "opencode.directory")
_TEXT = (
    *_attributes("AGENT", _INPUT, _OUTPUT), *_messages("user", "assistant", "system"),
    *_messages("user", "assistant", content=_CONTENT), *_attributes("CHAIN", _OUTPUT),
)  # fmt: skip
_TRANSCRIPT = _messages("user")
"""The conversation as one text, which a compaction asks for."""
_ARGUMENTS = (
    *_attributes("TOOL", _INPUT),
    *_messages("assistant", content=_CALL + ToolCallAttributes.TOOL_CALL_FUNCTION_ARGUMENTS_JSON), *_TRANSCRIPT,
)  # fmt: skip
_RESULT = (*_attributes("TOOL", _OUTPUT), *_messages("tool"), *_TRANSCRIPT)
_TOOL_NAME = (
    *_attributes("TOOL", SpanAttributes.TOOL_NAME), Position("TOOL", Place.NAME),
    *_messages("assistant", content=_CALL + ToolCallAttributes.TOOL_CALL_FUNCTION_NAME),
    *_attributes("LLM", _TOOL + ToolAttributes.TOOL_NAME), *_TRANSCRIPT,
)  # fmt: skip
_FAILED = {"error": _ERROR, "error_type": _ERROR_TYPE}
_BY = {"agent": _AGENT, "provider": _PROVIDER, "model": _MODEL, "variant": _attributes("LLM", "opencode.variant")}

POSITIONS: Mapping[type[Fact], Mapping[str, Positions]] = {
    SessionFact: {
        "title": (*_attributes("AGENT", "opencode.session_title"), *_messages("assistant")),
        "directory": _DIRECTORY,
        "project": _attributes("AGENT", "opencode.project_id"),
        "version": _attributes("AGENT", "opencode.version"),
        "agent": _AGENT,
    },
    TitleFact: {"title": _messages("assistant")},
    MessageFact: {
        **_BY,
        **_FAILED,
        "directory": _DIRECTORY,
        "structured": _attributes("AGENT", _OUTPUT),
        "finish": _attributes("LLM", SpanAttributes.LLM_FINISH_REASON),
    },
    PartFact: {
        "text": _TEXT,
        "mime": _TEXT,
        "filename": _TEXT,
        "reason": (
            *_attributes("LLM", SpanAttributes.LLM_FINISH_REASON), *_event_attributes("AGENT", "opencode.hash"),
        ),
        "files": _event_attributes("AGENT", "opencode.files"),
    },
    ToolFact: {
        **_FAILED,
        "name": _TOOL_NAME,
        "input": _ARGUMENTS,
        "output": _RESULT,
        "error": (*_ERROR, *_RESULT),
        "title": (Position("TOOL", Place.NAME), *_attributes("TOOL", SpanAttributes.METADATA)),
        "metadata": _attributes("TOOL", SpanAttributes.METADATA),
        "attachments": (*_attributes("TOOL", "opencode.attachments"), *_messages("tool")),
    },
    StatusFact: {**_FAILED, "reason": _ERROR},
    FailureFact: _FAILED,
    RetryFact: {**_FAILED, "error": (*_ERROR, *_event_attributes("LLM", "opencode.message"))},
    RequestFact: {**_BY, "params": _attributes("LLM", SpanAttributes.LLM_INVOCATION_PARAMETERS)},
    SystemPromptFact: {"text": _messages("system"), "more": _messages("system"), "agent": _AGENT},
    WaitFact: {
        name: _event_attributes("AGENT TOOL", f"opencode.{name}") for name in ("permission", "reply", "detail")
    },
    CompactionFact: {
        **_BY,
        **_FAILED,
        "text": (*_attributes("CHAIN", _OUTPUT), *_messages("assistant", "user")),
    },
    NoteFact: {"name": (Position("AGENT", Place.EVENT_NAME),)},
    ShutdownFact: {"directory": _DIRECTORY},
}  # fmt: skip

IN_LISTS: Mapping[type[Fact], Mapping[str, Positions]] = {
    ToolListFact: {
        "name": _attributes("LLM", _TOOL + ToolAttributes.TOOL_NAME),
        "description": _attributes(
            "LLM", _TOOL + ToolAttributes.TOOL_DESCRIPTION, _TOOL + ToolAttributes.TOOL_JSON_SCHEMA
        ),
        "parameters": _attributes("LLM", _TOOL + ToolAttributes.TOOL_JSON_SCHEMA),
    },
    ConversationFact: {
        "text": _messages("user", "assistant", "system"),
        "reasoning": _messages("assistant", content=_CONTENT),
        "name": _TOOL_NAME,
        "input": _ARGUMENTS,
        "output": _RESULT,
    },
}
"""The same of the fields of objects in the lists of a fact."""


def positions_of(kind: type[Fact], field: str) -> Positions:
    """Where the text of a field will stand; of one that is not listed, under a key of its name."""
    return POSITIONS.get(kind, {}).get(field) or _attributes("AGENT", f"opencode.{field}")


def positions_in_list(kind: type[Fact], field: str) -> Positions:
    """The same for a field of the objects in a list of a fact."""
    return IN_LISTS.get(kind, {}).get(field) or _attributes("AGENT", f"opencode.{field}")


def positions_of_note(name: str) -> Positions:
    """Where a text of a note will stand, by its name."""
    return _event_attributes("AGENT", f"opencode.{name}")
