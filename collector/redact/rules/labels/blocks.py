"""Credentials of which several stand below one sign: users of a Kafka server, keys of a vault, rows for `chpasswd`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collector.redact.engine.rule import ByteRange, Rule, Trigger
from collector.redact.placeholders import consists_of_placeholders
from collector.redact.rules.labels.assignments import CASES
from collector.redact.rules.labels.verdicts import Holder, is_secret
from collector.redact.rules.values import chosen, drawn, is_diced, is_said_to_change

_FARTHEST = 4000

Many = Callable[[bytes, int], list[ByteRange]]


def _none(data: bytes, place: int) -> list[ByteRange]:
    return []


@dataclass(frozen=True, slots=True)
class ManyRule(Rule):
    """A rule whose one place yields what `many` finds near it."""

    many: Many = _none

    def find(self, data: bytes, places: Sequence[int]) -> list[ByteRange]:
        """The ranges found near `places` (in ascending order), none over another."""
        found = sorted({span for place in places for span in self.many(data, place)})
        return [span for span, before in zip(found, [(0, 0), *found], strict=False) if span[0] >= before[1]]


def _many(
    id: str, trigger: str, literals: tuple[bytes, ...], many: Many, match: tuple[str, ...], no_match: tuple[str, ...]
) -> ManyRule:
    def first(data: bytes, place: int) -> ByteRange | None:
        return next(iter(many(data, place)), None)

    return ManyRule(
        id, "secrets", (Trigger(trigger, None, literals),), first, match=match, no_match=no_match, since=2, many=many
    )


def _is_password(data: bytes, item: re.Match[bytes]) -> bool:
    return not consists_of_placeholders(data, *item.span("secret")) and is_secret(
        b"password", item["secret"], Holder.DATA
    )


_USER = re.compile(rb"\b(?:user_[A-Za-z0-9._-]{1,60}|password)=\\{0,3}[\"'](?P<secret>[^\"'\\\n\x00]{4,200})")


def _of_login_module(data: bytes, place: int) -> list[ByteRange]:
    end = data.find(b";", place, place + _FARTHEST)
    users = _USER.finditer(data, place, end if end >= 0 else min(len(data), place + _FARTHEST))
    return [item.span("secret") for item in users if _is_password(data, item)]


_KEYS = re.compile(rb"\"keys(?:_base64|_hex)?\\{0,3}\"\s{0,4}:\s{0,4}\[(?P<all>[^\[\]{}\x00]{20,2000})\]")
_KEY = re.compile(rb"\"(?P<secret>[A-Za-z0-9+/=]{40,128})\\{0,3}\"")


def _of_vault(data: bytes, place: int) -> list[ByteRange]:
    keys = _KEYS.finditer(data, max(0, place - _FARTHEST), min(len(data), place + _FARTHEST))
    return [
        item.span("secret")
        for list_ in keys
        for item in _KEY.finditer(data, *list_.span("all"))
        if drawn(item["secret"].rstrip(b"="))
    ]


_RESULT = re.compile(rb"\"result\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"(?P<secret>[^\s\"\\\x00]{6,200})")


def _of_state(data: bytes, place: int) -> list[ByteRange]:
    end = data.find(b'"type"', place, place + _FARTHEST)
    results = _RESULT.finditer(data, place, end if end >= 0 else min(len(data), place + _FARTHEST))
    return [item.span("secret") for item in results if _is_password(data, item)]


_ROWS = re.compile(rb"(?:[ \t]{1,16}(?:- )?[^\n\x00]{0,200}\n?){1,64}")
_ROW = re.compile(
    rb"(?:\A|\n)[ \t]{1,16}(?:-[ ]{1,3})?[\"']?[A-Za-z_][A-Za-z0-9_.@-]{0,31}:(?P<secret>[^\s:\"']{4,200})[\"']?[ \t]{0,4}(?=\r?\n|\Z)"
)


def _of_chpasswd(data: bytes, place: int) -> list[ByteRange]:
    rows = _ROWS.match(data, place)
    if not rows:
        return []
    start = max(0, place - 1)
    return [item.span("secret") for item in _ROW.finditer(data, start, rows.end()) if _is_password(data, item)]


_FROM_TO = re.compile(
    rb"[\"'`]?(?P<secret>[^\s\"'`\x00]{5,200}[^\s\"'`\x00,;])[\"'`]?(?:[ ]to|[,;]?[ ](?:and[ ])?new|[ ](?:->|=>|\xe2\x86\x92))[ :=]{1,2}[\"'`]?(?P<new>[^\s\"'`\x00]{5,200}[^\s\"'`\x00.,;:])"
)


def _changed(data: bytes, place: int) -> list[ByteRange]:
    match = _FROM_TO.match(data, place)
    if not match:
        return []
    words = [match.span(group) for group in ("secret", "new") if is_said_to_change(match[group])]
    return [word for word in words if not consists_of_placeholders(data, *word)]


_DAVFS = re.compile(
    rb"(?:\A|[\n\x00])[ \t]{0,8}(?:https?://[^\s\x00]{3,200}|/[^\s\x00]{1,200}|\"/[^\"\n\x00]{1,200}\")[ \t]{1,16}[A-Za-z0-9_.@+-]{1,64}[ \t]{1,16}\"?(?P<secret>[^\s\"\x00]{6,200})\"?[ \t]{0,4}(?=\r?\n|\x00|\Z)"
)


_MODES = re.compile(rb"[-dlrwxstST+.]{9,12}")


def _of_davfs(data: bytes, place: int) -> list[ByteRange]:
    rows = _DAVFS.finditer(data, max(0, place - _FARTHEST), min(len(data), place + _FARTHEST))
    return [row.span("secret") for row in rows if _is_password(data, row) and not _MODES.fullmatch(row["secret"])]


_ECHOED = re.compile(
    rb"\b(?:echo|printf)[ ](?:-[a-z]{1,2}[ ])?[\"']?(?P<secret>[^\s\"';|()\x00]{6,200})[\"']?(?=[ ]?(?:[;\n]|&&|\Z))"
)


def _of_echoes(data: bytes, place: int) -> list[ByteRange]:
    """What is echoed within the parentheses that are piped into a command which asks for a new password, twice."""
    end = max(data.rfind(b")", max(0, place - 40), place), data.rfind(b"}", max(0, place - 40), place))
    start = max(data.rfind(b"(", max(0, end - 500), end), data.rfind(b"{", max(0, end - 500), end))
    return (
        [
            item.span("secret")
            for item in _ECHOED.finditer(data, start, end)
            if _is_password(data, item) and (chosen(item["secret"]) or is_diced(item["secret"]))
        ]
        if 0 <= start < end
        else []
    )


BLOCKS: tuple[Rule, ...] = (
    _many(
        "secret-assignment",
        r"LoginModule[ ]{1,4}(?:required|requisite|sufficient|optional)",
        (b"loginmodule",),
        _of_login_module,
        ('PlainLoginModule required username="a" password="${PASSWORD}" user_b="{alnum14}";',),
        ('PlainLoginModule required username="a" password="${PASSWORD}";',),
    ),
    _many(
        "secret-assignment",
        r"\"root_token\\{0,3}\"",
        (b'"root_token',),
        _of_vault,
        ('{"keys":["{hex66}"],"root_token":"x"}', '{"keys_base64":["{b6444}"],"root_token":"x"}'),
        ('{"keys":["a"],"root_token":"x"}',),
    ),
    _many(
        "secret-assignment",
        r"\"random_password\\{0,3}\"",
        (b'"random_password',),
        _of_state,
        ('{"type": "random_password", "instances": [{"attributes": {"result": "{alnum16}"}}]}',),
        ('{"type": "random_password", "instances": [{"attributes": {"result": null}}]}',),
    ),
    _many(
        "cli-secret",
        r"\bchpasswd:[ \t]{0,4}\r?\n",
        (b"chpasswd:",),
        _of_chpasswd,
        ("chpasswd:\n  list: |\n    root:RANDOM\n    jo:{alnum14}\n", "chpasswd:\n  list:\n  - jo:{alnum14}\n"),
        ("chpasswd:\n  list: |\n    jo:RANDOM\n",),
    ),
    _many(
        "netrc-password",
        r"\bdavfs2",
        (b"davfs2",),
        _of_davfs,
        ("# davfs2 secrets file\n/home/jo/cloud jo {alnum14}\n", '# davfs2\nhttps://dav.test/x jo "{alnum14}"\n'),
        ("mount -t davfs2\n/home/jo/cloud jo <password>\n", "see davfs2\n/dev/sda1 /mnt/x davfs2 rw,user 0 0\n"),
    ),
    _many(
        "cli-secret",
        r"[)}][ ]?\|[ ]?(?:sudo[ ])?(?:smb|ch)?passwd[ ]",
        (b"passwd",),
        _of_echoes,
        ("(echo '{alnum14}'; echo '{alnum14}') | smbpasswd -s -a jo".replace("; echo '{alnum14}'", "; echo $AGAIN"),),
        ("(echo $PASS; echo $PASS) | smbpasswd -s -a jo", "(echo one; echo two) | passwd jo"),
    ),
    _many(
        "secret-in-prose",
        CASES
        + r"\b(?:password|passphrase|passwd|pwd|secret|token|key)[ ](?:(?:for|of)[ ][A-Za-z0-9_.@-]{1,40}[ ])?(?:(?:(?:was|is|got|has[ ]been)[ ])?(?:changed|rotated|reset|updated)[ ])?(?:from[ ]|(?:changed|rotated|replaced)[,:][ ]old[ :=]{1,2})",
        (b" from ", b" old"),
        _changed,
        (
            "rotated the key from {alnum32} to another",
            "change the password from letmein1 to `{alnum14}`",
            "the password was changed from letmein1 to {alnum14} today",
            "key rotated: old {alnum32}, new value2",
        ),
        ("map each key from camelCase to snake_case", "changed the token from access_token2 to id_token2"),
    ),
)
