"""The stages between a receiver and the store, in their order (pure)."""
