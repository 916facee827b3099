"""Orders open with their token, and with nothing else."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

from app.bootstrap import Shop
from app.core.ids import OrderId, decode
from app.orders.access_token import OrderAccessTokens
from tests.shopkeeping import Api, ManualClock, Shopkeeper, variant_public_id

ORDER = "query ($token: String!) { order(by: {accessToken: $token}) { id number email } }"


@pytest.fixture
async def outcome(api: Api, keeper: Shopkeeper) -> dict[str, Any]:
    mug = await keeper.stock("Mug")
    return await api.checkout(await api.ready_cart((mug.variant_id, 1)))


async def opened(api: Api, token: str) -> dict[str, Any] | None:
    return (await api.data(ORDER, token=token))["order"]


def changed(token: str, place: int, bit: int) -> str:
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[place] ^= 1 << bit
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def test_a_token_opens_its_order_for_90_days(api: Api, clock: ManualClock, outcome: dict[str, Any]) -> None:
    token = outcome["orderAccessToken"]

    now = await opened(api, token)
    with clock.turned(timedelta(days=89, hours=23)):
        later = await opened(api, token)
    with clock.turned(timedelta(days=90, minutes=1)):
        too_late = await opened(api, token)

    assert now is not None
    assert (now["number"], now["email"]) == (outcome["order"]["number"], "ada@example.com")
    assert later == now
    assert too_late is None


async def test_a_token_of_which_any_byte_has_changed_opens_nothing(api: Api, outcome: dict[str, Any]) -> None:
    token = outcome["orderAccessToken"]

    found = [await opened(api, changed(token, place, place % 8)) for place in range(40)]

    assert await opened(api, token) is not None
    assert found == [None] * 40


async def test_a_token_signed_with_another_key_opens_nothing(api: Api, shop: Shop, outcome: dict[str, Any]) -> None:
    order = await opened(api, outcome["orderAccessToken"])
    assert order is not None
    order_id = decode(order["id"])[1]
    forged = OrderAccessTokens(b"another secret that nobody has given us", shop.clock).issue(OrderId(order_id))
    genuine = OrderAccessTokens(shop.settings.secret_key.get_secret_value().encode(), shop.clock)

    assert await opened(api, forged) is None
    assert await opened(api, genuine.issue(OrderId(order_id))) == order


@pytest.mark.parametrize("token", ["", "x", "null", "order_1", "../../etc", "a b", "🗝️", "é" * 54, "=" * 54])
@pytest.mark.parametrize("length", [None, 53, 54, 1_000])
async def test_a_text_that_is_no_token_opens_nothing(api: Api, token: str, length: int | None) -> None:
    assert await opened(api, token if length is None else token.ljust(length, "A")) is None


async def test_an_orders_id_and_number_are_no_tokens(api: Api, outcome: dict[str, Any]) -> None:
    order = await opened(api, outcome["orderAccessToken"])
    assert order is not None

    assert await opened(api, order["id"]) is None
    assert await opened(api, order["number"]) is None
    assert await opened(api, outcome["attempt"]["id"]) is None


async def test_the_token_of_one_order_never_shows_another(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug")
    outcomes = [await api.checkout(await api.ready_cart((mug.variant_id, 1))) for _ in range(3)]

    orders = [await opened(api, each["orderAccessToken"]) for each in outcomes]

    assert [order and order["number"] for order in orders] == [each["order"]["number"] for each in outcomes]
    assert len({each["orderAccessToken"] for each in outcomes}) == 3


@pytest.mark.parametrize("by", [{}, {"accessToken": None}, {"id": None}, {"number": "100001"}])
async def test_an_order_is_asked_for_by_one_key(api: Api, by: dict[str, Any]) -> None:
    answer = await api("query ($by: OrderBy!) { order(by: $by) { id } }", by=by)

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data is None


async def test_the_lines_of_an_order_come_in_pages(api: Api, keeper: Shopkeeper) -> None:
    many = await keeper.stock("Many", sizes=tuple(f"{number:02}" for number in range(25)))
    cart = await api.ready_cart(*((variant_id, 1) for variant_id in many.variant_ids))
    outcome = await api.checkout(cart)
    query = """query ($t: String!, $after: Cursor) { order(by: {accessToken: $t}) { lines(first: 10, after: $after) {
      nodes { sku variant { id } } pageInfo { hasNextPage endCursor } } } }"""

    seen: list[dict[str, Any]] = []
    after = None
    for _ in range(3):
        lines = (await api.data(query, t=outcome["orderAccessToken"], after=after))["order"]["lines"]
        seen += lines["nodes"]
        after = lines["pageInfo"]["endCursor"]

    assert lines["pageInfo"]["hasNextPage"] is False
    assert seen == [
        {"sku": str(variant.sku), "variant": {"id": variant_public_id(variant_id)}}
        for variant, variant_id in zip(many.draft.variants, many.variant_ids, strict=True)
    ]
