"""Sign in: an e-mail address and a password for an access token.

Known and unknown addresses get the same answer after the same work, so nobody can ask who is a customer.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from app.accounts.domain import AccessTokens, AccountStore, Customer, Passwords, SignedIn
from app.core.clock import Clock
from app.core.errors import ErrorCode, Unauthenticated
from app.core.ids import CustomerId, IdSource

MAX_PASSWORD_LENGTH = 1_024  # characters: a longer one only costs time


class AccountTransaction(Protocol):
    """What accounts need of a transaction."""

    @property
    def accounts(self) -> AccountStore:
        """Customers."""
        ...


class AccountTransactions(Protocol):
    """Opens transactions for accounts."""

    def begin(self) -> AbstractAsyncContextManager[AccountTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...

    def read(self) -> AbstractAsyncContextManager[AccountTransaction]:
        """Reads from the primary."""
        ...


@dataclass(frozen=True, slots=True)
class SignIn:
    """Exchange credentials for a token."""

    transactions: AccountTransactions
    passwords: Passwords
    tokens: AccessTokens

    async def __call__(self, email: str, password: str) -> SignedIn:
        """A token for the customer. Raises Unauthenticated (CREDENTIALS_INVALID)."""
        async with self.transactions.read() as tx:
            stored = await tx.accounts.find_by_email(email.strip().casefold())
        fits = len(password) <= MAX_PASSWORD_LENGTH
        known_hash = stored.password_hash if stored and fits else None
        matches = await self.passwords.matches(known_hash, password if fits else "")
        if stored is None or not matches:
            message = "The e-mail address or the password is wrong."
            raise Unauthenticated(message, code=ErrorCode.CREDENTIALS_INVALID)
        token, expires_at = self.tokens.issue(stored.customer.id)
        return SignedIn(stored.customer, token, expires_at)


@dataclass(frozen=True, slots=True)
class FindCustomer:
    """Find the customer that a verified token names."""

    transactions: AccountTransactions

    async def __call__(self, customer_id: CustomerId) -> Customer | None:
        """The customer, None where the account is gone."""
        async with self.transactions.read() as tx:
            return await tx.accounts.find(customer_id)


@dataclass(frozen=True, slots=True)
class AddCustomer:
    """Store a customer, as the demo shop's seed does."""

    transactions: AccountTransactions
    passwords: Passwords
    clock: Clock
    ids: IdSource

    async def __call__(self, email: str, password: str, name: str) -> bool:
        """Store the customer; False when the address is taken, and then nothing has changed."""
        password_hash = await self.passwords.hash(password)
        customer_id = CustomerId(self.ids.new_uuid())
        async with self.transactions.begin() as tx:
            customer = Customer(customer_id, email.strip().casefold(), name, self.clock.now())
            return await tx.accounts.insert(customer, password_hash)
