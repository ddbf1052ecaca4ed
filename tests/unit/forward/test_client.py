"""Which proxy a destination is reached through, and what of its answers is kept."""

from __future__ import annotations

import pytest

from collector.forward.client import proxy_for

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.8.8"])
def test_no_proxy_is_asked_for_this_machine(host: str) -> None:
    """Whatever the environment says: it would be given what was meant for a process here."""
    environment = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY, "ALL_PROXY": PROXY}
    assert proxy_for(f"http://{host}:4318/v1/traces", environment) is None


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": "proxy.example:3128"}, PROXY),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"HTTP_PROXY": PROXY}, None),
    ],
)
def test_the_proxy_of_the_environment_is_used_for_its_scheme(environment: dict[str, str], found: str | None) -> None:
    assert proxy_for("https://otlp.example.com/v1/traces", environment) == found


@pytest.mark.parametrize(
    ("url", "entries", "excluded"),
    [
        ("https://10.1.2.3/v1/traces", "10.0.0.0/8", True),
        ("https://11.1.2.3/v1/traces", "10.0.0.0/8", False),
        ("https://10.1.2.3/v1/traces", "192.168.0.0/16, 10.1.2.3", True),
        ("https://[fd00::5]:4318/v1/traces", "fd00::/8", True),
        ("https://[fe80::5]:4318/v1/traces", "fd00::/8", False),
        ("https://otlp.example.com/v1/traces", "example.com", True),
        ("https://otlp.example.com/v1/traces", ".example.com", True),
        ("https://otlp.example.com/v1/traces", "*.example.com", True),
        ("https://notexample.com/v1/traces", "example.com", False),
        ("https://otlp.example.com/v1/traces", "otlp.example.com:443", True),
        ("https://otlp.example.com/v1/traces", "otlp.example.com:8443", False),
        ("https://otlp.example.com/v1/traces", "*", True),
        ("https://otlp.example.com/v1/traces", " , ", False),
        ("https://otlp.example.com/v1/traces", "10.0.0.0/8", False),
    ],
)
def test_no_proxy_takes_names_addresses_networks_and_ports(url: str, entries: str, excluded: bool) -> None:
    environment = {"HTTPS_PROXY": PROXY, "NO_PROXY": entries}
    assert (proxy_for(url, environment) is None) == excluded
