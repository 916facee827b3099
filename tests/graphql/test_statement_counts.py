"""How many SQL statements an operation costs: a fixed number, whatever the size of its page or cart.

Cold is with an empty cache, warm is the same operation again. A number that falls is good news: lower it here. One
that rises needs a reason.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from app.bootstrap import Shop
from app.catalog.domain import ProductDraft, SelectedOption, VariantDraft
from app.core.money import Money
from app.core.stock import StockPolicy
from tests.conftest import Servers
from tests.graphql.canaries import signed_in_customer
from tests.shopkeeping import ADDRESS, USD, Api, Shopkeeper, Stocked, counted_statements, new_word, variant_public_id

SIZES = (1, 20, 100)  # products of a page, variants of a product, lines of a cart

BUDGETS = {  # statements cold, statements warm, at most: how words are read is kept for a second,
    # the index's size for half a minute
    "list with price, stock and category": (8, 1),
    "list with variants": (9, 1),
    "search with count and facets": (9, 1),
    "list of what is available": (5, 4),
    "category page": (10, 0),
    "product page": (12, 1),
    "read a cart": (8, 6),
    "create a cart": (7, 7),
    "add lines to a cart": (12, 10),
    "add lines with a key": (15, 13),  # look for the answer, claim the key, keep the answer
    "the same call again": (1, 1),
    "merge two carts": (13, 11),
    "complete a checkout": (36, 34),
    "read an order": (6, 4),
    "order history": (8, 6),
    "address book": (2, 2),
}

LIST = """query ($q: String, $n: Int) { products(query: $q, first: $n) {
  nodes { id name slug brand thumbnail { url } priceRange { min { amount } max { amount } } onSale
    availability { state quantity } category { name } }
  pageInfo { hasNextPage endCursor } } }"""
LIST_OF_VARIANTS = """query ($q: String, $n: Int) { products(query: $q, first: $n) {
  nodes { name categoryPath { name } variants(first: 2) { nodes {
    sku price { current { amount } } availability { state } product { slug } } } } } }"""
SEARCH = """query ($q: String, $n: Int) { products(query: $q, first: $n) {
  nodes { name priceRange { min { amount } } availability { state } } totalCount { value }
  facets { slug ... on ListFacet { values { value label count { value } } } ... on RangeFacet { min max } } } }"""
AVAILABLE = """query ($q: String, $n: Int) { products(query: $q, first: $n, filter: {available: true}) {
  nodes { name } totalCount { value } } }"""
DETAIL = """query ($slug: String!) { product(by: {slug: $slug}) { name description categoryPath { name slug }
  options { name values } attributes { name values } images { nodes { url } }
  variants(first: 100) { nodes {
    id sku name price { current { amount } compareAt { amount } } availability { state } } }
  related { name priceRange { min { amount } } } } }"""
CATEGORY = """query ($slug: String!, $n: Int) { category(by: {slug: $slug}) { name path { name } children { name }
  products(first: $n) { nodes { name priceRange { min { amount } } } totalCount { value } } } }"""
CART = """query ($id: ID!) { cart(id: $id) { version totalQuantity cost { total { amount } }
  lines(first: 100) { nodes { quantity total { amount } problems { __typename }
    variant { sku product { name slug } } } }
  deliveryOptions { name } readiness { ready } problems { __typename } } }"""
ADD = """mutation ($i: CartLinesAddInput!) { cartLinesAdd(input: $i) { userErrors { code }
  cart { version totalQuantity cost { total { amount } }
    lines(first: 100) { nodes { quantity variant { sku product { name } } } } } } }"""
MERGE = """mutation ($i: CartMergeInput!) { cartMerge(input: $i) { summed userErrors { code }
  cart { lines(first: 100) { nodes { quantity variant { sku product { name } } } } } } }"""
CREATE = "mutation ($i: CartCreateInput!) { cartCreate(input: $i) { cart { id version } userErrors { code } } }"
CHECKOUT = """mutation ($i: CheckoutCompleteInput!) { checkoutComplete(input: $i) { __typename
  ... on CheckoutCompleted { orderAccessToken order { number cost { total { amount } }
    lines(first: 100) { nodes { sku quantity variant { product { name } } } } } } } }"""
HISTORY = """query ($n: Int) { me { orders(first: $n) { totalCount { value } nodes { number canCancel
  lines(first: 1) { nodes { sku variant { product { name } } } } payments { status } timeline { kind } } } } }"""
SAVE = "mutation ($a: AddressInput!) { addressCreate(input: {address: $a}) { userErrors { code } } }"
BOOK = "{ me { addresses { id address { line1 } } } }"
ORDER = """query ($token: String!) { order(by: {accessToken: $token}) { number status
  lines(first: 100) { nodes { sku quantity variant { sku product { name } } } }
  payments { status } timeline { kind } } }"""


@dataclass(frozen=True, slots=True)
class Scene:
    """101 products of one word and category, each in two variants."""

    api: Api
    word: str
    stocked: list[Stocked]

    def lines(self, size: int, quantity: int = 1) -> list[dict[str, Any]]:
        ids = [each.variant_id for each in self.stocked[:size]]
        return [{"variantId": variant_public_id(key), "quantity": quantity} for key in ids]

    async def ready_cart(self, size: int) -> dict[str, Any]:
        cart = (await self.api.cart_create(lines=self.lines(size), email="a@example.com", shippingAddress=ADDRESS))[
            "cart"
        ]
        return (await self.api.cart_mutation("cartUpdate", cartId=cart["id"], deliveryOptionId="ship_2"))["cart"]


@pytest.fixture(scope="module")
async def scene(api: Api, keeper: Shopkeeper) -> Scene:
    word = new_word()

    def draft(number: int) -> ProductDraft:
        variants = tuple(
            VariantDraft(
                Money.parse("10.00", USD),
                sku=f"{word}-{number}-{size}".upper(),
                selected_options=(SelectedOption("Size", size),),
                on_hand=1_000,
                stock_policy=StockPolicy.DENY,
            )
            for size in "SM"
        )
        path = (f"Shelf {word}", f"Box {word} {number % 7}")
        name = f"{word} {number:03}"
        return ProductDraft(word + name, "test", name, variants, brand=f"B{number % 5}", category_path=path)

    drafts = [draft(number) for number in range(101)]  # more than the largest page
    await keeper.store_all(drafts)
    return Scene(api, word, [await keeper.store(each) for each in drafts])


@pytest.fixture
async def forget(servers: Servers) -> Callable[[], Awaitable[None]]:
    """Empties the cache."""

    async def forget() -> None:
        async with Redis.from_url(servers.valkey.url) as client:
            await client.flushall()

    return forget


async def count(shop: Shop, operation: Callable[[], Awaitable[Any]]) -> list[str]:
    """The statements of an operation, each as its verb and its first table: enough to see which one is new.

    Which sessions have ended is asked every two seconds, by whatever request comes then: no operation's own statement.
    """
    with counted_statements(shop) as statements:
        await operation()
    return [_label(statement) for statement in statements if not _ENDED_SESSIONS.search(statement)]


def _label(statement: str) -> str:
    table = re.search(r"\b(?:FROM|INTO|UPDATE) (?!ended|demand|jsonb|unnest|\()(\w+)", statement)
    return f"{statement.split()[0]} {table[1] if table else '?'}"


_ENDED_SESSIONS = re.compile(r"session\.ended_at > ")

LISTS = {
    "list with price, stock and category": LIST,
    "list with variants": LIST_OF_VARIANTS,
    "search with count and facets": SEARCH,
    "list of what is available": AVAILABLE,
    "category page": CATEGORY,
}


def assert_budget(name: str, cold: list[str], warm: list[str]) -> None:
    most_cold, most_warm = BUDGETS[name]
    assert len(cold) <= most_cold, (name, sorted(cold))
    assert len(warm) <= most_warm, (name, sorted(warm))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LISTS)
async def test_listing_products(
    api: Api, shop: Shop, scene: Scene, forget: Callable[[], Awaitable[None]], name: str, size: int
) -> None:
    document = LISTS[name]
    variables = {"slug": f"shelf-{scene.word}"} if "$slug" in document else {"q": scene.word}

    async def run() -> None:
        answer = await api.data(document, **variables, n=size)
        products = (answer.get("category") or answer)["products"]
        assert len(products["nodes"]) == size

    await forget()
    cold, warm = await count(shop, run), await count(shop, run)

    assert_budget(name, cold, warm)


@pytest.mark.parametrize("size", SIZES)
async def test_showing_a_product(
    api: Api, shop: Shop, keeper: Shopkeeper, forget: Callable[[], Awaitable[None]], size: int
) -> None:
    word = new_word()
    sizes = tuple(f"{number:03}" for number in range(size))
    await keeper.stock(f"Detail {word}", sizes=sizes, category_path=(f"Details {word}", f"Detail {word}"))
    await keeper.stock(f"Other {word}", category_path=(f"Details {word}", f"Detail {word}"))

    async def run() -> None:
        found = (await api.data(DETAIL, slug=f"detail-{word}"))["product"]
        assert (len(found["variants"]["nodes"]), len(found["related"])) == (size, 1)

    await forget()
    cold, warm = await count(shop, run), await count(shop, run)

    assert_budget("product page", cold, warm)


@pytest.mark.parametrize("size", SIZES)
async def test_reading_a_cart(
    api: Api, shop: Shop, scene: Scene, forget: Callable[[], Awaitable[None]], size: int
) -> None:
    cart = await scene.ready_cart(size)

    async def run() -> None:
        assert len((await api.data(CART, id=cart["id"]))["cart"]["lines"]["nodes"]) == size

    await forget()
    cold, warm = await count(shop, run), await count(shop, run)

    assert_budget("read a cart", cold, warm)


@pytest.mark.parametrize("size", SIZES)
async def test_changing_a_cart(
    api: Api, shop: Shop, scene: Scene, forget: Callable[[], Awaitable[None]], size: int
) -> None:
    cart = await scene.ready_cart(size)
    values = {"cartId": cart["id"], "lines": scene.lines(size)}

    async def run() -> None:
        payload = (await api.data(ADD, i=values))["cartLinesAdd"]
        assert (payload["userErrors"], len(payload["cart"]["lines"]["nodes"])) == ([], size)

    await forget()
    cold, warm = await count(shop, run), await count(shop, run)

    assert_budget("add lines to a cart", cold, warm)


@pytest.mark.parametrize("size", SIZES)
async def test_changing_a_cart_with_a_key(
    api: Api, shop: Shop, scene: Scene, forget: Callable[[], Awaitable[None]], size: int
) -> None:
    cart = await scene.ready_cart(size)
    values = {"cartId": cart["id"], "lines": scene.lines(size)}

    async def run(key: str) -> None:
        payload = (await api.data(ADD, i={**values, "idempotencyKey": key}))["cartLinesAdd"]
        assert (payload["userErrors"], len(payload["cart"]["lines"]["nodes"])) == ([], size)

    await forget()
    cold, warm = await count(shop, lambda: run("one")), await count(shop, lambda: run("two"))
    again = await count(shop, lambda: run("one")), await count(shop, lambda: run("two"))

    assert_budget("add lines with a key", cold, warm)
    assert_budget("the same call again", *again)


@pytest.mark.parametrize("size", SIZES)
async def test_merging_carts(
    api: Api, shop: Shop, scene: Scene, forget: Callable[[], Awaitable[None]], size: int
) -> None:
    carts = [await scene.ready_cart(size) for _ in range(4)]

    async def run() -> None:
        values = {"sourceCartId": carts.pop()["id"], "targetCartId": carts.pop()["id"]}
        payload = (await api.data(MERGE, i=values))["cartMerge"]
        assert (payload["summed"], len(payload["cart"]["lines"]["nodes"])) == (size, size)

    await forget()
    cold, warm = await count(shop, run), await count(shop, run)

    assert_budget("merge two carts", cold, warm)


@pytest.mark.parametrize("size", SIZES)
async def test_creating_a_cart(
    api: Api, shop: Shop, scene: Scene, forget: Callable[[], Awaitable[None]], size: int
) -> None:
    async def run() -> None:
        payload = await api.data(CREATE, i={"lines": scene.lines(size), "email": "a@example.com"})
        assert payload["cartCreate"]["userErrors"] == []

    await forget()
    cold, warm = await count(shop, run), await count(shop, run)

    assert_budget("create a cart", cold, warm)


@pytest.mark.parametrize("size", SIZES)
async def test_checking_out_and_reading_the_order(
    api: Api, shop: Shop, scene: Scene, forget: Callable[[], Awaitable[None]], size: int
) -> None:
    tokens: list[str] = []
    carts = [await scene.ready_cart(size) for _ in range(2)]

    async def run() -> None:
        cart = carts.pop()
        values = {
            "cartId": cart["id"],
            "idempotencyKey": "count",
            "expectedTotal": {name: cart["cost"]["total"][name] for name in ("amount", "currencyCode")},
            "payment": {"paymentMethodId": "pm_card_visa"},
        }
        outcome = (await api.data(CHECKOUT, i=values))["checkoutComplete"]
        assert len(outcome["order"]["lines"]["nodes"]) == size
        tokens.append(outcome["orderAccessToken"])

    async def read() -> None:
        assert len((await api.data(ORDER, token=tokens[-1]))["order"]["lines"]["nodes"]) == size

    await forget()
    cold, warm = await count(shop, run), await count(shop, run)
    await forget()
    reading = await count(shop, read), await count(shop, read)

    assert_budget("complete a checkout", cold, warm)
    assert_budget("read an order", *reading)


@pytest.mark.parametrize("size", [1, 10])
async def test_reading_an_order_history_and_an_address_book(
    http: httpx.AsyncClient, shop: Shop, scene: Scene, forget: Callable[[], Awaitable[None]], size: int
) -> None:
    api = (await signed_in_customer(shop, http)).api
    for _ in range(size):
        await api.checkout(await Scene(api, scene.word, scene.stocked).ready_cart(1))
        await api.data(SAVE, a=ADDRESS)

    async def history() -> None:
        assert len((await api.data(HISTORY, n=size))["me"]["orders"]["nodes"]) == size

    async def book() -> None:
        assert len((await api.data(BOOK))["me"]["addresses"]) == size

    await forget()
    await api.data("{ me { id } }")
    reading = await count(shop, history), await count(shop, history)
    assert_budget("order history", *reading)
    assert_budget("address book", await count(shop, book), await count(shop, book))
