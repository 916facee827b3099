"""What a query means beyond its letters: typing errors, half-typed words, synonyms, pins, units, and its marks."""

from __future__ import annotations

from typing import Any

import pytest

from app.bootstrap import Shop
from app.catalog.domain import Attribute, SelectedOption
from app.catalog.search_rules import FacetRule, Pins, SearchRules, Synonym
from tests.shopkeeping import Api, Shopkeeper, new_word

SEARCH = """query ($q: String, $f: ProductFilter) { products(query: $q, filter: $f, first: 100) {
  nodes { name } edges { highlight } correctedQuery totalCount { value }
  facets { slug kind label ... on ListFacet { values { value count { value } selected } } } } }"""


async def search(api: Api, query: str, **filters: Any) -> dict[str, Any]:
    products = (await api.data(SEARCH, q=query, f=filters or None))["products"]
    products["names"] = [node["name"] for node in products["nodes"]]
    assert products["totalCount"]["value"] == len(products["names"])
    return products


@pytest.fixture
def word() -> str:
    return new_word()


def spelled(number: str) -> str:
    """A made-up word of letters alone, unlike the others: so that it can be misspelled."""
    return {"a": "brumsfeldig", "b": "klovantherum", "c": "zepholtrindy", "d": "wumberquist", "e": "frosnipalte"}[
        number
    ]


async def test_a_typing_error_is_corrected_where_the_words_find_nothing(api: Api, keeper: Shopkeeper) -> None:
    name = spelled("a")
    await keeper.stock(f"{name} lantern")

    found = await search(api, name.replace("ums", "usm"))
    right = await search(api, name)

    assert (found["names"], found["correctedQuery"]) == ([f"{name} lantern"], name)
    assert right["correctedQuery"] is None


async def test_words_that_find_something_are_left_as_they_are(api: Api, keeper: Shopkeeper) -> None:
    name = spelled("b")
    other = name.replace("v", "w")
    for number in range(5):
        await keeper.stock(f"{name} {number}")
    await keeper.stock(f"{other} alone")

    found = await search(api, other)

    assert (found["names"], found["correctedQuery"]) == ([f"{other} alone"], None)


async def test_a_correction_keeps_to_the_filter(api: Api, keeper: Shopkeeper) -> None:
    name = spelled("c")
    await keeper.stock(f"{name} one", brand=f"First {name}")
    await keeper.stock(f"{name} two", brand=f"Second {name}")

    found = await search(api, name[:-1] + "e", brands=[f"Second {name}"])

    assert (found["names"], found["correctedQuery"]) == ([f"{name} two"], name)


async def test_a_corrected_search_goes_on_with_its_cursor(api: Api, keeper: Shopkeeper) -> None:
    name = spelled("d")
    for number in range(5):
        await keeper.stock(f"{name} {number}", popularity=9 - number)
    query = """query ($q: String, $a: Cursor) { products(query: $q, first: 2, after: $a) {
      nodes { name } correctedQuery pageInfo { endCursor hasNextPage } } }"""

    seen, after, corrected = [], None, set()
    for _ in range(3):
        page = (await api.data(query, q=name.replace("mb", "bm"), a=after))["products"]
        seen += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        corrected.add(page["correctedQuery"])

    assert seen == [f"{name} {number}" for number in range(5)]
    assert corrected == {name}


async def test_a_half_typed_last_word_finds_what_it_may_become(api: Api, keeper: Shopkeeper) -> None:
    name = spelled("e")
    await keeper.stock(f"Blue {name}")

    for query in (f"blue {name[:6]}", name[:5]):
        found = await search(api, query)
        assert (found["names"], found["correctedQuery"]) == ([f"Blue {name}"], None)


async def test_one_word_typed_as_two_and_two_as_one(api: Api, keeper: Shopkeeper) -> None:
    await keeper.stock("Gribbelwand Trosk")
    await keeper.stock("Plonkenhoss")

    assert (await search(api, "gribbelwandtrosk"))["correctedQuery"] == "gribbelwand trosk"
    assert (await search(api, "plonken hoss"))["names"] == ["Plonkenhoss"]


@pytest.mark.parametrize(
    ("name", "queries"),
    [
        ('Pad 5.5"', ['5.5"', "5.5 inch", "5.5-inch", "5.5in"]),
        ("Stick 32GB", ["32gb", "32 GB", "32-gb"]),
        ("Cable 6'", ["6ft", "6 feet", "6'"]),
        ("Board SM-G930F", ["sm-g930f", "smg930f", "SM G930F"]),
        ("Screen 4K", ["4k"]),
        ("Phone 6s", ["6s"]),
        ("Link Wi-Fi", ["wifi", "wi-fi", "Wi Fi"]),
        ("Bank 3,000 mAh", ["3000mah", "3000 mAh", "3,000mAh"]),
    ],
)
async def test_numbers_units_and_model_numbers_are_found_however_they_are_written(
    api: Api, keeper: Shopkeeper, word: str, name: str, queries: list[str]
) -> None:
    await keeper.stock(f"{name} {word}")
    await keeper.stock(f"Other {word}")

    for query in queries:
        assert (await search(api, f"{query} {word}"))["names"] == [f"{name} {word}"], query


async def test_an_exact_sku_or_name_comes_first_whatever_is_popular(api: Api, keeper: Shopkeeper, word: str) -> None:
    exact = await keeper.stock(f"Small {word}", popularity=1)
    await keeper.stock(f"Small {word} with a longer name", popularity=900)

    assert (await search(api, f"small {word}"))["names"][0] == f"Small {word}"
    assert (await search(api, exact.sku.lower()))["names"][0] == f"Small {word}"


async def test_synonyms_are_looked_for_besides(api: Api, shop: Shop, keeper: Shopkeeper, word: str) -> None:
    other = new_word()
    await keeper.stock(f"Plain {word}")
    await keeper.stock(f"Fancy {other} thing")
    await shop.store_rules(SearchRules(synonyms=(Synonym("en", word, f"{other} thing"),)))

    assert sorted((await search(api, word))["names"]) == [f"Fancy {other} thing", f"Plain {word}"]
    assert (await search(api, f"{other} thing"))["names"] == [f"Fancy {other} thing"]

    await shop.store_rules(SearchRules(removed=(Synonym("en", word, f"{other} thing"),)))
    assert (await search(api, f"plain {word}"))["names"] == [f"Plain {word}"]


async def test_pinned_products_come_first_in_their_order_and_are_counted(
    api: Api, shop: Shop, keeper: Shopkeeper, word: str
) -> None:
    await keeper.stock(f"Usual {word}", popularity=900)
    for name in ("first", "second"):
        await keeper.stock(f"Pinned {name} {new_word()}", key=f"pin-{name}-{word}", brand=f"Pin {word}")
    pins = Pins("test", "en", word, (f"pin-first-{word}", f"pin-second-{word}", "no such product"))

    missing = await shop.store_rules(SearchRules(pins=(pins,)))

    assert [each.reason for each in missing] == ["there is no product 'no such product'"]
    found = await search(api, word.upper())
    beginnings = [" ".join(name.split()[:2]) for name in found["names"]]
    assert beginnings == ["Pinned first", "Pinned second", f"Usual {word}"]
    brands = {row["value"]: row["count"]["value"] for row in found["facets"][0]["values"]}
    assert brands == {f"Pin {word}": 2}
    assert len((await search(api, word, brands=[f"Pin {word}"]))["names"]) == 2
    backward = await api.data(
        "query ($q: String) { products(query: $q, last: 2) { nodes { name } pageInfo { hasPreviousPage } } }", q=word
    )
    assert [node["name"].split()[0] for node in backward["products"]["nodes"]] == ["Pinned", "Usual"]
    await shop.store_rules(SearchRules(pins=(Pins("test", "en", word, ()),)))


async def test_what_was_looked_for_is_marked(api: Api, keeper: Shopkeeper, word: str) -> None:
    await keeper.stock(f"Lanterns <{word}>")
    await keeper.stock("Other", description=f"Goes with {word} & lantern.")

    found = await search(api, f"lantern {word}")

    assert [edge["highlight"] for edge in found["edges"]] == [
        f"<em>Lanterns</em> &lt;<em>{word}</em>&gt;",
        f"Goes with <em>{word}</em> &amp; <em>lantern</em>.",
    ]
    browsed = await api.data("{ products(first: 1) { edges { highlight } } }")
    assert browsed == {"products": {"edges": [{"highlight": None}]}}


# ------------------------------------------------------------------------------------------------ attributes and opti


async def stock_cups(keeper: Shopkeeper, word: str) -> None:
    def material(*values: str) -> tuple[Attribute, ...]:
        return (Attribute(f"material-{word}", "Material", values),)

    await keeper.stock(f"a {word}", attributes=material("Steel"), sizes=("S", "M"))
    await keeper.stock(f"b {word}", attributes=material("Steel", "Wood"), sizes=("M",))
    await keeper.stock(f"c {word}", attributes=material("Glass"), sizes=("L",))
    await keeper.stock(f"d {word}")


async def test_values_of_one_attribute_are_alternatives_and_attributes_narrow_each_other(
    api: Api, keeper: Shopkeeper, word: str
) -> None:
    await stock_cups(keeper, word)
    slug = f"material-{word}"

    async def names(**filters: Any) -> str:
        return "".join(sorted(name[0] for name in (await search(api, word, **filters))["names"]))

    assert await names(attributes=[{"slug": slug, "anyOf": ["Steel", "Glass"]}]) == "abc"
    assert await names(options=[{"slug": "size", "anyOf": ["M"]}]) == "ab"
    both = {"attributes": [{"slug": slug, "anyOf": ["Wood", "Glass"]}], "options": [{"slug": "size", "anyOf": ["M"]}]}
    assert await names(**both) == "b"
    assert await names(attributes=[{"slug": slug, "anyOf": ["Velvet"]}]) == ""
    assert await names(attributes=[{"slug": slug, "anyOf": []}]) == "abcd"


async def test_attributes_and_options_are_facets_whose_counts_come_true(
    api: Api, keeper: Shopkeeper, word: str
) -> None:
    await stock_cups(keeper, word)
    slug = f"material-{word}"
    chosen = {"options": [{"slug": "size", "anyOf": ["M"]}]}

    facets = {facet["slug"]: facet for facet in (await search(api, word, **chosen))["facets"]}

    assert [facets[slug]["kind"], facets["size"]["kind"]] == ["ATTRIBUTE", "OPTION"]
    assert {row["value"]: row["count"]["value"] for row in facets[slug]["values"]} == {"Steel": 2, "Wood": 1}
    assert {row["value"]: (row["count"]["value"], row["selected"]) for row in facets["size"]["values"]} == {
        "M": (2, True),
        "L": (1, False),
        "S": (1, False),
    }
    for name, field, row in [(slug, "attributes", each) for each in facets[slug]["values"]]:
        wanted = {**chosen, field: [{"slug": name, "anyOf": [row["value"]]}]}
        assert len((await search(api, word, **wanted))["names"]) == row["count"]["value"]
    for row in facets["size"]["values"]:
        wanted = {"options": [{"slug": "size", "anyOf": [row["value"]]}]}
        assert len((await search(api, word, **wanted))["names"]) == row["count"]["value"]


async def test_the_shop_says_which_facets_are_shown_and_in_which_order(
    api: Api, shop: Shop, keeper: Shopkeeper, word: str
) -> None:
    names = [f"{kind}-{word}" for kind in ("first", "second", "third")]
    await keeper.stock(f"cup {word}", attributes=tuple(Attribute(name, name, ("x",)) for name in names))
    rules = (FacetRule(names[2], 1, hidden=False), FacetRule(names[1], 2, hidden=True))
    await shop.store_rules(SearchRules(facets=rules))

    found = await search(api, word)

    assert [facet["slug"] for facet in found["facets"]] == ["brand", "category", "price", names[2], names[0]]


@pytest.mark.parametrize(
    "wanted",
    [
        {"attributes": [{"slug": "a", "anyOf": ["x"]}] * 2},
        {"attributes": [{"slug": str(number), "anyOf": ["x"]} for number in range(21)]},
        {"options": [{"slug": "a", "anyOf": [str(number) for number in range(101)]}]},
        {"options": [{"slug": "a"}]},
    ],
)
async def test_too_many_choices_are_an_input_error(api: Api, wanted: dict[str, Any]) -> None:
    answer = await api(SEARCH, q="mug", f=wanted)

    assert answer.codes() == ["BAD_USER_INPUT"]


async def test_odd_values_of_attributes_find_nothing(api: Api) -> None:
    for text in ("", "'", "%_\\", "\u0000", "🥾", "x" * 10_000):
        answer = await api(SEARCH, q=None, f={"attributes": [{"slug": text, "anyOf": [text]}]})
        assert answer.codes() == (["BAD_USER_INPUT"] if "\0" in text else [])


async def test_options_of_variants_are_found_by_their_words(api: Api, keeper: Shopkeeper, word: str) -> None:
    stocked = await keeper.stock(f"Shirt {word}", sizes=("Enormous",))

    assert stocked.draft.variants[0].selected_options == (SelectedOption("Size", "Enormous"),)
    assert (await search(api, f"enormous {word}"))["names"] == [f"Shirt {word}"]


# ------------------------------------------------------------------------------------------------ misses


async def test_queries_that_find_nothing_are_counted(api: Api, shop: Shop, keeper: Shopkeeper, word: str) -> None:
    await shop.search_misses.forget()
    await keeper.stock(f"Here {word}")
    for query in (f"{word} elsewhere9", f"{word}  Elsewhere9 ", f"here {word}", "...", ""):
        await api.data("query ($q: String) { products(query: $q, first: 5) { nodes { id } } }", q=query)

    found = await shop.search_misses.most_frequent(10)

    assert [(miss.query, miss.times, miss.language) for miss in found] == [(f"{word} elsewhere9", 2, "en")]
    assert found[0].first_at <= found[0].last_at
    assert await shop.search_misses.forget() == 1
