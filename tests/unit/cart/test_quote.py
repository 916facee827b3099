from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from app.cart.quote import Goods, PriceStepKind, Quote, Terms, Wishes, quote
from app.core.discount import DiscountReason
from app.core.ids import CategoryId, ProductId, PromotionId
from app.core.money import Currency, Money, charge_step
from app.core.place import Place
from app.promotions.domain import (
    BuyXGetY,
    CartPromotion,
    Effect,
    Fixed,
    FreeShipping,
    Item,
    Offered,
    Percent,
    Scope,
)
from app.shipping.domain import Band, DeliveryMethod, DeliveryOptions, FlatRate, Measure, Tariff
from app.taxes.domain import LocalTaxes, NoTaxes, Taxes, TaxRate
from tests.unit.fakes import NOON, USD, usd

CURRENCIES = tuple(Currency(code) for code in ("JPY", "USD", "EUR", "BHD"))
POST = FlatRate(usd(490), 3, frozenset({"US"})).to(Place("US"))
TEN_PERCENT = CartPromotion(PromotionId(1), "Ten off", Percent(100_000))


def goods(price: int, quantity: int = 1, *, product: int = 1, tax_class: str = "standard", **more: object) -> Goods:
    item = Item(ProductId(product), frozenset({CategoryId(9)}), "Pinefold", price, quantity)
    return replace(Goods(item, f"Product {product}", tax_class, 100, is_shipped=True), **more)  # type: ignore[arg-type]


def quoted(
    *lines: Goods,
    promotions: tuple[CartPromotion, ...] = (),
    codes: tuple[str, ...] = (),
    taxes: Taxes | None = None,
    delivery: DeliveryOptions = POST,
    currency: Currency = USD,
    option: int | None = 1,
) -> Quote:
    terms = Terms(delivery, taxes or NoTaxes(), Offered(promotions))
    return quote(lines, Wishes(codes, option), terms, currency=currency, now=NOON)


# ------------------------------------------------------------------------------------------------ any goods, any terms


@st.composite
def effects(draw: st.DrawFn) -> Effect:
    ppm = draw(st.integers(1, 1_000_000))
    return draw(
        st.sampled_from(
            [
                Percent(ppm),
                Fixed(dict.fromkeys(CURRENCIES, draw(st.integers(1, 5_000)))),
                FreeShipping(),
                BuyXGetY(draw(st.integers(1, 3)), draw(st.integers(1, 2)), ppm),
            ]
        )
    )


@st.composite
def promotions(draw: st.DrawFn, number: int) -> CartPromotion:
    return CartPromotion(
        id=PromotionId(number),
        name=f"Promotion {number}",
        effect=draw(effects()),
        code=draw(st.none() | st.just(f"CODE{number}")),
        scope=draw(
            st.sampled_from([Scope(), Scope(products=frozenset({ProductId(1)})), Scope(brands=frozenset({"X"}))])
        ),
        minimum=draw(st.sampled_from([{}, dict.fromkeys(CURRENCIES, 2_000)])),
        combinable=draw(st.booleans()),
        starts_at=draw(st.none() | st.sampled_from([NOON, NOON + timedelta(days=1)])),
        ends_at=draw(st.none() | st.sampled_from([NOON, NOON + timedelta(days=1)])),
        usage_limit=draw(st.none() | st.integers(1, 2)),
        used=draw(st.integers(0, 2)),
    )


@st.composite
def taxes(draw: st.DrawFn) -> Taxes:
    rates = st.lists(
        st.builds(TaxRate, st.sampled_from(["A", "B", "C"]), st.integers(0, 400_000)), max_size=3, unique=True
    )
    table = {name: tuple(draw(rates)) for name in ("standard", "reduced")}
    return draw(st.sampled_from([NoTaxes(), LocalTaxes(table, draw(st.booleans()), draw(st.booleans()))]))


@st.composite
def tariffs(draw: st.DrawFn) -> DeliveryOptions:
    def method(number: int) -> DeliveryMethod:
        measure = draw(st.sampled_from(Measure))
        limits = sorted(draw(st.sets(st.integers(1, 20_000), max_size=3)))
        prices = [draw(st.integers(0, 300)) * 10 for _ in range(len(limits) + 1)]
        bands = tuple(Band(limit, price) for limit, price in zip([*limits, None], prices, strict=True))
        free_from = draw(st.none() | st.integers(0, 30_000))
        return DeliveryMethod(
            number,
            f"Method {number}",
            measure,
            dict.fromkeys(CURRENCIES, bands),
            {} if free_from is None else dict.fromkeys(CURRENCIES, free_from),
            tax_class=draw(st.sampled_from(["standard", "reduced"])),
        )

    return Tariff(tuple(method(number) for number in range(1, draw(st.integers(1, 3)) + 1)))


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    lines = [
        goods(
            draw(st.integers(0, 30_000)),
            draw(st.integers(1, 9)),
            product=draw(st.integers(1, 3)),
            tax_class=draw(st.sampled_from(["standard", "reduced", "books"])),
            is_shipped=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(0, 6)))
    ]
    offered = tuple(draw(promotions(number)) for number in range(1, draw(st.integers(0, 5)) + 1))
    codes = tuple(each.code for each in offered if each.code) + draw(st.sampled_from([(), ("NO-SUCH",)]))
    return quoted(
        *lines,
        promotions=offered,
        codes=codes,
        taxes=draw(taxes()),
        delivery=draw(tariffs()),
        currency=draw(st.sampled_from(CURRENCIES)),
        option=draw(st.none() | st.integers(1, 4)),
    )


@given(quotes())
@settings(max_examples=1_000, deadline=None)
def test_any_quote_adds_up(any_quote: Quote) -> None:
    nothing = Money.zero(any_quote.subtotal.currency)
    shipping, tax = any_quote.shipping or nothing, any_quote.tax or nothing

    assert any_quote.subtotal - any_quote.discount + shipping + tax == any_quote.total
    assert sum(any_quote.discounts, nothing) == any_quote.discount
    assert sum((step.amount for step in any_quote.steps), nothing) == any_quote.total
    on_top = sum((line.amount for line in any_quote.tax_lines if not line.is_included), nothing)
    assert on_top == tax


@given(quotes())
@settings(max_examples=500, deadline=None)
def test_no_part_of_any_quote_is_below_nothing_and_it_can_be_charged(any_quote: Quote) -> None:
    assert min([each.minor for each in any_quote.discounts], default=0) >= 0
    assert any_quote.discount.minor <= any_quote.subtotal.minor
    assert any_quote.shipping is None or any_quote.shipping.minor >= 0
    assert all(line.amount.minor >= 0 for line in any_quote.tax_lines)
    assert any_quote.total.minor >= 0
    assert any_quote.total.minor % charge_step(any_quote.total.currency) == 0


@given(quotes())
@settings(max_examples=500, deadline=None)
def test_every_code_of_any_quote_is_accounted_for(any_quote: Quote) -> None:
    applied = {each.promotion.code: each.minor for each in any_quote.applied if each.promotion.code}

    assert {each.code for each in any_quote.codes if each.applicable} == set(applied)
    for code in any_quote.codes:
        assert (code.amount is not None) == code.applicable
        assert code.amount is None or code.amount.minor == applied[code.code]
        assert (code.missing is not None) == (code.reason is DiscountReason.MINIMUM_NOT_MET)
    if any(not each.promotion.combinable for each in any_quote.applied):
        assert len(any_quote.applied) == 1


@given(st.integers(0, 10_000_000), st.lists(st.integers(1, 400_000), min_size=1, max_size=3, unique=True))
def test_contained_tax_is_what_the_net_price_would_owe(price: int, ppms: list[int]) -> None:
    rates = tuple(TaxRate(f"Tax {ppm}", ppm) for ppm in ppms)

    contained = quoted(goods(price), taxes=LocalTaxes({"standard": rates}, prices_include_tax=True), option=None)

    tax = sum(line.amount.minor for line in contained.tax_lines)
    together = sum(ppms)
    assert abs((price - tax) * together - tax * 1_000_000) <= 1_000_000 + together  # within the rounding of one unit
    assert contained.total == usd(price)


# ------------------------------------------------------------------------------------------------ examples


def test_a_quote_explains_its_total_step_by_step() -> None:
    sales_tax = LocalTaxes({"standard": (TaxRate("Sales tax", 88_750),)}, prices_include_tax=False)
    code = replace(TEN_PERCENT, id=PromotionId(2), name="Welcome", code="WELCOME", effect=Fixed({USD: 500}))

    found = quoted(goods(1_800, 2), goods(999), promotions=(TEN_PERCENT, code), codes=("WELCOME",), taxes=sales_tax)

    assert [(step.kind.value, step.label, step.amount.minor) for step in found.steps] == [
        ("ITEMS", "2 × Product 1", 3_600),
        ("ITEMS", "1 × Product 1", 999),
        ("PROMOTION", "Ten off", -460),
        ("CODE", "Welcome", -500),
        ("SHIPPING", "Standard delivery", 490),
        ("TAX", "Sales tax", 366),
    ]
    assert (found.total, found.tax) == (usd(4_495), usd(366))
    assert [line.rate for line in found.tax_lines] == [Decimal("0.08875")]


def test_tax_that_prices_include_is_stated_and_not_added() -> None:
    vat = {"standard": (TaxRate("VAT 19 %", 190_000),), "reduced": (TaxRate("VAT 7 %", 70_000),)}

    found = quoted(
        goods(11_900), goods(1_070, tax_class="reduced"), taxes=LocalTaxes(vat, prices_include_tax=True), option=None
    )

    assert [(line.name, line.amount.minor, line.is_included) for line in found.tax_lines] == [
        ("VAT 19 %", 1_900, True),
        ("VAT 7 %", 70, True),
    ]
    assert (found.tax, found.total) == (usd(0), usd(12_970))
    assert PriceStepKind.TAX not in {step.kind for step in found.steps}


def test_taxes_of_one_place_are_each_rounded_once_for_the_whole_cart() -> None:
    quebec = {"standard": (TaxRate("GST", 50_000), TaxRate("QST", 99_750))}

    found = quoted(*[goods(333, product=n) for n in (1, 2, 3)], taxes=LocalTaxes(quebec, prices_include_tax=False))

    assert [line.amount.minor for line in found.tax_lines] == [74, 149]  # of 9.99 + 4.90


def test_tax_on_top_is_an_estimate_until_there_is_an_address() -> None:
    guess = LocalTaxes({"standard": (TaxRate("Sales tax", 80_000),)}, prices_include_tax=False, is_guess=True)

    assert quoted(goods(1_000), taxes=guess).is_estimated
    assert not quoted(goods(1_000), taxes=replace(guess, prices_include_tax=True)).is_estimated
    assert not quoted(goods(1_000), taxes=replace(guess, is_guess=False)).is_estimated


def test_thousandths_that_cards_cannot_charge_are_left_off_and_said() -> None:
    dinar = Currency("BHD")

    found = quoted(goods(1_234), goods(5), currency=dinar, option=None)

    assert found.total == Money(1_230, dinar)
    assert [off.minor for off in found.discounts] == [9, 0]
    assert [step.amount.minor for step in found.steps if step.kind is PriceStepKind.ROUNDING] == [-9]


def test_a_delivery_is_priced_by_what_the_goods_cost_after_discounts() -> None:
    bands = {USD: (Band(None, 490),)}
    tariff = Tariff((DeliveryMethod(1, "Post", Measure.NOTHING, bands, free_from={USD: 5_000}),))

    assert quoted(goods(5_000), delivery=tariff).shipping == usd(0)
    assert quoted(goods(5_000), delivery=tariff, promotions=(TEN_PERCENT,)).shipping == usd(490)


def test_free_shipping_takes_off_exactly_the_delivery() -> None:
    free = CartPromotion(PromotionId(1), "Free delivery", FreeShipping(), code="SHIP")

    found = quoted(goods(1_000), promotions=(free,), codes=("SHIP",))

    assert (found.shipping, found.discount, found.total) == (usd(0), usd(0), usd(1_000))
    assert [(step.kind.value, step.amount.minor) for step in found.steps[1:]] == [("SHIPPING", 490), ("CODE", -490)]
    assert found.codes[0].amount == usd(490)
