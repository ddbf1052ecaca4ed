"""Why no answer came, in words for a person: each kind of failure named as what it is (pure)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

_NEVER_SENT = {
    "ClientConnectorError",
    "ClientConnectorDNSError",
    "ClientConnectorCertificateError",
    "ClientConnectorSSLError",
    "ClientProxyConnectionError",
    "ClientHttpProxyError",
    "ConnectionTimeoutError",
    "InvalidURL",
    "UnsupportedProtocol",
}
_BY_NAME = {
    "ConnectionTimeoutError": "no connection within the time allowed",
    "TimeoutError": "no answer within the time allowed",
    "SocketTimeoutError": "no answer within the time allowed",
    "ServerDisconnectedError": "the connection was closed before an answer",
    "ConnectionResetError": "the connection was reset",
    "ClientOSError": "the connection was reset",
    "ClientPayloadError": "the connection was closed in the middle of the answer",
}
_OF_A_PROXY = {"ClientProxyConnectionError", "ClientHttpProxyError"}
_UNKNOWN_AUTHORITY = {
    18,
    19,
    20,
    21,
}  # OpenSSL: self-signed, alone or in its chain; issuer not found, leaf not verified
_ADVICE = (
    ("gaierror", "check the destination's address, and whether this machine has a network"),
    ("ClientConnectorDNSError", "check the destination's address, and whether this machine has a network"),
    ("ConnectionRefusedError", "start it, or check the destination's address and port"),
    ("ConnectionTimeoutError", "check the destination's address; a firewall may be in the way, or a proxy be needed"),
)
_NOT_HTTP = "its answer is not HTTP: is it a gRPC port (4317), or https:// rather than http://?"
_MALFORMED = {"BadHttpMessage", "InvalidHeader", "LineTooLong"}


def never_sent(error: BaseException) -> bool:
    """Whether no request can have reached the destination: then the data itself is not the reason."""
    return any(type(each).__name__ in _NEVER_SENT for each in _chain(error))


def was_answered(error: BaseException) -> bool:
    """Whether an HTTP server answered, in a form that cannot be read: it may have taken the data."""
    return not _MALFORMED.isdisjoint(type(each).__name__ for each in _chain(error))


def explain(error: BaseException) -> str:
    """Say what a failed request means; never quotes what was sent or answered."""
    chain = list(_chain(error))
    for each in chain:  # what is wrong with a proxy is not wrong with the destination
        if type(each).__name__ == "ClientProxyConnectionError":
            return "the proxy cannot be reached"
        if type(each).__name__ == "ClientHttpProxyError":
            return f"the proxy refuses (HTTP {getattr(each, 'status', 0)})"
    for each in chain:
        name = type(each).__name__
        # aiohttp's own errors are errors of TLS by their type, but only what they wrap says which one
        if isinstance(each, ssl.SSLCertVerificationError) and (said := getattr(each, "verify_message", "")):
            return f"its certificate is not trusted ({said})"
        if isinstance(each, ssl.SSLError):
            if "WRONG_VERSION_NUMBER" in str(each):
                return "it does not speak TLS: is its address http:// rather than https://?"
            if reason := getattr(each, "reason", ""):
                return f"TLS failed ({reason})"
        if name in ("ClientConnectorDNSError", "gaierror"):
            return "its name cannot be resolved"
        if isinstance(each, ConnectionRefusedError):
            return "connection refused: nothing listens there"
        if name == "BadStatusLine":
            return _NOT_HTTP
    if was_answered(error):
        return "its answer is malformed HTTP"
    for each in chain:
        if type(each).__name__ == "ClientResponseError":  # of what came before it was asked no more is known
            return _NOT_HTTP
        if found := _BY_NAME.get(type(each).__name__):
            return found
    return f"no answer ({type(error).__name__})"


def advise(error: BaseException) -> str:
    """What a person can do about it; nothing where `explain` asks about it already, or nobody knows."""
    chain = list(_chain(error))
    if any(type(each).__name__ in _OF_A_PROXY for each in chain):
        return "check HTTPS_PROXY and HTTP_PROXY, or name the destination's host in NO_PROXY"
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError) and hasattr(each, "verify_code"):
            if each.verify_code in _UNKNOWN_AUTHORITY:
                return "name the authority that signed it: `ca_file` under `tls` of the destination, or SSL_CERT_FILE"
            return "check the destination's address, or tell who runs it"
        for kind, advice in _ADVICE:
            if type(each).__name__ == kind:
                return advice
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, what caused it, and what the operating system said."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        pending += [each.__cause__, each.__context__, getattr(each, "os_error", None)]
        pending.append(getattr(each, "certificate_error", None))
