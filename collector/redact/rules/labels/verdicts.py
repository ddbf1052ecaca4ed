"""Whether the value beside a name is a secret in running text, where names and values also stand in programs and prose."""

from __future__ import annotations

import re
from enum import Enum, auto

from collector.redact.engine.checks import classes, count, masked, random, wordy
from collector.redact.placeholders import PLACEHOLDER
from collector.redact.rules.values import (
    UUID,
    chosen,
    drawn,
    harmless,
    has_every_class,
    has_random_part,
    is_code,
    is_dense,
    is_diced,
    is_generated,
    is_jumbled,
    is_path,
    is_plain,
    is_prose,
    is_spoken,
    is_typed_at_random,
    is_words_and_digits,
    looks_secret,
    scrambled,
    stands_for,
)
from collector.redact.rules.vocabulary import Says, name_says

DIGITS = b"0123456789"
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PUBLIC_KEY = (
    b"MFkwEwYHKoZI", b"MIIBIjANBgkq", b"MIICIjANBgkq", b"MIGfMA0GCSqG", b"MCowBQYDK2Vw", b"MHYwEAYHKoZI", b"AAAAC3Nza", b"AAAAB3Nza",
    b"LS0tLS1CRUdJTiBDRVJU", b"LS0tLS1CRUdJTiBQVUJMSUM",
)  # fmt: skip
"""How public keys and certificates begin."""
PUBLISHABLE = re.compile(
    rb"pk_(?:live|test)_|pk\.eyJ|sb_publishable_|phc_|AIza|pub-c-|sub-c-|G-[A-Z0-9]{8}|UA-[0-9]|GTM-[A-Z0-9]{4}"
)
"""How keys begin that are meant to be seen by everyone, or that have a rule of their own."""


class Holder(Enum):
    """What holds a name and its value, by how sure it is that the value is data."""

    VARIABLE = auto()
    """A variable of an environment on a line of its own, a flag, a header of its own making: nothing but data."""
    DATA = auto()
    """A member of JSON, a variable of an environment, an element of XML, a flag."""
    LITERAL = auto()
    """A quoted literal in a program, or a quoted value in a configuration."""
    LINE = auto()
    """The rest of a line of YAML, INI or properties."""
    LOOSE = auto()
    """Anything else: expressions, query strings, logs."""


_LONGEST_VALUE = 2000
_DATA = (Holder.VARIABLE, Holder.DATA)


def is_secret(name: bytes, value: bytes, holder: Holder) -> bool:
    """Whether `value`, beside `name` in a text, is a secret."""
    if len(value) > _LONGEST_VALUE:
        return False
    if holder not in _DATA and is_plain(value) and not is_diced(value) and not is_typed_at_random(value):
        return False
    bare = PLACEHOLDER.sub(b"", value).removeprefix(b"base64:")
    says = name_says(name.decode("utf-8", "replace").strip("-$.@"))
    if says is Says.PASSWORD and holder is not Holder.LOOSE and is_generated(bare):
        return True
    if says in (Says.PASSWORD, Says.SECRET) and holder in (Holder.LITERAL, Holder.DATA) and is_dense(bare):
        return True
    if says is Says.NOTHING or (says is Says.PERHAPS and not _looks_secret(name, bare, holder)) or not _may_be(bare):
        return False
    if says is Says.PERHAPS:
        if pair := _PAIR_OF_AUTH.fullmatch(bare) if _IS_AUTH.search(name) else None:
            return not harmless(pair[1]) and not names_something(pair[1]) and (chosen(pair[1]) or is_diced(pair[1]))
        return not (bare.isalpha() and not scrambled(bare)) and (holder in _DATA or not names_something(bare))
    if _is_name_of_itself(name, bare):
        return False
    if _NAMES_REQUEST.search(name) and UUID.fullmatch(bare):
        return False
    if has_every_class(bare) or (says is Says.PASSWORD and holder is not Holder.LOOSE and is_jumbled(bare)):
        return True
    if _SETTINGS.fullmatch(bare) and not _HAS_CREDENTIAL.search(bare):
        return False
    if _LICENSE_KEY.search(name) and _names_license(bare):
        return False
    if holder is not Holder.LOOSE and is_diced(bare) and (says is Says.PASSWORD or holder in _DATA):
        return True
    if is_diced(bare) and count(bare, DIGITS) > 0 and (says is Says.PASSWORD or holder is not Holder.LOOSE):
        return True
    if harmless(bare, digits_may_be_secret=says is Says.PASSWORD):
        return False
    if holder is Holder.VARIABLE and len(bare) >= 4 and b" " not in bare and not names_something(bare):
        return True
    if holder is not Holder.LOOSE and is_typed_at_random(bare):
        return True
    if says is Says.PASSWORD:
        return _password(bare, holder)
    if name[-6:].lower() == b"cookie" and b"=" in bare:
        return holds_session(bare)
    return _token(bare, holder)


_SETTINGS = re.compile(rb"(?:[A-Za-z][A-Za-z ]{1,30}=[^;=\s\x00]{1,80};?[ ]?){2,20}")
_HAS_CREDENTIAL = re.compile(rb"(?i)pass|pwd|key|secret|token|sig")
"""A connection string holds a secret only where one of its settings is named for one."""
_IS_AUTH = re.compile(rb"(?i)auth(?:[_-]?ident)?\Z")
_PAIR_OF_AUTH = re.compile(rb"[A-Za-z0-9_.@-]{1,40}:(?!/)([^\s:]{6,100})")
"""What a name of a login holds: a user and the password."""


def _looks_secret(name: bytes, value: bytes, holder: Holder) -> bool:
    """Whether the value of what only may be a secret is one: drawn by chance, a login, or the UUID of a `..._KEY`."""
    if value.isdigit() and name[-4:].lower() == b"seed":
        return False  # of numbers drawn by a program
    if looks_secret(value):
        return True
    if _IS_AUTH.search(name):
        return _PAIR_OF_AUTH.fullmatch(value) is not None
    return holder is Holder.VARIABLE and _ENV_KEY.fullmatch(name) is not None and UUID.fullmatch(value) is not None


_ENV_KEY = re.compile(rb"[A-Z][A-Z0-9_]{1,60}_KEY")


def _is_name_of_itself(name: bytes, value: bytes) -> bool:
    """`--kms-key=kms_key`, `token: token`, `HistoryToken: D3D_HISTORYTOKEN`."""
    name, value = (text.translate(None, b"-_.$").lower() for text in (name, value))
    return (len(value) >= 4 and name.endswith(value)) or (len(name) >= 8 and value.endswith(name))


_NAMES_REQUEST = re.compile(rb"(?i)(?:client|request|creation|idempotency)_?-?token\Z")
"""What tells a request from its repetition; clients make it a UUID."""


def _may_be(value: bytes) -> bool:
    return not (
        masked(value)
        or stands_for(value)
        or value.startswith(PUBLIC_KEY)
        or PUBLISHABLE.match(value)
        or _EXPRESSION.match(value)
        or (value[:1] in b"[(^" and _PATTERN.search(value))
        or (b"|" in value and _RULES_OF_FORM.fullmatch(value))
    )


def holds_session(cookies: bytes) -> bool:
    """Whether one of the cookies of a header holds what looks drawn by chance, as sessions do and settings do not."""
    values = [part.split(b"=", 1)[-1].rstrip(b"=") for part in cookies.split(b";")]
    return any(
        len(value) >= 8
        and (random(value) or drawn(value))
        and not names_something(value)
        and not _LOCALE.fullmatch(value)
        for value in values
    )


_LOCALE = re.compile(rb"[a-z]{2}[-_][A-Z]{2}[0-9]{0,4}")
_EXPRESSION = re.compile(
    rb"(?:a-z|A-Z|0-9)(?:a-z|A-Z|0-9)|![01][!=)]|&#x3[cC];|_mm[0-9]{0,3}_|[,)][^(]{0,40}[(]|[!A-Za-z_$][A-Za-z0-9_$.]{0,40}(?:&&|\|\|)[!A-Za-z_$(]|0x[0-9a-fA-F]{1,16}[lL]?\Z|[0-9]{2,5}/|\./|//(?![A-Za-z0-9+/]{30})|~/|[+|&]\Z|&[A-Za-z_.]{1,60}\Z|(?:%[sd][/:.-]?){2}|\+[A-Za-z_]{1,30}\.[A-Za-z_]|[A-Za-z_$][A-Za-z0-9_$.]{0,40}\?[A-Za-z_$][A-Za-z0-9_$]{0,30}\.|[^<]{0,20}<[A-Za-z_ -]{1,40}|#[0-9a-fA-F]{3,8}\Z"
)
_PATTERN = re.compile(rb"[a-z0-9]-[a-z0-9]|\\[(]")
_RULES_OF_FORM = re.compile(
    rb"(?=(?:.*\|)?(?:required|nullable|sometimes|confirmed|string|min:|max:))(?:[a-z_]{3,24}(?::[^|\s]{1,60})?\|){1,12}[a-z_]{3,24}(?::[^|\s]{1,60})?"
)
"""What a form asks of a field: `required|string|min:8`."""


def _password(value: bytes, holder: Holder) -> bool:
    if holder in _DATA:
        if len(value) < 4:
            return False
        if wordy(value) and (b"_" in value or b"-" in value or b"." in value):
            return is_words_and_digits(value)
        return chosen(value) or not wordy(value) or count(value, DIGITS) > 0
    if holder is Holder.LITERAL:
        return chosen(value)
    if holder is Holder.LINE:
        if names_something(value):
            return False
        return chosen(value) and (classes(value) >= 2 or len(value) >= 8)
    if names_something(value):
        return False
    if random(value) or drawn(value) or is_words_and_digits(value):
        return True
    return classes(value) >= 3 and not wordy(value) and len(value) >= 6


def _token(value: bytes, holder: Holder) -> bool:
    if len(value) < (12 if holder is Holder.LOOSE else 8) or b" " in value or NUMBERED_NAME.fullmatch(value):
        return False
    if drawn(value):
        return holder in _DATA or not names_something(value)
    if holder is not Holder.LOOSE and is_words_and_digits(value) and not _VERSION.fullmatch(value):
        return True
    return holder in _DATA and chosen(value) and count(value, DIGITS) > 0 and not wordy(value)


_LICENSE_KEY = re.compile(rb"(?i)licen[cs]e_?-?key\Z")
_LICENSE = re.compile(
    rb"(?i)(?=[^a-z]{0,40}[a-z])(?:[0-9]{0,4}[a-z]{1,20}(?:[0-9]{1,4}[a-z]{0,12})?|[0-9][0-9.]{0,9}[a-z]{0,8})"
    rb"(?:[-+](?:[0-9]{0,4}[a-z]{1,20}(?:[0-9]{1,4}[a-z]{0,12})?|[0-9][0-9.]{0,9}[a-z]{0,8})){0,11}[+]?"
)
"""The name of a license, as lists of licenses have it: `3dslicer-1.0`, `GPL-2.0-or-later`."""


_LICENSE_ID = re.compile(
    rb"LicenseRef-[A-Za-z0-9.-]{1,80}|(?=[a-z0-9.+-]{0,60}[a-z]{2})[a-z0-9.+]{1,14}(?:-[a-z0-9.+]{1,14}){1,8}"
)


def _names_license(value: bytes) -> bool:
    if _LICENSE_ID.fullmatch(value) and not UUID.fullmatch(value):
        return True
    mixed = [part for part in value.split(b"-") if 0 < count(part, DIGITS) < len(part) - part.count(b".")]
    return len(mixed) <= 2 and _LICENSE.fullmatch(value) is not None


_NAMES_KIND = re.compile(rb"[A-Za-z](?:Types?|Keys?|Tokens?|Secrets?|Passwords?|Credentials?|Base64|Bytes)\Z")


NUMBERED_NAME = re.compile(
    rb"(?:[A-Z]?[a-z]{2,20}){1,6}(?:Key|Token|Secret|Credential|Cookie|Session)(?:Size)?[0-9]{1,4}"
)
"""One of several in a program: `encryptionKey1024`."""


_OF_TOKENS = re.compile(rb"[A-Za-z0-9_=-]{40,}")


def names_something(value: bytes) -> bool:
    """Whether a value is made of names: `hdrs.SEC_WEBSOCKET_KEY1`, `pkcs8_priv_key_info_st`, `db-credentials-v2`."""
    if is_words_and_digits(value) or UUID.fullmatch(value):
        return False
    if _NAMES_KIND.search(value) or is_code(value) or is_path(value):
        return True
    if len(value) >= 40 and _OF_TOKENS.fullmatch(value) and classes(value) >= 3 and has_random_part(value):
        return False
    if (b"_" in value or b"-" in value or b"." in value) and wordy(value.translate(None, DIGITS)):
        return True
    return value.count(b"_") >= 2 and count(value, _LETTERS) * 10 >= len(value) * 7 and not has_random_part(value)


def is_phrase(value: bytes) -> bool:
    """Whether words between quotes are a password and not a sentence about one."""
    if is_spoken(value):
        return True
    if _SETTINGS.fullmatch(value) and not _HAS_CREDENTIAL.search(value):
        return False
    if is_prose(value) or harmless(value, digits_may_be_secret=True) or stands_for(value):
        return False
    if _OF_GOOGLE.fullmatch(value) and scrambled(value.replace(b" ", b"")):
        return True
    words = value.split()
    if len(value) < 8 or len(words) > 6 or not value.isascii() or not words[0][:1].isalnum():
        return False
    return any(count(word, DIGITS) > 1 or classes(word) >= 3 for word in words) and classes(value) >= 2


_OF_GOOGLE = re.compile(rb"[A-Za-z]{4}(?: [A-Za-z]{4}){3}")
"""The password of an app as Google shows it."""


def is_said(value: bytes, sure: bool) -> bool:
    """Whether a word of prose is a secret; `sure` when the sentence says that it is one."""
    if len(value) < 6 or not _may_be(value) or harmless(value) or names_something(value) or _URL.match(value):
        return False
    if (_CONSTANT.fullmatch(value) and not has_random_part(value)) or _SET.match(value):
        return False
    if (
        (wordy(value) and not scrambled(value) and not (is_words_and_digits(value) if sure else has_every_class(value)))
        or _VERSION.fullmatch(value)
        or value.endswith(_FILES)
    ):
        return False
    digits = count(value, DIGITS)
    if sure:
        return (
            (digits > 0 and classes(value) >= 2 and digits < len(value))
            or classes(value) >= 3
            or (len(value) >= 10 and drawn(value))
        )
    return has_every_class(value) or (len(value) >= 16 and drawn(value) and not UUID.fullmatch(value))


_CONSTANT = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_SET = re.compile(
    rb"[A-Za-z][A-Za-z.-]{2,40}=[A-Za-z0-9]{1,8}\Z|(?:[A-Za-z][A-Za-z0-9]{0,15}/){1,4}[A-Za-z]{1,16}=\*?[A-Za-z][A-Za-z0-9]{0,15}\Z"
)
"""A setting and its value: `mcpClientBudget=N`, `int32/Elem=int32`."""
_URL = re.compile(rb"[a-z+]{2,10}://|www\.|[a-z0-9.-]{1,60}\.(?:com|org|net|io|dev)\b")
_VERSION = re.compile(
    rb"(?i)v?[0-9]{1,5}(?:[.-][0-9a-z]{1,12}){1,5}|(?:sha|md|aes|rsa|base|utf|hs|rs|es|ps|ed|x|v|oauth|http|tls|ipv|s)-?[0-9]{1,6}(?:[-/][a-z0-9]{1,8}){0,3}|[0-9]{1,6}(?:st|nd|rd|th|px|ms|kb|mb|gb|x|d|h|m|s|k|%)"
)
_FILES = (
    b".py",
    b".js",
    b".ts",
    b".json",
    b".yaml",
    b".yml",
    b".md",
    b".txt",
    b".pem",
    b".key",
    b".env",
    b".sh",
    b".go",
    b".rb",
    b".toml",
    b".html",
)
