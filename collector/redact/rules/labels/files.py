"""Credential files that name their fields by place: .netrc, .pgpass, wpa_supplicant, OpenCode's and other agents' auth.json."""

from __future__ import annotations

import re

from collector.redact.engine.checks import classes, masked
from collector.redact.engine.looks import around
from collector.redact.engine.rule import Rule, Trigger
from collector.redact.rules.labels.assignments import CASES, STOP, VALUE
from collector.redact.rules.labels.verdicts import names_something
from collector.redact.rules.values import chosen, drawn, harmless, is_diced, is_words_and_digits, stands_for


def _no_stand_in(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    return (
        not stands_for(value)
        and not masked(value)
        and not _EXAMPLE.fullmatch(value)
        and not harmless(value, digits_may_be_secret=True)
    )


_EXAMPLE = re.compile(rb"#?pa?ss?w?[0-9]?#?|pa#ss|#pass|[a-z]{2,12}@(?:site|host|domain|localhost)")


def _drawn(match: re.Match[bytes], data: bytes) -> bool:
    return drawn(match["secret"].rstrip(b"="))


def _in_pgpass(match: re.Match[bytes], data: bytes) -> bool:
    """Not the groups of an address, which colons part as well."""
    return (chosen(match["secret"]) or is_diced(match["secret"])) and not _ADDRESS.match(match[0])


def _in_user_list(match: re.Match[bytes], data: bytes) -> bool:
    """Of lines that are two strings, the second where it is no word, number or name: `.vdf` files have them too."""
    value = match["secret"]
    if harmless(value) or stands_for(value) or masked(value) or names_something(value) or b"/" in value:
        return False
    return is_diced(value) or is_words_and_digits(value) or (chosen(value) and (drawn(value) or classes(value) >= 3))


_ADDRESS = re.compile(rb"[0-9A-Fa-f:.]{12}")
_STORE = re.compile(rb"\"type\\{0,8}\"[ ]{0,2}:[ ]{0,2}\\{0,8}\"(?:oauth|api|wellknown|apikey|token)\\{0,8}\"")


_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_BESIDE_ORG = re.compile(rb"\\{0,8}\",\s{0,16}\\{0,8}\"(?:org|endpoint|disable-analytics|disableSuggestions)\\{0,8}\"")
"""How Snyk's command goes on behind its key."""


def _in_auth_store(match: re.Match[bytes], data: bytes) -> bool:
    """Members of an entry `{"type": "oauth", "refresh": ..., "access": ...}`, whatever their values look like."""
    value = match["secret"]
    if match["name"] == b"api":
        return _UUID.fullmatch(value) is not None and _BESIDE_ORG.match(data, match.end()) is not None
    near = data[max(0, match.start() - 6000) : match.end() + 400]
    return _STORE.search(near) is not None and not harmless(value) and not stands_for(value) and len(value) >= 8


FILES: tuple[Rule, ...] = (
    Rule(
        "netrc-password", "secrets",
        (Trigger(CASES + r"(?:login|machine|account|default)[ \t\n]{1,4}[^\s\x00]{1,100}[ \t\n]{1,8}password[ \t\n]{1,4}" + STOP + "{3}", None, (b"password",)),),
        around(re.compile(rb"(?i)password\s{1,4}" + VALUE), 24, _no_stand_in),
        match=("machine api.test login jo password {alnum10}",),
        no_match=("machine api.test login jo password <password>", "machine foo.test login bar password pass1"),
        since=2,
    ),
    Rule(
        "pgpass-password", "secrets",
        tuple(Trigger(port + r":[A-Za-z0-9_*-]{1,64}:[A-Za-z0-9_.@-]{1,64}:[^\s:\"'\x00]{6}", None, (b":",)) for port in (":[0-9]{4,5}", r":\*")),
        around(re.compile(rb"[a-z0-9.*-]{1,80}:(?:[0-9]{4,5}|\*):[A-Za-z0-9_*-]{1,64}:[A-Za-z0-9_.@-]{1,64}:(?P<secret>[^\s:\"'\x00]{6,200})(?=[\s\"']|\Z)"), 330, _in_pgpass),
        match=("db.test:5432:app:svc:{alnum16}",),
        no_match=("12:30:45:123:456789",),
        since=2,
    ),
    Rule(
        "wifi-password", "secrets",
        (Trigger(CASES + r"(?:psk|wep_key[0-9]|wpa_passphrase|sae_password)=(?:\"[^\"\n\x00]{8}|[^\s\"\x00]{8})", None, (b"psk=", b"wep_key", b"wpa_passphrase", b"sae_password")),),
        around(re.compile(rb"(?i)(?:psk|wep_key[0-9]|wpa_passphrase|sae_password)=(?:\"(?P<quoted>[^\"\n\x00]{8,63})\"|(?P<bare>[^\s\"\x00]{8,64}))"), 24, lambda match, data: not harmless(match["quoted"] or match["bare"]) and not stands_for(match["quoted"] or match["bare"]), group="quoted"),
        match=('network={\n  ssid="x"\n  psk="{alnum14}"\n}',),
        no_match=('psk="<password>"',),
        since=2,
    ),
    Rule(
        "agent-credential", "secrets",
        (Trigger(r"\"(?:key|access|refresh|token|api)\\{0,8}\"[ ]{0,2}:[ ]{0,2}\\{0,8}\"[^\s\"\\]{8}", None, (b"key", b"access", b"refresh", b"token", b"api")),),
        around(re.compile(rb"\"(?P<name>key|access|refresh|token|api)\\{0,8}\"[ ]{0,2}:[ ]{0,2}\\{0,8}\"(?P<secret>[^\s\"\\\x00]{8,8000})"), 60, _in_auth_store),
        match=('{"x": {"type": "api", "key": "{alnum40}"}}', '{"api": "{hex8}-{hex4}-{hex4}-{hex4}-{hex12}", "org": "x"}', '{"x":{"type":"oauth","refresh":"{url60}","expires":1}}'),
        no_match=('{"type": "object", "key": "sorted-by-name-2"}', '{"api": "{hex8}-{hex4}-{hex4}-{hex4}-{hex12}", "version": 2}'),
        since=2,
    ),
    Rule(
        "encryption-key", "secrets",
        (Trigger(CASES + r"(?:(?:PrivateKey|PresharedKey|private_key|preshared_key)[ ]{0,3}=|localprivate:)[ ]{0,3}[A-Za-z0-9+/]{42}", None, (b"key", b"localprivate")), Trigger(r"\bencrypt\"?[ ]{0,2}[:=][ ]{0,2}\"[A-Za-z0-9+/]{42}", None, (b"encrypt",))),
        around(re.compile(rb"(?i)(?:(?:PrivateKey|PresharedKey|private_key|preshared_key)[ ]{0,3}=|localprivate:|\bencrypt\"?[ ]{0,2}[:=][ ]{0,2}\")[ ]{0,3}(?P<secret>[A-Za-z0-9+/]{42,43}(?:=|(?![A-Za-z0-9+/=])))"), 70, _drawn),
        match=("[Interface]\nPrivateKey = {b6443}=\nAddress = 10.0.0.2/32", "    localprivate: {b6443}=", '"encrypt": "{b6443}="'),
        no_match=("PublicKey = {b6443}=", '"encrypt": "aes-256-gcm"'),
        since=2,
    ),
    Rule(
        "password-hash", "secrets",
        (Trigger(r"SCRAM-SHA-256\$[0-9]{1,7}:[A-Za-z0-9+/]{8}", None, (b"scram-sha-256$",)),),
        around(re.compile(rb"(?P<secret>SCRAM-SHA-256\$[0-9]{1,7}:[A-Za-z0-9+/=]{8,64}\$[A-Za-z0-9+/=]{30,64}:[A-Za-z0-9+/=]{30,64})"), 40),
        match=("SCRAM-SHA-256$4096:{b6424}${b6443}=:{b6443}=",),
        no_match=("SCRAM-SHA-256$4096:salt$stored:server",),
        since=2,
    ),
    Rule(
        "pgpass-password", "secrets",
        (Trigger(r"[\n\x00]\"[A-Za-z_][A-Za-z0-9_.@-]{0,40}\"[ ]\"[^\s\"\\\x00]{6,128}\"[ \t]{0,4}(?:\r?\n|\x00)", None, (b'" "',)),),
        around(re.compile(rb"(?:\A|[\n\x00])\"[A-Za-z_][A-Za-z0-9_.@-]{0,40}\"[ ]\"(?P<secret>[^\s\"\\\x00]{6,128})\"[ \t]{0,4}(?:[\r\n\x00]|\Z)"), 190, _in_user_list),
        match=(';; users\n"pgbouncer" "{alnum14}"\n', '"app" "x"\n"jo" "{alnum12}"\n'),
        no_match=('"name" "description"\n', '"width" "100%"\n', '"appid" "1245620"\n', '"user" "password"\n'),
        since=2,
    ),
    Rule(
        "password-hash", "secrets",
        (Trigger(r"\$[78]\$[0-9]{1,6}\$[A-Za-z0-9+/]{12,44}={0,2}\$[A-Za-z0-9+/]{20}", None, (b"$7$", b"$8$")),),
        around(re.compile(rb"(?P<secret>\$[78]\$[0-9]{1,6}\$[A-Za-z0-9+/=]{12,48}\$[A-Za-z0-9+/=]{20,120})"), 90),
        match=("jo:$7$101${b6416}${b6486}==",),
        no_match=("$7$101$x$y",),
        since=2,
    ),
)  # fmt: skip
