"""The hooks of OpenCode's plugins: what events do not hold (pure).

Model parameters, system prompts, the conversation as sent, tool schemas. Only the fields named here are read;
providers' options and headers, which hold keys, never are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    truth,
)
from collector.assemble.dialects.sent import SentHistories
from collector.assemble.facts import (
    SIDE_CALLS,
    AnyFact,
    ConversationFact,
    MessageFact,
    RequestFact,
    ShutdownFact,
    SystemPromptFact,
    ToolListFact,
    latest,
    order,
)
from collector.assemble.ids import span_id

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
    "experimental.text.complete",
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
    "stopSequences",
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


class HookReader:
    """Reads hook calls; of tool definitions and, up to 1.0, of system prompts the session is said only afterwards."""

    def __init__(self) -> None:
        self._histories = SentHistories()
        self._prompts: dict[tuple[str, str | None], str] = {}
        self._offered: dict[tuple[str, str | None], dict[str, JsonObject]] = {}
        self._last_offered: dict[tuple[str, str | None], list[JsonObject]] = {}

    def read(self, hook: HookCall) -> Iterator[AnyFact | UnknownType]:
        """The facts in one call."""
        match hook.name:
            case "chat.message":
                yield from self._chat_message(hook)
            case "chat.params":
                yield from self._params(hook)
            case "experimental.chat.system.transform":
                yield from self._system(hook)
            case "experimental.chat.messages.transform":
                yield from self._histories.read(objects(hook.output.get("messages")), hook.at or 0)
            case "tool.definition":
                self._definition(hook)
            case "session.context" | "session.title" | "session.compaction":
                yield from self._context(hook)
            case "dispose":
                yield ShutdownFact(*latest("", f"gone:{hook.directory}", hook.at or 0), directory=hook.directory)
            case name if name not in _SILENT:
                yield UnknownType(f"hook:{name}")

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
            yield from v1_messages.part(part, session, at)

    def _params(self, hook: HookCall) -> Iterator[AnyFact]:
        session, at = text(hook.input.get("sessionID")), hook.at or 0
        if session is None:
            return
        agent, model = agent_name(hook.input.get("agent")), mapping(hook.input.get("model"))
        place = (hook.pid, hook.directory)
        prompt = self._prompts.pop(place, None)
        if prompt is not None:
            yield _system_prompt(session, at, prompt, agent)
        if agent not in SIDE_CALLS:
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
            params=params(hook.output),
        )

    def _system(self, hook: HookCall) -> Iterator[AnyFact]:
        prompt = _joined(hook.output.get("system"))
        if not prompt:
            return
        session = text(hook.input.get("sessionID"))
        if session is None:
            self._prompts[hook.pid, hook.directory] = prompt
        else:
            yield _system_prompt(session, hook.at or 0, prompt, None)

    def _definition(self, hook: HookCall) -> None:
        name = text(hook.input.get("toolID"))
        offered = self._offered.setdefault((hook.pid, hook.directory), {})
        if name and len(offered) < _MOST_TOOLS:
            offered[name] = {
                "name": name,
                "description": text(hook.output.get("description")) or "",
                "parameters": mapping(hook.output.get("parameters")),
            }

    def _context(self, hook: HookCall) -> Iterator[AnyFact]:
        """OpenCode 2: everything of a request in one hook, on its way out."""
        session, at = text(hook.input.get("sessionID")), hook.at or 0
        if session is None:
            return
        kind = hook.name.rpartition(".")[2]
        agent = agent_name(hook.input.get("agent")) if kind == "context" else kind
        model = mapping(hook.input.get("model"))
        prompt = _joined(hook.output.get("system", hook.input.get("system")))
        if prompt:
            yield _system_prompt(session, at, prompt, agent)
        sent = hook.output.get("messages", hook.input.get("messages"))
        if kind == "context" and isinstance(sent, list):
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
        )


def params(found: JsonObject) -> dict[str, Any]:
    """Model parameters under the names most providers use; of a provider's options only those known to be harmless."""
    known: dict[str, Any] = {}
    options = mapping(found.get("options"))
    for source in (options, found):
        for name, ours in _PARAMS.items():
            value = number(source.get(name))
            if value is not None:
                known[ours] = value
    for name in _OPTIONS:
        option = options.get(name)
        if isinstance(option, dict):
            option = {inner: option[inner] for inner in sorted(_THINKING & option.keys()) if _plain(option[inner])}
        if _plain(option) or option:
            known[name] = option
    return dict(sorted(known.items()))


def _plain(value: Any) -> bool:
    return text(value) is not None or number(value) is not None or truth(value) is not None


def _system_prompt(session: str, at: int, prompt: str, agent: str | None) -> SystemPromptFact:
    digest = span_id(prompt).hex()
    return SystemPromptFact(*latest(session, f"system:{at}:{digest}", at), text=prompt, agent=agent)


def _joined(system: Any) -> str:
    if isinstance(system, str):
        return system
    if not isinstance(system, list):
        return ""
    found = [item if isinstance(item, str) else text(mapping(item).get("text")) or "" for item in system]
    return "\n\n".join(part for part in found if part)
