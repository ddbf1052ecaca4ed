"""Private keys: PEM, OpenSSH, PGP and PuTTY blocks, whole, cut short at either end, or with gutters; JSON web tokens."""

from __future__ import annotations

import re

from collector.redact.engine.looks import token
from collector.redact.engine.rule import ByteRange, Rule, Trigger

_BEGIN = re.compile(rb"-----BEGIN[ ]{1,2}[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(rb"-----END[ ]{1,2}[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BEGIN_OTHER = re.compile(rb"-----BEGIN OpenVPN Static key V[0-9]-----|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----")
_END_OTHER = re.compile(rb"-----END OpenVPN Static key V[0-9]-----|---- END SSH2 ENCRYPTED PRIVATE KEY ----")
_LONGEST = 32768
_RUNS = re.compile(rb"[A-Za-z0-9+/=]{12,2000}")
_BREAK = rb"(?:\\{0,8}\r?\n|(?:\\{1,8}r)?\\{1,8}n|\r|<br ?/?>)"
_GUTTER = rb"[ \t]{0,60}(?:[0-9]{1,6}[|:\t]? ?\t? ?)?[ \t+>|#*\"'`;,.&-]{0,40}"
_BODY_LINE = re.compile(
    rb"[\"'`;,. \t+&\\]{0,12}" + _BREAK + _GUTTER
    + rb"(?:(?:Proc-Type|DEK-Info|Comment|Version|Hash|Charset|MessageID):[^\r\n\\]{0,200}|[A-Za-z0-9+/=]{1,2000}|(?=" + _BREAK + rb"))"
)  # fmt: skip
_SAME_LINE = re.compile(rb"[ \t]{0,4}[A-Za-z0-9+/=]{16,16000}(?:[ ][A-Za-z0-9+/=]{16,2000}){0,400}")
_PARTIAL_END = re.compile(
    rb"[\"'`;,. \t+&\\]{0,12}" + _BREAK + _GUTTER + rb"-{1,5}(?:E(?:N(?:D[A-Z ]{0,40}-{0,5})?)?)?"
)


_SEED = re.compile(
    rb"-----BEGIN [A-Z]{3,12} NKEY SEED-----(?:\\{0,8}\r?\n|\\{1,8}n)[ \t]{0,12}(?P<secret>S[A-Z2-7]{57})(?![A-Z2-7])"
)
"""What NATS calls the key of a user, an account or an operator."""


def _begin(data: bytes, place: int) -> ByteRange | None:
    if seed := _SEED.match(data, place):
        return seed.span("secret")
    return _block(data, place, _BEGIN, _END)


def _begin_other(data: bytes, place: int) -> ByteRange | None:
    """The keys of OpenVPN and of commercial SSH."""
    return _block(data, place, _BEGIN_OTHER, _END_OTHER)


def _block(data: bytes, place: int, begins: re.Pattern[bytes], ends: re.Pattern[bytes]) -> ByteRange | None:
    """From BEGIN to END if there is one; otherwise as long as lines of base64 follow."""
    begin = begins.match(data, place)
    if not begin:
        return None
    other = data.find(b"---- BEGIN" if begins is _BEGIN_OTHER else b"-----BEGIN", begin.end(), begin.end() + _LONGEST)
    end = ends.search(data, begin.end(), min(begin.end() + _LONGEST, len(data)) if other < 0 else other)
    if end and _is_key(data[begin.end() : end.start()]):
        return place, end.end()
    at = begin.end()
    if same := _SAME_LINE.match(data, at):
        at = same.end()
    for _ in range(1000):
        line = _BODY_LINE.match(data, at)
        if not line or line.end() == at:
            break
        at = line.end()
    if partial := _PARTIAL_END.match(data, at):
        at = partial.end()
    return (place, at) if _is_key(data[begin.end() : at], least=1) else None


def _is_key(body: bytes, least: int = 2) -> bool:
    """Whether what stands between is mostly base64 and not prose or code about keys."""
    runs = _RUNS.findall(body)
    size = sum(map(len, runs))
    filler = len(set(max(runs, key=len, default=b"").lower())) <= 3
    return size >= 16 * least and not filler and size * 2 >= len(re.sub(rb"\s", b"", body)) - 200


_LINE_BACK = re.compile(rb"[A-Za-z0-9+/=]{1,2000}\Z")
_BREAK_BACK = re.compile(_BREAK + _GUTTER + rb"\Z")
_SEP_BACK = re.compile(rb"[\"'`;,. \t+&\\]{0,12}\Z")


def _tail(data: bytes, place: int) -> ByteRange | None:
    """An END without a BEGIN: back over the lines of base64 before it."""
    end = _END.match(data, place)
    if not end:
        return None
    low = max(0, place - _LONGEST)
    if data.rfind(b"-----BEGIN", low, place) > data.rfind(b"-----END", low, place):
        return None
    at = start = place
    blank = 0
    for _ in range(1000):
        window = data[max(low, at - 128) : at]
        brk = _BREAK_BACK.search(window)
        if not brk:
            break
        at -= len(window) - brk.start()
        window = data[max(low, at - 16) : at]
        if sep := _SEP_BACK.search(window):
            at -= len(window) - sep.start()
        window = data[max(low, at - 2048) : at]
        run = len(window) - len(window.rstrip(_ALPHABET))
        if not run and blank < 2:
            blank += 1
            continue
        blank = 0
        if not run or (start != place and run < 12 and at - run > 0 and data[at - run - 1 : at - run] not in b"\n\r"):
            break
        at -= run
        if data[at : at + 1] in (b"n", b"r") and at > 0 and data[at - 1 : at] == b"\\":
            at += 1
        start = at
    return (start, end.end()) if _is_key(data[start:place], least=1) else None


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_PUTTY = re.compile(
    rb"PuTTY-User-Key-File-[0-9](?:[^\x00]{1,8192}?)Private-Lines:[ ]{0,2}[0-9]{1,4}(?:"
    + _BREAK
    + rb"[A-Za-z0-9+/=]{1,100}){1,200}"
    rb"(?:" + _BREAK + rb"Private-(?:MAC|Hash):[ ]?[0-9a-f]{1,128})?"
)


def _putty(data: bytes, place: int) -> ByteRange | None:
    match = _PUTTY.match(data, place)
    return match.span() if match else None


_JWT = re.compile(
    rb"eyJ[A-Za-z0-9_-]{8,8000}\.(?:eyJ[A-Za-z0-9_-]{4,16000}(?:\.[A-Za-z0-9_-]{0,4000})?|[A-Za-z0-9_-]{0,4000}(?:\.[A-Za-z0-9_-]{4,16000}){2}(?:\.[A-Za-z0-9_-]{4,400})?)"
)

_PUBLISHED = (
    "SflKxwRJSMeKKF2QT4" "fwpMeJf36POk6yJV_adQssw5c",  # jwt.io
    "TJVA95OrM7E2cBab30" "RMHrHDcEfxjoYZgeFONFh7HgQ",  # jwt.io, before
    "dBjftJeZ4CVP-mB92K" "27uhbUJU1p1r_wW1gFWFOEjXk",  # RFC 7519
)  # fmt: skip
"""Signatures of the tokens that documents show."""


def _not_published(found: bytes) -> bool:
    return not found.endswith(tuple(text.encode() for text in _PUBLISHED))


KEYS: tuple[Rule, ...] = (
    Rule(
        "private-key",
        "secrets",
        (Trigger("-----BEGIN ", 11, (b"-----begin ",)),),
        _begin,
        match=("-----BEGIN RSA {b320}PRIVATE KEY-----\n{b6464}\n{b6464}\n-----END RSA {b320}PRIVATE KEY-----",),
        no_match=("-----BEGIN PUBLIC KEY-----\n{b6464}\n-----END PUBLIC KEY-----", 'if "-----BEGIN {b320}PRIVATE KEY-----" in text:'),
        token=True,
    ),
    Rule(
        "private-key",
        "secrets",
        (Trigger("-----BEGIN OpenVPN ", 19, (b"-----begin openvpn",)), Trigger("---- BEGIN SSH2 ", 16, (b"---- begin ssh2",))),
        _begin_other,
        match=(
            "-----BEGIN OpenVPN Static {b320}key V1-----\n{hex32}\n{hex32}\n-----END OpenVPN Static {b320}key V1-----",
            "---- BEGIN SSH2 ENCRYPTED {b320}PRIVATE KEY ----\n{b6464}\n{b6464}\n---- END SSH2 ENCRYPTED {b320}PRIVATE KEY ----",
        ),
        no_match=("-----BEGIN OpenVPN Static key V1-----\n...",),
        token=True,
        since=2,
    ),
    Rule("private-key", "secrets", (Trigger("-----END ", 9, (b"-----end ",)),), _tail, token=True,
         match=("{b6464}\n{b6464}\n-----END {b320}PRIVATE KEY-----",), no_match=("-----END CERTIFICATE-----",)),
    Rule("private-key", "secrets", (Trigger("PuTTY-User-Key-File-", 20, (b"putty-user-key-file-",)),), _putty,
         match=("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: k\nPublic-Lines: 1\n{b6464}\nPrivate-Lines: 1\n{b6464}\nPrivate-MAC: {hex40}",)),
    Rule("jwt", "secrets", (Trigger("eyJ[A-Za-z0-9_-]{12}", 15, (b"eyj",)),), token(_JWT), token=True,
         match=("eyJ{url33}.eyJ{url80}.{url43}",), no_match=("eyJhbGciOiJub25lIn0",), until=1),
    Rule("jwt", "secrets", (Trigger("eyJ[A-Za-z0-9_-]{12}", 15, (b"eyj",)),), token(_JWT, check=_not_published), token=True,
         match=("eyJ{url33}.eyJ{url80}.{url43}",), no_match=("eyJhbGciOiJub25lIn0", "eyJ{url33}.eyJ{url80}." + _PUBLISHED[0]), since=2),
)  # fmt: skip
