from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from app.core.errors import ErrorCode, InvalidInput
from app.core.ids import Kind, encode
from resolvers.ids import (
    attempt_key,
    cart_key,
    cart_line_key,
    category_key,
    delivery_option_key,
    product_key,
    public_id,
    variant_key,
)

ONE = UUID(int=1)
READERS: dict[Kind, Callable[[str], int | UUID]] = {
    Kind.PRODUCT: product_key,
    Kind.VARIANT: variant_key,
    Kind.CATEGORY: category_key,
    Kind.DELIVERY_OPTION: delivery_option_key,
    Kind.CART: cart_key,
    Kind.CART_LINE: cart_line_key,
    Kind.ATTEMPT: attempt_key,
}
INTEGERS = (Kind.PRODUCT, Kind.VARIANT, Kind.CATEGORY, Kind.DELIVERY_OPTION)


def key_of(kind: Kind) -> int | UUID:
    return 7 if kind in INTEGERS else ONE


@pytest.mark.parametrize("kind", READERS)
def test_a_public_id_names_its_key(kind: Kind) -> None:
    assert READERS[kind](public_id(kind, key_of(kind))) == key_of(kind)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("other", Kind)
def test_an_id_of_another_type_is_refused_by_name(kind: Kind, other: Kind) -> None:
    text = encode(other, key_of(other))
    if other is kind:
        assert READERS[kind](text) == key_of(kind)
        return

    with pytest.raises(InvalidInput) as refusal:
        READERS[kind](text)

    names = {Kind.ORDER: "an order", Kind.ATTEMPT: "an attempt", Kind.ORDER_LINE: "an order line"}
    names[Kind.ADDRESS] = "an address"
    found, wanted = (names.get(each, f"a {each.name.lower().replace('_', ' ')}") for each in (other, kind))
    assert refusal.value.message == f"This is the id of {found}, not of {wanted}."
    assert refusal.value.code is ErrorCode.INVALID


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("text", ["", "7", "prod", "prod_0", "cart_2", "gid://shop/Product/7", "prod_zzzzzzzzzz"])
def test_what_is_no_id_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(InvalidInput, match="This is not an id of this shop"):
        READERS[kind](text)
