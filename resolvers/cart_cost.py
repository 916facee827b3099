"""What a cart or an order costs, in the schema: its sum, taxes, the steps to them, and the deliveries there are."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from app.cart import domain as records
from app.cart import quote as quotes
from app.core.ids import Kind
from app.core.money import Money as MoneyRecord
from app.orders.domain import Delivery, OrderCost
from app.shipping.domain import DeliveryOption as DeliveryOptionRecord
from app.taxes.domain import TaxLine as TaxLineRecord
from resolvers.backing import backed_by
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.ids import public_id
from resolvers.money import Money


@strawberry.type(description="A way for a parcel to reach the buyer.", directives=[EMBEDDED])
@backed_by(DeliveryOptionRecord, Delivery)
class DeliveryOption:
    """Declared over the option of a cart and the delivery of an order, which have the same fields."""

    name: str = strawberry.field(description="What to call it.")
    price: Money = strawberry.field(description="What it costs, before any discount on delivery.")
    is_pick_up: bool = strawberry.field(description="Whether the buyer fetches it: no shipping address is needed then.")
    estimated_days: int | None = strawberry.field(description="How many working days it takes, where that is known.")

    @strawberry.field(
        description="What the cart costs in all with it: goes into `expectedTotal`. Null on an order.",
        graphql_type=Money | None,
    )
    def cart_total(option: strawberry.Parent[DeliveryOptionRecord | Delivery]) -> MoneyRecord | None:
        """So that a buyer can choose one and pay in the same request; reckoned only where it is selected."""
        if isinstance(option, Delivery) or option.cart_total is None:
            return None
        return option.cart_total()

    @strawberry.field(description="What goes into `deliveryOptionId`.")
    def id(option: strawberry.Parent[DeliveryOptionRecord]) -> strawberry.ID:
        """Opaque."""
        return public_id(Kind.DELIVERY_OPTION, option.id)


@strawberry.type(description="One tax on a cart or an order.", directives=[EMBEDDED])
@backed_by(TaxLineRecord)
class TaxLine:
    """Declared over its record."""

    name: str = strawberry.field(description="What to call it, such as `VAT`.")
    rate: Decimal = strawberry.field(description='The rate as a fraction, such as "0.19" for 19 %.')
    amount: Money = strawberry.field(description="How much it is.")
    is_included: bool = strawberry.field(
        description="Whether the prices include it already; if not, it is part of `cost.tax`."
    )


@strawberry.type(
    description="One step from the lines to the total; the amounts of all steps sum to `cost.total`.",
    directives=[EMBEDDED],
)
@backed_by(quotes.PriceStep)
class PriceStep:
    """Declared over its record."""

    kind: quotes.PriceStepKind = strawberry.field(description="What the step is.")
    label: str = strawberry.field(description="What to call it, for people.")
    amount: Money = strawberry.field(description="What it adds; below zero where something is taken off.")


@strawberry.type(
    description="What a cart or an order costs: subtotal − discount + shipping + tax = total, exactly.",
    directives=[EMBEDDED],
)
@backed_by(records.Cost, OrderCost)
class CartCost:
    """Declared over `Cost` and over `OrderCost`, which have the same fields."""

    subtotal: Money = strawberry.field(description="All lines, before discounts.")
    discount: Money = strawberry.field(description="What is taken off.")
    shipping: Money | None = strawberry.field(description="Delivery; null while none is chosen.")
    tax: Money | None = strawberry.field(
        description="Tax on top of the prices, 0 where they include it; null where the shop knows of no taxes."
    )
    total: Money = strawberry.field(description="What the buyer pays: send it as `expectedTotal`.")
    tax_lines: list[TaxLine] = strawberry.field(
        directives=at_most(40),
        description="Every tax, also those that the prices include; one a rate, at most 40.",
    )
    is_estimated: bool = strawberry.field(description="Whether something that will be added is not known yet.")
