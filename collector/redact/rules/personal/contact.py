"""How people are reached: e-mail addresses and telephone numbers."""

from __future__ import annotations

import re

from collector.redact.engine.looks import around
from collector.redact.engine.rule import ByteRange, Rule, Trigger
from collector.redact.rules.personal.version_1 import find_email as email_in_version_1

_LOGIN = re.compile(rb"(?i)\b(?:ssh|scp|sftp|rsync|mosh|ssh-copy-id|sshfs|git clone|sudo -u)\b[^\n\x00]*\Z")
_AFTER_HOST = re.compile(rb":(?:[/~.]|[A-Za-z0-9_-]+/)|[:#$%] ?[#$%~]|\(|\[")


def _email(data: bytes, place: int) -> ByteRange | None:
    """An address of mail, not the login of a host (`ssh`, `scp`, a prompt) and not a product of matrices."""
    found = email_in_version_1(data, place)
    if found is None:
        return None
    line = data[max(0, found[0] - 200) : found[0]]
    if _AFTER_HOST.match(data, found[1]) or _LOGIN.search(line) or data[: found[1]].endswith(_UNITS, found[0]):
        return None
    return found


_UNITS = (b".service", b".socket", b".timer", b".target", b".mount", b".slice", b".scope", b".path")
"""How the names of systemd's units end: `getty@tty1.service`."""

_WORD = (
    rb"phone|tele?phone|tel\b|mobile?|cell|celular|m\xc3\xb3vil|handy|fax|sms|whats ?app|t\xc3\xa9l\xc3\xa9phone|t\xc3\xa9l\b|tel\xc3\xa9fono|telefon[eo]?|telefoon|mobiel|fone|contacto?|msisdn|\bph\b|"
    rb"text me|my (?:new |other |work |home )?number|\bring\b|reach|\bdial|call (?:me|us|him|her|them|back)|call:|\xe7\x94\xb5\xe8\xaf\x9d|\xe6\x89\x8b\xe6\x9c\xba|\xe9\x9b\xbb\xe8\xa9\xb1|\xe6\x90\xba\xe5\xb8\xaf|\xe0\xa4\xab\xe0\xa5\x8b\xe0\xa4\xa8|\xe0\xa4\xae\xe0\xa5\x8b\xe0\xa4\xac\xe0\xa4\xbe\xe0\xa4\x87\xe0\xa4\xb2|\xd1\x82\xd0\xb5\xd0\xbb\xd0\xb5\xd1\x84\xd0\xbe\xd0\xbd"
)
_WORDS = re.compile(rb"(?i)(?:" + _WORD + rb")(?![A-Za-z]*(?:_model|version|_os|_type|_brand|model|id\b))")
_NUMBER = re.compile(
    rb"(?<![0-9A-Za-z.+_/-])(?P<secret>\+[1-9][0-9]{0,2}(?P<sep>[ .-]?)\(?[0-9]{1,5}\)?(?:[ .-]?[0-9]{2,5}){1,5}|(?:1[ .-])?\([2-9][0-9]{2}\) ?[0-9]{3}[ .-][0-9]{4}"
    rb"|(?:1[ .-])?[2-9][0-9]{2}(?P<bare>[ .-]?)[0-9]{3}(?P=bare)[0-9]{4})(?![0-9A-Za-z_]|[.-][0-9])"
)


def _named(data: bytes, start: int) -> bool:
    """Whether a word for a telephone stands shortly before, on this line or the one before it."""
    before = data[max(0, start - 40) : start]
    return _WORDS.search(before.rsplit(b"\n", 1)[-1] if before.count(b"\n") > 1 else before) is not None


_NO_NUMBER = re.compile(rb"\+[01]{8,15}|\+1\.(?![2-9][0-9]{9}\Z)[0-9]+|\+[0-9]{1,3}\.(?:[0-9]{11,}|[0-9]*000)")
"""A number in binary, and one with decimals: a registry of domains writes `+1.2065550100`, with as many digits as a number has."""


def _international(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    digits = sum(48 <= byte <= 57 for byte in value)
    if not 9 <= digits <= 15 or _NO_NUMBER.fullmatch(value):
        return False
    before = data[max(0, match.start() - 40) : match.start()]
    after = data[match.end() : match.end() + 1]
    if value[:1] != b"+":
        return _named(data, match.start()) or (b"(" in value and before[-1:] not in (b"-", b"=", b","))
    last = before[-1:]
    quoted = last in (b'"', b"'") and after in (b'"', b"'", b"\\")
    alone = last in (b"", b"\0", b"\n") and after in (b"", b"\0", b"\n", b"\r")
    if digits >= 10 and (quoted or alone):
        return True
    if 11 <= digits <= 13 and last in _BEFORE_PROSE:
        return True
    return _named(data, match.start()) or (match["sep"] != b"" and digits >= 10 and last not in (b"\n", b""))


_BEFORE_PROSE = (b"", b"\0", b" ", b":", b",", b";", b"(", b"\t")
"""Not the start of a line: there a plus is more often that of a diff."""


_LOCAL = re.compile(
    rb"(?<![0-9A-Za-z.+_/-])(?P<secret>"
    rb"00[1-9][0-9]{0,2}(?:[ .-]?[0-9]{2,5}){2,5}"  # 00 before the country
    rb"|\(?0[1-9][0-9]{1,4}\)?[ ./-]?[0-9]{3,4}[ .-]?[0-9]{3,6}(?:-[0-9]{1,4})?"  # United Kingdom, Germany, Netherlands, Japan
    rb"|0[1-9](?:[ .-]?[0-9]{2}){4}"  # France
    rb"|0[2-478](?:[ -]?[0-9]{3,4}){2}|0[45][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{3}"  # Australia
    rb"|0[0-9]0-[0-9]{4}-[0-9]{4}"  # Japan
    rb"|[6789][0-9]{2}(?:[ .-]?[0-9]{2}){3}|[6789][0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{3}"  # Spain
    rb"|[6-9][0-9]{4}[ -]?[0-9]{5}"  # India
    rb"|1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}"  # China
    rb"|\(?[1-9][0-9]\)?[ -]?9?[0-9]{4}[ -]?[0-9]{4}"  # Brazil
    rb")(?![0-9A-Za-z_]|[.-][0-9])"
)


def _local(match: re.Match[bytes], data: bytes) -> bool:
    digits = sum(48 <= byte <= 57 for byte in match["secret"])
    return 9 <= digits <= 14 and _named(data, match.start())


_D = "[0-9]"
_LABELS = r"(?i)(?:phone|mobile|mobiel|cell|celular|handy|fax|sms|whats ?app|\btel|telefon|telefoon|fone|msisdn|contact|call me|call us|\bph\b|reach me|text me|m\xc3\xb3vil|t\xc3\xa9l|tel\xc3\xa9|\xe7\x94\xb5\xe8\xaf\x9d|\xe6\x89\x8b\xe6\x9c\xba|\xe9\x9b\xbb\xe8\xa9\xb1|\xe6\x90\xba\xe5\xb8\xaf|\xe0\xa4\xab\xe0\xa5\x8b\xe0\xa4\xa8|\xe0\xa4\xae\xe0\xa5\x8b\xe0\xa4\xac\xe0\xa4\xbe|\xd1\x82\xd0\xb5\xd0\xbb\xd0\xb5\xd1\x84)"

CONTACT: tuple[Rule, ...] = (
    Rule("email", "pii", (Trigger("[A-Za-z0-9_%+'-]@[A-Za-z0-9]", 3, (b"@",)),), _email,
         match=("Contact jo.smith+x@mail.contoso.dev", "Author: Jo <li_wei@uni-nickel.edu>", "jo@contoso.dev: hello"),
         no_match=("user@localhost", "git@github.com:o/r", "x@2.0.1", "noreply@example.com", "icon@2x.png", "attn = (q@k.transpose(-2, -1)) * scale",
                   "scp dist.tgz deploy@web1.corp-net.io:/srv/app", "ssh -i key.pem ubuntu@ec2-54-1-2-3.compute.amazonaws.com", "dev@build7.corp-net.io:~$ ls", "getty@tty1.service"), since=2),
    Rule("phone", "pii",
         (Trigger(rf"[^0-9A-Za-z._/-]\({_D}{{3}}\) ?{_D}{{3}}[ .-]{_D}{{4}}", None), Trigger(r"\+[1-9][0-9 .()-]{9}", 11, (b"+",)),
          Trigger(rf"{_D}{{3}}-{_D}{{3}}-{_D}{{4}}", 12), Trigger(rf"{_D}{{3}}\.{_D}{{3}}\.{_D}{{4}}", 12),
          Trigger(r"(?i)(?:phone|mobile|cell|tel|fax|sms|whats ?app)[^0-9\n\x00]{0,24}" + f"{_D}{{3}} ?{_D}{{3}} ?{_D}{{4}}", None, (b"phone", b"mobile", b"cell", b"tel", b"fax", b"sms", b"app"))),
         around(_NUMBER, 18, _international, lead=1),
         match=("Call me at +44 20 8096 5457", "phone: 900-334-8459", "reach (944) 938-7018", "+44 7700 900123", "+14155550123"),
         no_match=(r"phone_pattern = r'\d{3}-\d{4}'", "build 123-456-7890", "call 2147483648 4294967295", "port numbers 2025551234 2025551235", "version 415.555.0123", 'format(1234, "+b"), "+10011010010"', "x[0]+1.4142135623731", '"m=+123.456789000"'), since=2),
    Rule("phone", "pii",
         (Trigger(_LABELS + r"[^0-9\n\x00]{0,24}[0-9(][0-9 ()./-]{8}", None, (b"phone", b"mobi", b"cel", b"handy", b"fax", b"sms", b"app", b"tel", b"fone", b"msisdn", b"contact", b"call", b"ph", b"reach", b"text", b"vil", b"\xc3\xa9l", b"\xe7\x94\xb5\xe8\xaf\x9d", b"\xe6\x89\x8b\xe6\x9c\xba", b"\xe9\x9b\xbb\xe8\xa9\xb1", b"\xe6\x90\xba\xe5\xb8\xaf", b"\xe0\xa4\xab\xe0\xa5\x8b\xe0\xa4\xa8", b"\xe0\xa4\xae\xe0\xa5\x8b", b"\xd1\x82\xd0\xb5\xd0\xbb\xd0\xb5\xd1\x84")),),
         around(_LOCAL, 14, _local, lead=1),
         match=("mobile: 07700 900123", "Tel. 020 7946 0958", "Tel. 030 901820-55", "tél : 06 12 34 56 78", "Telefon: 0151 23456789", "teléfono 612 34 56 78", "mobiel 06-12345678", "mobile 98765 43210",
                "手机 138 1234 5678", "電話 090-1234-5678", "fone (11) 91234-5678", "phone 0412 345 678", "tel 0044 20 7946 0958"),
         no_match=("timestamp=1764000000000 phone_model=SM-G991B", "contact id 20241125 100000"), since=2),
)  # fmt: skip
