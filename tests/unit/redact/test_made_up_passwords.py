"""Passwords as people make them up are found wherever a name says what they are; names and settings are no passwords."""

from __future__ import annotations

import base64
import random

import pytest

from collector.redact.engine.engine import Engine
from collector.redact.rules.vocabulary import Says, holds_secret, name_says

ENGINE = Engine()

HOLDERS = {
    "JSON": '{{"{name}": "{value}", "n": 1}}',
    "a dict": "{{'{name}': '{value}'}}",
    "JSON in JSON": '{{"input": "{{\\"{name}\\": \\"{value}\\"}}"}}',
    "a header": "{name}: {value}",
    "an environment": "PATH=/bin\n{name}={value}\nHOME=/h",
    "YAML": "a:\n  {name}: {value}\n  n: 1",
    "a flag": "tool --{name}={value}",
    "a flag apart": "tool --{name} {value} run",
    "a list of arguments": '["--{name}", "{value}"]',
    "XML": "<{name}>{value}</{name}>",
    "a pair": '{{"name": "{name}", "value": "{value}"}}',
    "a program": 'const c = {{ "{name}": "{value}" }};',
}
NAMES = (
    "api_key", "client_secret", "primaryMasterKey", "mfa_secret", "OPENAI_KEY", "authorization", "db_password", "bindpw",
    "root_pw", "credentials", "access_token", "smtp_pass",
)  # fmt: skip


def _left(text: str) -> str:
    data = text.encode()
    at, kept = 0, b""
    for start, end, _ in ENGINE.find(data):
        kept += data[at:start]
        at = end
    return (kept + data[at:]).decode()


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("name", NAMES)
def test_words_digits_and_a_sign_are_masked_in_any_holder(name: str, holder: str) -> None:
    """What forms ask people for; no name in a program ends so."""
    for value in ("Amber" + "Walrus47%", "Foggy" + "prairie19!", "Amber" + "-lagoon86#"):
        assert value not in _left(HOLDERS[holder].format(name=name, value=value)), (name, holder)
        assert holds_secret(name, value)


@pytest.mark.parametrize(
    "text",
    [
        "The admin password is {} for now.",
        "Please use the password {} to log in",
        "credentials are bob / {}",
        "**Password:** {}",
        "password (temporary): {}",
        "- **API key**: `{}`",
        "the db pass was changed to {}",
        "Server=tcp:sql;User Id=sa;Password={};Encrypt=True",
        "kubectl create secret generic db --from-literal=password={}",
        "terraform apply -var 'db_password={}'",
        "auth.basic.password: ${{PW:-{}}}",
        'variable "db_password" {{\n  default = "{}"\n}}',
        "bindpw {}",
        "enable secret 0 {}",
        "  storePassword '{}'",
        "| Password | {} |",
        "mot_de_passe: {}",
        "net user bob {} /add",
        "ConvertTo-SecureString '{}' -AsPlainText -Force",
    ],
)
def test_they_are_found_in_settings_commands_and_prose(text: str) -> None:
    value = "Amber" + "Walrus47%"
    assert value not in _left(text.format(value))


@pytest.mark.parametrize("text", ['password: "{}"', "POSTGRES_PASSWORD: {}", 'db_password = "{}"', "SESSION_SECRET={}"])
def test_a_pass_phrase_of_drawn_words_is_masked(text: str) -> None:
    value = "amber-walrus-prairie" + "-lagoon"
    assert value not in _left(text.format(value))


@pytest.mark.parametrize(
    "text",
    [
        'password: "my-app-database-password"',
        "secret: prometheus-operator-admission-webhook",
        'smtp.add_feature("AUTH CRAM-MD5")',
        "Authorization: AWS4-HMAC-SHA256",
        '"pass": "元素具有有效語意"',
        "systemctl status getty@tty1.service",
        "The keys: key: GEMMA_4_31B_IT_MODEL",
        "Pass mcpClientBudget=N, or set another",
        "passwordVerification:m&&P&&p>>>8&255",
        '"clientRequestToken": "1d2129a1-3d38-460a-9756-e5b91fddb951"',
        "password: ${DB_PASSWORD:-postgres}",
        "session=ses_6b1c8f0e2ffeKmZc7r1T",
        "tokens = {'width': 'Width100%'}",
        '"LockToken": "e3db7e2c-d58b-4ee6-8346-6aec5511c6fb"',
        "aws logs put-log-events --sequence-token 49542672486831074009579604567656788214806863282469607346",
        '"pattern": "secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@-]+$"',
        '"Switch auth type with /auth.": "/auth \\u3067\\u8A8D\\u8A3C\\u30BF\\u30A4\\u30D7"',
    ],
)
def test_names_settings_and_sentences_stay(text: str) -> None:
    assert ENGINE.find(text.encode()) == []


@pytest.mark.parametrize("between", [" ", "\t", "  "])
def test_the_twins_read_commands_alike_however_they_are_spaced(between: str) -> None:
    text = f"net{between}user bob {'Amber' + 'Walrus47%'} /add".encode()
    assert Engine(scanner_name="re").find(text) == ENGINE.find(text)


def test_a_key_of_idempotency_is_no_secret() -> None:
    assert name_says("clientRequestToken") is Says.NOTHING
    assert name_says("request_token") is Says.SECRET


@pytest.mark.parametrize("name", ["hyperscan", "re"])
def test_base64_of_rows_of_zeros_is_no_error(name: str) -> None:
    """A compiled grammar in a program: the markers of tokens that begin with many `A` come up in it by the thousand."""
    rng = random.Random(4)
    data = b"".join(bytes(rng.choice((15, 18, 21, 24))) + rng.randbytes(rng.choice((1, 2, 3))) for _ in range(1500))
    text = b'load("' + base64.b64encode(data) + b'");'
    assert [found for found in Engine(scanner_name=name).find(text) if found.rule == "error"] == []
