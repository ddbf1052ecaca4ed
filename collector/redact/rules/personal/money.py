"""Payment cards, bank accounts and United States social security numbers."""

from __future__ import annotations

import re

from collector.redact.engine.checks import luhn
from collector.redact.engine.looks import around
from collector.redact.engine.rule import ByteRange, Rule, Trigger
from collector.redact.rules.personal import version_1 as first

_PUBLISHED_SSN = frozenset(
    (b"123456789", b"078051120", b"219099999", b"111223333", b"123121234", b"987654320", b"987654321")
)
"""Numbers that the Social Security Administration or every second document prints."""


_BEFORE_GROUP = re.compile(rb"(?<![0-9A-Za-z])[0-9A-F]{4,5} \Z")
_AFTER_GROUP = re.compile(rb" [0-9A-F]{4,5}(?![0-9A-Za-z])")
_BEFORE_IN_LIST = re.compile(rb"(?<![0-9A-Za-z.])-?([0-9]{12,20}),\s{1,16}\Z")
_AFTER_IN_LIST = re.compile(rb",\s{1,16}-?([0-9]{12,20})(?![0-9A-Za-z.])")


def _is_card(match: re.Match[bytes], data: bytes) -> bool:
    """A card's number, not four of the numbers in a table of them and not one of a list of long numbers."""
    if not first.is_card(match, data):
        return False
    before = data[max(0, match.start() - 40) : match.start()]
    if match["sep"] == b" " and (_BEFORE_GROUP.search(before) or _AFTER_GROUP.match(data, match.end())):
        return False
    beside = (_BEFORE_IN_LIST.search(before), _AFTER_IN_LIST.match(data, match.end()))
    return not any(other and not luhn(other[1]) for other in beside)


def _ssn(match: re.Match[bytes], data: bytes) -> bool:
    return re.sub(rb"[^0-9]", b"", match["secret"]) not in _PUBLISHED_SSN and first.is_ssn(match, data)


def _iban(data: bytes, place: int) -> ByteRange | None:
    """The trigger ends fifteen bytes into an account number written without spaces."""
    return first.find_iban(data, place - 15) if place >= 15 else None


_D = "[0-9]"
MONEY: tuple[Rule, ...] = (
    Rule("credit-card", "pii",
         (Trigger(f"[2-6]{_D}{{3}}[ -]{_D}{{4}}[ -]{_D}{{4}}[ -]{_D}{{4}}", 19), Trigger(f"3[47]{_D}{{2}}[ -]{_D}{{6}}[ -]{_D}{{5}}", 17),
          Trigger(f"[^0-9A-Za-z_.-][2-6]{_D}{{12}}", None)),
         around(first.CARD, 14, _is_card, lead=1),
         match=("card 4111 1111 1111 1111", "card 378282246310005", "5555-5555-5555-4444", "4111111111111111", '{"n":4111111111111111}'),
         no_match=("order_no = 8408104446872935", "4111 1111 1111 1112", "ts = 1700436055749", "541F\n5420 5421 5422 5423 5424 5425", "5092019688680754699, 4234737173186232084, 5027558287275472836"), since=2),
    Rule("iban", "pii", (Trigger(f"[A-Za-z]{{2}}{_D}{{2}}[ -][A-Za-z0-9]{{4}}[ -][A-Za-z0-9]{{4}}[ -][A-Za-z0-9]{{3}}", 18),), first.find_iban,
         match=("IBAN DE89 3704 0044 0532 0130 00",), no_match=("IBAN DE00 3704 0044 0532 0130 00",), since=2),
    Rule("iban", "pii", (Trigger(f"[^0-9A-Za-z][A-Za-z]{{2}}{_D}{{2}}[A-Za-z0-9]{{11}}", None),), _iban,
         match=("transfer to GB82WEST12345698765432", "GB82WEST12345698765432"), no_match=("GB00WEST12345698765432",), since=2),
    Rule("us-ssn", "pii",
         (Trigger(f"{_D}{{3}}-{_D}{{2}}-{_D}{{4}}", 11),
          Trigger(r"(?i)(?:ssn|social.?security|soc.?sec)[^0-9\n\x00]{0,40}" + f"{_D}{{3}} ?{_D}{{2}} ?{_D}{{4}}", None, (b"ssn", b"social", b"soc"))),
         around(first.SSN, 14, _ssn), match=("ssn,789-10-7090", "SSN: 273389171"), no_match=("2024-01-0001", "000-12-3456", "123-45-6789"), since=2),
)  # fmt: skip
