from __future__ import annotations

from collections.abc import Callable

import pytest

from app.catalog.domain import OtherPrice, ProductDraft
from app.catalog_import.reading import Item, Rejection
from app.core.money import Currency, Money

Read = Callable[..., list[Item]]
EUR, JPY = Currency("EUR"), Currency("JPY")
TWO = """{"name": "Mug", "price": 18, "taxClass": "reduced",
 "prices": {"EUR": 16.5, "JPY": {"price": 2400, "compareAtPrice": 3000}},
 "variants": [{"options": {"a": 1}}, {"options": {"a": 2}, "prices": {"EUR": 20}, "taxClass": "standard"}]}"""


def test_a_row_may_be_priced_in_several_currencies_and_a_variants_own_come_first(read_json: Read) -> None:
    (item,) = read_json(TWO.replace("\n", ""))

    assert isinstance(item, ProductDraft)
    yen = OtherPrice(Money(2_400, JPY), Money(3_000, JPY))
    assert [variant.other_prices for variant in item.variants] == [
        (OtherPrice(Money(1_650, EUR)), yen),
        (OtherPrice(Money(2_000, EUR)), yen),
    ]
    assert [variant.tax_class for variant in item.variants] == ["reduced", "standard"]


@pytest.mark.parametrize(
    ("more", "field", "reason"),
    [
        ('"prices": {"CHF": 1}', "prices.CHF", "is not one of the shop's other currencies"),
        ('"prices": {"USD": 1}', "prices.USD", "is not one of the shop's other currencies"),
        ('"prices": {"JPY": 1.5}', "prices.JPY", "more than 0 decimal places"),
        ('"prices": {"EUR": {"price": 2, "compareAtPrice": 1}}', "prices.EUR.compareAtPrice", "below"),
        ('"currency": "EUR"', "prices.USD", "missing: everything is priced in the shop's own"),
        ('"taxClass": "A B"', "taxClass", "matching regex"),
    ],
)
def test_a_price_that_does_not_fit_is_named(read_json: Read, more: str, field: str, reason: str) -> None:
    (item,) = read_json(f'{{"name": "A", "price": 1, {more}}}')

    assert isinstance(item, Rejection)
    (fault,) = item.faults
    assert fault.field == field
    assert reason in fault.reason
