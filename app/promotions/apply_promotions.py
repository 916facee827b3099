"""Which promotions a cart gets, and what each takes off which line. Pure, in integer minor units. See ADR-0019.

Promotions that may be combined apply one after the other, each on what those before it left: buy-X-get-Y, then
percentages, then amounts, then the delivery. One that may not is compared with all the others together, and the buyer
gets whichever is worth more. Every amount is split among its lines by largest remainder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.discount import DiscountReason
from app.core.ids import PromotionId
from app.core.money import Currency, Money, allocate, fraction_of
from app.promotions.domain import (
    AppliedPromotion,
    BuyXGetY,
    CartPromotion,
    DiscountCode,
    Fixed,
    FreeShipping,
    Item,
    Offered,
    Percent,
)

PPM = 1_000_000
_ORDER = {BuyXGetY: 0, Percent: 1, Fixed: 2, FreeShipping: 3}

Shipping = Callable[[int], int | None]  # from what the goods cost after discounts to what their delivery costs


@dataclass(frozen=True, slots=True)
class Discounts:
    """What came of a cart's promotions. by_item: what is taken off each item, in their order."""

    applied: tuple[AppliedPromotion, ...]
    codes: tuple[DiscountCode, ...]
    by_item: tuple[int, ...]

    @property
    def shipping(self) -> int:
        """What is taken off the delivery."""
        return sum(each.shipping for each in self.applied)


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: DiscountReason
    missing: Money | None = None


def apply_promotions(
    items: Sequence[Item],
    offered: Offered,
    codes: Sequence[str],
    *,
    currency: Currency,
    now: datetime,
    shipping: Shipping,
) -> Discounts:
    """The discounts of a cart with these items and codes.

    codes: normalised, in the order in which the shopper gave them.
    """
    verdicts = {each.id: _refusal(each, items, offered, currency, now) for each in offered.promotions}
    willing = [each for each in offered.promotions if verdicts[each.id] is None]
    willing.sort(key=lambda each: (_ORDER[type(each.effect)], each.id))
    together = [each for each in willing if each.combinable]
    choices = ([together] if together else []) + [[each] for each in willing if not each.combinable]
    applied = max(
        (_applied(choice, items, currency, shipping) for choice in choices),
        key=lambda outcome: sum(each.minor for each in outcome),
        default=(),
    )
    by_item = tuple(map(sum, zip(*(each.by_item for each in applied), strict=True))) or (0,) * len(items)
    known = {each.code: each for each in offered.promotions if each.code is not None}
    amounts = {each.promotion.id: Money(each.minor, currency) for each in applied}
    outcomes = tuple(_outcome(code, known.get(code), verdicts, amounts) for code in codes)
    return Discounts(applied, outcomes, by_item)


def _refusal(
    promotion: CartPromotion, items: Sequence[Item], offered: Offered, currency: Currency, now: datetime
) -> _Refusal | None:
    if promotion.starts_at is not None and now < promotion.starts_at:
        return _Refusal(DiscountReason.NOT_STARTED)
    if promotion.ends_at is not None and now >= promotion.ends_at:
        return _Refusal(DiscountReason.EXPIRED)
    if _is_used_up(promotion):
        return _Refusal(DiscountReason.USAGE_LIMIT)
    if promotion.first_order_only and offered.has_ordered:
        return _Refusal(DiscountReason.FIRST_ORDER_ONLY)
    goods = sum(item.subtotal for item in items if promotion.scope.has(item))
    fixed = promotion.effect.amounts if isinstance(promotion.effect, Fixed) else None
    foreign = (promotion.minimum and currency not in promotion.minimum) or (fixed is not None and currency not in fixed)
    if foreign or not any(promotion.scope.has(item) for item in items):
        return _Refusal(DiscountReason.NO_ELIGIBLE_ITEM)
    missing = promotion.minimum.get(currency, 0) - goods
    if missing > 0:
        return _Refusal(DiscountReason.MINIMUM_NOT_MET, Money(missing, currency))
    if isinstance(promotion.effect, BuyXGetY) and not _reduced_units(promotion.effect, promotion, items):
        return _Refusal(DiscountReason.NO_ELIGIBLE_ITEM)
    return None


def _is_used_up(promotion: CartPromotion) -> bool:
    in_all, of_one = promotion.usage_limit, promotion.usage_limit_per_customer
    return (in_all is not None and promotion.used >= in_all) or (
        of_one is not None and promotion.used_by_buyer >= of_one
    )


def _applied(
    promotions: Sequence[CartPromotion], items: Sequence[Item], currency: Currency, shipping: Shipping
) -> tuple[AppliedPromotion, ...]:
    left = [item.subtotal for item in items]
    outcomes = []
    shipping_left: int | None = None
    for promotion in promotions:
        off, off_shipping = [0] * len(items), 0
        if isinstance(promotion.effect, FreeShipping):  # last in the order: the goods cost what they will cost
            cost = shipping(sum(left)) or 0 if shipping_left is None else shipping_left
            off_shipping, shipping_left = cost, 0
        else:
            off = _taken_off(promotion, items, left, currency)
            left = [amount - part for amount, part in zip(left, off, strict=True)]
        outcomes.append(AppliedPromotion(promotion, tuple(off), off_shipping))
    return tuple(outcomes)


def _taken_off(promotion: CartPromotion, items: Sequence[Item], left: Sequence[int], currency: Currency) -> list[int]:
    """What a promotion takes off each item, never more than is left of it."""
    effect = promotion.effect
    if isinstance(effect, BuyXGetY):
        units = _reduced_units(effect, promotion, items)
        each = [fraction_of(item.price_minor, effect.ppm, PPM) for item in items]
        return [min(each[place] * units.get(place, 0), left[place]) for place in range(len(items))]
    eligible = [amount if promotion.scope.has(item) else 0 for item, amount in zip(items, left, strict=True)]
    goods = sum(eligible)
    if isinstance(effect, Percent):
        total = fraction_of(goods, effect.ppm, PPM)
    else:
        total = min(effect.amounts[currency], goods) if isinstance(effect, Fixed) else 0
    return allocate(total, eligible)


def _reduced_units(effect: BuyXGetY, promotion: CartPromotion, items: Sequence[Item]) -> dict[int, int]:
    """How many units of which item are reduced: the cheapest ones."""
    eligible = [place for place, item in enumerate(items) if promotion.scope.has(item)]
    quantity = sum(items[place].quantity for place in eligible)
    rest = quantity // (effect.buy + effect.get) * effect.get
    units = {}
    for place in sorted(eligible, key=lambda place: items[place].price_minor):
        units[place] = min(rest, items[place].quantity)
        rest -= units[place]
    return {place: count for place, count in units.items() if count}


def _outcome(
    code: str,
    promotion: CartPromotion | None,
    verdicts: Mapping[PromotionId, _Refusal | None],
    amounts: Mapping[PromotionId, Money],
) -> DiscountCode:
    if promotion is None:
        return DiscountCode(code, DiscountReason.UNKNOWN)
    refusal = verdicts[promotion.id]
    if refusal is not None:
        return DiscountCode(code, refusal.reason, missing=refusal.missing)
    if promotion.id in amounts:
        return DiscountCode(code, None, amount=amounts[promotion.id])
    return DiscountCode(code, DiscountReason.NOT_COMBINABLE)
