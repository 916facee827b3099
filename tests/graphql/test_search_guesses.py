"""A query of which every word is known takes one statement, and nothing that was found for it since is missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from app.bootstrap import Shop
from app.catalog.search import Hits, ProductSort, SearchRequest
from app.catalog.search_rules import Pins, SearchRules, Synonym
from app.core.pagination import PageRequest
from tests.shopkeeping import Shopkeeper, Stocked, counted_statements, new_word

PAGE = PageRequest(5)


@pytest.fixture
def word() -> str:
    return new_word()


@pytest.fixture
def spellings(word: str) -> Iterator[str]:
    """The word again and again, each time in a spelling that has not been read yet."""
    return (f"{word}{' ,' * marks}" for marks in range(100))


@pytest.fixture
async def lamps(shop: Shop, keeper: Shopkeeper, word: str, spellings: Iterator[str]) -> list[Stocked]:
    """Products with the word in their names, the most popular first; the word is known, and so is the index's size."""
    stocked = [await keeper.stock(f"{word} lamp {number}", popularity=2 ** (12 - number)) for number in range(7)]
    await asked(shop, next(spellings))
    return stocked


async def asked(shop: Shop, query: str, sort: ProductSort = ProductSort.RELEVANCE, page: PageRequest = PAGE) -> Hits:
    return await shop.search_index.page(SearchRequest(query, sort=sort), page)


async def found(shop: Shop, query: str, page: PageRequest = PAGE) -> list[str]:
    """The names of the hits, in their order."""
    hits = await asked(shop, query, page=page)
    products = await shop.catalog.products_by_ids(hits.page.items)
    return [products[each].name for each in hits.page.items]


def names(stocked: Sequence[Stocked]) -> list[str]:
    return [each.draft.name for each in stocked]


@pytest.mark.parametrize("sort", list(ProductSort))
async def test_words_that_are_known_take_one_statement(
    shop: Shop, lamps: list[Stocked], spellings: Iterator[str], sort: ProductSort
) -> None:
    shop.search_index._state._until = 0.0  # type: ignore[attr-defined]  # so that it is read by the first one
    again = await asked(shop, next(spellings), sort)

    with counted_statements(shop) as statements:
        hits = await asked(shop, next(spellings), sort)

    assert sorted(hits.page.items) == sorted(again.page.items)
    assert len(statements) == 1, statements
    assert "search_pin" in statements[0]


async def test_a_guess_finds_the_page_in_its_order(
    shop: Shop, lamps: list[Stocked], word: str, spellings: Iterator[str]
) -> None:
    query = next(spellings)
    hits = await asked(shop, query)

    assert await found(shop, next(spellings)) == names(lamps[:5])
    assert await found(shop, query, PageRequest(5, cursor=hits.page.cursors[-1])) == names(lamps[5:])


async def test_a_pin_is_found_by_whoever_knew_the_word_without_it(
    shop: Shop, keeper: Shopkeeper, lamps: list[Stocked], word: str, spellings: Iterator[str]
) -> None:
    pinned = await keeper.stock(f"Something else {new_word()}", key=f"pin-{word}")
    await shop.store_rules(SearchRules(pins=(Pins("test", "en", word, (f"pin-{word}",)),)))

    query = next(spellings)
    assert await found(shop, query) == names([pinned, *lamps[:4]])

    await shop.store_rules(SearchRules(pins=(Pins("test", "en", word, ()),)))
    assert await found(shop, query) == names(lamps[:5])  # at once: nothing is kept of what a query has


async def test_a_cursor_within_pins_that_are_gone_leads_on_and_back(
    shop: Shop, keeper: Shopkeeper, lamps: list[Stocked], word: str, spellings: Iterator[str]
) -> None:
    await keeper.stock(f"Something else {new_word()}", key=f"pin-{word}")
    await shop.store_rules(SearchRules(pins=(Pins("test", "en", word, (f"pin-{word}",)),)))
    query = next(spellings)
    hits = await asked(shop, query)
    await shop.store_rules(SearchRules(pins=(Pins("test", "en", word, ()),)))
    at_the_pin = hits.page.cursors[0]

    assert await found(shop, query, PageRequest(5, cursor=at_the_pin)) == names(lamps[:5])
    assert await found(shop, query, PageRequest(5, cursor=at_the_pin, forward=False)) == []


async def test_a_synonym_is_found_by_whoever_knew_the_word_without_it(
    shop: Shop, keeper: Shopkeeper, lamps: list[Stocked], word: str, spellings: Iterator[str]
) -> None:
    other = new_word()
    best = await keeper.stock(f"{other} torch", popularity=2**14)
    await shop.store_rules(SearchRules(synonyms=(Synonym("en", word, other),)))

    with counted_statements(shop) as statements:
        assert await found(shop, next(spellings)) == names([best, *lamps[:4]])
    assert sum("product_search" in each for each in statements) == 2, statements  # a guess, and then the page

    await shop.store_rules(SearchRules(removed=(Synonym("en", word, other),)))


async def test_an_exact_name_and_an_exact_sku_come_first(shop: Shop, keeper: Shopkeeper, lamps: list[Stocked]) -> None:
    last = lamps[-1]
    await keeper.stock(f"{last.draft.name} deluxe", popularity=2**14)
    await asked(shop, last.draft.name)
    await asked(shop, last.sku)

    assert (await found(shop, f"{last.draft.name} ,"))[0] == last.draft.name
    assert (await found(shop, f" {last.sku.lower()} "))[0] == last.draft.name


async def test_nothing_is_guessed_of_words_that_no_name_has(shop: Shop, lamps: list[Stocked], word: str) -> None:
    begun = word[:-1]
    for query in (begun, f"{begun} ,"):
        assert await found(shop, query) == names(lamps[:5])
