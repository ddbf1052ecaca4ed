"""Token counts as sources give them, and what they mean: whether input includes the cache and output the reasoning."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from collector.openinference.tokens import Count, TokenCounts
from collector.otlp.values import Value, number, read_json

_NAMES: dict[str, tuple[str, ...]] = {
    "prompt": (
        "input_tokens", "prompt_tokens", "inputTokens", "promptTokens", "prompt_token_count", "promptTokenCount",
        "input",
    ),
    "completion": (
        "output_tokens", "completion_tokens", "outputTokens", "completionTokens", "candidates_token_count",
        "candidatesTokenCount", "output",
    ),
    "total": ("total_tokens", "totalTokens", "total_token_count", "totalTokenCount", "total"),
    "cache_read": (
        "cache_read_input_tokens", "cacheReadInputTokens", "cached_tokens", "cached_content_token_count",
        "cachedContentTokenCount", "cachedContentTokens", "cachedInputTokens", "cache_read_tokens", "input_cache_read",
        "input_cached_tokens", "cacheReadTokens", "prompt_cache_hit_tokens",
    ),
    "cache_write": (
        "cache_creation_input_tokens", "cacheWriteInputTokens", "cacheCreationInputTokens", "cache_write_tokens",
        "input_cache_creation", "input_cache_write", "cacheWriteTokens", "cache_creation_tokens",
    ),
    "reasoning": (
        "reasoning_tokens", "thoughts_token_count", "thoughtsTokenCount", "thoughtsTokens", "output_reasoning_tokens",
        "output_reasoning", "reasoningTokens", "reasoning",
    ),
    "prompt_audio": ("input_audio", "input_audio_tokens", "audio_input_tokens"),
    "completion_audio": ("output_audio", "output_audio_tokens", "audio_output_tokens"),
}  # fmt: skip
"""How providers and SDKs call each count in an object of usage."""

_OF_INPUT = {
    "cache_read": ("cached_tokens", "cache_read", "cacheReadTokens"),
    "cache_write": ("cache_write_tokens", "cache_creation", "cache_creation_tokens", "cacheWriteTokens"),
    "prompt_audio": ("audio_tokens", "audio"),
}
_OF_OUTPUT = {"reasoning": ("reasoning_tokens", "reasoning"), "completion_audio": ("audio_tokens", "audio")}


def read_usage(usage: Value) -> TokenCounts:
    """The counts in a provider's or SDK's object of usage; none in anything else.

    Objects within it whose names end in `details` speak of the input or of the output.
    """
    counts = TokenCounts()
    if not isinstance(usage, dict):
        return counts
    for name, names in _NAMES.items():
        counts.take(name, _first(usage, names))
    for key, value in usage.items():
        if not isinstance(key, str):  # in what Python printed
            continue
        if isinstance(value, dict) and key.lower().endswith("details"):
            lower = key.lower()
            asked = "input" in lower or "prompt" in lower
            for name, names in (_OF_INPUT if asked else _OF_OUTPUT).items():
                counts.take(name, _first(value, names))
        elif "cache" in key and "miss" not in key and number(value) is not None:
            counts.take("cache_write" if "creation" in key or "write" in key else "cache_read", number(value))
    return counts


def read_printed(text: str) -> Value:
    """An object as JSON or as Python prints it; None for what is neither, or too long to be an object of usage."""
    found = read_json(text)
    if not isinstance(found, str):
        return found
    if len(text) > _LONGEST_PRINTED:
        return None
    try:
        printed: Value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return printed


_LONGEST_PRINTED = 4096


def _first(values: Mapping[str, Value], names: Iterable[str]) -> Count:
    return next((count for name in names if (count := number(values.get(name))) is not None), None)


def settle(counts: TokenCounts, *, exclusive: bool = False) -> None:
    """Make `counts` inclusive, as OpenInference's are.

    A total that only the sum of the parts explains proves that they exclude each other, and so does a part that is
    larger than the whole. Where neither tells, `exclusive` says what the source is known for.
    """
    prompt, completion, total = counts.prompt, counts.completion, counts.total
    cached = (counts.cache_read or 0) + (counts.cache_write or 0)
    reasoning = counts.reasoning or 0
    if prompt is None and completion is None:
        return
    asked, answered = prompt or 0, completion or 0
    of_input, of_output = _parts_of_total(counts, asked, answered, cached, reasoning)
    if not (of_input or of_output) and (total is None or total != asked + answered):
        of_input = cached if exclusive else 0
        of_output = reasoning if exclusive else 0
    if cached > asked:
        of_input = of_input or cached
    if reasoning > answered:
        of_output = of_output or reasoning
    if prompt is not None and of_input:
        counts.prompt = asked + of_input
    if completion is not None and of_output:
        counts.completion = answered + of_output
    if (of_input or of_output) and total is not None and total == asked + answered:
        counts.total = None  # of what was not cached, and thus no total


def _parts_of_total(
    counts: TokenCounts, asked: float, answered: float, cached: float, thought: float
) -> tuple[float, float]:
    """What is to be added to the input and to the output so that both make the total; nothing if they do already."""
    total = counts.total
    if total is None or total == asked + answered:
        return 0, 0
    sound = (counts.prompt_audio or 0, counts.completion_audio or 0)
    for of_input in (0, cached, counts.cache_read or 0, cached + sound[0]):
        for of_output in (0, thought, thought + sound[1]):
            if asked + answered + of_input + of_output == total:
                return of_input, of_output
    return 0, 0
