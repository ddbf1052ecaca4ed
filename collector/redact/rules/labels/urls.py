"""Credentials in addresses: passwords and tokens before the host, signatures, codes and links that let anyone in."""

from __future__ import annotations

import re

from collector.redact.engine.checks import masked
from collector.redact.engine.looks import around
from collector.redact.engine.rule import Rule, Trigger
from collector.redact.rules.labels.assignments import CASES
from collector.redact.rules.values import drawn, stands_for

_LOCAL = re.compile(
    rb"(?i)(?:password|passwd|pass|pwd|secret|user|test|root|admin|postgres|mysql|guest|example|token|p|pw|xyz|xxx+|\*+|passwort|senha|pass123|x-oauth-basic|foo|bar|abc|123|hunter2)"
)


def _in_url(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    if _LOCAL.fullmatch(value) or (value == match["user"] and value.isalpha()) or stands_for(value):
        return False
    if re.match(rb"[0-9]{1,5}(?:/|,|\Z)", value) or value[:1] in b"/?#":
        return False
    return not re.fullmatch(
        rb"(?i)\{[^}]*\}|\[[a-z ]+\]|%[a-z]|%\([a-z_]+\)s|:?[A-Z_]*PASS(?:WORD)?|.*anon(?:cvs|ymous)?|[a-z]%20[a-z]+",
        value,
    )


def _drawn(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"].rstrip(b"=")
    return (
        not masked(value)
        and not stands_for(value)
        and (drawn(value) or (len(value) >= 24 and any(48 <= byte <= 57 for byte in value)))
    )


_BEFORE_LINK = re.compile(rb"://[^\s\"'<>\x00]{3,120}\Z")


def _in_link(match: re.Match[bytes], data: bytes) -> bool:
    return _drawn(match, data) and _BEFORE_LINK.search(data, max(0, match.start() - 123), match.start()) is not None


_SIGNED = r"X-Amz-Signature|X-Goog-Signature|X-Amz-Security-Token|X-Oss-Signature|X-Tos-Signature|Signature|sig|Policy|hdnts|hmac|Expires_Signature|OSSAccessKeySignature|q-signature"
_CODES = (
    r"code|token|access_token|refresh_token|id_token|auth_token|api_key|apikey|key|secret|client_secret|password|pwd|reset|reset_token|reset_password_token|invite|invitation_token"
    r"|confirmation_token|magic|otp|ticket|appid|app_key|sso|samlresponse|samlart|oobcode|login_token|jwt|session|sid|assertion|state_token|upn|unlock_token|verification_token|verify|hash|nonce_token"
)
_LINKS = r"reset|reset-password|password-reset|password/reset|password_reset|magic|magic-link|magic_link|magiclink|verify|verify-email|confirm|confirmation|invite|invitation|activate|unlock|login|signin|sso|accept-invite|recover|set-password|passwordless|email-login|auth/email"

URLS: tuple[Rule, ...] = (
    Rule(
        "url-password", "secrets",
        (Trigger(r"://[^\s/@:\"'<>\x00]{0,100}:[^\s/@\"'<>\x00]{1,256}@", None, (b"://",)),),
        around(re.compile(rb"://(?P<user>[^\s/@:\"'<>\x00]{0,100}):(?P<secret>[^\s/\"'<>\x00\\]{1,256})@(?=[A-Za-z0-9_.\[$%{(-])"), 370, _in_url),
        match=("postgres://app:{alnum14}@db.internal/app", "redis://:{alnum10}@cache:6379", "mysql://u:%{HEX2}{alnum8}@h/d"),
        no_match=("https://example.test:8080/a@b", "postgres://user:password@localhost/x", "amqp://u:${{PASS}}@h", "https://foo.com:123,foo:bar@bar.com/path"),
        since=2,
    ),
    Rule(
        "url-token", "secrets",
        (Trigger(r"https?://[A-Za-z0-9_.%~-]{16,400}@[A-Za-z0-9]", None, (b"://",)),),
        around(re.compile(rb"https?://(?P<secret>[A-Za-z0-9_.%~-]{16,400})@[A-Za-z0-9.-]{3,}"), 420, _drawn),
        match=("https://{alnum40}@git.test/org/repo.git",),
        no_match=("https://build-automation-user@git.test/org/repo.git",),
        since=2,
    ),
    Rule(
        "url-token", "secrets",
        (Trigger(r"[A-Za-z0-9_.-]{16}:(?:x-oauth-basic)?@[A-Za-z0-9]", None, (b":x-oauth-basic@", b":@")),),
        around(re.compile(rb"://(?P<secret>[A-Za-z0-9_.-]{16,400}):(?:x-oauth-basic)?@[A-Za-z0-9]"), 430, _drawn),
        match=("git+https://{alnum40}:x-oauth-basic@git.test/a.git", "https://{hex40}:@api.test/v1"),
        no_match=("https://build-automation-user:@git.test/org/repo.git",),
        since=2,
    ),
    Rule(
        "signed-url", "secrets",
        (Trigger(CASES + rf"[?&;](?:{_SIGNED})=[A-Za-z0-9%+/_~-]{{12}}", None, (b"signature=", b"sig=", b"policy=", b"security-token=", b"hdnts=", b"hmac=")),
         Trigger(r"X-(?:Amz|Goog)-(?:Signature|Security-Token)=[A-Za-z0-9%+/_~-]{12}", None, (b"signature=", b"security-token="))),
        around(re.compile(rf"(?i)(?:[?&;]|x-)(?:{_SIGNED}|amz-signature|goog-signature|amz-security-token|goog-security-token)=(?P<secret>[A-Za-z0-9%+/=_~.-]{{12,4000}})".encode()), 30, _drawn),
        match=(
            "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={hex64}", "https://storage.googleapis.com/b/k?X-Goog-Signature={hex256}",
            "https://d1.cloudfront.net/a.pdf?Expires=1&Signature={alnum120}__&Key-Pair-Id=K2", "X-Amz-Signature={hex64}&x=1",
        ),
        no_match=("https://b.test/k?X-Amz-Signature=<signature>", "?sig=xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        since=2,
    ),
    Rule(
        "url-code", "secrets",
        (Trigger(CASES + rf"[?&#;](?:{_CODES})=[A-Za-z0-9%+/_~.-]{{12}}", None, tuple(f"{word}=".encode() for word in _CODES.split("|"))),),
        around(re.compile(rf"(?i)[?&#;](?:{_CODES})=(?P<secret>[A-Za-z0-9%+/=_~.-]{{12,4000}})".encode()), 34, lambda match, data: drawn(match["secret"].rstrip(b"=."))),
        match=("https://app.test/callback?code={url40}&state=x", "https://app.test/users/password/edit?reset_password_token={url20}"),
        no_match=("https://app.test/docs?key=introduction-to-tokens", "https://codecov.io/badge.svg?token=yZL6LtXkOA", "?tokena=A&amp;tokenb=B"),
        since=2,
    ),
    Rule(
        "url-code", "secrets",
        (Trigger(CASES + rf"/(?:{_LINKS})/[A-Za-z0-9_~.%-]{{16}}", None, tuple(f"{word}/".encode() for word in _LINKS.split("|"))),),
        around(re.compile(rf"(?i)/(?:{_LINKS})/(?P<secret>[A-Za-z0-9_~.%=-]{{16,2000}})".encode()), 40, _in_link),
        match=("https://app.test/reset-password/{alnum40}", "https://app.test/magic-link/{hex64}"),
        no_match=("https://docs.test/guides/login/configure-authentication-providers",),
        since=2,
    ),
)  # fmt: skip
