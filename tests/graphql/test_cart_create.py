"""Opening a cart: everything at once, or nothing."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.core.ids import Kind, encode
from tests.shopkeeping import ADDRESS, Api, Shopkeeper, new_word, variant_public_id

FULL_ADDRESS = {
    **ADDRESS,
    "company": "Contour Ltd",
    "line2": "Second floor",
    "region": "OR",
    "postalCode": "97201",
    "phone": "+1 503 555 0100",
}
ADDRESS_FIELDS = "fullName company line1 line2 city region postalCode countryCode phone"


async def cart_count(shop: Shop) -> int:
    async with shop.database.read_fresh() as connection:
        return (await connection.execute(text("SELECT count(*) FROM cart"))).scalar_one()


async def test_a_cart_is_created_with_everything(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug", price="18.00")
    attributes = [{"key": "Engraving", "value": "für Ada ❤"}, {"key": "Box", "value": ""}]

    payload = await api.cart_create(
        lines=[{"variantId": variant_public_id(mug.variant_id), "quantity": 3, "attributes": attributes}],
        email=" Ada@Example.COM ",
        note="Leave it at the door.\nThanks!",
        shippingAddress=FULL_ADDRESS,
        billingAddress={**ADDRESS, "fullName": "Accounts"},
        currency="USD",
    )

    cart = payload["cart"]
    line_id = cart["lines"]["nodes"][0].pop("id")
    assert payload["userErrors"] == []
    assert line_id.startswith("line_")
    assert cart == {
        "id": cart["id"],
        "version": 1,
        "state": "ACTIVE",
        "totalQuantity": 3,
        "email": "Ada@example.com",
        "note": "Leave it at the door.\nThanks!",
        "lines": {
            "nodes": [
                {
                    "quantity": 3,
                    "variant": {"sku": mug.sku},
                    "unitPrice": {"amount": "18.00"},
                    "unitPriceWhenAdded": {"amount": "18.00"},
                    "total": {"amount": "54.00"},
                    "attributes": [{"key": "Box", "value": ""}, {"key": "Engraving", "value": "für Ada ❤"}],
                    "problems": [],
                }
            ]
        },
        "cost": {
            "subtotal": {"amount": "54.00"},
            "discount": {"amount": "0.00"},
            "shipping": None,
            "tax": None,
            "total": {"amount": "54.00", "currencyCode": "USD"},
            "isEstimated": True,
        },
        "deliveryOptions": [{"id": "ship_2", "name": "Standard delivery", "price": {"amount": "4.90"}}],
        "selectedDeliveryOption": None,
        "readiness": {"ready": False, "missing": ["DELIVERY_OPTION"]},
        "problems": [],
    }


async def test_what_was_created_can_be_read_again_with_its_addresses_and_times(api: Api) -> None:
    now = datetime.now(UTC)
    billing = {**ADDRESS, "city": "Salem"}
    payload = await api.cart_create(shippingAddress=FULL_ADDRESS, billingAddress=billing)

    answer = await api.data(
        f"""query ($id: ID!) {{ cart(id: $id) {{ currency createdAt updatedAt expiresAt
        shippingAddress {{ {ADDRESS_FIELDS} }} billingAddress {{ {ADDRESS_FIELDS} }}
        activeAttempt {{ id }} order {{ id }} lines {{ nodes {{ id }} pageInfo {{ hasNextPage }} }} }} }}""",
        id=payload["cart"]["id"],
    )

    cart = answer["cart"]
    created = datetime.fromisoformat(cart.pop("createdAt"))
    assert created == datetime.fromisoformat(cart.pop("updatedAt"))
    assert abs(created - now) < timedelta(minutes=5)
    assert datetime.fromisoformat(cart.pop("expiresAt")) == created + timedelta(days=30)
    assert cart == {
        "currency": "USD",
        "shippingAddress": FULL_ADDRESS,
        "billingAddress": {**dict.fromkeys(ADDRESS_FIELDS.split()), **billing},
        "activeAttempt": None,
        "order": None,
        "lines": {"nodes": [], "pageInfo": {"hasNextPage": False}},
    }


async def test_an_empty_cart_costs_nothing_and_needs_nothing_delivered(api: Api) -> None:
    cart = (await api.cart_create())["cart"]

    assert (cart["version"], cart["totalQuantity"], cart["lines"]) == (1, 0, {"nodes": []})
    assert cart["cost"] == {
        "subtotal": {"amount": "0.00"},
        "discount": {"amount": "0.00"},
        "shipping": {"amount": "0.00"},
        "tax": None,
        "total": {"amount": "0.00", "currencyCode": "USD"},
        "isEstimated": False,
    }
    assert cart["deliveryOptions"] == []
    assert cart["readiness"] == {"ready": False, "missing": ["LINES", "EMAIL"]}


async def test_a_quantity_that_is_left_out_is_one(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug")

    cart = (await api.cart_create(lines=[{"variantId": variant_public_id(mug.variant_id)}]))["cart"]

    assert cart["totalQuantity"] == 1


async def test_lines_of_one_variant_and_the_same_attributes_are_one_line(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug")
    variant = variant_public_id(mug.variant_id)
    first, second = {"key": "a", "value": "1"}, {"key": "b", "value": "2"}

    cart = (
        await api.cart_create(
            lines=[
                {"variantId": variant, "quantity": 1, "attributes": [first, second]},
                {"variantId": variant, "quantity": 2},
                {"variantId": variant, "quantity": 3, "attributes": [second, first]},
                {"variantId": variant, "quantity": 4, "attributes": []},
                {"variantId": variant, "quantity": 5, "attributes": [first]},
            ]
        )
    )["cart"]

    assert [(line["quantity"], line["attributes"]) for line in cart["lines"]["nodes"]] == [
        (4, [first, second]),
        (6, []),
        (5, [first]),
    ]


async def test_what_is_not_delivered_needs_no_address(api: Api, keeper: Shopkeeper) -> None:
    download = await keeper.stock("Route pack", price="9.00", requires_shipping=False)

    payload = await api.cart_create(
        lines=[{"variantId": variant_public_id(download.variant_id)}], email="ada@example.com"
    )

    cart = payload["cart"]
    assert cart["readiness"] == {"ready": True, "missing": []}
    assert cart["deliveryOptions"] == []
    assert (cart["cost"]["shipping"], cart["cost"]["isEstimated"]) == ({"amount": "0.00"}, False)


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"currency": "EUR"}, "CURRENCY_MISMATCH", ["currency"]),
        ({"email": ""}, "EMAIL_INVALID", ["email"]),
        ({"email": "ada"}, "EMAIL_INVALID", ["email"]),
        ({"email": "ada@"}, "EMAIL_INVALID", ["email"]),
        ({"email": "ada@example..com"}, "EMAIL_INVALID", ["email"]),
        ({"email": "a da@example.com"}, "EMAIL_INVALID", ["email"]),
        ({"email": "ada@example.com\nbcc: all@example.com"}, "EMAIL_INVALID", ["email"]),
        ({"email": f"{'a' * 300}@example.com"}, "EMAIL_INVALID", ["email"]),
        ({"note": "x" * 5_001}, "INVALID", ["note"]),
        ({"shippingAddress": {**ADDRESS, "fullName": " "}}, "ADDRESS_INVALID", ["shippingAddress", "fullName"]),
        ({"shippingAddress": {**ADDRESS, "line1": ""}}, "ADDRESS_INVALID", ["shippingAddress", "line1"]),
        ({"billingAddress": {**ADDRESS, "city": "x" * 201}}, "ADDRESS_INVALID", ["billingAddress", "city"]),
        ({"shippingAddress": {**ADDRESS, "phone": "1" * 201}}, "ADDRESS_INVALID", ["shippingAddress", "phone"]),
    ],
)
async def test_what_a_shopper_can_mend_is_a_user_error_and_there_is_no_cart(
    api: Api, shop: Shop, values: dict[str, Any], code: str, field: list[str]
) -> None:
    before = await cart_count(shop)

    payload = await api.cart_create(**values)

    assert payload["cart"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [(code, field)]
    assert await cart_count(shop) == before


async def test_every_fault_is_told_at_once(api: Api) -> None:
    payload = await api.cart_create(
        email="ada", note="x" * 5_001, shippingAddress={**ADDRESS, "city": ""}, billingAddress={**ADDRESS, "line1": ""}
    )

    assert [error["field"] for error in payload["userErrors"]] == [
        ["email"],
        ["note"],
        ["shippingAddress", "city"],
        ["billingAddress", "line1"],
    ]


async def test_a_country_the_shop_does_not_deliver_to_is_refused_where_something_has_to_be_delivered(
    api: Api, shop: Shop, keeper: Shopkeeper
) -> None:
    mug = await keeper.stock("Mug")
    download = await keeper.stock("Download", requires_shipping=False)
    far = {**ADDRESS, "countryCode": "AQ"}
    before = await cart_count(shop)

    refused = await api.cart_create(lines=[{"variantId": variant_public_id(mug.variant_id)}], shippingAddress=far)
    without = await api.cart_create(lines=[{"variantId": variant_public_id(download.variant_id)}], shippingAddress=far)

    assert refused["cart"] is None
    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [
        ("ADDRESS_INVALID", ["shippingAddress", "countryCode"])
    ]
    assert without["userErrors"] == []
    assert await cart_count(shop) == before + 1


@pytest.mark.parametrize(
    "values",
    [
        {"currency": "XXZ"},
        {"currency": "usd"},
        {"shippingAddress": {**ADDRESS, "countryCode": "ZZ"}},
        {"shippingAddress": {"fullName": "Ada"}},
        {"lines": [{"quantity": 1}]},
        {"lines": [{"variantId": "var_2", "quantity": 2**31}]},
        {"lines": [{"variantId": "var_2", "quantity": 1.5}]},
        {"lines": [{"variantId": "var_2", "quantity": "1"}]},
        {"lines": [{"variantId": ""}]},
        {"lines": [{"variantId": "prod_2"}]},
        {"lines": [{"variantId": "var_0"}]},
        {"lines": [{"variantId": encode(Kind.VARIANT, 5) + "zzzzzzzzzzzzzzzz"}]},
        {"lines": [{"variantId": "var_2"}] * 101},
        {"lines": [{"variantId": "var_2", "attributes": [{"key": "a"}]}]},
        {"email": 5},
        {"discount": "100%"},
    ],
)
async def test_what_only_a_programmer_can_mend_is_an_error_and_there_is_no_cart(
    api: Api, shop: Shop, values: dict[str, Any]
) -> None:
    before = await cart_count(shop)

    answer = await api("mutation ($i: CartCreateInput!) { cartCreate(input: $i) { cart { id } } }", i=values)

    assert set(answer.codes()) == {"BAD_USER_INPUT"}
    assert (answer.data or {"cartCreate": None}) == {"cartCreate": None}
    assert await cart_count(shop) == before


@pytest.mark.parametrize(
    "written",
    [
        "🥾🏔️ 👩‍👩‍👧‍👦",
        "שלום — مرحبا — \u200fabc\u202e",
        "e\u0301 é ﬁ Ⅷ 𝔘",
        "line\r\nline\ttab",
        "\u2028\u2029\ufeff\u200b",
        "\ufffe\U0010ffff\ue000",
        "<b>&amp;</b> 'quoted' \"double\" \\back\\",
        "x" * 5_000,
        "漢" * 5_000,
        "",
    ],
)
async def test_text_comes_back_as_it_was_written(api: Api, keeper: Shopkeeper, written: str) -> None:
    mug = await keeper.stock("Mug")
    line = {"variantId": variant_public_id(mug.variant_id), "attributes": [{"key": "k", "value": written[:500]}]}

    payload = await api.cart_create(note=written, lines=[line])

    assert payload["userErrors"] == []
    cart = await api.cart(payload["cart"]["id"])
    assert cart["note"] == written
    assert cart["lines"]["nodes"][0]["attributes"] == [{"key": "k", "value": written[:500]}]


@pytest.mark.parametrize("name", ["李 小龍", "ندى", "O’Brien-Ångström", "👑 King", "x" * 200])
async def test_addresses_take_any_name(api: Api, name: str) -> None:
    payload = await api.cart_create(shippingAddress={**ADDRESS, "fullName": f" {name} "})

    cart = await api.data(
        "query ($id: ID!) { cart(id: $id) { shippingAddress { fullName line2 } } }", id=payload["cart"]["id"]
    )
    assert cart == {"cart": {"shippingAddress": {"fullName": name, "line2": None}}}


@pytest.mark.parametrize(
    ("attributes", "is_taken"),
    [
        ([{"key": "k" * 64, "value": "v" * 500}], True),
        ([{"key": "k" * 65, "value": ""}], False),
        ([{"key": "", "value": ""}], False),
        ([{"key": "k", "value": "v" * 501}], False),
        ([{"key": str(number), "value": ""} for number in range(20)], True),
        ([{"key": str(number), "value": ""} for number in range(21)], False),
        ([{"key": "same", "value": "1"}, {"key": "same", "value": "2"}], False),
    ],
)
async def test_attributes_have_bounds(
    api: Api, keeper: Shopkeeper, attributes: list[dict[str, str]], is_taken: bool
) -> None:
    mug = await keeper.stock("Mug")
    line = {"variantId": variant_public_id(mug.variant_id), "attributes": attributes}

    payload = await api.cart_create(lines=[line])

    if is_taken:
        assert len(payload["cart"]["lines"]["nodes"][0]["attributes"]) == len(attributes)
    else:
        assert payload["cart"] is None
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
            ("INVALID", ["lines", "0", "attributes"])
        ]


async def test_there_are_at_most_100_user_errors_whatever_is_wrong(api: Api) -> None:
    empty = [{"key": "", "value": ""}] * 20
    lines = [{"variantId": encode(Kind.VARIANT, 2**31 - 1), "quantity": 0, "attributes": empty}] * 100

    payload = await api.cart_create(lines=lines)

    assert payload["cart"] is None
    assert len(payload["userErrors"]) == 100
    assert all(error["code"] == "QUANTITY_OUT_OF_RANGE" for error in payload["userErrors"])


async def test_a_cart_that_was_never_created_is_null(api: Api) -> None:
    assert await api.cart(encode(Kind.CART, uuid.UUID(int=1))) is None


@pytest.mark.parametrize("text_", ["", "cart_1", "cart_" + "1" * 23, "prod_2", new_word()])
async def test_a_malformed_cart_id_is_an_input_error(api: Api, text_: str) -> None:
    answer = await api("query ($id: ID!) { cart(id: $id) { id } }", id=text_)

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data == {"cart": None}
