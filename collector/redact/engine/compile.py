"""An organisation's own rule: accepted only when it is sure to take time linear in the text, in both engines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from collector.policy.model import RULE_ID
from collector.redact.engine.rule import Rule, Trigger
from collector.redact.engine.scan import ReScanner, scanner

LONGEST_PATTERN = 1000
UNBOUNDED = 1000
"""`+` and `*` stand for at most so many."""
_WIDEST = 4000
_MOST_STEPS = 100_000
_ID = re.compile(RULE_ID)


class RuleError(ValueError):
    """A rule that cannot be used; the message is one sentence for the person who wrote it."""


def compile_rule(
    id: str,
    pattern: str,
    *,
    literals: Iterable[str] = (),
    group: int = 0,
    check: Callable[[bytes], bool] | None = None,
    match: Iterable[str] = (),
    no_match: Iterable[str] = (),
) -> Rule:
    """Make a rule from a pattern that Hyperscan and `re` read alike.

    `literals` (one of them is in every match) make it faster without Hyperscan; `group` is what gets replaced;
    `check` must hold for it. Raises `RuleError`, also when an example fails.
    """
    if not _ID.fullmatch(id):
        raise RuleError(f"rule id {id!r} must be lower-case letters, digits and dashes, and begin with a letter")
    source = _bounded(id, pattern)
    compiled = re.compile(source.encode())
    _, widest = compiled_width(source)
    if group > compiled.groups:
        raise RuleError(f"rule {id}: the pattern has no group {group}")
    words = tuple(literal.lower().encode() for literal in literals)
    rule = Rule(
        id,
        "own",
        (Trigger(source, None, words),),
        _never,
        tuple(match),
        tuple(no_match),
        reach=widest,
        pattern=compiled,
        group=group,
        check=check,
    )
    try:
        scanner(rule.triggers)
    except Exception:
        raise RuleError(f"rule {id}: the pattern does not compile in Hyperscan") from None
    _try_examples(rule)
    return rule


def _never(data: bytes, place: int) -> None:
    return None


def _try_examples(rule: Rule) -> None:
    for example in rule.match:
        if not _finds(rule, example):
            raise RuleError(f"rule {rule.id}: the example to match {example!r} is not found")
    for example in rule.no_match:
        if _finds(rule, example):
            raise RuleError(f"rule {rule.id}: the example not to match {example!r} is found")


def _finds(rule: Rule, example: str) -> bool:
    data = example.encode("utf-8", "surrogatepass")
    hits = ReScanner(dict(enumerate(rule.triggers))).hits(b"\0" + data + b"\0", len(data) + 1)
    return bool(rule.find(data, sorted({end - 1 for _, end in hits})))


def compiled_width(source: str) -> tuple[int, int]:
    low, high = _parser.parse(source.encode()).getwidth()
    return int(low), int(high)


def _bounded(id: str, pattern: str) -> str:
    """The pattern with every open end closed, or a `RuleError`."""
    if len(pattern) > LONGEST_PATTERN:
        raise RuleError(f"rule {id}: the pattern is longer than {LONGEST_PATTERN} characters")
    if not pattern.isascii():
        raise RuleError(f"rule {id}: the pattern has characters outside ASCII; write them as bytes, such as \\xc3\\xa9")
    try:
        tree = _parser.parse(pattern.encode())
    except (re.error, OverflowError, RecursionError) as error:
        raise RuleError(f"rule {id}: the pattern does not compile ({error})") from None
    _refuse(id, tree, inside=False)
    if tree.getwidth()[0] == 0:
        raise RuleError(f"rule {id}: the pattern matches empty text")
    source = _close(pattern)
    try:
        tree = _parser.parse(source.encode())
    except re.error as error:
        raise RuleError(f"rule {id}: the pattern does not compile ({error})") from None
    if tree.getwidth()[1] > _WIDEST:
        raise RuleError(f"rule {id}: a match could be longer than {_WIDEST} characters; bound its repeats")
    if _steps(tree) > _MOST_STEPS:
        raise RuleError(
            f"rule {id}: too many ways to match the same text; bound its repeats or make them exclude what follows"
        )
    return source


_REFUSED = {
    ops.ASSERT: "lookaround",
    ops.ASSERT_NOT: "lookaround",
    ops.GROUPREF: "a backreference",
    ops.GROUPREF_EXISTS: "a conditional group",
    ops.ATOMIC_GROUP: "an atomic group",
    ops.POSSESSIVE_REPEAT: "a possessive repeat",
}


def _refuse(id: str, tree: Any, inside: bool) -> None:
    for op, argument in tree:
        if op in _REFUSED:
            raise RuleError(f"rule {id}: the pattern uses {_REFUSED[op]}, which cannot be matched in linear time")
        if op is ops.AT and argument not in (ops.AT_BOUNDARY, ops.AT_NON_BOUNDARY):
            raise RuleError(f"rule {id}: the pattern uses an anchor; a rule finds text wherever it stands")
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            _, most, body = argument
            open_end = most is ops.MAXREPEAT
            if open_end and inside:
                raise RuleError(f"rule {id}: a repeat without bound stands inside another repeat, as in (a+)+")
            if open_end and body.getwidth()[0] != body.getwidth()[1]:
                raise RuleError(
                    f"rule {id}: a repeat without bound repeats something of several lengths, as in (a|ab)*"
                )
            _refuse(id, body, inside or most is ops.MAXREPEAT or most > 1)
        elif op is ops.SUBPATTERN:
            _refuse(id, argument[-1], inside)
        elif op is ops.BRANCH:
            for branch in argument[1]:
                _refuse(id, branch, inside)


def _steps(tree: Any) -> int:
    """How many ways a backtracking matcher could divide one text among the repeats, at worst."""
    ways = 1
    for op, argument in tree:
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            least, most, body = argument
            ways *= (most - least + 1) * min(_steps(body) ** min(most, 8), 10 * _MOST_STEPS)
        elif op is ops.SUBPATTERN:
            ways *= _steps(argument[-1])
        elif op is ops.BRANCH:
            ways *= sum(_steps(branch) for branch in argument[1])
        ways = min(ways, 10 * _MOST_STEPS)
    return ways


_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:|[^\]\\])*\]|\{([0-9]*),\}|[*+]|.", re.S)


def _close(pattern: str) -> str:
    """Give `*`, `+` and `{n,}` an upper bound."""
    most = UNBOUNDED if len(re.findall(r"[*+]|,\}", pattern)) == 1 else UNBOUNDED // 4

    def close(match: re.Match[str]) -> str:
        piece = match[0]
        if piece == "*":
            return f"{{0,{most}}}"
        if piece == "+":
            return f"{{1,{most}}}"
        if match[1] is not None:
            return f"{{{match[1] or 0},{int(match[1] or 0) + most}}}"
        return piece

    return _PIECE.sub(close, pattern)
