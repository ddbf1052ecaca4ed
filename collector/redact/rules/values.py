"""What a value looks like: drawn by chance, chosen by a person, or standing in place of a secret."""

from __future__ import annotations

import re
from itertools import pairwise

from collector.redact.engine.checks import classes, count, entropy, is_mixed, masked, random, wordy
from collector.redact.engine.checks import stands_for as stands_for_in_version_1

_DIGITS = b"0123456789"
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER = b"abcdefghijklmnopqrstuvwxyz"
_COMMON_PAIRS = frozenset(  # 96 % of the pairs of letters in identifiers and English; of pairs drawn by chance, 39 %
    (ord(first), ord(second))
    for first, seconds in (
        group.split(":")
        for group in [
            "a:bcdfgiklmnprstuvy",
            "b:aceijlorsuy",
            "c:acehiklorstu",
            "d:adeilorsu",
            "e:abcdefgilmnpqrstvwxy",
            "f:aefilortu",
            "g:aehilnrsu",
            "h:aeiort",
            "i:abcdefglmnoprstvxz",
            "j:e",
            "k:eis",
            "l:adefilostuy",
            "m:abeimopsu",
            "n:acdefgiklnostuvy",
            "o:abcdfgiklmnoprstuvw",
            "p:aehiloprstuy",
            "q:u",
            "r:acdegiklmnorstuy",
            "s:acehiklmopstuy",
            "t:acdefhiloprstuwy",
            "u:abcdefgilmnprst",
            "v:aei",
            "w:aehinors",
            "x:aceipt",
            "y:pst",
            "z:e",
        ]
    )
    for second in seconds
)
_LETTER_RUNS = re.compile(rb"[a-z]{2,}")


def scrambled(value: bytes, least: float = 0.34) -> bool:
    """Whether letters follow one another as no language and no identifier has them: `least` of the pairs are uncommon."""
    if len(value) < 10:
        return False
    pairs = common = 0
    for run in _LETTER_RUNS.findall(value.lower()):
        pairs += len(run) - 1
        common += sum(map(_COMMON_PAIRS.__contains__, pairwise(run)))
    return pairs >= 9 and pairs - common >= least * pairs


def is_typed_at_random(value: bytes) -> bool:
    """Whether a value of small letters only is no word, for where a name says that it is a secret: `qswduundeifok`."""
    return 10 <= len(value) <= 24 and value.isalpha() and value.islower() and scrambled(value, 0.24)


_IN_NAMES = _LETTERS + b"_.-"


def is_plain(value: bytes) -> bool:
    """Whether a value is letters in an order that languages and identifiers have, and so neither drawn nor chosen."""
    if value.translate(None, _IN_NAMES) or scrambled(value):
        return False
    return len(value) < 20 or value.islower() or value.isupper() or wordy(value)


_HEXADECIMAL = re.compile(rb"[0-9a-f]{16,}|[0-9A-F]{16,}")
_ID = re.compile(
    rb"(?:ses|msg|prt|evt|per|que|wrk|call|toolu|tool|chatcmpl|resp|run|req|job|usr|user|org|proj|file|asst|thread|step|batch|row|item)[_-]"
)
_CONSTANT = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
UUID = re.compile(rb"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def is_id(value: bytes) -> bool:
    """Whether a value says that it names a thing, as the ids of agents and their requests do: `ses_...`, `call_...`."""
    return _ID.match(value) is not None


def drawn(value: bytes) -> bool:
    """Whether a value looks drawn by chance, as tokens and keys are."""
    if len(value) < 8 or stands_for(value) or masked(value):
        return False
    if is_mixed(value) or UUID.fullmatch(value):
        return True
    if _HEXADECIMAL.fullmatch(value):
        return entropy(value) >= 2.8 and count(value, _DIGITS) > 0
    letters = count(value, _LETTERS)
    if letters >= 10 and letters * 10 >= len(value) * 6 and entropy(value) >= 2.9:
        return scrambled(value)
    return (
        len(value) >= 16 and count(value, _DIGITS) >= 4 and entropy(value) >= 2.8 and not wordy(value) and letters > 0
    )


def looks_secret(value: bytes) -> bool:
    """Whether a value is a secret where its name only may say so: drawn by chance, long, and no id, path or code."""
    if has_every_class(value):
        return not stands_for(value)
    if len(value) < 16 or b" " in value or harmless(value) or UUID.fullmatch(value) or _ID.match(value):
        return False
    if not drawn(value) or _CONSTANT.fullmatch(value):
        return False
    if _HEXADECIMAL.fullmatch(value) or (value.isalnum() and len(_TURNS.findall(value.lower())) >= 6):
        return True
    return not wordy(re.sub(rb"[0-9.]+", b"", value))


_TURNS = re.compile(rb"(?<=[a-z])[0-9]|(?<=[0-9])[a-z]")
"""From letters to digits or back, which names seldom do."""


# -- what stands in place of a secret ------------------------------------------------------------------------------------

_EMPTY = frozenset(b"true false yes no on off null none nil undefined required optional n/a nan".split())
_NUMBER = re.compile(rb"[+-]?[0-9]{1,15}(?:[.,][0-9]{1,12})?(?:[eE][+-]?[0-9]{1,3})?%?(?: ?(?:ms|s|kb|mb|k|tok))?")
_TYPED_NUMBER = re.compile(
    rb"[+-]?(?:[0-9][0-9_]{0,20}(?:[uif](?:8|16|32|64|128|size)|[uUlL]{1,3}|n)|0[xX][0-9a-fA-F]{1,16}(?:_[0-9a-fA-F]{1,8}){0,3}_[uif](?:8|16|32|64|128|size)"
    rb"|0[xX][0-9a-fA-F]{1,8}(?:_[0-9a-fA-F]{1,8}){1,3})"
)
"""As languages with many kinds of numbers write them: `2097152u32`, `0x53c237_53c237`."""
_REFERENCE = re.compile(
    rb"""(?isx)
    \$\{.{0,200}\}? | \$[A-Za-z_][A-Za-z0-9_.:>-]{0,80} | \$\(.{0,200}\)? | \{\{.{0,200} | <[^<>]{0,120}>? | %[A-Za-z_][A-Za-z0-9_]{0,60}%
    | %\([A-Za-z_]{1,60}\)s | \#\{.{0,120}\}? | @[A-Za-z_.]{1,60}@ | !(?:secret|ref|sub|env|vault|getatt|importvalue)\b.{0,400} | \[\[.{0,80}\]\]
    | (?:op|vault|ssm|sm|gcpsm|awssm|keyring|file|env|secret|secretsmanager|ref\+[a-z]+|azkv|doppler|bw|pass|keepass)(?:://|:)[A-Za-z0-9_./${}\#@-]{1,300}
    | arn:aws[a-z-]{0,8}:[A-Za-z0-9:/_.*-]{1,300} | projects/[^/\s]{1,80}/(?:secrets|locations)/.{1,200} | ENC\[AES256_GCM,.{0,400} | \{cipher\}.{0,400} | ENC\(.{0,400}\)
    | \$ANSIBLE_VAULT.{0,80} | (?:Bearer|Basic|Token)\s+[\$<{%].{0,120} | (?:process\.env|os\.environ|os\.getenv|import\.meta\.env|ENV|env|secrets|var|local|data|module
      |config|settings|self|this|ctx|options|opts|props|args|request|req|params|conf|cfg|values|inputs|github|vars|steps|needs|matrix)(?:\.|\[|\(|\?\.).{0,200}
    | [A-Za-z_][A-Za-z0-9_.]{0,80}(?:\(.{0,300}|\[[^\]]{0,80}\]?) | \[REDACTED.{0,80}\] | \[HMAC.{0,140}\]
    """
)
_PATH = re.compile(
    rb"(?:~|\.{1,2})?(?:/[A-Za-z0-9_.@ +-]{1,60}){1,12}/?|(?:[A-Za-z]:)?(?:\\{1,2}[A-Za-z0-9_.@ -]{1,60}){1,12}|[A-Za-z0-9_.-]{1,40}/[A-Za-z0-9_./-]{1,80}\.[a-z]{1,5}"
)
_ADDRESS = re.compile(
    rb"(?i)(?:https?|wss?|s3|gs|ftp|redis|postgres(?:ql)?|mysql|mongodb(?:\+srv)?|amqps?|jdbc:[a-z]+|file|unix)://[^\s@]{1,500}|[a-z0-9.-]{1,80}:[0-9]{2,5}"
)
_LABELS = frozenset(
    b"""
    password passwd pass passphrase passcode pwd secret secrets token tokens key keys api access refresh auth authorization
    client id bearer basic jwt oauth oauth2 current new old confirm reset your my the a an enter session private public user
    credential credentials string str text value name type hidden none post code grant login username email admin test example
    passwort kennwort contrasena senha motdepasse header cookie body query field data input label placeholder title required ref
    """.split()
)
_LABELS_ELSEWHERE = frozenset(
    word.encode()
    for word in [
        "hasło",
        "contraseña",
        "şifre",
        "clé",
        "heslo",
        "lösenord",
        "jelszó",
        "пароль",
        "токен",
        "секрет",
        "ключ",
        "密码",
        "密碼",
        "パスワード",
        "비밀번호",
        "암호",
    ]
)
_PROSE = frozenset(
    b"""
    the a an of for to is are be must should can cannot your you our this that with without from or and not in on at by if when
    please enter use used using will has have was were it its as no any all which who how what where only per more than least
    der die das ist und nicht bitte ein eine le la les de des votre el los su del un une o os para com sua
    """.split()
)
_COMMON_IN_NAMES = frozenset(
    b"""
    app application service server cluster database store manager provider config configuration settings operator controller
    admission webhook default custom internal external system cloud account accounts project resource group policy role prod
    production staging stage dev development release version file files path format handler helper factory module plugin
    package library request response error invalid missing unknown reset change update create delete read write list get set
    check validate manage generate strong weak long short random secure safe same origin include generated replace http https
    """.split()
)
_WEAK = re.compile(
    rb"(?i)(?:admin|administrator|postgres|root|user|test|mysql|mariadb|redis|mongo|mongodb|rabbit|rabbitmq|minio|pass|passw(?:or|0r)?d|secret|demo|guest|dev|local"
    rb"|example|sample|change-?_?me|default|welcome|qwerty|letmein|dummy|fake|mock|foo|bar|baz|abc|hunter|my-?_?(?:secret|password|token|key)|super-?_?secret)"
    rb"(?:[-_]?(?:password|passwd|pass|secret|token|key|user|value|db))?[-_@]?(?:0|1|2|3|12|123|1234|12345|123456|321|2)?!?"
)


_COUNTED = re.compile(rb"(?i)(?:0?123456789(?:0|abcdef)?|abcdef(?:0123456789|ghij[a-z]*)?)+")


_FORMAT = re.compile(rb"[0-9]{1,2}(?:![rsa])?(?::[^{}]{0,12})?|:[a-z_]{2,40}[0-9]?")
"""What stands between braces for an argument, and a parameter of SQL: `0!r`, `:password`."""
_MARKED_EXAMPLE = b"EXAMPLE"
"""In the ids, keys and tokens of Amazon's documentation, and by chance in one of 10^9 drawn values."""


def stands_for(value: bytes) -> bool:
    """Whether a value is a reference, a mask, or a word that people write in place of a secret."""
    return (
        _COUNTED.fullmatch(value) is not None
        or _MARKED_EXAMPLE in value
        or stands_for_in_version_1(value)
        or _REFERENCE.fullmatch(value) is not None
        or _WEAK.fullmatch(value) is not None
        or _FORMAT.fullmatch(value) is not None
    )


def is_path(value: bytes) -> bool:
    """Whether a value is a path of words; base64 may begin with a slash too."""
    if not _PATH.fullmatch(value):
        return False
    if len(value) >= 28 and classes(value) >= 3 and entropy(value) >= 4.2 and not wordy(re.sub(rb"[0-9]", b"", value)):
        return False
    return not any(len(part) >= 16 and drawn(part) for part in re.split(rb"[/\\]", value))


_CODE = re.compile(rb"[A-Za-z_$][A-Za-z0-9_$]*(?:(?:\.|->|::|\?\.)[A-Za-z_$][A-Za-z0-9_$]*)+(?:[\[(].{0,200})?")


def has_random_part(value: bytes) -> bool:
    """Whether one part between punctuation is letters and digits drawn by chance, as in no name."""
    return any(len(part) >= 8 and _is_random_part(part) for part in re.split(rb"[^A-Za-z0-9]+", value))


def _is_random_part(part: bytes) -> bool:
    return random(part) and (not part.isalpha() or scrambled(part))


def is_code(value: bytes) -> bool:
    """Whether a value is a name in a program: `settings.DB_PASSWORD`, `tokens[index]`, `user.getToken()`."""
    found = _CODE.fullmatch(value)
    if not found:
        return False
    parts = re.split(rb"[^A-Za-z0-9]+", value)
    if any(len(part) >= 10 and _is_random_part(part) for part in parts):
        return False
    return b"(" in value or b"[" in value or not any(map(_mixes, parts)) or _reads(value)


def _mixes(part: bytes) -> bool:
    """Whether letters of both cases and digits are in one part."""
    return len(part) >= 4 and count(part, _DIGITS) > 0 and count(part, _LOWER) > 0 and count(part, _LOWER.upper()) > 0


def _reads(value: bytes) -> bool:
    return wordy(re.sub(rb"[0-9]", b"", value))


def is_prose(value: bytes) -> bool:
    """Whether a value is a sentence about secrets: `Enter your password`, `must be at least 8 characters`."""
    if len(_IDEOGRAPHIC.findall(value)) >= 8:
        return True
    words = value.lower().split()
    if len(words) < 2:
        return False
    bare = [word.strip(b".,:;!?'\"()") for word in words]
    if all(word in _LABELS or word in _PROSE for word in bare):
        return True
    return (
        len(words) >= 3
        and sum(word in _PROSE for word in bare) * 3 >= len(words)
        and not any(count(word, _DIGITS) and count(word, _LETTERS) for word in bare)
    )


_IDEOGRAPHIC = re.compile(rb"[\xe3-\xed][\x80-\xbf]{2}")
_ALGORITHM = re.compile(
    rb"(?i)(?:[a-z]{2,8}[0-9]{0,4}[-_/]){1,5}(?:md[245]|sha-?(?:[123]|224|256|384|512)(?:-plus)?|gcm|cbc|ctr|ccm|poly1305|ed25519|x25519|rsa|hmac|oaep|pss|dss|aes[0-9]{0,3})"
    rb"|(?:curve|secp|ed|x|nist-?p|prime|brainpoolp)-?[0-9]{3,5}(?:[kr][0-9]|v[0-9])?"
)
"""`AWS4-HMAC-SHA256`, `CRAM-MD5`, `RSA-OAEP-SHA256`, `Curve25519`."""
_REGION = re.compile(rb"[a-z]{2}-(?:gov-|iso-)?(?:(?:north|south|east|west|central)+)-?[0-9]")
"""Of a cloud: `us-east-1`."""
_DATE = re.compile(rb"[12][0-9]{3}-[01][0-9]-[0-3][0-9](?:[T _][0-9:.]{4,15}(?:Z|[+-][0-9:]{2,5})?)?")
_ALPHANUMERIC = re.compile(rb"[A-Za-z0-9]")
_PART = re.compile(rb"[A-Za-z][a-z]*|[0-9]+")


def harmless(value: bytes, digits_may_be_secret: bool = False) -> bool:
    """Whether a value stands for a secret or is none, though its name says secret."""
    bare = value.strip(b"'\"`\\ \t\r\n")
    if not bare or bare.lower() in _EMPTY or not bare.strip(b"*.x-_#?X") or bare in (b"\xe2\x80\xa6",):
        return True
    if _NUMBER.fullmatch(bare):
        return not digits_may_be_secret or len(bare) < 4
    if _TYPED_NUMBER.fullmatch(bare) or (
        not bare.isascii() and bare.decode("utf-8", "replace").lower().encode() in _LABELS_ELSEWHERE
    ):
        return True
    if _REFERENCE.fullmatch(bare) or is_path(bare) or _ADDRESS.fullmatch(bare) or _ALGORITHM.fullmatch(bare):
        return True
    if _REGION.fullmatch(bare) or _DATE.fullmatch(bare):
        return True
    if _IDEOGRAPHIC.match(bare) and not _ALPHANUMERIC.search(bare):
        return True
    if _is_made_up(bare):
        return False
    first = _PART.search(bare)
    if first and first[0].lower() in _LABELS and all(part.lower() in _LABELS for part in _PART.findall(bare)):
        return True
    return is_code(bare) or is_prose(bare)


_WORDS_AND_DIGITS = re.compile(rb"[A-Z][a-z]+(?:[-.!#_@*+^~&][A-Za-z]+){0,3}[-.!#_@*+^~&]?[0-9]{2,6}[-!?.#*]{0,3}")
_WITH_A_SIGN = re.compile(
    rb"(?=[^A-Z]*[A-Z])[A-Za-z]{3,40}(?:[-._][A-Za-z]{2,20}){0,4}[-._]?[0-9]{2,6}[!$%#@*?&^+~]{1,3}"
)


def has_every_class(value: bytes) -> bool:
    """Whether a value is what forms ask people for, and no name is: letters of both cases, digits and a sign at the end."""
    return 8 <= len(value) <= 64 and _WITH_A_SIGN.fullmatch(value) is not None and count(value, _LOWER) > 0


_CAMEL_PARTS = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SHORT_NAMES = frozenset(
    b"cfg ctx db env obj str num ptr src dst cmd var pwd pw tmp req res rsp std pkg sha md utf".split()
)


def is_jumbled(value: bytes) -> bool:
    """Whether a short value of letters of both cases, digits and signs spells no name, though a name may be written so: `aB7.kXq2`."""
    if not 8 <= len(value) <= 16 or not value[:1].isalnum() or not value[-1:].isalnum() or not value.isascii():
        return False
    if not all(count(value, alphabet) for alphabet in (_DIGITS, _LOWER, _LOWER.upper())):
        return False
    if _VERSIONED.fullmatch(value) or not _JUMBLED.fullmatch(value):
        return False
    spelled = sum(len(part) for part in _CAMEL_PARTS.findall(value) if _is_spelled(part.lower()))
    return spelled * 2 < count(value, _LETTERS)


_JUMBLED = re.compile(rb"[A-Za-z0-9_.+=@^!-]{8,16}")
_VERSIONED = re.compile(rb"(?i)[a-z]{0,4}[-_.]?[0-9]{1,5}(?:[.-][0-9]{1,6}){1,4}[-.]?[a-z]{0,6}[-.]?[0-9]{0,4}")


def _is_spelled(part: bytes) -> bool:
    """Whether the letters between two capitals or signs are a word, or what programs shorten one to."""
    if part in _SHORT_NAMES:
        return True
    pairs = len(part) - 1
    return pairs >= 2 and 2 * sum(map(_COMMON_PAIRS.__contains__, pairwise(part))) > pairs


_OF_PATTERNS = re.compile(rb"(?i:abcdef|012345)|!@#[$]%|a-z|A-Z|0-9|\(\?|\\|%s|\$\{|\{\{|://|=>|&&|\|\|| ")


def is_dense(value: bytes) -> bool:
    """Whether a value is as long and as full of signs as the salts that installers write: no expression has so many."""
    if not 40 <= len(value) <= 160 or _OF_PATTERNS.search(value):
        return False
    letters, digits = count(value, _LETTERS), count(value, _DIGITS)
    signs = set(value.translate(None, _LETTERS + _DIGITS))
    return (
        digits >= 3
        and letters >= 10
        and letters + digits <= 0.85 * len(value)
        and len(signs) >= 7
        and entropy(value) >= 4.2
    )


def is_words_and_digits(value: bytes) -> bool:
    """Whether a value is what people make up who must use capitals and digits: `Kestrel-winter81`, `BlueKestrel81%`."""
    if len(value) < 8:
        return False
    return _WORDS_AND_DIGITS.fullmatch(value) is not None or has_every_class(value) or _is_made_up(value)


_CAPITALS = re.compile(rb"[A-Z][a-z]{3,11}(?:[-._]?[A-Z][a-z]{3,11}){1,2}(?!(?:19|20)[0-9]{2}\Z)[0-9]{2,4}")
_LEET_WORD = re.compile(
    rb"(?=[A-Za-z]{0,6}[0134]{1,2}[A-Za-z])[A-Z0-9][A-Za-z0-9]{3,12}[-_.!@#%^&*=?~+][0-9]{1,4}[!?]?"
)
"""One word with digits for some of its letters, a sign and a number: `T1mber-20`."""
_LEET = re.compile(
    rb"(?=[^A-Z]*[A-Z])(?=.*[a-z][013457]{1,2}[a-z])[A-Za-z0-9]{4,14}(?:[-_.!@#][A-Za-z0-9]{4,14}){1,2}(?<=[0-9]{2})"
)


def _is_made_up(value: bytes) -> bool:
    """`HarborSunset42`, `suns3t-Bramble67`, `willow.timber.65`: words that say nothing together, with digits."""
    if _CAPITALS.fullmatch(value):
        return not any(_is_common(word) for word in re.findall(rb"[A-Z][a-z]+", value))
    if _LEET.fullmatch(value) is not None or (len(value) >= 8 and _LEET_WORD.fullmatch(value)):
        return True
    return count(value, _DIGITS) > 0 and is_diced(value)


def _is_common(word: bytes) -> bool:
    """Whether a word stands in names of things."""
    word = word.lower()
    return word in _LABELS or word in _PROSE or word in _COMMON_IN_NAMES or word in _COMMON_IN_THREES


def is_generated(value: bytes) -> bool:
    """Whether a value is what password managers draw: letters of both cases, digits and signs, and no words; `P9h#{hum51@4Gec`."""
    return (
        10 <= len(value) <= 64
        and b" " not in value
        and value[:1] not in (b"$", b"{", b"<", b"%", b"(", b"[", b"/", b"^", b"!")
        and classes(value.rstrip(b",;:.)")) == 4
        and is_mixed(value)
        and not is_code(value.strip(b",;:"))
        and not stands_for_in_version_1(value)
        and not masked(value)
        and not _FORMATTED.search(value)
        and not _COUNTED.fullmatch(value)
        and not (value[-1:] in (b")", b"]", b"}") and _REFERENCE.fullmatch(value))
    )


_FORMATTED = re.compile(rb"%[sdvq]|\$\{|\{\{|[A-Za-z_]\(\)|://|=>|&&|\|\|")
_DICED = re.compile(
    rb"[A-Za-z]{3,12}(?:([-_. ])[A-Za-z]{3,12})(?:\1[A-Za-z]{3,12}){2,7}|[a-z]{4,10}(?:-[a-z]{4,10}){2}"
    rb"|[A-Za-z]{4,12}[-_.][A-Za-z]{4,12}[-_.](?!(?:19|20)[0-9]{2}\Z|0[0-9]\Z)[0-9]{2,4}"
    rb"|[A-Za-z]{4,12}([-_.])[A-Za-z]{4,12}(?:\2[A-Za-z]{4,12}){1,6}\2(?!(?:19|20)[0-9]{2}\Z|0[0-9]\Z)[0-9]{2,4}"
)
_COMMON_IN_THREES = frozenset(
    b"""
    icon lock outline rounded filled input field form page modal button link text header footer panel dialog view item node edge
    left right center line word char size length count hash salt bcrypt argon scrypt sixty four five encrypted protected hidden
    visible only free based aware specific level less known well back into over next last first half full high deep open close
    closed event tree grid card menu table dark light blue green black white color border font mono sans screen mobile social
    media image video audio code data type kind mode time date year week month hour minute second zone work flow task step test
    tests unit build make step push pull merge commit branch remote origin main master head feature issue fixed added removed
    kebab case snake camel under dash lower upper string number boolean object array index entry point wise like non semi multi
    single double triple cross self auto pre post sub super inter intra micro macro mini mega hyper text rule rules spring boot
    react angular svelte python ruby rust java node next nuxt vite webpack docker helm kube kubernetes ingress nginx apache
    postgres mysql redis mongo rabbit kafka elastic search cache queue worker proxy gateway client web site host port path
    email phone name first last address street city state country language locale format currency payment order cart product
    """.split()
)


def is_diced(value: bytes) -> bool:
    """Whether a value is words that say nothing together, as those drawn for a pass phrase: `copper-tulip-lantern-ember`."""
    if not _DICED.fullmatch(value):
        return False
    words = [word for word in re.split(rb"[-_. ]", value.lower()) if not word.isdigit()]
    if len(words) <= 3 and any(word in _COMMON_IN_THREES for word in words):
        return False
    return not any(word in _LABELS or word in _PROSE or word in _COMMON_IN_NAMES for word in words)


_TERM = re.compile(rb"[a-z]{0,12}[0-9]{1,4}[a-z]{2,16}(?:[-_][a-z]{1,12})?")


def is_term(value: bytes) -> bool:
    """Whether a value is small letters around one number, as terms are and drawn values are not: `sha256sum`, `8caracteres`."""
    return _TERM.fullmatch(value) is not None and not _HEXADECIMAL.fullmatch(value)


def is_said_to_change(value: bytes) -> bool:
    """Whether a word that something was changed from or to looks drawn or chosen, and is no name and no number."""
    return (
        len(value) >= 8
        and not stands_for(value)
        and not is_term(value)
        and not is_code(value)
        and not is_path(value)
        and (
            is_words_and_digits(value)
            or (count(value, _DIGITS) > 0 and not wordy(value) and (drawn(value) or classes(value) >= 3))
        )
    )


_SPOKEN = re.compile(rb"[a-z]{4,10}(?: [a-z]{4,10}){2,7}")


def is_spoken(value: bytes) -> bool:
    """Whether a value is a pass phrase of small words with spaces: `copper tulip lantern`; labels begin with a capital."""
    return _SPOKEN.fullmatch(value) is not None and not any(map(_is_common, value.split()))


_UNUSUAL_IN_SPEECH = re.compile(
    rb"(?i)[a-z]{2,}(?:ed|ing|ly|tion|able|ment|ous|ful|ally)"
    rb"|(?:never|always|often|here|there|still|just|very|quite|about|after|before|during|through|because|between|under|again|once|twice|kept"
    rb"|sent|shown|held|known|lost|wrong|correct|empty|blank|weak|something|anything|nothing|someone|everyone|shorter|longer|then|than|also"
    rb"|both|some|each|every|other|another|such|same|they|them|their|these|those|make|made|take|taken|given|does|done|need|needs|want|should"
    rb"|would|could|might|much|many|most|well|good|best|more|less|back|down|over|into|onto|upon|until|while|where|whose|whatever)"
)
"""Words that sentences have, and pass phrases drawn from a list seldom."""
_PHRASE_WORD = re.compile(rb"[A-Za-z]{3,12}|[0-9]{1,6}|[^\s\"'`,;:]{4,16}")


def is_spoken_last(value: bytes, least: int = 3) -> bool:
    """Whether the rest of a line is a pass phrase: words that no sentence has, or a drawn word among words."""
    words = value.split(b" ")
    if not least <= len(words) <= 8 or len(value) < 12 or not all(map(_PHRASE_WORD.fullmatch, words)):
        return False
    if any(_UNUSUAL_IN_SPEECH.fullmatch(word) or word.lower() in _PROSE for word in words):
        return False
    if is_spoken(value):
        return True
    mixed = [
        word for word in words if len(word) >= 5 and classes(word) >= 2 and count(word, _DIGITS) and not word.isdigit()
    ]
    return len(mixed) >= 1 and words[0].isalpha() and not any(is_code(word) or wordy(word) for word in mixed)


def chosen(value: bytes) -> bool:
    """Whether a value looks like a password that a person chose or a program drew, and not like a word or a name."""
    if len(value) < 6 or stands_for(value):
        return False
    digits = count(value, _DIGITS)
    if digits == len(value):
        return True
    if is_words_and_digits(value):
        return True
    if value[:1] == b"/" and wordy(value):
        return False
    if is_code(value) or (wordy(value) and b"_" in value):
        return False
    if classes(value) >= 2 and (digits > 0 or classes(value) >= 3):
        return True
    return len(value) >= 8 and scrambled(value)
