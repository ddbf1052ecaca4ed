"""GenAI shapes that the recorded exports do not hold: from the published specifications, one claim each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.reshape import IN, OUT, PNG, chat, one, text, user
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.values import read_attributes, write_value
from collector.reshape.stage import Reshaper


def test_results_of_parallel_calls_become_a_message_each() -> None:
    """Each has its own call id; one message has room for one."""
    results = [{"type": "tool_call_response", "id": f"c{n}", "response": {"n": n}} for n in (1, 2)]
    calls = [{"type": "tool_call", "id": f"c{n}", "name": "f", "arguments": {"n": n}} for n in (1, 2)]
    history = [
        *user(text("go")),
        {"role": "assistant", "parts": calls},
        {"role": "tool", "parts": results},
        *user(text("and")),
    ]
    found = chat(history)
    assert found[f"{IN}.1.message.tool_calls.1.tool_call.function.arguments"] == '{"n":2}'
    assert [found[f"{IN}.{n}.message.tool_call_id"] for n in (2, 3)] == ["c1", "c2"]
    assert found[f"{IN}.3.message.content"] == '{"n":2}'
    assert found[f"{IN}.4.message.content"] == "and"


def test_arguments_that_are_text_stay_as_they_are() -> None:
    """Some converters encode them twice."""
    call = {"type": "tool_call", "id": "1", "name": "f", "arguments": '{"a": 1}'}
    found = chat(user(text("x")), [{"role": "assistant", "parts": [call]}])
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.function.arguments"] == '{"a": 1}'


@pytest.mark.parametrize(
    ("part", "url"),
    [
        ({"type": "blob", "modality": "image", "mime_type": "image/png", "content": "QUJD"}, PNG),
        ({"type": "uri", "modality": "image", "uri": "https://x/y.png"}, "https://x/y.png"),
        ({"type": "image_url", "image_url": {"url": "https://x/y.png"}}, "https://x/y.png"),
        ({"type": "input_image", "image_url": "https://x/y.png"}, "https://x/y.png"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}, PNG),
        ({"inlineData": {"mimeType": "image/png", "data": "QUJD"}}, PNG),
        ({"type": "file", "mediaType": "image/png", "data": "QUJD"}, PNG),
        ({"type": "image", "image": "https://x/y.png"}, "https://x/y.png"),
        ({"type": "image-url", "url": "https://x/y.png"}, "https://x/y.png"),
        ({"type": "file", "modality": "image", "mime_type": "image/png", "file_id": "file-1"}, "file-1"),
        ({"kind": "binary", "media_type": "image/png", "binary_content": "QUJD"}, PNG),
    ],
)  # fmt: skip
def test_images_of_every_provider_have_an_address(part: dict[str, Any], url: str) -> None:
    """Instrumentations pass on the provider's own parts."""
    found = chat(user(text("see"), part))
    assert found[f"{IN}.0.message.contents.0.message_content.text"] == "see"
    assert found[f"{IN}.0.message.contents.1.message_content.type"] == "image"
    assert found[f"{IN}.0.message.contents.1.message_content.image.image.url"] == url


@pytest.mark.parametrize(
    "part",
    [
        {"type": "reasoning", "content": "hm"},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"text": "hm", "thought": True},
        {"reasoningContent": {"reasoningText": {"text": "hm"}}},
    ],
)
def test_reasoning_is_told_from_the_answer(part: dict[str, Any]) -> None:
    """It is no part of what the user was told."""
    found = chat(user(text("x")), [{"role": "assistant", "parts": [part, text("answer")]}])
    assert found[f"{OUT}.0.message.contents.0.message_content.type"] == "reasoning"
    assert found[f"{OUT}.0.message.contents.0.message_content.text"] == "hm"
    assert found[f"{OUT}.0.message.contents.1.message_content.text"] == "answer"


@pytest.mark.parametrize(
    "system", ["Be brief", '"Be brief"', '[{"type":"text","content":"Be brief"}]', '{"parts":[{"text":"Be brief"}]}']
)
def test_system_instructions_come_first_in_any_form(system: str) -> None:
    """Parts, a text, or a text as JSON: all three are written."""
    found = one({**_request(), "gen_ai.system_instructions": system})
    assert (found[f"{IN}.0.message.role"], found[f"{IN}.0.message.content"]) == ("system", "Be brief")
    assert found[f"{IN}.1.message.content"] == "hi"
    assert "gen_ai.system_instructions" not in found


def _request() -> dict[str, Any]:
    return {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(user(text("hi")))}


def test_messages_may_be_structured_attributes() -> None:
    """The conventions prefer values over JSON text where the SDK can write them."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    write_value(span.attributes.add(key="gen_ai.operation.name").value, "chat")
    message = span.attributes.add(key="gen_ai.input.messages").value.array_value.values.add().kvlist_value
    write_value(message.values.add(key="role").value, "user")
    part = message.values.add(key="parts").value.array_value.values.add().kvlist_value
    write_value(part.values.add(key="type").value, "text")
    write_value(part.values.add(key="content").value, "hi")
    Reshaper().reshape(request)
    found = read_attributes(span.attributes)
    assert found[f"{IN}.0.message.content"] == "hi"
    assert json.loads(found["input.value"])[0]["role"] == "user"


def test_tool_definitions_of_every_provider_take_openais_form() -> None:
    """Wrapped, flat, with another name for the schema, or Gemini's list of declarations."""
    schema = {"type": "object"}
    tools = [
        {"type": "function", "function": {"name": "a", "parameters": schema}},
        {"name": "b", "inputSchema": schema},
        {"name": "c", "input_schema": schema},
        {"functionDeclarations": [{"name": "d", "parametersJsonSchema": schema}, {"name": "e"}]},
        {"toolSpec": {"name": "f", "inputSchema": {"json": schema}}},
    ]
    found = chat(user(text("x")), None, **{"gen_ai.tool.definitions": json.dumps(tools)})
    functions = [json.loads(found[f"llm.tools.{n}.tool.json_schema"])["function"] for n in range(6)]
    assert [function["name"] for function in functions] == list("abcdef")
    assert [function.get("parameters") for function in functions] == [schema, schema, schema, schema, None, schema]


def test_a_count_nobody_gave_is_left_out() -> None:
    """Some converters write zeros, which then lower every average."""
    found = chat(user(text("x")), None, **{"gen_ai.usage.input_tokens": 5})
    assert found["llm.token_count.prompt"] == 5
    assert not [key for key in found if key.startswith("llm.token_count.") and not key.endswith(".prompt")]


@pytest.mark.parametrize("reasons", [["stop"], '["stop"]', "stop"])
def test_finish_reasons_come_as_list_json_or_word(reasons: Any) -> None:
    """agent-framework writes JSON text where the conventions ask for a list."""
    assert chat(user(text("x")), None, **{"gen_ai.response.finish_reasons": reasons})["llm.finish_reason"] == "stop"


def test_a_retriever_has_its_documents() -> None:
    """The dashboards show them by content, score and id."""
    documents = [{"id": "1", "content": "thirty days", "score": 0.5, "metadata": {"s": 1}}]
    found = one({
        "gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": "refunds",
        "gen_ai.retrieval.documents": json.dumps(documents),
    })  # fmt: skip
    assert found["openinference.span.kind"] == "RETRIEVER"
    assert found["input.value"] == "refunds"
    assert found["retrieval.documents.0.document.content"] == "thirty days"
    assert found["retrieval.documents.0.document.score"] == 0.5
    assert found["retrieval.documents.0.document.metadata"] == '{"s":1}'


def test_numbered_messages_keep_their_order_beyond_ten() -> None:
    """Ordered as text, 10 would come before 2."""
    given = {f"gen_ai.prompt.{n}.content": f"m{n}" for n in (10, 2, 0, 1)}
    found = one({**given, "llm.request.type": "chat", "gen_ai.system": "OpenAI"})
    assert [found[f"{IN}.{n}.message.content"] for n in range(4)] == ["m0", "m1", "m2", "m10"]
    assert found["llm.provider"] == "openai"
    assert not [key for key in found if key.startswith("gen_ai.prompt")]


def test_messages_in_span_events_are_joined_to_their_span() -> None:
    """Strands writes Bedrock's content blocks as JSON text into the events."""
    blocks = [{"toolResult": {"toolUseId": "1", "content": [{"text": "clear"}]}}]
    found = one(
        {"gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents"},
        events=[
            ("gen_ai.user.message", {"content": '[{"text":"sky?"}]'}),
            ("gen_ai.assistant.message", {"content": '[{"toolUse":{"toolUseId":"1","name":"f","input":{"x":1}}}]'}),
            ("gen_ai.tool.message", {"content": json.dumps(blocks)}),
            ("gen_ai.choice", {"finish_reason": "end_turn", "message": '[{"text":"It is clear"}]'}),
        ],
    )
    assert found[f"{IN}.0.message.content"] == "sky?"
    assert found[f"{IN}.1.message.tool_calls.0.tool_call.function.name"] == "f"
    assert (found[f"{IN}.2.message.tool_call_id"], found[f"{IN}.2.message.content"]) == ("1", "clear")
    assert found[f"{OUT}.0.message.content"] == found["output.value"] == "It is clear"
    assert found["llm.finish_reason"] == "end_turn"
    assert "llm.provider" not in found


def test_prompts_and_completions_in_the_oldest_events_are_read() -> None:
    """Before messages had events each, all of a request stood in one."""
    found = one(
        {"gen_ai.operation.name": "chat"},
        events=[
            ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps([{"role": "user", "content": "hi"}])}),
            ("gen_ai.content.completion", {"gen_ai.completion": json.dumps([{"role": "assistant", "content": "yo"}])}),
        ],
    )
    assert (found[f"{IN}.0.message.content"], found[f"{OUT}.0.message.content"]) == ("hi", "yo")


def test_a_prompt_and_a_completion_in_one_attribute_each_are_read() -> None:
    """The first GenAI conventions had no more than these two."""
    found = one({
        "gen_ai.operation.name": "chat", "gen_ai.prompt": json.dumps([{"role": "user", "content": "hi"}]),
        "gen_ai.completion": "yo",
    })  # fmt: skip
    assert (found[f"{IN}.0.message.content"], found[f"{OUT}.0.message.content"]) == ("hi", "yo")
    assert found["output.value"] == "yo"
    assert "gen_ai.prompt" not in found


def test_workflows_have_their_input_and_output() -> None:
    """They talk to no model themselves, so they have no messages."""
    found = one(
        {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.input": "a", "gen_ai.workflow.output": "b"}
    )
    assert (found["openinference.span.kind"], found["input.value"], found["output.value"]) == ("CHAIN", "a", "b")


def test_tools_that_the_provider_ran_keep_what_was_asked_and_found() -> None:
    """The conventions give their arguments and results names of their own."""
    asked = {"type": "server_tool_call", "id": "s", "name": "web", "server_tool_call": {"query": "q"}}
    found = {"type": "server_tool_call_response", "id": "s", "server_tool_call_response": {"results": ["r"]}}
    answer = chat(user(text("x")), [{"role": "assistant", "parts": [asked, found, text("yo")]}])
    assert answer[f"{OUT}.0.message.tool_calls.0.tool_call.function.arguments"] == '{"query":"q"}'
    assert answer[f"{OUT}.1.message.content"] == '{"results":["r"]}'
    assert answer[f"{OUT}.0.message.content"] == "yo"


def test_fetching_an_earlier_response_is_no_request_to_a_model() -> None:
    """It costs no tokens; the operation is newer than 1.41."""
    fetched = {"gen_ai.operation.name": "fetch_response", "gen_ai.response.model": "m"}
    assert one(fetched)["openinference.span.kind"] == "CHAIN"


def test_an_empty_list_of_stop_sequences_was_not_asked_for() -> None:
    """OpenLIT writes one for each request to Anthropic."""
    found = chat(user(text("x")), None, **{"gen_ai.request.stop_sequences": []})
    assert json.loads(found["llm.invocation_parameters"]) == {"model": "m"}


def test_a_cost_that_was_given_is_passed_on() -> None:
    """OpenLIT works it out; its zero means that it knows no price."""
    assert chat(user(text("x")), None, **{"gen_ai.usage.cost": 0.25})["llm.cost.total"] == 0.25
    assert "llm.cost.total" not in chat(user(text("x")), None, **{"gen_ai.usage.cost": 0})


@pytest.mark.parametrize(
    "names",
    [
        ("gen_ai.usage.input_cost", "gen_ai.usage.output_cost", "gen_ai.usage.total_cost"),
        ("gen_ai.cost.input_tokens", "gen_ai.cost.output_tokens", "gen_ai.cost.total_tokens"),
        ("gen_ai.cost.input_cost", "gen_ai.cost.output_cost", "gen_ai.cost.total_cost"),
    ],
)
def test_a_cost_is_one_by_any_name(names: tuple[str, str, str]) -> None:
    """OpenRouter's, Sentry's (dollars for tokens, no count of them), LiteLLM's."""
    found = chat(user(text("x")), None, **dict(zip(names, (0.25, 0.5, 0.75), strict=True)))
    costs = [found[f"llm.cost.{side}"] for side in ("prompt", "completion", "total")]
    assert costs == [0.25, 0.5, 0.75]
    assert not [key for key in found if key.startswith("llm.token_count")]


def test_choices_stand_in_the_order_of_their_numbers() -> None:
    """A stream ends them in any order."""

    def answers(*choices: tuple[Any, str]) -> list[str]:
        events = [
            ("gen_ai.choice", {"message": json.dumps({"content": said}), **({} if index is None else {"index": index})})
            for index, said in choices
        ]
        found = one({"gen_ai.operation.name": "chat"}, events=events)
        return [found[f"{OUT}.{n}.message.content"] for n in range(len(choices))]

    assert answers((1, "b"), (0, "a"), (10, "k"), (2, "c")) == ["a", "b", "c", "k"]
    assert answers((0, "first"), (0, "second")) == ["first", "second"]
    assert answers((1, "first"), (None, "second")) == ["first", "second"]


def test_a_part_that_was_cut_before_its_text_says_that_alone() -> None:
    """Not the JSON of the part, which nobody wrote as a text."""
    whole = json.dumps(user(text("first"), text("second")))
    start, end = whole.rindex('{"type') + 3, whole.rindex("second")
    for at in range(start, end):
        found = chat(whole[:at])
        said = [found.get(f"{IN}.0.message.contents.{n}.message_content.text") for n in (0, 1)]
        assert said[0] == "first"
        assert said[1] in ("[cut off by the sender]", '{"type":"text"}'), whole[:at]


def test_a_number_too_large_to_be_written_is_a_decimal() -> None:
    """It cost the span its messages."""
    wide = "9" * 25
    found = chat(user(text("x")), **{"gen_ai.request.max_tokens": wide, "gen_ai.usage.input_tokens": wide})
    assert json.loads(found["llm.invocation_parameters"])["max_tokens"] == found["llm.token_count.prompt"] == 1e25
    assert found[f"{IN}.0.message.content"] == "x"
