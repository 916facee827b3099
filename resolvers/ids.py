"""Ids at the schema's edge: opaque text outside, typed keys inside."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry

from app.core.errors import InvalidInput
from app.core.ids import (
    AddressId,
    AttemptId,
    CartId,
    CartLineId,
    CategoryId,
    Kind,
    OrderId,
    ProductId,
    SessionId,
    VariantId,
    decode,
    encode,
)
from resolvers.backing import KIND_OF


@strawberry.interface(description="Anything that has an id and can be fetched again by it.")
class Node:
    """The Relay interface."""

    @strawberry.field(description="The object's id: opaque, unique in the shop, safe in a URL.")
    def id(record: strawberry.Parent[Any]) -> strawberry.ID:
        """From the record's own key."""
        return public_id(KIND_OF[type(record)], record.id)


def public_id(kind: Kind, key: int | UUID) -> strawberry.ID:
    """The id that clients see."""
    return strawberry.ID(encode(kind, key))


def product_key(text: str) -> ProductId:
    """The product's key. Raises InvalidInput, like all of these, when the id is malformed or of another type."""
    return ProductId(_integer(text, Kind.PRODUCT))


def variant_key(text: str) -> VariantId:
    """The variant's key."""
    return VariantId(_integer(text, Kind.VARIANT))


def category_key(text: str) -> CategoryId:
    """The category's key."""
    return CategoryId(_integer(text, Kind.CATEGORY))


def delivery_option_key(text: str) -> int:
    """The delivery option's key."""
    return _integer(text, Kind.DELIVERY_OPTION)


def cart_key(text: str) -> CartId:
    """The cart's key."""
    return CartId(_uuid(text, Kind.CART))


def cart_line_key(text: str) -> CartLineId:
    """The cart line's key."""
    return CartLineId(_uuid(text, Kind.CART_LINE))


def attempt_key(text: str) -> AttemptId:
    """The checkout attempt's key."""
    return AttemptId(_uuid(text, Kind.ATTEMPT))


def order_id_key(text: str) -> OrderId:
    """The order's key, which opens nothing by itself."""
    return OrderId(_uuid(text, Kind.ORDER))


def session_key(text: str) -> SessionId:
    """The session's key."""
    return SessionId(_uuid(text, Kind.SESSION))


def address_key(text: str) -> AddressId:
    """The key of an entry of an address book."""
    return AddressId(_uuid(text, Kind.ADDRESS))


def _integer(text: str, kind: Kind) -> int:
    key = _key(text, kind)
    assert isinstance(key, int)
    return key


def _uuid(text: str, kind: Kind) -> UUID:
    key = _key(text, kind)
    assert isinstance(key, UUID)
    return key


def _key(text: str, kind: Kind) -> int | UUID:
    found, key = decode(text)
    if found is not kind:
        raise InvalidInput(f"This is the id of {_spoken(found)}, not of {_spoken(kind)}.")
    return key


def _spoken(kind: Kind) -> str:
    name = kind.name.lower().replace("_", " ")
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
