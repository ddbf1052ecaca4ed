"""The real client works with secrets, under each level and action: no byte that is kept, shown or sent holds one.

`pytest -m real tests/e2e/opencode/test_leak_walk.py` runs all of it; the client is one, the policies are many: what
its plugin told once is posted to a collector under each.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from e2e.opencode.client import BINARIES, Collector, OpenCode, ask, configuration, project, until
from e2e.opencode.fake_model import FakeModel
from e2e.opencode.record import Door
from e2e.opencode.scenarios.play import bash
from e2e.opencode.stage import need
from harness import credentials
from harness.upstream import upstream

from collector.enums import EVENTS_PATH
from collector.redact.rules import ALL_RULES

# One worker starts the client once.
pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("leak walk")]

PASSWORD = "Tr0ub4dor" + "&3x"
LABELLED = {
    "password": PASSWORD,
    "api_key": "9f8e7d6c" + "5b4a39281706f5e4d3c2b1a0",
    "client_secret": "q8Zr-" + "Lm3nXv0Tp2Ws5Yb7",
    "GITHUB_TOKEN": credentials.GITHUB,
    "database_url": credentials.URL,
    "card": "4111 1111" + " 1111 1111",
    "aws_access_key_id": credentials.AWS_ID,
    "email": "jo.smith" + "@mail.c4nary-works.net",
}
NEEDLES = {**LABELLED, "database_url": credentials.URL_PASSWORD}
SPOKEN = " ".join(f"{name}={value}" for name, value in LABELLED.items())
WRITTEN = json.dumps(LABELLED)

_HMAC = '[hmac]\nkey_file = "{key}"\nkey_id = "2026A"\n'


def _actions(word: str) -> str:
    return "[rules.action]\n" + "".join(f'{rule} = "{word}"\n' for rule in sorted({rule.id for rule in ALL_RULES}))


POLICIES = {
    "masked": "",
    "hashed": _HMAC + _actions("hash"),
    "dropped": _actions("drop"),
    "metadata": 'mode = "metadata"\n',
}


def _script() -> dict[str, list[Any]]:
    """A turn in which secrets are asked about, written to a file, read from it, printed and answered with."""
    return {
        "leak_walk": [
            {"text": f"I use {SPOKEN}", "tools": [bash(f"echo '{WRITTEN}' > settings.json", WRITTEN)]},
            {
                "text": "And now it is read.",
                "tools": [bash("cat settings.json; exit 3", SPOKEN)],
            },
            {"text": f"It says {WRITTEN}"},
        ]
    }


def _holding(data: bytes) -> list[str]:
    return [name for name, value in NEEDLES.items() if value.encode() in data]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, model: FakeModel) -> bytes:
    """All that the client's plugin tells of the turn, as it is posted."""
    need(BINARIES["1.18.33"])
    folder, door = tmp_path_factory.mktemp("leak-walk"), Door()
    client = OpenCode("1.18.33", folder / "home")
    try:
        client.install_at(door.url, folder / "data")
        model.script.update(_script())
        place = project(folder / "project", configuration(model.url), {"settings.json": WRITTEN})
        client.serve(place)
        session = client.api("POST", "/session", place, {"title": f"Rotate {SPOKEN}"})["id"]
        body = {"parts": [{"type": "text", "text": f"Use {SPOKEN} and {WRITTEN} [[leak_walk]]"}]}
        client.api("POST", f"/session/{session}/message", place, body)
        until(lambda: any('"session.idle"' in line for line in door.lines), 90, "the plugin tells the end")
    finally:
        client.stop()
        door.close()
    lines = "\n".join(door.lines).encode()
    assert set(_holding(lines)) == set(NEEDLES)
    return lines


def _shown(collector: Collector) -> bytes:
    """What the collector shows of the turn."""
    texts = [json.dumps(ask("GET", collector.url + page)) for page in ("/api/status", "/api/spans?limit=1000")]
    with urllib.request.urlopen(collector.url + "/metrics", timeout=60) as page:
        texts.append(page.read().decode())
    assert "redact" in texts[-1]
    texts += [json.dumps(collector.span(row)) for row in collector.spans()]
    assert any(row["kind"] == "TOOL" for row in collector.spans())
    return "\n".join(texts).encode()


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_planted_is_kept_shown_or_sent(tmp_path: Path, told: bytes, policy: str) -> None:
    key, file = tmp_path / "hmac.key", tmp_path / "policy.toml"
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    file.write_text(f'schema = 1\nname = "walk"\n{POLICIES[policy].replace("{key}", str(key))}')
    with upstream() as destination:
        collector = Collector(
            tmp_path / "collector" / "data", env={"COLLECTOR_POLICY_FILE": str(file)}, upstream=destination.url
        )
        try:
            post(collector, told)
            until(lambda: any(row["kind"] == "AGENT" for row in collector.spans()), 90, "the turn is closed")
            shown = _shown(collector)
        finally:
            collector.stop()
        kept = {path: path.read_bytes() for path in collector.data.rglob("*") if path.is_file()}
        assert sum(map(len, kept.values())) > 10_000
        sent = [item.body for item in destination.received]
        assert sent
        assert {path.name: found for path, data in kept.items() if (found := _holding(data))} == {}
        assert _holding(b"".join(sent)) == []
        assert _holding(collector.log.read_bytes()) == []
        assert _holding(shown) == []


def post(collector: Collector, lines: bytes) -> None:
    request = urllib.request.Request(
        f"{collector.url}{EVENTS_PATH}", lines, {"content-type": "application/x-ndjson"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=90) as answer:
        assert json.load(answer)["rejected"] == []
