"""The price of goods, step by step: the engine behind every cart. Pure, in integer minor units. See ADR-0017.

goods -> discounts, split over the lines -> delivery, by what the goods cost then -> tax on both -> total

goods − discount + shipping + tax = total, exactly, by construction: every step is an integer that is added. `explain`
lists these integers, so it sums to the total too. Tax that prices contain is stated, not added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from app.core.money import Currency, Money, allocate, charge_step
from app.promotions.apply_promotions import Discounts, apply_promotions
from app.promotions.domain import NOTHING_OFFERED, AppliedPromotion, DiscountCode, Item, Offered
from app.shipping.domain import DeliveryOption, DeliveryOptions, Parcel
from app.taxes.domain import Taxable, TaxAssessment, Taxes, TaxLine


class PriceStepKind(Enum):
    """What a step of a price is."""

    ITEMS = "ITEMS"
    PROMOTION = "PROMOTION"
    CODE = "CODE"
    ROUNDING = "ROUNDING"
    SHIPPING = "SHIPPING"
    TAX = "TAX"


@dataclass(frozen=True, slots=True)
class PriceStep:
    """One step to a total. amount: below zero where something is taken off."""

    kind: PriceStepKind
    label: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Goods:
    """A line to be priced. label: what to call it."""

    item: Item
    label: str
    tax_class: str
    weight_grams: int
    is_shipped: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms the shop sells to one buyer: all that a price depends on beside the goods, read beforehand."""

    delivery: DeliveryOptions
    taxes: Taxes
    promotions: Offered = NOTHING_OFFERED


@dataclass(frozen=True, slots=True)
class Quote:
    """What goods cost. discounts: of each line, in their order; shipping: None while no delivery is chosen.

    tax: what comes on top, None where the shop has no tax data; is_estimated: whether something is not known yet.
    """

    subtotal: Money
    discounts: tuple[Money, ...]
    discount: Money
    shipping: Money | None
    tax: Money | None
    total: Money
    tax_lines: tuple[TaxLine, ...]
    steps: tuple[PriceStep, ...]
    codes: tuple[DiscountCode, ...]
    applied: tuple[AppliedPromotion, ...]
    delivery_options: tuple[DeliveryOption, ...]
    delivery: DeliveryOption | None
    requires_shipping: bool
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the shopper chose. codes: normalised."""

    codes: tuple[str, ...] = ()
    delivery_option_id: int | None = None


def quote(goods: Sequence[Goods], wishes: Wishes, terms: Terms, *, currency: Currency, now: datetime) -> Quote:
    """What these goods cost on these terms."""
    delivery = _Delivery(goods, wishes, terms, currency)
    items = [each.item for each in goods]
    found = apply_promotions(items, terms.promotions, wishes.codes, currency=currency, now=now, shipping=delivery.cost)
    subtotal = sum(item.subtotal for item in items)
    left = [item.subtotal - off for item, off in zip(items, found.by_item, strict=True)]
    rounding = allocate(sum(left) % charge_step(currency), left)
    discounts = [off + part for off, part in zip(found.by_item, rounding, strict=True)]
    paid = [amount - part for amount, part in zip(left, rounding, strict=True)]
    options, chosen = delivery.options(sum(paid))
    shipping = None if delivery.required and chosen is None else _minor(chosen) - found.shipping
    taxables = [Taxable(amount, each.tax_class) for amount, each in zip(paid, goods, strict=True)]
    if chosen is not None and shipping:
        taxables.append(Taxable(shipping, chosen.tax_class))
    taxes = terms.taxes.assess(taxables, currency)
    total = sum(paid) + (shipping or 0) + (taxes.on_top.minor if taxes.on_top else 0)
    return Quote(
        subtotal=Money(subtotal, currency),
        discounts=tuple(Money(each, currency) for each in discounts),
        discount=Money(sum(discounts), currency),
        shipping=None if shipping is None else Money(shipping, currency),
        tax=taxes.on_top,
        total=Money(total, currency),
        tax_lines=taxes.lines,
        steps=_steps(goods, found, sum(rounding), chosen, taxes, currency),
        codes=found.codes,
        applied=found.applied,
        delivery_options=options,
        delivery=chosen,
        requires_shipping=delivery.required,
        is_estimated=shipping is None or taxes.is_estimated,
    )


class _Delivery:
    """The delivery of one cart's goods, at whatever they come to cost."""

    def __init__(self, goods: Sequence[Goods], wishes: Wishes, terms: Terms, currency: Currency) -> None:
        self._terms = terms
        self._currency = currency
        self._option_id = wishes.delivery_option_id
        self._weight_grams = sum(each.weight_grams * each.item.quantity for each in goods if each.is_shipped)
        self.required = any(each.is_shipped for each in goods)

    def options(self, goods_minor: int) -> tuple[tuple[DeliveryOption, ...], DeliveryOption | None]:
        """The options for goods of this value, and the chosen one if it is among them."""
        if not self.required:
            return (), None
        parcel = Parcel(Money(goods_minor, self._currency), self._weight_grams)
        options = tuple(self._terms.delivery.quote(parcel))
        return options, next((option for option in options if option.id == self._option_id), None)

    def cost(self, goods_minor: int) -> int | None:
        """What the chosen delivery costs, in minor units; None where none is chosen."""
        chosen = self.options(goods_minor - goods_minor % charge_step(self._currency))[1]
        return None if chosen is None else chosen.price.minor


def _minor(option: DeliveryOption | None) -> int:
    return 0 if option is None else option.price.minor


def _steps(
    goods: Sequence[Goods],
    found: Discounts,
    rounding: int,
    chosen: DeliveryOption | None,
    taxes: TaxAssessment,
    currency: Currency,
) -> tuple[PriceStep, ...]:
    steps = [(PriceStepKind.ITEMS, f"{each.item.quantity} × {each.label}", each.item.subtotal) for each in goods]
    steps += [(_kind(each), each.promotion.name, -sum(each.by_item)) for each in found.applied]
    steps.append((PriceStepKind.ROUNDING, "Rounding", -rounding))
    if chosen is not None:
        steps.append((PriceStepKind.SHIPPING, chosen.name, chosen.price.minor))
    steps += [(_kind(each), each.promotion.name, -each.shipping) for each in found.applied]
    steps += [(PriceStepKind.TAX, line.name, line.amount.minor) for line in taxes.lines if not line.is_included]
    telling = (step for step in steps if step[2] or step[0] in (PriceStepKind.ITEMS, PriceStepKind.SHIPPING))
    return tuple(PriceStep(kind, label, Money(minor, currency)) for kind, label, minor in telling)


def _kind(applied: AppliedPromotion) -> PriceStepKind:
    return PriceStepKind.PROMOTION if applied.promotion.code is None else PriceStepKind.CODE
