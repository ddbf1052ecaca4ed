"""HTTP/1.1 on a connection, within bounds: uvicorn's protocol, and what it leaves to a proxy in front of it.

Upgrade            ignored, as RFC 9110 (7.8) allows: the parser would take the body for another protocol's bytes
head               at most `MOST_HEAD_BYTES`, all there within `HEAD_SECONDS`; trailers are no headers
body               all there within `BODY_SECONDS`; of a refused request read on for `LINGER_SECONDS`, so that the
                   sender sees the answer, then the connection is closed
connections        over the limit each new one is answered 503 and closed; those there are notice nothing
date               of an answer: renewed when a request comes, so that nothing need wake an idle process each second
"""

from __future__ import annotations

import asyncio
import logging
import time
from email.utils import formatdate
from typing import ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

logger = logging.getLogger(__name__)

MOST_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 15.0
BODY_SECONDS = 90.0
LINGER_SECONDS = 2.0

_NOT_PASSED_ON = (b"upgrade", b"http2-settings")


class ConnectionLimit:
    """How many connections may be open at once; `refused` counts those that were one too many."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.refused = 0
        self._said = False

    def admits(self, opened: int) -> bool:
        """Whether one more may join `opened` others; the log says once that it may not, until half of them closed."""
        if opened < self.most:
            self._said = self._said and opened > self.most // 2
            return True
        self.refused += 1
        if not self._said:
            logger.warning("%d connections are open: more are refused until some of them close", opened)
        self._said = True
        return False


class HttpProtocol(HttpToolsProtocol):
    """One connection; a subclass names the limit that a server's connections share, and knows when they were dated."""

    limit: ConnectionLimit
    dated_s: ClassVar[int] = 0

    _deadline: asyncio.TimerHandle | None = None
    _in_head = False
    _in_body = False
    _head_bytes = 0
    """Names and values of the headers that are whole."""
    _unfinished_bytes = 0
    """What came since the head began, while it is not whole: one header may go on for ever."""
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        opened = len(self.connections)
        super().connection_made(transport)
        if self.limit.admits(opened):
            self._close_after(HEAD_SECONDS)
        else:
            self._refuse(503, b"too many connections are open", b"retry-after: 1\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep_open()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unset_keepalive_if_required()
        began_before = self._in_head
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._refuse(400, b"this is no request of HTTP/1.1")
            return
        if began_before and self._in_head:
            self._unfinished_bytes += len(data)
        if max(self._head_bytes, self._unfinished_bytes) > MOST_HEAD_BYTES:
            self._refuse(431, b"the headers are too large")
        elif not self._in_body and self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._close_after(HEAD_SECONDS)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            if self.parser.get_method() == b"CONNECT":
                self._refuse(405, b"this is no proxy")
                return
            rest = self._head_without_upgrade() + data[stopped.args[0] :]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self._feed(rest)

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s\r\n" % header for header in self.headers if header[0] not in _NOT_PASSED_ON]
        return b"".join([*lines, b"\r\n"])

    # ---- what the parser tells

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes, self._unfinished_bytes = True, 0, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(name) + len(value)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._is_readable():
            self._in_body = True
            self._close_after(BODY_SECONDS)
            self._renew_date()
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._is_readable():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_readable():
            self._in_body = False
            self._keep_open()
            super().on_message_complete()

    def _is_readable(self) -> bool:
        """False while the parser stops at an Upgrade (what it read is read again), and for a head that is refused."""
        return not self.parser.should_upgrade() and self._head_bytes <= MOST_HEAD_BYTES

    def _renew_date(self) -> None:
        now = int(time.time())
        if now != self.dated_s:
            type(self).dated_s = now
            date = (b"date", formatdate(now, usegmt=True).encode())
            self.server_state.default_headers = [date, *self.config.encoded_headers]

    # ---- ends

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and self.cycle.response_complete:
            self._close_after(LINGER_SECONDS)

    def _refuse(self, status: int, said: bytes, header: bytes = b"") -> None:
        """Answer what never becomes a request of the application, and close."""
        self._refused = True
        self.transport.write(
            b"%scontent-type: text/plain\r\ncontent-length: %d\r\n%sconnection: close\r\n\r\n%s"
            % (STATUS_LINE[status], len(said), header, said)
        )
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._close_after(LINGER_SECONDS)

    def _close_after(self, seconds: float) -> None:
        self._keep_open()
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _keep_open(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
