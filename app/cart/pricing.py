"""What a cart costs now and what stands in the way of paying it. Pure: records in, records out.

lines at today's prices -> subtotal -> delivery -> total, in integer minor units; nothing is rounded anywhere. A cart
in an odd state (sold out, no longer sold, delivery gone) is priced all the same and explains itself in `problems`.
See ADR-0005.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from app.cart.domain import (
    Cart,
    CartLine,
    CartProblem,
    CheckoutReadiness,
    CheckoutRequirement,
    Cost,
    DeliveryOptionGone,
    LinePriceChanged,
    PricedCart,
    PricedLine,
    Shelf,
    positions_of,
)
from app.core.ids import VariantId
from app.core.money import Money
from app.shipping.domain import DeliveryOption, DeliveryOptions


def price_cart(cart: Cart, shelf: Shelf, delivery: DeliveryOptions, now: datetime) -> PricedCart:
    """The cart against today's prices, stock and delivery.

    shelf: holds every variant of the cart that exists.
    """
    left = {line.variant_id: shelf.sellable(line.variant_id) for line in cart.lines}
    demand = demand_of(cart)
    places = positions_of(cart.lines)
    lines = tuple(
        _priced_line(line, place, shelf, demand, left) for place, line in zip(places, cart.lines, strict=True)
    )
    subtotal = sum((line.total for line in lines), Money.zero(cart.currency))
    requires_shipping = any(_is_shipped(shelf, line.variant_id) for line in cart.lines)
    options = tuple(delivery.quote(subtotal=subtotal, address=cart.shipping_address)) if requires_shipping else ()
    selected = next((option for option in options if option.id == cart.delivery_option_id), None)
    problems: list[CartProblem] = [problem for line in lines for problem in line.problems]
    if cart.delivery_option_id is not None and requires_shipping and selected is None:
        problems.append(DeliveryOptionGone("The chosen delivery is no longer offered for this cart: choose another."))
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
        selected_delivery_option=selected,
        requires_shipping=requires_shipping,
        cost=_cost(subtotal, selected, requires_shipping=requires_shipping),
        problems=tuple(problems),
        readiness=_readiness(cart, problems, selected, requires_shipping=requires_shipping),
        shelf=shelf,
    )


def demand_of(cart: Cart) -> dict[VariantId, int]:
    """How many units of each variant all lines ask for together, in the order of the lines."""
    demand: Counter[VariantId] = Counter()
    for line in cart.lines:
        demand[line.variant_id] += line.quantity
    return dict(demand)


def _priced_line(
    line: CartLine, place: int, shelf: Shelf, demand: dict[VariantId, int], left: dict[VariantId, int]
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
        discount=Money.zero(subtotal.currency),
        total=subtotal,
        attributes=line.attributes,
        position=place,
        is_sold=current is not None,
        obtainable=obtainable,
        broken_rule=None if within else rule,
    )


def _is_shipped(shelf: Shelf, variant_id: VariantId) -> bool:
    offer = shelf.offers.get(variant_id)
    return offer is None or offer.requires_shipping


def _cost(subtotal: Money, selected: DeliveryOption | None, *, requires_shipping: bool) -> Cost:
    nothing = Money.zero(subtotal.currency)
    if not requires_shipping:
        shipping: Money | None = nothing
    else:
        shipping = selected.price if selected else None
    total = subtotal + (shipping or nothing)
    return Cost(subtotal, nothing, shipping, None, total, is_estimated=shipping is None)


def _readiness(
    cart: Cart, problems: Sequence[CartProblem], selected: DeliveryOption | None, *, requires_shipping: bool
) -> CheckoutReadiness:
    blocked = any(not isinstance(problem, LinePriceChanged) for problem in problems)
    lacking = {
        CheckoutRequirement.LINES: not cart.lines,
        CheckoutRequirement.EMAIL: cart.email is None,
        CheckoutRequirement.SHIPPING_ADDRESS: requires_shipping and cart.shipping_address is None,
        CheckoutRequirement.DELIVERY_OPTION: requires_shipping and selected is None,
        CheckoutRequirement.PROBLEMS_RESOLVED: blocked,
    }
    missing = tuple(requirement for requirement, lacks in lacking.items() if lacks)
    return CheckoutReadiness(ready=not missing, missing=missing)
