"""The database stops and comes back: what a shopper sees of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.bootstrap import Shop, build_shop
from app.core.errors import DatabaseUnavailable
from app.core.ids import Kind, encode
from app.devstack.postgres import PostgresServer
from app.devstack.supervisor import Supervisor
from app.devstack.valkey import ValkeyServer
from app.settings import load_settings
from app.web import build_app
from tests.conftest import Servers
from tests.shopkeeping import Api, ManualClock, Shopkeeper, Stocked, variant_public_id

UNAVAILABLE = {"code": "SERVICE_UNAVAILABLE", "retryable": True, "retryAfterMs": 5_000}
SEARCH = (
    "query ($q: String) { products(query: $q) { nodes { name priceRange { min { amount } } } freshness { source } } }"
)


@dataclass(frozen=True, slots=True)
class OwnServers:
    """A shop with a database and a cache of its own."""

    shop: Shop
    api: Api
    keeper: Shopkeeper
    postgres: PostgresServer
    clock: ManualClock
    mug: Stocked

    def stopped(self) -> Stopped:
        return Stopped(self.postgres)


class Stopped:
    """A block without the database."""

    def __init__(self, postgres: PostgresServer) -> None:
        self._postgres = postgres

    def __enter__(self) -> None:
        self._postgres.stop()

    def __exit__(self, *_: object) -> None:
        self._postgres.start()


@pytest.fixture(scope="module")
async def own(
    servers: Servers, emulator_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[OwnServers]:
    folder = tmp_path_factory.mktemp("own")
    with Supervisor() as supervisor:
        postgres = PostgresServer(supervisor, folder / "postgres", durable=False)
        postgres.start()
        postgres.create_database("cartograph")
        valkey = ValkeyServer(supervisor, folder / "valkey")
        valkey.start()
        clock = ManualClock()
        environment = {
            **servers.environment(),
            "DATABASE_URL": postgres.url("cartograph"),
            "REDIS_URL": valkey.url,
            "STRIPE_API_BASE": emulator_url,
        }
        shop = build_shop(load_settings(environment), clock=clock)
        await shop.migrate()
        keeper = Shopkeeper(shop)
        transport = httpx.ASGITransport(app=build_app(shop))
        async with httpx.AsyncClient(transport=transport, base_url="http://own.test") as client:
            mug = await keeper.stock("Stopwatch", on_hand=9, price="18.00")
            yield OwnServers(shop, Api(client), keeper, postgres, clock, mug)
        await shop.close()


def _operations(cart: dict[str, Any], mug: Stocked) -> dict[str, tuple[str, dict[str, Any]]]:
    line = {"variantId": variant_public_id(mug.variant_id)}
    paying = {
        "cartId": cart["id"],
        "idempotencyKey": "while away",
        "expectedTotal": {name: cart["cost"]["total"][name] for name in ("amount", "currencyCode")},
        "payment": {"paymentMethodId": "pm_card_visa"},
    }
    return {
        "read a cart": ("query ($v: ID!) { cart(id: $v) { id } }", {"v": cart["id"]}),
        "create a cart": (
            "mutation ($v: CartCreateInput!) { cartCreate(input: $v) { cart { id } } }",
            {"v": {"lines": [line]}},
        ),
        "change a cart": (
            "mutation ($v: CartLinesAddInput!) { cartLinesAdd(input: $v) { cart { id } } }",
            {"v": {"cartId": cart["id"], "lines": [line]}},
        ),
        "check out": (
            "mutation ($v: CheckoutCompleteInput!) { checkoutComplete(input: $v) { __typename } }",
            {"v": paying},
        ),
        "read an attempt": (
            "query ($v: ID!) { checkoutAttempt(id: $v) { state } }",
            {"v": encode(Kind.ATTEMPT, UUID(int=1))},
        ),
        "read stock": (
            "query ($v: ID!) { variant(by: {id: $v}) { availability { state } } }",
            {"v": line["variantId"]},
        ),
        "search what was never searched for": (
            "query ($v: String) { products(query: $v) { nodes { id } } }",
            {"v": "never"},
        ),
    }


async def test_everything_that_needs_the_database_says_so_at_once_and_works_again_afterwards(own: OwnServers) -> None:
    cart = await own.api.ready_cart((own.mug.variant_id, 2))
    operations = _operations(cart, own.mug)

    with own.stopped():
        answers = {name: await own.api(query, **values) for name, (query, values) in operations.items()}
        probes = [(await own.api.http.get(path)).status_code for path in ("/readyz", "/livez")]
        login = await own.api.http.post("/api/auth/login", json={"email": "a@example.com", "password": "x"})
    outcome = await own.api.checkout(cart, key="while away")

    for name, answer in answers.items():
        (error,) = answer.errors
        extensions = dict(error["extensions"])
        assert len(extensions.pop("requestId")) == 32, name
        assert extensions == UNAVAILABLE, name
        assert error["message"] == "The shop cannot answer this right now: try again soon.", name
        assert "127.0.0.1" not in str(error), name
    assert probes == [503, 200]
    assert login.status_code == 503
    assert login.headers["retry-after"] == "5"
    assert outcome["__typename"] == "CheckoutCompleted"
    assert outcome["order"]["lines"]["nodes"][0]["quantity"] == 2
    assert (await own.api.http.get("/readyz")).status_code == 200


async def test_what_is_cached_is_shown_and_says_how_old_it_is(own: OwnServers) -> None:
    found = [(await own.api.data(SEARCH, q="stopwatch"))["products"] for _ in range(2)]

    with own.stopped():
        fresh = (await own.api.data(SEARCH, q="stopwatch"))["products"]
        with own.clock.turned(timedelta(minutes=2)):
            stale = (await own.api.data(SEARCH, q="stopwatch"))["products"]
    with own.clock.turned(timedelta(minutes=2)):
        back = (await own.api.data(SEARCH, q="stopwatch"))["products"]

    assert [each["freshness"]["source"] for each in (*found, fresh, stale, back)] == [
        "PRIMARY",
        "CACHE",
        "CACHE",
        "STALE_CACHE",
        "PRIMARY",
    ]
    assert found[0]["nodes"] == fresh["nodes"] == stale["nodes"] == back["nodes"]
    assert [node["name"] for node in stale["nodes"]] == ["Stopwatch"]


async def test_a_payment_whose_time_ends_while_the_database_is_away_is_ended_when_it_is_back(own: OwnServers) -> None:
    cart = await own.api.ready_cart((own.mug.variant_id, 1))
    before = await own.keeper.level(own.mug.variant_id)
    outcome = await own.api.checkout(cart, pay="pm_card_threeDSecure2Required")

    with own.stopped(), own.clock.turned(timedelta(minutes=31)), pytest.raises(DatabaseUnavailable):
        await own.shop.check_payments()
    held = await own.keeper.level(own.mug.variant_id)
    with own.clock.turned(timedelta(minutes=31)):
        await own.keeper.settle_payments()

    assert outcome["__typename"] == "CheckoutActionRequired"
    assert held == (before[0], before[1] + 1)
    assert await own.keeper.level(own.mug.variant_id) == before
    assert (await own.api.cart(cart["id"]))["state"] == "ACTIVE"
