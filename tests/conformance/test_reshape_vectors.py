"""Real exports of real SDKs and agents, against what the vendors' own converters make of them.

Each file in `proto_fixtures/<convention>/` holds `input` (an OTLP request) and `expected` (attributes by span id, from
the converter named in `oracle`; hand-derived where there is none). The comparison is a subset after normalisation:
converters spell some keys differently and write JSON with other spaces.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "conventions.md"
VECTORS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(ROOT.glob("proto_fixtures/*/*.json"))
    if '"source_convention"' in path.read_text(encoding="utf-8")
}
CONVENTIONS = {path.stem: path.parent.name for path in sorted(ROOT.glob("proto_fixtures/*/*.json"))}

_JSON = re.compile(
    r"(arguments|invocation_parameters|json_schema|document\.metadata)$|tool\.parameters$|metadata(\.|$)|(in|out)put\.value$"
)
_CORE = re.compile(
    r"openinference\.span\.kind|llm\.model_name|embedding\.model_name|llm\.token_count\..*|session\.id|user\.id|tool\.name"
    r"|tool\.parameters|llm\.(in|out)put_messages\..*"
)
_CONTENT = re.compile(r"(llm\.(?:in|out)put_messages\.\d+\.message)\.contents\.(\d+)\.message_content\.(type|text)")
_TOOL = re.compile(r"(llm\.tools\.\d+\.tool)\.json_schema")


def normal(attributes: dict[str, Any]) -> dict[str, Any]:
    """JSON as values, one spelling a key, text contents as `content`, a tool's schema by its parameters."""
    found: dict[str, Any] = {}
    contents: dict[str, dict[int, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for key, value in attributes.items():
        if value is None:
            continue
        if match := _CONTENT.fullmatch(key):
            contents[match[1]][int(match[2])][match[3]] = value
            continue
        if _JSON.search(key):
            value = _loaded(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if key == "llm.invocation_parameters" and isinstance(value, dict):
            value = {
                "max_tokens" if name == "max_completion_tokens" else name: item
                for name, item in value.items()
                if name != "model"
            }
            if not value:
                continue
        if (match := _TOOL.fullmatch(key)) and isinstance(value, dict):
            function = value.get("function", value)
            found.setdefault(f"{match[1]}.name", function.get("name"))
            value = function.get("parameters", function if "properties" in function else {})
        if key == "metadata" and isinstance(value, dict):
            found.update({f"metadata.{name}": item for name, item in value.items()})
            continue
        found[key] = value
    for base, parts in contents.items():
        texts = [
            parts[at]["text"] for at in sorted(parts) if parts[at].get("type", "text") == "text" and "text" in parts[at]
        ]
        if texts:
            found.setdefault(f"{base}.content", texts[0] if len(texts) == 1 else texts)
    return found


def _loaded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, list) and isinstance(actual, str):
        return actual in ("\n".join(map(str, expected)), "".join(map(str, expected)))
    return bool(expected == actual)


def preview(requests: dict[str, Any], folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """What `collector preview` says would leave, by request and span id."""
    files = []
    for name, request in requests.items():
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps(request), encoding="utf-8")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("COLLECTOR_", "CATALYST_"))}
    command = [sys.executable, "-m", "collector", "preview", *map(str, files)]
    environment = {**clean, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, env=environment, cwd=folder, timeout=120, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(requests)
    return {name: _attributes(json.loads(line)) for name, line in zip(requests, lines, strict=True)}


def _attributes(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        span["spanId"]: {pair["key"]: _value(pair["value"]) for pair in span.get("attributes", ())}
        for resource in request.get("resourceSpans", ())
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    }


def _value(value: dict[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    if kind == "arrayValue":
        return [_value(item) for item in inner.get("values", ())]
    return int(inner) if kind == "intValue" else inner


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Any]]]:
    """All vectors through the whole pipeline, with the default policy."""
    return preview({name: vector["input"] for name, vector in VECTORS.items()}, tmp_path_factory.mktemp("vectors"))


class Score:
    """How many expected attributes there are, and which of them came out otherwise."""

    def __init__(self) -> None:
        self.total = self.core = 0
        self.misses: list[tuple[str, str, str]] = []

    @property
    def core_misses(self) -> list[tuple[str, str, str]]:
        return [miss for miss in self.misses if _CORE.fullmatch(miss[2])]


def score(names: list[str], leaving: dict[str, dict[str, dict[str, Any]]]) -> Score:
    result = Score()
    for name in names:
        vector = VECTORS[name]
        for span_id, expected in vector["expected"].items():
            if span_id in vector["must_not_convert"]:
                continue
            actual = normal(leaving[name].get(span_id, {}))
            for key, value in normal(expected).items():
                result.total += 1
                result.core += bool(_CORE.fullmatch(key))
                if not _same(value, actual.get(key)):
                    result.misses.append((name, vector["span_names"][span_id], key))
    return result


@pytest.mark.parametrize("convention", sorted({CONVENTIONS[name] for name in VECTORS}))
def test_core_keys_are_as_its_converter_writes_them(convention: str, leaving: Any) -> None:
    """Kind, model, tokens, session, user, tool and messages are what makes an agent trace readable."""
    names = [name for name in VECTORS if CONVENTIONS[name] == convention]
    assert score(names, leaving).core_misses == []


def test_nearly_all_keys_are_as_converters_write_them(leaving: Any, record_property: Any) -> None:
    """The rest may differ where a converter is wrong or we chose otherwise, and no more than that."""
    result = score(list(VECTORS), leaving)
    record_property("keys", f"{result.total - len(result.misses)}/{result.total}")
    assert result.total > 1000
    assert len(result.misses) <= 0.03 * result.total


def test_every_difference_is_in_the_documentation(leaving: Any) -> None:
    """A difference that nobody wrote down is a fault."""
    text = DOCS.read_text(encoding="utf-8")
    missing = {(name, key) for name, _, key in score(list(VECTORS), leaving).misses if f"`{name}`" not in text}
    assert missing == set()


def test_spans_that_are_no_ai_spans_gain_nothing(leaving: Any) -> None:
    """One converter makes every HTTP span an LLM call; then nothing can be counted any more."""
    kinds = {
        (name, span_id): leaving[name][span_id].get("openinference.span.kind")
        for name, vector in VECTORS.items()
        for span_id in vector["must_not_convert"]
    }
    assert kinds
    assert set(kinds.values()) == {None}


def test_disputed_keys_take_the_preferred_value(leaving: Any) -> None:
    """Where a converter is known to be wrong, the vector says what is right."""
    wrong = []
    for name, vector in VECTORS.items():
        for span_id, disputes in vector["disputed"].items():
            actual = normal(leaving[name].get(span_id, {}))
            preferred = normal({key: dispute["preferred"] for key, dispute in disputes.items()})
            wrong += [(name, key) for key, value in preferred.items() if not _same(value, actual.get(key))]
    assert wrong == []


def test_system_prompts_are_not_copied_into_metadata(leaving: Any) -> None:
    """There it would escape what hides inputs."""
    for spans in leaving.values():
        for attributes in spans.values():
            assert "system_instructions" not in str(attributes.get("metadata", ""))
