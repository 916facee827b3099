"""Customers, and the ports that keep and recognise them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core.ids import CustomerId


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with an account. email: case folded."""

    id: CustomerId
    email: str
    name: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """A customer together with the hash of their password."""

    customer: Customer
    password_hash: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Proof of a sign-in. token: a JWT for the `Authorization: Bearer` header, until expires_at."""

    customer: Customer
    token: str
    expires_at: datetime


class AccountStore(Protocol):
    """Customers on one connection to the primary."""

    async def find_by_email(self, email: str) -> StoredPassword | None:
        """The customer with this address, case folded."""
        ...

    async def find(self, customer_id: CustomerId) -> Customer | None:
        """The customer with this id."""
        ...

    async def insert(self, customer: Customer, password_hash: str) -> bool:
        """Store a new customer; False when the address is taken."""
        ...


class Passwords(Protocol):
    """Hashes passwords, slowly on purpose and off the event loop."""

    async def hash(self, password: str) -> str:
        """A hash to store."""
        ...

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the hashed one; as slow for None, the hash of nobody."""
        ...


class AccessTokens(Protocol):
    """Signs and checks access tokens."""

    def issue(self, customer_id: CustomerId) -> tuple[str, datetime]:
        """A token for this customer, and when it ends."""
        ...

    def verify(self, token: str) -> CustomerId:
        """Whose token it is. Raises Unauthenticated, always with the same message."""
        ...
