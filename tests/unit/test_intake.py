"""What of OpenCode's events is kept: redacted, and at metadata level without anything that was written."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from typing import Any

import orjson
import pytest
from harness import credentials
from harness.opencode import (
    CAPTURES,
    DOORS,
    FIXTURES,
    Script,
    assemble,
    attributes,
    export,
    of_kind,
    recording,
    scenarios,
    v2_examples,
)
from harness.opencode import NOW as BEGIN

from collector.assemble.assembler import Assembler
from collector.assemble.spans.otlp import export_request
from collector.batch import Signal
from collector.errors import BadRequest
from collector.pipeline.events import Intake, IntakeResult
from collector.policy.model import KEYED, Action, ContentLevel, FieldRule
from collector.redact.ruleset import level_policy
from collector.redact.seal import Sealer, always

NOW = 1_795_361_000_000


def take(items: list[Any], level: ContentLevel = ContentLevel.MASK) -> IntakeResult:
    return Intake(always(Sealer(level)), "opencode").take_items(items, NOW)


def leaving(taken: IntakeResult, level: ContentLevel) -> bytes:
    """Everything that is kept or sent of what was taken."""
    assembler = Assembler("opencode", {"team": "a"})
    for row in taken.rows:
        assembler.learn(row.fact, 0)
    batch = Sealer(level).seal(Signal.TRACES, export_request(assembler.close()))
    return b"\n".join([row.data for row in taken.rows] + [row.key.encode() for row in taken.rows]) + batch.data


def planted(value: Any, secret: str, at: list[int]) -> Any:
    """A copy of `value` with `secret` put into every string, keys of free objects included."""
    if isinstance(value, str):
        at[0] += 1
        return f"{value} {secret}"
    if isinstance(value, dict):
        return {key: _planted_field(key, item, secret, at) for key, item in value.items()}
    if isinstance(value, list):
        return [planted(item, secret, at) for item in value]
    return value


_STRUCTURE = re.compile(r".*ID|id|type|role|status|hook|mime|action|reply|delivery|parent|aggregate_id|name|tool")


def _planted_field(key: str, value: Any, secret: str, at: list[int]) -> Any:
    if isinstance(value, str) and _STRUCTURE.fullmatch(key):
        return value
    found = planted(value, secret, at)
    if key in ("input", "metadata") and isinstance(found, dict) and "sessionID" not in found:
        found[secret] = {secret: [secret]}
    return found


@pytest.mark.parametrize("name", ["github", "aws-id", "openai", "jwt"])
def test_a_credential_in_any_text_is_neither_kept_nor_sent(name: str) -> None:
    """The inbox is a disk too."""
    secret = credentials.PLANTED[name]
    items = [
        *(item for door in DOORS for item in recording("subagent", door)),
        *recording("compaction"),
        *export("multi"),
        *v2_examples(),
    ]
    count = [0]
    taken = take([planted(item, secret, count) for item in items])
    assert count[0] > 1000
    assert secret.encode() not in leaving(taken, ContentLevel.MASK)
    assert taken.actions


def written(value: Any, key: str = "") -> set[str]:
    """Texts of a recording that people, models and tools wrote, or where they work."""
    found: set[str] = set()
    if isinstance(value, dict):
        for name, item in value.items():
            found |= written(item, name)
    elif isinstance(value, list):
        for item in value:
            found |= written(item, key)
    elif isinstance(value, str) and key in _WRITTEN and len(value) > 4:
        found.add(value)
    return found


_WRITTEN = {
    "text", "title", "directory", "cwd", "root", "path", "worktree", "command", "description", "output", "filePath",
    "pattern", "content", "oldString", "newString", "prompt", "message", "error", "file", "files", "diff", "patch",
    "patterns", "always", "arguments", "url", "system", "preview", "raw", "delta", "resources", "slug", "question",
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_at_metadata_level_nothing_written_is_kept_or_sent(door: str) -> None:
    for scenario in scenarios(door):
        items = recording(scenario, door)
        out = leaving(take(items, ContentLevel.METADATA), ContentLevel.METADATA)
        texts = {text for text in written(items) if not re.fullmatch(r"[A-Za-z_.-]{1,12}|\d+", text)}
        assert len(texts) > 5
        for text in texts:
            assert text.encode() not in out, (scenario, text)
            assert orjson.dumps(text)[1:-1] not in out, (scenario, text)


def test_at_metadata_level_nothing_written_of_opencode_2_is_kept_or_sent() -> None:
    out = leaving(take(v2_examples(), ContentLevel.METADATA), ContentLevel.METADATA)
    for text in written(v2_examples()) - {"shell"}:
        assert text.encode() not in out, text


@pytest.mark.parametrize("action", [Action.HASH, Action.DROP, Action.TRUNCATE])
def test_a_field_rule_for_every_key_leaves_facts_that_can_be_read(action: Action) -> None:
    """Numbers of facts and words of closed lists are no attributes: one that was changed would be refused for ever."""
    rule = FieldRule(action, KEYED, most_bytes=12)
    policy = replace(level_policy(ContentLevel.MASK), fields=(rule,))
    intake = Intake(always(Sealer(policy)), "opencode")
    for scenario in ("multi", "abort"):
        items = recording(scenario, "plugin_hooks")
        as_kept = Intake(always(Sealer()), "opencode").take_items(items, NOW)
        assert len(intake.take_items(items, NOW).rows) == len(as_kept.rows) > 0
    gone = {"ts": NOW, "dir": "/x", "hook": "event", "input": {"type": "server.instance.disposed", "properties": {}}}
    assert len(intake.take_items([gone], NOW).rows) == 1


def test_at_metadata_level_the_turns_are_still_whole() -> None:
    """Ids, times, token numbers and tool names are no content."""
    for scenario in scenarios():
        taken = take(recording(scenario), ContentLevel.METADATA)
        assembler = Assembler()
        for row in taken.rows:
            assembler.learn(row.fact, 0)
        reduced = {(m.span.span_id, m.span.start_time_unix_nano, m.span.end_time_unix_nano) for m in assembler.close()}
        whole = assemble(recording(scenario))
        assert reduced == {(m.span.span_id, m.span.start_time_unix_nano, m.span.end_time_unix_nano) for m in whole}


def test_options_and_headers_of_providers_are_not_read() -> None:
    """They hold API keys; no rule has to find those."""
    key = "local-" + "password-1234"
    line = {
        "ts": NOW, "pid": 1, "dir": "/p", "hook": "chat.params",
        "input": {"sessionID": "ses_1", "agent": "build", "provider": {"options": {"apiKey": key}},
                  "model": {"id": "m", "providerID": "p", "headers": {"x": key}, "options": {"apiKey": key}}},
        "output": {"temperature": 0.5, "options": {"apiKey": key, "headers": {"authorization": key}}},
    }  # fmt: skip
    headers = {"ts": NOW, "pid": 1, "dir": "/p", "hook": "chat.headers", "input": {}, "output": {"headers": {"k": key}}}
    taken = take([line, headers])
    assert taken.rows
    assert key.encode() not in b"".join(row.data for row in taken.rows)


def test_a_body_may_be_lines_or_an_array() -> None:
    items = recording("text", "events.sse")
    lines = b"\n".join(orjson.dumps(item) for item in items)
    of_lines = Intake(always(Sealer()), "opencode").take(lines, NOW)
    of_array = Intake(always(Sealer()), "opencode").take(orjson.dumps(items), NOW)
    assert [row.data for row in of_lines.rows] == [row.data for row in of_array.rows]
    assert of_lines.rows


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_result_that_someone_changed_is_kept_beside_what_the_tool_gave(apart: bool, backwards: bool) -> None:
    """Told in one post or in two, in either order: the call in between was sent the first."""
    script = Script()
    script.user("msg_1", 0)
    script.step("msg_2", "msg_1", 10)
    script.tool("t", "msg_2", 20, 30, output="given")
    script.done("msg_2", "msg_1", 10, 40, finish="tool-calls")
    script.answer("msg_3", "msg_1", 50)
    script.tool("t", "msg_2", 20, 120, output="changed", time={"start": BEGIN + 20, "end": BEGIN + 30})
    script.answer("msg_4", "msg_1", 130)
    script.idle(190)
    items = script.events[::-1] if backwards else script.events
    intake = Intake(always(Sealer()), "opencode")
    posts = [[item] for item in items] if apart else [items]
    assembler = Assembler()
    for post in posts:
        for row in intake.take_items(post, NOW).rows:
            assembler.learn(row.fact, NOW)
    made = assembler.close()
    (tool,) = of_kind(made, "TOOL")
    assert attributes(tool)["output.value"] == "given"
    results = [
        value
        for call in of_kind(made, "LLM")
        for key, value in attributes(call).items()
        if key.startswith("llm.input_messages") and value in ("given", "changed")
    ]
    assert results == ["given", "changed"]


def test_a_printed_export_is_one_item() -> None:
    document = gzip.decompress((CAPTURES / "text" / "export.json.gz").read_bytes())
    printed = orjson.dumps(orjson.loads(document), option=orjson.OPT_INDENT_2)
    taken = Intake(always(Sealer()), "opencode").take(printed, NOW)
    assert taken.items == 1
    assert not taken.rejected
    assert len(taken.rows) > 5


@pytest.mark.parametrize(
    "bad", [b"nonsense", b"17", b'"text"', b"null", b"{}", b'{"type": 3}', b'{"properties": {}}', b'{"type": ""}']
)
def test_an_item_that_is_none_is_refused_alone(bad: bytes) -> None:
    good = b'{"type":"session.idle","properties":{"sessionID":"ses_1"}}'
    taken = Intake(always(Sealer()), "opencode").take(b"\n".join([good, bad, good]), NOW)
    assert [index for index, _ in taken.rejected] == [1]
    assert taken.rejected[0][1]
    assert taken.rows


def test_a_broken_array_is_refused_whole() -> None:
    with pytest.raises(BadRequest):
        Intake(always(Sealer()), "opencode").take(b'[{"type": "session.idle"', NOW)


def test_unknown_types_are_counted_and_say_nothing_else() -> None:
    """The name of a type is a client's text."""
    taken = take([{"type": "session.telepathy", "properties": {}}, {"type": "a b\n" + "x" * 500, "properties": {}}])
    assert taken.unknown == {"1:session.telepathy": 1, "other": 1}
    assert not taken.rows


def test_streamed_states_of_a_part_are_kept_once() -> None:
    """Deltas are kept for their time only, the states of a part as the last of them."""
    kind = "message.part.updated"
    streamed = [{"type": kind, "properties": {"delta": "a", "part": part("a" * size)}} for size in range(1, 200)]
    whole = {"type": "message.part.updated", "properties": {"part": part("the whole", end=NOW)}}
    rows = take([*streamed, whole]).rows
    assert len(rows) == 2
    assert sum(b"the whole" in row.data for row in rows) == 1
    assert not any(b"aaa" in row.data for row in rows)


def part(text: str, **time: int) -> dict[str, Any]:
    ids = {"id": "prt_1", "messageID": "msg_1", "sessionID": "ses_1"}
    return {**ids, "type": "text", "text": text, "time": {"start": NOW, **time}}


def test_fixtures_hold_no_paths_of_machines() -> None:
    for file in FIXTURES.rglob("*.gz"):
        assert not re.search(rb'"/(root|work)/', gzip.decompress(file.read_bytes())), file
