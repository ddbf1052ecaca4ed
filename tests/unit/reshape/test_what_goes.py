"""What goes from a span, and what stays: a source key goes only when all it says is written elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.reshape import IN, OUT, chat, one, text, user
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.values import read_attributes, write_value
from collector.reshape.stage import Reshaper

STRANDS = {"gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents", "gen_ai.request.model": "m"}
NUMBERED = {"llm.request.type": "chat", "gen_ai.request.model": "claude", "gen_ai.prompt.0.role": "user"}


def numbered(*parts: Any) -> dict[str, Any]:
    return one({**NUMBERED, "gen_ai.prompt.0.content": json.dumps(parts)})


def strands(name: str, **fields: Any) -> dict[str, Any]:
    return one(STRANDS, scope="strands.telemetry.tracer", events=[(name, fields)])


SAID = {"type": "text", "text": "hi"}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "search_result", "source": "https://x", "title": "T", "content": [{"type": "text", "text": "found"}]},
        {"type": "refund", "id": "order 7"},
        {"type": "container_upload", "file_id": "file-9"},
    ],
)
def test_a_part_of_unknown_type_stands_in_its_message_as_json(part: dict[str, Any]) -> None:
    """What a reader does not know may be all that the conversation was about."""
    for found in (numbered(SAID, part), chat(user(text("hi"), part)), strands_said(SAID, part)):
        assert json.loads(found[f"{IN}.0.message.contents.1.message_content.text"]) == part
        assert found[f"{IN}.0.message.contents.1.message_content.type"] == "text"
        assert found[f"{IN}.0.message.content"] == "hi"  # for readers that know no parts


def strands_said(*parts: Any) -> dict[str, Any]:
    return strands("gen_ai.user.message", content=json.dumps(parts))


def test_documents_and_images_of_bedrock_are_contents() -> None:
    document = {"document": {"format": "pdf", "name": "Lease", "source": {"bytes": "QUJD"}}}
    image = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/i.png"}}}}
    found = strands_said({"text": "hi"}, document, image)
    base = f"{IN}.0.message.contents"
    assert found[f"{base}.1.message_content.document.document.url"] == "data:application/pdf;base64,QUJD"
    assert found[f"{base}.1.message_content.document.document.name"] == "Lease"
    assert found[f"{base}.2.message_content.image.image.url"] == "s3://b/i.png"


def test_files_of_openai_keep_their_id_and_name() -> None:
    part = {"type": "input_file", "file_id": "file-1", "filename": "lease.pdf"}
    found = one(STRANDS, events=[("gen_ai.user.message", {"content": json.dumps([SAID, part])})])
    base = f"{IN}.0.message.contents.1.message_content.document.document"
    assert (found[f"{base}.url"], found[f"{base}.name"]) == ("file-1", "lease.pdf")


def test_a_document_that_is_text_is_no_base64() -> None:
    """Anthropic sends plain text as a document of its own."""
    part = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "hello world"},
        "title": "N",
    }
    found = chat(user(text("sum up"), part))
    base = f"{IN}.0.message.contents.1.message_content.document.document"
    assert (found[f"{base}.url"], found[f"{base}.name"]) == ("data:text/plain,hello%20world", "N")


def test_an_uploaded_image_keeps_its_id() -> None:
    part = {"type": "image", "source": {"type": "file", "file_id": "file_9"}}
    found = chat(user(text("see"), part))
    assert found[f"{IN}.0.message.contents.1.message_content.image.image.url"] == "file_9"


def test_the_source_stays_where_a_part_says_more_than_is_written() -> None:
    """A text with citations is a text; where the citations are, nobody can say but the sender's own key."""
    cited = {"type": "text", "text": "hi", "citations": [{"cited_text": "the lease"}]}
    assert "the lease" in numbered(cited)["gen_ai.prompt.0.content"]
    assert "gen_ai.prompt.0.content" not in numbered(SAID)


def test_unread_fields_of_a_numbered_call_stay() -> None:
    call = {"id": "c1", "name": "f", "arguments": "{}", "type": "function", "provider": "acme"}
    given = {f"gen_ai.completion.0.tool_calls.0.{name}": value for name, value in call.items()}
    found = one({**NUMBERED, **given})
    assert [key for key in given if key in found] == ["gen_ai.completion.0.tool_calls.0.provider"]


def test_system_instructions_of_unknown_type_are_written() -> None:
    instructions = [{"type": "text", "content": "brief"}, {"type": "policy", "rule": "no lists"}]
    found = chat(user(text("x")), **{"gen_ai.system_instructions": json.dumps(instructions)})
    assert "no lists" in found[f"{IN}.0.message.contents.1.message_content.text"]
    assert found[f"{IN}.0.message.content"] == "brief"
    assert "gen_ai.system_instructions" not in found


def test_of_two_keys_for_one_thing_only_that_which_was_written_goes() -> None:
    """They may well say different things."""
    found = one({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": "a", "tool_arguments": "b"})
    assert (found["input.value"], found["tool_arguments"]) == ("a", "b")
    assert "gen_ai.tool.call.arguments" not in found


def test_an_event_keeps_what_its_message_does_not_say() -> None:
    """Strands tells what the tools gave beside the answer that asked for them."""
    asked = json.dumps([{"toolUse": {"toolUseId": "a", "name": "f", "input": {"q": 1}}}])
    given = json.dumps([{"toolResult": {"toolUseId": "a", "status": "error", "content": [{"text": "broke"}]}}])
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    for key, value in STRANDS.items():
        write_value(span.attributes.add(key=key).value, value)
    event = span.events.add(name="gen_ai.choice")
    for key, value in {"message": asked, "tool.result": given}.items():
        write_value(event.attributes.add(key=key).value, value)
    Reshaper().reshape(request)
    assert read_attributes(event.attributes) == {"tool.result": given}


@pytest.mark.parametrize(
    ("given", "name", "schema"),
    [
        ({"type": "web_search", "filters": {"a": 1}}, "web_search", None),
        ({"type": "web_search_20250305", "name": "web_search", "max_uses": 5}, "web_search", None),
        ({"type": "mcp", "server_label": "s", "server_url": "https://z"}, "mcp", None),
        ({"type": "custom", "name": "apply_patch", "description": "d"}, "apply_patch", None),
        ({"google_search": {}}, "google_search", None),
        (
            {"type": "function", "name": "f", "parameters": {}, "strict": True},
            "f",
            {"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}},
        ),
        (
            {"type": "function", "function": {"name": "f", "parameters": {}}, "strict": True},
            "f",
            {"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}},
        ),
    ],
)
def test_every_tool_definition_is_kept_whole(given: dict[str, Any], name: str, schema: Any) -> None:
    """A provider's own tools are no functions, and have settings of their own."""
    found = chat(user(text("x")), **{"gen_ai.tool.definitions": json.dumps([given])})
    assert found["llm.tools.0.tool.name"] == name
    assert json.loads(found["llm.tools.0.tool.json_schema"]) == (schema or given)
    assert "gen_ai.tool.definitions" not in found


def test_a_list_with_what_is_no_definition_stays() -> None:
    given = json.dumps([{"name": "f"}, "a text that is far too long to be the name of a tool, and stands there " * 3])
    found = chat(user(text("x")), **{"gen_ai.tool.definitions": given})
    assert (found["llm.tools.0.tool.name"], found["gen_ai.tool.definitions"]) == ("f", given)


def test_gemini_has_other_tools_beside_its_functions() -> None:
    tools = [{"functionDeclarations": [{"name": "a"}], "googleSearch": {}}]
    found = chat(user(text("x")), **{"gen_ai.tool.definitions": json.dumps(tools)})
    assert [found[f"llm.tools.{n}.tool.name"] for n in (0, 1)] == ["a", "googleSearch"]


def test_functions_that_are_numbered_keep_what_is_strict() -> None:
    found = one({**NUMBERED, "llm.request.functions.0.name": "f", "llm.request.functions.0.strict": "yes"})
    assert json.loads(found["llm.tools.0.tool.json_schema"])["function"] == {"name": "f", "strict": "yes"}


ANSWERS = [
    '{"answer": 4}',
    '{"title": "T", "content": "Body"}',
    '{"role": "engineer", "salary": 5}',
    '{"role": "admin", "content": "secret"}',
    '[{"a": 1}]',
    '[{"type": "refund", "id": 3}]',
    '[{"type": "order", "text": "x"}]',
    '[{"city": "Paris"}, {"city": "Rome"}]',
    '{"text": "a", "score": 3}',
    '{"message": "done", "status": "ok"}',
    '{"messages": "none", "query": "SELECT 1"}',
    "[1, 2, 3]",
    '[{"role": "CEO", "name": "Ann"}]',
    '{"usage": "two a day", "text": "x"}',
    '{"error": "not found"}',
    '{"question": "q", "choices": [{"label": "A"}, {"label": "B"}]}',
    '{"messages": [{"to": "bob", "body": "hi"}]}',
    '{"content": {"title": "t"}, "slug": "s"}',
    '{"output": {"a": 1}}',
    '[{"type": "text", "name": "title"}]',
    "1.10",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_is_json_is_kept_as_it_came(answer: str) -> None:
    """It is what the model said, to the letter, whatever names it uses."""
    agent = {**STRANDS, "gen_ai.operation.name": "invoke_agent"}
    ways = [
        one(agent, events=[("gen_ai.choice", {"message": answer})]),
        one(STRANDS, events=[("gen_ai.choice", {"message": json.dumps({"role": "assistant", "content": answer})})]),
        one(STRANDS, events=[("gen_ai.choice", {"content": answer})]),
        one({**NUMBERED, "gen_ai.completion.0.content": answer}),
        one({"langfuse.observation.type": "generation", "langfuse.observation.output": answer}),
        chat(answered=None, **{"gen_ai.output.messages": answer}),
        chat(answered=None, **{"gen_ai.completion": answer}),
    ]
    assert {found[f"{OUT}.0.message.content"] for found in ways} == {answer}
    assert {found[f"{OUT}.0.message.role"] for found in ways} == {"assistant"}
    assert {found["output.value"] for found in ways} == {answer}


@pytest.mark.parametrize("asked", ['[{"type": "refund", "id": 3}]', '{"order": 3, "total": 1.10}'])
def test_a_question_that_is_json_is_kept_as_it_came(asked: str) -> None:
    ways = [
        one(STRANDS, events=[("gen_ai.user.message", {"content": asked})]),
        one({**NUMBERED, "gen_ai.prompt.0.content": asked}),
        chat(user(text(asked))),
    ]
    assert {found[f"{IN}.0.message.content"] for found in ways} == {asked}


@pytest.mark.parametrize(
    "body",
    [
        {"text": "a", "finishReason": "stop", "toolCalls": []},
        {"output": "a"},
        {"choices": [{"text": "a", "index": 0, "finish_reason": "stop"}]},
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "a"}]}}]},
        {"generations": [[{"text": "a", "generation_info": None}]]},
        {"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}},
        {"message": {"role": "assistant", "blocks": [{"block_type": "text", "text": "a"}]}},
        {"content": "a", "finish_reason": "stop", "usage": {}},
        [{"text": "a"}],
        ["a"],
    ],
)
def test_a_response_is_read_in_whatever_it_is_wrapped(body: Any) -> None:
    assert chat(answered=body)[f"{OUT}.0.message.content"] == "a"


def test_a_response_without_an_answer_is_none() -> None:
    for body in ({"output": []}, {"usage": {"input_tokens": 1}}, {"choices": []}):
        assert not any(key.startswith(OUT) for key in chat(answered=body))
