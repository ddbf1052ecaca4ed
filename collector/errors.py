"""What can go wrong, by who can mend it.

CollectorError
├── ConfigError            the person who starts the collector: one clear line, exit code 2
├── SenderError            the sender's fault: the same data again will fail again
│   ├── BadRequest             400
│   ├── Unauthorized           401
│   ├── Forbidden              403
│   ├── UnknownPath            404
│   ├── MethodNotAllowed       405
│   ├── TooLarge               413
│   └── UnsupportedMedia       415
└── NotNow                 ours: the same data later will be taken (carries `retry_after` seconds)
    ├── Busy                   429
    │   └── OverQuota              429, of one access token
    ├── StoreFull              503
    └── Unavailable            503

What a destination answers is no exception but a value: `forward.outcome`.
No message ever quotes the payload: messages are logged, by us and by clients.
"""

from __future__ import annotations


class CollectorError(Exception):
    """The root of what this package raises on purpose; `str()` is one line for a person."""


class ConfigError(CollectorError):
    """The process cannot run as it was told to; the message says what to change."""


class SenderError(CollectorError):
    """The request itself is wrong; clients must not send it again (specification, "Failures")."""

    status = 400


class BadRequest(SenderError):
    """The body cannot be read as an export request."""


class Unauthorized(SenderError):
    status = 401


class Forbidden(SenderError):
    status = 403


class UnknownPath(SenderError):
    status = 404


class MethodNotAllowed(SenderError):
    status = 405


class TooLarge(SenderError):
    status = 413


class UnsupportedMedia(SenderError):
    status = 415


class NotNow(CollectorError):
    """The request is fine and nothing of it was kept; it may be sent again after `retry_after` seconds."""

    status = 503

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(NotNow):
    status = 429


class OverQuota(Busy):
    """One access token may not send more now; others may."""


class StoreFull(NotNow):
    """No room is left and nothing undelivered may be thrown away."""


class Unavailable(NotNow):
    """The collector is stopping, or its store cannot be written."""
