"""Narrowing a search: every filter, every order, and facets whose counts come true."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.catalog.domain import ProductDraft, VariantDraft
from app.core.ids import Kind, encode
from app.core.money import Money
from app.core.stock import StockPolicy
from tests.shopkeeping import USD, Api, ManualClock, Shopkeeper, new_word

SEARCH = """query ($q: String, $f: ProductFilter, $sort: ProductSort) {
  products(query: $q, filter: $f, sort: $sort, first: 100) {
    nodes { name } totalCount { value }
    facets { __typename slug label
      ... on ListFacet { values { value label count { value precision } selected } }
      ... on RangeFacet { min max } } } }"""


class Range:
    """Eight products with one word in common."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.red, self.blue = f"Red {word}", f"Blue {word}"

    async def fill(self, keeper: Shopkeeper) -> None:
        camp, cook = (f"Camp {self.word}",), (f"Camp {self.word}", f"Cook {self.word}")
        walk = (f"Walk {self.word}",)
        rows: list[tuple[str, dict[str, Any]]] = [
            ("h", {"brand": self.red, "category_path": camp, "price": "10.00", "popularity": 1}),
            ("g", {"brand": self.red, "category_path": cook, "price": "20.00", "popularity": 2, "on_hand": 0}),
            ("f", {"brand": self.red, "category_path": walk, "price": "30.00", "popularity": 3}),
            ("é", {"brand": self.blue, "category_path": cook, "price": "40.00", "compare_at": "50.00"}),
            ("D", {"brand": self.blue, "category_path": walk, "price": "50.00", "compare_at": "50.00"}),
            ("c", {"brand": self.blue, "price": "60.00", "on_hand": 0, "policy": StockPolicy.BACKORDER}),
            ("b", {"price": "70.00", "on_hand": 0, "policy": StockPolicy.UNTRACKED, "category_path": walk}),
            ("a", {"price": "80.00", "compare_at": "90.00", "on_hand": 0}),
        ]
        for name, details in rows:
            await keeper.stock(f"{name} {self.word}", **details)


@pytest.fixture
async def range_(keeper: Shopkeeper) -> Range:
    made = Range(new_word())
    await made.fill(keeper)
    return made


async def search(api: Api, range_: Range, sort: str | None = None, **filters: Any) -> dict[str, Any]:
    return (await api.data(SEARCH, q=range_.word, f=filters or None, sort=sort))["products"]


async def names(api: Api, range_: Range, sort: str = "NAME_ASC", **filters: Any) -> str:
    """The first letters of what was found, in its order."""
    products = await search(api, range_, sort, **filters)
    found = "".join(node["name"][0] for node in products["nodes"])
    assert products["totalCount"]["value"] == len(found)
    return found


async def category_id(api: Api, slug: str) -> str:
    return (await api.data("query ($s: String!) { category(by: {slug: $s}) { id } }", s=slug))["category"]["id"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("NAME_ASC", "abcDéfgh"),
        ("NAME_DESC", "hgféDcba"),
        ("PRICE_ASC", "hgféDcba"),
        ("PRICE_DESC", "abcDéfgh"),
        ("NEWEST", "abcDéfgh"),
        ("BEST_SELLING", "fghabcDé"),
        ("RELEVANCE", "fghabcDé"),
        (None, "fghabcDé"),
    ],
)
async def test_every_order(api: Api, range_: Range, sort: str, expected: str) -> None:
    assert await names(api, range_, sort) == expected


async def test_the_lowest_variant_price_decides_the_order_by_price(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    for name, prices in (("wide", ("5.00", "90.00")), ("narrow", ("6.00", "7.00"))):
        stocked = await keeper.stock(f"{name} {word}", sizes=("S", "M"))
        variants = tuple(
            replace(variant, price=Money.parse(price, USD))
            for variant, price in zip(stocked.draft.variants, prices, strict=True)
        )
        await keeper.store(replace(stocked.draft, variants=variants))

    for sort, expected in (("PRICE_ASC", ["wide", "narrow"]), ("PRICE_DESC", ["narrow", "wide"])):
        found = (await api.data(SEARCH, q=word, sort=sort))["products"]["nodes"]
        assert [node["name"].split()[0] for node in found] == expected


async def test_filter_by_brand(api: Api, range_: Range) -> None:
    assert await names(api, range_, brands=[range_.red]) == "fgh"
    assert await names(api, range_, brands=[range_.red, range_.blue, range_.red]) == "cDéfgh"
    assert await names(api, range_, brands=[range_.red.lower()]) == ""
    assert await names(api, range_, brands=[]) == "abcDéfgh"
    assert await names(api, range_, brands=None) == "abcDéfgh"


async def test_filter_by_category_takes_its_subtree(api: Api, range_: Range) -> None:
    ids = {name: await category_id(api, f"{name}-{range_.word}") for name in ("camp", "cook", "walk")}

    assert await names(api, range_, categories=[ids["camp"]]) == "égh"
    assert await names(api, range_, categories=[ids["cook"]]) == "ég"
    assert await names(api, range_, categories=[ids["cook"], ids["walk"]]) == "bDéfg"
    assert await names(api, range_, categories=[encode(Kind.CATEGORY, 2**31 - 1)]) == ""
    assert await names(api, range_, categories=[]) == "abcDéfgh"


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ({"min": "40"}, "abcDé"),
        ({"max": "40.00"}, "éfgh"),
        ({"min": "20", "max": "30"}, "fg"),
        ({"min": "30", "max": "20"}, ""),
        ({"min": "40.01"}, "abcD"),
        ({"min": None, "max": None}, "abcDéfgh"),
        ({}, "abcDéfgh"),
        ({"min": "-5"}, "abcDéfgh"),
        ({"min": 20, "max": 30}, "fg"),
    ],
)
async def test_filter_by_price_takes_both_ends(
    api: Api, range_: Range, price: dict[str, object], expected: str
) -> None:
    assert await names(api, range_, price=price) == expected


async def test_filter_by_availability(api: Api, range_: Range) -> None:
    assert await names(api, range_, available=True) == "bcDéfh"
    assert await names(api, range_, available=False) == "ag"
    assert await names(api, range_, available=None) == "abcDéfgh"


async def test_filter_by_sale_takes_what_costs_less_than_before(api: Api, range_: Range) -> None:
    assert await names(api, range_, onSale=True) == "aé"
    assert await names(api, range_, onSale=False) == "bcDfgh"


async def test_filter_by_age(api: Api, keeper: Shopkeeper, clock: ManualClock) -> None:
    word = new_word()
    await keeper.stock(f"old {word}")
    border = datetime.now(UTC) + timedelta(hours=1)
    with clock.turned(timedelta(hours=2)):
        await keeper.stock(f"new {word}")

    async def found(moment: datetime) -> list[str]:
        answer = await api.data(SEARCH, q=word, f={"createdAfter": moment.isoformat()}, sort="NEWEST")
        return [node["name"] for node in answer["products"]["nodes"]]

    assert await found(border) == [f"new {word}"]
    assert await found(border - timedelta(days=1)) == [f"new {word}", f"old {word}"]
    assert await found(border + timedelta(days=1)) == []


async def test_filters_narrow_each_other(api: Api, range_: Range) -> None:
    camp = await category_id(api, f"camp-{range_.word}")

    assert await names(api, range_, categories=[camp], brands=[range_.red]) == "gh"
    assert await names(api, range_, categories=[camp], brands=[range_.red], available=True) == "h"
    assert await names(api, range_, brands=[range_.blue], price={"min": "50"}, onSale=False) == "cD"
    assert await names(api, range_, brands=[range_.blue], price={"min": "50"}, onSale=True) == ""


async def test_an_order_that_sells_out_shows_at_once_in_what_is_available(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    stocked = await keeper.stock(f"Last {word}", on_hand=1)
    query = "query ($q: String) { products(query: $q, filter: {available: true}) { totalCount { value } } }"
    before = await api.data(query, q=word)

    outcome = await api.checkout(await api.ready_cart((stocked.variant_id, 1)))

    assert outcome["__typename"] == "CheckoutCompleted"
    assert before == {"products": {"totalCount": {"value": 1}}}
    assert await api.data(query, q=word) == {"products": {"totalCount": {"value": 0}}}


async def test_facets_name_every_way_to_narrow_with_exact_counts(api: Api, range_: Range) -> None:
    ids = {name: await category_id(api, f"{name}-{range_.word}") for name in ("camp", "cook", "walk")}

    products = await search(api, range_)

    def row(value: str, label: str, count: int) -> dict[str, Any]:
        return {"value": value, "label": label, "count": {"value": count, "precision": "EXACT"}, "selected": False}

    assert products["facets"] == [
        {
            "__typename": "ListFacet",
            "slug": "brand",
            "label": "Brand",
            "values": [row(range_.blue, range_.blue, 3), row(range_.red, range_.red, 3)],
        },
        {
            "__typename": "ListFacet",
            "slug": "category",
            "label": "Category",
            "values": [
                row(ids["camp"], f"Camp {range_.word}", 3),
                row(ids["walk"], f"Walk {range_.word}", 3),
                row(ids["cook"], f"Cook {range_.word}", 2),
            ],
        },
        {"__typename": "RangeFacet", "slug": "price", "label": "Price", "min": "10.00", "max": "80.00"},
    ]


async def test_a_facets_own_filter_does_not_narrow_it_but_the_others_do(api: Api, range_: Range) -> None:
    products = await search(api, range_, brands=[range_.red], price={"max": "20"})
    brand, category, price = products["facets"]

    assert {row["value"]: (row["count"]["value"], row["selected"]) for row in brand["values"]} == {
        range_.red: (2, True)  # blue has nothing up to 20.00
    }
    assert {row["label"]: row["count"]["value"] for row in category["values"]} == {
        f"Camp {range_.word}": 2,
        f"Cook {range_.word}": 1,
    }
    assert (price["min"], price["max"]) == ("10.00", "30.00")  # all of red's, whatever the price filter says


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"brands": True},
        {"categories": True},
        {"price": {"min": "20", "max": "60"}},
        {"brands": True, "price": {"max": "45"}},
        {"categories": True, "available": True},
        {"brands": True, "categories": True, "onSale": False},
    ],
)
async def test_whatever_value_is_chosen_next_leaves_as_many_products_as_its_count_says(
    api: Api, range_: Range, filters: dict[str, Any]
) -> None:
    chosen = dict(filters)
    if "brands" in chosen:
        chosen["brands"] = [range_.red]
    if "categories" in chosen:
        chosen["categories"] = [await category_id(api, f"camp-{range_.word}")]
    facets = (await search(api, range_, **chosen))["facets"]

    counted = applied = 0
    for facet, name in ((facets[0], "brands"), (facets[1], "categories")):
        for row in facet["values"]:
            narrowed = await search(api, range_, **{**chosen, name: [row["value"]]})
            assert narrowed["totalCount"]["value"] == row["count"]["value"], (name, row)
            assert row["selected"] is (row["value"] in chosen.get(name, []))
            counted += row["count"]["value"]
            applied += 1
    span = {"min": facets[2]["min"], "max": facets[2]["max"]}
    without_price = {name: value for name, value in chosen.items() if name != "price"}
    everything = (await search(api, range_, **without_price))["totalCount"]["value"]

    assert applied >= 2
    assert counted >= applied
    assert (await search(api, range_, **{**chosen, "price": span}))["totalCount"]["value"] == everything


async def test_at_most_50_values_of_a_facet_the_most_frequent_first(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    drafts = [
        ProductDraft(
            key=f"{word}-{number}",
            source="test",
            name=f"{word} {number}",
            variants=(VariantDraft(Money.parse("1.00", USD), sku=f"{word}-{number}"),),
            brand=f"Brand {word} {min(number, 54):02}",
        )
        for number in range(60)
    ]
    await keeper.store_all(drafts)

    answer = await api.data(SEARCH, q=word)

    values = answer["products"]["facets"][0]["values"]
    assert answer["products"]["totalCount"] == {"value": 60}
    assert [(row["value"], row["count"]["value"]) for row in values] == [
        (f"Brand {word} 54", 6),
        *((f"Brand {word} {number:02}", 1) for number in range(49)),
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        {"price": {"min": "1e400"}},
        {"price": {"min": "1e-400"}},
        {"price": {"min": "0.001"}},
        {"price": {"max": "100000000000000"}},
        {"price": {"max": "10.00000000000000000000000000000000001"}},
        {"price": {"min": "NaN"}},
        {"price": {"min": "Infinity"}},
        {"price": {"min": "ten"}},
        {"price": {"min": 10.5}},
        {"price": {"min": True}},
        {"categories": [""]},
        {"categories": ["prod_2"]},
        {"categories": ["cat_0"]},
        {"categories": [encode(Kind.CATEGORY, number) for number in range(1, 102)]},
        {"brands": [str(number) for number in range(101)]},
        {"brands": [None]},
        {"createdAfter": "yesterday"},
        {"createdAfter": "2026-01-01"},
        {"createdAfter": "2026-01-01T00:00:00"},
        {"createdAfter": "0001-01-01T00:00:00+14:00"},
        {"createdAfter": "9999-12-31T23:59:59-14:00"},
        {"createdAfter": 5},
        {"available": "yes"},
        {"colour": "red"},
    ],
)
async def test_a_malformed_filter_is_an_input_error(api: Api, wanted: dict[str, Any]) -> None:
    answer = await api("query ($f: ProductFilter) { products(filter: $f) { nodes { id } } }", f=wanted)

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data is None


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-01-01T00:00:00+23:59"])
async def test_any_moment_that_there_is_can_be_filtered_by(api: Api, moment: str) -> None:
    answer = await api(
        "query ($f: ProductFilter) { products(filter: $f) { nodes { id } } }", f={"createdAfter": moment}
    )

    assert answer.errors == []
