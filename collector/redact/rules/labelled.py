"""Credentials that only the text around them gives away: assignments, flags, headers, URLs and connection strings."""

from __future__ import annotations

import base64
import binascii
import re

from collector.redact.checks import classes, count, masked, random, stands_for, wordy
from collector.redact.extents import PLACEHOLDER
from collector.redact.looks import around, is_mask
from collector.redact.rule import Rule, Trigger

_PASSWORD = r"passw(?:or)?d|passwort|passphrase|passcode|pwd|\bpass|[_-]pass|\bpw|[_-]pw"
_SECRET = r"secret|token|credential|passkey|[_-]?auth|cookie|session|[_-]otp\b|\botp\b|webhook|connectionstring|dsn"
_KEY = (
    r"api[_-]?key|apikey|appkey|access[_-]?key|private[_-]?key|account[_-]?key|encryption[_-]?key|signing[_-]?key"
    r"|master[_-]?key|client[_-]?key|shared[_-]?access[_-]?key|shared[_-]?key|service[_-]?key|license[_-]?key|[_-]key|(?-i:[a-z]Key)"
)
_KEYWORD = f"(?:{_PASSWORD}|{_SECRET}|{_KEY})"
_CLOSE = r"[\"'\\\])}]{0,8}"
_TYPE = r"(?:[ \t]{0,4}[A-Za-z_][A-Za-z0-9_.\[\]|]{0,30}(?:[ \t]\|[ \t][A-Za-z]{1,12})?[ \t]{1,4}=)?"
_SEP = r"[ \t]{0,16}(?::=|=>|={1,3}|:)" + _TYPE + r"[ \t]{0,16}"
_OPEN = r"(?:[bBfFrRuU@]{0,2}[\"'`\\]{1,8})?"
_STOP = r"[^\s\"'`\\\x00]"

_ASSIGNMENT = re.compile(
    rb"(?P<key>[A-Za-z0-9_.$-]{1,80})(?P<close>" + _CLOSE.encode() + rb")(?P<sep>" + _SEP.encode() + rb")"
    rb"(?:"
    rb"[bBfFrRuU@]{0,2}\\{0,15}(?:\"(?P<double>[^\s\"\\\x00]{4,4096})|'(?P<single>[^\s'\\\x00]{4,4096})|`(?P<tick>[^\s`\\\x00]{4,4096}))"
    rb"|(?P<bare>[^\s\"'`\\\x00]{4,4096}))"
)
_WHOLE = re.compile(r"(?<=\\bpass)|(?<=\[_-\]pass)|(?<=\\bpw)|(?<=\[_-\]pw)")
_KEYWORDS = re.compile(_WHOLE.sub("(?![a-z])", _KEYWORD).encode(), re.I)
_IS_PASSWORD = re.compile(_WHOLE.sub("(?![a-z])", f"(?:{_PASSWORD})").encode(), re.I)
_IS_PLAIN_KEY = re.compile(rb"(?:[_-](?i:key)|[a-z]Key)(?![a-z])")
_NAMED_KEY = re.compile((_KEY.replace("|[_-]key|(?-i:[a-z]Key)", "")).encode(), re.I)
_ABOUT = re.compile(
    rb"(?i)(?:name|type|ur[il]|path|file|field|len(?:gth)?|size|count|ttl|expir|polic|hash|label|hint|prompt|regex|pattern|format"
    rb"|placeholder|title|desc|error|message|msg|class|provider|endpoint|header|param|version|algo|usage|index|limit|max|min"
    rb"|reset|strength|input|ref|env|var|arn|bytes|mode|manager|service|scheme|status|kind|location|dir|store|group|scope"
    rb"|enabled|required|valid|check|match|changed|date|time|age|rotat|source|suffix|prefix|encoding|set$|ids?$|at$|on$|in$"
    rb"|iz(?:er|ation|ed)|method|domain|attribute|column|table|model|schema|chars?$|budget|estimate|total|used|price|cost|per_|rate)"
)
_PUBLIC = re.compile(
    rb"(?i)public|publish|foreign|primary|cache|sort|partition|idempot|pub_?key|host_?key|known|fingerprint|author|authority|max_|min_|num_|session_?id|message|event|call"
)
_CODE = re.compile(rb"[A-Za-z_$][A-Za-z0-9_$]*(?:(?:\.|->|::|\?\.)[A-Za-z_$][A-Za-z0-9_$]*)*")
_ENDS_BARE = re.compile(
    rb"[,;&](?=[A-Za-z_%.\[\]-]{1,40}[=:]|[\s\"'\\]|\Z)|[|<>(){}\[\]]|[.,;:!?)\]}]{1,8}\Z|%(?:26|22|0[aAdD])|\\"
)
_PUBLIC_KEY = (
    b"MFkwEwYHKoZI",
    b"MIIBIjANBgkq",
    b"MIICIjANBgkq",
    b"MIGfMA0GCSqG",
    b"MCowBQYDK2Vw",
    b"MHYwEAYHKoZI",
    b"AAAAC3Nza",
    b"AAAAB3Nza",
)
_ENV_NAME = re.compile(rb"[A-Z][A-Z0-9_]{2,80}")


def _span(match: re.Match[bytes], data: bytes) -> tuple[int, int, bool]:
    """The value in an assignment, and whether it was quoted."""
    for group in ("double", "single", "tick"):
        if match[group] is not None:
            return *match.span(group), True
    start, end = match.span("bare")
    env = _ENV_NAME.fullmatch(match["key"]) and match["sep"] == b"=" and data[start : start + 1] not in b"$<{(["
    if env and not re.search(rb"[&;,](?:[A-Za-z_]{1,40}=)", data[start:end]):
        bare = data[start:end].rstrip(b",;.)]}")
        return start, start + len(bare), True
    at = start
    while mask := PLACEHOLDER.match(data, at):
        at = mask.end()
    cut = _ENDS_BARE.search(data, at, max(at, end))
    return start, cut.start() if cut else end, False


def _is_secret(match: re.Match[bytes], data: bytes, span: tuple[int, int], quoted: bool) -> bool:
    start, end = span
    value = PLACEHOLDER.sub(b"", data[start:end])
    key = match["key"]
    words = list(_KEYWORDS.finditer(key))
    if not words or masked(value) or _ABOUT.search(key, words[-1].end()):
        return False
    if (
        re.fullmatch(rb"0x[0-9a-fA-F]{1,16}[lL]?|[0-9]{2,5}/.*", value)
        or len(value) > 2000
        or value[:2] in (b"./", b"//", b"~/")
        or b"://" in value[:12]
    ):
        return False
    if data[end : end + 1] in (b" ", b"\t") and quoted and match["bare"] is None:
        return False  # a phrase
    if data[end : end + 1] in (b"(", b"[", b"{") and not quoted:
        return False  # an expression
    spaced = match["sep"] != match["sep"].strip()
    if value.startswith(_PUBLIC_KEY):
        return False
    if value[:1] in b"[(^" and re.search(rb"[a-z0-9]-[a-z0-9]|\\[(]", value):
        return False  # a pattern
    ends_line = match["sep"].strip() == b":" and data[end : end + 1] in (b"", b"\n", b"\r")
    is_password = _IS_PASSWORD.search(key) is not None
    plain = is_password and ends_line and b"." not in value
    if not quoted and not plain and _CODE.fullmatch(value) and (spaced or b"." in value) and _names(value):
        return False
    if is_password:
        return _is_password(value, quoted or not spaced, ends_line)
    if _PUBLIC.search(key):
        return False
    if words[-1][0].lower().lstrip(b"_-") in (b"cookie", b"auth", b"session", b"webhook"):
        return len(value) >= 16 and b"=" not in value[:-2] and random(value)
    floor = 16 if _IS_PLAIN_KEY.search(key) and not _NAMED_KEY.search(key) else 8
    return len(value) >= floor and random(value)


def _names(value: bytes) -> bool:
    """Whether an expression is made of names: `hdrs.SEC_WEBSOCKET_KEY1`, `pkcs8_priv_key_info_st`."""
    letters = re.sub(rb"[^A-Za-z]", b"", value)
    if re.search(rb"[a-z](?:Types?|Key|Token|Secret|Password|Credentials?)\Z", value):
        return True
    return wordy(re.sub(rb"[0-9]", b"", value)) or (value.count(b"_") >= 2 and len(letters) * 10 >= len(value) * 7)


def _is_password(value: bytes, sure: bool, ends_line: bool) -> bool:
    if len(value) < 6 or stands_for(value) or (_CODE.fullmatch(value) and b"." in value and wordy(value)):
        return False
    if value[:1] == b"/" and wordy(value):
        return False
    if not sure:
        if ends_line and b"." not in value and b"_" not in value:
            return classes(value) >= 2 and count(value, b"0123456789") > 0
        return random(value) or (classes(value) >= 3 and not wordy(value))
    digits = sum(48 <= byte <= 57 for byte in value)
    if digits == len(value):
        return len(value) >= 6
    return classes(value) >= 2 and (digits > 0 or classes(value) >= 3) and not (wordy(value) and b"_" in value)


_VALUE_BACK = rb"[^\s\"'`\\\x00]{4}(?:[\"'`\\]{1,8}[bBfFrRuU@]{0,2})?[ \t]{0,16}"
_KEY_BACK = rb"(?:=:|>=|={1,3}|:)[ \t]{0,16}[\"'\\\])}]{0,8}(?P<key>[A-Za-z0-9_.$-]{1,80})"
_TYPE_BACK = rb"=[ \t]{1,4}(?:[A-Za-z]{1,12}[ \t]\|[ \t])?[A-Za-z0-9_.\[\]|]{1,31}[ \t]{0,4}"
_BACKWARDS = (re.compile(_VALUE_BACK + _KEY_BACK), re.compile(_VALUE_BACK + _TYPE_BACK + _KEY_BACK))


def _assignment(data: bytes, place: int) -> tuple[int, int] | None:
    """The trigger ends four bytes into a value: read back from there to where the key begins, then forward."""
    before = data[max(0, place - 240) : place][::-1]
    for backwards in _BACKWARDS:
        back = backwards.match(before)
        match = back and _ASSIGNMENT.match(data, place - back.end())
        if not match or match.end() < place:
            continue
        start, end, quoted = _span(match, data)
        if (
            place - 3 <= end
            and start <= place
            and not is_mask(data, start, end)
            and _is_secret(match, data, (start, end), quoted)
        ):
            return start, end
    return None


_LITERALS = tuple(
    b"passw pass- passphrase passcode pwd pass _pw -pw pw secret token credential auth cookie session otp webhook "
    b"connectionstring dsn key".split()
)
_CASES = "(?i)"

_BASIC_PAIR = re.compile(rb"[^\x00-\x1f:]{0,100}:[^\x00-\x1f]{3,200}")


def _is_basic(match: re.Match[bytes], data: bytes) -> bool:
    """Base64 of `user:password`."""
    text = match["secret"]
    try:
        plain = base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return False
    return _BASIC_PAIR.fullmatch(plain) is not None and not stands_for(plain)


def _random(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"].rstrip(b"=")
    if masked(value) or stands_for(value):
        return False
    return random(value) or (len(value) >= 20 and any(48 <= b <= 57 for b in value) and not _names(value))


def _cookie(match: re.Match[bytes], data: bytes) -> bool:
    """Whether one of the cookies holds what looks drawn by chance; then all of them go."""
    values = [part.split(b"=", 1)[-1].rstrip(b"=") for part in match["secret"].split(b";")]
    return any(len(value) >= 8 and random(value) and not _names(value) for value in values)


def _cli(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    if (
        value[:1] in (b"-", b"$", b"<", b"%", b"{", b"/")
        or value.startswith((b"./", b"http"))
        or stands_for(value)
        or masked(value)
    ):
        return False
    if "key" in match.re.groupindex and not _IS_PASSWORD.search(match["key"]):
        return random(value)
    return len(value) >= 5 and classes(value) >= 2 and not (_CODE.fullmatch(value) and wordy(value) and b"_" in value)


_GLUED = re.compile(rb"(?i)\b(?:mysql|mysqldump|mysqladmin|mariadb|mycli|sshpass|clickhouse-client)\b[^\n\x00]*\Z")
_SPACED = re.compile(
    rb"(?i)\b(?:sshpass|clickhouse-client|docker|podman|helm|az|oc|skopeo|buildah|redis-cli|ldap[a-z]{3,9}|twine|sqlcmd|mongo[a-z]{0,8}|zip|7z|unzip|mosquitto_(?:pub|sub)|sqlplus|bcp)\b[^\n\x00]*\Z"
)


def _short_flag(match: re.Match[bytes], data: bytes) -> bool:
    """Which letter takes a password depends on the command before it."""
    line = data[max(0, match.start() - 200) : match.start()]
    spaced = data[match.end("flag") : match.end("flag") + 1] in (b" ", b"=")
    return (_SPACED if spaced else _GLUED).search(line) is not None and _cli(match, data)


def _not_stand_in(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    return not stands_for(value) and not masked(value)


_LOCAL = re.compile(
    rb"(?i)(?:password|passwd|pass|pwd|secret|user|test|root|admin|postgres|mysql|guest|example|token|p|pw|xyz|xxx+|\*+)"
)


def _url(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    if _LOCAL.fullmatch(value) or (value == match["user"] and value.isalpha()) or stands_for(value):
        return False
    if re.match(rb"[0-9]{1,5}/", value) or value[:1] in b"/?#":
        return False
    return not re.fullmatch(
        rb"(?i)\{[^}]*\}|\[[a-z ]+\]|%[a-z]|%\([a-z_]+\)s|:?[A-Z_]*PASS(?:WORD)?|.*anon(?:cvs|ymous)?", value
    )


def _prose(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    if value.startswith(_PUBLIC_KEY) or (_CODE.fullmatch(value) and b"." in value and _names(value)):
        return False
    if masked(value) or data[match.end("secret") : match.end("secret") + 1] in (b"(", b"[", b"="):
        return False
    upper = any(65 <= b <= 90 for b in value)
    lower = any(97 <= b <= 122 for b in value)
    digit = any(48 <= b <= 57 for b in value)
    if _IS_PASSWORD.search(match["key"]) and len(value) >= 8 and not stands_for(value) and not wordy(value):
        return digit and classes(value) >= (2 if match["is"] else 3)
    return len(value) >= 16 and digit and ((upper and lower) or bool(match["is"]) or len(value) >= 32) and random(value)


_ASSIGN_TRIGGER = (  # `tokens=512` is a count
    _CASES
    + f"(?:(?:{_PASSWORD}|{_SECRET.replace('|token', '')}|{_KEY})[A-Za-z0-9_.-]{{0,24}}|token(?:[a-rt-z0-9_.-][A-Za-z0-9_.-]{{0,23}})?)"
    + _CLOSE
    + _SEP
    + _OPEN
    + _STOP
    + "{4}"
)
_VALUE = rb"(?P<secret>[^\s\"'`\\\x00]{4,2000}?)(?=[\"'`\\\x00]|[,;)\]}]?(?:\s|\Z)|[,;]|\Z)"

_PAIR = base64.b64encode(b"app:" + b"Kx7" * 4).decode()

LABELLED: tuple[Rule, ...] = (
    Rule(
        "secret-assignment",
        "secrets",
        (Trigger(_ASSIGN_TRIGGER, None, _LITERALS),),
        _assignment,
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
                _CASES + r"(?:name|key)[\"'\\]{0,6}[ \t]{0,4}[:=][ \t]{0,4}[\"'\\]{0,6}[A-Za-z0-9_.-]{0,40}" + "(?:passw(?:or)?d|secret|token|key|pwd|auth|credential)"
                + r"[A-Za-z0-9_.-]{0,20}[\"'\\]{0,6},?(?:\s|\\n){0,40}[\"'\\]{0,6}value[\"'\\]{0,6}[ \t]{0,4}[:=][ \t]{0,4}[\"'\\]{0,6}" + _STOP + "{4}",
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
            _cli,
        ),
        match=('- name: DB_PASSWORD\n      value: "{alnum16}"', '{"name":"API_TOKEN","value":"{alnum24}"}'),
        no_match=("- name: DB_PASSWORD\n  value: $(DB_PASSWORD)",),
    ),
    Rule(
        "secret-assignment",
        "secrets",
        (Trigger(_CASES + r"<[a-z0-9:._-]{0,30}(?:password|passwd|pwd|secret|token|key)[a-z0-9_.-]{0,12}>[^\s<>\"'\\\x00]{4}", None, (b"password>", b"passwd>", b"pwd>", b"secret", b"token", b"key")),),
        around(re.compile(rb"(?i)<(?P<key>[a-z0-9:._-]{1,70})>(?P<secret>[^\s<>\"'\\\x00]{4,2000})</"), 100, _cli, ahead=2100),
        match=("<password>{alnum12}</password>", "<ApiKey>{hex32}</ApiKey>"),
        no_match=("<password>changeme</password>", "<key>CFBundleName</key>"),
    ),
    Rule(
        "cli-secret",
        "secrets",
        (
            Trigger(
                _CASES + r"[ \t\"'](?:--?|/)[a-z0-9-]{0,24}(?:password|passwd|passphrase|pwd|secret|token|api-?key|access-?key|account-?key|auth-?key|credential|pass)"
                + r"[a-z0-9-]{0,12}(?:[\"'],[ ]|[ =:\t])[\"'\\]{0,4}" + _STOP + "{4}",
                None,
                (b"pass", b"pwd", b"secret", b"token", b"key", b"credential"),
            ),
        ),
        around(
            re.compile(
                rb"(?i)[ \t\"'](?:--?|/)(?P<key>[a-z0-9-]{1,60})(?:[\"'],[ ]|[ =:\t])[\"'\\]{0,4}" + _VALUE
            ),
            120,
            _cli,
        ),
        match=("deploy --password={alnum12}", "tool --api-key {alnum32} run", "x --db-password 'Str0ng!{digit4}'"),
        no_match=("run --password $DB_PASSWORD", "git --password-file ./x", "cli --token <token>"),
    ),
    Rule(
        "cli-secret",
        "secrets",
        (
            Trigger(_CASES + r"[ \t](?:-u|-U|--user|--proxy-user|--auth|-a|--http-user)[ =]{0,2}[\"'\\]{0,4}[A-Za-z0-9_.@%\\+-]{0,64}:" + _STOP + "{4}", None, (b" -u", b" --user", b"--proxy-user", b"--auth", b" -a", b"\t-u")),
        ),
        around(
            re.compile(rb"[ \t](?:-u|-U|--user|--proxy-user|--auth|-a|--http-user)[ =]{0,2}[\"'\\]{0,4}[A-Za-z0-9_.@%\\+-]{0,64}:" + _VALUE),
            90,
            _cli,
        ),
        match=("curl -u app:{alnum16} https://x.test/", "http -a jo:{alnum12} api.test"),
        no_match=("curl -u $USER:$PASS https://x.test/",),
    ),
    Rule(
        "cli-secret",
        "secrets",
        (Trigger(r"[ \t]-p[\"']?[ ]?[\"']?[^\s\"'\x00-]{4}", None, (b" -p", b"\t-p")), Trigger(r"[ \t]-[aAwPx][ =][\"']?[^\s\"'\x00-]{4}", None, (b" -", b"\t-"))),
        around(re.compile(rb"[ \t](?P<flag>-[paAwPx])[\"']?[ =]?[\"']?" + _VALUE), 10, _short_flag),
        match=("mysql -h db -u root -p{alnum12} app", "redis-cli -h cache -a {alnum20} ping"),
        no_match=("mysql -u root -p app", "docker run -p 8080:80 image"),
    ),
    Rule(
        "netrc-password",
        "secrets",
        (Trigger(_CASES + r"(?:login|machine|account|default)[ \t\n]{1,4}[^\s\x00]{1,100}[ \t\n]{1,8}password[ \t\n]{1,4}" + _STOP + "{3}", None, (b"password",)),),
        around(re.compile(rb"(?i)password\s{1,4}" + _VALUE), 24, _not_stand_in),
        match=("machine api.test login jo password {alnum10}",),
        no_match=("machine api.test login jo password <password>",),
    ),
    Rule(
        "pgpass-password",
        "secrets",
        (Trigger(r"[a-z0-9.*-]{1,80}:(?:[0-9]{4,5}|\*):[A-Za-z0-9_*-]{1,64}:[A-Za-z0-9_.@-]{1,64}:[^\s:\"'\x00]{6}", None, (b":",)),),
        around(re.compile(rb"[a-z0-9.*-]{1,80}:(?:[0-9]{4,5}|\*):[A-Za-z0-9_*-]{1,64}:[A-Za-z0-9_.@-]{1,64}:(?P<secret>[^\s:\"'\x00]{6,200})(?=\s|\Z)"), 330, _random),
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
        around(re.compile(rb"(?P<secret>\$(?:2[abxy]|apr1|argon2id?|scrypt|pbkdf2-sha(?:256|512)|[156y])\$[./A-Za-z0-9$=,+-]{20,300})"), 64, _random),
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
            _url,
        ),
        match=("postgres://app:{alnum14}@db.internal/app", "redis://:{alnum10}@cache:6379", "mysql://u:%{HEX2}{alnum8}@h/d"),
        no_match=("https://example.test:8080/a@b", "postgres://user:password@localhost/x", "amqp://u:${{PASS}}@h"),
    ),
    Rule(
        "bearer-token",
        "secrets",
        (Trigger(_CASES + r"bearer(?:[ \t]|%20|\+)", None, (b"bearer",)),),
        around(re.compile(rb"(?i)bearer(?:[ \t]|%20|\+){1,4}[\"']?(?P<secret>[A-Za-z0-9._~+/%-]{8,4000}={0,2})"), 12, _random),
        match=("Authorization: Bearer {url42}",),
        no_match=("Authorization: Bearer $TOKEN", "uses Bearer authentication tokens"),
    ),
    Rule(
        "basic-auth",
        "secrets",
        (Trigger(_CASES + r"basic[ \t][A-Za-z0-9+/_-]{8}", 14, (b"basic",)),),
        around(re.compile(rb"(?i)basic[ \t]{1,2}(?P<secret>[A-Za-z0-9+/_-]{8,400}={0,2})"), 0, _is_basic),
        match=("Authorization: Basic " + _PAIR,),
        no_match=("basic authentication", "Basic realm"),
    ),
    Rule(
        "auth-header",
        "secrets",
        (Trigger(_CASES + r"authorization[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}(?:[a-z0-9-]{2,24}[ \t])?(?:[a-z_]{1,20}=)?[\"'\\]{0,4}[A-Za-z0-9._~+/=-]{8}", None, (b"authorization",)),),
        around(
            re.compile(
                rb"(?i)authorization[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}(?:[a-z0-9-]{2,24}[ \t])?(?:[a-z_]{1,20}=)?[\"'\\]{0,4}(?P<secret>[A-Za-z0-9._~+/=-]{8,4000})"
            ),
            110,
            _random,
        ),
        match=("Authorization: token {hex40}", '"authorization": "ApiKey {b6460}"'),
        no_match=("authorization: required", "Authorization: Token <token>"),
    ),
    Rule(
        "digest-auth",
        "secrets",
        (Trigger(_CASES + r"(?:response|nonce|opaque)=\\{0,8}\"[0-9a-f]{8}", None, (b"response=", b"nonce=", b"opaque=")),),
        around(re.compile(rb"(?i)(?:response|nonce|opaque)=\\{0,8}\"(?P<secret>[0-9a-f]{16,128})"), 30, _random),
        match=('Authorization: Digest username="x", response="{hex32}"',),
        no_match=('response="ok"',),
    ),
    Rule(
        "cookie",
        "secrets",
        (
            Trigger(_CASES + r"cookie[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}[A-Za-z0-9_.%-]{1,80}=[^\s;=\"'\\\x00]", None, (b"cookie",)),
        ),
        around(
            re.compile(
                rb"(?i)cookie[\"'\\]{0,6}[ \t]{0,4}[:=,][ \t]{0,4}[\"'\\]{0,6}[A-Za-z0-9_.%-]{1,80}=(?P<secret>[^\s;\"'\\\x00]{1,4000}(?:;[ ]?(?!path|expires|domain|max-age|httponly|secure|samesite)[A-Za-z0-9_.%-]{1,80}=[^\s;\"'\\\x00]{1,4000}){0,40})"
            ),
            110,
            _cookie,
        ),
        match=("Set-Cookie: session={alnum32}; Path=/; HttpOnly", "Cookie: a=1; theme=dark; sid={alnum32}"),
        no_match=("Set-Cookie: lang=english; Path=/", "Cookie: theme=dark; size=12"),
    ),
    Rule(
        "secret-in-prose",
        "secrets",
        (
            Trigger(
                _CASES + r"(?:password|passwd|passphrase|passcode|secret|token|api[ _-]key|apikey|access[ _-]key|credentials?|\bkey|\bpw|\bpwd)(?: (?:is|was|to|with|for [a-z0-9_.-]{1,24} is|set to))?"
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
            _prose,
            starts=re.compile(rb"(?i)[pstack](?=ass|wd?|ecret|oken|pi|ccess|redential|ey)"),
        ),
        match=("The token is {alnum40}. Thanks!", "ERROR auth failed for token {alnum40}"),
        no_match=("fix: token refresh", "The password must be at least 12 characters", "the secret is patience."),
    ),
    Rule(
        "azure-sas",
        "secrets",
        (Trigger(r"[?&;]sig=[A-Za-z0-9%+/]{16}", 21, (b"sig=",)),),
        around(re.compile(rb"[?&;]sig=(?P<secret>[A-Za-z0-9%+/=_-]{30,120})"), 0, _random),
        match=("https://x.blob.core.windows.net/c?sv=2022&sig={alnum43}%3D",),
        no_match=("?sig=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",),
    ),
    Rule(
        "sentry-dsn",
        "secrets",
        (Trigger(r"https://[0-9a-f]{32}(?:@|:[0-9a-f]{32}@)", None, (b"https://",)),),
        around(re.compile(rb"https://(?P<secret>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[a-z0-9.-]{3,80}/[0-9]"), 90, _random),
        match=("https://{hex32}@o1.ingest.sentry.io/42",),
        no_match=(),
    ),
    Rule(
        "docker-auth",
        "secrets",
        (Trigger(r"\"auth\\{0,8}\"[ \t]{0,4}:[ \t]{0,4}\\{0,8}\"[A-Za-z0-9+/=]{8}", None, (b'auth',)),),
        around(re.compile(rb"\"auth\\{0,8}\"[ \t]{0,4}:[ \t]{0,4}\\{0,8}\"(?P<secret>[A-Za-z0-9+/]{8,400}={0,2})"), 60, _is_basic),
        match=('{"auths":{"r.test":{"auth": "' + _PAIR + '"}}}',),
        no_match=('"auth": "required"',),
    ),
)  # fmt: skip
