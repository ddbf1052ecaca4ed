"""How an attachment stands in a conversation: by name, type and size, never its content (pure)."""

from __future__ import annotations


def describe(mime: str | None, filename: str | None, size: int | None) -> str:
    """How an attachment stands in the conversation."""
    known = [word for word in (filename, mime, None if size is None else f"{size} bytes") if word]
    return f"[attachment: {', '.join(known) or 'unknown'}]"
