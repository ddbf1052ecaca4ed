"""Destinations made from their settings."""

from __future__ import annotations

from collector.forward.destination import Destination
from collector.forward.tokens import FileToken, FixedToken, TokenSource
from collector.settings.destinations import DestinationSettings, TokenSettings


def new_destination(settings: DestinationSettings) -> Destination:
    """A destination that nothing was sent to yet."""
    return Destination(
        name=settings.name,
        urls=settings.urls,
        token=_token_source(settings.token),
        signals=settings.signals,
        encoding=settings.encoding,
        gzip=settings.gzip,
        headers=settings.headers,
    )


def _token_source(settings: TokenSettings) -> TokenSource:
    return FileToken(settings.file) if settings.file is not None else FixedToken(settings.value)
