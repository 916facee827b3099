"""New ids in Stripe's form: a prefix that names the kind, then letters and digits that nobody can guess."""

from __future__ import annotations

import secrets
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_CHARACTERS = 24
_SECRET_CHARACTERS = 25  # as in Stripe's client secrets
_WEBHOOK_SECRET_CHARACTERS = 32


class Identifiers:
    """Where ids and secrets come from.

    choose: one character of an alphabet; the operating system's randomness unless a test passes its own.
    """

    def __init__(self, choose: Callable[[str], str] = secrets.choice) -> None:
        self._choose = choose

    def new(self, prefix: str) -> str:
        """An id such as `pi_3fJ…`."""
        return f"{prefix}_{self._characters(_ID_CHARACTERS)}"

    def client_secret(self, payment_intent_id: str) -> str:
        """The secret with which a browser may finish this PaymentIntent."""
        return f"{payment_intent_id}_secret_{self._characters(_SECRET_CHARACTERS)}"

    def webhook_secret(self) -> str:
        """The key that signs the events of one webhook endpoint."""
        return f"whsec_{self._characters(_WEBHOOK_SECRET_CHARACTERS)}"

    def _characters(self, count: int) -> str:
        return "".join(self._choose(_ALPHABET) for _ in range(count))
