"""Advisory locks: who may do what only one collector may do at a time, in one schema of one database.

A lock belongs to a connection. It ends with it, however the collector ended.
"""

from __future__ import annotations

from collector.store.postgres.connecting import PgConnection, execute

MIGRATING = 0
ASSEMBLING = 1
HOUSEKEEPING = 2
_FIRST_SHARD = 100

_KEY = "hashtext('opencode-collector ' || current_schema()), %s"


def try_lock(connection: PgConnection, number: int) -> bool:
    """Take a lock for as long as the connection lasts; False where another connection has it."""
    return bool(execute(connection, f"SELECT pg_try_advisory_lock({_KEY})", (number,)).fetchall()[0][0])


def try_lock_transaction(connection: PgConnection, number: int) -> bool:
    """The same until the end of the transaction."""
    return bool(execute(connection, f"SELECT pg_try_advisory_xact_lock({_KEY})", (number,)).fetchall()[0][0])


def wait_lock_transaction(connection: PgConnection, number: int) -> None:
    """Wait for a lock, and keep it until the end of the transaction."""
    execute(connection, f"SELECT pg_advisory_xact_lock({_KEY})", (number,))


def take_shard(connection: PgConnection) -> int:
    """The lowest shard of counters that no other connection writes."""
    shard = 0
    while not try_lock(connection, _FIRST_SHARD + shard):
        shard += 1
    return shard
