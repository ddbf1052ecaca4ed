"""Field actions, limits of structure, and the report on each span."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import SealedBatch, Signal
from collector.policy.demands import demands
from collector.policy.layers import Layer, Rank
from collector.policy.model import Policy
from collector.policy.schema import UserDocument, read_document
from collector.redact.ruleset import catalog, combined, preset_policy
from collector.redact.seal import Sealer

KEY = b"k" * 32
TOKEN = "gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"


def policy(text: str) -> Policy:
    document = read_document(UserDocument, text.encode(), "f")
    return combined([Layer("f", Rank.USER, demands(document, "f", catalog()), document.name, 7)]).policy


def spans(*every: dict[str, Any], name: str = "work", service: str = "opencode") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = service
    scope = resource.scope_spans.add()
    for number, attributes in enumerate(every, 1):
        span = scope.spans.add(name=name, trace_id=b"\1" * 16, span_id=bytes([number]) * 8)
        for key, value in attributes.items():
            put(span.attributes.add(key=key).value, value)
    return request


def put(target: Any, value: Any) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        for key, item in value.items():
            put(target.kvlist_value.values.add(key=key).value, item)
    else:
        target.array_value.SetInParent()
        for item in value:
            put(target.array_value.values.add(), item)


def get(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [get(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: get(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, kind) if kind else None


def sealed(text: str, request: ExportTraceServiceRequest) -> tuple[list[dict[str, Any]], SealedBatch]:
    batch = Sealer(policy(text), key=KEY).seal(Signal.TRACES, request)
    out = ExportTraceServiceRequest.FromString(batch.data)
    found = [span for resource in out.resource_spans for scope in resource.scope_spans for span in scope.spans]
    return [{pair.key: get(pair.value) for pair in span.attributes} for span in found], batch


def one(text: str, **attributes: Any) -> dict[str, Any]:
    plain = {key.replace("__", "."): value for key, value in attributes.items()}
    return sealed(text + "\n[report]\nspan_attributes = false", spans(plain))[0][0]


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ("scan", "hello world"),
        ("placeholder", "[REDACTED:field 11 B]"),
        ("truncate:5", "hello[CUT from 11 B]"),
        ("truncate:11", "hello world"),
        ("drop", None),
    ],
)
def test_each_action_does_what_its_name_says(action: str, left: str | None) -> None:
    found = one(f'[[field]]\nkey = "note"\naction = "{action}"', note="hello world", other="stays")
    assert found.get("note") == left
    assert found["other"] == "stays"


def test_a_pseudonym_is_keyed_and_the_same_each_time() -> None:
    text = '[hmac]\nkey_file = "/k"\nkey_id = "2026a"\n[[field]]\nkey = "user.*"\naction = "hash"'
    first = one(text, user__id="ada", user__name="ada", other="ada")
    assert first["user.id"] == first["user.name"] == one(text, user__id="ada")["user.id"]
    assert first["user.id"].startswith("[HMAC:field:2026a:")
    assert len(first["user.id"]) == len("[HMAC:field:2026a:") + 17
    other = Sealer(policy(text), key=b"z" * 32).seal(Signal.TRACES, spans({"user.id": "ada"}))
    assert first["user.id"].encode() not in other.data


def test_the_strictest_action_wins_whatever_the_order() -> None:
    rules = ['[[field]]\nkey = "a*"\naction = "drop"', '[[field]]\nkey = "ab"\naction = "scan"']
    assert "ab" not in one("\n".join(rules), ab="x")
    assert "ab" not in one("\n".join(reversed(rules)), ab="x")
    both = '[[field]]\nkey = "a"\naction = "truncate:3"\n[[field]]\nkey = "a*"\naction = "truncate:6"'
    assert one(both, a="hello world") == {"a": "hel[CUT from 11 B]"}


def test_truncation_comes_after_masking() -> None:
    """A token that is cut first no longer looks like one (27)."""
    text = f"xxxx {TOKEN}"
    for size in range(1, 60):
        left = one(f'[[field]]\nkey = "note"\naction = "truncate:{size}"', note=text)["note"]
        assert TOKEN[:8] not in left
        assert "[REDACTED:github-token]" in left or "[REDACTED" not in left


def test_keep_keeps_only_its_type_and_shape() -> None:
    """An exemption for an id must not become one for whatever stands there (34)."""
    text = '[[field]]\nkey = "build.id"\naction = "keep"\ntype = "string"\nshape = "identifier"'
    assert one(text, build__id=TOKEN[:38])["build.id"] == TOKEN[:38]
    assert TOKEN not in json.dumps(one(text, build__id=f"two words {TOKEN}"))
    assert TOKEN not in json.dumps(one(text, build__id=[TOKEN]))
    assert TOKEN not in json.dumps(one(text, build__idx=TOKEN))


def test_keep_adds_to_what_the_metadata_level_leaves() -> None:
    keep = 'mode = "metadata"\n[[field]]\nkey = "build.id"\naction = "keep"\ntype = "string"\nshape = "version"'
    assert one(keep, build__id="1.2.3", note="hello") == {"build.id": "1.2.3"}
    assert "hello" not in str(one(keep, build__id="hello there"))


def test_selectors_reach_into_maps() -> None:
    found = one(
        '[[field]]\nkey = "command"\naction = "placeholder"', args={"command": "ls", "deep": [{"command": "rm"}]}
    )
    assert found == {"args": {"command": "[REDACTED:field 2 B]", "deep": [{"command": "[REDACTED:field 2 B]"}]}}


def test_conditions_choose_by_kind_tool_service_and_role() -> None:
    attributes = {"openinference.span.kind": "TOOL", "tool.name": "bash", "input.value": "ls"}
    rule = '[[field]]\nkey = "input.value"\naction = "drop"\n'
    for condition, goes in [
        ('kind = ["TOOL"]', True), ('kind = ["LLM"]', False), ('tool = ["ba*"]', True), ('tool = ["read"]', False),
        ('service = ["opencode"]', True), ('service = ["x*"]', False), ('kind = ["TOOL"]\ntool = ["read"]', False),
    ]:  # fmt: skip
        found = sealed(rule + condition, spans(attributes))[0][0]
        assert ("input.value" not in found) is goes, condition
    messages = {
        "llm.input_messages.0.message.role": "tool", "llm.input_messages.0.message.content": "secret output",
        "llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": "question",
    }  # fmt: skip
    text = '[[field]]\nkey = "llm.input_messages.*.message.content"\nrole = ["tool"]\naction = "drop"'
    found = sealed(text, spans(messages))[0][0]
    assert "llm.input_messages.0.message.content" not in found
    assert found["llm.input_messages.1.message.content"] == "question"


def test_a_kind_is_found_where_the_source_does_not_say_it() -> None:
    """A tool span of another convention is a tool span."""
    text = '[[content]]\nlevel = "metadata"\nkind = ["TOOL"]'
    for attributes in (
        {"gen_ai.operation.name": "execute_tool"}, {"ai.operationId": "ai.toolCall"}, {"gen_ai.tool.name": "bash"},
        {"traceloop.span.kind": "tool"}, {"openinference.span.kind": "tool"},
    ):  # fmt: skip
        found = sealed(text, spans({**attributes, "input.value": "ls /private"}))[0][0]
        assert "private" not in str(found), attributes


def test_text_fields_have_selectors_too() -> None:
    request = spans({}, name="bash: cat notes")
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.status.message, span.trace_state = "went wrong", "vendor=1"
    span.events.add(name="said").attributes.add(key="a").value.string_value = "x"
    text = (
        '[[field]]\nat = ["name"]\naction = "truncate:4"\n[[field]]\nat = ["status"]\naction = "placeholder"\n'
        '[[field]]\nat = ["trace-state"]\naction = "drop"\n[[field]]\nat = ["event-attr"]\naction = "drop"'
    )
    out = ExportTraceServiceRequest.FromString(Sealer(policy(text)).seal(Signal.TRACES, request).data)
    found = out.resource_spans[0].scope_spans[0].spans[0]
    assert (found.name, found.status.message, found.trace_state) == (
        "bash[CUT from 15 B]", "[REDACTED:field 10 B]", ""
    )  # fmt: skip
    assert list(found.events[0].attributes) == []


def test_log_bodies_and_metric_descriptions_have_selectors_too() -> None:
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add()
    put(record.body, {"prompt": "tell me", "n": 1})
    text = '[[field]]\nat = ["body"]\nkey = "prompt"\naction = "drop"'
    out = ExportLogsServiceRequest.FromString(Sealer(policy(text)).seal(Signal.LOGS, logs).data)
    assert get(out.resource_logs[0].scope_logs[0].log_records[0].body) == {"n": 1}
    whole = '[[field]]\nat = ["body"]\naction = "placeholder"'
    assert b"tell me" not in Sealer(policy(whole)).seal(Signal.LOGS, logs).data
    metrics = ExportMetricsServiceRequest()
    metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m", description="of Ada")
    text = '[[field]]\nat = ["description"]\naction = "drop"'
    assert b"Ada" not in Sealer(policy(text)).seal(Signal.METRICS, metrics).data


def test_a_value_whose_key_says_secret_goes_whatever_it_looks_like() -> None:
    """`hunter2` looks like nothing; the key beside it does."""
    found = one("", db__password="hunter2", http__request__header__authorization=["Basic abc"], max_tokens=3)
    assert found["db.password"] == "[REDACTED:secret-field]"
    assert "Basic" not in str(found)
    assert found["max_tokens"] == 3
    assert one('[rules]\ndisable = ["secret-field"]', db__password="hunter2")["db.password"] == "hunter2"


def test_limits_of_structure_are_replaced_and_counted() -> None:
    text = "[limits]\nmax_value_bytes = 100\nmax_depth = 2\nmax_attributes = 5\nmax_events = 1"
    deep: Any = "bottom"
    for _ in range(5):
        deep = [deep]
    request = spans(
        {"long": "ü" * 51, "deep": deep, "chars": list("abcdefghijklmnopqrst"), "b": b"raw", "e": "", "f": "over"}
    )
    request.resource_spans[0].scope_spans[0].spans[0].events.extend(
        [type(request.resource_spans[0].scope_spans[0].spans[0].events.add())(name="e")] * 3
    )
    found, batch = sealed(text, request)
    assert found[0]["long"] == "[REDACTED:too-large 102 B]"
    assert found[0]["deep"] == [["[REDACTED:too-deep]"]]
    assert found[0]["chars"] == "[REDACTED:short-items]"
    assert found[0]["b"] == "[REDACTED:bytes 3 B]"
    assert "f" not in found[0]
    span = ExportTraceServiceRequest.FromString(batch.data).resource_spans[0].scope_spans[0].spans[0]
    assert span.dropped_attributes_count == 1
    assert len(span.events) == 1
    assert span.dropped_events_count == 3
    assert {rule for rule, _ in batch.actions} == {"too-large", "too-deep", "short-items", "bytes", "too-many"}


def test_files_inside_texts_keep_their_type_and_size() -> None:
    """An image in a conversation is most of its bytes, and no rule can look into it (24)."""
    image = "data:image/png;base64," + "iVBORw0KGgo" * 4000
    message = json.dumps(
        [{"role": "user", "content": [{"type": "image", "url": image}, {"type": "text", "text": "hi"}]}]
    )
    found, batch = sealed("", spans({"note": message, "small": "data:image/png;base64,iVBORw0KGgo="}))
    content = json.loads(found[0]["note"])[0]["content"]
    assert content[0]["url"] == "data:image/png;base64,[REDACTED:inline-data 44000 B]"
    assert content[1]["text"] == "hi"
    assert found[0]["small"].endswith("iVBORw0KGgo=")
    assert batch.actions == {("inline-data", "placeholder"): 1}


def test_spans_say_which_policy_redacted_them_and_what_it_found() -> None:
    found, batch = sealed('name = "acme"', spans({"a": f"{TOKEN} and {TOKEN}"}, {"a": "clean"}))
    assert found[0]["redaction.user_policy"] == "acme"
    assert found[0]["redaction.user_revision"] == 7
    assert found[0]["redaction.count"] == found[0]["redaction.rule.github-token"] == 2
    assert found[1] == {"a": "clean", "redaction.user_policy": "acme", "redaction.user_revision": 7}
    assert batch.findings == {"github-token": 2}
    assert batch.actions == {("github-token", "placeholder"): 2}


def test_reports_that_clients_send_are_removed_first() -> None:
    """A forged report would say that a span was redacted when it was not (48)."""
    found, batch = sealed("", spans({"redaction.count": 0, "redaction.rule.x": "no secrets here", "a": "b"}))
    assert "redaction.rule.x" not in found[0]
    assert batch.actions[("forged-report", "drop")] == 2


def test_sealing_again_changes_nothing_and_a_stricter_policy_takes_more_away() -> None:
    request = spans({"a": TOKEN, "session.id": "s1", "note": "hello"})
    first = Sealer(policy("")).seal(Signal.TRACES, request)
    again = Sealer(policy("")).reseal(Signal.TRACES, first.data)
    assert again.data == first.data
    assert again.findings == {}
    strict = Sealer(preset_policy("metadata-only")).reseal(Signal.TRACES, first.data)
    assert b"hello" not in strict.data
    assert b"redaction.rule.github-token" in strict.data
    assert Sealer(preset_policy("metadata-only")).reseal(Signal.TRACES, strict.data).data == strict.data


def test_no_tool_content_leaves_conversations_and_takes_what_tools_saw() -> None:
    tool = {
        "openinference.span.kind": "TOOL",
        "tool.name": "read",
        "input.value": "/home/ada/x",
        "output.value": "body",
    }
    call = "llm.output_messages.0.message.tool_calls.0.tool_call.function"
    llm = {
        "openinference.span.kind": "LLM", "input.value": '[{"role":"tool","content":"file body"}]',
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "please read it",
        "llm.input_messages.1.message.role": "tool", "llm.input_messages.1.message.content": "file body",
        f"{call}.name": "read", f"{call}.arguments": '{"path": "/home/ada/x"}',
    }  # fmt: skip
    batch = Sealer(preset_policy("no-tool-content")).seal(Signal.TRACES, spans(tool, llm))
    assert b"ada" not in batch.data
    assert b"body" not in batch.data
    assert b"please read it" in batch.data
    assert b"read" in batch.data


def test_an_engine_that_fails_costs_the_value_and_no_more() -> None:
    class Broken:
        def find_all(self, texts: list[str]) -> Any:
            raise MemoryError

        def find(self, data: bytes) -> list[Any]:
            if b"bad" in data:
                raise ValueError("about " + data.decode())
            return []

    batch = Sealer(preset_policy(), Broken()).seal(Signal.TRACES, spans({"a": "bad day", "b": "good day"}))  # type: ignore[arg-type]
    assert b"bad day" not in batch.data
    assert b"good day" in batch.data
    assert batch.actions[("error", "placeholder")] == 1


def test_on_error_can_cost_the_content_of_the_whole_request() -> None:
    class Broken:
        def find_all(self, texts: list[str]) -> Any:
            raise MemoryError

        find = find_all

    for text, stays in (('on_error = "metadata-only"', False), ('on_error = "drop"', True)):
        batch = Sealer(policy(text), Broken()).seal(Signal.TRACES, spans({"a.b": "x", "n": 12}))  # type: ignore[arg-type]
        span = ExportTraceServiceRequest.FromString(batch.data).resource_spans[0].scope_spans[0].spans[0]
        assert ("n" in {pair.key for pair in span.attributes}) is False
        assert (b"[REDACTED:error]" in b"".join(pair.key.encode() for pair in span.attributes)) is stays
