"""The rows of batches, of which what they share is kept once: the conversation that each call to a model repeats.

A batch holds beginnings of runs; a run grows at its end with what each batch adds, and goes with the last batch that
holds some of it. Where a run is kept is noted on it, so that nothing is compared: it is good for one store, until a
transaction of it is undone.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass

from isal.isal_zlib import crc32
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import SealedBatch, SealedBeginning, SealedPassages
from collector.otlp.joined import joined


@dataclass(frozen=True, slots=True)
class _Note:
    """That the first `parts` of a run, `size` bytes, are kept as `number`; good while the mark is the keeper's."""

    mark: object
    number: int
    parts: int
    size: int


class BatchKeeper:
    """Writes batches and what they share, inside transactions of one store."""

    def __init__(self) -> None:
        self._mark = object()

    def undone(self) -> None:
        """A transaction was undone, or the file is another: no note is good any more."""
        self._mark = object()

    def insert(self, connection: sqlite3.Connection, batch: SealedBatch, hops: str) -> int:
        """Keep a batch; its number."""
        in_session = any(span.session_id for span in batch.spans)
        number = connection.execute(
            "INSERT INTO batches (signal, received_ns, items, bytes, hops, in_session, crc, data, shared)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.signal, time.time_ns(), batch.items, batch.size, hops, in_session,
                crc32(batch.own), batch.own, self._share(connection, batch.shared),
            ),
        ).lastrowid  # fmt: skip
        assert number is not None
        return number

    def replace(self, connection: sqlite3.Connection, number: int, batch: SealedBatch) -> None:
        """Keep `batch` as what `number` names."""
        before = connection.execute("SELECT shared FROM batches WHERE id = ?", (number,)).fetchall()
        shared = self._share(connection, batch.shared)
        connection.execute(
            "UPDATE batches SET bytes = ?, crc = ?, data = ?, shared = ? WHERE id = ?",
            (batch.size, crc32(batch.own), batch.own, shared, number),
        )
        for (each,) in before:
            _let_go(connection, each)

    def _share(self, connection: sqlite3.Connection, shared: SealedPassages) -> str | None:
        """Keep what is shared once; where it is found again."""
        if not shared:
            return None
        found = {
            span.hex(): [(self._keep(connection, each), len(each)) for each in beginnings]
            for span, beginnings in shared.items()
        }
        return json.dumps(found, separators=(",", ":"))

    def _keep(self, connection: sqlite3.Connection, beginning: SealedBeginning) -> int:
        run = beginning.run
        note = run.kept if isinstance(run.kept, _Note) and run.kept.mark is self._mark else None
        if note is not None:
            known = connection.execute("SELECT size FROM runs WHERE id = ?", (note.number,)).fetchone()
            note = note if known is not None and known[0] == note.size else None
        if note is None:
            number = connection.execute("INSERT INTO runs (size, uses) VALUES (0, 0)").lastrowid
            assert number is not None
            note = _Note(self._mark, number, 0, 0)
        if beginning.length > note.parts:
            data = b"".join(run.parts[note.parts : beginning.length])
            connection.execute(
                "INSERT INTO run_parts (run_id, start, crc, data) VALUES (?, ?, ?, ?)",
                (note.number, note.size, crc32(data), data),
            )
            note = _Note(self._mark, note.number, beginning.length, len(beginning))
        connection.execute("UPDATE runs SET size = ?, uses = uses + 1 WHERE id = ?", (note.size, note.number))
        run.kept = note
        return note.number


def delete_batch(connection: sqlite3.Connection, number: int) -> None:
    """Delete the row of a batch; what no other holds of its runs goes with it."""
    for (shared,) in connection.execute("DELETE FROM batches WHERE id = ? RETURNING shared", (number,)).fetchall():
        _let_go(connection, shared)


def _let_go(connection: sqlite3.Connection, shared: str | None) -> None:
    for beginnings in json.loads(shared).values() if shared else ():
        for number, _ in beginnings:
            connection.execute("UPDATE runs SET uses = uses - 1 WHERE id = ?", (number,))
            if connection.execute("DELETE FROM runs WHERE id = ? AND uses <= 0", (number,)).rowcount:
                connection.execute("DELETE FROM run_parts WHERE run_id = ?", (number,))


def whole(connection: sqlite3.Connection, own: bytes, shared: str | None) -> bytes | None:
    """A batch as it was put, of what it has alone and what it shares; None where something of that is gone."""
    if shared is None:
        return own
    found: dict[bytes, list[bytes]] = {}
    for span, beginnings in json.loads(shared).items():
        data = [_read(connection, number, size) for number, size in beginnings]
        if None in data:
            return None
        found[bytes.fromhex(span)] = [each for each in data if each is not None]
    return b"".join(joined(ExportTraceServiceRequest.FromString(own), found))


def _read(connection: sqlite3.Connection, number: int, size: int) -> bytes | None:
    parts: list[bytes] = []
    held = 0
    rows = connection.execute(
        "SELECT start, crc, data FROM run_parts WHERE run_id = ? AND start < ? ORDER BY start", (number, size)
    )
    for start, crc, data in rows:
        if start != held or crc32(data) != crc:
            return None
        parts.append(data if held + len(data) <= size else data[: size - held])
        held += len(data)
    return b"".join(parts) if held >= size else None


def mend_batches(connection: sqlite3.Connection) -> None:
    """After a damage: forget batches of which something shared is gone, and count anew who holds which run."""
    held: dict[int, int] = {}
    ends: dict[int, int] = {}
    for number, start, length in connection.execute(
        "SELECT run_id, start, length(data) FROM run_parts ORDER BY run_id, start"
    ):
        if ends.get(number, 0) == start:
            ends[number] = start + length
    for batch_id, shared in connection.execute("SELECT id, shared FROM batches WHERE shared IS NOT NULL").fetchall():
        runs = [each for beginnings in json.loads(shared).values() for each in beginnings]
        if any(ends.get(number, 0) < size for number, size in runs):
            connection.execute("DELETE FROM batches WHERE id = ?", (batch_id,))
            continue
        for number, _ in runs:
            held[number] = held.get(number, 0) + 1
    connection.execute("DELETE FROM runs")
    connection.executemany(
        "INSERT INTO runs (id, size, uses) VALUES (?, ?, ?)",
        [(number, ends[number], uses) for number, uses in held.items()],
    )
    connection.execute("DELETE FROM run_parts WHERE run_id NOT IN (SELECT id FROM runs)")
    connection.execute("DELETE FROM run_parts WHERE start >= (SELECT size FROM runs WHERE id = run_id)")
