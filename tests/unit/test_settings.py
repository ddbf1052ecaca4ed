"""Settings say where they came from, and half a set-up does not start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from annotated_types import Le, Lt

from collector.app.serving import check_bind
from collector.batch import Signal
from collector.errors import ConfigError
from collector.policy.model import ContentLevel
from collector.settings.forwarding import ForwardingSettings, forwarding_settings
from collector.settings.model import Settings
from collector.settings.sources import load


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _forwarding(flags: dict[str, Any] | None = None, port: int = 4318) -> ForwardingSettings:
    loaded = load(flags)
    return forwarding_settings(loaded.settings, loaded.origins, port)


def _token(found: ForwardingSettings) -> str | None:
    assert found.destination is not None
    token = found.destination.token.value
    return token.get_secret_value() if token else None


def _set(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_flags_beat_environment_beats_file_beats_defaults(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "collector.toml").write_text('port = 1\nhost = "127.0.0.2"\nlog_level = "error"\n')
    _set(monkeypatch, COLLECTOR_PORT="2", COLLECTOR_LOG_LEVEL="warning")
    loaded = load({"port": 3})
    assert (loaded.settings.port, loaded.settings.host, loaded.settings.log_level) == (3, "127.0.0.2", "warning")
    assert loaded.origins["port"] == "--port"
    assert loaded.origins["log_level"] == "COLLECTOR_LOG_LEVEL"
    assert loaded.origins["host"].endswith("collector.toml")
    assert "content" not in loaded.origins


def test_every_float_has_an_upper_bound() -> None:
    floats = {name: field for name, field in Settings.model_fields.items() if field.annotation is float}
    assert floats
    assert [n for n, f in floats.items() if not any(isinstance(each, Le | Lt) for each in f.metadata)] == []


@pytest.mark.parametrize("word", ["1", "true", "YES", "On"])
def test_words_for_yes(monkeypatch, word: str) -> None:
    _set(monkeypatch, CATALYST_REDACT_CONTENT=word)
    assert load().settings.content is ContentLevel.METADATA


@pytest.mark.parametrize("word", ["0", "false", "No", "OFF"])
def test_words_for_no(monkeypatch, word: str) -> None:
    _set(monkeypatch, CATALYST_REDACT_CONTENT=word)
    assert load().settings.content is ContentLevel.MASK


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CATALYST_REDACT_CONTENT", "maybe"),
        ("TRACE_TO_CATALYST", "sure"),
        ("COLLECTOR_FORWARD", "2"),
        ("COLLECTOR_PORT", "70000"),
        ("COLLECTOR_CONTENT", "everything"),
        ("COLLECTOR_UPSTREAM_ENCODING", "xml"),
        ("COLLECTOR_UPSTREAM_HEADERS", "not json"),
        ("CATALYST_ADDITIONAL_METADATA", "[1]"),
        ("COLLECTOR_MAX_BODY_BYTES", "-1"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_by_name_and_not_repeated(monkeypatch, name: str, value: str) -> None:
    _set(monkeypatch, **{name: value})
    with pytest.raises(ConfigError) as error:
        load()
    assert str(error.value).startswith(name)
    assert "\n" not in str(error.value)
    assert value not in str(error.value).removeprefix(name)


def test_a_misspelt_name_is_refused_with_the_right_one(monkeypatch) -> None:
    _set(monkeypatch, COLLECTOR_UPSTREAM_ENDPONT="http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="did you mean COLLECTOR_UPSTREAM_ENDPOINT"):
        load()


def test_a_misspelt_key_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "collector.toml").write_text("prot = 1\n")
    with pytest.raises(ConfigError, match="did you mean port"):
        load()


def test_a_file_that_is_not_toml_is_refused_without_its_text(tmp_path: Path) -> None:
    (tmp_path / "collector.toml").write_text("upstream_token = CANARY7")
    with pytest.raises(ConfigError) as error:
        load()
    assert "CANARY7" not in str(error.value)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(config=tmp_path / "absent.toml")


def test_no_setting_loosens_what_redact_content_asks_for(monkeypatch) -> None:
    _set(monkeypatch, INFERENCE_REDACT_CONTENT="true", COLLECTOR_CONTENT="mask")
    loaded = load()
    assert loaded.settings.content is ContentLevel.METADATA
    assert any("cannot loosen" in notice for notice in loaded.notices)


def test_with_nothing_set_everything_stays_local() -> None:
    found = _forwarding()
    assert found.destination is None
    assert "local only" in found.reason


def test_the_catalyst_token_alone_starts_forwarding_of_traces_to_catalyst(monkeypatch) -> None:
    _set(monkeypatch, CATALYST_OTLP_TOKEN="tok-1")
    found = _forwarding()
    assert found.destination is not None
    assert found.destination.urls[Signal.TRACES] == "https://telemetry.inference.net/v1/traces"
    assert tuple(found.destination.signals) == (Signal.TRACES,)
    assert _token(found) == "tok-1"


@pytest.mark.parametrize("name", ["INFERENCE_API_KEY", "OTLP_INGEST_TOKEN"])
def test_a_token_of_a_name_used_elsewhere_does_not_start_forwarding(monkeypatch, name: str) -> None:
    """They are exported for other reasons on many machines: sending by surprise is a leak."""
    _set(monkeypatch, **{name: "key-1"})
    found = _forwarding()
    assert found.destination is None
    assert any("TRACE_TO_INFERENCE=true" in notice for notice in found.notices)


@pytest.mark.parametrize("name", ["INFERENCE_API_KEY", "OTLP_INGEST_TOKEN"])
def test_a_token_of_a_name_used_elsewhere_forwards_when_asked_to(monkeypatch, name: str) -> None:
    _set(monkeypatch, TRACE_TO_INFERENCE="true", **{name: "key-1"})
    assert _token(_forwarding()) == "key-1"


def test_the_inference_key_goes_to_an_explicit_upstream(monkeypatch) -> None:
    _set(monkeypatch, INFERENCE_API_KEY="key-1")
    assert _token(_forwarding({"upstream_endpoint": "http://127.0.0.1:9"})) == "key-1"


def test_older_names_win_over_newer_ones(monkeypatch) -> None:
    _set(
        monkeypatch, CATALYST_OTLP_TOKEN="old", INFERENCE_API_KEY="new", CATALYST_OTLP_ENDPOINT="http://127.0.0.1:1",
        INFERENCE_OTLP_ENDPOINT="http://127.0.0.1:2", TRACE_TO_CATALYST="true", TRACE_TO_INFERENCE="false",
    )  # fmt: skip
    found = _forwarding()
    assert _token(found) == "old"
    assert found.destination is not None and found.destination.urls[Signal.TRACES] == "http://127.0.0.1:1/v1/traces"


def test_own_names_win_over_honoured_ones(monkeypatch) -> None:
    _set(
        monkeypatch,
        COLLECTOR_UPSTREAM_TOKEN="own",
        CATALYST_OTLP_TOKEN="old",
        COLLECTOR_UPSTREAM_ENDPOINT="http://127.0.0.1:1",
    )
    _set(monkeypatch, CATALYST_OTLP_ENDPOINT="http://127.0.0.1:2")
    found = _forwarding()
    assert _token(found) == "own"
    assert found.destination is not None and found.destination.urls[Signal.TRACES] == "http://127.0.0.1:1/v1/traces"


@pytest.mark.parametrize("name", ["TRACE_TO_CATALYST", "TRACE_TO_INFERENCE", "COLLECTOR_FORWARD"])
def test_false_keeps_everything_local(monkeypatch, name: str) -> None:
    _set(monkeypatch, CATALYST_OTLP_TOKEN="tok-1", COLLECTOR_UPSTREAM_ENDPOINT="http://127.0.0.1:1", **{name: "false"})
    found = _forwarding()
    assert found.destination is None
    assert name in found.reason


def test_an_upstream_that_is_not_hosted_needs_no_token() -> None:
    found = _forwarding({"upstream_endpoint": "http://127.0.0.1:6006"})
    assert found.destination is not None
    assert tuple(found.destination.signals) == tuple(Signal)
    assert _token(found) is None
    assert not found.destination.token.given


def test_the_hosted_upstream_without_a_token_stays_local_and_says_so() -> None:
    found = _forwarding({"upstream_endpoint": "https://telemetry.inference.net"})
    assert found.destination is None
    assert any("needs a token" in notice for notice in found.notices)


@pytest.mark.parametrize("address", ["http://127.0.0.1:4318", "http://localhost:4318/", "http://[::1]:4318/v1/traces"])
def test_our_own_address_in_the_clients_setting_is_ignored_with_a_notice(monkeypatch, address: str) -> None:
    """The user exports one endpoint for the agent; the collector sees the same environment."""
    _set(monkeypatch, CATALYST_OTLP_ENDPOINT=address, CATALYST_OTLP_TOKEN="tok-1")
    found = _forwarding()
    assert found.destination is not None
    assert found.destination.urls[Signal.TRACES].startswith("https://telemetry.inference.net")
    assert any("own address" in notice for notice in found.notices)


@pytest.mark.parametrize("address", ["http://127.0.0.1:4318", "http://localhost:4318", "http://0.0.0.0:4318"])
def test_our_own_address_as_explicit_upstream_is_refused(monkeypatch, address: str) -> None:
    _set(monkeypatch, COLLECTOR_UPSTREAM_ENDPOINT=address)
    with pytest.raises(ConfigError, match="own address"):
        _forwarding()
    assert _forwarding(port=5000).destination is not None


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:6006", "ftp://host", "https://", "http://host:99999", "https://user:pw@host", "https://host/?token=x"],
)
def test_an_address_that_cannot_be_one_is_refused_and_not_repeated(monkeypatch, address: str) -> None:
    _set(monkeypatch, COLLECTOR_UPSTREAM_ENDPOINT=address)
    with pytest.raises(ConfigError) as error:
        _forwarding()
    assert "pw" not in str(error.value) and "token=x" not in str(error.value)


@pytest.mark.parametrize("address", ["http://h:1", "http://h:1/", "http://h:1/v1/traces", "http://h:1/v1/logs/"])
def test_a_base_address_and_a_full_path_mean_the_same(address: str) -> None:
    found = _forwarding({"upstream_endpoint": address})
    assert found.destination is not None
    assert found.destination.urls == {signal: f"http://h:1{signal.path}" for signal in Signal}


def test_a_token_file_beside_a_token_is_half_a_set_up(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("tok-2")
    _set(monkeypatch, CATALYST_OTLP_TOKEN="tok-1", COLLECTOR_UPSTREAM_TOKEN_FILE=str(tmp_path / "token"))
    with pytest.raises(ConfigError, match="keep one"):
        _forwarding()


def test_a_token_file_must_be_readable(monkeypatch, tmp_path: Path) -> None:
    _set(monkeypatch, COLLECTOR_UPSTREAM_TOKEN_FILE=str(tmp_path / "absent"))
    with pytest.raises(ConfigError, match="cannot be read"):
        _forwarding()


@pytest.mark.parametrize("name", ["authorization: x", "host", "Content-Type", "bad name"])
def test_headers_that_are_ours_or_none_are_refused(monkeypatch, name: str) -> None:
    _set(monkeypatch, COLLECTOR_UPSTREAM_ENDPOINT="http://h:1", COLLECTOR_UPSTREAM_HEADERS=json.dumps({name: "v"}))
    with pytest.raises(ConfigError):
        _forwarding()


def test_a_header_value_cannot_smuggle_another_header(monkeypatch) -> None:
    _set(monkeypatch, COLLECTOR_UPSTREAM_ENDPOINT="http://h:1", COLLECTOR_UPSTREAM_HEADERS='{"x-a": "v\\r\\nx-b: w"}')
    with pytest.raises(ConfigError) as error:
        _forwarding()
    assert "x-b" not in str(error.value)


def test_a_token_with_a_line_break_is_refused(monkeypatch) -> None:
    _set(monkeypatch, CATALYST_OTLP_TOKEN="tok 1")
    with pytest.raises(ConfigError, match="copy it again"):
        _forwarding()


def test_a_token_over_plain_http_is_warned_about(monkeypatch) -> None:
    _set(monkeypatch, CATALYST_OTLP_TOKEN="tok-1", COLLECTOR_UPSTREAM_ENDPOINT="http://collector.internal:4318")
    assert any("plain http" in notice for notice in _forwarding().notices)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("COLLECTOR_ALLOWED_HOSTS", "http://x", "a host is a name"),
        ("COLLECTOR_ALLOWED_HOSTS", "good.example, a b", "a host is a name"),
        ("COLLECTOR_ALLOWED_ORIGINS", "banana", "an origin is a scheme and a host"),
        ("COLLECTOR_ALLOWED_ORIGINS", "https://app.example/path", "an origin is a scheme and a host"),
        ("COLLECTOR_MAX_QUEUE_DAYS", "inf", "less than or equal to"),
        ("COLLECTOR_MAX_QUEUE_DAYS", "nan", ""),
        ("COLLECTOR_TURN_QUIET_SECONDS", "inf", "less than or equal to"),
        ("COLLECTOR_TURN_QUIET_SECONDS", "1e300", "less than or equal to"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_setting_s_name(monkeypatch, name: str, value: str, said: str) -> None:
    _set(monkeypatch, **{name: value})
    with pytest.raises(ConfigError, match=f"^{name}: .*{said}"):
        load()


def test_hosts_and_origins_as_browsers_write_them_are_taken(monkeypatch) -> None:
    hosts = ["collector.example", "10.0.0.5:4318", "[fd00::1]:4318", "upstream", "host.docker.internal."]
    origins = ["https://app.example", "http://localhost:3000", "vscode-webview://1a2b", "http://[::1]:8080"]
    _set(monkeypatch, COLLECTOR_ALLOWED_HOSTS=",".join(hosts), COLLECTOR_ALLOWED_ORIGINS=", ".join(origins))
    settings = load().settings
    assert (settings.allowed_hosts, settings.allowed_origins) == (hosts, origins)


@pytest.mark.parametrize("word", ["INFO", "Warning", "debug"])
def test_the_level_of_the_log_is_taken_in_any_case(monkeypatch, word: str) -> None:
    _set(monkeypatch, COLLECTOR_LOG_LEVEL=word)
    assert load().settings.log_level == word.lower()


@pytest.mark.parametrize("host", ["banana", "ban ana", "999.1.1.1"])
def test_a_host_that_is_no_address_is_said_to_be_none(monkeypatch, host: str) -> None:
    """Before it is said that listening beyond loopback takes a token."""
    with pytest.raises(ConfigError, match="not an address of this machine"):
        check_bind(load({"host": host}).settings)


def test_a_user_without_a_home_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container under a number that stands in no list of users, and without HOME."""

    def homeless(*_: object, **__: object) -> str:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("COLLECTOR_DATA_DIR", raising=False)
    for folder in ("user_data_dir", "user_config_dir"):
        monkeypatch.setattr(f"platformdirs.{folder}", homeless)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no home directory: set COLLECTOR_DATA_DIR"):
        load({})
    assert load({"data_dir": tmp_path}).settings.data_dir == tmp_path
