"""Numbers of national identity, for the twenty most populous countries and some others: a pack to be asked for.

Where a country gives its number check digits they must hold. Where it gives none (Pakistan, Nigeria, Bangladesh,
Ethiopia, the Philippines, DR Congo, Vietnam, Egypt) a word for the number must stand before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from collector.redact.engine.checks import luhn
from collector.redact.engine.looks import around
from collector.redact.engine.rule import Rule, Trigger

_MULTIPLY = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6), (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1), (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4), (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_PERMUTE = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2), (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1), (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip


def _digits(found: bytes) -> list[int]:
    return [byte - 48 for byte in found if 48 <= byte <= 57]


def _weighed(digits: list[int], weights: tuple[int, ...]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def aadhaar(found: bytes) -> bool:
    """India: Verhoeff's check digit."""
    digits, check = _digits(found), 0
    for at, digit in enumerate(reversed(digits)):
        check = _MULTIPLY[check][_PERMUTE[at % 8][digit]]
    return len(digits) == 12 and digits[0] > 1 and check == 0


def resident_identity(found: bytes) -> bool:
    """China: ISO 7064 MOD 11-2, with a date of birth inside."""
    digits = _digits(found[:17])
    if len(digits) != 17 or not _is_date(found[6:14]):
        return False
    check = _weighed(digits, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    return b"10X98765432"[check : check + 1] == found[17:18].upper()


def _is_date(text: bytes) -> bool:
    return 1900 <= int(text[:4]) <= 2030 and 1 <= int(text[4:6]) <= 12 and 1 <= int(text[6:8]) <= 31


def nik(found: bytes) -> bool:
    """Indonesia: a province, and a date of birth in which women's days have 40 added."""
    day, month = int(found[6:8]) % 40, int(found[8:10])
    return 11 <= int(found[:2]) <= 96 and 1 <= day <= 31 and 1 <= month <= 12


def cpf(found: bytes) -> bool:
    """Brazil: two check digits, modulo 11."""
    digits = _digits(found)
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    first = _weighed(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2)) * 10 % 11 % 10
    second = _weighed(digits, (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)) * 10 % 11 % 10
    return digits[9:] == [first, second]


def snils(found: bytes) -> bool:
    """Russia: the number of the insurance account, modulo 101."""
    digits = _digits(found)
    return (
        len(digits) == 11 and _weighed(digits, (9, 8, 7, 6, 5, 4, 3, 2, 1)) % 101 % 100 == digits[9] * 10 + digits[10]
    )


def inn(found: bytes) -> bool:
    """Russia: the tax number of a person."""
    digits = _digits(found)
    if len(digits) != 12:
        return False
    first = _weighed(digits, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = _weighed(digits, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return digits[10:] == [first, second]


_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def curp(found: bytes) -> bool:
    """Mexico: the last digit is checked against the seventeen characters before it."""
    text = found.decode("ascii", "replace")
    total = sum(_CURP.index(char) * (18 - at) for at, char in enumerate(text[:17]))
    return str((10 - total % 10) % 10) == text[17]


def my_number(found: bytes) -> bool:
    """Japan: modulo 11."""
    digits = _digits(found)
    if len(digits) != 12:
        return False
    rest = _weighed(digits, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return digits[11] == (0 if rest <= 1 else 11 - rest)


def melli(found: bytes) -> bool:
    """Iran: modulo 11."""
    digits = _digits(found)
    if len(digits) != 10 or len(set(digits)) == 1:
        return False
    rest = _weighed(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return digits[9] == (rest if rest < 2 else 11 - rest)


def kimlik(found: bytes) -> bool:
    """Türkiye: two check digits."""
    digits = _digits(found)
    if len(digits) != 11 or not digits[0]:
        return False
    tenth = (sum(digits[0:9:2]) * 7 - sum(digits[1:8:2])) % 10
    return digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def steuer_id(found: bytes) -> bool:
    """Germany: ISO 7064 MOD 11,10."""
    digits = _digits(found)
    if len(digits) != 11 or not digits[0]:
        return False
    product = 10
    for digit in digits[:10]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return digits[10] == (11 - product) % 10


def thai(found: bytes) -> bool:
    """Thailand: modulo 11."""
    digits = _digits(found)
    return len(digits) == 13 and digits[12] == (11 - _weighed(digits, tuple(range(13, 1, -1))) % 11) % 10


def nir(found: bytes) -> bool:
    """France: modulo 97; Corsica's departments count as 19 and 18."""
    text = re.sub(rb"[^0-9AB]", b"", found.upper()).replace(b"2A", b"19").replace(b"2B", b"18")
    return len(text) == 15 and text.isdigit() and int(text[13:]) == 97 - int(text[:13]) % 97


def dni(found: bytes) -> bool:
    """Spain: the letter is the number modulo 23."""
    digits = re.sub(rb"[^0-9XYZ]", b"", found[:-1].upper()).replace(b"X", b"0").replace(b"Y", b"1").replace(b"Z", b"2")
    return digits.isdigit() and b"TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23 :][:1] == found[-1:].upper()


_ODD = dict(zip(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23), strict=True))  # fmt: skip


def codice_fiscale(found: bytes) -> bool:
    """Italy: the last letter is the sum of the others, by tables, modulo 26."""
    text = found.upper()
    total = sum(_ODD[char] if at % 2 == 0 else char - (48 if char < 65 else 65) for at, char in enumerate(text[:15]))
    return text[15] - 65 == total % 26


def _rule(
    id: str,
    country: str,
    words: str,
    shape: str,
    check: Callable[[bytes], bool] | None,
    *examples: str,
    alone: bool = False,
    no: tuple[str, ...] = (),
) -> Rule:
    """`words` must stand before the number, unless its shape and check digits are enough `alone`."""
    named = re.compile(rf"(?i){words}".encode())

    def accept(match: re.Match[bytes], data: bytes) -> bool:
        before = data[max(0, match.start() - 60) : match.start()]
        return (alone or named.search(before) is not None) and (check is None or check(match["secret"]))

    fixed = re.sub(r"\[[^\]]*[ .-][^\]]*\]\?", "[ .-]?", shape)
    trigger = f"(?i){fixed}" if alone else f"(?i)(?:{words})[^0-9\\n\\x00]{{0,40}}[0-9A-Z]"
    pattern = re.compile(rf"(?<![0-9A-Za-z])(?P<secret>{shape})(?![0-9A-Za-z])".encode())
    look = around(pattern, 24 if alone else 12, accept, lead=0 if alone else 2, ahead=40)
    return Rule(id, "national-ids", (Trigger(trigger, None),), look, match=examples, no_match=no)


_NO = "(?:n[oº°]\\.?|number|num|id)?"
NATIONAL_IDS: tuple[Rule, ...] = (
    _rule("in-aadhaar", "India", "aadh?aar|uidai|आधार", "[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}", aadhaar, "Aadhaar: 2345 6789 0124", no=("Aadhaar: 2345 6789 0123",)),
    _rule("in-pan", "India", r"\bpan\b|income.?tax", "[A-Z]{3}[ABCFGHLJPT][A-Z][0-9]{4}[A-Z]", None, "PAN: ABCPE1234F"),
    _rule("cn-resident-id", "China", "", "[1-9][0-9]{5}(?:19|20)[0-9]{2}[01][0-9][0-3][0-9][0-9]{3}[0-9Xx]", resident_identity, "id 11010519491231002X", alone=True, no=("id 110105194912310021",)),
    _rule("id-nik", "Indonesia", r"\bnik\b|\bktp\b", "[1-9][0-9]{15}", nik, "NIK: 3171231708900123", no=("NIK: 3171239999900123",)),
    _rule("pk-cnic", "Pakistan", r"cnic|nadra|identity card", "[1-8][0-9]{4}-[0-9]{7}-[0-9]", None, "CNIC 42101-1234567-1", no=("call 42101-1234567-1",)),
    _rule("ng-nin", "Nigeria", r"\bnin\b|national identification", "[1-9][0-9]{10}", None, "NIN: 12345678901", no=("number 12345678901",)),
    _rule("br-cpf", "Brazil", "cpf", r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}", cpf, "CPF 529.982.247-25", no=("CPF 529.982.247-26",)),
    _rule("bd-nid", "Bangladesh", r"\bnid\b|national id|জাতীয়", "[1-9][0-9]{9}(?:[0-9]{3})?(?:[0-9]{4})?", None, "NID: 1234567890", no=("build 1234567890",)),
    _rule("ru-snils", "Russia", "snils|снилс|СНИЛС", "[0-9]{3}-?[0-9]{3}-?[0-9]{3}[ -]?[0-9]{2}", snils, "SNILS 112-233-445 95", no=("SNILS 112-233-445 96",)),
    _rule("ru-inn", "Russia", r"\binn\b|инн|ИНН", "[0-9]{12}", inn, "INN 500100732259", no=("INN 500100732258",)),
    _rule("et-fayda", "Ethiopia", r"fayda|\bfan\b|\bfcn\b", "[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}(?:[ -]?[0-9]{4})?", None, "Fayda 1234 5678 9012", no=("number 1234 5678 9012",)),
    _rule("mx-curp", "Mexico", "", "[A-Z][AEIOUX][A-Z]{2}[0-9]{2}[01][0-9][0-3][0-9][HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]", curp, "CURP HEGG560427MVZRRL04", alone=True, no=("HEGG560427MVZRRL05",)),
    _rule("jp-my-number", "Japan", "my ?number|マイナンバー|個人番号", "[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}", my_number, "My Number 1234 5678 9018", no=("My Number 1234 5678 9012",)),
    _rule("eg-national-id", "Egypt", "national id|الرقم القومي", "[23][0-9]{2}[01][0-9][0-3][0-9][0-9]{7}", None, "national id 29001011234567", no=("order 29001011234567",)),
    _rule("ph-psn", "Philippines", r"phil(?:sys|id)|\bpsn\b|\bpcn\b", "[0-9]{4}-?[0-9]{4}-?[0-9]{4}(?:-?[0-9]{4})?", None, "PhilSys 1234-5678-9012", no=("order 1234-5678-9012",)),
    _rule("cd-national-id", "DR Congo", r"carte d.{1,4}lecteur|num.{1,2}ro national|\bonip\b", "[0-9]{11}", None, "carte d'électeur 12345678901", no=("ref 12345678901",)),
    _rule("vn-cccd", "Vietnam", r"cccd|cmnd|căn cước", "0[0-9]{2}[0-9][0-9]{8}", None, "CCCD 001234567890", no=("order 001234567890",)),
    _rule("ir-melli", "Iran", "melli|کد ملی|national code", "[0-9]{3}-?[0-9]{6}-?[0-9]", melli, "code melli 0084575948", no=("code melli 0084575949",)),
    _rule("tr-kimlik", "Turkiye", r"kimlik|\btckn?\b|t\\.?c\\.? no", "[1-9][0-9]{10}", kimlik, "TC Kimlik 10000000146", no=("TC Kimlik 10000000147",)),
    _rule("de-steuer-id", "Germany", r"steuer.{0,24}(?:id|nummer)|\bidnr\b|tax id", "[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", steuer_id, "Steuer-ID 86095742719", no=("Steuer-ID 86095742710",)),
    _rule("th-national-id", "Thailand", r"thai|national id|citizen|บัตรประชาชน", "[1-8]-?[0-9]{4}-?[0-9]{5}-?[0-9]{2}-?[0-9]", thai, "citizen id 1-2345-67890-12-1", no=("citizen id 1-2345-67890-12-2",)),
    _rule("gb-nino", "United Kingdom", r"national insurance|\bnino\b|\bni (?:no|number)", "[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", None, "NI number AB 12 34 56 C", no=("room AB 12 34 56 C",)),
    _rule("fr-nir", "France", r"\bnir\b|s.{1,2}curit.{1,2} sociale|insee|\bss\b", "[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", nir, "NIR 2 55 08 14 168 025 38", no=("NIR 2 55 08 14 168 025 39",)),
    _rule("es-dni", "Spain", r"\bdni\b|\bnie\b|\bnif\b", "[0-9XYZ][0-9]{7}-?[A-Z]", dni, "DNI 12345678Z", no=("DNI 12345678A",)),
    _rule("it-codice-fiscale", "Italy", "", "[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", codice_fiscale, "CF RSSMRA85T10A562S", alone=True, no=("RSSMRA85T10A562A",)),
    _rule("za-id", "South Africa", r"south african|\bsa id\b|id number|identity number", "[0-9]{2}[01][0-9][0-3][0-9][0-9]{4}[01][89][0-9]", luhn, "ID number 8001015009087", no=("ID number 8001015009088",)),
)  # fmt: skip
