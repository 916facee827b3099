"""The second factor of staff: one-time codes by time. Source: RFC 6238; RFC 4226, 7.3 and 7.4."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

from pyotp import TOTP

from app.accounts.sealing import Sealer
from app.core.ids import SecretSource

STEP_SECONDS = 30
DRIFT_STEPS = 1  # before and after: clocks differ, and people type slowly
_SECRET_BYTES = 20  # as long as SHA-1's result, RFC 4226, 4
_PURPOSE = "totp"


class TotpCodes:
    """`SecondFactor` by TOTP."""

    def __init__(self, sealer: Sealer, secrets: SecretSource, *, issuer: str) -> None:
        self._sealer = sealer
        self._secrets = secrets
        self._issuer = issuer

    def new_secret(self) -> bytes:
        """A secret, sealed."""
        return self._sealer.seal(base64.b32encode(self._secrets.new_secret(_SECRET_BYTES)), _PURPOSE)

    def address(self, sealed: bytes, email: str) -> str:
        """What an authenticator application reads, as the text of a QR code."""
        return str(self._codes(sealed).provisioning_uri(name=email, issuer_name=self._issuer))

    def step_of(self, sealed: bytes, code: str, *, now: datetime) -> int | None:
        """The time step whose code this is, None where it is none of about now. Takes the same time for any code."""
        codes, current = self._codes(sealed), int(now.timestamp()) // STEP_SECONDS
        found = None
        for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
            if hmac.compare_digest(codes.generate_otp(step).encode(), code.encode(errors="replace")):
                found = step
        return found

    def _codes(self, sealed: bytes) -> TOTP:
        return TOTP(self._sealer.open(sealed, _PURPOSE).decode(), interval=STEP_SECONDS)
