"""Keys that say secret: their value goes whatever it looks like, equally in every holder; what is no secret stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from collector.batch import ExportRequest, Signal
from collector.policy.model import Action, HmacKey
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer

VALUE = "Kx9-frog" + "_lamp"
KEYS = [
    "token", "secret", "password", "passwd", "passphrase", "pass", "pwd", "db_pass", "dbPassword", "DB_PASSWORD",
    "DB_PASSWORD_PRODUCTION", "GITHUB_TOKEN", "SLACK_BOT_TOKEN", "api_key", "apiKey", "X-Api-Key", "secret_key",
    "client_secret", "clientSecret", "access_token", "refresh_token", "id_token", "bearer_token", "session_token",
    "signing_key", "encryption_key", "private_key", "master_key", "SECRET_KEY_BASE", "credentials", "credential",
    "authorization", "Proxy-Authorization", "http.request.header.x-vault-token", "http.request.header.authorization",
    "env.STRIPE_SECRET_KEY", "aws.secretAccessKey", "smtp_password", "redis.password", "jwt_secret", "webhook_secret",
    "otp", "passcode", "psk", "contraseña", "пароль", "密码", "パスワード",
]  # fmt: skip


def _span() -> tuple[ExportTraceServiceRequest, Any]:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="x", trace_id=b"\1" * 16, span_id=b"\2" * 8)
    return request, span


def _attribute(key: str, value: AnyValue) -> tuple[Signal, ExportRequest]:
    request, span = _span()
    span.attributes.add(key=key, value=value)
    return Signal.TRACES, request


def _event(key: str, value: AnyValue) -> tuple[Signal, ExportRequest]:
    request, span = _span()
    span.events.add(name="e").attributes.add(key=key, value=value)
    return Signal.TRACES, request


def _resource(key: str, value: AnyValue) -> tuple[Signal, ExportRequest]:
    request, _ = _span()
    request.resource_spans[0].resource.attributes.add(key=key, value=value)
    return Signal.TRACES, request


def _map(key: str, value: AnyValue) -> tuple[Signal, ExportRequest]:
    inner = AnyValue()
    inner.kvlist_value.values.add(key=key, value=value)
    return _attribute("config", inner)


def _list_of_maps(key: str, value: AnyValue) -> tuple[Signal, ExportRequest]:
    outer = AnyValue()
    outer.array_value.values.add().kvlist_value.values.add(key=key, value=value)
    return _attribute("configs", outer)


def _list(key: str, value: AnyValue) -> tuple[Signal, ExportRequest]:
    """Headers come as lists."""
    outer = AnyValue()
    outer.array_value.values.add().CopyFrom(value)
    return _attribute(key, outer)


def _body(key: str, value: AnyValue) -> tuple[Signal, ExportRequest]:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.kvlist_value.values.add(key=key, value=value)
    return Signal.LOGS, request


Holder = Callable[[str, AnyValue], tuple[Signal, ExportRequest]]
HOLDERS: dict[str, Holder] = {
    "attribute": _attribute, "event": _event, "resource": _resource, "map": _map, "list of maps": _list_of_maps,
    "list": _list, "log body": _body,
}  # fmt: skip


@pytest.mark.parametrize("holder", HOLDERS)
def test_the_value_of_a_key_that_says_secret_goes_in_every_holder(holder: str) -> None:
    sealer = Sealer()
    left = [
        key for key in KEYS if VALUE.encode() in sealer.seal(*HOLDERS[holder](key, AnyValue(string_value=VALUE))).data
    ]
    assert left == []


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_tokens", AnyValue(int_value=4096)),
        ("llm.token_count.prompt", AnyValue(int_value=123456)),
        ("password", AnyValue(string_value="${DB_PASSWORD}")),
        ("token", AnyValue(string_value="{{ .Values.token }}")),
        ("secretName", AnyValue(string_value="db-credentials-v2")),
        ("token_type", AnyValue(string_value="bearer")),
        ("password_required", AnyValue(bool_value=True)),
        ("next_page_token", AnyValue(string_value="page 3 of 9")),
        ("primary_key", AnyValue(string_value="user_profile_id")),
        ("secret", AnyValue(bool_value=True)),
        ("password_file", AnyValue(string_value="/run/secrets/db")),
        ("credentials", AnyValue(string_value="/home/me/.aws/credentials")),
    ],
)
def test_counts_truths_ids_references_and_paths_stay(holder: str, key: str, value: AnyValue) -> None:
    """A coder looks at these all day."""
    signal, request = HOLDERS[holder](key, value)
    before = request.SerializeToString()
    sealed = signal.request.FromString(
        Sealer(replace(preset_policy(), span_attributes=False)).seal(signal, request).data
    )
    assert sealed == signal.request.FromString(before)


def test_a_map_goes_whole_when_a_secret_is_in_it() -> None:
    value = AnyValue()
    value.kvlist_value.values.add(key="kind").value.string_value = "basic"
    value.kvlist_value.values.add(key="value").value.string_value = VALUE
    assert b"basic" not in Sealer().seal(*_attribute("credentials", value)).data


@pytest.mark.parametrize(
    ("action", "left"),
    [(Action.PLACEHOLDER, b"[REDACTED:secret-field]"), (Action.DROP, b"[REDACTED:secret-field 13 B]"),
     (Action.HASH, b"[HMAC:secret-field:2026A:")],
)  # fmt: skip
def test_the_action_of_the_rule_holds_for_keys_too(action: Action, left: bytes) -> None:
    policy = replace(preset_policy(), actions={"secret-field": action}, hmac=HmacKey("key", "2026A"))
    sealer = Sealer(policy, key=b"k" * 32)
    once = sealer.seal(*_attribute("db_pass", AnyValue(string_value=VALUE)))
    assert left in once.data
    assert sealer.reseal(Signal.TRACES, once.data).data == once.data
