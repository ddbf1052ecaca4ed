"""TLS as the settings name it: to listen with, and for those on this machine who connect."""

from __future__ import annotations

import ssl

from collector.errors import ConfigError
from collector.settings.loopback import is_loopback
from collector.settings.model import Settings


def server_tls(settings: Settings) -> ssl.SSLContext | None:
    """How to listen with TLS, None where no certificate is set; raises `ConfigError` for files that cannot be used."""
    if settings.tls_certificate is None:
        if settings.tls_key is not None or settings.tls_client_ca is not None:
            raise ConfigError("tls_key and tls_client_ca need a tls_certificate beside them")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_certificate(context, settings)
    if settings.tls_client_ca is not None:
        try:
            context.load_verify_locations(cafile=settings.tls_client_ca)
        except OSError as error:
            raise ConfigError(f"tls_client_ca: {_fault(error)}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(settings: Settings) -> ssl.SSLContext | None:
    """How to reach a collector of these settings: its certificate is trusted, and shown where it asks for one.

    On loopback its name need not be this machine's: there the proof of the data directory says more.
    """
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=settings.tls_certificate)
    except OSError as error:
        raise ConfigError(f"tls_certificate: {_fault(error)}") from None
    context.check_hostname = not is_loopback(settings.host)
    if settings.tls_client_ca is not None:
        _load_certificate(context, settings)
    return context


def _load_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    assert settings.tls_certificate is not None
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except OSError as error:  # what is wrong in a file is an SSLError, which is one too
        raise ConfigError(f"tls_certificate or tls_key: {_fault(error)}") from None


def _fault(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not a usable PEM file ({error.reason or type(error).__name__})"
    return f"cannot be read ({error.strerror})"
