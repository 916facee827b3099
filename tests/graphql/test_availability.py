"""What shoppers are told about stock."""

from __future__ import annotations

import pytest

from app.core.stock import StockPolicy
from tests.shopkeeping import Api, Shopkeeper, variant_public_id

AVAILABILITY = "availability { state quantity quantityIsCapped }"
OF_BOTH = f"query ($id: ID!) {{ variant(by: {{id: $id}}) {{ {AVAILABILITY} product {{ {AVAILABILITY} }} }} }}"


@pytest.mark.parametrize(
    ("policy", "on_hand", "expected"),
    [
        (StockPolicy.DENY, 0, ("OUT_OF_STOCK", 0, False)),
        (StockPolicy.DENY, 1, ("LOW", 1, False)),
        (StockPolicy.DENY, 5, ("LOW", 5, False)),
        (StockPolicy.DENY, 6, ("IN_STOCK", 6, False)),
        (StockPolicy.DENY, 50, ("IN_STOCK", 50, False)),
        (StockPolicy.DENY, 51, ("IN_STOCK", 50, True)),
        (StockPolicy.BACKORDER, 0, ("BACKORDER", 0, False)),
        (StockPolicy.BACKORDER, 5, ("LOW", 5, False)),
        (StockPolicy.BACKORDER, 6, ("IN_STOCK", 6, False)),
        (StockPolicy.UNTRACKED, 0, ("IN_STOCK", None, False)),
        (StockPolicy.UNTRACKED, 9, ("IN_STOCK", None, False)),
    ],
)
async def test_a_level_is_told_in_one_of_four_states(
    api: Api, keeper: Shopkeeper, policy: StockPolicy, on_hand: int, expected: tuple[str, int | None, bool]
) -> None:
    stocked = await keeper.stock("Level", policy=policy, on_hand=on_hand)
    told = dict(zip(("state", "quantity", "quantityIsCapped"), expected, strict=True))

    answer = await api.data(OF_BOTH, id=variant_public_id(stocked.variant_id))

    assert answer == {"variant": {"availability": told, "product": {"availability": told}}}


async def test_a_product_adds_up_its_variants(api: Api, keeper: Shopkeeper) -> None:
    stocked = await keeper.stock("Sum", on_hand=3, sizes=("S", "M"))

    answer = await api.data(OF_BOTH, id=variant_public_id(stocked.variant_id))

    assert answer["variant"] == {
        "availability": {"state": "LOW", "quantity": 3, "quantityIsCapped": False},
        "product": {"availability": {"state": "IN_STOCK", "quantity": 6, "quantityIsCapped": False}},
    }


async def test_units_that_an_unpaid_order_holds_are_not_offered_to_others(api: Api, keeper: Shopkeeper) -> None:
    stocked = await keeper.stock("Held", on_hand=8)
    cart = await api.ready_cart((stocked.variant_id, 6))
    before = await api.data(OF_BOTH, id=variant_public_id(stocked.variant_id))

    outcome = await api.checkout(cart, pay="pm_card_threeDSecure2Required")

    after = await api.data(OF_BOTH, id=variant_public_id(stocked.variant_id))
    assert outcome["__typename"] == "CheckoutActionRequired"
    assert before["variant"]["availability"] == {"state": "IN_STOCK", "quantity": 8, "quantityIsCapped": False}
    assert after["variant"]["availability"] == {"state": "LOW", "quantity": 2, "quantityIsCapped": False}
    assert await keeper.level(stocked.variant_id) == (8, 6)
