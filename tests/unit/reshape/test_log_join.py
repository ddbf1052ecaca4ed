"""Messages that come as log records: which span they belong to, for how long, and what that costs."""

from __future__ import annotations

import json

from harness.reshape import IN, OUT, PNG, SPAN, TRACE, Clock, logs_with, one, text, user
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from collector.otlp.values import read_attributes, write_value
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper


def test_messages_in_log_records_are_joined_for_a_short_time() -> None:
    """The OpenAI instrumentation sends them as log records with the span's ids, in another request."""
    clock = Clock()
    join = LogJoin(clock, seconds=60)
    logs = logs_with(("gen_ai.user.message", {}, {"content": "hi"}), ("gen_ai.choice", {}, {"content": "yo"}))
    before = logs.SerializeToString(deterministic=True)
    Reshaper(join=join).reshape(logs)
    assert logs.SerializeToString(deterministic=True) == before  # they go their own way, whole
    given = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    assert one(given, join=join)[f"{IN}.0.message.content"] == "hi"
    assert one(given, join=join)[f"{OUT}.0.message.content"] == "yo"  # a request sent again gives the same span
    clock.now = 61
    assert f"{IN}.0.message.content" not in one(given, join=join)


def test_the_join_holds_no_more_than_its_bytes() -> None:
    """Log records come from anyone who can reach the port."""
    join = LogJoin(lambda: 0.0, most_bytes=10_000)
    for number in range(50):
        Reshaper(join=join).reshape(logs_with(("gen_ai.user.message", {}, {"content": f"{number} " + "x" * 1000})))
    found = join.find(TRACE, "span", SPAN.hex())
    assert 0 < len(found) < 11
    assert len(join._known) == len(found)


def test_a_request_of_records_that_is_sent_again_says_nothing_twice() -> None:
    """Its client had no answer, or a 503. The same words twice in one request are two messages."""
    join = LogJoin(lambda: 0.0)
    yes = ("gen_ai.user.message", {}, {"content": "yes"})
    for _ in range(3):
        Reshaper(join=join).reshape(logs_with(yes, yes))
    asked = one({"gen_ai.operation.name": "chat"}, join=join)
    assert asked[f"{IN}.1.message.content"] == "yes"
    assert f"{IN}.2.message.content" not in asked


def test_a_logged_operation_counts_as_the_spans_own_attributes() -> None:
    """Since 1.37 one event holds all messages."""
    join = LogJoin(lambda: 0.0)
    details = {"gen_ai.input.messages": json.dumps(user(text("hi"))), "gen_ai.response.id": "r"}
    Reshaper(join=join).reshape(logs_with(("gen_ai.client.inference.operation.details", details, None)))
    assert one({"gen_ai.operation.name": "chat"}, join=join)[f"{IN}.0.message.content"] == "hi"


def test_codex_content_comes_from_its_log_records() -> None:
    """Its spans carry lengths only; records are found by trace and call id."""
    join = LogJoin(lambda: 0.0)
    prompt = ("codex.user_prompt", {"prompt": "List it", "model": "gpt-5", "conversation.id": "c"}, None)
    result = ("codex.tool_result", {"call_id": "call_1", "arguments": '{"cmd":"ls"}', "output": "a.txt"}, None)
    other = ("codex.tool_result", {"call_id": "call_2", "arguments": "{}", "output": "other"}, None)
    Reshaper(join=join).reshape(logs_with(prompt, result, other, scope="codex_otel.log_only"))
    codex = {"scope": "codex_exec", "service": "codex_exec", "join": join}
    turn = one({"model": "gpt-5"}, name="session_task.turn", **codex)
    tool = one({"call_id": "call_1", "tool_name": "shell"}, name="shell", **codex)
    call = one({"gen_ai.usage.input_tokens": 4, "gen_ai.usage.output_tokens": 2}, name="handle_responses", **codex)
    assert (turn["input.value"], turn["session.id"]) == ("List it", "c")
    assert (tool["tool.parameters"], tool["output.value"]) == ('{"cmd":"ls"}', "a.txt")
    assert (call["llm.model_name"], call["llm.token_count.total"]) == ("gpt-5", 6)


def test_a_span_whose_records_come_after_it_is_offered_again_complete() -> None:
    """A program that exits at once sends its spans first; ids and parent stay, so it replaces itself."""
    join = LogJoin(lambda: 0.0)
    first = one(
        {"call_id": "call_1", "tool_name": "shell"}, name="shell", scope="codex_exec", service="codex_exec", join=join
    )
    assert "output.value" not in first
    result = ("codex.tool_result", {"call_id": "call_1", "arguments": '{"cmd":"ls"}', "output": "a.txt"}, None)
    late = Reshaper(join=join).reshape(logs_with(result, scope="codex_otel.log_only")).late
    assert late is not None
    (span,) = late.resource_spans[0].scope_spans[0].spans
    assert (span.trace_id, span.span_id) == (TRACE, SPAN)
    assert read_attributes(span.attributes)["output.value"] == "a.txt"


def test_a_span_that_counts_tokens_is_never_offered_again() -> None:
    """A destination that does not know it by its ids would count its tokens twice."""
    join = LogJoin(lambda: 0.0)
    one({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}, join=join)
    assert Reshaper(join=join).reshape(logs_with(("gen_ai.user.message", {}, {"content": "hi"}))).late is None


def test_a_span_waits_no_longer_than_its_records_would() -> None:
    """Neither memory nor time may grow with what never comes."""
    clock = Clock()
    join = LogJoin(clock, seconds=60)
    one({"call_id": "call_1", "tool_name": "shell"}, name="shell", scope="codex_exec", service="codex_exec", join=join)
    clock.now = 61
    result = ("codex.tool_result", {"call_id": "call_1", "output": "a.txt"}, None)
    assert Reshaper(join=join).reshape(logs_with(result, scope="codex_otel.log_only")).late is None


def test_bytes_in_a_log_record_become_a_data_url() -> None:
    """A record's body is no JSON: images in it are bytes."""
    join = LogJoin(lambda: 0.0)
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(trace_id=TRACE, span_id=SPAN)
    record.event_name = "gen_ai.client.inference.operation.details"
    messages = record.attributes.add(key="gen_ai.input.messages").value.array_value.values.add().kvlist_value.values
    write_value(messages.add(key="role").value, "user")
    part = messages.add(key="parts").value.array_value.values.add().kvlist_value.values
    write_value(part.add(key="type").value, "blob")
    write_value(part.add(key="mime_type").value, "image/png")
    part.add(key="content").value.bytes_value = b"ABC"
    Reshaper(join=join).reshape(logs)
    found = one({"gen_ai.operation.name": "chat"}, join=join)
    assert found[f"{IN}.0.message.contents.0.message_content.image.image.url"] == PNG
