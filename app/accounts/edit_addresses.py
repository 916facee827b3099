"""Read and change a customer's address book: load it under the customer's lock, apply a rule, store what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from app.accounts.address_book import AddressChange, Book, SavedAddress, entry_of, with_change, with_new, without
from app.accounts.domain import Identity
from app.accounts.ports import AccountTransactions
from app.core.clock import Clock
from app.core.errors import Unauthenticated
from app.core.ids import AddressId, IdSource
from app.idempotency.domain import Effect, KeyedCall


@dataclass(frozen=True, slots=True)
class ListAddresses:
    """The caller's address book."""

    transactions: AccountTransactions

    async def __call__(self, identity: Identity) -> Book:
        """At most MAX_SAVED addresses, oldest first."""
        async with self.transactions.read() as tx:
            return await tx.addresses.list(identity.customer_id)


@dataclass(frozen=True, slots=True)
class _Desk:
    transactions: AccountTransactions
    clock: Clock

    async def edit(
        self,
        identity: Identity,
        keyed: KeyedCall | None,
        edit: Callable[[Book], Book],
        *,
        subject: UUID | None = None,
    ) -> tuple[Book, Effect | None]:
        """The book after an edit, and what the same call did before, where it did. Raises what the edit raises."""
        async with self.transactions.begin() as tx:
            earlier = None
            if keyed is not None:
                earlier = await tx.keys.claim(keyed, now=self.clock.now(), subject=subject)
            book = await tx.addresses.lock(identity.customer_id)
            if book is None:
                raise Unauthenticated("The account is gone.")
            if earlier is not None:
                return book, earlier
            after = edit(book)
            await tx.addresses.replace(identity.customer_id, book, after)
        return after, None


@dataclass(frozen=True, slots=True)
class CreateAddress(_Desk):
    """Add an address to the caller's book."""

    ids: IdSource

    async def __call__(
        self, identity: Identity, change: AddressChange, *, keyed: KeyedCall | None = None
    ) -> SavedAddress:
        """The new entry. Raises InvalidInput (ADDRESS_INVALID), also where the book is full; Rejected for several."""
        key, now = AddressId(self.ids.new_uuid()), self.clock.now()
        book, earlier = await self.edit(identity, keyed, lambda it: with_new(it, key, change, now=now), subject=key)
        return entry_of(book, key if earlier is None else AddressId(earlier.subject or key))


@dataclass(frozen=True, slots=True)
class UpdateAddress(_Desk):
    """Change an address of the caller's book."""

    async def __call__(
        self, identity: Identity, key: AddressId, change: AddressChange, *, keyed: KeyedCall | None = None
    ) -> SavedAddress:
        """The changed entry. Raises NotFound, InvalidInput, Rejected."""
        book, _ = await self.edit(identity, keyed, lambda it: with_change(it, key, change))
        return entry_of(book, key)


@dataclass(frozen=True, slots=True)
class DeleteAddress(_Desk):
    """Take an address out of the caller's book."""

    async def __call__(self, identity: Identity, key: AddressId, *, keyed: KeyedCall | None = None) -> None:
        """Delete it. Raises NotFound."""
        await self.edit(identity, keyed, lambda it: without(it, key))
