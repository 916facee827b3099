"""What one guest was answered is given to the next who asks the same: only what is public, and nothing that is old."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from app.accounts.domain import Identity, Role
from app.bootstrap import Shop
from app.catalog.search_rules import SearchRules, Synonym
from app.core.ids import CustomerId, SessionId
from app.core.public_answers import Lookup, PublicAnswer, PublicAnswers
from app.core.throttle import Bucket, Taken, ThrottleStatus
from app.http.caller import Caller
from app.http.graphql_request import checked_request
from app.http.operations import Operations, Refused
from app.http.public_queries import STREAK, PublicQueries
from resolvers.context import Context
from resolvers.schema import build_schema
from tests.graphql.generated_queries import GeneratedQuery, queries
from tests.graphql.shop_operations import operations_of
from tests.market import Market
from tests.shopkeeping import Api, ManualClock, Shopkeeper, Stocked, counted_statements, new_word
from tests.waiting import until

LIST = """query ($q: String, $n: Int = 5) { products(query: $q, first: $n) {
  nodes { id name brand category { name } priceRange { min { amount } }
          variants { nodes { sku price { current { amount } } } } }
  totalCount { value } facets { slug ... on ListFacet { values { value count { value } } } }
  pageInfo { endCursor } } }"""
NAMES = "query ($q: String) { products(query: $q) { nodes { name } } }"
GUEST = Caller("request", None, ("guests", Bucket(1_000_000, 1_000_000)))


@dataclass
class Recorded:
    """Kept answers that remember what was looked for and what was kept."""

    inner: PublicAnswers
    looked: list[str] = field(default_factory=list)
    kept: list[PublicAnswer] = field(default_factory=list)

    async def find(self, question: str) -> Lookup:
        self.looked.append(question)
        return await self.inner.find(question)

    def keep(self, lookup: Lookup, answer: PublicAnswer, read_at: float) -> None:
        self.kept.append(answer)
        self.inner.keep(lookup, answer, read_at)


@pytest.fixture
def recorded(shop: Shop) -> Recorded:
    return Recorded(shop.public_answers)


@pytest.fixture
def operations(shop: Shop, recorded: Recorded) -> Operations:
    return operations_of(shop, public_answers=recorded)


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    word = new_word()
    return await keeper.stock(f"Mug {word}", brand=f"Brand {word}", category_path=(f"Shelf {word}",), on_hand=9)


def word_of(stocked: Stocked) -> str:
    return stocked.draft.name.split()[1]


async def executed(operations: Operations, query: str, caller: Caller = GUEST, **variables: Any) -> bytes:
    request = checked_request({"query": query, "variables": variables})
    return await operations.execute(await operations.prepare(request, caller))


# ------------------------------------------------------------------------------------------------ what is kept


async def test_what_was_asked_before_reads_nothing(api: Api, shop: Shop, mug: Stocked) -> None:
    first = await api.raw(LIST, q=word_of(mug))

    with counted_statements(shop) as statements:
        second = await api.raw(LIST, q=word_of(mug))

    assert second == first
    assert mug.draft.name.encode() in second
    assert statements == []


@pytest.mark.parametrize(
    "query",
    [
        LIST,
        NAMES,
        "query ($s: String!) { variant(by: {sku: $s}) { sku price { current { amount } } product { name } } }",
        "query ($q: String!) { searchSuggestions(query: $q) { queries products { name } categories { name } } }",
        "query ($q: String) { products(query: $q) { edges { highlight } } }",
        "{ shop { name currency languages } }",
        "{ __schema { types { name } } }",
        '{ product(by: {slug: "no-such-product"}) { name } }',
    ],
)
async def test_public_data_is_kept(operations: Operations, recorded: Recorded, mug: Stocked, query: str) -> None:
    values = {"q": word_of(mug), "s": mug.sku}
    wanted = {name: value for name, value in values.items() if f"${name}:" in query}

    bodies = [await executed(operations, query, **wanted) for _ in range(3)]

    assert [answer.body for answer in recorded.kept] == bodies[:1]
    assert bodies == bodies[:1] * 3


@pytest.mark.parametrize(
    "query",
    [
        "query ($s: String!) { variant(by: {sku: $s}) { availability { state } } }",
        "query ($s: String!) { variant(by: {sku: $s}) { product { availability { quantity } } } }",
        "query ($q: String) { products(query: $q, filter: {available: true}) { nodes { name } } }",
        "query ($q: String) { products(query: $q, filter: {available: false}) { totalCount { value } } }",
        "query ($q: String) { products(query: $q) { nodes { name } freshness { ageMs } } }",
    ],
)
async def test_stock_and_what_is_of_this_moment_is_not(
    operations: Operations, recorded: Recorded, mug: Stocked, query: str
) -> None:
    values = {"q": word_of(mug), "s": mug.sku}
    wanted = {name: value for name, value in values.items() if f"${name}:" in query}

    for _ in range(2):
        await executed(operations, query, **wanted)

    assert len(recorded.looked) == 2
    assert recorded.kept == []


@pytest.mark.parametrize(
    "query",
    [
        "query ($cart: ID!) { cart(id: $cart) { totalQuantity } }",
        "query ($cart: ID!) { shop { name } node(id: $cart) { id } }",
        "query ($cart: ID!) { nodes(ids: [$cart]) { id } }",
        "query ($attempt: ID!) { checkoutAttempt(id: $attempt) { id } }",
        "query ($token: String!) { order(by: {accessToken: $token}) { number status } }",
        "query ($cart: ID!) { ...It } fragment It on Query { shop { name } it: cart(id: $cart) { totalQuantity } }",
        "query ($cart: ID!) { shop { name } cart(id: $cart) @skip(if: true) { totalQuantity } }",
        "{ me { email } }",
    ],
)
async def test_for_carts_and_orders_nothing_is_even_looked_for(
    api: Api, operations: Operations, recorded: Recorded, mug: Stocked, query: str
) -> None:
    cart = await api.ready_cart((mug.variant_id, 1))
    outcome = await api.checkout(cart)
    values = {"cart": cart["id"], "attempt": outcome["attempt"]["id"], "token": outcome["orderAccessToken"]}

    body = await executed(operations, query, **{name: value for name, value in values.items() if f"${name}:" in query})

    assert b'"errors"' not in body
    assert (recorded.looked, recorded.kept) == ([], [])


async def test_an_operation_that_never_shows_anything_public_is_looked_for_no_more_until_it_does(
    operations: Operations, recorded: Recorded, mug: Stocked
) -> None:
    query = """query ($s: String!, $stock: Boolean!) { variant(by: {sku: $s}) {
      sku availability @include(if: $stock) { state } } }"""

    for _ in range(STREAK + 3):
        await executed(operations, query, s=mug.sku, stock=True)
    with_stock = len(recorded.looked)
    for _ in range(3):
        await executed(operations, query, s=mug.sku, stock=False)

    assert (with_stock, len(recorded.looked)) == (STREAK, STREAK + 2)  # the first without it is for all
    assert len(recorded.kept) == 1


async def test_an_answer_lives_half_a_minute_whatever_it_is_made_from(
    api: Api, shop: Shop, clock: ManualClock, mug: Stocked
) -> None:
    await api.data("query ($s: String!) { variant(by: {sku: $s}) { product { name } } }", s=mug.sku)

    with clock.turned(timedelta(seconds=31)):
        await api.data(NAMES, q=word_of(mug))
    with clock.turned(timedelta(seconds=60)), counted_statements(shop) as statements:
        await api.data(NAMES, q=word_of(mug))

    assert statements == []


async def test_an_answer_with_errors_is_not_kept(operations: Operations, recorded: Recorded) -> None:
    query = '{ shop { name } products(after: "nonsense") { nodes { name } } }'

    bodies = [await executed(operations, query) for _ in range(2)]

    assert all(b'"errors"' in body for body in bodies)
    assert (len(recorded.looked), recorded.kept) == (2, [])


@pytest.mark.parametrize("debug", [frozenset({"cost"}), frozenset({"cache"})])
async def test_who_asks_about_the_execution_has_one(
    operations: Operations, recorded: Recorded, mug: Stocked, debug: frozenset[str]
) -> None:
    plain = await executed(operations, NAMES, q=word_of(mug))
    request = replace(checked_request({"query": NAMES, "variables": {"q": word_of(mug)}}), debug=debug)
    told = await operations.execute(await operations.prepare(request, GUEST))

    assert told.startswith(plain[:-1])
    assert b'"extensions"' in told
    assert len(recorded.looked) == len(recorded.kept) == 1


async def test_what_a_customer_asks_is_neither_looked_for_nor_kept(
    shop: Shop, operations: Operations, recorded: Recorded, mug: Stocked
) -> None:
    customer = CustomerId(uuid4())
    identity = Identity(customer, SessionId(uuid4()), Role.CUSTOMER, "token")
    asked_by = replace(GUEST, customer_id=customer, identity=identity)

    bodies = [await executed(operations, NAMES, who, q=word_of(mug)) for who in (asked_by, GUEST, asked_by)]

    assert len(set(bodies)) == len(recorded.looked) == len(recorded.kept) == 1


async def test_whoever_is_signed_in_is_told_so_beside_what_guests_share(
    api: Api, customers: tuple[Api, Api], mug: Stocked
) -> None:
    query = "query ($q: String) { me { email } products(query: $q) { nodes { name } } }"

    answers = [await who.data(query, q=word_of(mug)) for who in (api, customers[0], customers[1], api)]

    emails = [(answer["me"] or {}).get("email") for answer in answers]
    assert emails == [None, "ada@example.com", "ben@example.com", None]
    assert len({str(answer["products"]) for answer in answers}) == 1


# ------------------------------------------------------------------------------------------------ what ends it


async def test_a_new_price_is_told_at_once(api: Api, shop: Shop, keeper: Shopkeeper, mug: Stocked) -> None:
    await api.data(LIST, q=word_of(mug))
    variant = replace(mug.draft.variants[0], price=replace(mug.draft.variants[0].price, minor=2_345))
    await keeper.store(replace(mug.draft, variants=(variant,)))

    (node,) = (await api.data(LIST, q=word_of(mug)))["products"]["nodes"]

    assert node["priceRange"]["min"]["amount"] == "23.45"
    assert node["variants"]["nodes"][0]["price"]["current"]["amount"] == "23.45"


async def test_another_product_that_matches_is_found_at_once(api: Api, keeper: Shopkeeper, mug: Stocked) -> None:
    before = await api.data(NAMES, q=word_of(mug))
    cup = await keeper.stock(f"Cup {word_of(mug)}")

    after = await api.data(NAMES, q=word_of(mug))

    assert [node["name"] for node in before["products"]["nodes"]] == [mug.draft.name]
    assert {node["name"] for node in after["products"]["nodes"]} == {mug.draft.name, cup.draft.name}


async def test_a_promotion_is_told_at_once(market: Market) -> None:
    word = new_word()
    await market.keeper.stock(f"Mug {word}", price="10.00", brand=f"Brand {word}")
    before = await market.api.raw(LIST, q=word)

    await market.terms(f"promotions: [{{key: half, name: Half, on: catalog, percent: 50, brands: [Brand {word}]}}]")

    after = await market.api.raw(LIST, q=word)
    assert (b'"10.00"' in before, b'"5.00"' in before) == (True, False)
    assert (b'"10.00"' in after, b'"5.00"' in after) == (False, True)


async def test_a_synonym_holds_at_once(api: Api, shop: Shop, mug: Stocked) -> None:
    other = new_word()
    query = LIST.replace("nodes {", "correctedQuery nodes {", 1)
    missed = await api.data(query, q=other)
    await shop.store_rules(SearchRules(synonyms=(Synonym("en", other, word_of(mug)),)))

    found = await api.data(query, q=other)

    assert missed["products"]["nodes"] == []
    assert [node["name"] for node in found["products"]["nodes"]] == [mug.draft.name]


async def test_readers_beside_writers_never_see_what_was_before_a_change_that_is_done(
    api: Api, keeper: Shopkeeper, mug: Stocked
) -> None:
    price, done, stop = 1_000, 1_000, False  # it costs 10.00
    seen: list[tuple[int, int]] = []

    async def read() -> None:
        while not stop:
            least = done
            (node,) = (await api.data(LIST, q=word_of(mug)))["products"]["nodes"]
            seen.append((least, round(float(node["variants"]["nodes"][0]["price"]["current"]["amount"]) * 100)))

    readers = [asyncio.create_task(read()) for _ in range(6)]
    for _ in range(25):
        price += 1
        variant = replace(mug.draft.variants[0], price=replace(mug.draft.variants[0].price, minor=price))
        await keeper.store(replace(mug.draft, variants=(variant,)))
        done, before = price, len(seen)
        await until(lambda: len(seen) > before + len(readers))  # noqa: B023  of the loop that waits
    stop = True
    await asyncio.gather(*readers)

    assert len(seen) > 25
    assert [pair for pair in seen if pair[1] < pair[0]] == []


async def test_it_ends_with_its_minute(api: Api, shop: Shop, clock: ManualClock, mug: Stocked) -> None:
    await api.data(NAMES, q=word_of(mug))

    with clock.turned(timedelta(seconds=61)), counted_statements(shop) as statements:
        await api.data(NAMES, q=word_of(mug))

    assert statements != []


async def test_every_query_that_finds_nothing_is_counted(api: Api, shop: Shop) -> None:
    word = new_word()

    for _ in range(3):
        await api.data(NAMES, q=word)

    counts = {miss.query: miss.times for miss in await shop.search_misses.most_frequent(1_000)}
    assert counts[word] == 3


# ------------------------------------------------------------------------------------------------ which is which


async def test_other_questions_have_other_answers(operations: Operations, recorded: Recorded, mug: Stocked) -> None:
    document = "query A ($q: String) { products(query: $q) { nodes { name } } } query B { shop { name } }"
    asked: list[tuple[str, str | None, dict[str, Any]]] = [
        (NAMES, None, {}),
        (NAMES, None, {"q": None}),
        (NAMES, None, {"q": word_of(mug)}),
        (NAMES, None, {"q": 1}),
        (NAMES, None, {"q": 1.0}),
        (NAMES, None, {"q": float("inf")}),
        (NAMES + " ", None, {}),
        (NAMES.replace("(query:", "(first: 2, query:"), None, {}),
        (NAMES.replace("String) {", 'String) @inContext(language: "de") {'), None, {}),
        (document, "A", {}),
        (document, "B", {}),
    ]
    for query, name, variables in asked:
        body = {"query": query, "operationName": name, "variables": variables}
        with suppress(Refused):  # some of the variables do not fit
            await operations.execute(await operations.prepare(checked_request(body), GUEST))

    assert len(set(recorded.looked)) == len(asked)


async def test_the_order_of_variables_makes_no_other_question(operations: Operations, recorded: Recorded) -> None:
    query = "query ($q: String, $n: Int) { products(query: $q, first: $n) { nodes { name } } }"

    await executed(operations, query, q="mug", n=3)
    await executed(operations, query, n=3, q="mug")

    assert len(set(recorded.looked)) == 1


async def test_shops_with_other_settings_share_nothing(shop: Shop) -> None:
    recorded = Recorded(shop.public_answers)
    schema, profile = build_schema(), shop.services.profile
    operation = schema.prepare("{ shop { name } }").choose(None)

    for each in (profile, replace(profile, name="Another shop"), replace(profile, countries=("US",))):
        await PublicQueries(recorded, schema.as_str(), each).find(operation, {})

    assert len(set(recorded.looked)) == 3


async def test_a_question_with_a_huge_integer_is_answered_and_not_kept(
    operations: Operations, recorded: Recorded
) -> None:
    body = await executed(operations, "{ shop { name } }", more=2**64)

    assert body.startswith(b'{"data":{"shop"')
    assert recorded.looked == []


# ------------------------------------------------------------------------------------------------ what it costs


class Purse:
    """A throttle that notes what it grants and is given back."""

    def __init__(self) -> None:
        self.moved: list[int] = []

    async def take(self, key: str, points: int, bucket: Bucket) -> Taken:
        self.moved.append(-points)
        return Taken(granted=True, status=ThrottleStatus(bucket.capacity, 0, bucket.restored_per_second))

    def give_back_soon(self, key: str, points: int, bucket: Bucket) -> None:
        self.moved.append(points)


async def test_a_kept_answer_costs_its_caller_what_it_cost_the_first(shop: Shop, mug: Stocked) -> None:
    purse = Purse()
    port: Any = purse
    operations = operations_of(shop, throttle=port)

    await executed(operations, LIST, q=word_of(mug), n=9)
    first, purse.moved = purse.moved, []
    await executed(operations, LIST, q=word_of(mug), n=9)

    assert first == purse.moved
    assert len(first) == 2


# ------------------------------------------------------------------------------------------------ whatever is asked


@pytest.mark.parametrize("is_varied", [False, True])
async def test_what_is_given_again_is_what_an_execution_gives(
    shop: Shop, known: dict[str, str], *, is_varied: bool
) -> None:
    loop, schema = asyncio.get_running_loop(), build_schema()
    recorded = Recorded(shop.public_answers)
    operations = operations_of(shop, public_answers=recorded)
    seen: Counter[str] = Counter()

    async def compare(query: GeneratedQuery) -> None:
        request = checked_request({"query": query.text, "variables": query.variables})
        recorded.kept.clear()
        try:
            ready = await operations.prepare(request, GUEST)
            bodies = [await operations.execute(ready) for _ in range(2)]
        except Refused:
            return
        if recorded.kept:
            result = await schema.run(ready.operation, ready.variables, Context(shop.services, None))
            assert bodies == [recorded.kept[0].body, msgspec.json.encode({"data": result.data})]
            assert len(recorded.kept) == 1
        seen["kept" if recorded.kept else "not kept"] += 1

    @given(query=queries(schema._schema, known, is_varied=is_varied))
    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    def check(query: GeneratedQuery) -> None:
        asyncio.run_coroutine_threadsafe(compare(query), loop).result()

    await asyncio.to_thread(check)

    assert min(seen["kept"], seen["not kept"]) > 5, seen
