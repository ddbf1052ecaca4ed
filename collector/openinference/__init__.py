"""OpenInference as it is written: kinds, keys, messages, and the one writer of them (pure)."""
