"""How fast text is scanned and masked: the engine, its twin, and a loop of `re.sub` over the same rules.

    python tests/bench/redaction.py

MB is 10^6 bytes of UTF-8; one thread; the best of several runs. Figures are printed, never asserted.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

from collector.redact.engine.engine import Engine, replace
from collector.redact.engine.rule import expand
from collector.redact.engine.scan import hyperscan
from collector.redact.rules import DEFAULT_RULES

_WORDS = [
    "the",
    "request",
    "was",
    "sent",
    "again",
    "after",
    "a",
    "timeout",
    "because",
    "handler",
    "returned",
    "None;",
    "def",
    "update(self,",
    "value):",
    "return",
    "self.cache.get(value,",
    "default)",
    "if",
    "x",
    ">",
    "0",
    "else",
    "[]",
    "#",
    "see",
    "notes",
    "2026-03-14",
    "at",
    "10:22:31",
    "INFO",
    "worker-3",
    "GET",
    "/v1/items",
    "200",
    "import",
    "os",
    "path.join(a,",
    "b)",
    "for",
    "name",
    "in",
    "names:",
    "print(name)",
    "status=ok",
    "duration=12ms",
    "user",
    "agent",
    "curl",
]
_SECRETS = (
    "ghp_{alnum36}", "AKIA{b3216}", "DB_PASSWORD={alnum14}", "sk-ant-api03-{url93}AA", "Authorization: Bearer {url42}",
    "postgres://app:{alnum14}@db.internal/app", "jo.smith@uni-nickel.org", "xoxb-{digit12}-{digit12}-{alnum24}",
)  # fmt: skip


def text(size: int, secrets: int, seed: int = 1) -> str:
    """Words of code, prose and logs with `secrets` credentials spread over them."""
    rng = random.Random(seed)
    planted = [expand(_SECRETS[n % len(_SECRETS)], n + 1) for n in range(secrets)]
    left = max(0, size - sum(len(secret) + 2 for secret in planted))
    parts: list[str] = []
    gap = left // (secrets + 1)
    for n in range(secrets + 1):
        made = 0
        while made < gap:
            word = rng.choice(_WORDS) + ("\n" if rng.random() < 0.1 else " ")
            parts.append(word)
            made += len(word)
        if n < secrets:
            parts.append(planted[n] + "\n")
    return "".join(parts)


def _loop_of_sub() -> Callable[[str], str]:
    """What a collector processor does: each pattern over each whole value."""
    patterns = [
        re.compile(trigger.source + r"[A-Za-z0-9_./+=-]{0,200}") for rule in DEFAULT_RULES for trigger in rule.triggers
    ]

    def mask(value: str) -> str:
        for pattern in patterns:
            value = pattern.sub("****", value)
        return value

    return mask


def _engine(name: str) -> Callable[[str], str]:
    engine = Engine(scanner_name=name)

    def mask(value: str) -> str:
        data = value.encode()
        extents = engine.find(data)
        return replace(data, extents).decode() if extents else value

    return mask


def _speed(mask: Callable[[str], str], value: str, budget: float) -> float:
    mask(value)
    best, spent, size = float("inf"), 0.0, len(value.encode())
    while spent < budget:
        rounds = max(1, int(20_000 / size))
        begun = time.perf_counter()
        for _ in range(rounds):
            mask(value)
        took = time.perf_counter() - begun
        best, spent = min(best, took / rounds), spent + took
    return size / best / 1e6


def main() -> None:
    engines = {"engine": _engine("hyperscan")} if hyperscan else {}
    engines |= {"twin": _engine("re"), "re.sub loop": _loop_of_sub()}
    print(f"redaction, MB/s ({len(DEFAULT_RULES)} rules)")
    print(f"{'value':>8} {'secrets':>8}" + "".join(f"{name:>14}" for name in engines))
    for size in (1_000, 16_000, 200_000):
        for secrets in (0, 1, 20):
            value = text(size, secrets)
            figures = [_speed(mask, value, 0.6 if name == "engine" else 0.3) for name, mask in engines.items()]
            print(f"{size // 1000:>5} KB {secrets:>8}" + "".join(f"{figure:>14.1f}" for figure in figures))


if __name__ == "__main__":
    main()
