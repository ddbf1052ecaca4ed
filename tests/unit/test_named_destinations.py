"""`[[destination]]` tables: what each becomes, and what is said of one that cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.enums import Encoding, Signal
from collector.errors import ConfigError
from collector.settings.destinations import DestinationSettings
from collector.settings.explain import line_of, lines_of
from collector.settings.forwarding import ForwardingSettings, forwarding_settings
from collector.settings.presets import PRESETS
from collector.settings.sources import load


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def forwarding(text: str, flags: dict[str, Any] | None = None) -> ForwardingSettings:
    Path("collector.toml").write_text(text)
    loaded = load(flags)
    return forwarding_settings(loaded.settings, loaded.origins, 4318)


def one(text: str) -> DestinationSettings:
    [found] = forwarding(text).destinations
    return found


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        forwarding(text)
    assert "\n" not in str(error.value) and "CANARY" not in str(error.value)
    return str(error.value)


def test_the_upstream_is_named_by_its_host_and_port() -> None:
    """Another host is another destination: what waits for one is never sent to the other."""
    assert forwarding("", {"upstream_endpoint": "http://127.0.0.1:6006"}).destinations[0].name == "127.0.0.1:6006"
    assert forwarding("", {"upstream_endpoint": "https://otlp.example"}).destinations[0].name == "otlp.example:443"
    assert forwarding("", {"upstream_endpoint": "http://[::1]:6006/v1/traces"}).destinations[0].name == "[::1]:6006"


@pytest.mark.parametrize(
    ("preset", "url", "header", "scheme"),
    [
        ("catalyst", "https://telemetry.inference.net/v1/traces", "authorization", "Bearer"),
        ("phoenix", "http://127.0.0.1:6006/v1/traces", "authorization", "Bearer"),
        ("langfuse", "https://cloud.langfuse.com/api/public/otel/v1/traces", "authorization", "Basic"),
        ("langsmith", "https://api.smith.langchain.com/otel/v1/traces", "x-api-key", ""),
        ("braintrust", "https://api.braintrust.dev/otel/v1/traces", "authorization", "Bearer"),
    ],
)
def test_a_preset_knows_where_its_destination_takes_traces(preset: str, url: str, header: str, scheme: str) -> None:
    found = one(f'[[destination]]\npreset = "{preset}"\ntoken = {{ value = "t" }}')
    assert (found.name, found.urls[Signal.TRACES], found.token_header, found.token_scheme) == (
        preset, url, header, scheme,
    )  # fmt: skip
    assert found.signals == (Signal.TRACES,)
    assert found.encoding is PRESETS[preset].encoding


def test_a_preset_that_is_somewhere_else_for_everyone_needs_an_address() -> None:
    assert "destination[1].endpoint: missing" in refused('[[destination]]\npreset = "grafana"')
    address = "https://otlp-gateway-prod-eu-west-2.grafana.net"
    found = one(f'[[destination]]\npreset = "grafana"\nendpoint = "{address}"')
    assert found.urls[Signal.LOGS] == f"{address}/otlp/v1/logs"
    assert found.signals == tuple(Signal)


@pytest.mark.parametrize("end", ["", "/", "/api/public/otel", "/api/public/otel/", "/api/public/otel/v1/traces"])
def test_an_address_is_understood_with_and_without_the_presets_path(end: str) -> None:
    found = one(f'[[destination]]\npreset = "langfuse"\nendpoint = "https://fuse.example{end}"')
    assert found.urls[Signal.TRACES] == "https://fuse.example/api/public/otel/v1/traces"


def test_a_path_for_a_signal_goes_before_the_presets() -> None:
    found = one("""
[[destination]]
endpoint = "http://h:1/base"
paths = { traces = "/in?key=1" }
""")
    assert found.urls[Signal.TRACES] == "http://h:1/in?key=1"
    assert found.urls[Signal.LOGS] == "http://h:1/base/v1/logs"


def test_everything_of_a_table_arrives(tmp_path: Path) -> None:
    found = one("""
[[destination]]
name = "audit"
endpoint = "https://otlp.example"
signals = ["traces"]
encoding = "json"
compression = "none"
headers = { X-Team = "a" }
token_header = "X-Key"
token_scheme = ""
policy = "metadata-only"
filter = { service = ["my-*"], kind = ["LLM"], attribute = { "deployment.environment" = ["prod"] } }
exclude = { session = ["private-*"] }
batch = { most_bytes = 100000, merge_bytes = 50000 }
tls = { ca_file = "ca.pem" }
[destination.token]
command = ["op", "read", "x"]
timeout_seconds = 5
ttl_seconds = 60
""")
    assert (found.name, found.encoding, found.gzip, found.policy) == ("audit", Encoding.JSON, False, "metadata-only")
    assert (found.headers, found.token_header, found.token_scheme) == ({"x-team": "a"}, "x-key", "")
    assert (found.token.command, found.token.timeout_s, found.token.ttl_s) == (("op", "read", "x"), 5, 60)
    assert found.only.service == ["my-*"] and found.only.attribute == {"deployment.environment": ["prod"]}
    assert [table.session for table in found.never] == [["private-*"]]
    assert (found.batch.most_bytes, found.batch.merge_bytes, found.tls.ca_file) == (100000, 50000, Path("ca.pem"))


def test_tokens_by_service_become_a_destination_each_with_a_queue_of_its_own() -> None:
    found = forwarding("""
[[destination]]
preset = "catalyst"
token = { value = "t0" }
token_by_service = { a = { value = "ta" }, "b-*" = { value = "tb" } }
""").destinations
    assert [each.name for each in found] == ["catalyst/a", "catalyst/b-*", "catalyst"]
    assert [each.token.value.get_secret_value() for each in found if each.token.value] == ["ta", "tb", "t0"]
    assert [each.only.service for each in found] == [["a"], ["b-*"], []]
    assert [table.service for table in found[-1].never] == [["a"], ["b-*"]]


def test_without_a_token_of_its_own_a_destination_gets_only_the_services_that_have_one() -> None:
    found = forwarding('[[destination]]\npreset = "catalyst"\ntoken_by_service = { a = { value = "t" } }')
    assert [each.name for each in found.destinations] == ["catalyst/a"]


def test_a_token_of_the_environment_is_read_and_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[[destination]]\npreset = "catalyst"\ntoken = { environment = "MY_TOKEN" }'
    assert "MY_TOKEN is not set" in refused(text)
    monkeypatch.setenv("MY_TOKEN", "tok")
    value = one(text).token.value
    assert value is not None and value.get_secret_value() == "tok"


def test_client_credentials_take_their_secret_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s")
    found = one("""
[[destination]]
endpoint = "https://otlp.example"
[destination.token.oauth2]
token_url = "https://login.example/token"
client_id = "me"
client_secret_environment = "SECRET"
""").token.oauth2
    assert found is not None and found.client_secret.get_secret_value() == "s" and "s'" not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('port = "x"', "collector.toml, line 1: port: "),
        ("\n\nmax_body_bytes = -1", "collector.toml, line 3: max_body_bytes: "),
        ('[[destination]]\nname = "a"\nsignals = ["spans"]', "line 3: destination[1].signals[1]: "),
        ('port = 1\n[[destination]]\npreset = "catalist"', "line 3: destination[1].preset: known are catalyst"),
        ('[[destination]]\nname = "a"\n[[destination]]\nnaem = "b"', "line 4: destination[2].naem: unknown key; did you mean name"),
        ('[[destination]]\n[destination.token]\nfile = "a"\nvalue = "CANARY7"', "line 2: destination[1].token: name one of"),
        ('[[destination]]\n[destination.token]\nvalue = 7\n', "line 3: destination[1].token.value: "),
        ('[[destination]]\ntoken = { vlaue = "CANARY7" }', "destination[1].token.vlaue: unknown key; did you mean value?"),
        ('[[destination]]\nendpoint = "https://h"\nheaders = { a = 1 }', "line 3: destination[1].headers.a: "),
        ('[[destination]]\n[destination.tls]\nkey_file = "k"', "destination[1].tls: key_file needs certificate_file"),
        ('[[destination]]\nname = "local"', "line 2: destination[1].name: local is how"),
        ('[[destination]]\nname = "a b"', "line 2: destination[1].name: use letters"),
        ("[[destination]]\nname = 1", "line 2: destination[1].name: "),
        ('[[destination]]\nname = "a', "not valid TOML ("),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_key_and_line(text: str, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[destination]]\nendpoint = "127.0.0.1:1"', "destination[1].endpoint: expected an address"),
        ('[[destination]]\nendpoint = "http://127.0.0.1:4318"', "own address"),
        ('[[destination]]\nendpoint = "http://h"\nheaders = { Host = "x" }', "destination[1].headers: 'Host' cannot"),
        ('[[destination]]\nendpoint = "http://h"\ntoken = { value = "CANARY 7" }', "holds spaces"),
        ('[[destination]]\nendpoint = "http://h"\ntoken = { file = "absent" }', "destination[1].token.file absent: cannot"),
        ('[[destination]]\npreset = "phoenix"\n[[destination]]\npreset = "phoenix"', "two destinations are called phoenix"),
    ],
)  # fmt: skip
def test_half_a_set_up_is_refused(text: str, said: str) -> None:
    assert said in refused(text)


def test_what_a_person_should_know_is_said() -> None:
    found = forwarding("""
[[destination]]
preset = "braintrust"
token = { value = "t" }
[[destination]]
preset = "langsmith"
[[destination]]
name = "plain"
endpoint = "http://collector.example:4318"
token = { value = "t" }
[destination.tls]
dangerously_skip_verification = true
""").notices
    assert any("braintrust needs the header x-bt-parent" in notice for notice in found)
    assert any("langsmith: no token is set" in notice for notice in found)
    assert any("plain is reached over plain http" in notice for notice in found)
    assert any("ITS CERTIFICATE IS NOT VERIFIED" in notice for notice in found)


def test_false_keeps_everything_local_whatever_is_named() -> None:
    assert forwarding('forward = false\n[[destination]]\npreset = "phoenix"').destinations == ()


def test_an_upstream_and_named_destinations_stand_side_by_side() -> None:
    found = forwarding('upstream_endpoint = "http://127.0.0.1:9"\n[[destination]]\npreset = "phoenix"')
    assert [each.name for each in found.destinations] == ["127.0.0.1:9", "phoenix"]


def test_a_name_in_an_array_of_tables_is_found_on_its_line() -> None:
    text = 'a = 1\n[[b]]\nc = 1\n[b.d]\ne = 1\n[[b]]\nc = 2\n[[b.f]]\ng = 1\n[[b.f]]\n"g" = 2\n'
    lines = lines_of(text)
    assert [line_of(place, lines) for place in (("a",), ("b", 0, "c"), ("b", 0, "d", "e"), ("b", 1, "c"))] == [
        1,
        3,
        5,
        7,
    ]
    assert [line_of(place, lines) for place in (("b", 1, "f", 0, "g"), ("b", 1, "f", 1, "g"))] == [9, 11]
    assert line_of(("b", 1, "absent"), lines) == 6
    assert line_of(("absent",), lines) is None
