"""The hooks of OpenCode's plugins: what events do not hold (pure).

Model parameters, system prompts, the conversation as sent, tool schemas. Only the fields named here are read;
providers' options and headers, which hold keys, never are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from collector.assemble.attachments import MediaPlace, media_place
from collector.assemble.dialects import v1_messages
from collector.assemble.dialects.contents import spoken
from collector.assemble.dialects.items import HookCall, UnknownType
from collector.assemble.dialects.lenient import (
    JsonObject,
    agent_name,
    first_text,
    mapping,
    number,
    objects,
    text,
    texts,
    truth,
    whole,
)
from collector.assemble.dialects.sent import SentHistories
from collector.assemble.facts import (
    RUNNING,
    SIDE_CALLS,
    AnyFact,
    ConversationFact,
    MessageFact,
    PartFact,
    RequestFact,
    ShutdownFact,
    SystemPromptFact,
    ToolListFact,
    latest,
    order,
)
from collector.assemble.ids import digest

_SILENT = {
    "__init__",
    "collector.dropped",
    "config",
    "auth",
    "provider",
    "chat.headers",
    "tool.execute.before",
    "tool.execute.after",
    "command.execute.before",
    "shell.env",
    "permission.ask",
    "permission.evaluate",
    "shell.create.before",
    "session.prompt",
    "session.generate",
    "session.model.request",
    "session.http.request",
    "session.http.response",
    "session.retry",
    "experimental.session.compacting",
    "experimental.compaction.autocontinue",
    "experimental.provider.small_model",
}
_PARAMS = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_tokens",
    "maxTokens": "max_tokens",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
    "seed": "seed",
}
_OPTIONS = {
    "reasoningEffort",
    "reasoning_effort",
    "reasoningSummary",
    "textVerbosity",
    "verbosity",
    "effort",
    "serviceTier",
    "parallelToolCalls",
    "toolChoice",
    "thinking",
    "thinkingConfig",
    "reasoning",
}
_THINKING = {
    "type",
    "budgetTokens",
    "budget_tokens",
    "thinkingBudget",
    "thinkingLevel",
    "includeThoughts",
    "effort",
    "enabled",
    "max_tokens",
}
_MOST_TOOLS = 1000
_TOLD_OF_TOOLS = {"name", "description", "parameters"}
_OFFERED_ALL = {"build", "plan", None}
"""Agents whose requests offer all tools that a hook defines, as far as no configuration says otherwise."""


class HookReader:
    """Reads hook calls; of tool definitions and, up to 1.0, of system prompts the session is said only afterwards."""

    def __init__(self) -> None:
        self._histories = SentHistories()
        self._prompts: dict[tuple[str, str | None], list[str]] = {}
        self._offered: dict[tuple[str, str | None], dict[str, JsonObject]] = {}
        self._last_offered: dict[tuple[str, str | None], list[JsonObject]] = {}

    def read(self, hook: HookCall) -> Iterable[AnyFact | UnknownType]:
        """The facts in one call."""
        known = _READERS.get(hook.name)
        if known is not None:
            return known(self, hook)
        return () if hook.name in _SILENT else (UnknownType(f"hook:{hook.name}"),)

    def _chat_message(self, hook: HookCall) -> Iterator[AnyFact]:
        message = mapping(hook.output.get("message"))
        session = text(message.get("sessionID")) or text(hook.input.get("sessionID"))
        at = hook.at or 0
        for fact in v1_messages.message(message, session, at):
            if isinstance(fact, MessageFact):
                fact.key, fact.order = f"prompt:{fact.message}", order(0)
                fact.variant = fact.variant or text(hook.input.get("variant"))
            yield fact
        for part in objects(hook.output.get("parts")):
            if told := v1_messages.part(part, session, at):
                yield told

    def _params(self, hook: HookCall) -> Iterator[AnyFact]:
        session, at = text(hook.input.get("sessionID")), hook.at or 0
        if session is None:
            return
        agent, model = agent_name(hook.input.get("agent")), mapping(hook.input.get("model"))
        place = (hook.pid, hook.directory)
        prompt = self._prompts.pop(place, None)
        if prompt is not None:
            yield _system_prompt(session, at, prompt, agent)
        if agent in _OFFERED_ALL:
            offered = self._offered.pop(place, None)
            if offered:
                self._last_offered[place] = list(offered.values())
            if self._last_offered.get(place):
                yield ToolListFact(*latest(session, f"tools:{at}", at), tools=self._last_offered[place])
        yield RequestFact(
            *latest(session, f"request:{at}:{agent}", at),
            agent=agent,
            provider=text(model.get("providerID")),
            model=first_text(model, "id", "modelID"),
            variant=text(mapping(hook.input.get("message")).get("variant")),
            params={**params(hook.output), **({} if agent in SIDE_CALLS else _forced(hook))},
            window=whole(mapping(model.get("limit")).get("context")),
            media=_media(mapping(model.get("api"))),
            inputs=_inputs(mapping(model.get("capabilities")).get("input")),
        )

    def _system(self, hook: HookCall) -> Iterator[AnyFact]:
        system = hook.output.get("system")
        prompts = texts(system) or [_joined(system)]
        session = text(hook.input.get("sessionID"))
        if not prompts[0]:
            return
        if session is not None:
            yield _system_prompt(session, hook.at or 0, prompts, None)
        elif not hook.input.get("model"):  # a model without a session is asked for the draft of an agent
            self._prompts[hook.pid, hook.directory] = prompts

    def _history(self, hook: HookCall) -> Iterable[AnyFact]:
        return self._histories.read(objects(hook.output.get("messages")), hook.at or 0)

    def _tools(self, hook: HookCall) -> Iterator[AnyFact]:
        """The tools of the request that was made at the hook's time, as they were sent."""
        session, at = text(hook.input.get("sessionID")), hook.at or 0
        if session is not None:
            tools = objects(hook.output.get("tools"))[:_MOST_TOOLS]
            offered = [
                tool if tool.keys() <= _TOLD_OF_TOOLS else {k: v for k, v in tool.items() if k in _TOLD_OF_TOOLS}
                for tool in tools
            ]
            yield ToolListFact(*latest(session, f"tools:{at}", at), tools=offered)

    def _text(self, hook: HookCall) -> Iterator[AnyFact]:
        """A text that is whole; where its part is deleted in the same moment no event says so."""
        session, of = text(hook.input.get("sessionID")), text(hook.input.get("messageID"))
        part, said = text(hook.input.get("partID")), text(hook.output.get("text"))
        if session and of and part and said:
            yield PartFact(
                session, f"text:{part}", hook.at or 0, order(1, RUNNING), message=of, part=part, type="text", text=said,
                end=hook.at,
            )  # fmt: skip

    def _disposed(self, hook: HookCall) -> Iterator[AnyFact]:
        yield ShutdownFact(*latest("", f"gone:{hook.directory}", hook.at or 0), directory=hook.directory)

    def _definition(self, hook: HookCall) -> Iterable[AnyFact]:
        name = text(hook.input.get("toolID"))
        offered = self._offered.setdefault((hook.pid, hook.directory), {})
        if name and name != "invalid" and len(offered) < _MOST_TOOLS:
            offered[name] = {
                "name": name,
                "description": text(hook.output.get("description")) or "",
                "parameters": mapping(hook.output.get("parameters")),
            }
        return ()

    def _context(self, hook: HookCall) -> Iterator[AnyFact]:
        """OpenCode 2: everything of a request in one hook, on its way out."""
        session, at = text(hook.input.get("sessionID")), hook.at or 0
        if session is None:
            return
        kind = hook.name.rpartition(".")[2]
        if kind == "context" and hook.input.get("kind") in ("title", "compaction"):
            kind = hook.input["kind"]
        agent = agent_name(hook.input.get("agent")) if kind == "context" else kind
        model = mapping(hook.input.get("model"))
        prompt = _joined(hook.output.get("system", hook.input.get("system")))
        if prompt:
            yield _system_prompt(session, at, [prompt], agent)
        sent = hook.output.get("messages", hook.input.get("messages"))
        if kind == "context" and isinstance(sent, list):
            yield from _prompted(objects(sent), session, at)
            messages = [spoken(item) for item in objects(sent)]
            yield ConversationFact(*latest(session, f"spoken:{at}", at), messages=messages)
        tools = mapping(hook.output.get("tools", hook.input.get("tools")))
        if kind == "context" and tools:
            offered = [
                {
                    "name": name,
                    "description": text(mapping(tool).get("description")) or "",
                    "parameters": mapping(mapping(tool).get("input")),
                }
                for name, tool in list(tools.items())[:_MOST_TOOLS]
            ]
            yield ToolListFact(*latest(session, f"tools:{at}", at), tools=offered)
        yield RequestFact(
            *latest(session, f"request:{at}:{agent}", at),
            agent=agent,
            provider=text(model.get("providerID")),
            model=text(model.get("id")),
            variant=text(model.get("variant")),
            params=params({**mapping(hook.output.get("generation")), "options": hook.output.get("options")}),
            window=whole(mapping(model.get("limit")).get("context")),
        )


_READERS: dict[str, Callable[[HookReader, HookCall], Iterable[AnyFact]]] = {
    "chat.message": HookReader._chat_message,
    "chat.params": HookReader._params,
    "chat.tools": HookReader._tools,
    "experimental.chat.system.transform": HookReader._system,
    "experimental.chat.messages.transform": HookReader._history,
    "experimental.text.complete": HookReader._text,
    "tool.definition": HookReader._definition,
    "session.context": HookReader._context,
    "session.title": HookReader._context,
    "session.compaction": HookReader._context,
    "dispose": HookReader._disposed,
}


def _media(api: JsonObject) -> MediaPlace | None:
    library = text(api.get("npm"))
    return media_place(library, text(api.get("id")) or "") if library else None


def _inputs(takes: Any) -> list[str] | None:
    return sorted(kind for kind, taken in takes.items() if taken is True) if isinstance(takes, dict) else None


def _forced(hook: HookCall) -> dict[str, Any]:
    """A prompt for structured output leaves the model no choice but to call a tool."""
    wanted = mapping(mapping(hook.input.get("message")).get("format"))
    return {"tool_choice": "required"} if wanted.get("type") == "json_schema" else {}


def _prompted(messages: list[JsonObject], session: str, at: int) -> Iterator[AnyFact]:
    """The prompt a request answers: of the one that boots a location, its plugins hear nothing else."""
    item = next((item for item in reversed(messages) if item.get("role") == "user"), {})
    identifier, words = text(item.get("id")), spoken(item).get("text")
    if identifier is None or not words:
        return
    yield PartFact(
        session=session,
        key=f"shown:{identifier}",
        at=at,
        order=0,
        message=identifier,
        part=f"{identifier}:text",
        type="text",
        text=words,
    )


def params(found: JsonObject) -> dict[str, Any]:
    """Model parameters under the names most providers use; of a provider's options only those known to be harmless."""
    known: dict[str, Any] = {}
    options = mapping(found.get("options"))
    for source in (options, found):
        for name in [name for name in _PARAMS if name in source]:
            value = number(source[name])
            if value is not None:
                known[_PARAMS[name]] = value
    for name in _OPTIONS & options.keys():
        option = options[name]
        if isinstance(option, dict):
            option = {inner: option[inner] for inner in sorted(_THINKING & option.keys()) if _plain(option[inner])}
        if _plain(option) or option:
            known[name] = option
    for name in ("stop", "stopSequences"):
        stops = texts(options.get(name)) or texts(found.get(name))
        if stops:
            known["stop"] = stops
    return dict(sorted(known.items()))


def _plain(value: Any) -> bool:
    return text(value) is not None or number(value) is not None or truth(value) is not None


def _system_prompt(session: str, at: int, prompts: list[str], agent: str | None) -> SystemPromptFact:
    first, *more = prompts
    return SystemPromptFact(
        *latest(session, f"system:{at}:{digest(*prompts).hex()}", at), text=first, more=more or None, agent=agent
    )


def _joined(system: Any) -> str:
    if isinstance(system, str):
        return system
    if not isinstance(system, list):
        return ""
    found = [item if isinstance(item, str) else text(mapping(item).get("text")) or "" for item in system]
    return "\n\n".join(part for part in found if part)
