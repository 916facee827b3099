"""What a sample says of all products: never more than it may, as exact sums of the binomial distribution show."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest

from app.catalog.search_counts import EXACT_ROWS, telling_rows, told
from app.core.pagination import Count, CountPrecision
from app.database.search_tables import SAMPLES


def chance(found: int, products: int, sample: int) -> Fraction:
    """How likely so many of the products or more are in the sample."""
    fewer = sum(comb(products, k) * (sample - 1) ** (products - k) for k in range(min(found, products + 1)))
    return 1 - Fraction(fewer, sample**products)


@pytest.mark.parametrize("sample", SAMPLES)
def test_fewer_products_than_a_bound_says_would_be_met_once_in_a_thousand_million_times(sample: int) -> None:
    for found in (2, 5, 12, 20, 40, 90, 200, telling_rows(sample)):
        count = told(found, sample)

        assert count.precision is CountPrecision.AT_LEAST
        assert found <= count.value <= EXACT_ROWS or count.value == EXACT_ROWS
        if count.value > found:  # else it is a fact
            assert chance(found, count.value - 1, sample) <= Fraction(1, 10**9)


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_thousand_are_told_by_as_few_rows_as_may_tell_it(sample: int) -> None:
    rows = telling_rows(sample)

    assert told(rows, sample) == Count(EXACT_ROWS, CountPrecision.AT_LEAST)
    assert told(rows - 1, sample).value < EXACT_ROWS


def test_rows_that_are_all_there_are_say_their_number() -> None:
    assert told(1_500, None) == Count(1_500)
    assert told(0, 64) == Count(0, CountPrecision.AT_LEAST)


def test_bounds_have_two_digits_and_grow_with_what_was_found() -> None:
    values = [told(found, 64).value for found in range(1, 60)]

    assert values == sorted(values)
    assert [told(found, 64).value for found in (10, 20, 30, 40)] == [31, 190, 440, 750]
