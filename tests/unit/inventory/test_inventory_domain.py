from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import VariantId
from app.core.stock import StockPolicy
from app.inventory.domain import UNLIMITED, StockLevel, StockState, availability
from tests.unit.fakes import NOON

DENY, BACKORDER, UNTRACKED = StockPolicy.DENY, StockPolicy.BACKORDER, StockPolicy.UNTRACKED


def level(policy: StockPolicy, on_hand: int, reserved: int = 0) -> StockLevel:
    return StockLevel(VariantId(7), policy, on_hand, reserved)


@pytest.mark.parametrize(
    ("levels", "state", "quantity", "is_capped"),
    [
        # one variant, counted
        ([(DENY, 0)], StockState.OUT_OF_STOCK, 0, False),
        ([(DENY, 1)], StockState.LOW, 1, False),
        ([(DENY, 5)], StockState.LOW, 5, False),
        ([(DENY, 6)], StockState.IN_STOCK, 6, False),
        ([(DENY, 50)], StockState.IN_STOCK, 50, False),
        ([(DENY, 51)], StockState.IN_STOCK, 50, True),
        ([(DENY, 1_000_000)], StockState.IN_STOCK, 50, True),
        # what open orders hold is not free
        ([(DENY, 9, 4)], StockState.LOW, 5, False),
        ([(DENY, 9, 9)], StockState.OUT_OF_STOCK, 0, False),
        ([(DENY, 60, 10)], StockState.IN_STOCK, 50, False),
        # sold past zero
        ([(BACKORDER, 0)], StockState.BACKORDER, 0, False),
        ([(BACKORDER, 3, 7)], StockState.BACKORDER, 0, False),
        ([(BACKORDER, 2)], StockState.LOW, 2, False),
        ([(BACKORDER, 99)], StockState.IN_STOCK, 50, True),
        # never counted
        ([(UNTRACKED, 0)], StockState.IN_STOCK, None, False),
        ([(UNTRACKED, 0, 9)], StockState.IN_STOCK, None, False),
        # a product's variants together
        ([(DENY, 3), (DENY, 3)], StockState.IN_STOCK, 6, False),
        ([(DENY, 0), (DENY, 2)], StockState.LOW, 2, False),
        ([(DENY, 0), (DENY, 0)], StockState.OUT_OF_STOCK, 0, False),
        ([(DENY, 0), (BACKORDER, 0)], StockState.BACKORDER, 0, False),
        ([(DENY, 1), (BACKORDER, 0)], StockState.LOW, 1, False),
        ([(DENY, 0), (UNTRACKED, 0)], StockState.IN_STOCK, None, False),
        ([(DENY, 3), (BACKORDER, 2, 9)], StockState.LOW, 3, False),  # one that is oversold takes nothing from another
        # nothing is known
        ([], StockState.OUT_OF_STOCK, 0, False),
    ],
)
def test_what_a_shopper_is_told(
    levels: list[tuple[StockPolicy, int, int]], state: StockState, quantity: int | None, is_capped: bool
) -> None:
    told = availability([level(*each) for each in levels], NOON)

    assert (told.state, told.quantity, told.quantity_is_capped, told.as_of) == (state, quantity, is_capped, NOON)


@pytest.mark.parametrize(
    ("policy", "on_hand", "reserved", "free", "sellable"),
    [
        (DENY, 10, 4, 6, 6),
        (DENY, 4, 4, 0, 0),
        (DENY, 4, 10, 0, 0),
        (BACKORDER, 4, 10, 0, UNLIMITED),
        (BACKORDER, 10, 4, 6, UNLIMITED),
        (UNTRACKED, 0, 0, 0, UNLIMITED),
    ],
)
def test_what_may_be_sold(policy: StockPolicy, on_hand: int, reserved: int, free: int, sellable: int) -> None:
    stock = level(policy, on_hand, reserved)

    assert (stock.free, stock.sellable) == (free, sellable)


def test_unlimited_is_more_than_a_full_cart_can_ask_for() -> None:
    assert UNLIMITED > 100 * 999


@given(
    st.lists(st.builds(level, st.sampled_from([DENY, BACKORDER]), st.integers(0, 200), st.integers(0, 200)), min_size=1)
)
def test_nobody_is_told_more_than_50_or_more_than_there_is(levels: list[StockLevel]) -> None:
    told = availability(levels, NOON)

    free = sum(each.free for each in levels)
    assert told.quantity == min(free, 50)
    assert told.quantity_is_capped == (free > 50)
    assert (told.state in (StockState.OUT_OF_STOCK, StockState.BACKORDER)) == (free == 0)
