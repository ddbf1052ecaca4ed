"""Real sessions of OpenCode 1, recorded: each model call beside its request, and each door beside the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from e2e.opencode.record import REMINDER
from harness.opencode import attributes
from harness.recorded import NAMES, Recording

from collector.assemble.spans.otlp import BuiltSpan
from collector.assemble.spans.said import BEHIND

# What docs/opencode.md says a door cannot know.
ONLY_THE_PLUGIN = (
    "llm.tools.",
    "llm.invocation_parameters",
    "opencode.context_window",
    "opencode.time_to_first_token_ms",
    "input.value",
    "#start",
)
NOT_WHAT_IS_NOT_KEPT = (*ONLY_THE_PLUGIN, "opencode.attempt", "#events", "#end", "#error")
HIDDEN = {"stream": ONLY_THE_PLUGIN, "history": NOT_WHAT_IS_NOT_KEPT}


def spans(made: Iterable[BuiltSpan], hidden: tuple[str, ...]) -> dict[bytes, dict[str, Any]]:
    """Spans by id as plain objects, without what is hidden and without system prompts."""
    return {built.span.span_id: _plain(built, hidden) for built in made}


def _plain(built: BuiltSpan, hidden: tuple[str, ...]) -> dict[str, Any]:
    span, found = built.span, attributes(built)
    messages: dict[int, dict[str, Any]] = {}
    for key, value in found.items():
        if key.startswith("llm.input_messages."):
            number, _, rest = key.removeprefix("llm.input_messages.").partition(".message.")
            # What the agent adds to a prompt for one request alone is kept nowhere.
            messages.setdefault(int(number), {})[rest] = REMINDER.sub("", value).strip("\n")
    plain = {
        **{key: value for key, value in found.items() if not key.startswith("llm.input_messages.")},
        "#messages": _with_media([message for _, message in sorted(messages.items()) if message["role"] != "system"]),
        "#name": span.name,
        "#place": (span.trace_id, span.parent_span_id),
        "#start": span.start_time_unix_nano,
        "#end": span.end_time_unix_nano,
        "#status": span.status.code,
        "#error": span.status.message,
        "#events": sorted(event.name for event in span.events),
    }
    if found["openinference.span.kind"] != "LLM":
        hidden = tuple(key for key in hidden if key == "#events")
    return {key: value for key, value in plain.items() if not key.startswith(hidden or ("none",))}


def _with_media(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Media behind a tool's result put into it: only the plugin tells where a provider is sent them."""
    found: list[dict[str, Any]] = []
    for message in messages:
        head, _, media = message.get("content", "").partition("\n")
        if head == BEHIND and found[-1]["role"] == "tool":
            found[-1] = {**found[-1], "content": f"{found[-1]['content']}\n{media}"}
        else:
            found.append(message)
    return found


def _is(made: dict[str, Any], *, title: bool = False, attempt: bool = False) -> bool:
    return bool((title and made["agent.name"] == "title") or (attempt and made["#status"] == 2))


@pytest.mark.parametrize("name", NAMES)
def test_each_model_call_shows_what_was_sent(name: str) -> None:
    recording = Recording(name)
    assert "\n".join(map(str, recording.differences(recording.by_plugin()))) == ""


WITH_IDS = [name for name in NAMES if not name.startswith("1.2")]
"""Of older versions, events have no ids to tell their time by, and the recorded stream has no times."""


@pytest.mark.parametrize("name", WITH_IDS)
def test_the_stream_makes_the_tree_the_plugin_makes(name: str) -> None:
    """It sees no title calls, system prompts, tools or parameters, and the start of a request only roughly."""
    recording, hidden = Recording(name), HIDDEN["stream"]
    plugin = spans(recording.by_plugin(), hidden)
    expected = {key: made for key, made in plugin.items() if not _is(made, title=True)}
    assert spans(recording.by_stream(), hidden) == expected


@pytest.mark.parametrize("name", WITH_IDS)
def test_the_history_makes_the_tree_the_stream_makes(name: str) -> None:
    """It holds what is kept: not failed attempts, errors of the session, permissions, nor when a model was busy."""
    recording, hidden = Recording(name), HIDDEN["history"]
    stream, history = spans(recording.by_stream(), hidden), spans(recording.by_history(), hidden)
    missing = {key: made for key, made in stream.items() if key not in history}
    assert all(_is(made, attempt=True) for made in missing.values())
    assert history == {key: stream[key] for key in history}
