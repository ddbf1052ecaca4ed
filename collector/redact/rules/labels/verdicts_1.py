"""What the first version of the pack takes for a secret beside a label."""

from __future__ import annotations

import base64
import binascii
import re

from collector.redact.engine.checks import classes, count, masked, random, stands_for, wordy
from collector.redact.placeholders import PLACEHOLDER, consists_of_placeholders

PASSWORD = r"passw(?:or)?d|passwort|passphrase|passcode|pwd|\bpass|[_-]pass|\bpw|[_-]pw"
SECRET = r"secret|token|credential|passkey|[_-]?auth|cookie|session|[_-]otp\b|\botp\b|webhook|connectionstring|dsn"
KEY = (
    r"api[_-]?key|apikey|appkey|access[_-]?key|private[_-]?key|account[_-]?key|encryption[_-]?key|signing[_-]?key"
    r"|master[_-]?key|client[_-]?key|shared[_-]?access[_-]?key|shared[_-]?key|service[_-]?key|license[_-]?key|[_-]key|(?-i:[a-z]Key)"
)
_KEYWORD = f"(?:{PASSWORD}|{SECRET}|{KEY})"
CLOSE = r"[\"'\\\])}]{0,8}"
_TYPE = r"(?:[ \t]{0,4}[A-Za-z_][A-Za-z0-9_.\[\]|]{0,30}(?:[ \t]\|[ \t][A-Za-z]{1,12})?[ \t]{1,4}=)?"
SEP = r"[ \t]{0,16}(?::=|=>|={1,3}|:)" + _TYPE + r"[ \t]{0,16}"
OPEN = r"(?:[bBfFrRuU@]{0,2}[\"'`\\]{1,8})?"
STOP = r"[^\s\"'`\\\x00]"

_ASSIGNMENT = re.compile(
    rb"(?P<key>[A-Za-z0-9_.$-]{1,80})(?P<close>" + CLOSE.encode() + rb")(?P<sep>" + SEP.encode() + rb")"
    rb"(?:"
    rb"[bBfFrRuU@]{0,2}\\{0,15}(?:\"(?P<double>[^\s\"\\\x00]{4,4096})|'(?P<single>[^\s'\\\x00]{4,4096})|`(?P<tick>[^\s`\\\x00]{4,4096}))"
    rb"|(?P<bare>[^\s\"'`\\\x00]{4,4096}))"
)
_WHOLE = re.compile(r"(?<=\\bpass)|(?<=\[_-\]pass)|(?<=\\bpw)|(?<=\[_-\]pw)")
_KEYWORDS = re.compile(_WHOLE.sub("(?![a-z])", _KEYWORD).encode(), re.I)
_IS_PASSWORD = re.compile(_WHOLE.sub("(?![a-z])", f"(?:{PASSWORD})").encode(), re.I)
_IS_PLAIN_KEY = re.compile(rb"(?:[_-](?i:key)|[a-z]Key)(?![a-z])")
_NAMED_KEY = re.compile((KEY.replace("|[_-]key|(?-i:[a-z]Key)", "")).encode(), re.I)
_ABOUT = re.compile(
    rb"(?i)(?:name|type|ur[il]|path|file|field|len(?:gth)?|size|count|ttl|expir|polic|hash|label|hint|prompt|regex|pattern|format"
    rb"|placeholder|title|desc|error|message|msg|class|provider|endpoint|header|param|version|algo|usage|index|limit|max|min"
    rb"|reset|strength|input|ref|env|var|arn|bytes|mode|manager|service|scheme|status|kind|location|dir|store|group|scope"
    rb"|enabled|required|valid|check|match|changed|date|time|age|rotat|source|suffix|prefix|encoding|set$|ids?$|at$|on$|in$"
    rb"|iz(?:er|ation|ed)|method|domain|attribute|column|table|model|schema|chars?$|budget|estimate|total|used|price|cost|per_|rate)"
)
_PUBLIC = re.compile(
    rb"(?i)public|publish|foreign|primary|cache|(?:agent|crew|task|flow)_?key|sort|partition|idempot|pub_?key|host_?key|known|fingerprint|author|authority|max_|min_|num_|session_?id|message|event|call"
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


def _is_secret(match: re.Match[bytes], data: bytes, where: tuple[int, int], quoted: bool) -> bool:
    start, end = where
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


def assignment(data: bytes, place: int) -> tuple[int, int] | None:
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
            and not consists_of_placeholders(data, start, end)
            and _is_secret(match, data, (start, end), quoted)
        ):
            return start, end
    return None


LITERALS = tuple(
    b"passw pass- passphrase passcode pwd pass _pw -pw pw secret token credential auth cookie session otp webhook "
    b"connectionstring dsn key".split()
)
CASES = "(?i)"

_BASIC_PAIR = re.compile(rb"[^\x00-\x1f:]{0,100}:[^\x00-\x1f]{3,200}")


def is_basic_auth(match: re.Match[bytes], data: bytes) -> bool:
    """Base64 of `user:password`."""
    text = match["secret"]
    try:
        plain = base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return False
    return _BASIC_PAIR.fullmatch(plain) is not None and not stands_for(plain)


def is_random(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"].rstrip(b"=")
    if masked(value) or stands_for(value):
        return False
    return random(value) or (len(value) >= 20 and any(48 <= b <= 57 for b in value) and not _names(value))


def is_cookie(match: re.Match[bytes], data: bytes) -> bool:
    """Whether one of the cookies holds what looks drawn by chance; then all of them go."""
    values = [part.split(b"=", 1)[-1].rstrip(b"=") for part in match["secret"].split(b";")]
    return any(len(value) >= 8 and random(value) and not _names(value) for value in values)


def is_on_command_line(match: re.Match[bytes], data: bytes) -> bool:
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


def is_short_flag(match: re.Match[bytes], data: bytes) -> bool:
    """Which letter takes a password depends on the command before it."""
    line = data[max(0, match.start() - 200) : match.start()]
    spaced = data[match.end("flag") : match.end("flag") + 1] in (b" ", b"=")
    return (_SPACED if spaced else _GLUED).search(line) is not None and is_on_command_line(match, data)


def is_no_stand_in(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    return not stands_for(value) and not masked(value)


_LOCAL = re.compile(
    rb"(?i)(?:password|passwd|pass|pwd|secret|user|test|root|admin|postgres|mysql|guest|example|token|p|pw|xyz|xxx+|\*+)"
)


def is_in_url(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    if _LOCAL.fullmatch(value) or (value == match["user"] and value.isalpha()) or stands_for(value):
        return False
    if re.match(rb"[0-9]{1,5}/", value) or value[:1] in b"/?#":
        return False
    return not re.fullmatch(
        rb"(?i)\{[^}]*\}|\[[a-z ]+\]|%[a-z]|%\([a-z_]+\)s|:?[A-Z_]*PASS(?:WORD)?|.*anon(?:cvs|ymous)?", value
    )


def is_in_prose(match: re.Match[bytes], data: bytes) -> bool:
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
