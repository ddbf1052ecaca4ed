"""Credentials whose name is not beside them but around them: nested members, elements and rows of a table."""

from __future__ import annotations

import re

from collector.redact.engine.looks import around
from collector.redact.engine.rule import ByteRange, Rule, Trigger
from collector.redact.placeholders import consists_of_placeholders
from collector.redact.rules.labels.assignments import CASES, STOP, VALUE
from collector.redact.rules.labels.verdicts import Holder, is_secret
from collector.redact.rules.values import drawn, harmless, stands_for
from collector.redact.rules.vocabulary import Says, name_says

_Q = r"\\{0,3}\""
_KEY = r"[A-Za-z0-9_.-]{0,40}(?:pass|pwd|secret|token|key|credential|auth)[A-Za-z0-9_.-]{0,24}"
_VALUED = rf"{_Q}(?P<key>{_KEY}){_Q}\s{{0,4}}:\s{{0,4}}\{{\s{{0,20}}{_Q}(?:value|default|plaintext|plain|current){_Q}\s{{0,4}}:\s{{0,4}}{_Q}"
_BY_HOST = rf"{_Q}(?:[a-z]{{4,12}}-oauth|gitlab-token|bearer|[A-Za-z_]{{0,16}}tokens?){_Q}\s{{0,4}}:\s{{0,4}}\{{\s{{0,20}}{_Q}(?:[A-Za-z0-9_-]{{1,60}}[.:/][A-Za-z0-9_.:/-]{{1,80}}|master|agent|replication){_Q}\s{{0,4}}:\s{{0,4}}{_Q}"
_API_KEYS = r"<apikeys>\s{0,40}<add[ ]key=\"[^\"<>\n]{1,200}\"[ ]value=\""
_XML_NAMED = r"<(?:property|entry|constant|param|item|value|setting)[ ](?:name|key)=\"(?P<key>[A-Za-z0-9_.:-]{0,60}(?:pass|secret|token|key|pwd)[A-Za-z0-9_.-]{0,20})\"(?: [A-Za-z]{1,20}=\"[^\"<>\n]{0,40}\")?>\s{0,12}(?:<value>)?"
_PLIST = r"<key>(?P<key>[A-Za-z0-9_.-]{0,40}(?:pass|secret|token|key)[A-Za-z0-9_.-]{0,20})</key>\s{0,16}<string>"
_NAME_VALUE = r"<(?:name|key)>(?P<key>[A-Za-z0-9_.-]{0,80}(?:pass(?:word)?|secret|token|key|pwd)[A-Za-z0-9_.-]{0,20})</(?:name|key)>\s{0,40}<value(?: [A-Za-z]{1,20}=\"[A-Za-z]{1,10}\")?>"
"""As Hadoop has its settings, and KeePass its entries."""
_XML_VALUE = r"<(?P<key>[A-Za-z0-9:._-]{0,30}(?:password|secret|token|key))>\s{0,40}<value>"
_PARENT = r"[\"'](?:jwt|crypt|encryption|signing|hmac|session|cookie|csrf|oauth|oidc)[A-Za-z]{0,12}[\"']\s{0,4}(?::|=>)\s{0,4}(?:[{\[]|array\()\s{0,24}[\"'](?:key|secret|salt|secret_?key)[\"']\s{0,4}(?::|=>)\s{0,4}[\"']"
_SECRET_ID = r"secret_?-?id[\"'\\]{0,4}[ \t]{0,3}[:=][ \t]{0,16}[\"'\\]{0,4}"
_SHARED = r"primary_?key\\{0,3}\"[ ]{0,2}:[ ]{0,2}\\{0,3}\""
"""The first of two keys of a service of Azure; the other is named for no key of a table."""
_DUMPED = r"\[\"(?P<key>[A-Za-z0-9_.-]{0,40}(?:pass|pwd|secret|token|key)[A-Za-z0-9_.-]{0,20})\"(?::[a-z]{3,9}|:\"[A-Za-z\\]{1,60}\":[a-z]{3,9})?\]=>\s{1,8}string\([0-9]{1,6}\) \""
"""As PHP's var_dump prints members."""
_ACCOUNT = rf"{_Q}(?:username|user|account|issuer|audience){_Q}\s{{0,4}}:\s{{0,4}}{_Q}[^\"\\\n\x00]{{1,120}}{_Q}\s{{0,4}},\s{{0,40}}{_Q}key{_Q}\s{{0,4}}:\s{{0,4}}{_Q}"


def _is_secret(match: re.Match[bytes], data: bytes) -> bool:
    closed = data[match.end("secret") : match.end("secret") + 1] in (b'"', b"\\")
    return closed and is_secret(match["key"], match["secret"], Holder.DATA)


def _is_drawn(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    return not harmless(value) and not stands_for(value) and len(value) >= 16 and drawn(value.rstrip(b"="))


_INSERT = re.compile(rb"(?i)insert[ ]into[ ][^\s(\x00]{1,80}[ ]?\((?P<names>[^()\x00]{1,1000})\)\s{0,8}values\s{0,8}\(")
_CELL = re.compile(rb"\s*(?:'((?:[^'\x00\\]|''|\\.){0,2000})'|[^',()\x00]{0,200})\s*(?:,|\))")


def _inserted(data: bytes, place: int) -> ByteRange | None:
    """The value of the first row for a column that says secret."""
    start = data.lower().rfind(b"insert", max(0, place - 1200), place)
    match = _INSERT.match(data, start) if start >= 0 else None
    if not match or match.end() < place:
        return None
    at = match.end()
    for name in match["names"].split(b","):
        cell = _CELL.match(data, at)
        if not cell:
            return None
        name = name.strip(b' \t\r\n`"[]')
        if cell[1] and name_says(name.decode("utf-8", "replace")) in (Says.PASSWORD, Says.SECRET):
            found = cell.span(1)
            if is_secret(name, cell[1], Holder.DATA) and not consists_of_placeholders(data, *found):
                return found
        at = cell.end()
    return None


NESTED: tuple[Rule, ...] = (
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _VALUED.replace("?P<key>", "?:") + STOP + "{4}", None, (b"value", b"default", b"plain", b"current")),),
        around(re.compile((CASES + _VALUED).encode() + VALUE), 200, _is_secret),
        match=('"db_password": {"value": "{alnum14}", "type": "string"}', '"adminPassword": {\n  "value": "{alnum14}"\n}'),
        no_match=('"pass": {"default": "Элемент2 имеет достаточный"}', '"password": {"value": "", "type": "string"}', '"tokenType": {"default": "bearer-token-1"}', '"password": {"default": "changeme"}'),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _BY_HOST + STOP + "{4}", None, (b"-oauth", b"-token", b"bearer", b"token")),),
        around(re.compile((CASES + _BY_HOST).encode() + VALUE), 200, _is_drawn),
        match=('{"github-oauth":{"github.test":"{alnum40}"}}', '{"accessTokens":{"https://p.test":"{alnum40}"}}', '"bearer": {"repo.test": "{hex40}"}'),
        no_match=('"NextToken": {"shape": "__stringMin1Max8096Pattern7"}', '"tokens": {"color": "var(--x)", "size": "2rem"}', '"bearer": {"type": "http-scheme-bearer-token"}'),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _ACCOUNT + STOP + "{8}", None, (b"key",)), Trigger(CASES + _API_KEYS + STOP + "{8}", None, (b"<apikeys>",)),
         Trigger(CASES + _PARENT + STOP + "{8}", None, (b"key", b"secret", b"salt"))),
        around(re.compile((CASES + "(?:" + _ACCOUNT + "|" + _API_KEYS + "|" + _PARENT + ")").encode() + VALUE), 330, _is_drawn),
        match=('{"username":"jo","key":"{hex32}"}', '"Issuer": "shop",\n    "Key": "{alnum40}"', '<apikeys><add key="https://n.test" value="{alnum40}" />', '"Jwt": { "Key": "{alnum40}" }', "'crypt' => ['key' => '{hex32}']"),
        no_match=('{"user":"jo","key":"user_profile_settings"}',),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _XML_NAMED.replace("?P<key>", "?:") + r"[^\s<>\"'\\\x00]{4}", None, (b"name=", b"key=")), Trigger(CASES + _XML_VALUE.replace("?P<key>", "?:") + r"[^\s<>\"'\\\x00]{4}", None, (b"<value>",)), Trigger(CASES + "(?:" + _PLIST.replace("?P<key>", "?:") + "|" + _NAME_VALUE.replace("?P<key>", "?:") + r")[^\s<>\"'\\\x00]{4}", None, (b"<string>", b"<value"))),
        around(re.compile((CASES + "(?:" + _XML_NAMED + "|" + _XML_VALUE.replace("?P<key>", "?P<name>") + "|" + _PLIST.replace("?P<key>", "?P<other>") + "|" + _NAME_VALUE.replace("?P<key>", "?P<named>") + ")").encode() + rb"(?P<secret>[^\s<>\"\\\x00]{4,2000})</"), 190, lambda match, data: is_secret(match["key"] or match["name"] or match["other"] or match["named"], match["secret"], Holder.DATA), ahead=2100),
        match=('<property name="hibernate.connection.password">{alnum14}</property>', "<AdministratorPassword><Value>{alnum14}</Value></AdministratorPassword>", "<key>APIKey</key>\n\t<string>{alnum32}</string>", "<name>fs.s3a.secret.key</name>\n<value>{alnum40}</value>", '<Key>Password</Key><Value ProtectInMemory="True">{alnum14}</Value>'),
        no_match=('<property name="password">${db.password}</property>', '<entry key="password.label">Password</entry>', "<key>CFBundleKey</key>\n<string>com.acme.App2</string>"),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _SECRET_ID + "[0-9a-f]{8}-[0-9a-f]{4}-", None, (b"secret",)),),
        around(re.compile((CASES + _SECRET_ID).encode() + rb"(?P<secret>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"), 50),
        match=("secret_id: {hex8}-{hex4}-{hex4}-{hex4}-{hex12}", '{"SecretID":"{hex8}-{hex4}-{hex4}-{hex4}-{hex12}"}'),
        no_match=('"SecretId": "prod/db-1"',),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _DUMPED.replace("?P<key>", "?:") + STOP + "{4}", None, (b"string(",)),),
        around(re.compile((CASES + _DUMPED).encode() + rb"(?P<secret>[^\"\n\x00]{4,400})(?=\")"), 190, lambda match, data: is_secret(match["key"], match["secret"], Holder.DATA)),
        match=('["password"]=> string(14) "{alnum14}"',),
        no_match=('["password"]=> string(8) "password"',),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _SHARED + "[A-Za-z0-9+/]{40}", None, (b"primary",)),),
        around(re.compile((CASES + _SHARED).encode() + rb"(?P<secret>[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)"), 60, _is_drawn),
        match=('{"primaryKey":"{b6443}=","secondaryKey":"x"}',),
        no_match=('{"primaryKey":"user_profile_identifier_that_is_rather_long"}',),
        since=2,
    ),
    Rule(
        "secret-column", "secrets",
        (Trigger(CASES + r"insert[ ]into[ ][^\s(\x00]{1,80}[ ]?\([^()\x00]{0,200}(?:pass|pwd|secret|token|key)[^()\x00]{0,160}\)\s{0,8}values\s{0,8}\(", None, (b"insert into",)),),
        _inserted,
        match=("INSERT INTO users (name, password) VALUES ('jo', '{alnum14}');", "insert into `app` (`id`, `api_key`, n) values (1, '{hex32}', 'x')"),
        no_match=("INSERT INTO users (name, password) VALUES (?, ?);", "INSERT INTO t (key, value) VALUES ('color', 'red-2024')", "INSERT INTO users (name, password) VALUES ('a', 'password')"),
        since=2,
    ),
)  # fmt: skip
