"""Secrets that are kept: sealed with a key of the shop's secret, so that a copy of the database alone opens none.

AES-256-GCM with a random nonce. What a sealed text is for is part of it, so one cannot be put in another's place.
Source: NIST SP 800-38D.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import ShopError
from app.core.ids import SecretSource

_NONCE_BYTES = 12


class CannotUnseal(ShopError):
    """What is kept was sealed with another secret, or has been changed."""


class Sealer:
    """Seals and opens with one key."""

    def __init__(self, secret: bytes, secrets: SecretSource) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"cartograph.sealed.1" + secret).digest())
        self._secrets = secrets

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """The plain text, sealed."""
        nonce = self._secrets.new_secret(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The plain text. Raises CannotUnseal."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError):
            raise CannotUnseal(
                "what is kept was sealed with another CARTOGRAPH_SECRET_KEY: set that one again,"
                " or make new keys with `cartograph keys rotate --now`"
            ) from None
