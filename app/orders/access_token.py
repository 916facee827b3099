"""Tokens that open one order to whoever holds them, for a while: how a guest reads an order back.

token = base64url(order id ‖ expiry ‖ HMAC-SHA256 over both, cut to 16 bytes). Nothing is stored; a new signing key
ends all tokens. Anyone may guess ids, nobody can make a token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.core.clock import Clock
from app.core.ids import OrderId

LIFETIME = timedelta(days=90)  # past the usual times for returns
_ID, _EXPIRY, _MAC = 16, 8, 16  # bytes of each part
_PURPOSE = b"cartograph.order-access.1"  # so that no other signature of this key is ever one of these


@dataclass(frozen=True, slots=True)
class OrderAccessTokens:
    """Signs and checks order access tokens."""

    secret: bytes
    clock: Clock

    def issue(self, order_id: OrderId) -> str:
        """A token that opens this order for LIFETIME from now."""
        expiry = int((self.clock.now() + LIFETIME).timestamp())
        body = order_id.bytes + expiry.to_bytes(_EXPIRY, "big")
        return base64.urlsafe_b64encode(body + self._sign(body)).decode().rstrip("=")

    def verify(self, token: str) -> OrderId | None:
        """The order that the token opens, None where it is malformed, forged or expired."""
        if len(token) > 2 * (_ID + _EXPIRY + _MAC) or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        body, signature = raw[: _ID + _EXPIRY], raw[_ID + _EXPIRY :]
        if len(raw) != _ID + _EXPIRY + _MAC or not hmac.compare_digest(signature, self._sign(body)):
            return None
        expiry = datetime.fromtimestamp(int.from_bytes(body[_ID:], "big"), UTC)
        return OrderId(UUID(bytes=body[:_ID])) if self.clock.now() < expiry else None

    def _sign(self, body: bytes) -> bytes:
        return hmac.new(self.secret, _PURPOSE + body, hashlib.sha256).digest()[:_MAC]
