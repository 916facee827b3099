from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from app.catalog.domain import Image, ProductDraft, SelectedOption, VariantDraft
from app.catalog_import.reading import Item
from app.core.money import Currency, Money
from app.core.quantity import ANY_QUANTITY, QuantityRule
from app.core.stock import StockPolicy

Read = Callable[..., list[Item]]
Faults = Callable[[list[Item]], list[str]]
USD = Currency("USD")


def row(variants: object, **values: object) -> str:
    return json.dumps({"name": "A", "price": 10, "variants": variants} | values)


def test_a_variant_takes_from_the_product_what_it_leaves_out(read_json: Read) -> None:
    variants = [
        {"sku": "S", "options": {"Size": "S"}, "stock": 3},
        {
            "sku": "M",
            "options": {"Size": "M"},
            "price": 12,
            "stockPolicy": "untracked",
            "weightGrams": 9,
            "requiresShipping": True,
            "image": {"url": "https://x.example/m.jpg", "alt": "M"},
        },
    ]

    shared = {"compareAtPrice": 15, "stockPolicy": "backorder", "weightGrams": 5, "requiresShipping": False}

    [draft] = read_json(row(variants, **shared))

    assert isinstance(draft, ProductDraft)
    assert draft.variants == (
        VariantDraft(
            price=Money(1_000, USD),
            compare_at=Money(1_500, USD),
            sku="S",
            selected_options=(SelectedOption("Size", "S"),),
            on_hand=3,
            stock_policy=StockPolicy.BACKORDER,
            weight_grams=5,
            requires_shipping=False,
        ),
        VariantDraft(
            price=Money(1_200, USD),
            compare_at=None,  # the product's belongs to the product's price
            sku="M",
            selected_options=(SelectedOption("Size", "M"),),
            on_hand=0,
            stock_policy=StockPolicy.UNTRACKED,
            weight_grams=9,
            requires_shipping=True,
            image=Image("https://x.example/m.jpg", "M"),
        ),
    )


def test_options_keep_the_order_of_the_first_variant(read_json: Read) -> None:
    choices = [{"Size": "S", "Colour": "Red"}, {"Colour": "Blue", "Size": "S"}]

    [draft] = read_json(row([{"options": options} for options in choices]))

    assert isinstance(draft, ProductDraft)
    assert [[option.value for option in variant.selected_options] for variant in draft.variants] == [
        ["S", "Red"],
        ["S", "Blue"],
    ]


def test_stock_alone_means_sold_out_at_zero(read_json: Read) -> None:
    [draft] = read_json(row([{"options": {"S": "1"}, "stock": 0}, {"options": {"S": "2"}}]))

    assert isinstance(draft, ProductDraft)
    assert [variant.stock_policy for variant in draft.variants] == [StockPolicy.DENY, StockPolicy.UNTRACKED]


@pytest.mark.parametrize(
    ("variants", "fault"),
    [
        ([], "variants: 0 of them, a product has 1 to 100"),
        ([{"options": {"S": str(n)}} for n in range(101)], "variants: 101 of them, a product has 1 to 100"),
        ([{}, {}], "variants: two have no options"),
        ([{"options": {"S": "1"}}, {"options": {"S": " 1 "}}], "variants: two have the same options: '1'"),
        (
            [{"options": {"S": "1"}, "sku": "X"}, {"options": {"S": "2"}, "sku": "X"}],
            "variants: two have the same sku: 'X'",
        ),
        ([{"options": {"S": "1"}}, {"options": {"T": "1"}}], "variants[1].options: 'T', but the first variant has 'S'"),
        ([{"options": {"S": ""}}], "variants[0].options.S: missing"),
        ([{"options": {" ": "1"}}], "variants[0].options: missing"),
        ([{"options": {"S": "1", "S ": "2"}}], "variants[0].options: two of them have the same name"),
        ([{"options": {"S" * 65: "1"}}], "variants[0].options: has 65 characters, 64 are the most"),
        ([{"options": {"S": "1" * 129}}], "variants[0].options.S: has 129 characters, 128 are the most"),
        ([{"options": {str(n): "1" for n in range(11)}}], "variants[0].options: 11 of them, 10 are the most"),
        ([{"price": -1}], "variants[0].price: -1 is negative"),
        ([{"compareAtPrice": 9}], "variants[0].compareAtPrice: 9 is below the price, 10.00"),
        (
            [{"stock": 1, "stockPolicy": "untracked"}],
            "variants[0].stock: is not counted where stockPolicy is untracked",
        ),
        ([{"sku": "x" * 65}], "variants[0].sku: has 65 characters, 64 are the most"),
        ([{"image": "x"}], "variants[0].image: 'x' is not an http or https address"),
        ([{"qty": 1}], "variants[0].qty: is not a field, did you mean stock?"),
        ([{"name": "x"}], "variants[0].name: is not a field"),
    ],
)
def test_one_bad_variant_keeps_the_whole_product_out(
    variants: object, fault: str, read_json: Read, faults: Faults
) -> None:
    assert faults(read_json(row(variants))) == [f"f:1: {fault}"]


def test_sku_and_stock_beside_variants_are_a_fault(read_json: Read, faults: Faults) -> None:
    assert faults(read_json(row([{}], sku="X", stock=1))) == [
        "f:1: sku: belongs to each of the variants, not to the product",
        "f:1: stock: belongs to each of the variants, not to the product",
    ]


def test_a_price_is_needed_in_the_product_or_the_variant(read_json: Read, faults: Faults) -> None:
    assert faults(read_json(row([{"options": {"S": "1"}, "price": 2}, {"options": {"S": "2"}}], price=None))) == [
        "f:1: variants[1].price: missing"
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, ANY_QUANTITY),
        ({"step": 6}, QuantityRule(6, None, 6)),
        ({"minimum": 12, "maximum": 60, "step": 6}, QuantityRule(12, 60, 6)),
        ({"maximum": 2}, QuantityRule(1, 2, 1)),
    ],
)
def test_a_quantity_rule_is_the_products_or_the_variants_own(
    read_json: Read, rule: dict[str, int], expected: QuantityRule
) -> None:
    variants = [{"options": {"Size": "S"}}, {"options": {"Size": "M"}, "quantityRule": {"minimum": 3}}]

    [draft] = read_json(row(variants, quantityRule=rule))

    assert isinstance(draft, ProductDraft)
    assert [variant.quantity_rule for variant in draft.variants] == [expected, QuantityRule(3, None, 1)]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"minimum": 4, "step": 6}, "quantityRule.minimum: 4 is not a multiple of the step, 6"),
        ({"maximum": 20, "step": 6}, "quantityRule.maximum: 20 is not a multiple of the step, 6"),
        ({"minimum": 5, "maximum": 2}, "quantityRule.maximum: 2 is below the minimum, 5"),
        ({"most": 5}, "quantityRule.most: is not a field"),
    ],
)
def test_a_quantity_rule_that_nothing_can_keep_is_a_fault(
    read_json: Read, faults: Faults, rule: dict[str, int], fault: str
) -> None:
    found = faults(read_json(json.dumps({"name": "A", "price": 10, "quantityRule": rule})))

    assert found == [f"f:1: {fault}"]
