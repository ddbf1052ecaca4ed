"""Ed25519 signatures over the exact bytes of a policy, kept beside it: `policy.toml` and `policy.toml.sig`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING

from collector.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC = "ed25519:"
PRIVATE = "ed25519-private:"


def new_key(seed: bytes) -> tuple[str, str]:
    """The private and the public key that 32 random bytes make."""
    private = _private(seed)
    return (
        PRIVATE + base64.b64encode(seed).decode(),
        PUBLIC + base64.b64encode(private.public_key().public_bytes_raw()).decode(),
    )


def sign(data: bytes, private: str) -> str:
    """The signature of `data`, as it stands in a `.sig` file; raises `ConfigError` for what is no key."""
    seed = _decode(private.strip(), PRIVATE, "the private key")
    return base64.b64encode(_private(seed).sign(data)).decode() + "\n"


def check_public_key(key: str) -> None:
    """Raise `ConfigError` unless `key` is a public key."""
    _public(key)


def is_signed(data: bytes, signature: bytes, keys: Sequence[str]) -> bool:
    """Whether one of `keys` signed exactly `data`."""
    from cryptography.exceptions import InvalidSignature

    try:
        raw = base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    for key in keys:
        try:
            _public(key).verify(raw, data)
        except InvalidSignature:
            continue
        return True
    return False


def _private(seed: bytes) -> Ed25519PrivateKey:
    """The library takes 7 MB, and most machines have no signed policy."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


def _public(key: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(_decode(key.strip(), PUBLIC, "public_keys"))


def _decode(text: str, prefix: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.startswith(prefix) or len(raw) != 32:
        raise ConfigError(f"{what}: expected {prefix} and 32 bytes in base64; `collector policy keygen` makes a pair")
    return raw
