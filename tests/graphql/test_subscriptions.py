"""What a subscription gives, below any transport: the state at once, and after each change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from app.bootstrap import Shop
from app.cart.edit_cart import ReadCart
from app.core.changes import cart_changed, order_changed
from app.core.ids import CartId, Kind, decode, encode
from app.core.throttle import Bucket, Taken, ThrottleStatus
from app.http.caller import Caller
from app.http.graphql_request import checked_request
from app.http.operations import Operations, Refused
from app.orders.access_token import LIFETIME
from resolvers.services import EVENTS_AT_ONCE
from tests.graphql.shop_operations import operations_of
from tests.shopkeeping import Api, ManualClock, Provider, Shopkeeper, Stocked, counted_statements
from tests.waiting import PATIENCE_SECONDS, until

CALLER = Caller("request", None, ("watchers", Bucket(1_000_000, 1_000_000)))
SOON = timedelta(minutes=2)  # every attempt of today is due for a check by then
CART = """subscription ($id: ID!) { cartUpdated(id: $id) {
  version state note lines { nodes { quantity variant { sku product { name } } } } } }"""
ATTEMPT = """subscription ($id: ID!) { checkoutAttemptUpdated(id: $id) {
  state order { status paymentStatus timeline { kind } } cart { state } result { __typename } } }"""
ORDER = "subscription ($token: String!) { orderUpdated(by: {accessToken: $token}) { status paymentStatus } }"


class Stream:
    """The answers of one subscription."""

    def __init__(self, answers: AsyncIterator[bytes]) -> None:
        self._answers = answers

    async def data(self) -> Any:
        """The data of the one field of the next answer, which must have no errors."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = msgspec.json.decode(await anext(self._answers))
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    async def until(self, **wanted: Any) -> Any:
        """The first data with these values: what is before it may be skipped, or come twice."""
        while True:
            value = await self.data()
            if {name: value[name] for name in wanted} == wanted:
                return value

    async def refusal(self) -> list[str]:
        """The codes of the errors that end the subscription."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(Refused) as refused:
                await anext(self._answers)
        with pytest.raises(StopAsyncIteration):
            await anext(self._answers)
        return [error["extensions"]["code"] for error in refused.value.errors]


@pytest.fixture(scope="module")
def operations(shop: Shop) -> Operations:
    return operations_of(shop)


@asynccontextmanager
async def subscribed(operations: Operations, query: str, **variables: Any) -> AsyncIterator[Stream]:
    ready = await operations.prepare(checked_request({"query": query, "variables": variables}), CALLER)
    async with aclosing(operations.stream(ready)) as answers:
        yield Stream(answers)


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=20)


async def test_a_cart_is_given_at_once_and_after_each_edit(
    shop: Shop, operations: Operations, api: Api, mug: Stocked
) -> None:
    cart = await api.ready_cart((mug.variant_id, 2))

    async with subscribed(operations, CART, id=cart["id"]) as stream:
        first = await stream.data()
        await api.cart_mutation("cartUpdate", cartId=cart["id"], note="Ring twice.")
        second = await stream.until(version=cart["version"] + 1)
        await api.cart_mutation("cartLinesRemove", cartId=cart["id"], lineIds=[cart["lines"]["nodes"][0]["id"]])
        third = await stream.until(version=cart["version"] + 2)

    line = {"quantity": 2, "variant": {"sku": mug.sku, "product": {"name": "Mug"}}}
    assert first == {"version": cart["version"], "state": "ACTIVE", "note": None, "lines": {"nodes": [line]}}
    assert second["note"] == "Ring twice."
    assert third["lines"]["nodes"] == []


async def test_a_refused_edit_is_no_event(shop: Shop, operations: Operations, api: Api, mug: Stocked) -> None:
    cart = await api.ready_cart((mug.variant_id, 2))

    async with subscribed(operations, CART, id=cart["id"]) as stream:
        await stream.data()
        refused = await api.cart_mutation("cartUpdate", cartId=cart["id"], note="no", expectedVersion=999)
        await api.cart_mutation("cartUpdate", cartId=cart["id"], note="yes")
        event = await stream.data()

    assert refused["userErrors"][0]["__typename"] == "VersionConflictError"
    assert event["note"] == "yes"


async def test_the_end_of_a_payment_shows_in_its_attempt_its_order_and_its_cart(
    shop: Shop,
    operations: Operations,
    api: Api,
    keeper: Shopkeeper,
    clock: ManualClock,
    mug: Stocked,
    provider: Provider,
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))

    async with subscribed(operations, CART, id=cart["id"]) as carts:
        await carts.data()
        asked = await api.checkout(cart, pay="pm_card_threeDSecure2Required")
        await carts.until(state="IN_CHECKOUT")
        async with (
            subscribed(operations, ORDER, token=asked["orderAccessToken"]) as orders,
            subscribed(operations, ATTEMPT, id=asked["attempt"]["id"]) as attempts,
        ):
            before = await orders.data(), (await attempts.data())["state"]
            await provider.answer_bank(asked["clientSecret"], "succeed")
            with clock.turned(SOON):
                await keeper.settle_payments()
            paid = await attempts.until(state="SUCCEEDED")
            await orders.until(status="CONFIRMED", paymentStatus="PAID")
            await carts.until(state="COMPLETED")

    assert before == ({"status": "PENDING", "paymentStatus": "ACTION_REQUIRED"}, "ACTION_REQUIRED")
    assert paid["order"]["status"] == "CONFIRMED"
    assert [event["kind"] for event in paid["order"]["timeline"]][-1] == "paid"
    assert paid["cart"] == {"state": "COMPLETED"}
    assert paid["result"] == {"__typename": "CheckoutCompleted"}


async def test_a_payment_that_is_given_up_shows_too(
    shop: Shop,
    operations: Operations,
    api: Api,
    keeper: Shopkeeper,
    clock: ManualClock,
    mug: Stocked,
    provider: Provider,
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    asked = await api.checkout(cart, pay="pm_card_threeDSecure2Required")

    async with subscribed(operations, ATTEMPT, id=asked["attempt"]["id"]) as attempts:
        await attempts.data()
        with clock.turned(timedelta(minutes=31)):
            await keeper.settle_payments()
        gone = await attempts.until(state="CANCELED")

    assert gone["cart"] == {"state": "ACTIVE"}
    assert gone["result"] == {"__typename": "CheckoutFailed"}


# ------------------------------------------------------------------------------------------------ who may watch


@pytest.mark.parametrize(("query", "kind"), [(CART, Kind.CART), (ATTEMPT, Kind.ATTEMPT)])
async def test_what_is_not_there_ends_the_subscription(
    shop: Shop, operations: Operations, query: str, kind: Kind
) -> None:
    async with subscribed(operations, query, id=encode(kind, uuid4())) as stream:
        codes = await stream.refusal()

    assert codes == ["NOT_FOUND"]


@pytest.mark.parametrize("query", [CART, ATTEMPT])
async def test_another_type_of_id_opens_nothing(
    shop: Shop, operations: Operations, api: Api, mug: Stocked, query: str
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    order = await api.checkout(cart)
    wrong = order["attempt"]["id"] if query is CART else cart["id"]

    async with subscribed(operations, query, id=wrong) as stream:
        codes = await stream.refusal()

    assert codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("tampered", ["", "nonsense", "first", "last"])
async def test_an_order_opens_to_its_token_only(
    shop: Shop, operations: Operations, api: Api, mug: Stocked, tampered: str
) -> None:
    token = (await api.checkout(await api.ready_cart((mug.variant_id, 1))))["orderAccessToken"]
    flipped = {"first": ("B" if token[0] == "A" else "A") + token[1:], "last": token[:-1] + "é"}

    async with subscribed(operations, ORDER, token=flipped.get(tampered, tampered)) as stream:
        codes = await stream.refusal()
    async with subscribed(operations, ORDER, token=token) as stream:
        order = await stream.data()

    assert codes == ["NOT_FOUND"]
    assert order["status"] == "CONFIRMED"


async def test_a_token_that_expires_while_it_is_watched_shows_nothing_more(
    shop: Shop, operations: Operations, api: Api, mug: Stocked, clock: ManualClock
) -> None:
    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 1)))
    order_id = shop.services.order_tokens.verify(outcome["orderAccessToken"])
    assert order_id is not None

    async with subscribed(operations, ORDER, token=outcome["orderAccessToken"]) as stream:
        await stream.data()
        with clock.turned(LIFETIME):
            shop.changes.announce([order_changed(order_id)])
            codes = await stream.refusal()

    assert codes == ["NOT_FOUND"]


async def test_a_cart_that_is_deleted_while_it_is_watched_ends_the_subscription(
    shop: Shop, operations: Operations, api: Api
) -> None:
    cart = (await api.cart_create())["cart"]
    key = CartId(decode(cart["id"])[1])

    async with subscribed(operations, CART, id=cart["id"]) as stream:
        await stream.data()
        async with shop.database.write() as connection:
            await connection.execute(text("DELETE FROM cart WHERE id = :id"), {"id": key})
        shop.changes.announce([cart_changed(key)])
        codes = await stream.refusal()

    assert codes == ["NOT_FOUND"]


# ------------------------------------------------------------------------------------------------ what it costs


async def test_every_event_takes_the_same_statements_as_the_first(
    shop: Shop, operations: Operations, api: Api, mug: Stocked
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    counts = []

    async with subscribed(operations, CART, id=cart["id"]) as stream:
        await stream.data()  # the product is in the cache from here on
        for _ in range(4):
            shop.changes.announce([cart_changed(CartId(decode(cart["id"])[1]))])
            with counted_statements(shop) as statements:
                await stream.data()
            counts.append(len(statements))

    # the cart with its lines, prices and stock of all of them, promotions, delivery, taxes
    assert counts == [6] * 4, statements


class CountedReadCart:
    """`ReadCart`. most: how many carts were read at the same time."""

    def __init__(self, read: ReadCart) -> None:
        self._read = read
        self._now = self.most = 0

    async def __call__(self, cart_id: CartId, **more: Any) -> Any:
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            return await self._read(cart_id, **more)
        finally:
            self._now -= 1


async def test_however_many_watch_few_read_at_a_time(shop: Shop, api: Api, mug: Stocked) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    read: Any = CountedReadCart(shop.services.read_cart)
    services = replace(shop.services, read_cart=read)
    operations = operations_of(shop, services=services)

    async with AsyncExitStack() as watching:
        streams = [await watching.enter_async_context(subscribed(operations, CART, id=cart["id"])) for _ in range(40)]
        await asyncio.gather(*(stream.data() for stream in streams))
        await api.cart_mutation("cartUpdate", cartId=cart["id"], note="for all")
        await asyncio.gather(*(stream.until(note="for all") for stream in streams))

    assert 1 < read.most <= EVENTS_AT_ONCE


class SlowThrottle:
    """A throttle that grants the first points, and more once a test says so. refused: how often it did not."""

    def __init__(self) -> None:
        self.grants = asyncio.Semaphore(1)
        self.refused = 0
        self.taken: list[int] = []
        self.given_back: list[int] = []

    async def take(self, key: str, points: int, bucket: Bucket) -> Taken:
        status = ThrottleStatus(bucket.capacity, 0, bucket.restored_per_second)
        if self.grants.locked():
            self.refused += 1
            return Taken(granted=False, status=status, retry_after_ms=1)
        await self.grants.acquire()
        self.taken.append(points)
        return Taken(granted=True, status=status)

    def give_back_soon(self, key: str, points: int, bucket: Bucket) -> None:
        self.given_back.append(points)


async def test_whose_budget_is_used_up_waits_and_sees_the_last_state_all_the_same(
    shop: Shop, api: Api, mug: Stocked
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    throttle = SlowThrottle()
    port: Any = throttle
    operations = operations_of(shop, throttle=port)

    async with subscribed(operations, CART, id=cart["id"]) as stream:
        await stream.data()
        waiting = asyncio.ensure_future(stream.until(note="five"))
        for note in ("one", "two", "three", "four", "five"):
            await api.cart_mutation("cartUpdate", cartId=cart["id"], note=note)
        await until(lambda: throttle.refused > 1)
        early = waiting.done()
        throttle.grants.release()
        throttle.grants.release()
        await waiting

    assert not early
    assert 1 < len(throttle.taken) <= 3  # the subscription, what had been read when the budget was used up, the rest
    assert len(set(throttle.taken)) == 1
    assert throttle.given_back[0] > 0  # one line of the hundred that a cart may have


async def test_a_watcher_that_is_gone_leaves_nothing_behind(
    shop: Shop, operations: Operations, api: Api, mug: Stocked
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    before = set(shop.changes._watchers)  # the ends of sessions, which the process itself watches

    async with subscribed(operations, CART, id=cart["id"]) as stream:
        await stream.data()
        watched = set(shop.changes._watchers)

    assert len(watched - before) == 1
    assert set(shop.changes._watchers) == before
