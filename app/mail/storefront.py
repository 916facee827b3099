"""Where the links of e-mails lead: the pages that a storefront has to have, by their paths.

A token in a link opens what it is for to whoever has the link: storefronts should not load anything from other hosts on
these pages, and say `Referrer-Policy: no-referrer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Storefront:
    """The storefront's pages. url: its address, without a slash at the end."""

    url: str

    def order(self, token: str) -> str:
        """One order, opened by its access token: `order(by: {accessToken})`."""
        return f"{self.url}/order?token={quote(token)}"

    def email_verification(self, token: str) -> str:
        """Hands the token in to have the address verified."""
        return f"{self.url}/verify-email?token={quote(token)}"

    def password_reset(self, token: str) -> str:
        """Asks for a new password, and hands it in with the token."""
        return f"{self.url}/reset-password?token={quote(token)}"

    def payment(self, attempt: str) -> str:
        """Goes on with a payment attempt, by its public id: `checkoutAttempt(id)`."""
        return f"{self.url}/payment?attempt={quote(attempt)}"

    @property
    def cart(self) -> str:
        """The cart of this browser."""
        return f"{self.url}/cart"

    @property
    def sign_in(self) -> str:
        """Asks for e-mail and password."""
        return f"{self.url}/sign-in"

    @property
    def forgot_password(self) -> str:
        """Asks for an e-mail address, and has a link to choose a new password sent there."""
        return f"{self.url}/forgot-password"
