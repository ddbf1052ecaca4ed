"""How an attachment stands in a conversation: by name, type and size, never its content (pure)."""

from __future__ import annotations

import re
from typing import Literal

MediaPlace = Literal["inside", "images inside", "behind"]
"""Where the media of a tool's result are sent: in it, or in a message of the user behind it."""

_MEDIA = re.compile(r"(?:\[attachment: |, )(image/[\w.+-]+|application/pdf)(?:, \d+ bytes)?\]$")
_INSIDE = (
    "@ai-sdk/anthropic",
    "@ai-sdk/openai",
    "@ai-sdk/amazon-bedrock/mantle",
    "@ai-sdk/google-vertex/anthropic",
)
_IMAGES_INSIDE = ("@ai-sdk/amazon-bedrock", "@ai-sdk/xai")


def describe(mime: str | None, filename: str | None, size: int | None) -> str:
    """How an attachment stands in the conversation."""
    known = [word for word in (filename, mime, None if size is None else f"{size} bytes") if word]
    return f"[attachment: {', '.join(known) or 'unknown'}]"


def media_place(library: str, model: str) -> MediaPlace:
    """Where OpenCode puts media, by the library it asks the provider with and the model's id there."""
    if library in _INSIDE or (library == "@ai-sdk/google" and "gemini-3" in model.lower()):
        return "inside"
    return "images inside" if library in _IMAGES_INSIDE else "behind"


def is_apart(described: str, place: MediaPlace | None) -> bool:
    """Whether an attachment of a tool's result, as `describe` put it, is sent behind the result."""
    found = _MEDIA.search(described)
    if place is None or place == "inside" or found is None:
        return False
    return place == "behind" or not found[1].startswith("image/")
