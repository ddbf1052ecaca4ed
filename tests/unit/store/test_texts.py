"""The index of texts, beside the posts."""

from __future__ import annotations

import sqlite3

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.store.sqlite.schema import TABLES
from collector.store.sqlite.texts import TextIndex, forget_text, match_of


def _put(connection: sqlite3.Connection, *texts: str, room: int = 1 << 30) -> int:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number, text in enumerate(texts):
        span = spans.add(trace_id=b"t" * 16, span_id=bytes([number]) * 8, name="chat")
        span.attributes.add(key="output.value").value.string_value = text
    data = request.SerializeToString()
    number = connection.execute(
        "INSERT INTO batches (signal, received_ns, items, bytes, hops, in_session, crc, data)"
        " VALUES ('traces', 1, 1, ?, '', 0, 0, ?)",
        (len(data), data),
    ).lastrowid
    TextIndex(1 << 30).step(connection, lambda _: room, busy=False)
    assert number is not None
    return number


def _found(connection: sqlite3.Connection, word: str) -> int:
    query = "SELECT count(*) FROM text_index WHERE text_index MATCH ?"
    return int(connection.execute(query, (match_of(word),)).fetchone()[0])


def test_a_span_that_comes_again_is_found_once_and_goes_with_the_batch_it_came_in_last() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(TABLES)
    first = _put(connection, "an answer")
    second = _put(connection, "an answer")
    assert _found(connection, "answer") == 1
    forget_text(connection, first)
    assert _found(connection, "answer") == 1
    third = _put(connection, "another reply")
    assert (_found(connection, "answer"), _found(connection, "reply")) == (0, 1)
    forget_text(connection, second)
    assert _found(connection, "reply") == 1
    forget_text(connection, third)
    assert _found(connection, "reply") == 0


def test_texts_that_there_is_no_room_for_are_indexed_once_there_is() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(TABLES)
    _put(connection, "early " + "a" * 1000, "late " + "b" * 1000, room=(1 << 20) + 8000)
    assert (_found(connection, "early"), _found(connection, "late")) == (1, 0)
    index = TextIndex(1 << 30)
    assert index.step(connection, lambda _: 0, busy=False) > 1
    assert _found(connection, "late") == 0
    assert index.step(connection, lambda _: 1 << 30, busy=False) == 0
    assert (_found(connection, "early"), _found(connection, "late")) == (1, 1)
