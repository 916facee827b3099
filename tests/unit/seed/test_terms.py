from __future__ import annotations

from pathlib import Path

import pytest

from app.core.money import Currency, Money
from app.seed.terms import demo_terms
from app.terms_import.amounts import ShopFacts
from app.terms_import.run_import import ImportTerms
from app.terms_import.store_terms import StoreTerms
from tests.unit.terms_import.test_terms_entries import Written


@pytest.mark.parametrize("code", ["USD", "JPY", "BHD"])
async def test_the_demo_terms_can_be_imported_in_any_currency(code: str, tmp_path: Path) -> None:
    currency = Currency(code)
    flat_rate = Money.parse(5, currency)
    written = Written()
    facts = ShopFacts(code, frozenset({code}), frozenset({"US", "DE"}))

    text = demo_terms(currency, countries=("US", "DE"), flat_rate=flat_rate, days=3)
    load = ImportTerms(StoreTerms(written, written.set_prices, facts).sections()).load
    report = await load(text, "demo", strict=True)

    assert report.faults == ()
    assert "<" not in text
    (zone,) = written.zones
    assert zone.methods["standard"].bands[currency][0].price_minor == flat_rate.minor
    assert [promotion.code for promotion in written.promotions] == ["WELCOME10", "FREESHIP", "TWENTY", None, None]
