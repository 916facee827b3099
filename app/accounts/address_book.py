"""A customer's address book: at most so many addresses, exactly one of them the default of each kind.

The rules are pure and work on the whole book; use cases load it under the customer's lock, and store what differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from app.core.contact import Address, checked_address
from app.core.errors import InvalidInput, NotFound
from app.core.ids import AddressId, CustomerId

MAX_SAVED = 50


@dataclass(frozen=True, slots=True)
class SavedAddress:
    """One entry of a book."""

    id: AddressId
    address: Address
    is_default_shipping: bool
    is_default_billing: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AddressChange:
    """What an entry is to become. address: None to keep it; a default: True to make it one, None to leave it."""

    address: Address | None = None
    is_default_shipping: bool | None = None
    is_default_billing: bool | None = None


Book = tuple[SavedAddress, ...]


class AddressStore(Protocol):
    """Address books on one connection to the primary."""

    async def list(self, of: CustomerId) -> Book:
        """The customer's addresses, oldest first."""
        ...

    async def lock(self, of: CustomerId) -> Book | None:
        """The book; None where the customer is gone. Concurrency: nobody else changes it until the transaction ends."""
        ...

    async def replace(self, of: CustomerId, before: Book, after: Book) -> None:
        """Store what differs. The caller holds the lock."""
        ...


def with_new(book: Book, address_id: AddressId, change: AddressChange, *, now: datetime) -> Book:
    """The book with one more entry; the first is the default of both kinds. Raises InvalidInput."""
    if len(book) >= MAX_SAVED:
        raise InvalidInput(f"An address book has room for {MAX_SAVED} addresses: delete one first.")
    assert change.address is not None, "a new entry has an address"
    address = checked_address(change.address, field=("address",))
    is_first = not book
    entry = SavedAddress(address_id, address, is_first, is_first, now)
    return _with_defaults((*book, entry), address_id, replace(change, address=None)) if not is_first else (entry,)


def with_change(book: Book, address_id: AddressId, change: AddressChange) -> Book:
    """The book with a changed entry. Raises NotFound, InvalidInput."""
    entry = entry_of(book, address_id)
    if change.address is not None:
        entry = replace(entry, address=checked_address(change.address, field=("address",)))
    for name, wanted, is_default in (
        ("isDefaultShipping", change.is_default_shipping, entry.is_default_shipping),
        ("isDefaultBilling", change.is_default_billing, entry.is_default_billing),
    ):
        if wanted is False and is_default:
            message = "A book has one default: make another address the default instead."
            raise InvalidInput(message, field=(name,))
    return _with_defaults(tuple(entry if each.id == address_id else each for each in book), address_id, change)


def without(book: Book, address_id: AddressId) -> Book:
    """The book without an entry; of what is left the newest takes its place as a default. Raises NotFound."""
    gone = entry_of(book, address_id)
    left = tuple(each for each in book if each.id != address_id)
    if not left:
        return left
    change = AddressChange(None, gone.is_default_shipping or None, gone.is_default_billing or None)
    return _with_defaults(left, left[-1].id, change)


def entry_of(book: Sequence[SavedAddress], address_id: AddressId) -> SavedAddress:
    """The entry with this id. Raises NotFound."""
    for each in book:
        if each.id == address_id:
            return each
    raise NotFound("You have no such address.", field=("id",))


def _with_defaults(book: Book, address_id: AddressId, change: AddressChange) -> Book:
    """The book where this entry, and no other, is the default of the kinds that the change says."""
    return tuple(
        replace(
            each,
            is_default_shipping=each.id == address_id if change.is_default_shipping else each.is_default_shipping,
            is_default_billing=each.id == address_id if change.is_default_billing else each.is_default_billing,
        )
        for each in book
    )
