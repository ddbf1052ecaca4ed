"""Delivery and policy: what becomes of what was kept, what may leave, and a text tried under the policy in force."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from collector.viewer.live import Live
from collector.viewer.pages.frame import page, sums_of
from collector.viewer.shown.masks import inked

_MOST_TRIED = 256 * 1024


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One line of the ledger."""

    destination: str
    signal: str
    received: int
    delivered: int
    queued: int
    dead: int
    dropped: dict[str, int]


def add_state(api: FastAPI, live: Live) -> None:
    """Routes of delivery and policy."""

    @api.get("/delivery", response_class=HTMLResponse, include_in_schema=False)
    def delivery() -> HTMLResponse:
        status = live.status()
        return page(
            live,
            "delivery.html",
            "Delivery",
            destinations=_destinations(status),
            store={
                "path": status["data_dir"],
                "used": status["store"].get("total_bytes", 0),
                "most": status["store"].get("most_bytes", 0),
            },
            forwards=bool(status["forwarding"]["endpoint"]),
            sums=sums_of(status["ledger"]),
            accounts=[
                AccountRow(
                    name,
                    signal,
                    account["received"],
                    account["delivered"],
                    account["queued"],
                    account["dead_lettered"],
                    dict(account["dropped"]),
                )
                for name, signals in status["ledger"].items()
                for signal, account in signals.items()
            ],
            dead=live.reader.dead_letters(limit=200),
        )

    @api.get("/policy", response_class=HTMLResponse, include_in_schema=False)
    def policy() -> HTMLResponse:
        status = live.status()
        redacted: Counter[tuple[str, str]] = Counter()
        for line in status["redacted"]:
            redacted[line["rule"], line["action"]] += line["count"]
        return page(
            live,
            "policy.html",
            "Policy",
            policy=status["policy"],
            rows=sorted(live.policy_rows(), key=lambda row: row.key.startswith("limits.")),
            redacted=[(rule, action, number) for (rule, action), number in redacted.most_common()],
        )

    @api.post("/try", response_class=HTMLResponse, include_in_schema=False)
    async def tried(request: Request) -> Response:
        """A text as it would leave; it is sealed in memory and kept nowhere."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MOST_TRIED:
                return PlainTextResponse(f"paste at most {_MOST_TRIED // 1024} KiB", 413)
        return HTMLResponse(inked(live.mask(body.decode("utf-8", "replace"))))


def _destinations(status: Any) -> list[dict[str, Any]]:
    """One row a destination: its state in words, with what to do where something is to be done."""
    rows = []
    for name, answers in status["forwarding"]["destinations"].items():
        last = [each for each in answers.values() if each]
        failing = [each for each in last if each.get("failures")]
        worst = failing[0] if failing else last[0] if last else {}
        accounts = status["ledger"].get(name, {}).values()
        rows.append(
            {
                "name": name,
                "signals": ", ".join(answers),
                "queued": sum(account["queued"] for account in accounts),
                "icon": "again" if failing else "done",
                "state": "trying again" if failing else "accepting" if last else "nothing sent yet",
                "answer": worst.get("answer", ""),
                "advice": "Nothing to do: what waits is on disk." if failing else "",
            }
        )
    return rows
