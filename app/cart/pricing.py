"""What a cart costs now and what stands in the way of paying it. Pure: records in, records out.

lines at today's prices -> their quote (see `quote`) -> lines, cost, problems and readiness as a shopper sees them. A
cart in an odd state (sold out, no longer sold, delivery gone, code over) is priced all the same and explains itself in
`problems`. See ADR-0005 and ADR-0017.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from app.cart.domain import (
    Cart,
    CartLine,
    CartProblem,
    CheckoutReadiness,
    CheckoutRequirement,
    Cost,
    DeliveryOptionGone,
    DiscountCodeInactive,
    LinePriceChanged,
    PricedCart,
    PricedLine,
    Shelf,
    positions_of,
)
from app.cart.quote import Goods, Quote, Terms, Wishes, quote
from app.core.ids import VariantId
from app.core.money import Money
from app.promotions.domain import Item
from app.shipping.domain import DeliveryOption
from app.taxes.domain import STANDARD


def price_cart(cart: Cart, shelf: Shelf, terms: Terms, now: datetime) -> PricedCart:
    """The cart against today's prices, stock and terms.

    shelf: holds every variant of the cart that exists.
    """
    goods = [_goods(line, shelf) for line in cart.lines]
    wishes = Wishes(cart.discount_codes, cart.delivery_option_id)
    quoted = quote(goods, wishes, terms, currency=cart.currency, now=now)
    options = tuple(
        replace(option, cart_total=partial(_cart_total, option, goods, wishes, terms, now))
        for option in quoted.delivery_options
    )
    lines = _priced_lines(cart, shelf, quoted)
    problems = _problems(cart, lines, quoted)
    return PricedCart(
        id=cart.id,
        version=cart.version,
        state=cart.state_at(now),
        currency=cart.currency,
        created_at=cart.created_at,
        updated_at=cart.updated_at,
        expires_at=cart.expires_at,
        merged_into=cart.merged_into,
        email=cart.email,
        note=cart.note,
        shipping_address=cart.shipping_address,
        billing_address=cart.billing_address,
        lines=lines,
        total_quantity=sum(line.quantity for line in lines),
        delivery_options=options,
        selected_delivery_option=next((each for each in options if each.id == cart.delivery_option_id), None),
        requires_shipping=quoted.requires_shipping,
        discount_codes=quoted.codes,
        cost=_cost(quoted),
        explain=quoted.steps,
        problems=problems,
        readiness=_readiness(cart, problems, quoted),
        shelf=shelf,
        applied=quoted.applied,
    )


def demand_of(cart: Cart) -> dict[VariantId, int]:
    """How many units of each variant all lines ask for together, in the order of the lines."""
    demand: Counter[VariantId] = Counter()
    for line in cart.lines:
        demand[line.variant_id] += line.quantity
    return dict(demand)


def _cart_total(option: DeliveryOption, goods: Sequence[Goods], wishes: Wishes, terms: Terms, now: datetime) -> Money:
    chosen = replace(wishes, delivery_option_id=option.id)
    return quote(goods, chosen, terms, currency=option.price.currency, now=now).total


def _goods(line: CartLine, shelf: Shelf) -> Goods:
    offer = shelf.offers.get(line.variant_id)
    price = shelf.price(line.variant_id) or line.unit_price_when_added
    if offer is None:
        item = Item(None, frozenset(), None, price.minor, line.quantity)
        return Goods(item, "No longer sold", STANDARD, 0, is_shipped=True)
    item = Item(offer.product_id, frozenset(offer.category_ids), offer.brand, price.minor, line.quantity)
    label = f"{offer.product_name}, {offer.variant_name}" if offer.variant_name else offer.product_name
    return Goods(item, label, offer.tax_class, offer.weight_grams or 0, offer.requires_shipping)


def _priced_lines(cart: Cart, shelf: Shelf, quoted: Quote) -> tuple[PricedLine, ...]:
    left = {line.variant_id: shelf.sellable(line.variant_id) for line in cart.lines}
    demand = demand_of(cart)
    places = positions_of(cart.lines)
    return tuple(
        _priced_line(line, place, off, shelf, demand, left)
        for place, line, off in zip(places, cart.lines, quoted.discounts, strict=True)
    )


def _priced_line(
    line: CartLine, place: int, off: Money, shelf: Shelf, demand: dict[VariantId, int], left: dict[VariantId, int]
) -> PricedLine:
    current = shelf.price(line.variant_id)
    obtainable = line.quantity
    if demand[line.variant_id] > shelf.sellable(line.variant_id):
        obtainable = min(line.quantity, left[line.variant_id])  # lines of one variant share its units, first come
        left[line.variant_id] -= obtainable
    unit_price = current or line.unit_price_when_added
    subtotal = unit_price * line.quantity
    rule = shelf.rule(line.variant_id)
    within = rule.allows(line.quantity) and demand[line.variant_id] <= (rule.maximum or demand[line.variant_id])
    return PricedLine(
        id=line.id,
        variant_id=line.variant_id,
        quantity=line.quantity,
        unit_price=unit_price,
        unit_price_when_added=line.unit_price_when_added,
        subtotal=subtotal,
        discount=off,
        total=subtotal - off,
        attributes=line.attributes,
        position=place,
        is_sold=current is not None,
        obtainable=obtainable,
        broken_rule=None if within else rule,
    )


def _problems(cart: Cart, lines: Sequence[PricedLine], quoted: Quote) -> tuple[CartProblem, ...]:
    problems: list[CartProblem] = [problem for line in lines for problem in line.problems]
    problems += [DiscountCodeInactive(each.code, each.reason) for each in quoted.codes if each.reason is not None]
    if cart.delivery_option_id is not None and quoted.requires_shipping and quoted.delivery is None:
        problems.append(DeliveryOptionGone("The chosen delivery is no longer offered for this cart: choose another."))
    return tuple(problems)


def _cost(quoted: Quote) -> Cost:
    return Cost(
        subtotal=quoted.subtotal,
        discount=quoted.discount,
        shipping=quoted.shipping,
        tax=quoted.tax,
        total=quoted.total,
        is_estimated=quoted.is_estimated,
        tax_lines=quoted.tax_lines,
    )


def _readiness(cart: Cart, problems: Sequence[CartProblem], quoted: Quote) -> CheckoutReadiness:
    blocked = any(not isinstance(problem, LinePriceChanged | DiscountCodeInactive) for problem in problems)
    picked_up = quoted.delivery is not None and quoted.delivery.is_pick_up
    lacking = {
        CheckoutRequirement.LINES: not cart.lines,
        CheckoutRequirement.EMAIL: cart.email is None,
        CheckoutRequirement.SHIPPING_ADDRESS: quoted.requires_shipping
        and not picked_up
        and cart.shipping_address is None,
        CheckoutRequirement.DELIVERY_OPTION: quoted.requires_shipping and quoted.delivery is None,
        CheckoutRequirement.PROBLEMS_RESOLVED: blocked,
    }
    missing = tuple(requirement for requirement, lacks in lacking.items() if lacks)
    return CheckoutReadiness(ready=not missing, missing=missing)
