"""An agent is wired by its environment alone, whatever stands there already."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest
from harness.process import run

from collector.cli.run import wired
from collector.errors import ConfigError
from collector.opencode.install import PluginSettings
from collector.settings.wiring import AGENTS, wiring_of

URL = "http://127.0.0.1:4319"


def test_an_agent_that_is_not_known_is_wired_as_any_sdk() -> None:
    arguments, environment = wired(["python", "agent.py"], {"PATH": "/bin"}, PluginSettings(URL))
    assert arguments == ["agent.py"]
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == URL
    assert environment["PATH"] == "/bin"
    assert "OTEL_EXPORTER_OTLP_HEADERS" not in environment


def test_the_access_token_goes_along_where_there_is_one() -> None:
    _, environment = wired(["python"], {}, PluginSettings(URL, "t0ken"))
    assert environment["OTEL_EXPORTER_OTLP_HEADERS"] == "x-collector-token=t0ken"


def test_opencode_gets_the_plugin_beside_what_its_configuration_says() -> None:
    before = json.dumps({"model": "a/b", "plugin": ["mine"]})
    arguments, environment = wired(
        ["/usr/bin/opencode", "run", "hi"], {"OPENCODE_CONFIG_CONTENT": before}, PluginSettings(URL, "t0ken")
    )
    content = json.loads(environment["OPENCODE_CONFIG_CONTENT"])
    assert arguments == ["run", "hi"]
    assert content["model"] == "a/b"
    assert content["plugin"][0] == "mine"
    plugin, options = content["plugin"][1]
    assert plugin.startswith("file://")
    assert plugin.endswith("collector-opencode.js")
    assert options == {"url": URL, "token": "t0ken"}
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in environment


@pytest.mark.parametrize("content", ["[]", "{", '{"plugin": 5}'])
def test_a_configuration_that_is_none_is_refused_without_repeating_it(content: str) -> None:
    with pytest.raises(ConfigError, match="OPENCODE_CONFIG_CONTENT: expected a JSON object"):
        wired(["opencode"], {"OPENCODE_CONFIG_CONTENT": content}, PluginSettings(URL))


def test_codex_is_wired_by_arguments_before_its_own() -> None:
    arguments, _ = wired(["codex", "exec", "hi"], {}, PluginSettings(URL))
    assert arguments[-2:] == ["exec", "hi"]
    assert f'otel.exporter={{ otlp-http = {{ endpoint = "{URL}/v1/logs", protocol = "binary" }} }}' in arguments


def test_the_lines_for_codex_are_toml_1_0_and_say_what_its_arguments_say() -> None:
    """Line breaks in inline tables came with TOML 1.1: what reads or formats the file may not know them."""
    codex = wiring_of("codex")
    arguments = [text for text in codex.arguments if text != "-c"]
    assert tomllib.loads(codex.lines) == tomllib.loads("\n".join(arguments))


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_every_agent_has_lines_to_paste_that_name_this_address(agent: object) -> None:
    from collector.settings.wiring import Wiring

    assert isinstance(agent, Wiring)
    text = agent.pasted(URL)
    assert "{url}" not in text
    assert URL in text or agent.name == "opencode"
    assert all(wiring_of(command) is agent for command in agent.commands)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy.example"}, "127.0.0.1,localhost"),
        ({"http_proxy": "http://proxy.example", "no_proxy": ".corp"}, ".corp,127.0.0.1,localhost"),
        ({"ALL_PROXY": "http://proxy.example", "NO_PROXY": "*"}, "*"),
        ({"ALL_PROXY": "http://proxy.example", "NO_PROXY": "127.0.0.1"}, "127.0.0.1"),
    ],
)
def test_no_proxy_comes_between_an_agent_and_its_collector(before: dict[str, str], after: str | None) -> None:
    _, environment = wired(["python"], before, PluginSettings(URL))
    assert environment.get("NO_PROXY") == after


@pytest.mark.slow
def test_a_collector_that_cannot_be_started_for_a_run_says_why(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pem")
    found = run(
        tmp_path,
        "run",
        "--",
        sys.executable,
        "-c",
        "print('ran')",
        COLLECTOR_TLS_CERTIFICATE=missing,
        COLLECTOR_PORT="0",
    )
    assert (found.returncode, found.stdout) == (1, b"")
    assert b"the collector could not be started: " in found.stderr
    assert b"tls_certificate or tls_key: cannot be read" in found.stderr
