"""Finding products by words: what matches, and what comes first."""

from __future__ import annotations

import pytest

from app.catalog.domain import Attribute
from tests.shopkeeping import Api, Shopkeeper, new_word

SEARCH = """query ($q: String, $sort: ProductSort) { products(query: $q, sort: $sort, first: 100) {
  nodes { name } totalCount { value precision } } }"""


async def found(api: Api, query: str, sort: str | None = None) -> list[str]:
    products = (await api.data(SEARCH, q=query, sort=sort))["products"]
    names = [node["name"] for node in products["nodes"]]
    assert products["totalCount"] == {"value": len(names), "precision": "EXACT"}
    return names


@pytest.fixture
def word() -> str:
    return new_word()


async def test_words_in_the_name_come_before_words_in_the_description(api: Api, keeper: Shopkeeper, word: str) -> None:
    await keeper.stock("Described, and popular", description=f"Goes with a {word}.", popularity=900)
    await keeper.stock(f"{word} named", popularity=1)
    await keeper.stock(f"{word} named, more popular", popularity=2)
    await keeper.stock("Described", description=f"{word} again", popularity=3)

    assert await found(api, word) == [
        f"{word} named, more popular",
        f"{word} named",
        "Described, and popular",
        "Described",
    ]


async def test_of_two_equally_popular_products_the_newer_comes_first(api: Api, keeper: Shopkeeper, word: str) -> None:
    for name in ("older", "newer"):
        await keeper.stock(f"{word} {name}", popularity=5)

    assert await found(api, word) == [f"{word} newer", f"{word} older"]


@pytest.mark.parametrize("sort", ["RELEVANCE", "BEST_SELLING", "NEWEST", "NAME_ASC"])
async def test_other_orders_do_not_put_the_name_first(api: Api, keeper: Shopkeeper, word: str, sort: str) -> None:
    await keeper.stock(f"B {word}", popularity=1)
    await keeper.stock("A", description=word, popularity=2)

    expected = [f"B {word}", "A"] if sort == "RELEVANCE" else ["A", f"B {word}"]
    assert await found(api, word, sort) == expected


async def test_all_words_have_to_be_there_but_not_in_one_place(api: Api, keeper: Shopkeeper, word: str) -> None:
    other = new_word()
    await keeper.stock(f"Both {word} {other}")
    await keeper.stock(f"Spread {word}", description=other)
    await keeper.stock(f"One {word}")

    assert await found(api, f"{word} {other}") == [f"Both {word} {other}", f"Spread {word}"]
    assert await found(api, f"{other}   {word}\n") == [f"Both {word} {other}", f"Spread {word}"]


async def test_or_takes_either_word(api: Api, keeper: Shopkeeper, word: str) -> None:
    other = new_word()
    await keeper.stock(f"One {word}", popularity=2)
    await keeper.stock(f"Other {other}", popularity=1)

    assert await found(api, f"{word} or {other}") == [f"One {word}", f"Other {other}"]


async def test_quotes_hold_a_phrase_together(api: Api, keeper: Shopkeeper, word: str) -> None:
    other = new_word()
    await keeper.stock(f"Next {word} {other}")
    await keeper.stock(f"Apart {word} and then {other}")
    await keeper.stock(f"Turned {other} {word}")

    assert await found(api, f'"{word} {other}"') == [f"Next {word} {other}"]


async def test_a_minus_leaves_a_word_out(api: Api, keeper: Shopkeeper, word: str) -> None:
    other = new_word()
    await keeper.stock(f"With {word} {other}")
    await keeper.stock(f"Without {word}")
    await keeper.stock(f"Also with {word}", description=other)

    assert await found(api, f"{word} -{other}") == [f"Without {word}"]


async def test_accents_and_case_do_not_matter_on_either_side(api: Api, keeper: Shopkeeper) -> None:
    plain = new_word()
    accented = plain.replace("o", "ö").replace("u", "û")
    await keeper.stock(f"Accented {accented}", popularity=2)
    await keeper.stock(f"Plain {plain}", popularity=1)
    expected = [f"Accented {accented}", f"Plain {plain}"]

    for query in (plain, accented, plain.upper(), accented.upper(), plain.capitalize()):
        assert await found(api, query) == expected


async def test_a_word_is_found_in_its_other_forms(api: Api, keeper: Shopkeeper, word: str) -> None:
    await keeper.stock(f"{word} lanterns")

    for form in ("lantern", "lanterns", "Lantern's"):
        assert await found(api, f"{word} {form}") == [f"{word} lanterns"]


@pytest.mark.parametrize("where", ["brand", "category", "parent category", "tag", "attribute", "sku", "description"])
async def test_everything_that_is_said_of_a_product_can_be_searched(
    api: Api, keeper: Shopkeeper, word: str, where: str
) -> None:
    details = {
        "brand": {"brand": word},
        "category": {"category_path": ("Searched", word)},
        "parent category": {"category_path": (word, "Searched below")},
        "tag": {"tags": ("plain", word)},
        "attribute": {"attributes": (Attribute("a", "A", ("plain", word)),)},
        "sku": {"sizes": (word,)},
        "description": {"description": f"A sentence with {word} in it."},
    }[where]
    await keeper.stock(f"Found by its {where}", **details)

    assert await found(api, word) == [f"Found by its {where}"]


async def test_an_attributes_name_is_not_searched(api: Api, keeper: Shopkeeper, word: str) -> None:
    await keeper.stock("Attribute", attributes=(Attribute("name", word, ("value",)),))

    assert await found(api, word) == []


async def test_a_sku_is_found_whole(api: Api, keeper: Shopkeeper, word: str) -> None:
    stocked = await keeper.stock(f"By sku {word}")

    assert await found(api, stocked.sku) == [f"By sku {word}"]


async def test_a_word_that_is_nowhere_finds_nothing(api: Api, word: str) -> None:
    answer = await api.data(
        """query ($q: String) { products(query: $q) { nodes { id } edges { cursor } totalCount { value }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
          facets { slug ... on ListFacet { values { value } } ... on RangeFacet { min max } } } }""",
        q=word,
    )

    assert answer["products"] == {
        "nodes": [],
        "edges": [],
        "totalCount": {"value": 0},
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
        "facets": [
            {"slug": "brand", "values": []},
            {"slug": "category", "values": []},
            {"slug": "price", "min": None, "max": None},
        ],
    }


async def test_without_words_everything_is_listed_the_popular_first(api: Api, keeper: Shopkeeper, word: str) -> None:
    await keeper.stock(f"Most popular {word}", popularity=2_000_000_000, key=word)

    answers = [
        await api.data("query ($q: String) { products(query: $q, first: 1) { nodes { name } } }", q=query)
        for query in (None, "", "   ", "\n\t")
    ]

    assert answers == [{"products": {"nodes": [{"name": f"Most popular {word}"}]}}] * 4
    await keeper.stock(f"No longer popular {word}", key=word)


async def test_a_search_says_where_it_was_read(api: Api, keeper: Shopkeeper, word: str) -> None:
    await keeper.stock(f"Fresh {word}")
    query = "query ($q: String, $f: ProductFilter) { products(query: $q, filter: $f) { freshness { source ageMs } } }"

    first = (await api.data(query, q=word))["products"]["freshness"]
    second = (await api.data(query, q=word))["products"]["freshness"]
    of_stock = [(await api.data(query, q=word, f={"available": True}))["products"]["freshness"] for _ in range(2)]

    assert first == {"source": "PRIMARY", "ageMs": 0}
    assert second["source"] == "CACHE"
    assert of_stock == [{"source": "PRIMARY", "ageMs": 0}] * 2


async def test_a_renamed_product_is_found_by_its_new_name_only(api: Api, keeper: Shopkeeper, word: str) -> None:
    other = new_word()
    await keeper.stock(f"Named {word}", key=f"renamed-{word}")
    before = [await found(api, each) for each in (word, other)]

    await keeper.stock(f"Named {other}", key=f"renamed-{word}")

    assert before == [[f"Named {word}"], []]
    assert [await found(api, each) for each in (word, other)] == [[], [f"Named {other}"]]
