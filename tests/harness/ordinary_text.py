"""Ordinary code, documentation and data: what is installed here, to count what is found in it.

Each finding is counted by the kind of text it stands in. Counted apart, as examples, are findings where one expects
a credential to be shown: anything in a test, and what stands in documentation (a document, or a comment or docstring of
a program) in quotes, between backticks, or on a line of preformatted text. All else annoys whoever reads masked text.
"""

from __future__ import annotations

import contextlib
import random
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collector.redact.engine.engine import Engine

_CODE = re.compile(
    r"\.(?:pyi?|[cm]?js|tsx?|jsx|s?css|vue|sh|[ch]|cc|[ch]pp|go|rs|rb|java|p[lm]|lua|php|sql|el|cfg|ini|toml|ya?ml|json|xml|po|svg"
    r"|map|diff|patch)"
)
_DOCUMENTS = re.compile(r"\.(?:md|rst|txt|html?|pod|adoc)")
_IN_DOCUMENTS = re.compile(
    r"(?i)/(?:docs?|man|manual|examples?|samples?|tutorials?|changelogs?)/|/(?:readme|change(?:s|log)|news|licen[cs]e|copying|copyright|metadata|pkg-info)[^/]*$"
    r"|/examples-[0-9]+\.json$"
)
_LOCK_FILE = re.compile(r"\.lock$|/(?:package-lock|npm-shrinkwrap)\.json$|/go\.sum$|/pnpm-lock\.yaml$|/RECORD$|\.sum$")
_LOG = re.compile(r"\.log(?:\.[0-9]+)?$")
_TEST = re.compile(
    r"(?i)/(?:tests?|testing|test_?data|fixtures?|__tests__|specs?|e2e|mocks?)/|/(?:test_[^/]*|[^/]*[._-](?:tests?|spec)\.[a-z]+|conftest\.py)$"
)
_INSTALLED = re.compile(r".*/(?:site-packages|dist-packages|node_modules|python[23]\.[0-9]+)(?=/)")
_LARGEST = 2_000_000
_LARGEST_LOG = 20_000_000
_OF_OTHERS = "site-packages"
"""Below a directory: what is installed for another interpreter."""
MB = 10**6


def installed() -> list[str]:
    """The standard library and every package that is installed beside it."""
    return [sysconfig.get_paths()[name] for name in ("stdlib", "purelib")]


def kind_of(path: Path) -> str:
    """`code`, `docs`, `lock files`, `logs` or `tests`; empty for what is no text that agents read."""
    name = _INSTALLED.sub("", "/" + path.as_posix().lstrip("/"))
    if _LOG.search(name):
        return "logs"
    if _LOCK_FILE.search(name):
        return "lock files"
    document = _DOCUMENTS.fullmatch(path.suffix) or _IN_DOCUMENTS.search(name)
    if not document and not _CODE.fullmatch(path.suffix):
        return ""
    if _TEST.search(name):
        return "tests"
    return "docs" if document else "code"


_COMMENT = re.compile(rb"[ \t]*(?:#|//|/?\*|--|;|%|<!--|\.\.)")
_PREFORMATTED = re.compile(rb"(?: {2,}|\t| ?[$>|])\S|[^\n]*[`\"']|[^\n]*<(?:pre|code|span|td)\b")


def is_example(kind: str, data: bytes, start: int) -> bool:
    """Whether what stands at `start` of such a text is shown on purpose."""
    if kind == "tests":
        return True
    line = data[data.rfind(b"\n", 0, start) + 1 : start]
    if kind == "docs":
        return _PREFORMATTED.match(line) is not None or data.count(b"```", 0, start) % 2 == 1
    if kind == "code":
        quoted = any(data.count(quotes, 0, start) % 2 for quotes in (b'"""', b"'''"))
        pod = data.rfind(b"\n=head", 0, start) > data.rfind(b"\n=cut", 0, start)
        return quoted or pod or _COMMENT.match(line) is not None
    return False


@dataclass(slots=True)
class Counted:
    """What was read and found, by kind of text."""

    mb: Counter[str] = field(default_factory=Counter)
    annoying: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[str, Counter[str]] = field(default_factory=dict)

    def a_mb(self, kind: str) -> tuple[float, float]:
        """Findings that annoy and examples, for each MB of a kind."""
        return tuple(found.get(kind, Counter()).total() / self.mb[kind] for found in (self.annoying, self.examples))  # type: ignore[return-value]


def texts(directories: Sequence[str], most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Files of text with their kinds, in a random order that is always the same, up to so many bytes in all."""
    paths = sorted(
        path
        for directory in directories
        for path in Path(directory).rglob("*")
        if _OF_OTHERS not in path.parts[len(Path(directory).parts) :]
        and kind_of(path)
        and not path.is_symlink()
        and path.is_file()
    )
    random.Random(1).shuffle(paths)
    size = 0
    seen: set[bytes] = set()
    for path in paths:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            kind = kind_of(path)
            data = path.read_bytes()
            data.decode()
            if len(data) <= (_LARGEST_LOG if kind == "logs" else _LARGEST) and b"\0" not in data and data not in seen:
                seen.add(data)
                size += len(data)
                yield kind, data
        if size >= most_bytes:
            return


def findings(directories: Sequence[str], most_bytes: int) -> Counted:
    """What is found in so much text, addresses of mail apart: they stand in every package and are no mistake."""
    engine = Engine()
    counted = Counted()
    for kind, data in texts(directories, most_bytes):
        counted.mb[kind] += len(data)
        for extent in engine.find(data):
            if extent.rule != "email":
                where = counted.examples if is_example(kind, data, extent.start) else counted.annoying
                where.setdefault(kind, Counter())[extent.rule] += 1
    for kind in counted.mb:
        counted.mb[kind] /= MB  # type: ignore[assignment]
    return counted
