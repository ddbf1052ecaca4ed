"""Credentials that were never valid, put together here so that no file holds one in clear."""

from __future__ import annotations

import base64
import json

_LETTERS = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


def _b64(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


GITHUB = "gh" + "p_" + _LETTERS
AWS_ID = "AK" + "IA" + "Q7ZXW3RTY5MNB2KD"
AWS_SECRET = "kQ3v" + "Z9xTb7LmN2pRs5WyHd8JcFgAe4UiOo1BnMvC"
GITLAB = "gl" + "pat-" + _LETTERS[:20]
SLACK = "xo" + "xb-" + "123456789012-1234567890123-" + _LETTERS[:24]
OPENAI = "s" + "k-proj-" + _LETTERS * 2
ANTHROPIC = "s" + "k-ant-api03-" + _LETTERS * 2
STRIPE = "s" + "k_live_" + _LETTERS[:24]
JWT = _b64({"alg": "HS256", "typ": "JWT"}) + "." + _b64({"sub": "1234567890", "name": "made up"}) + "." + _LETTERS
URL_PASSWORD = "hunter2-" + "Zq9"
URL = "postgres://app:" + URL_PASSWORD + "@db.internal:5432/app"
BEARER = "tk" + _LETTERS
PEM_BODY = "MIIEpAIBAAKCAQEA" + "q" * 48
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + (PEM_BODY + "\n") * 3 + "-----END RSA " + "PRIVATE KEY-----"

PLANTED = {
    "github": GITHUB,
    "aws-id": AWS_ID,
    "gitlab": GITLAB,
    "slack": SLACK,
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
    "stripe": STRIPE,
    "jwt": JWT,
    "url": URL,
    "bearer": "Authorization: Bearer " + BEARER,
    "pem": PEM,
}
"""A text that holds each kind."""

NEEDLES = {**PLANTED, "url": URL_PASSWORD, "bearer": BEARER, "pem": PEM_BODY}
"""What of it must not be found again."""


def assert_no_secret(data: bytes | str, where: str) -> None:
    """Fail, naming the kind and the place, if any planted credential is in `data`; never print it."""
    text = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    found = sorted(kind for kind, secret in NEEDLES.items() if secret.encode() in text)
    assert not found, f"{where} holds planted credentials: {found}"
