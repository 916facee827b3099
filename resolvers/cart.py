"""Carts in the schema: what a shopper sees."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.cart import domain as records
from app.catalog.domain import Variant
from app.core.discount import DiscountReason
from app.core.ids import Kind
from app.core.pagination import slice_page
from app.orders.domain import Order as OrderRecord
from app.payments.domain import PaymentAttempt
from app.promotions.domain import MAX_CODES
from app.promotions.domain import DiscountCode as DiscountCodeRecord
from resolvers.address import Address
from resolvers.backing import backed_by
from resolvers.cart_cost import CartCost, DeliveryOption, PriceStep
from resolvers.connection import After, Connection, First, Listing, asked_page, listing
from resolvers.context import Info
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.enums import CurrencyCode
from resolvers.ids import Node
from resolvers.money import Money
from resolvers.product import ProductVariant, QuantityRule

if TYPE_CHECKING:
    from resolvers.checkout import CheckoutAttempt
    from resolvers.order import Order

_Attempt = Annotated["CheckoutAttempt", strawberry.lazy("resolvers.checkout")]
_Order = Annotated["Order", strawberry.lazy("resolvers.order")]


@strawberry.type(description="A wish of the buyer for a line, such as an engraving.", directives=[EMBEDDED])
@backed_by(records.KeyValue)
class KeyValue:
    """Declared over its record."""

    key: str = strawberry.field(description="What it is about.")
    value: str = strawberry.field(description="What the buyer wishes.")


@strawberry.type(description="A discount code of a cart, and what came of it.", directives=[EMBEDDED])
@backed_by(DiscountCodeRecord)
class CartDiscountCode:
    """Declared over its record."""

    code: str = strawberry.field(description="The code, in upper case.")
    applicable: bool = strawberry.field(description="Whether the discount is given.")
    reason: DiscountReason | None = strawberry.field(description="Why it is not.")
    missing: Money | None = strawberry.field(description="For MINIMUM_NOT_MET: what its goods cost too little.")
    amount: Money | None = strawberry.field(description="What it takes off, delivery included; null where it does not.")


@strawberry.type(description="Whether a cart can be paid.", directives=[EMBEDDED])
@backed_by(records.CheckoutReadiness)
class CheckoutReadiness:
    """Declared over its record."""

    ready: bool = strawberry.field(description="Whether `checkoutComplete` can be called.")
    missing: list[records.CheckoutRequirement] = strawberry.field(
        directives=at_most(len(records.CheckoutRequirement)), description="What is still needed, in order."
    )


@strawberry.type(
    description="Some units of one variant. A line is known by its variant and its attributes.", directives=[EMBEDDED]
)
@backed_by(records.PricedLine, kind=Kind.CART_LINE)
class CartLine(Node):
    """Declared over the record `PricedLine`."""

    quantity: int = strawberry.field(description="How many units.")
    unit_price: Money = strawberry.field(description="What one unit costs now.")
    unit_price_when_added: Money = strawberry.field(description="What one unit cost when it was last put in.")
    subtotal: Money = strawberry.field(description="quantity × unitPrice.")
    discount: Money = strawberry.field(description="What is taken off this line.")
    total: Money = strawberry.field(description="subtotal − discount.")
    attributes: list[KeyValue] = strawberry.field(
        directives=at_most(records.MAX_LINE_ATTRIBUTES), description="The buyer's wishes for this line."
    )
    problems: list[CartProblem] = strawberry.field(
        directives=at_most(3), description="What is wrong with it; also among the cart's problems."
    )

    @strawberry.field(description="The variant; null once it is no longer sold.", graphql_type=ProductVariant | None)
    async def variant(line: strawberry.Parent[records.PricedLine], info: Info) -> Variant | None:
        """Batched."""
        return await info.context.loaders.variant.load(line.variant_id)


@strawberry.type(description="What a shopper wants to buy, at today's prices. Its id is its key: keep it secret.")
@backed_by(records.PricedCart, kind=Kind.CART)
class Cart(Node):
    """Declared over the record `PricedCart`."""

    version: int = strawberry.field(description="Rises by one with every change; for `expectedVersion`.")
    state: records.CartState = strawberry.field(description="Where it is in its life.")
    expires_at: datetime = strawberry.field(description="When it ends unless it is changed before.")
    total_quantity: int = strawberry.field(description="How many units, all lines together.")
    email: str | None = strawberry.field(description="Where to send the order's confirmation.")
    note: str | None = strawberry.field(description="What the buyer wants to say.")
    shipping_address: Address | None = strawberry.field(description="Where to deliver to.")
    billing_address: Address | None = strawberry.field(description="Where to bill; the shipping address where null.")
    delivery_options: list[DeliveryOption] = strawberry.field(
        directives=at_most(20),
        description="What can be chosen from; empty where nothing has to be delivered, or nothing can be.",
    )
    selected_delivery_option: DeliveryOption | None = strawberry.field(description="The chosen one.")
    discount_codes: list[CartDiscountCode] = strawberry.field(
        directives=at_most(MAX_CODES), description="The codes, in the order they were given; at most 10."
    )
    cost: CartCost = strawberry.field(description="What it costs now.")
    explain: list[PriceStep] = strawberry.field(
        directives=at_most(250),
        description="How the total comes about, step by step; the steps sum to it. At most 250.",
    )
    problems: list[CartProblem] = strawberry.field(
        directives=at_most(3 * records.MAX_LINES + 11),
        description="What has changed since the cart was filled, line by line; at most 311.",
    )
    readiness: CheckoutReadiness = strawberry.field(description="Whether it can be paid, and what is missing.")
    created_at: datetime = strawberry.field(description="When it was opened.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @strawberry.field(description="Its currency; it never changes.", graphql_type=CurrencyCode)
    def currency(cart: strawberry.Parent[records.PricedCart]) -> str:
        """The code itself is the enum's value."""
        return cart.currency

    @strawberry.field(description="The lines, in the order they were added.", graphql_type=Connection[CartLine])
    def lines(
        cart: strawberry.Parent[records.PricedCart], first: First = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> Listing[records.PricedLine]:
        """A cart has at most 100."""
        page = slice_page(cart.lines, asked_page(first, after), lambda line: line.position, f"lines:{cart.id}")
        return listing(page, page.items)

    @strawberry.field(description="The cart that its lines went to.", graphql_type="Cart | None")
    async def merged_into(cart: strawberry.Parent[records.PricedCart], info: Info) -> records.PricedCart | None:
        """Where it may be seen."""
        return None if cart.merged_into is None else await info.context.cart(cart.merged_into)

    @strawberry.field(description="The payment that is under way.", graphql_type=_Attempt | None)
    async def active_attempt(cart: strawberry.Parent[records.PricedCart], info: Info) -> PaymentAttempt | None:
        """Only while the cart is in checkout."""
        if cart.state is not records.CartState.IN_CHECKOUT:
            return None
        return await info.context.loaders.live_attempt_of_cart.load(cart.id)

    @strawberry.field(description="The order that it became.", graphql_type=_Order | None)
    async def order(cart: strawberry.Parent[records.PricedCart], info: Info) -> OrderRecord | None:
        """Once a payment has begun."""
        order_id = await info.context.loaders.order_id_of_cart.load(cart.id)
        return None if order_id is None else await info.context.order_behind(order_id)


@strawberry.type(description="The variant is no longer sold: remove the line.", directives=[EMBEDDED])
@backed_by(records.LineUnavailable)
class LineUnavailable:
    """Declared over its record."""

    line: CartLine = strawberry.field(description="The line.")


@strawberry.type(description="Fewer units are left than the line asks for: lower its quantity.", directives=[EMBEDDED])
@backed_by(records.LineInsufficientStock)
class LineInsufficientStock:
    """Declared over its record."""

    line: CartLine = strawberry.field(description="The line.")
    available: int = strawberry.field(description="How many of its units can be had.")


@strawberry.type(
    description="The variant is not sold in the line's quantity any more: change it.", directives=[EMBEDDED]
)
@backed_by(records.LineQuantityNotAllowed)
class LineQuantityNotAllowed:
    """Declared over its record."""

    line: CartLine = strawberry.field(description="The line.")
    rule: QuantityRule = strawberry.field(description="The quantities that may be bought.")


@strawberry.type(
    description="The price has changed since the line was put in. It does not keep the cart from payment.",
    directives=[EMBEDDED],
)
@backed_by(records.LinePriceChanged)
class LinePriceChanged:
    """Declared over its record."""

    line: CartLine = strawberry.field(description="The line.")
    before: Money = strawberry.field(description="The price of one unit then.")
    after: Money = strawberry.field(description="The price of one unit now.")


@strawberry.type(
    description="A code of the cart does not apply (any more). It does not keep the cart from payment.",
    directives=[EMBEDDED],
)
@backed_by(records.DiscountCodeInactive)
class DiscountCodeInactive:
    """Declared over its record."""

    code: str = strawberry.field(description="The code.")
    reason: DiscountReason = strawberry.field(description="Why.")


@strawberry.type(description="The chosen delivery is no longer offered: choose another.", directives=[EMBEDDED])
@backed_by(records.DeliveryOptionGone)
class DeliveryOptionGone:
    """Declared over its record."""

    message: str = strawberry.field(description="What to tell the shopper.")


CartProblem = Annotated[
    LineUnavailable
    | LineInsufficientStock
    | LineQuantityNotAllowed
    | LinePriceChanged
    | DiscountCodeInactive
    | DeliveryOptionGone,
    strawberry.union("CartProblem", description="Something that has changed since the cart was filled."),
]
