"""Any walk through any list, in any sizes of pages, while rows come, change and go: property tests on real servers.

Whoever reads a list from one end to the other has seen every row that was there all the time and stayed as it was, once
and in its place; a row that came or went meanwhile is seen once at most; only one that moved may be met again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.bootstrap import Shop
from app.cache import keys
from app.catalog.domain import ProductDraft, VariantDraft
from app.core.ids import Kind, decode, encode
from app.core.money import Money
from tests.shopkeeping import USD, Api, Shopkeeper, new_word, variant_public_id

SORTS = ("RELEVANCE", "BEST_SELLING", "NEWEST", "PRICE_ASC", "PRICE_DESC", "NAME_ASC", "NAME_DESC")
PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
MOST_PAGES = 100  # a walk that never ends is a fault too
unshrunk = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink a failure takes minutes against real servers
bounded = settings(deadline=None, max_examples=25, phases=unshrunk)


@dataclass(slots=True)
class Log:
    """What happened to the rows of a list."""

    came: set[Hashable] = field(default_factory=set)
    moved: set[Hashable] = field(default_factory=set)
    gone: set[Hashable] = field(default_factory=set)

    def assert_fair(self, seen: Sequence[Hashable], order: Sequence[Hashable]) -> None:
        """order: the rows before the walk, as they are to be met."""
        touched = self.came | self.moved | self.gone
        untouched = [row for row in order if row not in touched]
        assert [row for row in seen if row in set(untouched)] == untouched
        assert {row for row, count in Counter(seen).items() if count > 1} <= self.moved


async def walk(
    page: Callable[[bool, str | None], Awaitable[dict[str, Any]]],
    row_of: Callable[[dict[str, Any]], Hashable],
    between: Callable[[], Awaitable[None]],
    *,
    forward: bool = True,
) -> list[Hashable]:
    """Every row that a client meets which follows the cursors to the end."""
    seen: list[Hashable] = []
    cursor = None
    for _ in range(MOST_PAGES):
        found = await page(forward, cursor)
        rows = [row_of(node) for node in found["nodes"]]
        seen += rows if forward else rows[::-1]
        if not found["pageInfo"]["hasNextPage" if forward else "hasPreviousPage"]:
            return seen
        cursor = found["pageInfo"]["endCursor" if forward else "startCursor"]
        await between()
    raise AssertionError("the walk does not end")


# ------------------------------------------------------------------------------------------------ products

PRODUCTS = f"""query ($q: String, $s: ProductSort, $n: Int, $a: Cursor, $l: Int, $b: Cursor) {{
  products(query: $q, sort: $s, first: $n, after: $a, last: $l, before: $b) {{ nodes {{ name }} {PAGE_INFO} }} }}"""
looks = st.tuples(st.sampled_from("aáBc"), st.sampled_from((100, 200)), st.sampled_from((0, 1)), st.booleans())
products_events = st.lists(st.tuples(st.sampled_from(("come", "move", "go")), st.integers(0, 20), looks), max_size=2)


def product(word: str, number: int, look: tuple[str, int, int, bool]) -> ProductDraft:
    """A product with many equals in every order. look: first letter, price, popularity, where the word stands."""
    letter, cents, popularity, in_name = look
    return ProductDraft(
        key=f"{word}-{number}",
        source="test",
        name=f"{letter} {number:03} {word}" if in_name else f"{letter} {number:03}",
        description="" if in_name else word,
        variants=(VariantDraft(Money(cents, USD), sku=f"{word[::-1]}-{number}"),),  # a word in it would be found
        popularity=popularity,
    )


@dataclass(slots=True)
class Shelf:
    """A word's products, and what happens to them between two pages."""

    keeper: Shopkeeper
    word: str
    plan: list[list[tuple[str, int, tuple[str, int, int, bool]]]]
    drafts: list[ProductDraft]
    log: Log = field(default_factory=Log)

    async def disturb(self) -> None:
        changes: dict[int, ProductDraft] = {}
        for event, place, look in self.plan.pop(0) if self.plan else []:
            number = len(self.drafts) if event == "come" else place % len(self.drafts)
            draft = product(self.word, number, look)
            if event == "come":
                self.drafts.append(draft)
                self.log.came.add(number)
            elif event == "move":
                self.log.moved.add(number)
            else:
                draft = replace(draft, name=f"x {number:03}", description="no word of it")
                self.log.gone.add(number)
            changes[number] = draft
        if changes:
            await self.keeper.store_all(list(changes.values()))


@pytest.mark.parametrize("sort", SORTS)
@settings(bounded, max_examples=8)
@given(
    first=st.lists(looks, min_size=3, max_size=10),
    plan=st.lists(products_events, max_size=10),
    size=st.integers(1, 4),
    forward=st.booleans(),
)
async def test_products_there_and_back(
    api: Api, keeper: Shopkeeper, sort: str, first: list[Any], plan: list[Any], size: int, forward: bool
) -> None:
    word = new_word()
    shelf = Shelf(keeper, word, plan, [product(word, number, look) for number, look in enumerate(first)])
    await keeper.store_all(shelf.drafts)

    async def page(forward: bool, cursor: str | None) -> dict[str, Any]:
        window = {"n": size, "a": cursor} if forward else {"l": size, "b": cursor}
        return (await api.data(PRODUCTS, q=word, s=sort, **window))["products"]

    def number_of(node: dict[str, Any]) -> int:
        return int(node["name"].split()[1])

    async def nothing() -> None: ...

    for direction in (forward, not forward):
        order = await walk(page, number_of, nothing, forward=direction)
        assert len(order) == len(set(order))
        shelf.log = Log()
        seen = await walk(page, number_of, shelf.disturb, forward=direction)
        shelf.log.assert_fair(seen, order)


# ------------------------------------------------------------------------------------------------ categories

CATEGORIES = f"""query ($p: ID, $n: Int, $a: Cursor) {{
  categories(parentId: $p, first: $n, after: $a) {{ nodes {{ id }} {PAGE_INFO} }} }}"""
category_names = st.sampled_from(("Mugs", "mugs", "Múgs", "Cups", "Änder", "Zebra", "漢字", "\U0001f6d2", "- -"))


async def add_category(shop: Shop, parent_id: int | None, name: str) -> int:
    unique = new_word()  # two of one name are one category to an import, so the path says something else
    async with shop.database.write() as connection:
        statement = """INSERT INTO category (parent_id, slug, name, path_names, path_ids)
            VALUES (:parent, :unique, :name, ARRAY[:unique], '{}') RETURNING id"""
        values = {"parent": parent_id, "unique": unique, "name": name}
        return (await connection.execute(text(statement), values)).scalar_one()


@bounded
@given(
    first=st.lists(category_names, min_size=2, max_size=8),
    plan=st.lists(st.lists(st.integers(0, 20) | category_names, max_size=2), max_size=8),
    size=st.integers(1, 3),
)
async def test_categories_below_one(
    api: Api, shop: Shop, first: list[str], plan: list[list[int | str]], size: int
) -> None:
    top = await add_category(shop, None, new_word())
    for name in first:
        await add_category(shop, top, name)
    await shop.cache.drop_tags([keys.CATALOG])
    log = Log()

    async def page(_: bool, cursor: str | None) -> dict[str, Any]:
        found = await api.data(CATEGORIES, p=encode(Kind.CATEGORY, top), n=size, a=cursor)
        return found["categories"]

    async def disturb() -> None:
        for event in plan.pop(0) if plan else []:
            if isinstance(event, str):
                log.came.add(encode(Kind.CATEGORY, await add_category(shop, top, event)))
            else:
                leaving = order[event % len(order)]
                log.gone.add(leaving)
                async with shop.database.write() as connection:
                    await connection.execute(text("DELETE FROM category WHERE id = :id"), {"id": decode(leaving)[1]})
        await shop.cache.drop_tags([keys.CATALOG])

    async def nothing() -> None: ...

    order: list[Any] = await walk(page, lambda node: node["id"], nothing)
    assert len(order) == len(set(order)) == len(first)
    seen = await walk(page, lambda node: node["id"], disturb)
    log.assert_fair(seen, order)


# ------------------------------------------------------------------------------------------------ lines of a cart

LINES = f"""query ($id: ID!, $n: Int, $a: Cursor) {{
  cart(id: $id) {{ lines(first: $n, after: $a) {{ nodes {{ id }} {PAGE_INFO} }} }} }}"""
SIZES = tuple(f"size {number}" for number in range(12))


@bounded
@given(
    lines=st.integers(2, 8),
    plan=st.lists(st.tuples(st.sampled_from(("come", "change", "go")), st.integers(0, 20)), max_size=8),
    size=st.integers(1, 3),
)
async def test_lines_of_a_cart(
    api: Api, keeper: Shopkeeper, lines: int, plan: list[tuple[str, int]], size: int
) -> None:
    stocked = await keeper.stock(sizes=SIZES)
    variants = [{"variantId": variant_public_id(each)} for each in stocked.variant_ids]
    cart = (await api.cart_create(lines=variants[:lines]))["cart"]
    order = [line["id"] for line in cart["lines"]["nodes"]]
    alive, log, coming = list(order), Log(), variants[lines:]

    async def disturb() -> None:
        event, place = plan.pop(0) if plan else ("", 0)
        if event == "come" and coming:
            changed = (await api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=[coming.pop(0)]))["cart"]
            log.came.update(line["id"] for line in changed["lines"]["nodes"] if line["id"] not in order)
        elif event == "go" and alive:
            leaving = alive.pop(place % len(alive))
            log.gone.add(leaving)
            await api.cart_mutation("cartLinesRemove", cartId=cart["id"], lineIds=[leaving])
        elif event == "change" and alive:  # in its quantity, which is no part of the order
            change = {"lineId": alive[place % len(alive)], "quantity": 2 + place}
            await api.cart_mutation("cartLinesUpdate", cartId=cart["id"], lines=[change])

    async def page(_: bool, cursor: str | None) -> dict[str, Any]:
        return (await api.data(LINES, id=cart["id"], n=size, a=cursor))["cart"]["lines"]

    seen = await walk(page, lambda node: node["id"], disturb)

    log.assert_fair(seen, order)
