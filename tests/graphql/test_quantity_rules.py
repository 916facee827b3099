"""Variants that are sold in certain quantities only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.quantity import QuantityRule
from tests.shopkeeping import Api, Shopkeeper, Stocked, variant_public_id

PACKS = QuantityRule(minimum=12, maximum=60, step=6)


@pytest.fixture
async def bottles(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Bottle", quantity_rule=PACKS)


async def test_a_variant_says_in_which_quantities_it_is_sold(api: Api, keeper: Shopkeeper, bottles: Stocked) -> None:
    mug = await keeper.stock("Mug")
    query = (
        "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on ProductVariant { quantityRule { minimum maximum step } } } }"
    )

    answer = await api.data(query, ids=[variant_public_id(each.variant_id) for each in (bottles, mug)])

    assert [node["quantityRule"] for node in answer["nodes"]] == [
        {"minimum": 12, "maximum": 60, "step": 6},
        {"minimum": 1, "maximum": 999, "step": 1},
    ]


async def test_another_quantity_is_refused_with_the_rule(api: Api, bottles: Stocked) -> None:
    payload = await api.cart_create(lines=[{"variantId": variant_public_id(bottles.variant_id), "quantity": 7}])

    assert payload["cart"] is None
    (error,) = payload["userErrors"]
    assert (error["__typename"], error["code"]) == ("QuantityOutOfRangeError", "QUANTITY_OUT_OF_RANGE")
    assert (error["requested"], error["applied"], error["field"]) == (7, 0, ["lines", "0", "quantity"])
    assert error["quantityRule"] == {"minimum": 12, "maximum": 60, "step": 6}
    assert error["variant"] == {"sku": bottles.sku}


async def test_a_rule_that_came_later_is_a_problem_and_keeps_the_cart_from_payment(
    api: Api, keeper: Shopkeeper, bottles: Stocked
) -> None:
    cart = await api.ready_cart((bottles.variant_id, 12))
    (variant,) = bottles.draft.variants
    stricter = replace(variant, quantity_rule=QuantityRule(minimum=24, step=24))
    await keeper.store(replace(bottles.draft, variants=(stricter,)))

    later = await api.cart(cart["id"])
    outcome = await api.checkout(later)

    assert later["problems"] == [{"__typename": "LineQuantityNotAllowed"}]
    assert later["readiness"] == {"ready": False, "missing": ["PROBLEMS_RESOLVED"]}
    assert [error["code"] for error in outcome["userErrors"]] == ["QUANTITY_OUT_OF_RANGE"]
    assert outcome["userErrors"][0]["quantityRule"] == {"minimum": 24, "maximum": 984, "step": 24}
