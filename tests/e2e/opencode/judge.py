"""Sets what a trace says a model was sent beside what the model was sent.

The fake model keeps each request; here it is brought into the same form as the LLM span that stands for it, and the
two are compared: messages, tools, parameters, model, answer, usage, cost, and the order of times. What differs is a
fault of the trace, unless `known_differences` lists it with its reason.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from e2e.opencode.client import PRICES, plain
from e2e.opencode.fake_model import Exchange

_NOT_PARAMETERS = {"messages", "tools", "model", "stream", "stream_options"}
_ATTACHMENT = re.compile(r"\[attachment: (?:[^,\]]*, )??([\w.+-]+/[\w.+-]+), (\d+) bytes\]")
_SUMMED_UP = re.compile(r"Here is the conversation so far:\n\n<conversation>\n(.*)\n</conversation>", re.DOTALL)
"""How a compaction is asked for since 1.16: of all that is OpenCode's own, only the conversation is compared."""
_SHOWN_CHARACTERS = 160


@dataclass(frozen=True)
class Message:
    """A message of a conversation; `calls` are id, name and arguments, `call` is what a tool's result answers."""

    role: str
    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, str, str], ...] = ()
    call: str = ""


@dataclass
class Call:
    """A model call, as sent or as shown."""

    messages: list[Message]
    tools: dict[str, tuple[str, str]]
    """Description and JSON schema by name."""
    parameters: dict[str, Any]
    model: str
    answer: Message
    failed: bool
    usage: dict[str, int]
    cost: float


@dataclass(frozen=True)
class Difference:
    """What a span says of one thing, beside what is right."""

    scenario: str
    version: str
    call: str
    """Which call of the scenario: its number, the key of the script that answered it, and its step."""
    what: str
    sent: str
    shown: str
    error: str = ""
    """The error the span has."""
    contained: bool = False
    """What is shown is part of what was sent."""

    def __str__(self) -> str:
        return f"{self.call} {self.what}:\n    sent:  {self.sent}\n    shown: {self.shown}"


@dataclass
class Trial:
    """The requests of one scenario and the LLM spans of its sessions; `mask` is the redaction in force."""

    scenario: str
    version: str
    exchanges: list[Exchange]
    spans: list[dict[str, Any]]
    mask: Any
    differences: list[Difference] = field(default_factory=list)
    _error: str = ""

    def run(self) -> list[Difference]:
        """All differences, those of one call together."""
        self.differences = []
        pairs = list(_pairs(self.exchanges, self.spans))
        for number, (exchange, span) in enumerate(pairs):
            self._compare(number, exchange, span)
        return self.differences

    def _compare(self, number: int, exchange: Exchange | None, span: dict[str, Any] | None) -> None:
        if exchange is None:
            assert span is not None
            found = shown(span)
            self._differ(f"#{number}", "span without a request", "", f"{span['name']} {found.answer.text!r}")
            return
        name = f"#{number} [{exchange.key}] after {_steps(exchange)} answers"
        if span is None:
            self._differ(name, "request without a span", _cut(str(exchange.body["messages"][-1])), "")
            return
        right, found = sent(exchange), shown(span)
        self._error = _error(span)
        self._messages(name, right.messages, found.messages)
        self._tools(name, right.tools, found.tools)
        for key in sorted(right.parameters.keys() | found.parameters.keys()):
            self._same(name, f"parameter {key}", right.parameters.get(key), found.parameters.get(key))
        self._same(name, "model", right.model, found.model)
        self._same(name, "failed", right.failed, found.failed)
        self._message(name, "answer", right.answer, found.answer)
        for key in right.usage:
            self._same(name, f"usage {key}", right.usage[key], found.usage.get(key, 0))
        self._same(name, "cost", round(right.cost, 9), round(found.cost, 9))
        self._times(name, exchange, span)

    def _messages(self, name: str, right: list[Message], found: list[Message]) -> None:
        roles, shown = (" ".join(message.role for message in messages) for messages in (right, found))
        if roles != shown:
            self._differ(name, "roles", roles, shown, contained=roles.startswith(f"{shown} "))
        for index, (one, other) in enumerate(zip(right, found, strict=False)):
            if one.role != other.role:
                break
            self._message(name, f"message {index} ({one.role})", one, other)

    def _message(self, name: str, what: str, right: Message, found: Message) -> None:
        for part in ("text", "reasoning", "calls", "call"):
            one, other = getattr(right, part), getattr(found, part)
            if one != other and self._masked(one) != other:
                within = isinstance(other, str) and bool(other) and other in self._masked(one)
                self._differ(name, f"{what} {part}", *_apart(str(one), str(other)), contained=within)

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.mask(value)
        return tuple(tuple(_canonical(self.mask(text)) for text in call) for call in value)

    def _tools(self, name: str, right: dict[str, tuple[str, str]], found: dict[str, tuple[str, str]]) -> None:
        if right and not found:
            self._differ(name, "tools not shown", " ".join(right), "")
            return
        self._same(name, "tools", " ".join(sorted(right)), " ".join(sorted(found)))
        for tool in sorted(right.keys() & found.keys()):
            for what, one, other in zip(("description", "schema"), right[tool], found[tool], strict=True):
                if one != other and self.mask(one) != other:
                    self._differ(name, f"tool {tool} {what}", *_apart(one, other))

    def _times(self, name: str, exchange: Exchange, span: dict[str, Any]) -> None:
        """A call begins before its request is there and ends after; the next request of its session is later."""
        start, end = (int(span[key]) // 1_000_000 for key in ("startTimeUnixNano", "endTimeUnixNano"))
        if start > exchange.received:
            self._differ(name, "start", f"<= {exchange.received}", str(start))
        following = [
            other.received
            for other in self.exchanges
            if other.session == exchange.session and not (other.is_title or exchange.is_title)
            if other.session and other.received > exchange.received
        ]
        if end < exchange.received and not exchange.is_title:
            self._differ(name, "end", f">= {exchange.received}", str(end))
        if following and end > min(following):
            self._differ(name, "end", f"<= {min(following)}", str(end))

    def _same(self, name: str, what: str, right: Any, found: Any) -> None:
        if right != found:
            self._differ(name, what, str(right), str(found))

    def _differ(self, name: str, what: str, right: str, found: str, *, contained: bool = False) -> None:
        texts = _cut(right), _cut(found)
        self.differences.append(Difference(self.scenario, self.version, name, what, *texts, self._error, contained))


def sent(exchange: Exchange) -> Call:
    """A request to the model and its answer."""
    body, answer, usage = exchange.body, exchange.answer, exchange.usage
    failed = exchange.status >= 400
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    counts = {
        "prompt": usage.get("prompt_tokens", 0),
        "completion": usage.get("completion_tokens", 0),
        "total": usage.get("total_tokens", 0),
        "cache_read": cached,
        "reasoning": usage.get("completion_tokens_details", {}).get("reasoning_tokens", 0),
    }
    price = PRICES[body["model"]]
    uncached, written = counts["prompt"] - cached, counts["completion"]
    return Call(
        messages=[_sent_message(message) for message in body["messages"]],
        tools={
            tool["function"]["name"]: (
                tool["function"].get("description", ""), _canonical(json.dumps(tool["function"].get("parameters", {})))
            )
            for tool in body.get("tools", ())
        },
        parameters={_snake(key): value for key, value in body.items() if key not in _NOT_PARAMETERS},
        model=body["model"],
        answer=Message(
            "assistant",
            "" if failed else answer.get("text", ""),
            "" if failed else answer.get("reasoning", ""),
            tuple((call, name, _arguments(arguments)) for call, name, arguments in exchange.calls),
        ),
        failed=failed,
        usage=counts,
        cost=(uncached * price["input"] + cached * price["cache_read"] + written * price["output"]) / 1e6,
    )  # fmt: skip


def _sent_message(message: dict[str, Any]) -> Message:
    content = message.get("content")
    words = [content or ""] if not isinstance(content, list) else [_sent_part(part) for part in content]
    if (summed_up := _SUMMED_UP.match(words[0])) is not None:
        words = [summed_up[1]]
    calls = tuple(
        (call["id"], call["function"]["name"], _arguments(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    )
    reasoning = message.get("reasoning_content") or ""
    return Message(message["role"], "\n".join(words), reasoning, calls, message.get("tool_call_id", ""))


def _sent_part(part: dict[str, Any]) -> str:
    if part["type"] == "text":
        return str(part["text"])
    head, _, data = part["image_url"]["url"].partition(",")
    size = len(data) * 3 // 4 - data[-2:].count("=")
    return f"[attachment: {head.removeprefix('data:').partition(';')[0]}, {size} bytes]"


def shown(span: dict[str, Any]) -> Call:
    """What an LLM span says of its call."""
    attributes = span["attributes"]
    nested = _nested(attributes)
    llm: dict[str, Any] = nested.get("llm", {})
    outputs = [_shown_message(found["message"]) for found in _listed(llm.get("output_messages"))]
    counts = llm.get("token_count", {})
    details = {**counts.get("prompt_details", {}), **counts.get("completion_details", {})}
    usage = {key: int(counts.get(key, 0)) for key in ("prompt", "completion", "total")}
    usage |= {key: int(details.get(key, 0)) for key in ("cache_read", "reasoning")}
    return Call(
        messages=[_shown_message(found["message"]) for found in _listed(llm.get("input_messages"))],
        tools=dict(_shown_tool(found["tool"]) for found in _listed(llm.get("tools"))),
        parameters={_snake(k): v for k, v in json.loads(llm.get("invocation_parameters", "{}")).items()},
        model=llm.get("model_name", ""),
        answer=outputs[0] if outputs else Message("assistant"),
        failed=span.get("status", {}).get("code") == 2,
        usage=usage,
        cost=float(llm.get("cost", {}).get("total", 0)),
    )


def _shown_message(message: dict[str, Any]) -> Message:
    text, reasoning = [message.get("content", "")], []
    for part in _listed(message.get("contents")):
        content = part["message_content"]
        if content["type"] == "reasoning":
            reasoning.append(content["text"])
        elif not text[0]:
            text.append(content["text"])
    calls = tuple(
        (
            call["tool_call"].get("id", ""), call["tool_call"]["function"]["name"],
            _canonical(call["tool_call"]["function"].get("arguments", "{}")),
        )
        for call in _listed(message.get("tool_calls"))
    )  # fmt: skip
    words = _ATTACHMENT.sub(r"[attachment: \1, \2 bytes]", "\n".join(text).strip("\n") if len(text) > 1 else text[0])
    return Message(message["role"], words, "\n".join(reasoning), calls, message.get("tool_call_id", ""))


def _shown_tool(tool: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    schema = json.loads(tool.get("json_schema", "{}"))
    parameters = schema.get("function", schema).get("parameters", {})
    return tool["name"], (tool.get("description", ""), _canonical(json.dumps(parameters)))


def _pairs(
    exchanges: list[Exchange], spans: list[dict[str, Any]]
) -> Iterator[tuple[Exchange | None, dict[str, Any] | None]]:
    """Requests and spans of one session and sort, by time; where one is missing, by which times are nearest."""
    groups: dict[tuple[str, bool], tuple[list[Exchange], list[dict[str, Any]]]] = defaultdict(lambda: ([], []))
    named = any(exchange.session for exchange in exchanges)
    for exchange in exchanges:
        groups[exchange.session, exchange.is_title][0].append(exchange)
    for span in sorted(spans, key=lambda span: int(span["startTimeUnixNano"])):
        session = span["attributes"].get("session.id", "") if named else ""
        groups[session, span["attributes"].get("agent.name") == "title"][1].append(span)
    for requests, found in groups.values():
        if len(requests) == len(found):
            yield from zip(requests, found, strict=True)
            continue
        rest = found.copy()
        for request in requests:
            near = min(rest, key=partial(_apart_ms, request), default=None)
            if near is not None:
                rest.remove(near)
            yield request, near
        yield from ((None, span) for span in rest)


def _error(span: dict[str, Any]) -> str:
    for event in span.get("events", ()):
        if event["name"] == "exception":
            attributes = plain(event["attributes"])
            return str(attributes.get("exception.type", ""))
    return ""


def _apart_ms(exchange: Exchange, span: dict[str, Any]) -> int:
    return abs(int(span["startTimeUnixNano"]) // 1_000_000 - exchange.received)


def _steps(exchange: Exchange) -> int:
    return sum(message["role"] == "assistant" for message in exchange.body["messages"])


def _nested(attributes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in attributes.items():
        holder = found
        *path, last = key.split(".")
        for name in path:
            inner = holder.setdefault(name, {})
            if not isinstance(inner, dict):
                break
            holder = inner
        else:
            if not isinstance(holder.get(last), dict):
                holder[last] = value
    return found


def _listed(holder: Any) -> list[dict[str, Any]]:
    return [holder[index] for index in sorted(holder, key=int)] if holder else []


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: "_" + found[1].lower(), name)


def _arguments(value: Any) -> str:
    return _canonical(value) if isinstance(value, str) else _canonical(json.dumps(value, ensure_ascii=False))


def _canonical(text: str) -> str:
    """JSON with sorted keys; other texts stay what they are."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return text


def _apart(one: str, other: str) -> tuple[str, str]:
    """Both from a little before where they begin to differ."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    since = max(0, at - 30)
    lead = "…" if since else ""
    return f"{lead}{one[since:]}", f"{lead}{other[since:]}"


def _cut(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
