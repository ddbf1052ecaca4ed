"""The first version of the pack for personal data: e-mail addresses, payment cards, bank accounts, social security numbers, telephone numbers, addresses."""

from __future__ import annotations

import re
from dataclasses import replace

from collector.redact.engine.checks import luhn, mod97
from collector.redact.engine.looks import around
from collector.redact.engine.rule import ByteRange, Rule, Trigger

# -- e-mail

_EMAIL = re.compile(rb"(?P<secret>[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![A-Za-z0-9])")
_DOMAIN = re.compile(rb"@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])")
"""Looked for first: most of what has an `@` in it is a version of a package, or a decorator."""
_RESERVED = re.compile(rb"(?i)@(?:[a-z0-9-]+\.)*(?:example(?:\.(?:com|org|net))?|invalid|localhost|test)\Z")
_FILES = frozenset(
    b"png jpg jpeg gif svg webp ico js ts jsx tsx mjs cjs css scss html htm json md py rb go rs java php yml yaml xml txt lock map zip tgz gz".split()
)
_LOCAL_CHARS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+'-"


def find_email(data: bytes, place: int) -> ByteRange | None:
    at = data.find(b"@", place, place + 2)
    if not _DOMAIN.match(data, at):
        return None
    head = data[max(0, at - 64) : at]
    start = at - len(head) + len(head.rstrip(_LOCAL_CHARS))
    while start < at and data[start] in b".'%+-":
        start += 1
    if start < at and start > 0 and data[start - 1] == 0x5C and data[start] in b"nrt":
        start += 1
    match = _EMAIL.match(data, start)
    if not match or match.end() <= at or _RESERVED.search(match[0]):
        return None
    if match[0].rsplit(b".", 1)[1].lower() in _FILES or match[0].lower().startswith(
        (b"git@", b"noreply@", b"no-reply@")
    ):
        return None
    if data[start - 1 : start] in (b":", b"/") and b"//" in data[max(0, start - 100) : start]:
        return None  # the password and host of a URL
    return match.span()


# -- cards

CARD = re.compile(
    rb"(?<![0-9.])(?P<secret>[2-6][0-9]{3}(?P<sep>[ -]?)(?:[0-9]{4}(?P=sep)[0-9]{4}(?P=sep)[0-9]{4}(?:(?P=sep)[0-9]{3})?|[0-9]{6}(?P=sep)[0-9]{4,5})|[3-6][0-9]{12,18})(?![0-9]|\.[0-9])"
)
_BRAND = re.compile(
    rb"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    rb"|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}|62[0-9]{14,17}|35[2-8][0-9]{13}|(?:5018|5020|5038|5893|6304|6759|676[1-3])[0-9]{8,15}"
)
_CARD_WORDS = re.compile(
    rb"(?i)card|\bpan\b|visa|master|amex|american express|discover|credit|debit|\bcc\b|cc_?num|payment|billing|pay(?:ing|ed)? with"
)
_OTHER_NUMBER = re.compile(
    rb"(?i)(?:order|invoice|ticket|ref|\bid|_id|_no|\bno|\bts|time|timestamp|seq|serial|track|sku|build|trace|span|offset|size|count|nonce|phone|tel|hash|version|number|num|code|account|user|[a-z]Id)[\"'\\]{0,4}\s{0,4}[:=#]?[\"'\\]{0,4}\s{0,4}[\"'\\]{0,4}\Z"
)


def is_card(match: re.Match[bytes], data: bytes) -> bool:
    digits = re.sub(rb"[^0-9]", b"", match["secret"])
    if not _BRAND.fullmatch(digits) or not luhn(digits):
        return False
    before = data[max(0, match.start() - 48) : match.start()]
    if _CARD_WORDS.search(before):
        return True
    after = data[match.end() : match.end() + 1]
    if before[-1:].isalpha() or before[-1:] in (b"_", b"#") or after.isalpha() or after == b"_":
        return False
    return not _OTHER_NUMBER.search(before)


# -- bank accounts

_IBAN_SIZES = {
    b"AD": 24, b"AE": 23, b"AL": 28, b"AT": 20, b"AZ": 28, b"BA": 20, b"BE": 16, b"BG": 22, b"BH": 22, b"BR": 29, b"BY": 28,
    b"CH": 21, b"CR": 22, b"CY": 28, b"CZ": 24, b"DE": 22, b"DK": 18, b"DO": 28, b"EE": 20, b"EG": 29, b"ES": 24, b"FI": 18,
    b"FO": 18, b"FR": 27, b"GB": 22, b"GE": 22, b"GI": 23, b"GL": 18, b"GR": 27, b"GT": 28, b"HR": 21, b"HU": 28, b"IE": 22,
    b"IL": 23, b"IQ": 23, b"IS": 26, b"IT": 27, b"JO": 30, b"KW": 30, b"KZ": 20, b"LB": 28, b"LC": 32, b"LI": 21, b"LT": 20,
    b"LU": 20, b"LV": 21, b"LY": 25, b"MC": 27, b"MD": 24, b"ME": 22, b"MK": 19, b"MR": 27, b"MT": 31, b"MU": 30, b"NL": 18,
    b"NO": 15, b"PK": 24, b"PL": 28, b"PS": 29, b"PT": 25, b"QA": 29, b"RO": 24, b"RS": 22, b"SA": 24, b"SC": 31, b"SE": 24,
    b"SI": 19, b"SK": 24, b"SM": 27, b"ST": 25, b"SV": 28, b"TL": 23, b"TN": 24, b"TR": 26, b"UA": 29, b"VA": 22, b"VG": 24, b"XK": 20,
}  # fmt: skip
_IBAN_CHARS = re.compile(rb"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}")


def find_iban(data: bytes, place: int) -> ByteRange | None:
    size = _IBAN_SIZES.get(data[place : place + 2].upper(), 0)
    match = _IBAN_CHARS.match(data, place) if size else None
    if not match or (place and data[place - 1 : place].isalnum() and data[place - 2 : place - 1] != b"\\"):
        return None
    end = place
    left = size
    while left and end < match.end():
        left -= data[end] not in b" -"
        end += 1
    if left or data[end : end + 1].isalnum() or not mod97(data[place:end]):
        return None
    return place, end


# -- social security numbers

SSN = re.compile(
    rb"(?<![0-9A-Za-z.-])(?P<secret>(?!000|666|9)[0-9]{3}(?P<sep>[- ]?)(?!00)[0-9]{2}(?P=sep)(?!0000)[0-9]{4})(?![0-9A-Za-z]|[.-][0-9])"
)
_SSN_WORDS = re.compile(rb"(?i)\bssn|social.{0,3}security|soc\.? ?sec|tax.?(?:payer)?.?id|\btin\b|\bitin\b")


def is_ssn(match: re.Match[bytes], data: bytes) -> bool:
    return match["sep"] == b"-" or _SSN_WORDS.search(data[max(0, match.start() - 48) : match.start()]) is not None


# -- telephone numbers

_PHONE = re.compile(
    rb"(?<![0-9A-Za-z.+_/-])(?P<secret>\+[1-9][0-9]{0,2}(?P<sep>[ .-]?)\(?[0-9]{1,5}\)?(?:[ .-]?[0-9]{2,5}){1,5}|(?:1[ .-])?\([2-9][0-9]{2}\) ?[0-9]{3}[ .-][0-9]{4}"
    rb"|(?:1[ .-])?[2-9][0-9]{2}(?P<bare>[ .-]?)[0-9]{3}(?P=bare)[0-9]{4})(?![0-9A-Za-z_]|[.-][0-9])"
)
_PHONE_WORDS = re.compile(
    rb"(?i)phone|\btel\b|\btel[.:]|telephone|mobile|\bcell|\bcall|\bfax|contact|\bsms|whats ?app|\bdial|reach|text me|\bring\b|number|handy|msisdn|\bph[.:]"
)


def _phone(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    digits = sum(48 <= byte <= 57 for byte in value)
    if not 9 <= digits <= 15:
        return False
    before = data[max(0, match.start() - 40) : match.start()]
    named = _PHONE_WORDS.search(before.rsplit(b"\n", 1)[-1] if before.count(b"\n") > 1 else before) is not None
    if value[:1] == b"+":
        quoted = before[-1:] in (b'"', b"'") and data[match.end() : match.end() + 1] in (b'"', b"'", b"\\")
        named = named or (quoted and digits >= 10)
        alone = before == b"" and match.end() == len(data)
        return named or (digits >= 10 and (alone or (match["sep"] != b"" and before[-1:] != b"\n")))
    return named or (b"(" in value)


# -- network addresses (off unless asked for: version numbers look the same)

_IPV4 = re.compile(
    rb"(?<![0-9A-Za-z._-])(?P<secret>(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9]))(?![0-9A-Za-z_]|[.-][0-9A-Za-z])"
)
_IPV6 = re.compile(
    rb"(?<![0-9A-Za-z:._-])(?P<secret>(?:[0-9a-fA-F]{1,4}:){1,7}(?::(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,6})?|[0-9a-fA-F]{1,4}))(?![0-9A-Za-z_:]|[.][0-9])"
)
_PRIVATE = re.compile(
    rb"(?:0|10|127|255|22[4-9]|23[0-9])\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|169\.254\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\."
)


def _ipv4(match: re.Match[bytes], data: bytes) -> bool:
    before = data[max(0, match.start() - 10) : match.start()].lower()
    return not _PRIVATE.match(match["secret"]) and not re.search(rb"version:? ?\Z|\bv\Z", before)


def _ipv6(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"].lower()
    groups = [group for group in value.split(b":") if group]
    full = b"::" in value or len(groups) == 8
    return (
        full
        and len(groups) >= 3
        and not value.startswith((b"fe80", b"fc", b"fd"))
        and any(len(group) > 2 for group in groups)
    )


_V4 = around(_IPV4, 16, _ipv4)
_V6 = around(_IPV6, 45, _ipv6)

_D = "[0-9]"
_RULES: tuple[Rule, ...] = (
    Rule("email", "pii", (Trigger("[A-Za-z0-9_%+'-]@[A-Za-z0-9]", 3, (b"@",)),), find_email,
         match=("Contact jo.smith+x@mail.contoso.dev", "Author: Jo <li_wei@uni-nickel.edu>"),
         no_match=("user@localhost", "git@github.com:o/r", "x@2.0.1", "noreply@example.com", "icon@2x.png")),
    Rule("credit-card", "pii",
         (Trigger(f"[2-6]{_D}{{3}}[ -]{_D}{{4}}[ -]{_D}{{4}}[ -]{_D}{{4}}", 19), Trigger(f"3[47]{_D}{{2}}[ -]{_D}{{6}}[ -]{_D}{{5}}", 17),
          Trigger(f"[^0-9A-Za-z_.-][2-6]{_D}{{12}}", 14)),
         around(CARD, 2, is_card, lead=1),
         match=("card 4111 1111 1111 1111", "card 378282246310005", "5555-5555-5555-4444"),
         no_match=("order_no = 8408104446872935", "4111 1111 1111 1112", "ts = 1700436055749")),
    Rule("iban", "pii",
         (Trigger(f"[A-Za-z]{{2}}{_D}{{2}}[ -][A-Za-z0-9]{{4}}[ -][A-Za-z0-9]{{4}}[ -][A-Za-z0-9]{{3}}", 18),
          Trigger(f"[^0-9A-Za-z][A-Za-z]{{2}}{_D}{{2}}[A-Za-z0-9]{{11}}", 16)),
         lambda data, place: find_iban(data, place) or (find_iban(data, place + 1) if data[place:place + 1].isalnum() is False else None),
         match=("IBAN DE89 3704 0044 0532 0130 00", "transfer to GB82WEST12345698765432"), no_match=("IBAN DE00 3704 0044 0532 0130 00",)),
    Rule("us-ssn", "pii",
         (Trigger(f"{_D}{{3}}-{_D}{{2}}-{_D}{{4}}", 11),
          Trigger(r"(?i)(?:ssn|social.?security|soc.?sec)[^0-9\n\x00]{0,40}" + f"{_D}{{3}} ?{_D}{{2}} ?{_D}{{4}}", None, (b"ssn", b"social", b"soc"))),
         around(SSN, 14, is_ssn), match=("ssn,789-10-7090", "SSN: 273389171"), no_match=("2024-01-0001", "000-12-3456")),
    Rule("phone", "pii",
         (Trigger(rf"[^0-9A-Za-z._/-]\({_D}{{3}}\) ?{_D}{{3}}[ .-]{_D}{{4}}", None), Trigger(r"\+[1-9][0-9 .()-]{9}", 11, (b"+",)),
          Trigger(rf"{_D}{{3}}-{_D}{{3}}-{_D}{{4}}", 12), Trigger(rf"{_D}{{3}}\.{_D}{{3}}\.{_D}{{4}}", 12),
          Trigger(r"(?i)(?:phone|mobile|cell|tel|call|fax|sms|number)[^0-9\n\x00]{0,24}" + f"{_D}{{3}} ?{_D}{{3}} ?{_D}{{4}}", None, (b"phone", b"mobile", b"cell", b"tel", b"call", b"fax", b"sms", b"number"))),
         around(_PHONE, 18, _phone, lead=1),
         match=("Call me at +44 20 8096 5457", "phone: 900-334-8459", "reach (944) 938-7018"), no_match=(r"phone_pattern = r'\d{3}-\d{4}'", "build 123-456-7890")),
    Rule("ip-address", "pii",
         (Trigger(rf"{_D}\.{_D}{{1,3}}\.{_D}{{1,3}}\.{_D}", None, (b".",)), Trigger("[0-9a-fA-F]{3,4}:(?:[0-9a-fA-F]{1,4}:|:)[0-9a-fA-F]", None, (b":",))),
         lambda data, place: _V4(data, place) or _V6(data, place),
         match=("client connected from 81.10.123.233", "from 2a01:fb3e:9934:c513:25b5:2e3f:4b5d:5c2b"), no_match=("listening on 127.0.0.1:8006",), on=False),
)  # fmt: skip

_REPLACED = frozenset(("email", "credit-card", "iban", "us-ssn", "phone"))
VERSION_1: tuple[Rule, ...] = tuple(replace(rule, until=1) if rule.id in _REPLACED else rule for rule in _RULES)
