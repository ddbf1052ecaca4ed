"""Formats of vendors and tools as they publish them, in ten sets: lines, commands, files, sentences and bare tokens.

The first two were written by who had not seen the rules; the third after the first had been read against them, the
fourth after the third. The fifth and the sixth were written before their writer had seen the rules; the sixth is of
tools that fewer people use. The seventh and the eighth are by who had read the rules, of what most people use; the
ninth and the tenth, of both, by who had read neither the rules nor the other sets. What was found of them first
(`FIRST`) is what to expect of formats that nobody has tried.

A template holds marks for the values, which are drawn when a test runs: `«w»` a password that a shell takes as one
word, `«p»` one with any signs, `«s»` one that may have spaces, `«k»` a key, `«h40»` 40 hexadecimal digits, and so on
(`_SETS`); `«*...»` is drawn too, but is no secret. Passwords are short and long, with digits, of words alone, UUIDs.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
import uuid
from collections.abc import Iterator
from pathlib import Path

from harness.corpus import AN, HEX, Sample, drawn

DIRECTORY = Path(__file__).parents[2] / "proto_fixtures" / "redaction" / "formats"
FLOORS = {
    "first": {"config": 0.96, "command": 0.96, "file": 0.97, "prose": 0.86, "token": 0.93},
    "second": {"config": 0.97, "command": 0.95, "file": 0.97, "prose": 0.80, "token": 0.92},
    "third": {"config": 0.94, "command": 0.95, "file": 0.92, "prose": 0.90, "token": 0.98},
    "fourth": {"config": 0.96, "command": 0.955, "file": 0.92, "prose": 0.93},
    "fifth": {"config": 0.97, "command": 0.975, "file": 0.975, "prose": 0.94, "token": 0.99},
    "sixth": {"config": 0.975, "command": 0.96, "file": 0.95, "prose": 0.89},
    "seventh": {"config": 0.965, "command": 0.98, "file": 0.97, "prose": 0.91},
    "eighth": {"command": 0.965, "prose": 0.87},
    "ninth": {"config": 0.995, "command": 0.99, "file": 0.99, "prose": 0.95, "token": 0.995},
    "tenth": {"config": 0.985, "command": 0.99, "file": 0.985, "prose": 0.86, "token": 0.995},
}
"""What part of each set and kind is found at the least."""
FIRST = {
    "fourth": {"config": 0.961, "command": 0.950, "file": 0.935, "prose": 0.936},
    "fifth": {"config": 0.945, "command": 0.944, "file": 0.930, "prose": 0.853, "token": 0.991},
    "sixth": {"config": 0.847, "command": 0.852, "file": 0.913, "prose": 0.727},
    "seventh": {"config": 0.943, "command": 0.962, "file": 0.964, "prose": 0.847},
    "eighth": {"command": 0.946, "prose": 0.816},
    "ninth": {"config": 0.983, "command": 0.967, "file": 0.959, "prose": 0.790, "token": 0.983},
    "tenth": {"config": 0.966, "command": 0.985, "file": 0.980, "prose": 0.851, "token": 0.948},
}
"""What part was found when a set was measured for the first time, before any rule was changed for it."""
LOOK_ALIKES = ("none", "none-fifth", "none-sixth", "none-seventh", "none-ninth", "none-tenth")

_SETS = {
    "a": AN,
    "A": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "h": HEX,
    "H": HEX.upper(),
    "u": AN + "-_",
    "v": AN,
    "d": string.digits,
    "B": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "Q": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "c": string.ascii_letters,
    "G": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
"""The alphabet behind a letter of a mark; a number after it says how many."""
_WORDS = (
    "harbor", "falcon", "winter", "copper", "maple", "river", "thunder", "silver", "lantern", "orbit",
    "canyon", "velvet", "marble", "summit", "breeze", "ember", "glacier", "meadow", "pepper", "saddle",
    "timber", "walnut", "zephyr", "anchor", "biscuit", "cobalt", "dragon", "engine", "forest", "garden",
    "hammer", "island", "jungle", "kettle", "lemon", "monkey", "needle", "orange", "planet", "quartz",
    "rocket", "sunset", "tiger", "umbrella", "violet", "window", "yellow", "zebra",
)  # fmt: skip
_ANY_SIGN, _FOR_XML, _FOR_SHELL, _FOR_ADDRESS = "!@#%^*-_=+.?&~", "!@#%^*-_=+.?~", "-_.!+@^=", "-_"
_DENSE = "!@#%^*()-_=+.?;:,~[]|"
_SHORT = 8
"""What is shorter is a secret only with what stands beside it, and is looked for with that."""
_MARK = re.compile("«([^»]+)»")


def _varied(rng: random.Random, size: int, signs: str) -> str:
    """Letters, digits and signs, a letter or digit first and last."""
    while True:
        text = drawn(rng, AN + signs * 3, size)
        if (
            any(c.isdigit() for c in text)
            and any(c.isalpha() for c in text)
            and text[0].isalnum()
            and text[-1].isalnum()
        ):
            return text


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _base64(rng: random.Random, size: int) -> str:
    pad = rng.choice(("", "=", "==")) if size % 4 == 0 and size >= 16 else ""
    return drawn(rng, AN + "+/", size - len(pad)) + pad


def _password(rng: random.Random, signs: str) -> str:
    first, second = rng.choice(_WORDS), rng.choice(_WORDS)
    match rng.randrange(12):
        case 0:
            return f"{first.title()}{rng.choice(signs)}{second.title()}{rng.randrange(10, 999)}"
        case 1:
            return f"{first.title()}{rng.randrange(10, 9999)}{'!' if '!' in signs else '_'}"
        case 2:
            return _varied(rng, 8, signs)
        case 3:
            return _varied(rng, rng.randrange(12, 21), signs)
        case 4:
            return f"{first}{rng.randrange(100, 99999)}"
        case 5:
            return drawn(rng, HEX, 32)
        case 6:
            return drawn(rng, AN, rng.choice((16, 20, 24)))
        case 7:
            leet = first.replace("e", "3", 1).replace("o", "0", 1).replace("a", "4").title()
            return leet + rng.choice(signs) + str(rng.randrange(1, 99))
        case 8:
            return _varied(rng, rng.randrange(9, 13), signs[:2])
        case 9:
            return f"{first}-{second}-{rng.choice(_WORDS)}-{rng.randrange(10, 99)}"
        case 10:
            return _uuid(rng)
    return drawn(rng, string.ascii_lowercase, rng.randrange(10, 15))


def _key(rng: random.Random) -> str:
    match rng.randrange(9):
        case 0 | 1 | 2 as size:
            return drawn(rng, HEX, (32, 40, 64)[size])
        case 3:
            return base64.b64encode(rng.randbytes(32)).decode()
        case 4:
            return drawn(rng, AN + "-_", 42) + drawn(rng, AN, 1)
        case 5:
            return _uuid(rng)
        case size:
            return drawn(rng, AN, (24, 32, 48)[size - 6])


def _phrase(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return " ".join(rng.choice(_WORDS) for _ in range(rng.randrange(3, 6)))
    return f"{rng.choice(_WORDS).title()} {_varied(rng, 6, '!@#%')} {rng.randrange(10, 9999)}"


def _pair(rng: random.Random) -> str:
    return base64.b64encode(f"{rng.choice(_WORDS)}:{_password(rng, '!@#-_')}".encode()).decode()


def _value(rng: random.Random, kind: str, size: int) -> str:
    match kind:
        case "p":
            return _varied(rng, size, _DENSE) if size else _password(rng, _ANY_SIGN)
        case "x":
            return _password(rng, _FOR_XML)
        case "w":
            return _password(rng, _FOR_SHELL)
        case "s":
            return _phrase(rng)
        case "k":
            return _key(rng)
        case "g":
            return _uuid(rng)
        case "b":
            return _base64(rng, size or 44)
        case "i":
            return _pair(rng)
        case "j":
            return base64.b64encode(json.dumps({"auths": {"ghcr.io": {"auth": _pair(rng)}}}).encode()).decode()
        case "u" if not size:
            plain = _password(rng, _FOR_ADDRESS)
            return plain if rng.random() < 0.6 else plain.replace("-", rng.choice(("%40", "%21", "%23", "%2F")), 1)
        case "u":
            return drawn(rng, AN, 1) + drawn(rng, _SETS["u"], size - 2) + drawn(rng, AN, 1)
    return drawn(rng, _SETS[kind], size or rng.choice((32, 40, 64)))


def filled(template: str, rng: random.Random) -> tuple[str, list[str]]:
    """A template with values in place of its marks, and which of them are secrets."""
    template = template.replace("\\n", "\n").replace("\\t", "\t")
    text, at = "", 0
    secrets: list[str] = []
    end = -1
    for mark in _MARK.finditer(template):
        text += template[at : mark.start()]
        at = mark.end()
        spec = mark[1].lstrip("*")
        value = _value(rng, spec[0], int(spec[1:] or 0))
        if spec == mark[1]:
            goes_on = (
                bool(secrets) and len(text) - end == 1 and len(value) < _SHORT and len(secrets[-1]) + 1 < _SHORT * 4
            )
            if goes_on:
                secrets[-1] += text[end:] + value
            else:
                secrets.append(value)
            end = len(text) + len(value)
        text += value
    return text + template[at:], [secret for secret in secrets if len(secret) >= 6]


_HOLDERS = ("{}", "see {} for it", '["{}", 1]', "x={}")
"""What a bare token stands in."""


def templates(name: str) -> list[str]:
    """Of one file: each on a line, files of several lines parted by `%%`."""
    text = (DIRECTORY / f"{name}.txt").read_text(encoding="utf-8")
    parts = text.split("\n%%\n") if name.startswith("file") else text.splitlines()
    return [part.strip("\n") for part in parts if part.strip()]


def samples(set_: str, kind: str, seed: int) -> Iterator[Sample]:
    """Each secret of each template, with the text it stands in."""
    for number, template in enumerate(templates(f"{kind}-{set_}")):
        text, secrets = filled(template, random.Random(f"{seed}/{set_}/{kind}/{number}"))
        if kind == "token":
            text = _HOLDERS[seed % len(_HOLDERS)].format(text)
        for secret in secrets:
            yield Sample(kind, template, text, secret)


def look_alikes(seed: int) -> Iterator[str]:
    """Texts that hold no secret: references, placeholders, counts, ids, types and calls in many languages."""
    for name in LOOK_ALIKES:
        for number, template in enumerate(templates(name)):
            yield filled(template, random.Random(f"{seed}/{number}"))[0]
