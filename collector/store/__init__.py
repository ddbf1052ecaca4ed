"""Sealed batches on disk: kept before the sender is answered, until delivered and no longer worth showing."""

from collector.store.ledger import Ledger
from collector.store.reading import Reader
from collector.store.sqlite import Caps, Lane, QueuedBatch, Refusal, SqliteStore

__all__ = ["Caps", "Lane", "Ledger", "QueuedBatch", "Reader", "Refusal", "SqliteStore"]
