"""Customers' data as JSON: what an account service says of it, and what a customer is given of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.accounts.address_book import AddressChange, SavedAddress
from app.core.contact import Address
from app.core.ids import AddressId, Kind, decode, encode


class AddressBody(msgspec.Struct, rename="camel", omit_defaults=True):
    """An address."""

    full_name: str
    line1: str
    city: str
    country_code: str
    company: str | None = None
    line2: str | None = None
    region: str | None = None
    postal_code: str | None = None
    phone: str | None = None

    def record(self) -> Address:
        """The record, not yet checked."""
        return Address(**msgspec.structs.asdict(self))


def address_body(address: Address) -> dict[str, Any]:
    """An address; what it has not is left out."""
    body: dict[str, Any] = msgspec.to_builtins(AddressBody(**msgspec.to_builtins(address)))
    return body


def saved_body(saved: SavedAddress) -> dict[str, Any]:
    """An entry of an address book."""
    return {
        "id": encode(Kind.ADDRESS, saved.id),
        "address": address_body(saved.address),
        "isDefaultShipping": saved.is_default_shipping,
        "isDefaultBilling": saved.is_default_billing,
        "createdAt": saved.created_at,
    }


def saved_of(body: Mapping[str, Any]) -> SavedAddress:
    """The entry that `saved_body` told of."""
    key = decode(body["id"])[1]
    assert isinstance(key, UUID)
    address = msgspec.convert(body["address"], AddressBody).record()
    created_at = datetime.fromisoformat(body["createdAt"])
    return SavedAddress(AddressId(key), address, body["isDefaultShipping"], body["isDefaultBilling"], created_at)


def change_body(change: AddressChange) -> dict[str, Any]:
    """What an entry is to become."""
    return {
        "address": None if change.address is None else address_body(change.address),
        "isDefaultShipping": change.is_default_shipping,
        "isDefaultBilling": change.is_default_billing,
    }
