"""Brings a database of any earlier version to the present tables, one numbered step after another."""

from __future__ import annotations

import logging
import uuid

from collector.errors import ConfigError
from collector.store.postgres.connecting import PgConnection, execute
from collector.store.postgres.locks import MIGRATING, wait_lock_transaction
from collector.store.postgres.schema import TABLES

logger = logging.getLogger(__name__)

STEPS = (TABLES,)
"""What brings the tables from each version to the next; the first creates them. A step once landed is never changed."""
VERSION = len(STEPS)


def prepare(connection: PgConnection) -> str:
    """Create the tables, or bring those of an earlier version up; the id this store was given when made.

    Collectors that start together wait for each other here. A role that may not create tables is enough where they
    are of this version. Raises `ConfigError` for tables of a later version, or of another program.
    """
    with connection.transaction():
        version = found_version(connection)
        if version < VERSION:
            wait_lock_transaction(connection, MIGRATING)
            version = found_version(connection)
        if version > VERSION:
            raise ConfigError(
                f"the database of the store was written by another version of the collector (format {version}):"
                " use that version, or another database"
            )
        if 0 < version < VERSION:
            logger.warning("bringing the store from format %d to format %d", version, VERSION)
        for step in STEPS[version:]:
            execute(connection, step)
        if version == 0:
            execute(connection, "INSERT INTO meta VALUES ('instance', %s)", (uuid.uuid4().hex,))
        if version < VERSION:
            execute(
                connection,
                "INSERT INTO meta VALUES ('version', %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (str(VERSION),),
            )
        return str(execute(connection, "SELECT value FROM meta WHERE key = 'instance'").fetchall()[0][0])


def found_version(connection: PgConnection) -> int:
    """The version of the tables, 0 where there are none; raises `ConfigError` where others stand in their place."""
    tables = {
        row[0]
        for row in execute(
            connection,
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')",
        ).fetchall()
    }
    if "meta" in tables and "ledger" in tables:
        rows = execute(connection, "SELECT value FROM meta WHERE key = 'version'").fetchall()
        if rows:
            return int(rows[0][0])
    if tables & {"meta", "batches", "outbox", "ledger", "inbox"}:
        raise ConfigError(
            "the database of the store holds tables of another program: give the collector a database or a schema"
            " of its own"
        )
    return 0
