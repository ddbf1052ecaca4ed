"""Requests and responses of providers that an SDK keeps whole, as Langfuse does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.reshape import IN, OUT, chat, one, text, user


def generation(asked: Any = None, answered: Any = None, **more: Any) -> dict[str, Any]:
    """A Langfuse generation that was asked and answered so, after the stage."""
    given = {"langfuse.observation.type": "generation", "langfuse.observation.model.name": "m"}
    for side, body in (("input", asked), ("output", answered), *more.items()):
        if body is not None:
            given[f"langfuse.observation.{side}"] = json.dumps(body)
    return one(given)


def roles(found: dict[str, Any], messages: str) -> list[str]:
    return [found[f"{messages}.{at}.message.role"] for at in range(9) if f"{messages}.{at}.message.role" in found]


def test_one_of_gemini_s_candidates_is_a_message_with_its_calls() -> None:
    """Its content is an object of parts; as text it hid the call in JSON."""
    parts = [{"text": "a"}, {"functionCall": {"name": "f", "args": {"x": 1}}}]
    found = generation(None, {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]})
    assert found[f"{OUT}.0.message.content"] == "a"
    assert found[f"{OUT}.0.message.tool_calls.0.tool_call.function.name"] == "f"
    assert found["llm.finish_reason"] == "STOP"


def test_instructions_in_a_gemini_request_s_configuration_are_the_system_prompt() -> None:
    found = generation({"contents": "q", "config": {"system_instruction": "S"}})
    assert roles(found, IN) == ["system", "user"]
    assert found[f"{IN}.0.message.content"] == "S"


def test_instructions_of_openai_s_responses_stand_there_once() -> None:
    found = generation({"instructions": "be", "input": [{"role": "user", "content": "q"}]})
    assert roles(found, IN) == ["system", "user"]


def test_the_reason_anthropic_stopped_for_is_the_finish_reason() -> None:
    answered = {"role": "assistant", "content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"}
    assert generation(None, answered)["llm.finish_reason"] == "end_turn"


def test_the_cost_of_a_prompt_is_that_of_all_its_buckets() -> None:
    """Langfuse's buckets exclude each other; that they do is told by the total alone."""
    details = {"input": 1.0, "input_cached_tokens": 0.25, "output": 2.0, "total": 3.25}
    found = generation(cost_details=details)
    assert (found["llm.cost.prompt"], found["llm.cost.completion"], found["llm.cost.total"]) == (1.25, 2.0, 3.25)
    assert found["llm.cost.prompt_details.cache_read"] == 0.25
    inclusive = generation(cost_details={**details, "total": 3.0})
    assert (inclusive["llm.cost.prompt"], inclusive["llm.cost.total"]) == (1.0, 3.0)


def test_a_system_prompt_that_stands_apart_too_is_shown_once_wherever_it_stands() -> None:
    for role, place in (("system", 1), ("developer", 0)):
        asked = user(text("q"))
        asked.insert(place, {"role": role, "parts": [text("S")]})
        found = chat(asked, **{"gen_ai.system_instructions": json.dumps([text("S")])})
        assert sorted(roles(found, IN)) == sorted([role, "user"])


def test_a_choice_that_holds_nothing_but_a_text_is_that_text() -> None:
    """Some leave out the role; as a block it was shown as JSON."""
    told = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    found = one(told, events=[("gen_ai.choice", {"message": '{"content":"a"}', "finish_reason": "stop"})])
    assert found[f"{OUT}.0.message.content"] == found["output.value"] == "a"


def test_a_ranking_by_index_shows_the_documents() -> None:
    told = {"gen_ai.operation.name": "rerank", "gen_ai.request.model": "r", "gen_ai.rerank.query": "q"}
    ranking = [{"index": 1, "relevance_score": 0.9}, {"index": 7, "relevance_score": 0.1}]
    found = one({
        **told, "gen_ai.rerank.documents": json.dumps(["a", "b"]), "gen_ai.rerank.results": json.dumps(ranking),
    })  # fmt: skip
    kept = "reranker.output_documents"
    assert (found[f"{kept}.0.document.content"], found[f"{kept}.0.document.score"]) == ("b", 0.9)
    assert f"{kept}.1.document.content" not in found
    assert found[f"{kept}.1.document.score"] == 0.1


def test_logfire_s_counts_may_stand_in_the_response_alone() -> None:
    answered = {"message": {"role": "assistant", "content": "a"}, "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    told = {"gen_ai.request.model": "m", "response_data": json.dumps(answered)}
    assert one(told, scope="logfire.openai")["llm.token_count.total"] == 3


def test_semantic_kernel_s_older_counts_are_counted() -> None:
    assert (
        chat(**{"gen_ai.response.prompt_tokens": 3, "gen_ai.response.completion_tokens": 4})["llm.token_count.total"]
        == 7
    )


@pytest.mark.parametrize(
    "body", ['{"role": {}, "type": []}', '[{"type": {}}]', '{"type": [], "content": "q"}', '{"type": {}}']
)
def test_a_type_that_is_no_word_is_none(body: str) -> None:
    """It cost the span: what is no word cannot be looked up."""
    assert chat(body)["input.value"] == body
