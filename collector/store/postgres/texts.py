"""The text of sealed spans, indexed for search a little at a time beside the posts.

Words are runs of letters and digits without their accents, as in the other engine; what stands between them is not
searched. Where all is too much, the oldest is searched no longer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from collector.store.postgres.column_values import indexable, storable
from collector.store.postgres.transaction import Transaction
from collector.store.span_text import span_texts

_PART_OF_CAP = 0.2
_MOST_BATCHES = 16
_MOST_SHORTENED = 64
_WORD = re.compile(r"[^\W_]+")
_LONGEST_WORD = 400
_SNIPPET_WORDS = 24


class PgTextIndex:
    """Follows the batches as they are put; `most_bytes` is the store's cap, of which the index may take a part."""

    def __init__(self, most_bytes: int) -> None:
        self._most = int(most_bytes * _PART_OF_CAP)

    def step(self, transaction: Transaction) -> bool:
        """Index a few batches; whether there may be more of them."""
        rows = transaction.rows(
            "DELETE FROM to_index WHERE batch_id IN (SELECT batch_id FROM to_index ORDER BY batch_id LIMIT %s"
            " FOR UPDATE SKIP LOCKED) RETURNING batch_id",
            _MOST_BATCHES,
        )
        if rows:
            index(transaction, sorted(row[0] for row in rows))
        if _indexed_bytes(transaction) > self._most:
            gone = transaction.rows(
                "DELETE FROM texts WHERE id IN (SELECT id FROM texts ORDER BY id LIMIT %s) RETURNING length(content)",
                _MOST_SHORTENED,
            )
            _add_bytes(transaction, -sum(row[0] for row in gone))
        return len(rows) == _MOST_BATCHES


def index(transaction: Transaction, batches: Sequence[int]) -> None:
    """Index the texts of batches; a span that was indexed before is found by its new text alone."""
    found: dict[tuple[str, str], tuple[str, int, str]] = {}
    for number, data in transaction.rows(
        "SELECT id, data FROM batches WHERE id = ANY(%s) AND signal = 'traces' ORDER BY id", list(batches)
    ):
        for trace_id, span_id, session, text in span_texts(bytes(data)):
            found[trace_id, span_id] = (indexable(session), number, storable(text))
    if not found:
        return
    keys = [list(each) for each in zip(*sorted(found), strict=True)]
    gone = transaction.rows(
        "DELETE FROM texts t USING unnest(%s::text[], %s::text[]) AS k (trace_id, span_id)"
        " WHERE t.trace_id = k.trace_id AND t.span_id = k.span_id RETURNING length(t.content)",
        *keys,
    )
    kept = [(*key, *value) for key, value in found.items() if value[2]]
    rows = [(trace, span, session, number, text, " ".join(words(text))) for trace, span, session, number, text in kept]
    if rows:
        transaction.run(
            "INSERT INTO texts (trace_id, span_id, session_id, batch_id, content, words)"
            " SELECT trace_id, span_id, session_id, batch_id, content, to_tsvector('simple', plain)"
            " FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[])"
            " AS u (trace_id, span_id, session_id, batch_id, content, plain)",
            *[list(each) for each in zip(*rows, strict=True)],
        )
    _add_bytes(transaction, sum(len(row[4]) for row in rows) - sum(row[0] for row in gone))


def forget_texts(transaction: Transaction, batches: Collection[int]) -> None:
    """Take the texts of batches out of the index."""
    gone = transaction.rows("DELETE FROM texts WHERE batch_id = ANY(%s) RETURNING length(content)", list(batches))
    transaction.run("DELETE FROM to_index WHERE batch_id = ANY(%s)", list(batches))
    _add_bytes(transaction, -sum(row[0] for row in gone))


def index_again(transaction: Transaction, batch: int) -> None:
    """The text of a batch was sealed again: what is searched is what is kept."""
    if transaction.rows("SELECT 1 FROM texts WHERE batch_id = %s LIMIT 1", batch):
        forget_texts(transaction, [batch])
        index(transaction, [batch])


def words(text: str) -> list[str]:
    """The words of a text as they are searched."""
    decomposed = unicodedata.normalize("NFD", text)
    plain = "".join(char for char in decomposed if not unicodedata.combining(char)).lower()
    return [word[:_LONGEST_WORD] for word in _WORD.findall(plain)]


def match_of(text: str) -> str:
    """A `tsquery`: all words of `text` in the order of each run without blanks, the last also as a beginning."""
    runs = [found for run in text.split() if (found := words(run))]
    if not runs:
        return ""
    terms = [" <-> ".join(f"'{word}'" for word in run) for run in runs]
    if text == text.rstrip():
        terms[-1] += ":*"
    return " & ".join(f"({term})" for term in terms)


def snippet_of(content: str, text: str) -> str:
    """A few words of `content` around the first that was searched for, with \\x02 and \\x03 around those."""
    wanted = [word for run in text.split() for word in words(run)]
    last = wanted[-1] if wanted and text == text.rstrip() else None
    places = list(_WORD.finditer(unicodedata.normalize("NFC", content)))
    whole = unicodedata.normalize("NFC", content)

    def is_wanted(found: re.Match[str]) -> bool:
        plain = "".join(words(found.group()))
        return plain in wanted or (last is not None and plain.startswith(last))

    first = next((number for number, found in enumerate(places) if is_wanted(found)), 0)
    begin = max(first - _SNIPPET_WORDS // 4, 0)
    shown = places[begin : begin + _SNIPPET_WORDS]
    if not shown:
        return ""
    at, parts = shown[0].start(), ["…" if begin else ""]
    for found in shown:
        parts.append(whole[at : found.start()])
        parts.append(f"\x02{found.group()}\x03" if is_wanted(found) else found.group())
        at = found.end()
    parts.append("…" if len(places) > begin + _SNIPPET_WORDS else whole[at:])
    return "".join(parts)


def _indexed_bytes(transaction: Transaction) -> int:
    rows = transaction.rows("SELECT value::bigint FROM meta WHERE key = 'indexed_bytes'")
    return int(rows[0][0]) if rows else 0


def _add_bytes(transaction: Transaction, size: int) -> None:
    if size:
        transaction.run(
            "INSERT INTO meta VALUES ('indexed_bytes', greatest(%s, 0)::text) ON CONFLICT (key) DO UPDATE SET"
            " value = greatest(meta.value::bigint + %s, 0)::text",
            size,
            size,
        )
