"""Sealed batches on disk: kept before the sender is answered, until delivered and no longer worth showing."""
