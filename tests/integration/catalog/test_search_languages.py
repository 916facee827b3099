"""Searching in another language than the shop's: its stems, its stop words, and what nobody has translated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.bootstrap import Shop
from app.catalog.domain import Translation
from app.catalog.search import SearchRequest
from app.core.ids import ProductId
from app.core.pagination import PageRequest
from dataloaders.batching import Turns
from dataloaders.loaders import Loaders
from tests.shopkeeping import USD, Shopkeeper, new_word


@pytest.fixture
async def word(keeper: Shopkeeper) -> str:
    """The word of four products: one in three languages, one in two, two in the shop's own alone."""
    word = new_word()
    await keeper.stock(
        f"Red houses {word}",
        popularity=9,
        description="Made of wood.",
        translations=(
            Translation("de", f"Rote Häuser {word}", "Aus Holz gemacht."),
            Translation("fr", f"Maisons rouges {word}", "Faites de bois."),
        ),
    )
    await keeper.stock(f"Green garden {word}", popularity=5, translations=(Translation("de", f"Grüner Garten {word}"),))
    await keeper.stock(f"Plain houses {word}", popularity=3)
    await keeper.stock(f"Rote Grütze {word}", popularity=1)
    return word


async def found(shop: Shop, query: str, language: str | None) -> list[str]:
    hits = await shop.search_index.page(SearchRequest(query, language=language), PageRequest(20))
    count = await shop.search_index.count(SearchRequest(query, language=language))
    assert count.value == len(hits.page.items)
    return [product.split()[0] + " " + product.split()[1] for product in await names(shop, hits.page.items, None)]


async def names(shop: Shop, ids: tuple[ProductId, ...], language: str | None) -> list[str]:
    loaders = Loaders(shop.services.readers, Turns(), currency=USD, own_currency=USD, language=language)
    return [product.name for product in await loaders.product.load_many(ids)]


@pytest.mark.parametrize(
    ("query", "language", "expected"),
    [
        ("Haus", "de", ["Red houses"]),
        ("häuser", "de", ["Red houses"]),
        ("rotes Haus", "de", ["Red houses"]),
        ("das Haus", "de", ["Red houses"]),
        ("Holz", "de", ["Red houses"]),
        ("Gärten", "de", ["Green garden"]),
        ("maison rouge", "fr", ["Red houses"]),
        ("les maisons", "fr", ["Red houses"]),
        ("bois", "fr", ["Red houses"]),
        ("house", "de", ["Red houses", "Plain houses"]),
        ("house", "fr", ["Red houses", "Plain houses"]),
        ("house", None, ["Red houses", "Plain houses"]),
        ("house", "xx", ["Red houses", "Plain houses"]),
        ("Haus", None, []),
        ("maison", "de", []),
    ],
)
async def test_words_are_found_in_the_shoppers_language_and_in_the_shops(
    shop: Shop, word: str, query: str, language: str | None, expected: list[str]
) -> None:
    assert await found(shop, f"{query} {word}", language) == expected


async def test_a_phrase_holds_within_one_language(shop: Shop, word: str) -> None:
    assert await found(shop, f'"rote häuser" {word}', "de") == ["Red houses"]
    assert await found(shop, f'"häuser rote" {word}', "de") == []
    assert await found(shop, f'"red houses" {word}', "de") == ["Red houses"]


async def test_what_nobody_has_translated_says_which_language_it_is(shop: Shop, word: str) -> None:
    hits = await shop.search_index.page(SearchRequest(word), PageRequest(20))
    loaders = Loaders(shop.services.readers, Turns(), currency=USD, own_currency=USD, language="de")

    products = await loaders.product.load_many(hits.page.items)

    assert [(product.name.removesuffix(f" {word}"), product.language) for product in products] == [
        ("Rote Häuser", "de"),
        ("Grüner Garten", "de"),
        ("Plain houses", "en"),
        ("Rote Grütze", "en"),
    ]
    assert products[0].description == "Aus Holz gemacht."
    assert products[0].seo.title == f"Rote Häuser {word}"


async def test_a_translation_that_goes_is_forgotten(shop: Shop, keeper: Shopkeeper) -> None:
    word = new_word()
    stocked = await keeper.stock(f"Cup {word}", translations=(Translation("de", f"Tasse {word}"),))
    before = await found(shop, f"tasse {word}", "de")

    await keeper.store(replace(stocked.draft, translations=()))

    assert (before, await found(shop, f"tasse {word}", "de")) == ([f"Cup {word}"], [])


async def test_typing_errors_are_corrected_in_the_shoppers_language(shop: Shop, keeper: Shopkeeper) -> None:
    await keeper.stock("Lighthouse lamp", translations=(Translation("de", "Leuchtturmlampe Windlicht"),))

    hits = await shop.search_index.page(SearchRequest("leuchttrumlampe", language="de"), PageRequest(5))

    assert (len(hits.page.items), hits.corrected_query) == (1, "leuchtturmlampe")
