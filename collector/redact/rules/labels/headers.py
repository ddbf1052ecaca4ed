"""Credentials in HTTP headers and cookies."""

from __future__ import annotations

import base64
import binascii
import re

from collector.redact.engine.checks import masked, random
from collector.redact.engine.looks import around
from collector.redact.engine.rule import Rule, Trigger
from collector.redact.rules.labels.assignments import CASES
from collector.redact.rules.labels.verdicts import names_something
from collector.redact.rules.values import drawn, harmless, is_id, stands_for

_PAIR = base64.b64encode(b"app:" + b"Kx7" * 4).decode()
_BASIC_PAIR = re.compile(rb"[^\x00-\x1f:]{0,100}:[^\x00-\x1f]{3,200}")


def _basic(match: re.Match[bytes], data: bytes) -> bool:
    """Base64 of `user:password`."""
    text = match["secret"]
    try:
        plain = base64.b64decode(text + b"=" * (-len(text) % 4))
        plain.decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return _BASIC_PAIR.fullmatch(plain) is not None and not stands_for(plain)


def _credential(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"].rstrip(b"=")
    if masked(value) or stands_for(value) or harmless(value):
        return False
    return drawn(value) or (len(value) >= 20 and any(48 <= byte <= 57 for byte in value) and not names_something(value))


def _after_scheme(match: re.Match[bytes], data: bytes) -> bool:
    before = data[max(0, match.start() - 40) : match.start()].lower()
    return _credential(match, data) and not before.endswith(b"::")


def _cookies(match: re.Match[bytes], data: bytes) -> bool:
    """Whether one of the cookies holds what looks drawn by chance; then all of them go."""
    values = [part.split(b"=", 1)[-1].rstrip(b"=") for part in match["secret"].split(b";")]
    return any(
        len(value) >= 8
        and (random(value) or drawn(value))
        and not names_something(value)
        and not _LOCALE.fullmatch(value)
        for value in values
    )


def _is_session(value: bytes) -> bool:
    return drawn(value.rstrip(b"=")) and not names_something(value) and not is_id(value)


_LOCALE = re.compile(rb"[a-z]{2}[-_][A-Z]{2}[0-9]{0,4}")
_SESSIONS = (
    r"PHPSESSID|JSESSIONID|ASP\.NET_SessionId|\.AspNetCore\.[A-Za-z.]{1,40}|connect\.sid|laravel_session|_session_id|sessionid|csrftoken|XSRF-TOKEN|remember_token"
    r"|remember_user_token|__Secure-[A-Za-z0-9._-]{1,40}|__Host-[A-Za-z0-9._-]{1,40}|wordpress_logged_in_[0-9a-f]{8,40}|next-auth\.session-token|authjs\.session-token|sb-[a-z]{20}-auth-token"
    r"|_gh_sess|user_session|li_at|SAPISID|SSID|HSID|auth_token|access_token|refresh_token|id_token|jwt|sid|cf_clearance|AWSALB|rack\.session|session|_[a-z0-9_]{2,30}_session|koa\.sess|sails\.sid|CFID|CFTOKEN"
)
_NAME = r"[A-Za-z0-9_.%-]{1,80}"

HEADERS: tuple[Rule, ...] = (
    Rule(
        "bearer-token", "secrets",
        (Trigger(CASES + r"bearer(?:[ \t]|%20|\+)", None, (b"bearer",)),),
        around(re.compile(rb"(?i)bearer(?:[ \t]|%20|\+){1,4}[\"']?(?P<secret>[A-Za-z0-9._~+/%-]{8,4000}={0,2})"), 12, _credential),
        match=("Authorization: Bearer {url42}",),
        no_match=("Authorization: Bearer $TOKEN", "uses Bearer authentication tokens"),
        since=2,
    ),
    Rule(
        "basic-auth", "secrets",
        (Trigger(CASES + r"basic[ \t][A-Za-z0-9+/_-]{8}", 14, (b"basic",)),),
        around(re.compile(rb"(?i)basic[ \t]{1,2}(?P<secret>[A-Za-z0-9+/_-]{8,400}={0,2})"), 0, _basic),
        match=("Authorization: Basic " + _PAIR,),
        no_match=("basic authentication", "Basic realm", "see `Basic Operations` for tables"),
        since=2,
    ),
    Rule(
        "auth-header", "secrets",
        (Trigger(CASES + r"\bauthorization[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}(?:[a-z0-9-]{2,24}[ \t])?(?:[a-z_]{1,20}=)?[\"'\\]{0,4}[A-Za-z0-9._~+/=-]{8}", None, (b"authorization",)),),
        around(
            re.compile(
                rb"(?i)(?<![A-Za-z])authorization[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}(?:[a-z0-9-]{2,24}[ \t])?(?:[a-z_]{1,20}=)?[\"'\\]{0,4}(?P<secret>[A-Za-z0-9._~+/=-]{8,4000})"
            ),
            110, _after_scheme,
        ),
        match=("Authorization: token {hex40}", '"authorization": "ApiKey {b6460}"'),
        no_match=("authorization: required", "Authorization: Token <token>", '"AWS::Redshift::EndpointAuthorization": "{hex16}"'),
        since=2,
    ),
    Rule(
        "auth-header", "secrets",
        (Trigger(CASES + r"Signature=[0-9a-f]{32}", None, (b"signature=",)),),
        around(re.compile(rb"(?i)Signature=(?P<secret>[0-9a-f]{40,128})"), 44, _credential),
        match=("AWS4-HMAC-SHA256 Credential=x/20260101/eu/s3/aws4_request, SignedHeaders=host, Signature={hex64}",),
        no_match=("Signature=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",),
        since=2,
    ),
    Rule(
        "cookie", "secrets",
        (Trigger(CASES + r"cookie[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}[A-Za-z0-9_.%-]{1,80}=[^\s;=\"'\\\x00]", None, (b"cookie",)),),
        around(
            re.compile(
                rb"(?i)cookie[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}[A-Za-z0-9_.%-]{1,80}=(?P<secret>[^\s;\"'\\\x00]{1,4000}(?:;[ ]?(?!path|expires|domain|max-age|httponly|secure|samesite)[A-Za-z0-9_.%-]{1,80}=[^\s;\"'\\\x00]{1,4000}){0,40})"
            ),
            110, _cookies,
        ),
        match=("Set-Cookie: session={alnum32}; Path=/; HttpOnly", "Cookie: a=1; theme=dark; sid={alnum32}"),
        no_match=("Set-Cookie: lang=english; Path=/", "Cookie: theme=dark; size=12", "Set-Cookie: lang=en-US2024; Path=/"),
        since=2,
    ),
    Rule(
        "cookie", "secrets",
        (Trigger(rf"(?:{_SESSIONS})=[A-Za-z0-9%._~+/:-]{{12}}", None, (b"=",)),),
        around(re.compile(rf"(?<![A-Za-z0-9])(?:{_SESSIONS})=(?P<secret>[A-Za-z0-9%._~+/:=-]{{12,4000}})".encode()), 100, lambda match, data: _is_session(match["secret"])),
        match=("curl -b 'PHPSESSID={lower26}' https://x.test", "connect.sid=s%3A{alnum32}.{alnum43}"),
        no_match=("session_id=<session>", "sid=12345", "x; session=ses_6b1c8f0e2ffe"),
        since=2,
    ),
    Rule(
        "cookie", "secrets",
        (Trigger(r"\t(?:TRUE|FALSE)\t[0-9]{1,12}\t[^\s\x00]{1,80}\t[^\s\x00]{8}", None, (b"true\t", b"false\t")),),
        around(re.compile(rb"\t(?:TRUE|FALSE)\t[0-9]{1,12}\t[^\s\x00]{1,80}\t(?P<secret>[^\s\x00]{8,4000})"), 110, lambda match, data: _is_session(match["secret"])),
        match=(".api.test\tTRUE\t/\tTRUE\t1799999999\tsid\t{lower32}",),
        no_match=(".api.test\tTRUE\t/\tFALSE\t0\ttheme\tdark-mode",),
        since=2,
    ),
)  # fmt: skip
