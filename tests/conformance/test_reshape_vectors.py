"""Real exports of real SDKs and agents, against what the vendors' own converters make of them.

Each JSON file under `proto_fixtures/`, but in the directories that other tests read, is a vector: `input` (an OTLP
request) or `requests` (several, in the order they arrive), after the log records of `companion_logs`, beside `expected`
(attributes by span id, from the converter named in `oracle`, else hand-derived from what `note` and `source` say). The
comparison is a subset after normalisation: converters spell some keys differently and write JSON with other spaces.
`must_not_have` names keys that a span may not have, `expected_parent` the parent it must have, `must_not_convert` spans
that stay as they are, and `disputed` keys where the converter is known to be wrong, with what is right.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from harness.process import TREE_AND_START

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "conventions.md"
READ_ELSEWHERE = {
    "opencode": "tests/unit/assemble",
    "opencode-plugin": "tests/e2e/test_npm_plugin.py",
    "openinference": "tests/unit/test_openinference_unharmed.py",
    "redaction": "tests/conformance/test_redaction_corpus.py",
}
"""Directories of other forms, and the tests that read them."""

KNOWN = {
    *("name", "note", "source", "source_convention", "oracle", "oracle_by_span", "compare", "span_names"),
    *("input", "requests", "companion_logs", "companion_logs_note"),
    *("expected", "expected_parent", "must_not_have", "must_not_convert", "disputed"),
}


def load(path: Path) -> dict[str, Any]:
    """The vector in a file, with every field it may leave out."""
    vector: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    unknown = vector.keys() - KNOWN
    if unknown or "expected" not in vector or not (vector.get("input") or vector.get("requests")):
        raise ValueError(f"{path.name} is no vector: input or requests beside expected, and no {sorted(unknown)}")
    requests = vector.get("requests") or [vector["input"]]
    logs = vector.get("companion_logs") or []
    names = {span["spanId"]: span["name"] for request in requests for span in spans_of(request)}
    return {
        "must_not_convert": [],
        "disputed": {},
        "must_not_have": {},
        "expected_parent": {},
        **vector,
        "span_names": names,
        "bodies": [*(logs if isinstance(logs, list) else [logs]), *requests],
    }


def spans_of(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in request.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            yield from scope.get("spans", ())


FILES = sorted(path for path in ROOT.glob("proto_fixtures/*/*.json") if path.parent.name not in READ_ELSEWHERE)
VECTORS = {path.stem: load(path) for path in FILES}
CONVENTIONS = {path.stem: path.parent.name for path in FILES}

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


Leaving: TypeAlias = dict[str, dict[str, dict[str, Any]]]
"""Attributes by vector and span id; the span's parent is `parentSpanId` among them."""


def preview(vectors: dict[str, list[dict[str, Any]]], folder: Path) -> Leaving:
    """What `collector preview` says would leave of each vector's requests, the last word on a span counting."""
    files, owners = [], []
    for name, bodies in vectors.items():
        for index, body in enumerate(bodies):
            files.append(folder / f"{name}.{index}.json")
            files[-1].write_text(json.dumps(body), encoding="utf-8")
            owners.append(name)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("COLLECTOR_", "CATALYST_"))}
    command = [sys.executable, "-m", "collector", "preview", *map(str, files)]
    environment = {**clean, "PYTHONPATH": TREE_AND_START, "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, env=environment, cwd=folder, timeout=120, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(files)
    found: Leaving = {name: {} for name in vectors}
    for name, line in zip(owners, lines, strict=True):
        for span in spans_of(json.loads(line)):
            attributes = {pair["key"]: _value(pair["value"]) for pair in span.get("attributes", ())}
            found[name][span["spanId"]] = {**attributes, "parentSpanId": span.get("parentSpanId", "")}
    return found


def _value(value: dict[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    if kind == "arrayValue":
        return [_value(item) for item in inner.get("values", ())]
    return int(inner) if kind == "intValue" else inner


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Leaving:
    """All vectors through the whole pipeline, with the default policy."""
    # Each has traces of its own, but several stand in two vectors.
    folder = tmp_path_factory.mktemp("vectors")
    return preview({name: _in_own_traces(name, vector["bodies"]) for name, vector in VECTORS.items()}, folder)


def _in_own_traces(name: str, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The requests with trace ids that no other vector has: what is joined across requests is joined by trace."""
    text = json.dumps(bodies)
    for trace in sorted(set(_TRACE.findall(text))):
        text = text.replace(trace, hashlib.blake2b(f"{name} {trace}".encode(), digest_size=16).hexdigest())
    return json.loads(text)  # type: ignore[no-any-return]


_TRACE = re.compile(r'(?<="traceId": ")[0-9a-f]{32}(?=")')


class Score:
    """How many expected attributes there are, and which of them came out otherwise."""

    def __init__(self) -> None:
        self.total = self.core = 0
        self.misses: list[tuple[str, str, str]] = []

    @property
    def core_misses(self) -> list[tuple[str, str, str]]:
        return [miss for miss in self.misses if _CORE.fullmatch(miss[2])]


def score(names: list[str], leaving: Leaving) -> Score:
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


@pytest.mark.parametrize("name", sorted(name for name in VECTORS if CONVENTIONS[name] == "reshape"))
def test_every_expected_key_comes_out(name: str, leaving: Any) -> None:
    """These hold nothing but what is right, and nothing that another converter made."""
    misses = score([name], leaving).misses
    vector = VECTORS[name]
    assert misses == [], {
        (span, key): (vector["expected"][span].get(key), leaving[name].get(span, {}).get(key))
        for span in vector["expected"]
        for key in vector["expected"][span]
    }


@pytest.mark.parametrize("name", sorted(name for name in VECTORS if VECTORS[name]["must_not_have"]))
def test_no_key_that_must_not_be_there(name: str, leaving: Any) -> None:
    for span_id, keys in VECTORS[name]["must_not_have"].items():
        assert leaving[name][span_id].keys().isdisjoint(keys)


@pytest.mark.parametrize("name", sorted(name for name in VECTORS if VECTORS[name]["expected_parent"]))
def test_spans_hang_where_they_belong(name: str, leaving: Any) -> None:
    """A parent that is never sent leaves a trace without a root."""
    found = {span_id: leaving[name][span_id]["parentSpanId"] for span_id in VECTORS[name]["expected_parent"]}
    assert found == VECTORS[name]["expected_parent"]


def test_every_fixture_is_read() -> None:
    """A file in a form that no test reads proves nothing, and nobody notices."""
    directories = {path.name for path in (ROOT / "proto_fixtures").iterdir() if path.is_dir()}
    assert directories == {path.parent.name for path in FILES} | READ_ELSEWHERE.keys()
    assert [where for where in READ_ELSEWHERE.values() if not (ROOT / where).exists()] == []


@pytest.mark.parametrize("change", [{"expected": None}, {"input": None}, {"inputs": {}}])
def test_a_file_that_is_no_vector_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """As documented: a file with `input` and `expected`, and nothing that would be passed over."""
    whole = {"input": {"resourceSpans": []}, "expected": {}}
    path = tmp_path / "vector.json"
    path.write_text(json.dumps(whole), encoding="utf-8")
    load(path)
    changed = {key: value for key, value in {**whole, **change}.items() if value is not None}
    path.write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(ValueError, match="is no vector"):
        load(path)


def test_system_prompts_are_not_copied_into_metadata(leaving: Any) -> None:
    """There it would escape what hides inputs."""
    for spans in leaving.values():
        for attributes in spans.values():
            assert "system_instructions" not in str(attributes.get("metadata", ""))
