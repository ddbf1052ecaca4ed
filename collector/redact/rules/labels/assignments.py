"""A name and its value: in programs, configurations, environments, JSON, YAML, XML, and lists of names and values."""

from __future__ import annotations

import re

from collector.redact.engine.checks import wordy
from collector.redact.engine.looks import around
from collector.redact.engine.rule import ByteRange, Look, Rule, Trigger
from collector.redact.placeholders import PLACEHOLDER, consists_of_placeholders
from collector.redact.rules.labels.verdicts import DIGITS, Holder, is_phrase, is_secret
from collector.redact.rules.values import has_every_class, has_random_part, is_generated, is_spoken_last
from collector.redact.rules.vocabulary import Says, name_says

CASES = "(?i)"
STEMS = (
    r"pass|pwd|\bpw|[_-]pw|secret|credential|[_-]creds?|cookie|[_-]otp\b|\botp|webhook|connection_?string|dsn|senha|contrase|kennwort"
    r"|parola|mnemonic|pepper|[_-]totp\b|\btotp|authtok|psk|salt|api_?-?key|[a-z]key|[_-]key|(?-i:[a-z]Key)|(?-i:[a-z]Pw)|(?:bind|root|user|admin|db|store|key)pw|[_-]sas|(?-i:_PAT\b|_SESSION\b)"
)
_SELDOM = r"jwt|hmac|pswd|(?:recovery|backup|alarm)[_-]?codes?|sonar[._]login|(?-i:[A-Z]_(?:LOGIN|PIN|SEED)\b)"
"""Stems that are seldom written, looked for apart from those that are common."""
LITERALS = tuple(
    b"pass pwd pw secret token credential cred auth cookie otp webhook connectionstring dsn senha contrase kennwort parola mnemonic pepper psk salt key sas _pat _session".split()
)
CLOSE = r"[\"'\\\])}*]{0,8}"
_TYPE = r"(?:[ \t]{0,4}(?:&(?:'[a-z]{1,10}[ ])?)?[A-Za-z_][A-Za-z0-9_.\[\]|]{0,30}(?:[ \t]\|[ \t][A-Za-z]{1,12})?[ \t]{1,4}=)?"
SEP = r"[ \t]{0,16}(?::=|=>|={1,3}|:|<-)" + _TYPE + r"[ \t*]{0,16}"
OPEN = r"(?:(?:<<|[bBfFrRuU@]{0,2})[\"'`\\]{1,8})?"
"""`<<"..."` is how Erlang writes what is no list of characters."""
STOP = r"[^\s\"'`\\\x00]"
_FOUR = f'(?:{OPEN}{STOP}{{4}}|["\'][^\\s"\'`\\\\\\x00][^"`\\n\\x00]{{3}})'
_TAIL = "[A-Za-z0-9_.-]{0,24}"
_TOKEN = "token(?:[a-rt-z0-9_.-][A-Za-z0-9_.-]{0,23})?"  # `tokens=512` is a count
_NAME = "[A-Za-z0-9_.-]"
_AUTH = (  # `Author: ` stands in every commit
    f"auth(?:o|[a-np-z0-9_.-]{_NAME}{{0,23}}|o[a-qs-z0-9_.-]{_NAME}{{0,22}}|or[a-rt-z0-9_.-]{_NAME}{{0,21}}|ors{_NAME}{{1,21}})?"
)

_ASSIGNMENT = re.compile(
    rb"(?P<key>[A-Za-z0-9_.$-]{1,80})(?P<close>"
    + CLOSE.encode()
    + rb")(?P<sep>"
    + SEP.encode()
    + rb"|[ \t]{0,4},[ \t\n]{0,16}(?=[\"']))"
    rb"(?:"
    rb"(?:<<|[bBfFrRuU@]{0,2})\\{0,15}(?:\"(?P<double>[^\s\"\\\x00]{4,4096})|'(?P<single>[^\s'\\\x00]{4,4096})|`(?P<tick>[^\s`\\\x00]{4,4096}))"
    rb"|(?P<bare>[^\s\"'`\\\x00]{4,2048})"
    rb"|[bBfFrRuU@]{0,2}\\{0,15}[\"'])"
)
_PHRASE = re.compile(
    rb"[bBfFrRuU@]{0,2}\\{0,15}(?:\"(?:\"\")?(?P<double>[^\"\\\n\x00]{6,128})(?=\\{0,15}\")|'(?P<single>[^'\\\n\x00]{6,128})(?=\\{0,15}'))"
)
_ENDS_BARE = re.compile(
    rb"[,;&](?=[A-Za-z_%.\[\]-][A-Za-z0-9_%.\[\]-]{0,39}[=:]|[\s\"'\\]|\Z)|[|<>(){}\[\]]|[.,;:!?)\]}]{1,8}\Z|%(?:26|22|0[aAdD])|\\"
)
_DEFAULT = re.compile(
    rb"[\"'\\]{0,4}\$\{[A-Za-z_][A-Za-z0-9_.]{0,80}:[-=]?(?P<value>[^{}\s\"'\\\x00]{6,200})\}[\"'\\]{0,4}"
)
"""What a reference stands for where its variable is not set."""
_WRAPPED = re.compile(
    rb"(?:String::from|(?:new )?String|Secret(?:::new|::from)?|Zeroizing::new|bytes|\[\]byte|&?SecretStr(?:ing)?(?:::(?:new|from))?|Password\.of|Some|Fernet)\("
    rb"[bBrR@]{0,2}[\"'](?P<secret>[^\s\"'\\\x00]{4,400})[\"']"
)
"""A literal that a call makes a string, bytes or a secret of."""
_LONGEST_VALUE = 2000
_ENV_NAME = re.compile(rb"[A-Z][A-Z0-9_]{2,80}")
_AMONG = re.compile(
    rb"(?i)\b(?:server|host|hostaddr|data source|user(?:name|[ _]?id)?|uid|database(?:name)?|db(?:name)?|initial catalog|port|sslmode|driver)[ ]?="
    rb"(?:[^;&\n\x00\"'()]{1,80}(?:[;&][^;&\n\x00\"'()]{1,60}){0,4}[;&][ ]?|[^\s,;&()]{1,80}[ ])\Z"
)
"""What stands before a password in a connection string, where it can be nothing but data."""
_LINE_LEAD = re.compile(
    rb"(?:^|[\n\r\x00]|\\n)[ \t]*(?:[-+>|*#\d:]{0,8}[ \t]+)?(?:export |set |ENV |ARG |env |- )?[\"']?\Z"
)


def _value(match: re.Match[bytes], data: bytes) -> tuple[int, int, Holder]:
    """The value of an assignment, and where it stands."""
    key, close, sep = match["key"], match["close"], match["sep"]
    for group in ("double", "single", "tick"):
        if match[group] is not None:
            start, end = match.span(group)
            closed = data[end : end + 1] in (b'"', b"'", b"`", b"\\", b"")
            member = (b'"' in close or b"'" in close) and sep.strip() == b":"
            environment = _ENV_NAME.fullmatch(key) is not None and sep == b"="
            return start, end, Holder.DATA if closed and (member or environment) else Holder.LITERAL
    start, end = match.span("bare")
    if (
        _ENV_NAME.fullmatch(key)
        and sep == b"="
        and data[start : start + 1] not in b"$<{(["
        and not re.search(rb"[&;,](?:[A-Za-z_]{1,40}=)", data[start:end])
    ):
        bare = data[start:end].rstrip(b",;.)]}")
        alone = _LINE_LEAD.search(data[max(0, match.start() - 40) : match.start()])
        return start, start + len(bare), Holder.VARIABLE if alone else Holder.DATA
    at = start
    while mask := PLACEHOLDER.match(data, at):
        at = mask.end()
    whole = has_every_class(data[at:end]) or (
        data[end : end + 1] in (b"", b"\n", b"\r", b"\0") and b"," not in data[at:end] and is_generated(data[at:end])
    )
    cut = None if whole else _ENDS_BARE.search(data, at, max(at, end))
    stop = cut.start() if cut else end
    asked = sep == b"=" and data[match.start() - 1 : match.start()] in (b"?", b"&")
    if asked and _IN_QUERY.search(data, max(0, match.start() - 400), match.start()):
        return start, stop, Holder.DATA
    among = sep == b"=" and data[match.start() - 1 : match.start()] in (b";", b"&", b" ")
    if among and _AMONG.search(data, max(0, match.start() - 240), match.start()) and _is_password(key):
        return start, stop, Holder.DATA
    ends_line = data[stop : stop + 1] in (b"", b"\n", b"\r", b"\0") or data[stop : stop + 2] == b"\\n"
    if ends_line and key[:2].lower() == b"x-" and sep.strip() == b":" and b"@" not in data[start:stop]:
        return start, stop, Holder.VARIABLE
    if ends_line and not close and _LINE_LEAD.search(data[max(0, match.start() - 40) : match.start()]):
        return start, stop, Holder.LINE
    if ends_line and sep.strip() == b":":
        return start, stop, Holder.LINE
    if (
        sep == b"="
        and stop == end
        and data[match.start() - 1 : match.start()] == b" "
        and data[end : end + 1] in _SPACES
    ):
        return start, stop, Holder.LINE  # among other settings, as logs have them
    return start, stop, Holder.LOOSE


_SPACES = (b"", b" ", b"\n", b"\r", b"\0")
_IN_QUERY = re.compile(rb"[a-z]://(?![^\s]{0,200}(?:badge|\.svg))[^\s\"'`<>\x00]{3,400}[?&]\Z")


def _is_password(key: bytes) -> bool:
    return name_says(key.decode("utf-8", "replace")) is Says.PASSWORD


_OF_MODULE = re.compile(rb"(?:\A|[\n\x00])[ \t]{0,8}(?:[a-z0-9_]{1,30}::){1,4}\Z")
"""Keys of a line as Puppet has them: `profile::db::password: ...`."""
_TEST = re.compile(rb"(?:Test|Benchmark|Example|Fuzz)[A-Z_]")
"""How Go names what passed: `--- PASS: TestTags/x`."""


def _assigned(data: bytes, match: re.Match[bytes]) -> ByteRange | None:
    if match["double"] is None and match["single"] is None and match["tick"] is None and match["bare"] is None:
        return _phrase(data, match)
    typed = data[max(0, match.start() - 2) : match.start()] == b"::"
    if typed and not _OF_MODULE.search(data, max(0, match.start() - 80), match.start()):
        return None  # the name of a type
    if (
        data[match.start() - 1 : match.start()] == b":"
        and b"arn:aws" in data[max(0, match.start() - 90) : match.start()]
    ):
        return None  # the name of a resource
    if defaulted := _DEFAULT.match(data, match.end("sep")):
        return defaulted.span("value") if is_secret(match["key"], defaulted["value"], Holder.LOOSE) else None
    if wrapped := _WRAPPED.match(data, match.end("sep")):
        return wrapped.span("secret") if is_secret(match["key"], wrapped["secret"], Holder.LITERAL) else None
    start, end, place = _value(match, data)
    if end - start > _LONGEST_VALUE:
        return None
    if data[end : end + 1] == b" " and (rest := _rest_of_line(data, match, start)):
        return rest

    if consists_of_placeholders(data, start, end):
        return None
    if match["key"] == b"PASS" and _TEST.match(data, start):
        return None
    if match["sep"].strip() == b"==" and b"(" in data[start:end]:
        return None
    after = data[end : end + 1]
    if place in (Holder.LITERAL, Holder.DATA) and after in (b" ", b"\t") and match["bare"] is None:
        return _phrase(data, match)
    if after in (b"(", b"[", b"{") and match["bare"] is not None:
        return None  # an expression
    return (start, end) if is_secret(match["key"], data[start:end], place) else None


_LINE = re.compile(rb"[A-Za-z][^\s\"'`#=:\x00]{2,11}(?: [^\s\"'`#=:\x00]{1,16}){1,7}(?=[ \t]{0,8}(?:[\r\n\x00]|\Z))")


def _rest_of_line(data: bytes, match: re.Match[bytes], start: int) -> ByteRange | None:
    """A pass phrase without quotes, to the end of its line: `psk=copper tulip lantern`."""
    found = _LINE.match(data, start) if match["bare"] is not None else None
    if not found or not _is_password(match["key"]) or not is_spoken_last(found[0]):
        return None
    return found.span() if _LINE_LEAD.search(data[max(0, match.start() - 40) : match.start()]) else None


def _phrase(data: bytes, match: re.Match[bytes]) -> ByteRange | None:
    """A password of several words between quotes."""
    found = _PHRASE.match(data, match.end("sep"))
    says = name_says(match["key"].decode())
    if not found or match["key"].lower() == b"pass" or says not in (Says.PASSWORD, Says.SECRET):
        return None
    if says is Says.SECRET and not match["key"].lower().endswith((b"secret", b"secret_key")):
        return None
    group = "double" if found["double"] is not None else "single"
    return found.span(group) if is_phrase(found[group]) else None


def _says_nothing(name: bytes) -> bool:
    """Whether no value under `name` can be a secret, which is sooner known than what the value is."""
    return name_says(name.decode("utf-8", "replace").strip("-$.@")) is Says.NOTHING


_ARGUMENT_BACK = re.compile(
    rb"[^\s\"'`\\\x00]{4}(?:[\"']\\{1,3})?[\"'][ \t\n]{0,16},[ \t]{0,4}[\"'](?P<key>[A-Za-z0-9_.-]{1,80})[#.]?[\"']"
)


def _argument(look: Look) -> Look:
    """Of two arguments the first may be the name of the second."""

    def after_name(data: bytes, place: int) -> ByteRange | None:
        back = _ARGUMENT_BACK.match(data[max(0, place - 130) : place][::-1])
        return look(data, place) if back and not _says_nothing(back["key"][::-1]) else None

    return after_name


_VALUE_BACK = rb"(?:[^\s\"'`\\\x00]{4}|[^\"`\n\x00]{3}[^\s\"'`\\\x00](?=[\"']))(?:[\"'`\\]{1,8}(?:<<|[bBfFrRuU@]{0,2}))?[ \t*]{0,16}"
_KEY_BACK = (
    rb"(?:(?:=:|>=|={1,3}|:|-<)[ \t]{0,16}|[\n \t]{0,16},[ \t]{0,4})[\"'\\\])}*]{0,8}(?P<key>[A-Za-z0-9_.$-]{1,80})"
)
_TYPE_BACK = rb"=[ \t]{1,4}(?:[A-Za-z]{1,12}[ \t]\|[ \t])?[A-Za-z0-9_.\[\]|]{1,31}(?:(?:[ ][a-z]{1,10}')?&)?[ \t]{0,4}"
_BACKWARDS = (re.compile(_VALUE_BACK + _KEY_BACK), re.compile(_VALUE_BACK + _TYPE_BACK + _KEY_BACK))


def assignment(data: bytes, place: int) -> ByteRange | None:
    """The trigger ends four bytes into a value: read back from there to where the key begins, then forward."""
    before = data[max(0, place - 240) : place][::-1]
    for backwards in _BACKWARDS:
        back = backwards.match(before)
        if not back or _says_nothing(back["key"][::-1]):
            continue
        match = _ASSIGNMENT.match(data, place - back.end())
        if match and (found := _assigned(data, match)) and match.end("sep") <= place <= found[1] + 3:
            return found
    return None


def _paired(match: re.Match[bytes], data: bytes) -> bool:
    return is_secret(match["key"], match["secret"], Holder.DATA)


def _paired_loosely(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    if len(value) < 8 or _NAMES.fullmatch(value) or _IS_KEY.match(data, match.end("secret")):
        return False
    if _IN_LIST.match(data, match.end("secret")) and _AFTER_STRING.search(
        data, max(0, match.start() - 60), match.start()
    ):
        return (
            not wordy(value.translate(None, DIGITS))
            and has_random_part(value)
            and is_secret(match["key"], value, Holder.LITERAL)
        )
    return is_secret(match["key"], value, Holder.LITERAL)


_IS_KEY = re.compile(rb"[\"'][ \t]{0,4}:")
_IN_LIST = re.compile(rb"[\"'][ \t]{0,4}(?:,\s{0,40}[\"']|,?\s{0,40}\])")
_AFTER_STRING = re.compile(rb"[\"'][ \t]{0,4},\s{0,40}\Z")
_NAMES = re.compile(rb"(?:[A-Z]{0,5}[A-Z][a-z]{2,20}_?){2,8}")
"""A name of several words, as lists of names have them: `OpenAICodexOAuthFlow`."""


_ELEMENT = re.compile(
    rb"(?i)<(?P<key>[a-z0-9:._-]{1,70})(?: [a-z:]{1,20}=\"[^\"<>\n]{0,60}\")?>(?P<secret>[^<>\"\\\x00\n]{4,2000})</"
)


def _element(data: bytes, place: int) -> ByteRange | None:
    """The text of an element of XML; the trigger ends four bytes into it."""
    start = data.rfind(b"<", max(0, place - 190), place)
    match = _ELEMENT.match(data, start) if start >= 0 else None
    if not match or match.end() < place or _says_nothing(match["key"]):
        return None
    found = match.span("secret")
    return found if not consists_of_placeholders(data, *found) and _paired(match, data) else None


VALUE = rb"(?P<secret>[^\s\"'`\\\x00]{4,2000}?)(?=[\"'`\\\x00]|[,;)\]}]?(?:\s|\Z)|[,;]|\Z)"
_QUOTES = r"[\"'\\]{0,6}"
_IS = _QUOTES + r"[ \t]{0,4}[:=][ \t]{0,4}" + _QUOTES
_NAMED = (
    CASES
    + r"(?:name|key)"
    + _IS
    + r"[A-Za-z0-9_.:/-]{0,40}(?:pass|secret|token|key|pwd|pw|auth|credential|cookie|session)[A-Za-z0-9_.-]{0,20}"
    + _QUOTES
    + r"(?:,[ ]?\"type\"[ ]?:[ ]?\"[A-Za-z]{1,20}\")?"
)
_VARIABLE = r"variable[ \t]{1,4}\"(?P<key>[a-z0-9_-]{0,40}(?:pass|secret|token|key|credential)[a-z0-9_-]{0,24})\"[ \t]{0,4}\{[^{}\x00]{0,200}\bdefault[ \t]{0,20}=[ \t]{0,4}\""
"""A variable of Terraform and its default."""
_THEN_VALUE = r",?(?:\s|\\n){0,40}" + _QUOTES + r"(?:android:)?(?:[a-z_]{0,12}value|content)" + _IS

ASSIGNMENTS: tuple[Rule, ...] = (
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + f"(?:(?:{STEMS}){_TAIL}|{_TOKEN}|{_AUTH}){CLOSE}{SEP}{_FOUR}", None, LITERALS),
         Trigger(CASES + f"(?:{_SELDOM}){CLOSE}{SEP}{_FOUR}", None, (b"jwt", b"hmac", b"pswd", b"code", b"login", b"_pin", b"_seed"))),
        assignment,
        match=(
            "DB_PASSWORD={alnum14}", 'client_secret: "{alnum12}7"', '{"api_key":"{hex32}"}', 'password = "Summer{digit4}!"',
            "TYPESENSE_ADMIN_KEY={alnum32}", "PSP_HMAC={HEX64}", "JENKINS_LOGIN={hex40}", "SO_PIN={digit6}", "jwt: {alnum32}", 'alarm_code: "{digit6}"', "DB_PASSWORD_PRODUCTION={alnum14}", "API_KEY_GEMINI={alnum40}", "secret_key_base: {hex128}",
            "password: \"My dog's name 2019\"", "**Password:** {alnum12}", '"password": "QRPpSpYUHule"',
        ),
        no_match=(
            "API_KEY=${API_KEY}", "OPENAI_API_KEY=<your-api-key>", "password: {{ .Values.db.password }}", "secretName: db-credentials-v2",
            "password = getpass.getpass('Password: ')", '{"primaryKey":"user_profile_id","max_tokens":4096}', "password: admin123", "LED_PIN=13", "RANDOM_SEED=20240101", "LAST_LOGIN=2026-01-02T03:04:05Z",
            "password: vault:secret/data/app#password2", "api_key: !secret openai_key_2", "idempotencyKey: {hex8}-{hex4}-{hex4}-{hex4}-{hex12}",
            "const [password, setPassword] = useState(\"\")", '"license_key": "3dslicer-1.0"', "data_key = _mm512_xor_si512 (a, b)", "password: str = Field(min_length=12)", "auth: oauth2-proxy-7.6.0",
            '"pass": "説明リスト項目に<dl>親要素が存在します"', "const WRONG_PASSWORD: NTSTATUS = 0xC0000149_u32 as _;", "HistoryToken: D3DKMT_HISTORYTOKEN,", "XsrfSecretKeyNDB = _appengine_ndb.XsrfSecretKeyNDB\n", '"license_key": "ms-direct3d-d3d120n7-1.1.0"', "'X-Amz-Credential': '%s/%s/aws4_request'", "const REJECTED_PASSWORD: u32 = 2151809298u32;", '"clientToken": "{hex8}-{hex4}-{hex4}-{hex4}-{hex12}"', "f.pass = &emptyPass\n", "cmd.Env = append(cmd.Env, \"PWD=\"+r.Dir)",
            '"result_key": "queueFleetAssociations"', "x25519_key: x25519.X25519PrivateKey,", '"decryptionKey": "decryptionKey1024"', "--- PASS: TestTags/x,testtag,y (0.04s)", '"nextForwardToken": "{hex40}"',
            '"password": "Enter your password"',
        ),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + r"[\"'][#.]?[A-Za-z0-9_.:-]{0,40}(?:pass|pwd|pw|secret|token|key|credential|authorization|cookie|salt)" + _TAIL + r"[\"'][ \t]{0,4},[ \t\n]{0,16}[\"'](?:\\{1,3}[\"'])?[^\s\"'`\\\x00]{4}", None, (b"pass", b"pwd", b"pw", b"secret", b"token", b"key", b"credential", b"authorization", b"cookie", b"salt")),),
        _argument(around(re.compile(rb"[\"'][#.]?(?P<key>[A-Za-z0-9_.:-]{1,80})[\"'][ \t]{0,4},[ \t\n]{0,16}[\"'](?:\\{1,3}[\"'])?(?P<secret>[^\s\"'`\\\x00]{4,2000})"), 130, _paired_loosely)),
        match=("define( 'DB_PASSWORD', '{alnum14}' );", 'setenv("API_TOKEN", "{alnum24}", 1)', '.header("X-Api-Key", "{hex32}")', "page.fill('#password', '{alnum14}')", 'buildConfigField "String", "API_SECRET", "\\"{alnum32}\\""'),
        no_match=("define('DB_PASSWORD', 'password_here');", "useState('password', 'token')", '["ClientSecret", "InputAudioTranscription"]', '["secret-key", "us-east-1"]', "'RC2_KEY', '__darwin_fsfilcnt_t', 'X509_REQ_'", '"Username", "Password",\n "S3Configuration"\n]', '"X", "MYSQL_PASSWORD",\n "POSTGRES_SCRAM_SHA_256",\n "X"', '"Enforced": "PASS",\n"CurveTest-Server-MLKEM-TLS13": "PASS"'),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(_NAMED + _THEN_VALUE + STOP + "{4}", None, (b"value", b"content=")),),
        around(
            re.compile(
                (CASES + "(?:name|key)" + _IS + r"(?P<key>[A-Za-z0-9_.:/-]{1,80})" + _QUOTES + r"(?:,[ ]?\"type\"[ ]?:[ ]?\"[A-Za-z]{1,20}\")?" + _THEN_VALUE).encode()
                + rb"(?P<secret>[^\s\"'`\\\x00<]{4,2000}(?:;[ ][^\s\"'`\\\x00<]{3,400}){0,20})"
            ),
            280, _paired,
        ),
        match=(
            '- name: DB_PASSWORD\n      value: "{alnum16}"', '{"name":"API_TOKEN","value":"{alnum24}"}', '"ParameterKey": "DbPassword",\n "ParameterValue": "{alnum16}"',
            '<add key="SmtpPassword" value="{alnum12}" />', '<meta-data android:name="io.test.API_KEY" android:value="{hex32}"/>', '{"name":"cookie","value":"sid={alnum40}"}',
        ),
        no_match=("- name: DB_PASSWORD\n  value: $(DB_PASSWORD)",),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + r"<[a-z0-9:._-]{0,30}(?:pass|pwd|pw|secret|token|key|credential|cookie|authorization|jwt|otp|recovery_?code)[a-z0-9_.-]{0,16}(?: [a-z:]{1,20}=\"[^\"<>\n]{0,60}\")?>[^\s<>\"'\\\x00]{4}", None, (b"pass", b"pwd", b"pw", b"secret", b"token", b"key", b"credential", b"cookie", b"authorization", b"jwt", b"otp", b"code")),),
        _element,
        match=("<password>{alnum12}</password>", "<ApiKey>{hex32}</ApiKey>"),
        no_match=("<password>changeme</password>", "<key>CFBundleName</key>"),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _VARIABLE.replace("?P<key>", "?:") + STOP + "{4}", None, (b"variable",)),),
        around(re.compile((CASES + _VARIABLE).encode() + VALUE), 330, _paired_loosely),
        match=('variable "db_password" {\n  type = string\n  default = "{alnum14}"\n}',),
        no_match=('variable "db_password" {\n  default = "changeme"\n}', 'variable "token_ttl" {\n  default = "3600-seconds"\n}'),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + r"<string name=\"[a-z0-9_.-]{0,40}(?:pass|secret|token|key)[a-z0-9_.-]{0,20}\">[^\s<>\"]{4}", None, (b"<string name",)),),
        around(re.compile(rb"(?i)name=\"(?P<key>[a-z0-9_.-]{1,80})\">(?P<secret>[^<>\"\\\x00\n]{4,2000})</"), 110, _paired, ahead=2100),
        match=('<string name="api_secret">{alnum24}</string>',),
        no_match=('<string name="password">Password</string>',),
        since=2,
    ),
    Rule(
        "sql-password", "secrets",
        (Trigger(CASES + r"(?:identified[ \t]{1,4}(?:with[ \t]{1,4}[a-z_0-9]{1,40}[ \t]{1,4}(?:by|as)|by)|(?:encrypted|with|login|set|user)[ \t]{1,4}password(?:[ \t]{0,4}=)?|\bpassword)[ \t]{1,4}N?[\"'][^\s\"'\\\x00]{4}", None, (b"identified", b"password")),),
        around(re.compile(rb"(?i)(?:by|as|password(?:[ \t]{0,4}=)?)[ \t]{1,4}N?[\"'](?P<secret>[^\"'\n\\\x00]{4,200})"), 24, lambda match, data: is_secret(b"password", match["secret"], Holder.LITERAL)),
        match=("CREATE USER 'app'@'%' IDENTIFIED BY '{alnum14}';", "ALTER ROLE app WITH PASSWORD '{alnum16}';"),
        no_match=("CREATE USER 'app' IDENTIFIED BY 'password';", 'works are identified as "derived from the PKCS #11 Interface"'),
        since=2,
    ),
)  # fmt: skip
