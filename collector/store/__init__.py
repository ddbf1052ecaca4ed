"""Sealed batches on disk: kept before the sender is answered, until delivered and no longer worth showing."""

from collector.store.inbox import Inbox, Settled
from collector.store.ledger import Ledger
from collector.store.reading import Reader
from collector.store.sqlite import Caps, Lane, QueuedBatch, Refusal, SqliteStore

__all__ = ["Caps", "Inbox", "Lane", "Ledger", "QueuedBatch", "Reader", "Refusal", "Settled", "SqliteStore"]
