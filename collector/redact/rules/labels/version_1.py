"""Credentials that only the text around them gives away: assignments, flags, headers, URLs and connection strings.

Those of the first version of the pack; `REPLACED` are the rules that the second has its own of.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace

from collector.redact.engine.looks import around
from collector.redact.engine.rule import Rule, Trigger
from collector.redact.rules.labels.verdicts_1 import (
    CASES,
    CLOSE,
    KEY,
    LITERALS,
    OPEN,
    PASSWORD,
    SECRET,
    SEP,
    STOP,
    assignment,
    is_basic_auth,
    is_cookie,
    is_in_prose,
    is_in_url,
    is_no_stand_in,
    is_on_command_line,
    is_random,
    is_short_flag,
)

_ASSIGN_TRIGGER = (  # `tokens=512` is a count
    CASES
    + f"(?:(?:{PASSWORD}|{SECRET.replace('|token', '')}|{KEY})[A-Za-z0-9_.-]{{0,24}}|token(?:[a-rt-z0-9_.-][A-Za-z0-9_.-]{{0,23}})?)"
    + CLOSE
    + SEP
    + OPEN
    + STOP
    + "{4}"
)
_VALUE = rb"(?P<secret>[^\s\"'`\\\x00]{4,2000}?)(?=[\"'`\\\x00]|[,;)\]}]?(?:\s|\Z)|[,;]|\Z)"

_PAIR = base64.b64encode(b"app:" + b"Kx7" * 4).decode()

_RULES: tuple[Rule, ...] = (
    Rule(
        "secret-assignment",
        "secrets",
        (Trigger(_ASSIGN_TRIGGER, None, LITERALS),),
        assignment,
        match=(
            "DB_PASSWORD={alnum14}",
            'client_secret: "{alnum12}7"',
            '{"api_key":"{hex32}"}',
            'password = "Summer{digit4}!"',
            "AccountKey={b6486}==;EndpointSuffix=core.windows.net",
        ),
        no_match=(
            "API_KEY=${API_KEY}",
            "OPENAI_API_KEY=<your-api-key>",
            "password: {{ .Values.db.password }}",
            "password = getpass.getpass('Password: ')",
            '{"primaryKey":"user_profile_id","max_tokens":4096}',
        ),
    ),
    Rule(
        "secret-assignment",
        "secrets",
        (
            Trigger(
                CASES + r"(?:name|key)[\"'\\]{0,6}[ \t]{0,4}[:=][ \t]{0,4}[\"'\\]{0,6}[A-Za-z0-9_.-]{0,40}" + "(?:passw(?:or)?d|secret|token|key|pwd|auth|credential)"
                + r"[A-Za-z0-9_.-]{0,20}[\"'\\]{0,6},?(?:\s|\\n){0,40}[\"'\\]{0,6}value[\"'\\]{0,6}[ \t]{0,4}[:=][ \t]{0,4}[\"'\\]{0,6}" + STOP + "{4}",
                None,
                (b"value",),
            ),
        ),
        around(
            re.compile(
                rb"(?i)(?:name|key)[\"'\\]{0,6}[ \t]{0,4}[:=][ \t]{0,4}[\"'\\]{0,6}(?P<key>[A-Za-z0-9_.-]{1,80})[\"'\\]{0,6},?(?:\s|\\n){0,40}"
                rb"[\"'\\]{0,6}value[\"'\\]{0,6}[ \t]{0,4}[:=][ \t]{0,4}[\"'\\]{0,6}" + _VALUE
            ),
            260,
            is_on_command_line,
        ),
        match=('- name: DB_PASSWORD\n      value: "{alnum16}"', '{"name":"API_TOKEN","value":"{alnum24}"}'),
        no_match=("- name: DB_PASSWORD\n  value: $(DB_PASSWORD)",),
    ),
    Rule(
        "secret-assignment",
        "secrets",
        (Trigger(CASES + r"<[a-z0-9:._-]{0,30}(?:password|passwd|pwd|secret|token|key)[a-z0-9_.-]{0,12}>[^\s<>\"'\\\x00]{4}", None, (b"password>", b"passwd>", b"pwd>", b"secret", b"token", b"key")),),
        around(re.compile(rb"(?i)<(?P<key>[a-z0-9:._-]{1,70})>(?P<secret>[^\s<>\"'\\\x00]{4,2000})</"), 100, is_on_command_line, ahead=2100),
        match=("<password>{alnum12}</password>", "<ApiKey>{hex32}</ApiKey>"),
        no_match=("<password>changeme</password>", "<key>CFBundleName</key>"),
    ),
    Rule(
        "cli-secret",
        "secrets",
        (
            Trigger(
                CASES + r"[ \t\"'](?:--?|/)[a-z0-9-]{0,24}(?:password|passwd|passphrase|pwd|secret|token|api-?key|access-?key|account-?key|auth-?key|credential|pass)"
                + r"[a-z0-9-]{0,12}(?:[\"'],[ ]|[ =:\t])[\"'\\]{0,4}" + STOP + "{4}",
                None,
                (b"pass", b"pwd", b"secret", b"token", b"key", b"credential"),
            ),
        ),
        around(
            re.compile(
                rb"(?i)[ \t\"'](?:--?|/)(?P<key>[a-z0-9-]{1,60})(?:[\"'],[ ]|[ =:\t])[\"'\\]{0,4}" + _VALUE
            ),
            120,
            is_on_command_line,
        ),
        match=("deploy --password={alnum12}", "tool --api-key {alnum32} run", "x --db-password 'Str0ng!{digit4}'"),
        no_match=("run --password $DB_PASSWORD", "git --password-file ./x", "cli --token <token>"),
    ),
    Rule(
        "cli-secret",
        "secrets",
        (
            Trigger(CASES + r"[ \t](?:-u|-U|--user|--proxy-user|--auth|-a|--http-user)[ =]{0,2}[\"'\\]{0,4}[A-Za-z0-9_.@%\\+-]{0,64}:" + STOP + "{4}", None, (b" -u", b" --user", b"--proxy-user", b"--auth", b" -a", b"\t-u")),
        ),
        around(
            re.compile(rb"[ \t](?:-u|-U|--user|--proxy-user|--auth|-a|--http-user)[ =]{0,2}[\"'\\]{0,4}[A-Za-z0-9_.@%\\+-]{0,64}:" + _VALUE),
            90,
            is_on_command_line,
        ),
        match=("curl -u app:{alnum16} https://x.test/", "http -a jo:{alnum12} api.test"),
        no_match=("curl -u $USER:$PASS https://x.test/",),
    ),
    Rule(
        "cli-secret",
        "secrets",
        (Trigger(r"[ \t]-p[\"']?[ ]?[\"']?[^\s\"'\x00-]{4}", None, (b" -p", b"\t-p")), Trigger(r"[ \t]-[aAwPx][ =][\"']?[^\s\"'\x00-]{4}", None, (b" -", b"\t-"))),
        around(re.compile(rb"[ \t](?P<flag>-[paAwPx])[\"']?[ =]?[\"']?" + _VALUE), 10, is_short_flag),
        match=("mysql -h db -u root -p{alnum12} app", "redis-cli -h cache -a {alnum20} ping"),
        no_match=("mysql -u root -p app", "docker run -p 8080:80 image"),
    ),
    Rule(
        "netrc-password",
        "secrets",
        (Trigger(CASES + r"(?:login|machine|account|default)[ \t\n]{1,4}[^\s\x00]{1,100}[ \t\n]{1,8}password[ \t\n]{1,4}" + STOP + "{3}", None, (b"password",)),),
        around(re.compile(rb"(?i)password\s{1,4}" + _VALUE), 24, is_no_stand_in),
        match=("machine api.test login jo password {alnum10}",),
        no_match=("machine api.test login jo password <password>",),
    ),
    Rule(
        "pgpass-password",
        "secrets",
        (Trigger(r"[a-z0-9.*-]{1,80}:(?:[0-9]{4,5}|\*):[A-Za-z0-9_*-]{1,64}:[A-Za-z0-9_.@-]{1,64}:[^\s:\"'\x00]{6}", None, (b":",)),),
        around(re.compile(rb"[a-z0-9.*-]{1,80}:(?:[0-9]{4,5}|\*):[A-Za-z0-9_*-]{1,64}:[A-Za-z0-9_.@-]{1,64}:(?P<secret>[^\s:\"'\x00]{6,200})(?=\s|\Z)"), 330, is_random),
        match=("db.test:5432:app:svc:{alnum16}",),
        no_match=("12:30:45:123:456789",),
    ),
    Rule(
        "password-hash",
        "secrets",
        (
            Trigger(r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{20}", 27, (b"$2",)),
            Trigger(r"\$(?:apr1|argon2id?|scrypt|pbkdf2-sha(?:256|512))\$[./A-Za-z0-9$=,+-]{8}", None, (b"$apr1", b"$argon2", b"$scrypt", b"$pbkdf2")),
            Trigger(r"\$[156y]\$(?:rounds=[0-9]{1,9}\$|j[./A-Za-z0-9]{1,4}\$)?[./A-Za-z0-9]{1,24}\$[./A-Za-z0-9]{20}", None, (b"$1$", b"$5$", b"$6$", b"$y$")),
        ),
        around(re.compile(rb"(?P<secret>\$(?:2[abxy]|apr1|argon2id?|scrypt|pbkdf2-sha(?:256|512)|[156y])\$[./A-Za-z0-9$=,+-]{20,300})"), 64, is_random),
        match=("jo:$apr1${alnum8}${alnum22}", "$2b$12${alnum53}"),
        no_match=("$2b$12$xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",),
    ),
    Rule(
        "url-password",
        "secrets",
        (Trigger(r"://[^\s/@:\"'<>\x00]{0,100}:[^\s/@\"'<>\x00]{1,256}@", None, (b"://",)),),
        around(
            re.compile(rb"://(?P<user>[^\s/@:\"'<>\x00]{0,100}):(?P<secret>[^\s/\"'<>\x00\\]{1,256})@(?=[A-Za-z0-9_.\[$%{(-])"),
            370,
            is_in_url,
        ),
        match=("postgres://app:{alnum14}@db.internal/app", "redis://:{alnum10}@cache:6379", "mysql://u:%{HEX2}{alnum8}@h/d"),
        no_match=("https://example.test:8080/a@b", "postgres://user:password@localhost/x", "amqp://u:${{PASS}}@h"),
    ),
    Rule(
        "bearer-token",
        "secrets",
        (Trigger(CASES + r"bearer(?:[ \t]|%20|\+)", None, (b"bearer",)),),
        around(re.compile(rb"(?i)bearer(?:[ \t]|%20|\+){1,4}[\"']?(?P<secret>[A-Za-z0-9._~+/%-]{8,4000}={0,2})"), 12, is_random),
        match=("Authorization: Bearer {url42}",),
        no_match=("Authorization: Bearer $TOKEN", "uses Bearer authentication tokens"),
    ),
    Rule(
        "basic-auth",
        "secrets",
        (Trigger(CASES + r"basic[ \t][A-Za-z0-9+/_-]{8}", 14, (b"basic",)),),
        around(re.compile(rb"(?i)basic[ \t]{1,2}(?P<secret>[A-Za-z0-9+/_-]{8,400}={0,2})"), 0, is_basic_auth),
        match=("Authorization: Basic " + _PAIR,),
        no_match=("basic authentication", "Basic realm"),
    ),
    Rule(
        "auth-header",
        "secrets",
        (Trigger(CASES + r"authorization[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}(?:[a-z0-9-]{2,24}[ \t])?(?:[a-z_]{1,20}=)?[\"'\\]{0,4}[A-Za-z0-9._~+/=-]{8}", None, (b"authorization",)),),
        around(
            re.compile(
                rb"(?i)authorization[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}(?:[a-z0-9-]{2,24}[ \t])?(?:[a-z_]{1,20}=)?[\"'\\]{0,4}(?P<secret>[A-Za-z0-9._~+/=-]{8,4000})"
            ),
            110,
            is_random,
        ),
        match=("Authorization: token {hex40}", '"authorization": "ApiKey {b6460}"'),
        no_match=("authorization: required", "Authorization: Token <token>"),
    ),
    Rule(
        "digest-auth",
        "secrets",
        (Trigger(CASES + r"(?:response|nonce|opaque)=\\{0,8}\"[0-9a-f]{8}", None, (b"response=", b"nonce=", b"opaque=")),),
        around(re.compile(rb"(?i)(?:response|nonce|opaque)=\\{0,8}\"(?P<secret>[0-9a-f]{16,128})"), 30, is_random),
        match=('Authorization: Digest username="x", response="{hex32}"',),
        no_match=('response="ok"',),
    ),
    Rule(
        "cookie",
        "secrets",
        (
            Trigger(CASES + r"cookie[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}[A-Za-z0-9_.%-]{1,80}=[^\s;=\"'\\\x00]", None, (b"cookie",)),
        ),
        around(
            re.compile(
                rb"(?i)cookie[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}[A-Za-z0-9_.%-]{1,80}=(?P<secret>[^\s;\"'\\\x00]{1,4000}(?:;[ ]?(?!path|expires|domain|max-age|httponly|secure|samesite)[A-Za-z0-9_.%-]{1,80}=[^\s;\"'\\\x00]{1,4000}){0,40})"
            ),
            110,
            is_cookie,
        ),
        match=("Set-Cookie: session={alnum32}; Path=/; HttpOnly", "Cookie: a=1; theme=dark; sid={alnum32}"),
        no_match=("Set-Cookie: lang=english; Path=/", "Cookie: theme=dark; size=12"),
    ),
    Rule(
        "secret-in-prose",
        "secrets",
        (
            Trigger(
                CASES + r"(?:password|passwd|passphrase|passcode|secret|token|api[ _-]key|apikey|access[ _-]key|credentials?|\bkey|\bpw|\bpwd)(?: (?:is|was|to|with|for [a-z0-9_.-]{1,24} is|set to))?"
                + r"[ \t:=]{1,4}[\"'`(<]?[A-Za-z0-9+/_!@#$%^&*.~-]{8}",
                None,
                (b"passw", b"passphrase", b"passcode", b"secret", b"token", b"key", b"credential", b"pw"),
            ),
        ),
        around(
            re.compile(
                rb"(?i)(?P<key>password|passwd|passphrase|passcode|secret|token|api[ _-]key|apikey|access[ _-]key|credentials?|(?<![A-Za-z0-9_-])(?:key|pw|pwd))(?P<is> (?:is|was|to|with|for [a-z0-9_.-]{1,24} is|set to))?"
                rb"[ \t:=]{1,4}[\"'`(<]?(?P<secret>[A-Za-z0-9+/_!@#$%^&*.~=-]{7,2000}[A-Za-z0-9+/_!@#$%^&*~=-])"
            ),
            80,
            is_in_prose,
            starts=re.compile(rb"(?i)[pstack](?=ass|wd?|ecret|oken|pi|ccess|redential|ey)"),
        ),
        match=("The token is {alnum40}. Thanks!", "ERROR auth failed for token {alnum40}"),
        no_match=("fix: token refresh", "The password must be at least 12 characters", "the secret is patience."),
    ),
    Rule(
        "azure-sas",
        "secrets",
        (Trigger(r"[?&;]sig=[A-Za-z0-9%+/]{16}", 21, (b"sig=",)),),
        around(re.compile(rb"[?&;]sig=(?P<secret>[A-Za-z0-9%+/=_-]{30,120})"), 0, is_random),
        match=("https://x.blob.core.windows.net/c?sv=2022&sig={alnum43}%3D",),
        no_match=("?sig=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",),
    ),
    Rule(
        "sentry-dsn",
        "secrets",
        (Trigger(r"https://[0-9a-f]{32}(?:@|:[0-9a-f]{32}@)", None, (b"https://",)),),
        around(re.compile(rb"https://(?P<secret>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[a-z0-9.-]{3,80}/[0-9]"), 90, is_random),
        match=("https://{hex32}@o1.ingest.sentry.io/42",),
        no_match=(),
    ),
    Rule(
        "docker-auth",
        "secrets",
        (Trigger(r"\"auth\\{0,8}\"[ \t]{0,4}:[ \t]{0,4}\\{0,8}\"[A-Za-z0-9+/=]{8}", None, (b'auth',)),),
        around(re.compile(rb"\"auth\\{0,8}\"[ \t]{0,4}:[ \t]{0,4}\\{0,8}\"(?P<secret>[A-Za-z0-9+/]{8,400}={0,2})"), 60, is_basic_auth),
        match=('{"auths":{"r.test":{"auth": "' + _PAIR + '"}}}',),
        no_match=('"auth": "required"',),
    ),
)  # fmt: skip

_REPLACED = frozenset(
    ("secret-assignment", "cli-secret", "secret-in-prose", "url-password", "auth-header", "cookie", "bearer-token", "basic-auth", "netrc-password", "pgpass-password")
)  # fmt: skip
VERSION_1: tuple[Rule, ...] = tuple(replace(rule, until=1) if rule.id in _REPLACED else rule for rule in _RULES)
