"""Identities: typed keys inside, opaque typed ids outside.

Inside, a key is an integer (catalogue) or a random UUID (whatever a stranger must not guess: carts, orders,
attempts). Outside, `encode` turns it into `prod_7`-like text: a prefix that names the type, then the key in base 58.
One key has exactly one text, so ids compare as strings. See ADR-0007.
"""

from __future__ import annotations

import secrets
import uuid
from enum import Enum
from typing import NewType, Protocol
from uuid import UUID

from app.core.errors import InvalidInput

ProductId = NewType("ProductId", int)
VariantId = NewType("VariantId", int)
CategoryId = NewType("CategoryId", int)
PromotionId = NewType("PromotionId", int)
CartId = NewType("CartId", UUID)
CartLineId = NewType("CartLineId", UUID)
OrderId = NewType("OrderId", UUID)
OrderLineId = NewType("OrderLineId", UUID)
AttemptId = NewType("AttemptId", UUID)
RefundId = NewType("RefundId", UUID)
CustomerId = NewType("CustomerId", UUID)
SessionId = NewType("SessionId", UUID)
AddressId = NewType("AddressId", UUID)

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"  # base 58: no 0, O, I or l to misread
_DIGITS = {character: value for value, character in enumerate(_ALPHABET)}
_UUID_LENGTH = 22  # base-58 digits of 128 bits
_MAX_INTEGER = 2**31 - 1  # the catalogue's keys are PostgreSQL integers


class Kind(Enum):
    """The types that have ids, by the prefix of their text."""

    PRODUCT = "prod"
    VARIANT = "var"
    CATEGORY = "cat"
    CART = "cart"
    CART_LINE = "line"
    ORDER = "order"
    ORDER_LINE = "oline"
    ATTEMPT = "attempt"
    PAYMENT = "pay"
    DELIVERY_OPTION = "ship"
    CUSTOMER = "cust"
    SESSION = "sess"
    ADDRESS = "addr"


INTEGER_KINDS = frozenset({Kind.PRODUCT, Kind.VARIANT, Kind.CATEGORY, Kind.DELIVERY_OPTION})
_KIND_OF_PREFIX = {kind.value: kind for kind in Kind}


class IdSource(Protocol):
    """Where new identities come from."""

    def new_uuid(self) -> UUID:
        """A UUID that nobody can guess."""
        ...


class RandomIds:
    """122 random bits from the operating system."""

    def new_uuid(self) -> UUID:
        """A UUID that nobody can guess."""
        return uuid.uuid4()


class SecretSource(Protocol):
    """Where new secrets come from."""

    def new_secret(self, size_bytes: int) -> bytes:
        """So many bytes that nobody can guess."""
        ...


class RandomSecrets:
    """The operating system's random bytes."""

    def new_secret(self, size_bytes: int) -> bytes:
        """So many bytes that nobody can guess."""
        return secrets.token_bytes(size_bytes)


def encode(kind: Kind, key: int | UUID) -> str:
    """The public text of a key: the type's prefix, `_`, the key in base 58."""
    if isinstance(key, UUID):
        return f"{kind.value}_{_to_base58(key.int).rjust(_UUID_LENGTH, _ALPHABET[0])}"
    return f"{kind.value}_{_to_base58(key)}"


def decode(text: str) -> tuple[Kind, int | UUID]:
    """The type and key that a public id names.

    Raises InvalidInput when the text is not one that `encode` gives.
    """
    prefix, separator, digits = text.partition("_")
    kind = _KIND_OF_PREFIX.get(prefix)
    if not separator or kind is None or not 0 < len(digits) <= _UUID_LENGTH:
        raise InvalidInput("This is not an id of this shop.")
    try:
        number = _from_base58(digits)
    except KeyError:
        raise InvalidInput("This is not an id of this shop.") from None
    if kind in INTEGER_KINDS:
        key: int | UUID = number
        fits = number <= _MAX_INTEGER
    else:
        fits = number < 2**128
        key = UUID(int=number) if fits else 0
    if not fits or encode(kind, key) != text:
        raise InvalidInput("This is not an id of this shop.")
    return kind, key


def _to_base58(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
        if not number:
            return digits


def _from_base58(digits: str) -> int:
    number = 0
    for character in digits:
        number = number * 58 + _DIGITS[character]
    return number
