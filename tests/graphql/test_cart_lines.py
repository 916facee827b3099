"""Lines of a cart: added, changed, removed; all of a request, or nothing of it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app.core.ids import Kind, encode
from app.core.stock import StockPolicy
from tests.shopkeeping import Api, Shopkeeper, Stocked, variant_public_id

NO_VARIANT = encode(Kind.VARIANT, 2**31 - 1)
NO_LINE = encode(Kind.CART_LINE, uuid.UUID(int=1))


def line(stocked: Stocked, quantity: int = 1, place: int = 0, **more: Any) -> dict[str, Any]:
    return {"variantId": variant_public_id(stocked.variant_ids[place]), "quantity": quantity, **more}


def quantities(cart: dict[str, Any]) -> list[int]:
    return [each["quantity"] for each in cart["lines"]["nodes"]]


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=10, price="18.00")


@pytest.fixture
async def cart(api: Api, mug: Stocked) -> dict[str, Any]:
    """A cart with two mugs."""
    return (await api.cart_create(lines=[line(mug, 2)]))["cart"]


async def refused(api: Api, name: str, cart: dict[str, Any], **values: Any) -> list[tuple[str, list[str] | None]]:
    """The code and field of every user error; the cart is as it was."""
    payload = await api.cart_mutation(name, cartId=cart["id"], **values)
    assert payload["cart"] is None
    assert await api.cart(cart["id"]) == cart
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


# ------------------------------------------------------------------------------------------------ adding


async def test_units_are_added_to_the_line_that_is_there_and_other_variants_get_their_own(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    cup = await keeper.stock("Cup", price="26.50")

    payload = await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=[line(mug, 3), line(cup, 2)])

    changed = payload["cart"]
    assert payload["userErrors"] == []
    assert (changed["version"], changed["totalQuantity"]) == (2, 7)
    assert [
        (each["variant"]["sku"], each["quantity"], each["total"]["amount"]) for each in changed["lines"]["nodes"]
    ] == [
        (mug.sku, 5, "90.00"),
        (cup.sku, 2, "53.00"),
    ]
    assert changed["lines"]["nodes"][0]["id"] == cart["lines"]["nodes"][0]["id"]
    assert changed["cost"]["subtotal"] == {"amount": "143.00"}
    assert await api.cart(cart["id"]) == changed


async def test_a_cart_holds_nothing_of_the_stock(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=[line(mug, 8)])

    assert await keeper.level(mug.variant_id) == (10, 0)


@pytest.mark.parametrize("quantity", [0, -1, 1_000, 2**31 - 1, -(2**31)])
async def test_a_quantity_to_add_is_1_to_999(api: Api, mug: Stocked, cart: dict[str, Any], quantity: int) -> None:
    faults = await refused(api, "cartLinesAdd", cart, lines=[line(mug), line(mug, quantity)])

    assert ("QUANTITY_OUT_OF_RANGE", ["lines", "1", "quantity"]) in faults
    assert {code for code, _ in faults} <= {"QUANTITY_OUT_OF_RANGE", "INSUFFICIENT_STOCK"}


async def test_lines_that_add_up_beyond_999_are_refused(api: Api, keeper: Shopkeeper, cart: dict[str, Any]) -> None:
    pins = await keeper.stock("Pins", policy=StockPolicy.UNTRACKED)

    assert await refused(api, "cartLinesAdd", cart, lines=[line(pins, 500), line(pins, 500)]) == [
        ("QUANTITY_OUT_OF_RANGE", ["lines", "1", "quantity"])
    ]


async def test_an_unknown_variant_keeps_all_others_out(api: Api, mug: Stocked, cart: dict[str, Any]) -> None:
    faults = await refused(api, "cartLinesAdd", cart, lines=[line(mug), {"variantId": NO_VARIANT}, line(mug)])

    assert faults == [("VARIANT_UNAVAILABLE", ["lines", "1", "variantId"])]


async def test_more_than_there_is_is_refused_with_the_numbers(api: Api, mug: Stocked, cart: dict[str, Any]) -> None:
    payload = await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=[line(mug, 9)])

    assert payload["cart"] is None
    assert payload["userErrors"] == [
        {
            "__typename": "InsufficientStockError",
            "code": "INSUFFICIENT_STOCK",
            "message": "Only 10 of the 11 units asked for are available.",
            "field": ["lines", "0", "quantity"],
            "retryable": False,
            "requested": 11,
            "available": 10,
            "applied": 0,
            "lineId": cart["lines"]["nodes"][0]["id"],
            "variant": {"sku": mug.sku},
        }
    ]
    assert await api.cart(cart["id"]) == cart


async def test_two_lines_of_one_variant_share_its_stock(api: Api, mug: Stocked, cart: dict[str, Any]) -> None:
    engraved = [{"key": "Engraving", "value": "Ada"}]

    faults = await refused(api, "cartLinesAdd", cart, lines=[line(mug, 5), line(mug, 4, attributes=engraved)])
    payload = await api.cart_mutation(
        "cartLinesAdd", cartId=cart["id"], lines=[line(mug, 4), line(mug, 4, attributes=engraved)]
    )

    assert faults == [("INSUFFICIENT_STOCK", ["lines", "0", "quantity"])]
    assert quantities(payload["cart"]) == [6, 4]


async def test_what_is_sold_out_cannot_be_added_but_a_back_order_can(
    api: Api, keeper: Shopkeeper, cart: dict[str, Any]
) -> None:
    gone = await keeper.stock("Gone", on_hand=0)
    later = await keeper.stock("Later", on_hand=0, policy=StockPolicy.BACKORDER)
    uncounted = await keeper.stock("Uncounted", on_hand=0, policy=StockPolicy.UNTRACKED)

    faults = await refused(api, "cartLinesAdd", cart, lines=[line(gone), line(later)])
    payload = await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=[line(later, 999), line(uncounted, 999)])

    assert faults == [("INSUFFICIENT_STOCK", ["lines", "0", "quantity"])]
    assert quantities(payload["cart"]) == [2, 999, 999]


async def test_every_fault_of_a_request_is_told(
    api: Api, keeper: Shopkeeper, mug: Stocked, cart: dict[str, Any]
) -> None:
    gone = await keeper.stock("Gone", on_hand=0)
    lines = [line(mug, 0), {"variantId": NO_VARIANT}, line(gone), line(mug, attributes=[{"key": "", "value": ""}])]

    assert await refused(api, "cartLinesAdd", cart, lines=lines) == [
        ("QUANTITY_OUT_OF_RANGE", ["lines", "0", "quantity"]),
        ("VARIANT_UNAVAILABLE", ["lines", "1", "variantId"]),
        ("INVALID", ["lines", "3", "attributes"]),
        ("INSUFFICIENT_STOCK", ["lines", "2", "quantity"]),
    ]


async def test_a_cart_has_at_most_100_lines(api: Api, mug: Stocked) -> None:
    def engraved(number: int) -> dict[str, Any]:
        return line(mug, attributes=[{"key": "Engraving", "value": str(number)}])

    pins = [{**engraved(number), "quantity": 1} for number in range(10)]
    cart = (await api.cart_create(lines=pins))["cart"]

    assert len(cart["lines"]["nodes"]) == 10
    assert await refused(api, "cartLinesAdd", cart, lines=[engraved(number) for number in range(10, 101)]) == [
        ("INVALID", ["lines"]),
        ("INSUFFICIENT_STOCK", ["lines", "0", "quantity"]),
    ]


async def test_100_lines_of_100_variants_fit_and_come_in_pages(api: Api, keeper: Shopkeeper) -> None:
    sizes = tuple(f"{number:03}" for number in range(100))
    many = await keeper.stock("Many", sizes=sizes)
    one_more = await keeper.stock("One more")

    cart = (await api.cart_create(lines=[line(many, 1, place) for place in range(100)]))["cart"]
    payload = await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=[line(one_more)])

    assert (payload["cart"], [error["field"] for error in payload["userErrors"]]) == (None, [["lines"]])
    query = """query ($id: ID!, $after: Cursor) { cart(id: $id) { totalQuantity lines(first: 40, after: $after) {
      nodes { variant { sku } } pageInfo { hasNextPage endCursor } } } }"""
    seen: list[str] = []
    after = None
    for _ in range(3):
        found = (await api.data(query, id=cart["id"], after=after))["cart"]
        seen += [each["variant"]["sku"] for each in found["lines"]["nodes"]]
        after = found["lines"]["pageInfo"]["endCursor"]
    assert found["totalQuantity"] == 100
    assert found["lines"]["pageInfo"]["hasNextPage"] is False
    assert seen == [str(variant.sku) for variant in many.draft.variants]


# ------------------------------------------------------------------------------------------------ changing


async def test_a_line_gets_a_new_quantity_or_a_difference(api: Api, cart: dict[str, Any]) -> None:
    line_id = cart["lines"]["nodes"][0]["id"]

    async def changed(**change: Any) -> tuple[int, list[int]]:
        payload = await api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[{"lineId": line_id, **change}])
        assert payload["userErrors"] == []
        return payload["cart"]["version"], quantities(payload["cart"])

    assert await changed(quantity=7) == (2, [7])
    assert await changed(quantityDelta=3) == (3, [10])
    assert await changed(quantityDelta=-9) == (4, [1])
    assert await changed(quantity=1) == (5, [1])
    assert await changed() == (6, [1])


@pytest.mark.parametrize("change", [{"quantity": 0}, {"quantityDelta": -2}])
async def test_a_line_whose_quantity_falls_to_0_goes(api: Api, cart: dict[str, Any], change: dict[str, int]) -> None:
    line_id = cart["lines"]["nodes"][0]["id"]

    payload = await api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[{"lineId": line_id, **change}])

    assert payload["cart"]["lines"] == {"nodes": []}
    assert payload["cart"]["totalQuantity"] == 0


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"quantity": -1}, "QUANTITY_OUT_OF_RANGE", "quantity"),
        ({"quantity": 1_000}, "QUANTITY_OUT_OF_RANGE", "quantity"),
        ({"quantityDelta": -3}, "QUANTITY_OUT_OF_RANGE", "quantity"),
        ({"quantityDelta": 2**31 - 1}, "QUANTITY_OUT_OF_RANGE", "quantity"),
        ({"quantity": 11}, "INSUFFICIENT_STOCK", "quantity"),
        ({"variantId": NO_VARIANT}, "VARIANT_UNAVAILABLE", "variantId"),
        ({"quantity": 1, "quantityDelta": 1}, "INVALID", None),
    ],
)
async def test_a_change_out_of_bounds_is_refused(
    api: Api, cart: dict[str, Any], change: dict[str, Any], code: str, field: str | None
) -> None:
    line_id = cart["lines"]["nodes"][0]["id"]

    faults = await refused(api, "cartLinesUpdate", cart, lines=[{"lineId": line_id, **change}])

    assert faults[0] == (code, ["lines", "0", *([field] if field else [])])


async def test_another_variant_takes_the_line_over_with_its_own_price(
    api: Api, keeper: Shopkeeper, cart: dict[str, Any]
) -> None:
    large = await keeper.stock("Large mug", price="25.00")
    line_id = cart["lines"]["nodes"][0]["id"]
    change = {"lineId": line_id, "variantId": variant_public_id(large.variant_id)}

    payload = await api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[change])

    (only,) = payload["cart"]["lines"]["nodes"]
    assert (only["id"], only["quantity"], only["variant"]) == (line_id, 2, {"sku": large.sku})
    assert (only["unitPrice"], only["unitPriceWhenAdded"], only["problems"]) == (
        {"amount": "25.00"},
        {"amount": "25.00"},
        [],
    )


async def test_lines_that_become_the_same_are_merged(api: Api, keeper: Shopkeeper) -> None:
    shirt = await keeper.stock("Shirt", sizes=("M", "L"), on_hand=5)
    cart = (await api.cart_create(lines=[line(shirt, 2, 0), line(shirt, 3, 1)]))["cart"]
    first, second = (each["id"] for each in cart["lines"]["nodes"])
    to_m = {"lineId": second, "variantId": variant_public_id(shirt.variant_ids[0])}

    payload = await api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[to_m])
    too_many = await api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[{"lineId": first, "quantity": 6}])

    assert [(each["id"], each["quantity"]) for each in payload["cart"]["lines"]["nodes"]] == [(first, 5)]
    assert [error["code"] for error in too_many["userErrors"]] == ["INSUFFICIENT_STOCK"]


async def test_one_bad_change_keeps_all_others_out(api: Api, cart: dict[str, Any]) -> None:
    line_id = cart["lines"]["nodes"][0]["id"]
    changes = [{"lineId": line_id, "quantity": 1}, {"lineId": NO_LINE, "quantity": 1}]

    assert await refused(api, "cartLinesUpdate", cart, lines=changes) == [("LINE_NOT_FOUND", ["lines", "1", "lineId"])]


async def test_fewer_units_can_be_asked_for_although_not_even_those_are_left(
    api: Api, keeper: Shopkeeper, mug: Stocked
) -> None:
    cart = (await api.cart_create(lines=[line(mug, 9)]))["cart"]
    await api.checkout(await api.ready_cart((mug.variant_id, 8)))
    line_id = cart["lines"]["nodes"][0]["id"]

    payload = await api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[{"lineId": line_id, "quantity": 5}])

    assert await keeper.level(mug.variant_id) == (2, 0)
    assert payload["userErrors"] == []
    assert payload["cart"]["problems"] == [
        {"__typename": "LineInsufficientStock", "available": 2, "line": {"quantity": 5}}
    ]


# ------------------------------------------------------------------------------------------------ removing


async def test_lines_are_removed(api: Api, keeper: Shopkeeper, mug: Stocked) -> None:
    cup = await keeper.stock("Cup")
    cart = (await api.cart_create(lines=[line(mug), line(cup)]))["cart"]
    first, second = (each["id"] for each in cart["lines"]["nodes"])

    one = await api.cart_mutation("cartLinesRemove", cartId=cart["id"], lineIds=[first, first])
    none = await api.cart_mutation("cartLinesRemove", cartId=cart["id"], lineIds=[second])

    assert ([each["id"] for each in one["cart"]["lines"]["nodes"]], one["cart"]["version"]) == ([second], 2)
    assert (none["cart"]["lines"], none["cart"]["version"]) == ({"nodes": []}, 3)


async def test_a_line_that_is_not_there_keeps_all_others_in(api: Api, cart: dict[str, Any]) -> None:
    line_id = cart["lines"]["nodes"][0]["id"]

    assert await refused(api, "cartLinesRemove", cart, lineIds=[line_id, NO_LINE]) == [
        ("LINE_NOT_FOUND", ["lineIds", "1"])
    ]


async def test_a_line_of_another_cart_cannot_be_touched(api: Api, mug: Stocked, cart: dict[str, Any]) -> None:
    other = (await api.cart_create(lines=[line(mug, 1)]))["cart"]
    foreign = other["lines"]["nodes"][0]["id"]

    removed = await refused(api, "cartLinesRemove", cart, lineIds=[foreign])
    changed = await refused(api, "cartLinesUpdate", cart, lines=[{"lineId": foreign, "quantity": 1}])

    assert removed == [("LINE_NOT_FOUND", ["lineIds", "0"])]
    assert changed == [("LINE_NOT_FOUND", ["lines", "0", "lineId"])]
    assert await api.cart(other["id"]) == other


# ------------------------------------------------------------------------------------------------ any of them


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cartLinesAdd", {"lines": []}),
        ("cartLinesAdd", {"lines": [{"variantId": NO_VARIANT}] * 101}),
        ("cartLinesAdd", {"lines": [{"variantId": "nonsense"}]}),
        ("cartLinesAdd", {"lines": [{"variantId": NO_VARIANT, "quantity": 2**31}]}),
        ("cartLinesAdd", {"lines": [{"variantId": NO_VARIANT, "quantity": -(2**31) - 1}]}),
        ("cartLinesAdd", {"lines": [{"variantId": NO_VARIANT}], "expectedVersion": 2**31}),
        ("cartLinesUpdate", {"lines": []}),
        ("cartLinesUpdate", {"lines": [{"lineId": NO_LINE}] * 101}),
        ("cartLinesUpdate", {"lines": [{"lineId": "nonsense"}]}),
        ("cartLinesUpdate", {"lines": [{"lineId": NO_VARIANT}]}),
        ("cartLinesUpdate", {"lines": [{"lineId": NO_LINE, "variantId": NO_LINE}]}),
        ("cartLinesUpdate", {"lines": [{"lineId": NO_LINE, "quantity": 2**31}]}),
        ("cartLinesRemove", {"lineIds": []}),
        ("cartLinesRemove", {"lineIds": [NO_LINE] * 101}),
        ("cartLinesRemove", {"lineIds": ["nonsense"]}),
        ("cartLinesRemove", {"lineIds": [NO_VARIANT]}),
    ],
)
async def test_what_only_a_programmer_can_mend_is_an_error(
    api: Api, cart: dict[str, Any], name: str, values: dict[str, Any]
) -> None:
    kind = name[0].upper() + name[1:]
    query = f"mutation ($i: {kind}Input!) {{ {name}(input: $i) {{ cart {{ id }} userErrors {{ code }} }} }}"

    answer = await api(query, i={"cartId": cart["id"], **values})

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data in (None, {name: None})
    assert await api.cart(cart["id"]) == cart


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cartLinesAdd", {"lines": [{"variantId": NO_VARIANT}]}),
        ("cartLinesUpdate", {"lines": [{"lineId": NO_LINE, "quantity": 1}]}),
        ("cartLinesRemove", {"lineIds": [NO_LINE]}),
        ("cartUpdate", {"note": "x"}),
    ],
)
async def test_an_unknown_cart_is_a_user_error_and_a_malformed_id_is_not(
    api: Api, name: str, values: dict[str, Any]
) -> None:
    payload = await api.cart_mutation(name, cartId=encode(Kind.CART, uuid.UUID(int=1)), **values)
    kind = name[0].upper() + name[1:]
    query = f"mutation ($i: {kind}Input!) {{ {name}(input: $i) {{ cart {{ id }} }} }}"
    malformed = [await api(query, i={"cartId": text, **values}) for text in ("", "nonsense", NO_LINE, "cart_1")]

    assert payload["cart"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("NOT_FOUND", ["cartId"])]
    assert [answer.codes() for answer in malformed] == [["BAD_USER_INPUT"]] * 4
