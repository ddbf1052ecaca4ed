"""The OPENINFERENCE_HIDE_* names: what each hides, as the OpenInference SDKs do, and in the source's own keys too.

The SDKs hide only what they wrote themselves. A collector also gets the attributes those were made from, so a
name that hides inputs hides `gen_ai.input.messages` as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collector.policy.known import INPUTS, OUTPUTS
from collector.policy.model import KEYED, Action, FieldRule

PREFIX = "OPENINFERENCE_HIDE_"

_IN, _OUT = "llm.input_messages.*", "llm.output_messages.*"

# name -> (keys whose value becomes a placeholder, keys that go)
_HIDDEN: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "INPUTS": (
        (*INPUTS, "llm.prompts.*.prompt.text", "reranker.query", "llm.prompt_template.variables", "tool.parameters"),
        ("input.mime_type", _IN, "llm.tools.*", "reranker.input_documents.*", "gen_ai.tool.definitions"),
    ),
    "OUTPUTS": (
        (*OUTPUTS, "llm.choices.*.completion.text", "retrieval.documents.*"),
        ("output.mime_type", _OUT, "reranker.output_documents.*"),
    ),
    "INPUT_MESSAGES": (("gen_ai.input.messages", "gen_ai.prompt.*", "ai.prompt.messages"), (_IN,)),
    "OUTPUT_MESSAGES": (("gen_ai.output.messages", "gen_ai.completion.*"), (_OUT,)),
    "INPUT_IMAGES": ((), (f"{_IN}.image.image.url",)),
    "OUTPUT_IMAGES": ((), (f"{_OUT}.image.image.url",)),
    "INPUT_AUDIO": ((), (f"{_IN}.audio.*",)),
    "OUTPUT_AUDIO": ((), (f"{_OUT}.audio.*",)),
    "INPUT_TEXT": (
        (f"{_IN}.message.content", f"{_IN}.message_content.text", "gen_ai.input.messages", "gen_ai.prompt.*.content"),
        (),
    ),
    "OUTPUT_TEXT": (
        (
            f"{_OUT}.message.content",
            f"{_OUT}.message_content.text",
            "gen_ai.output.messages",
            "gen_ai.completion.*.content",
        ),
        (),
    ),
    "PROMPTS": (("llm.prompts.*", "gen_ai.prompt"), ()),
    "CHOICES": (("llm.choices.*", "gen_ai.completion"), ()),
    "LLM_INVOCATION_PARAMETERS": ((), ("llm.invocation_parameters",)),
    "LLM_TOOLS": ((), ("llm.tools.*", "gen_ai.tool.definitions", "ai.prompt.tools")),
    "EMBEDDING_VECTORS": (("embedding.embeddings.*.embedding.vector", "ai.embedding", "ai.embeddings"), ()),
    "EMBEDDINGS_VECTORS": (("embedding.embeddings.*.embedding.vector", "ai.embedding", "ai.embeddings"), ()),
    "EMBEDDINGS_TEXT": (("embedding.embeddings.*.embedding.text", "ai.value", "ai.values"), ()),
}
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


def hidden_fields(name: str) -> tuple[FieldRule, ...]:
    """The field rules a name stands for, with or without its prefix; raises `KeyError` for another name."""
    placeholders, dropped = _HIDDEN[name.upper().removeprefix(PREFIX)]
    return (
        *(FieldRule(Action.PLACEHOLDER, KEYED, key) for key in placeholders),
        *(FieldRule(Action.DROP, KEYED, key) for key in dropped),
    )


def read_hidden(environ: Mapping[str, str]) -> tuple[list[str], list[str], bool]:
    """The names that hide something, notices, and whether all content must go.

    A value that is neither yes nor no hides, and a name that is not known hides everything.
    """
    names, notices, all_content = [], [], False
    for name, value in _set_names(environ):
        word = value.strip().lower()
        if word in _FALSE:
            continue
        if word not in _TRUE:
            notices.append(f"{name}: neither yes nor no, taken as yes")
        if name.upper().removeprefix(PREFIX) in _HIDDEN:
            names.append(name.upper())
        else:
            all_content = True
            notices.append(f"{name} is not known here: to be safe, no content leaves")
    return names, notices, all_content


def _set_names(environ: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return sorted((name, value) for name, value in environ.items() if name.upper().startswith(PREFIX))
