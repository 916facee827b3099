from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.errors import ErrorCode, InvalidInput
from app.core.ids import Kind, RandomIds, decode, encode

INTEGER_KINDS = [Kind.PRODUCT, Kind.VARIANT, Kind.CATEGORY, Kind.DELIVERY_OPTION]
UUID_KINDS = [kind for kind in Kind if kind not in INTEGER_KINDS]
BASE_58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ONE = UUID(int=1)


@given(st.sampled_from(INTEGER_KINDS), st.integers(0, 2**31 - 1))
def test_an_integer_key_survives_text_and_back(kind: Kind, key: int) -> None:
    assert decode(encode(kind, key)) == (kind, key)


@given(st.sampled_from(UUID_KINDS), st.uuids())
@example(Kind.CART, UUID(int=0))
@example(Kind.CART, UUID(int=2**128 - 1))
def test_a_uuid_key_survives_text_and_back(kind: Kind, key: UUID) -> None:
    assert decode(encode(kind, key)) == (kind, key)


def test_ids_look_as_they_always_have() -> None:
    assert encode(Kind.PRODUCT, 0) == "prod_1"
    assert encode(Kind.PRODUCT, 57) == "prod_z"
    assert encode(Kind.VARIANT, 58) == "var_21"
    assert encode(Kind.CART, ONE) == "cart_" + "1" * 21 + "2"


def test_every_kind_has_a_prefix_of_its_own() -> None:
    assert len({kind.value for kind in Kind}) == len(Kind) == 13
    assert all("_" not in kind.value for kind in Kind)


@settings(max_examples=300)
@given(st.sampled_from(list(Kind)), st.text(BASE_58, max_size=24))
def test_no_two_texts_name_the_same_key(kind: Kind, digits: str) -> None:
    text = f"{kind.value}_{digits}"
    try:
        found, key = decode(text)
    except InvalidInput:
        return

    assert (found, encode(found, key)) == (kind, text)


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_is_refused(text: str) -> None:
    try:
        kind, key = decode(text)
    except InvalidInput:
        return

    assert encode(kind, key) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "_",
        "prod",
        "prod_",
        "prod_0",  # not a digit of base 58
        "prod_O",
        "prod_l",
        "prod_12",  # 2 has a shorter text
        "prod_" + encode(Kind.PRODUCT, 2**31).partition("_")[2],  # more than the database's integers
        "prod_" + encode(Kind.CART, ONE).partition("_")[2],  # a UUID's length
        "cart_2",  # a UUID that was cut
        "cart_" + "1" * 22 + "2",  # and one that is too long
        "cart_" + "z" * 22,  # more than 128 bits
        pytest.param("cart_" + "z" * 5_000, id="5000 digits"),
        "order-" + "1" * 22,
        "PROD_2",
        "product_2",
        " prod_2",
        "prod_2 ",
        "prod_2\n",
        "prod_２",  # a full-width digit
        "7",
    ],
)
def test_what_encode_never_gives_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not an id of this shop") as refusal:
        decode(text)

    assert (refusal.value.code, refusal.value.field) == (ErrorCode.INVALID, ())


def test_random_ids_are_random_uuids() -> None:
    ids = [RandomIds().new_uuid() for _ in range(100)]

    assert len(set(ids)) == 100
    assert {each.version for each in ids} == {4}
