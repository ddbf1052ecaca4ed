"""How an attachment stands in a conversation: by name, type and size, never its content (pure)."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

MediaPlace = Literal["inside", "images inside", "behind"]
"""Where the media of a tool's result are sent: in it, or in a message of the user behind it."""


class MediaManner(NamedTuple):
    """How a request shows media: where those of tools' results stand, and which kinds the model takes.

    Of a request that nobody told of, they stand in the results, and all are taken.
    """

    place: MediaPlace | None = None
    kinds: frozenset[str] | None = None


_DESCRIBED = re.compile(r"\[attachment: (?:(.*), )??([\w.+-]+/[\w.+-]+)(?:, \d+ bytes)?\]")
_MEDIA = re.compile(r"(?:\[attachment: |, )(image/[\w.+-]+|application/pdf)(?:, \d+ bytes)?\]$")
_INSIDE = (
    "@ai-sdk/anthropic",
    "@ai-sdk/openai",
    "@ai-sdk/amazon-bedrock/mantle",
    "@ai-sdk/google-vertex/anthropic",
)
_BEDROCK = "@ai-sdk/amazon-bedrock"
_BEDROCK_IMAGES_INSIDE = ("anthropic.", "nova", "llama4", "llama-4")


def describe(mime: str | None, filename: str | None, size: int | None) -> str:
    """How an attachment stands in the conversation."""
    known = [word for word in (filename, mime, None if size is None else f"{size} bytes") if word]
    return f"[attachment: {', '.join(known) or 'unknown'}]"


def media_place(library: str, model: str) -> MediaPlace:
    """Where OpenCode puts media, by the library it asks the provider with and the model's id there."""
    if library in _INSIDE or (library == "@ai-sdk/google" and "gemini-3" in model.lower()):
        return "inside"
    images = library == "@ai-sdk/xai" or (
        library == _BEDROCK and any(n in model.lower() for n in _BEDROCK_IMAGES_INSIDE)
    )
    return "images inside" if images else "behind"


def refusal(mime: str | None, filename: str | None, manner: MediaManner) -> str | None:
    """What OpenCode 1 tells a model in place of media it does not take; None where it is sent."""
    kind = "pdf" if mime == "application/pdf" else (mime or "").partition("/")[0]
    if manner.kinds is None or kind not in ("pdf", "image", "audio", "video") or kind in manner.kinds:
        return None
    name = f'"{filename}"' if filename else kind
    return f"ERROR: Cannot read {name} (this model does not support {kind} input). Inform the user."


def sent_by_user(described: str, manner: MediaManner) -> str:
    """An attachment, as `describe` put it, where it stands in a message of the user."""
    found = _DESCRIBED.fullmatch(described)
    return (refusal(found[2], found[1], manner) if found else None) or described


def transcribed(described: str) -> str:
    """An attachment, as `describe` put it, as later versions of OpenCode 1 put it into the request of a compaction."""
    found = _DESCRIBED.fullmatch(described)
    return f"[Attached {found[2]}: {found[1] or 'file'}]" if found else described


def is_apart(described: str, place: MediaPlace | None) -> bool:
    """Whether an attachment of a tool's result, as `describe` put it, is sent behind the result."""
    found = _MEDIA.search(described)
    if place is None or place == "inside" or found is None:
        return False
    return place == "behind" or not found[1].startswith("image/")
