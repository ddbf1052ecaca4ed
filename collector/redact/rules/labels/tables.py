"""Columns and blocks of credentials: CSV and psql tables whose heading says password, and the data of Kubernetes Secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.redact.engine.rule import ByteRange, Rule, Trigger
from collector.redact.placeholders import consists_of_placeholders
from collector.redact.rules.labels.assignments import CASES
from collector.redact.rules.labels.verdicts import Holder, is_secret
from collector.redact.rules.values import drawn, looks_secret, stands_for
from collector.redact.rules.vocabulary import Says, name_says

_LONGEST = 1 << 16
"""How far below its heading a table or block is followed."""


@dataclass(frozen=True, slots=True)
class BlockRule(Rule):
    """A rule whose one place can yield several findings. What it has gone through it does not go through again."""

    def find(self, data: bytes, places: Sequence[int]) -> list[ByteRange]:
        """The ranges found below `places` (in ascending order), none over another."""
        ranges: list[ByteRange] = []
        last = -1
        for place in places:
            if place < last:
                continue
            last, found = _BLOCKS[self.id](data, place)
            ranges += found
        return ranges


def _one(data: bytes, place: int) -> ByteRange | None:
    """The first finding below a place, for those who ask for one."""
    found = _columns(data, place)[1] or _members(data, place)[1] or _listed(data, place)[1]
    return found[0] if found else None


_SEPARATORS = (b",", b"|", b"\t", b";")
_END_OF_LINE = re.compile(rb"\r?\n|\\r?\\n|\x00")


def _lines(data: bytes, at: int, longest: int = _LONGEST) -> Iterator[tuple[int, int]]:
    """The lines from `at` on, by where they begin and end."""
    limit = min(len(data), at + longest)
    while at < limit:
        end = _END_OF_LINE.search(data, at, limit)
        stop = end.start() if end else limit
        yield at, stop
        if not end or data[stop : stop + 1] == b"\0":
            return
        at = end.end()


def _cells(data: bytes, start: int, end: int, separator: bytes) -> list[ByteRange]:
    cells = []
    at = start
    for part in data[start:end].split(separator):
        lead = len(part) - len(part.lstrip(b" \t\"'"))
        text = part.strip(b" \t\"'")
        cells.append((at + lead, at + lead + len(text)))
        at += len(part) + len(separator)
    return cells


_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_.-]*(?: [A-Za-z0-9_.-]+){0,2}")


def _columns(data: bytes, place: int) -> tuple[int, list[ByteRange]]:
    """The cells below headings that say secret."""
    within = max(0, place - 1)  # the trigger may have taken the end of the line
    low = max(0, within - 2000)
    escaped = data.rfind(b"\\n", low, within)
    breaks = data.rfind(b"\n", low, within), data.rfind(b"\0", low, within), escaped + 1 if escaped >= 0 else -1
    start = max(*breaks, low - 1) + 1
    lines = _lines(data, start)
    first, stop = next(lines, (start, start))
    heading = data[first:stop]
    separator = max(_SEPARATORS, key=heading.count)
    width = heading.count(separator)
    if not width or (width < 2 and separator == b";"):
        return place + 1, []
    names = [data[low:high] for low, high in _cells(data, first, stop, separator)]
    named = names[1:-1] if separator == b"|" and not (names[0] or names[-1]) else names
    if len(named) < 2 or not all(map(_NAME.fullmatch, named)):
        return place + 1, []
    wanted = [
        at
        for at, name in enumerate(names)
        if len(name) <= 64 and name_says(name.decode("utf-8", "replace")) in (Says.PASSWORD, Says.SECRET)
    ]
    if not wanted:
        return place + 1, []
    found: list[ByteRange] = []
    last = stop
    for low, high in lines:
        row = data[low:high]
        if not row.strip(b"-+| :=\t"):
            continue
        if row.count(separator) != width:
            break
        last = high
        for at in wanted:
            cell = _cells(data, low, high, separator)[at]
            value = data[cell[0] : cell[1]]
            if is_secret(names[at], value, Holder.DATA) and not consists_of_placeholders(data, *cell):
                found.append(cell)
    return last, found


_SECRET_KIND = re.compile(rb"kind:[ \t]{0,3}[\"']?(?:Sealed)?Secret\b[\"']?")
_DATA = re.compile(rb"(?:\A|[\n\x00])(?P<indent>[ \t]{0,12})(?:data|stringData):[ \t]{0,4}\r?\n")
_MEMBER = re.compile(
    rb"(?P<indent>[ \t]{1,16})(?P<key>[A-Za-z0-9._-]{1,120}):[ \t]{1,4}[\"']?(?P<secret>[^\s\"'|>{$#][^\s\"']{3,20000})"
)


def _members(data: bytes, place: int) -> tuple[int, list[ByteRange]]:
    """The members of `data:` beside `kind: Secret`, on either side of it in one document."""
    low = max(0, place - _LONGEST // 8)
    parted = max(data.rfind(b"\n---", low, place) + 1, data.rfind(b"\0", low, place) + 1, low)
    after = data.find(b"\n---", place, place + _LONGEST)
    high = after if after >= 0 else min(len(data), place + _LONGEST)
    found: list[ByteRange] = []
    for block in _DATA.finditer(data, parted, high):
        indent = len(block["indent"])
        for start, stop in _lines(data, block.end()):
            if start >= high:
                break
            member = _MEMBER.match(data, start, stop)
            if member and len(member["indent"]) > indent:
                value = member["secret"].rstrip(b"=")
                sure = is_secret(member["key"], member["secret"], Holder.LITERAL) or (
                    len(value) >= 8 and (drawn(value) or _BASE64.fullmatch(value) is not None)
                )
                if sure and not consists_of_placeholders(data, *member.span("secret")) and not stands_for(value):
                    found.append(member.span("secret"))
            elif stop > start and len(data[start:stop]) - len(data[start:stop].lstrip(b" \t")) <= indent:
                break
    return max(place + 1, high), found


_BASE64 = re.compile(rb"(?=[^\n]*[A-Z])(?=[^\n]*[0-9a-z])[A-Za-z0-9+/]{8,20000}")

_PLURAL = r"(?:secrets|passwords|credentials|tokens|(?:api|unseal|access|auth|secret|recovery|root)_?keys(?:_(?:b64|hex|base64))?|keys_(?:b64|hex|base64)|secure_?json_?data)"
_PLURALS = rf"\b{_PLURAL}[\"']?[ \t]{{0,4}}(?::|=>?)[ \t]{{0,4}}(?:[\[{{]|\r?\n)"
_ITEM = re.compile(rb"[\"'](?P<secret>[A-Za-z0-9+/_.=~-]{20,4000})[\"'](?![ \t]{0,4}(?::|=>))")
_LINE_ITEM = re.compile(
    rb"(?P<indent>[ \t]{0,16})(?:-[ \t]{1,4}|[A-Za-z0-9_.-]{1,60}:[ \t]{1,4})[\"']?(?P<secret>[A-Za-z0-9+/_.=~-]{20,4000})[\"']?[ \t]{0,4}\Z"
)
_MOST_LISTED = 4000


def _listed(data: bytes, place: int) -> tuple[int, list[ByteRange]]:
    """What looks drawn by chance in a list or map that is named for secrets: `"unseal_keys_b64": [...]`, `secrets:` and lines below."""
    last = data[place - 1 : place]
    found = []
    if last in (b"[", b"{"):
        end = data.find(b"]" if last == b"[" else b"}", place, place + _MOST_LISTED)
        end = end if end >= 0 else min(len(data), place + _MOST_LISTED)
        found = [item.span("secret") for item in _ITEM.finditer(data, place, end) if _is_listed(item["secret"])]
    else:
        end = place
        for start, stop in _lines(data, place, _MOST_LISTED):
            item = _LINE_ITEM.match(data, start, stop)
            if not item or not item["indent"]:
                break
            end = stop
            if _is_listed(item["secret"]):
                found.append(item.span("secret"))
    return max(place + 1, end), [span for span in found if not consists_of_placeholders(data, *span)]


def _is_listed(value: bytes) -> bool:
    return drawn(value.rstrip(b"=")) and looks_secret(value.rstrip(b"=")) and not stands_for(value)


_JWK = re.compile(
    rb"\\{0,3}\"(?:d|p|q|dp|dq|qi|k)\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"(?P<secret>[A-Za-z0-9_-]{16,2000})\\{0,3}\""
)


def _private_members(data: bytes, place: int) -> tuple[int, list[ByteRange]]:
    """The private members of a JSON web key, on either side of its type."""
    low = data.rfind(b"{", max(0, place - _MOST_LISTED), place)
    high = data.find(b"}", place, place + _MOST_LISTED)
    if low < 0 or high < 0:
        return place, []
    found = [item.span("secret") for item in _JWK.finditer(data, low, high) if drawn(item["secret"])]
    return high, [span for span in found if not consists_of_placeholders(data, *span)]


def _one_private(data: bytes, place: int) -> ByteRange | None:
    found = _private_members(data, place)[1]
    return found[0] if found else None


_BLOCKS = {
    "secret-column": _columns,
    "kubernetes-secret": _members,
    "secret-assignment": _listed,
    "json-web-key": _private_members,
}
_HEADING = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|access[_ ]?key|private[_ ]?key)"

TABLES: tuple[Rule, ...] = (
    BlockRule(
        "secret-column", "secrets",
        (Trigger(CASES + rf"[,|;\t][ \t\"']{{0,8}}[a-z0-9_ ]{{0,24}}{_HEADING}[a-z0-9_]{{0,16}}[ \t\"']{{0,60}}(?:[,|;\t]|\r?\n|\\n)", None, (b"pass", b"pwd", b"secret", b"token", b"key")),
         Trigger(CASES + rf"[\n\x00][ \t\"']{{0,8}}[a-z0-9_ ]{{0,24}}{_HEADING}[a-z0-9_]{{0,16}}[ \t\"']{{0,60}}[,|;\t]", None, (b"pass", b"pwd", b"secret", b"token", b"key"))),
        _one,
        match=("id,name,password\n1,jo,{alnum12}\n", "| user | password |\n|------|----------|\n| jo   | {alnum12} |\n"),
        no_match=("id,name,password\n", "token, key, value = parse(line)\nfoo, bar, baz = 1, 2, 3"),
        since=2,
    ),
    BlockRule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _PLURALS, None, (b"secrets", b"passwords", b"credentials", b"tokens", b"keys", b"securejsondata")),),
        _one,
        match=('"unseal_keys_b64": [\n  "{b6443}="\n]', "secrets:\n  stripe: {alnum32}\n", 'tokens = { agent = "{alnum40}" }'),
        no_match=('tokens = ["identifier", "keyword_or_operator"]', "secrets:\n  - source: database_credentials_v2\n", '"tokens": ["{hex8}-{hex4}-{hex4}-{hex4}-{hex12}"]'),
        since=2,
    ),
    BlockRule(
        "json-web-key", "secrets",
        (Trigger(r"\"kty\\{0,3}\"", None, (b'"kty',)),),
        _one_private,
        match=('{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","d":"{url43}"}', '{"kty":"oct","k":"{url43}"}'),
        no_match=('{"kty":"RSA","n":"{url43}","e":"AQAB"}',),
        since=2,
    ),
    BlockRule(
        "kubernetes-secret", "secrets",
        (Trigger(r"kind:[ \t]{0,3}[\"']?(?:Sealed)?Secret\b", None, (b"kind:",)),),
        _one,
        match=("apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  config.json: {b6440}\n",),
        no_match=("kind: Secret\nmetadata:\n  name: x\ndata:\n  username: {{ .Values.user }}\n",),
        since=2,
    ),
)  # fmt: skip
