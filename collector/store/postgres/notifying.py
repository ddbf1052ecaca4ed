"""LISTEN and NOTIFY: collectors that share a database tell each other that something came."""

from __future__ import annotations

from collector.store.postgres.connecting import PgConnection, execute

_CHANNEL = "'opencode-collector ' || current_schema()"


def listen(connection: PgConnection) -> None:
    """Hear from now on what is told in this schema."""
    [(channel,)] = execute(connection, f"SELECT quote_ident({_CHANNEL})").fetchall()
    execute(connection, f"LISTEN {channel}")


def notify(connection: PgConnection, origin: int) -> None:
    """Tell whoever listens, in the name of the collector `origin`."""
    execute(connection, f"SELECT pg_notify({_CHANNEL}, %s)", (str(origin),))
