"""What entries of a terms file may say: each fault is named by its line, and nothing of a faulty entry is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.catalog.price_book import ListPrice
from app.core.money import Currency
from app.promotions.domain import BuyXGetY, Fixed, FreeShipping, Percent, PromotionDraft, PromotionKind
from app.shipping.domain import Band, DeliveryZone, Measure
from app.taxes.domain import TaxCountry, TaxRate
from app.terms_import.amounts import ShopFacts
from app.terms_import.run_import import ImportTerms, TermsReport
from app.terms_import.store_terms import StoreTerms

USD, BHD = Currency("USD"), Currency("BHD")
FACTS = ShopFacts(USD, frozenset({USD, BHD}), frozenset({"US", "CA", "DE", "NO"}))


class Written:
    """`TermsTransactions` that keep what they are given."""

    def __init__(self) -> None:
        self.zones: list[DeliveryZone] = []
        self.countries: list[TaxCountry] = []
        self.promotions: list[PromotionDraft] = []
        self.prices: list[tuple[str, Mapping[Currency, ListPrice | None]]] = []
        self.delivery = self
        self.taxes = self
        self.promotion_drafts = self

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Written]:
        yield self

    async def store_zone(self, zone: DeliveryZone) -> bool:
        self.zones.append(zone)
        return True

    async def store_country(self, country: TaxCountry) -> bool:
        self.countries.append(country)
        return False

    async def set_prices(self, sku: str, prices: Mapping[Currency, ListPrice | None], *, dry_run: bool = False) -> bool:
        self.prices.append((sku, prices))
        return True

    async def store(self, promotion: PromotionDraft) -> bool:
        self.promotions.append(promotion)
        return True


async def imported(
    tmp_path: Path, text: str, *, strict: bool = False, facts: ShopFacts = FACTS
) -> tuple[Written, TermsReport]:
    path = tmp_path / "terms.yaml"
    path.write_text(text, encoding="utf-8")
    written = Written()
    sections = StoreTerms(written, written.set_prices, facts).sections()
    return written, await ImportTerms(sections)(path, strict=strict)


ZONES = """\
delivery:
  - zone: home
    countries: [US, NO]
    methods:
      - {key: post, name: Post, days: 3, price: {USD: 4.90, BHD: 1.500}, freeFrom: {USD: 75}}
      - key: parcel
        name: Parcel
        priceByWeight: [{upToGrams: 1000, price: {USD: 4}}, {price: {USD: 9}}]
      - key: courier
        name: Courier
        taxClass: express
        priceBySubtotal: [{upTo: {USD: 50}, price: {USD: 19}}, {price: {USD: 9.5}}]
      - {key: shop, name: Fetch it, pickUp: true, price: {USD: 0}}
"""


async def test_a_zone_says_how_each_method_is_priced(tmp_path: Path) -> None:
    written, report = await imported(tmp_path, ZONES)

    assert (report.changed, report.unchanged, report.faults) == (1, 0, ())
    (zone,) = written.zones
    assert (zone.key, zone.countries) == ("home", ("US", "NO"))
    assert list(zone.methods) == ["post", "parcel", "courier", "shop"]
    post, parcel, courier, fetched = zone.methods.values()
    assert post.bands == {USD: (Band(None, 490),), BHD: (Band(None, 1_500),)}
    assert (post.free_from, post.estimated_days) == ({USD: 7_500}, 3)
    assert (parcel.measure, parcel.bands) == (Measure.WEIGHT, {USD: (Band(1_000, 400), Band(None, 900))})
    assert (courier.measure, courier.bands) == (Measure.SUBTOTAL, {USD: (Band(5_000, 1_900), Band(None, 950))})
    assert (courier.tax_class, fetched.is_pick_up) == ("express", True)


async def test_a_country_says_its_rates_by_region_and_class(tmp_path: Path) -> None:
    text = """\
taxes:
  - country: CA
    pricesIncludeTax: false
    rates: [{name: GST, percent: 5}, {name: None, percent: 0, taxClass: food}]
    regions:
      - {names: [QC, Québec], rates: [{name: GST, percent: 5}, {name: QST, percent: 9.975}]}
"""

    written, report = await imported(tmp_path, text)

    assert (report.unchanged, report.faults) == (1, ())
    quebec = {"standard": (TaxRate("GST", 50_000), TaxRate("QST", 99_750))}
    (country,) = written.countries
    assert (country.code, country.prices_include_tax) == ("CA", False)
    assert country.rates == {
        "": {"standard": (TaxRate("GST", 50_000),), "food": (TaxRate("None", 0),)},
        "qc": quebec,
        "québec": quebec,
    }


async def test_a_promotion_says_who_gets_what_off(tmp_path: Path) -> None:
    text = """\
promotions:
  - {key: a, name: A, code: " ten ", percent: 12.5, minimum: {USD: 50}, usageLimit: 9, usageLimitPerCustomer: 1}
  - {key: b, name: B, amount: {USD: 5, BHD: 1.234}, brands: [Tarn], combinable: false, active: false}
  - {key: c, name: C, freeShipping: true, startsAt: 2026-11-27T00:00:00+01:00, endsAt: 2026-12-01T00:00:00Z}
  - {key: d, name: D, buyXGetY: {buy: 2, get: 1}, categories: [[Camp, Mugs]], products: [mug], firstOrderOnly: true}
  - {key: e, name: E, on: catalog, percent: 10}
"""

    written, report = await imported(tmp_path, text)

    assert report.faults == ()
    a, b, c, d, e = written.promotions
    assert (a.code, a.effect, a.minimum) == ("TEN", Percent(125_000), {USD: 5_000})
    assert (a.usage_limit, a.usage_limit_per_customer, a.kind) == (9, 1, PromotionKind.CART)
    assert (b.effect, b.brands) == (Fixed({USD: 500, BHD: 1_234}), ("Tarn",))
    assert (b.combinable, b.active) == (False, False)
    assert isinstance(c.effect, FreeShipping)
    assert str(c.starts_at) == "2026-11-27 00:00:00+01:00"
    assert (d.effect, d.categories, d.products) == (BuyXGetY(2, 1, 1_000_000), (("Camp", "Mugs"),), ("mug",))
    assert (d.first_order_only, e.kind) == (True, PromotionKind.CATALOG)


PROMOTION = "promotions:\n  - {key: a, name: A, "


async def test_a_price_list_sets_and_removes_prices(tmp_path: Path) -> None:
    text = """\
prices:
  - {sku: A, price: {USD: 5, BHD: 1.234}, compareAtPrice: {USD: 8, BHD: 1.234}}
  - {sku: B, price: {BHD: null}}
  - {sku: C, price: {USD: null}}
  - {sku: D, price: {USD: 5}, compareAtPrice: {USD: 4}}
"""

    written, report = await imported(tmp_path, text)

    assert written.prices == [("A", {USD: ListPrice(500, 800), BHD: ListPrice(1_234)}), ("B", {BHD: None})]
    assert [(fault.source.rpartition(":")[2], fault.field) for fault in report.faults] == [
        ("4", "price.USD"),
        ("5", "compareAtPrice.USD"),
    ]


METHOD = "delivery:\n  - zone: z\n    countries: [US]\n    methods:\n      - {key: a, name: A, "


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (METHOD + "prise: {USD: 1}}\n", "5: methods[0].prise: is not a field, did you mean price?"),
        (METHOD + "price: {USD: 1.999}}\n", "5: methods[0].price.USD: 1.999 has more than 2 decimal places"),
        (METHOD + "price: {EUR: 1}}\n", "5: methods[0].price.EUR: the shop does not sell in EUR, only in BHD, USD"),
        (METHOD + "price: {BHD: 1.005}}\n", "5: methods[0].price.BHD: 1.005: cards cannot pay thousandths"),
        (METHOD + "price: {USD: -1}}\n", "5: methods[0].price.USD: -1 is below 0"),
        (METHOD + "days: 3}\n", "5: methods[0]: needs exactly one of price, priceByWeight, priceBySubtotal"),
        (METHOD + "priceByWeight: [{price: {USD: 1}}, {upToGrams: 5, price: {USD: 1}}]}\n", "only the last band"),
        (
            METHOD + "priceByWeight: [{upToGrams: 5, price: {USD: 1}}, {upToGrams: 5, price: {USD: 2}}]}\n",
            "the limits must rise",
        ),
        (METHOD + "priceBySubtotal: [{upTo: {BHD: 5}, price: {USD: 1}}]}\n", "says nothing for USD"),
        ("delivery:\n  - zone: z\n    countries: [FR]\n    methods: []\n", "3: countries[0]: FR is not among"),
        ("delivery:\n  - zone: z\n    countries: [XX]\n    methods: []\n", "3: countries[0]: 'XX' is not an ISO"),
        ("delivery:\n  - zone: z\n    methods: []\n", "2: object missing required field `countries`"),
        ("delivery:\n  - {zone: z, countries: [US, CA], regions: [X], methods: []}\n", "regions are those of one"),
        ("taxes:\n  - {country: DE, pricesIncludeTax: yes}\n", "2: pricesIncludeTax: expected `bool`, got `str`"),
        (
            "taxes:\n  - country: DE\n    pricesIncludeTax: true\n    rates: [{name: A, percent: 201}]\n",
            "4: rates[0].percent: 201 is not 0 to 200",
        ),
        (
            "taxes:\n  - country: DE\n    pricesIncludeTax: true\n    rates: [{name: A, percent: 1.00001}]\n",
            "more than 4 decimal places",
        ),
        (PROMOTION + "percent: 0}\n", "2: percent: takes nothing off"),
        (PROMOTION + "percent: 'NaN'}\n", "2: percent: NaN is not 0 to 100"),
        (PROMOTION + f"percent: {'9' * 5_000}}}\n", "2: percent: "),
        (PROMOTION + "percent: 1e99999999999999999999}\n", "2: percent: "),
        (PROMOTION + "percent: 10, freeShipping: true}\n", "2: needs exactly one of percent, amount, freeShipping"),
        (PROMOTION + "percent: 10, code: ' '}\n", "2: code: is blank"),
        (PROMOTION + "on: catalog, percent: 10, usageLimit: 3}\n", "2: usageLimit: is for promotions on carts"),
        (PROMOTION + "percent: 1, startsAt: 2026-01-01T00:00:00}\n", "2: startsAt: "),
        (
            PROMOTION + "percent: 1, startsAt: 2026-01-02T00:00:00Z, endsAt: 2026-01-02T00:00:00Z}\n",
            "endsAt: is not after",
        ),
        ("tarifs:\n  - {}\n", "2: there is no section 'tarifs', only delivery, taxes, prices, promotions"),
    ],
)
async def test_a_faulty_entry_is_named_by_its_line_and_not_stored(tmp_path: Path, text: str, fault: str) -> None:
    written, report = await imported(tmp_path, text)

    (found,) = report.faults
    said = f"{found.source}: {found.field}: {found.reason}" if found.field else f"{found.source}: {found.reason}"
    assert fault in said
    assert (written.zones, written.countries, written.promotions) == ([], [], [])


TWO = "delivery:\n  - zone: a\n  - {zone: b, countries: [US], methods: []}\n"


async def test_what_is_right_lands_beside_what_is_wrong(tmp_path: Path) -> None:
    written, report = await imported(tmp_path, TWO)

    assert ([zone.key for zone in written.zones], len(report.faults)) == (["b"], 1)


async def test_strict_stops_at_the_first_fault(tmp_path: Path) -> None:
    written, report = await imported(tmp_path, TWO, strict=True)

    assert (written.zones, len(report.faults)) == ([], 1)


async def test_a_card_number_is_named_by_its_line_and_path_and_nothing_of_its_entry_is_stored(tmp_path: Path) -> None:
    text = """\
delivery:
  - zone: home
    countries: [US]
    methods:
      - {key: post, name: Post, price: {USD: 4.90}}
      - key: parcel
        name: Ask 4242 4242 4242 4242
        price: {USD: 4.90}
promotions:
  - {key: spring, name: Spring, on: catalog, percent: 10, products: ["4242424242424242"]}
"""

    written, report = await imported(tmp_path, text)

    (fault,) = report.faults
    assert fault.source.endswith(":7")
    assert (fault.field, fault.reason) == ("methods[1].name", "has what looks like a payment card number")
    assert written.zones == []
    assert [each.products for each in written.promotions] == [("4242424242424242",)]
