from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.quantity import ANY_QUANTITY, MAX_QUANTITY, QuantityRule

PACKS = QuantityRule(minimum=12, maximum=60, step=6)


@st.composite
def rules(draw: st.DrawFn) -> QuantityRule:
    step = draw(st.integers(1, 12))
    minimum = step * draw(st.integers(1, 20))
    maximum = draw(st.none() | st.integers(minimum // step, 90).map(lambda count: count * step))
    return QuantityRule(minimum, maximum, step)


@pytest.mark.parametrize(
    ("quantity", "allowed"), [(6, False), (12, True), (13, False), (18, True), (60, True), (66, False)]
)
def test_a_rule_allows_its_minimum_and_steps_up_to_its_maximum(quantity: int, allowed: bool) -> None:
    assert PACKS.allows(quantity) is allowed


def test_without_a_rule_a_line_has_1_to_999_units() -> None:
    assert [ANY_QUANTITY.allows(each) for each in (0, 1, 999, 1_000)] == [False, True, True, False]
    assert QuantityRule(step=2, minimum=2).largest == 998


@pytest.mark.parametrize(("rule", "text"), [(ANY_QUANTITY, "1 to 999"), (PACKS, "12 to 60 in steps of 6")])
def test_a_rule_reads_as_a_sentence_wants_it(rule: QuantityRule, text: str) -> None:
    assert str(rule) == text


@given(rules(), st.integers(-5, MAX_QUANTITY + 5))
def test_what_fits_is_the_largest_allowed_quantity_that_is_not_above(rule: QuantityRule, quantity: int) -> None:
    allowed = [each for each in range(1, min(quantity, MAX_QUANTITY) + 1) if rule.allows(each)]

    assert rule.fitting(quantity) == max(allowed, default=0)
