"""What a pattern cannot say: check digits, randomness, and the shapes of values that stand for a credential."""

from __future__ import annotations

import math
import re

from collector.redact.placeholders import PLACEHOLDER


def luhn(found: bytes) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1)."""
    digits = [byte - 48 for byte in found if 48 <= byte <= 57]
    total = 0
    for index, digit in enumerate(reversed(digits)):
        if index % 2:
            digit *= 2
            if digit > 9:
                digit -= 9
        total += digit
    return len(digits) > 1 and len(set(digits)) > 1 and total % 10 == 0


def mod97(found: bytes) -> bool:
    """The check digits of bank account numbers (ISO 13616)."""
    text = bytes(byte for byte in found.upper() if chr(byte).isalnum()).decode("ascii", "replace")
    if len(text) < 5:
        return False
    try:
        return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1
    except ValueError:
        return False


def entropy(found: bytes) -> float:
    """Shannon entropy in bits for each byte."""
    if not found:
        return 0.0
    size = len(found)
    counts = [found.count(byte) for byte in set(found)]
    return math.log2(size) - sum(n * math.log2(n) for n in counts if n > 1) / size


def masked(found: bytes) -> bool:
    """Whether a token's body is filled up, as in `xxxxxxxx` or `********`.

    Only with characters that people fill up with: `aaaaaaaa` would be no token either, but masking it costs nothing.
    """
    return not found[len(found) // 3 :].lower().strip(_FILLERS)


_FILLERS = b"x*.-_#?0"


_STANDS_FOR = re.compile(
    rb"""(?isx)
    \$\{?[A-Za-z_][A-Za-z0-9_.:?-]{0,80}\}? | \$\([^()]{0,80}\)? | \$\{\{.{0,120}\}?\}? | \{\{.{0,120}\}?\}?
    | <[^<>]{0,80}>? | %\(?[A-Za-z_]{1,60}\)?s?% | %[sdr] | %\([A-Za-z_]{1,60}\)s | \{[A-Za-z0-9_.!:]{0,60}\}
    | \#\{[^}]{0,80}\}? | @[A-Za-z_.]{1,60}@ | __[A-Za-z_]{1,60}__ | [*.x#?_-]+ | \xe2\x80\xa6 | (?:\xe2\x80\xa2)+
    | (?:.{0,2})?[x*]{4,}.{0,4} | &lt;.{0,80}
    | (?:your|my|an?|the|some|any|insert|enter|add|put|replace|use|set)[-_. ][a-z_. -]{0,60}[0-9]{0,2}
    | .{0,60}[-_.](?:here|goes-here|placeholder|example)
    | (?:your|my)(?:api|secret|access|token|password|key|client|auth)[a-z_-]{0,40}
    """
)
_WORDS = frozenset(
    b"""
    changeme change-me change_me changeit replaceme replace-me replace_me fixme todo tbd none null nil undefined true
    false yes no on off password passwd pass passphrase pwd secret secrets token tokens apikey api_key api-key key
    example sample test testing tester test123 test1234 testpass testpassword testsecret testtoken test-token
    test-key test-secret test_token test_key test_secret dummy fake foo bar baz foobar foobarbaz default admin root
    user username guest postgres mysql redis mongo rabbitmq minioadmin placeholder redacted masked hidden removed
    required optional string text unset empty invalid unknown value bearer basic digest negotiate hello world abc
    abc123 abcdef abcd1234 123456 1234567 12345678 123456789 1234567890 secret123 password1 password123 p@ssw0rd
    pass123 mypassword mysecret mytoken mykey not-set notset not_set n/a letmein qwerty hunter user:pass
    user:password username:password anonymous public private
    abcdefghijklmnopqrstuvwxyz 0123456789 0123456789abcdef deadbeef cafebabe
    """.split()
)


_EXAMPLES = frozenset(  # Amazon's documentation
    (
        b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        b"je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    )
)


def stands_for(value: bytes) -> bool:
    """Whether a value is a reference, a mask or a word that people write in place of a credential."""
    bare = PLACEHOLDER.sub(b"", value)
    if not bare.strip(b"'\"\\ "):
        return True
    lowered = value.lower()
    return value in _EXAMPLES or lowered in _WORDS or _STANDS_FOR.fullmatch(value) is not None or len(set(lowered)) <= 2


_DIGITS = b"0123456789"
_LOWER = b"abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()


def count(value: bytes, alphabet: bytes) -> int:
    """How many bytes of `value` are in `alphabet`."""
    return len(value) - len(value.translate(None, alphabet))


def classes(value: bytes) -> int:
    """How many of lower case, upper case, digits and other characters there are."""
    return sum(count(value, alphabet) > 0 for alphabet in (_LOWER, _UPPER, _DIGITS, b"!@#$%^&*+=?~;,|()<>"))


_PARTS = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_VOWELS = b"aeiouyAEIOUY"
_ACRONYMS = frozenset(
    b"""
    id url uri api key sha md5 hs rs es ps utf aes rsa hmac http https html css json xml sql db str get set tls ssl jwt
    env ctx cfg ptr src dst cmd var obj num txt msg req res rsp std pkg pkcs ed dsa fs io os ui js ts py go rb sh
    """.split()
)


def wordy(value: bytes) -> bool:
    """Whether a value reads as words or an identifier: `getAccessToken2`, `user_profile_id`, `qwerty-layout-us`."""
    letters = count(value, _LOWER + _UPPER)
    digits = count(value, _DIGITS)
    if digits > max(2, letters // 6) or not letters:
        return False
    parts = [part for part in _PARTS.findall(value) if not part[:1].isdigit()]
    if len(parts) > 2 and letters < 3.5 * len(parts):
        return False
    return sum(len(part) for part in parts if _word(part)) * 10 >= letters * 8


def _word(part: bytes) -> bool:
    vowels = count(part, _VOWELS)
    return part.lower() in _ACRONYMS or (len(part) >= 3 and len(part) <= 6 * vowels and 4 * vowels <= 3 * len(part))


def random(value: bytes) -> bool:
    """Whether a value looks drawn by chance: letters and digits mixed, and no words."""
    return len(value) >= 8 and not stands_for(value) and is_mixed(value)


def is_mixed(value: bytes) -> bool:
    """The same of a value that stands for none, and has eight bytes at least."""
    has_digit, has_upper, has_lower = (count(value, alphabet) > 0 for alphabet in (_DIGITS, _UPPER, _LOWER))
    if not (has_digit and (has_upper or has_lower)) and not (has_upper and has_lower and len(value) >= 20):
        return False
    return entropy(value) >= min(3.0, math.log2(len(value)) * 0.72) and not wordy(value)
