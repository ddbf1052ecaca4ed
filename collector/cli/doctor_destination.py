"""What `collector doctor` says of destinations: what each answered a running collector, else what it answers doctor.

Doctor's own request is an export request without a span, with the destination's token. It is not made while nothing
may be sent.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from collector.app.destinations import destination_of, token_source_of
from collector.cli.finding import Finding
from collector.cli.show import moment
from collector.enums import Signal
from collector.errors import CollectorError
from collector.forward.client import open_client, proxy_for
from collector.forward.destination import Destination
from collector.forward.outcome import (
    Blocked,
    Delivered,
    DestinationAnswer,
    NotServed,
    OtherEncoding,
    Refused,
    TooBig,
    TryLater,
    Unreachable,
)
from collector.forward.tokens import TokenSource
from collector.settings.destinations import DestinationSettings

_SECONDS = 5.0
_FRESH_S = 600

Known = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By destination and signal, what it answered the running collector last."""


def destination_findings(
    destinations: Sequence[DestinationSettings], known: Known, blocked: bool, now_s: float | None = None
) -> Iterator[Finding]:
    """What is known of each destination; each of which too little is known is asked, unless sending is `blocked`."""
    now_s = time.time() if now_s is None else now_s
    asked: list[tuple[DestinationSettings, TokenSource]] = []
    for settings in destinations:
        source = token_source_of(settings.token, settings.tls.ca_file)
        token = _token(settings, source)
        if token is not None:
            yield token
        answers = known.get(settings.name, {})
        yield from _heard(settings, answers)
        if any(last["failures"] or now_s - last["at"] < _FRESH_S for last in answers.values()):
            continue
        if blocked:
            yield Finding(_check(settings), "notice", "not asked: nothing may be sent now")
        elif token is None or token.level != "problem":
            asked.append((settings, source))
    yield from asyncio.run(_ask_all(asked)) if asked else ()


def _check(settings: DestinationSettings) -> str:
    return f"destination {settings.name}"


def _token(settings: DestinationSettings, source: TokenSource) -> Finding | None:
    """Whether a token can be had, and whether it looks like one that the destination takes; never the token."""
    if not settings.token.given:
        return None
    check = f"token of {settings.name}"
    try:
        found = source.token()
    except CollectorError as error:
        return Finding(check, "problem", str(error))
    value = found.get_secret_value() if found is not None else ""
    prefixes = settings.preset.token_prefixes
    if prefixes and not value.startswith(prefixes):
        begins = " or ".join(prefixes)
        hint = f": it takes {settings.preset.token_hint}" if settings.preset.token_hint else ""
        return Finding(check, "notice", f"does not begin with {begins}, so it may be of another kind{hint}")
    return Finding(check, "ok", "there is one")


def _heard(settings: DestinationSettings, answers: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    for signal, last in answers.items():
        if last["failures"]:
            said = f"{signal} failed {last['failures']} times: {last['answer']}"
            yield Finding(_check(settings), "problem", said)
        else:
            yield Finding(_check(settings), "ok", f"{signal}: {last['answer']} at {moment(int(last['at'] * 1e9))}")


async def _ask_all(asked: Sequence[tuple[DestinationSettings, TokenSource]]) -> list[Finding]:
    return await asyncio.gather(*(_ask(settings, source) for settings, source in asked))


async def _ask(settings: DestinationSettings, source: TokenSource) -> Finding:
    destination = replace(destination_of(settings, source), total_seconds=_SECONDS)
    signal = settings.signals[0]
    try:
        async with open_client(destination) as client:
            answer = await _answer(destination, client, signal)
    except CollectorError as error:
        return Finding(_check(settings), "problem", str(error))
    level, said = told(answer)
    url = settings.urls[signal]
    through = proxy_for(url, os.environ)
    way = f" (through the proxy at {urlsplit(through).netloc.rpartition('@')[2]})" if through else ""
    return Finding(_check(settings), level, f"{url}{way}: {said}")


async def _answer(destination: Destination, client: Any, signal: Signal) -> DestinationAnswer:
    """What it answers to a request without an item, in an encoding that it reads."""
    while True:
        body, _ = destination.encode(signal, b"")
        answer = await destination.send(client, signal, body, uuid.uuid4().hex)
        if not (isinstance(answer, OtherEncoding) and destination.change_encoding()):
            return answer


def told(answer: DestinationAnswer) -> tuple[str, str]:
    """How grave an answer to an empty request is, and what to do."""
    match answer:
        case Delivered(odd=odd) if odd:
            return "problem", f"{answer.answer} with {odd}"
        case Delivered():
            return "ok", f"{answer.answer}: it takes what is sent"
        case Blocked() | Unreachable():
            return "problem", _with(answer.answer, answer.advice)
        case TryLater(busy=True):
            return "notice", f"{answer.answer}: it asks to be left alone for a while; what waits is kept"
        case TryLater():
            later = "it is there and not well: try again later, or ask who runs it; what waits is kept"
            return "problem", _with(answer.answer, answer.advice or (later if answer.answer.startswith("HTTP") else ""))
        case NotServed():
            return "notice", f"{answer.answer}: it does not take this signal; name the `signals` that it takes"
        case OtherEncoding():
            return (
                "problem",
                f"{answer.answer}: it does not read this encoding; set `encoding` to the other, or to auto",
            )
        case TooBig() | Refused():
            return "notice", f"{answer.answer} to an empty request: `collector send-test` asks with one that is not"


def _with(answer: str, advice: str) -> str:
    return f"{answer}: {advice}" if advice else answer
