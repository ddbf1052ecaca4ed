"""OTLP messages: read and written in both encodings, their values, and requests taken apart (pure)."""
