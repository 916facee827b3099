"""By which arms a page is read, for how frequent its words are in a catalogue of a million products."""

from __future__ import annotations

import pytest

from app.catalog.search import ProductSort
from app.catalog.search_plan import Frequency, IndexSize, Place, arms
from app.catalog.search_sql import ORDERS, Arm, Shape

PAGE = 25
MILLION = IndexSize(1_000_000, (30, 116, 200), has_steps=True)


def arms_for(most: int, likely: float, sort: ProductSort = ProductSort.RELEVANCE) -> list[Arm]:
    return arms(Shape("name"), ORDERS[sort], Frequency(most, likely), MILLION, Place(PAGE))


@pytest.mark.parametrize(
    ("most", "likely", "expected"),
    [
        (0, 0.0, [Arm.INDEX]),  # a word of which nothing is known is rare
        (500, 500.0, [Arm.INDEX]),
        (501, 501.0, [Arm.TIER_1, Arm.INDEX]),
        (5_000, 125.0, [Arm.INDEX]),  # two words that seldom meet: all matches, 5,000 if they always did
        (5_001, 125.0, [Arm.TIER_1, Arm.INDEX]),
        (5_000, 126.0, [Arm.TIER_1, Arm.INDEX]),
        (20_000, 20_000.0, [Arm.TIER_2, Arm.TIER_1, Arm.INDEX]),
        (60_000, 60_000.0, [Arm.TIER_3, Arm.TIER_2, Arm.TIER_1, Arm.INDEX]),
        (200_000, 200_000.0, [Arm.WALK, Arm.INDEX]),  # every fifth product
    ],
)
def test_the_more_matches_the_fewer_of_them_are_read(most: int, likely: float, expected: list[Arm]) -> None:
    assert arms_for(most, likely) == expected


def test_words_by_price_go_step_by_step_where_there_is_more_than_is_sorted_in_no_time() -> None:
    assert arms_for(20_000, 20_000.0, ProductSort.PRICE_ASC) == [Arm.STEPS]
    assert arms_for(400, 400.0, ProductSort.PRICE_ASC) == [Arm.INDEX]
    assert arms_for(4_000, 100.0, ProductSort.PRICE_ASC) == [Arm.INDEX]
