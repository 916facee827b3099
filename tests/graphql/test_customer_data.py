"""What a customer has: name, address book, order history, open carts, and what they bought as a guest."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from app.bootstrap import Shop
from tests.graphql.canaries import forgive_tries, signed_in_customer
from tests.shopkeeping import ADDRESS, USER_ERRORS, Api, Shopkeeper, Stocked

BOOK = "addresses { id isDefaultShipping isDefaultBilling address { line1 region } }"
CREATE = f"""mutation ($i: AddressCreateInput!) {{ addressCreate(input: $i) {{
  savedAddress {{ id }} customer {{ {BOOK} }} {USER_ERRORS} }} }}"""
UPDATE = f"""mutation ($i: AddressUpdateInput!) {{ addressUpdate(input: $i) {{
  savedAddress {{ id }} customer {{ {BOOK} }} {USER_ERRORS} }} }}"""
DELETE = f"""mutation ($i: AddressDeleteInput!) {{ addressDelete(input: $i) {{
  savedAddress {{ id }} customer {{ {BOOK} }} {USER_ERRORS} }} }}"""
RENAME = f"mutation ($i: CustomerUpdateInput!) {{ customerUpdate(input: $i) {{ customer {{ name }} {USER_ERRORS} }} }}"
CLAIM = f"""mutation ($i: GuestOrdersClaimInput!) {{ guestOrdersClaim(input: $i) {{
  orders carts customer {{ orders {{ totalCount {{ value }} }} }} {USER_ERRORS} }} }}"""
ORDERS = """query ($first: Int, $after: Cursor) { me { orders(first: $first, after: $after) {
  nodes { id number } edges { cursor } totalCount { value precision } pageInfo { hasNextPage endCursor } } } }"""
CARTS = "{ me { carts { id state totalQuantity lines { nodes { variant { sku } } } } } }"


@pytest.fixture
async def ada(shop: Shop, http: httpx.AsyncClient) -> Api:
    return (await signed_in_customer(shop, http)).api


@pytest.fixture
async def ben(shop: Shop, http: httpx.AsyncClient) -> Api:
    return (await signed_in_customer(shop, http)).api


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=1_000)


async def call(api: Api, query: str, **given: Any) -> Any:
    (payload,) = (await api.data(query, i=given)).values()
    return payload


async def book(api: Api) -> list[dict[str, Any]]:
    return (await api.data(f"{{ me {{ {BOOK} }} }}"))["me"]["addresses"]


def codes(payload: Any) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


# ------------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize(("name", "kept"), [("  Ada M. ", "Ada M."), ("", None), (None, None), ("艾达", "艾达")])
async def test_a_customer_says_what_to_call_them(ada: Api, name: str | None, kept: str | None) -> None:
    assert (await call(ada, RENAME, name=name))["customer"] == {"name": kept}
    assert (await ada.data("{ me { name } }"))["me"] == {"name": kept}


async def test_a_name_is_one_short_line(ada: Api) -> None:
    for name in ("x" * 201, "two\nlines"):
        assert codes(await call(ada, RENAME, name=name)) == [("INVALID", ["name"])]


async def test_a_guest_has_nothing_to_change(api: Api) -> None:
    for query, given in (
        (RENAME, {"name": "x"}),
        (CREATE, {"address": ADDRESS}),
        (DELETE, {"id": "addr_" + "1" * 22}),
        (CLAIM, {}),
    ):
        assert [code for code, _ in codes(await call(api, query, **given))] == ["UNAUTHENTICATED"]


# ------------------------------------------------------------------------------------------------ address books


async def test_an_address_book_grows_changes_and_shrinks(ada: Api) -> None:
    first = await call(ada, CREATE, address={**ADDRESS, "region": "Oregon"})
    second = await call(ada, CREATE, address={**ADDRESS, "line1": "2 Ridge Way"}, isDefaultBilling=True)
    keys = [payload["savedAddress"]["id"] for payload in (first, second)]
    changed = await call(ada, UPDATE, id=keys[1], address={**ADDRESS, "line1": "3 Fell Lane"}, isDefaultShipping=True)
    deleted = await call(ada, DELETE, id=keys[1])

    assert first["customer"]["addresses"][0]["address"]["region"] == "OR"
    assert changed["customer"]["addresses"] == [
        {
            "id": keys[0],
            "isDefaultShipping": False,
            "isDefaultBilling": False,
            "address": {"line1": "1 Contour Road", "region": "OR"},
        },
        {
            "id": keys[1],
            "isDefaultShipping": True,
            "isDefaultBilling": True,
            "address": {"line1": "3 Fell Lane", "region": "OR"},
        },
    ]
    assert deleted["savedAddress"] is None
    assert [(each["id"], each["isDefaultShipping"], each["isDefaultBilling"]) for each in await book(ada)] == [
        (keys[0], True, True)
    ]


async def test_every_fault_of_an_address_is_named(ada: Api) -> None:
    payload = await call(ada, CREATE, address={**ADDRESS, "postalCode": "x", "city": " "})

    assert sorted(codes(payload)) == [
        ("ADDRESS_INVALID", ["address", "city"]),
        ("ADDRESS_INVALID", ["address", "postalCode"]),
    ]
    assert await book(ada) == []


async def test_somebody_elses_address_is_one_that_there_is_not(ada: Api, ben: Api) -> None:
    key = (await call(ada, CREATE, address=ADDRESS))["savedAddress"]["id"]
    before = await book(ada)

    assert codes(await call(ben, UPDATE, id=key, isDefaultShipping=True)) == [("NOT_FOUND", ["id"])]
    assert codes(await call(ben, DELETE, id=key)) == [("NOT_FOUND", ["id"])]
    assert await book(ada) == before


async def test_any_number_of_changes_at_once_leave_one_default_of_each_kind(ada: Api) -> None:
    await asyncio.gather(
        *(call(ada, CREATE, address=ADDRESS, isDefaultShipping=True, isDefaultBilling=True) for _ in range(8))
    )
    keys = [each["id"] for each in await book(ada)]
    changes = [call(ada, UPDATE, id=key, isDefaultShipping=True) for key in keys]
    changes += [call(ada, UPDATE, id=key, isDefaultBilling=True) for key in reversed(keys)]
    changes += [call(ada, DELETE, id=key) for key in keys[:4]]

    await asyncio.gather(*changes)

    left = await book(ada)
    assert [each["id"] for each in left] == keys[4:]
    assert sum(each["isDefaultShipping"] for each in left) == sum(each["isDefaultBilling"] for each in left) == 1


# ------------------------------------------------------------------------------------------------ orders and carts


async def bought(api: Api, mug: Stocked, **more: Any) -> Any:
    return await api.checkout(await api.ready_cart((mug.variant_id, 1)), **more)


async def test_orders_come_in_pages_the_newest_first_and_new_ones_disturb_no_walk(ada: Api, mug: Stocked) -> None:
    numbers = [(await bought(ada, mug))["order"]["number"] for _ in range(5)]
    seen: list[str] = []
    after = None
    for step in range(3):
        page = (await ada.data(ORDERS, first=2, after=after))["me"]["orders"]
        seen += [order["number"] for order in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if step == 0:
            assert page["totalCount"] == {"value": 5, "precision": "EXACT"}
            await bought(ada, mug)

    assert seen == numbers[::-1]
    assert page["pageInfo"]["hasNextPage"] is False


async def test_a_history_shows_what_was_canceled_but_not_what_came_to_nothing(ada: Api, api: Api, mug: Stocked) -> None:
    await bought(ada, mug, pay="pm_card_visa_chargeDeclined")
    await bought(ada, mug)
    await bought(api, mug)
    (order,) = (await ada.data(ORDERS))["me"]["orders"]["nodes"]
    cancel = "mutation ($id: ID!) { orderCancel(input: {orderId: $id}) { order { status } userErrors { code } } }"

    assert (await ada.data(cancel, id=order["id"]))["orderCancel"]["order"] == {"status": "CANCELED"}
    assert [each["id"] for each in (await ada.data(ORDERS))["me"]["orders"]["nodes"]] == [order["id"]]


async def test_an_order_opens_by_its_id_to_its_customer_alone(ada: Api, ben: Api, api: Api, mug: Stocked) -> None:
    token = (await bought(ada, mug))["orderAccessToken"]
    (order,) = (await ada.data(ORDERS))["me"]["orders"]["nodes"]
    by_id = "query ($id: ID!) { order(by: {id: $id}) { number } node(id: $id) { id } }"
    by_token = "query ($t: String!) { order(by: {accessToken: $t}) { number } }"

    assert await ada.data(by_id, id=order["id"]) == {"order": {"number": order["number"]}, "node": {"id": order["id"]}}
    for other in (ben, api):
        assert await other.data(by_id, id=order["id"]) == {"order": None, "node": None}
        assert (await other.data(by_token, t=token))["order"] == {"number": order["number"]}


async def test_a_cursor_of_somebody_elses_history_is_refused(ada: Api, ben: Api, mug: Stocked) -> None:
    await bought(ada, mug)
    cursor = (await ada.data(ORDERS))["me"]["orders"]["edges"][0]["cursor"]

    assert (await ben(ORDERS, after=cursor)).codes() == ["BAD_USER_INPUT"]


async def test_open_carts_are_listed_the_one_changed_last_first(ada: Api, mug: Stocked) -> None:
    first, second = [await ada.ready_cart((mug.variant_id, number)) for number in (1, 2)]
    await bought(ada, mug)
    await ada.cart_mutation("cartUpdate", cartId=first["id"], note="again")

    carts = (await ada.data(CARTS))["me"]["carts"]

    assert [cart["id"] for cart in carts] == [first["id"], second["id"]]
    assert carts[0]["lines"]["nodes"] == [{"variant": {"sku": mug.sku}}]


async def test_what_a_customer_buys_from_a_guests_cart_is_theirs(ada: Api, api: Api, mug: Stocked) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))

    outcome = await ada.checkout(cart)

    assert [order["number"] for order in (await ada.data(ORDERS))["me"]["orders"]["nodes"]] == [
        outcome["order"]["number"]
    ]
    assert await api.cart(cart["id"]) is None


# ------------------------------------------------------------------------------------------------ claiming


async def as_guest(api: Api, mug: Stocked, email: str) -> tuple[Any, Any]:
    """A cart that was paid and one that was not, with this address."""
    ready = await api.ready_cart((mug.variant_id, 1))
    ready = (await api.cart_mutation("cartUpdate", cartId=ready["id"], email=email))["cart"]
    return await api.checkout(ready), (await api.cart_create(email=email))["cart"]


async def test_a_customer_claims_what_was_bought_with_their_verified_address(
    shop: Shop, http: httpx.AsyncClient, api: Api, ben: Api, mug: Stocked
) -> None:
    ada = await signed_in_customer(shop, http)
    outcome, cart = await as_guest(api, mug, ada.words["email"].upper())
    other, _ = await as_guest(api, mug, "somebody.else@example.com")
    attempt = outcome["attempt"]["id"]
    opened = "query ($id: ID!) { checkoutAttempt(id: $id) { order { number } } }"

    claims = await asyncio.gather(*(call(ada.api, CLAIM) for _ in range(3)), call(ben, CLAIM))

    assert sorted((payload["orders"], payload["carts"]) for payload in claims) == [(0, 0), (0, 0), (0, 0), (1, 2)]
    assert (await ada.api.data(ORDERS))["me"]["orders"]["nodes"][0]["number"] == outcome["order"]["number"]
    assert [each["id"] for each in (await ada.api.data(CARTS))["me"]["carts"]] == [cart["id"]]
    assert (await api.data(opened, id=attempt))["checkoutAttempt"] is None
    assert (await ada.api.data(opened, id=attempt))["checkoutAttempt"] == {
        "order": {"number": outcome["order"]["number"]}
    }
    assert (await api.data(opened, id=other["attempt"]["id"]))["checkoutAttempt"] is not None
    by_token = "query ($t: String!) { order(by: {accessToken: $t}) { number } }"
    assert (await api.data(by_token, t=outcome["orderAccessToken"]))["order"] is not None


async def test_an_address_that_is_not_verified_claims_nothing(
    shop: Shop, http: httpx.AsyncClient, api: Api, mug: Stocked
) -> None:
    """Signing in needs a verified address; this is one that lost it while somebody was signed in."""
    ada = await signed_in_customer(shop, http)
    await as_guest(api, mug, ada.words["email"])
    await forgive_tries(shop)
    async with shop.accounts_database.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE accounts.customer SET email_verified_at = NULL WHERE email = $1", (ada.words["email"],)
        )

    assert codes(await call(ada.api, CLAIM)) == [("FORBIDDEN", None)]
    assert (await ada.api.data(ORDERS))["me"]["orders"]["nodes"] == []
