"""Suggestions for a half-typed query."""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

import pytest

from tests.shopkeeping import Api, Shopkeeper, new_word

SUGGEST = """query ($q: String!, $n: Int!) { searchSuggestions(query: $q, first: $n) {
  queries products { name } categories { name } } }"""


async def suggest(api: Api, query: str, first: int = 5) -> dict[str, Any]:
    found = (await api.data(SUGGEST, q=query, n=first))["searchSuggestions"]
    return {
        "queries": found["queries"],
        "products": [product["name"] for product in found["products"]],
        "categories": [category["name"] for category in found["categories"]],
    }


async def test_the_last_word_counts_as_the_beginning_of_one(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    await keeper.stock(f"Blue {word}", popularity=2)
    await keeper.stock(f"Red {word}", popularity=9)
    await keeper.stock("Not in its name", description=word)

    for length in range(len(word) - 3, len(word) + 1):
        assert (await suggest(api, word[:length]))["products"] == [f"Red {word}", f"Blue {word}"]
    assert (await suggest(api, f"blue {word[:-2]}"))["products"] == [f"Blue {word}"]
    assert (await suggest(api, f"{word[:-2]} blue"))["products"] == []


async def test_categories_and_brands_become_queries_the_topmost_category_first(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    await keeper.stock("A", category_path=(f"Top {word}", f"Below {word}"), brand=f"Minor {word}", popularity=1)
    await keeper.stock("B", brand=f"Major {word}", popularity=9)

    assert await suggest(api, word) == {
        "queries": [f"Top {word}", f"Below {word}", f"Major {word}", f"Minor {word}"],
        "products": ["B", "A"],
        "categories": [f"Top {word}", f"Below {word}"],
    }


async def test_a_brand_that_is_called_like_a_category_is_one_query(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    await keeper.stock("Same", category_path=(f"Same {word}",), brand=f"Same {word}")

    assert (await suggest(api, word))["queries"] == [f"Same {word}"]


async def test_first_bounds_every_kind(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    for number in range(4):
        category, brand = (f"Kind {number} {word}",), f"Make {number} {word}"
        await keeper.stock(f"{word} {number}", category_path=category, brand=brand, popularity=number)

    found = await suggest(api, word, 2)

    assert found["products"] == [f"{word} 3", f"{word} 2"]
    assert found["categories"] == [f"Kind 0 {word}", f"Kind 1 {word}"]
    assert found["queries"] == [f"Kind 0 {word}", f"Kind 1 {word}"]


@pytest.mark.parametrize("first", [0, -1, 21, 2**31 - 1])
async def test_first_is_1_to_20(api: Api, first: int) -> None:
    answer = await api(SUGGEST, q="mug", n=first)

    assert answer.codes() == ["BAD_USER_INPUT"]


async def test_accents_do_not_matter(api: Api, keeper: Shopkeeper) -> None:
    plain = new_word()
    accented = plain.replace("o", "ö")
    await keeper.stock(f"Plain {plain}", popularity=2)
    await keeper.stock(f"Accented {accented}", popularity=1)

    expected = [f"Plain {plain}", f"Accented {accented}"]
    assert (await suggest(api, plain[:-1]))["products"] == expected
    assert (await suggest(api, accented[:-1]))["products"] == expected


@pytest.mark.parametrize("text", ["crème", "पहाड़ी", "น้ำตก", "山道", "وَرَق", "İzmir"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_marks_belong_to_their_word_however_they_are_encoded(
    api: Api, keeper: Shopkeeper, text: str, form: Literal["NFC", "NFD"]
) -> None:
    word = new_word()
    await keeper.stock(f"{word} {text}")

    found = await suggest(api, unicodedata.normalize(form, f"{word} {text}"))

    assert found["products"] == [f"{word} {text}"]


@pytest.mark.parametrize("query", ["", " ", "\n", "!?", "&|!()", "\u200b"])
async def test_no_words_no_suggestions(api: Api, query: str) -> None:
    assert await suggest(api, query) == {"queries": [], "products": [], "categories": []}


async def test_a_new_product_is_suggested_at_once(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    before = [await suggest(api, word) for _ in range(2)]

    await keeper.stock(f"New {word}")

    assert before == [{"queries": [], "products": [], "categories": []}] * 2
    assert (await suggest(api, word))["products"] == [f"New {word}"]
