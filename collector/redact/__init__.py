"""An `ExportRequest` to a `SealedBatch`: every text position visited, nothing passed on by default (pure)."""
