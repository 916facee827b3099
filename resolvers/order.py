"""Orders in the schema. An order opens with its access token, never with its id alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from app.catalog.domain import Variant
from app.checkout.cancel_order import may_cancel
from app.core.ids import Kind
from app.core.money import Money as MoneyRecord
from app.core.pagination import slice_page
from app.orders import domain as records
from app.payments.domain import AttemptState, PaymentAttempt
from resolvers.address import Address
from resolvers.backing import backed_by
from resolvers.cart_cost import CartCost, DeliveryOption
from resolvers.connection import After, Connection, First, Listing, asked_page, listing
from resolvers.context import Info
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.ids import Node, public_id
from resolvers.money import Money
from resolvers.product import ProductVariant

MAX_PAYMENTS = 10
MAX_EVENTS = 100

_PAYMENT_STATUS = {
    AttemptState.PENDING: records.PaymentStatus.PENDING,
    AttemptState.QUEUED: records.PaymentStatus.DELAYED,
    AttemptState.PROCESSING: records.PaymentStatus.PENDING,
    AttemptState.ACTION_REQUIRED: records.PaymentStatus.ACTION_REQUIRED,
    AttemptState.SUCCEEDED: records.PaymentStatus.PAID,
    AttemptState.FAILED: records.PaymentStatus.FAILED,
    AttemptState.CANCELED: records.PaymentStatus.FAILED,
}


@strawberry.type(
    description="Some units of one variant, named and priced as they were when the order was placed.",
    directives=[EMBEDDED],
)
@backed_by(records.OrderLine)
class OrderLine:
    """Declared over its record."""

    product_name: str = strawberry.field(description="What the product was called.")
    variant_name: str = strawberry.field(description="What the variant was called.")
    sku: str = strawberry.field(description="The stock-keeping unit.")
    quantity: int = strawberry.field(description="How many units.")
    unit_price: Money = strawberry.field(description="What one unit cost.")
    discount: Money = strawberry.field(description="What was taken off the line.")
    total: Money = strawberry.field(description="unitPrice × quantity − discount.")

    @strawberry.field(description="The line's id: opaque, unique in the shop.")
    def id(line: strawberry.Parent[records.OrderLine]) -> strawberry.ID:
        """Opaque."""
        return public_id(Kind.ORDER_LINE, line.id)

    @strawberry.field(
        description="The variant as it is now; null once it is no longer sold.", graphql_type=ProductVariant | None
    )
    async def variant(line: strawberry.Parent[records.OrderLine], info: Info) -> Variant | None:
        """Batched."""
        return await info.context.loaders.variant.load(line.variant_id)


@strawberry.type(description="Something that happened to an order.", directives=[EMBEDDED])
@backed_by(records.OrderEvent)
class OrderEvent:
    """Declared over its record."""

    at: datetime = strawberry.field(description="When it happened.")
    kind: str = strawberry.field(description="What happened, as a stable word such as `paid`.")
    message: str = strawberry.field(description="What happened, for people.")


@strawberry.type(description="An attempt to pay for an order, as the buyer may know it. Never card data.")
@backed_by(PaymentAttempt)
class Payment:
    """Declared over the record `PaymentAttempt`."""

    amount: Money = strawberry.field(description="What it is for.")

    @strawberry.field(description="The payment's id: opaque, unique in the shop.")
    def id(attempt: strawberry.Parent[PaymentAttempt]) -> strawberry.ID:
        """Not the attempt's own id, which is the key to the checkout."""
        return public_id(Kind.PAYMENT, UUID(bytes=hashlib.sha256(b"payment:" + attempt.id.bytes).digest()[:16]))

    @strawberry.field(description="Who takes the payment.")
    def provider(self) -> str:
        """There is one."""
        return "stripe"

    @strawberry.field(description="The card's brand, such as `visa`.")
    def brand(attempt: strawberry.Parent[PaymentAttempt]) -> str | None:
        """As the provider names it."""
        return attempt.card_brand

    @strawberry.field(description="The card's last four digits.")
    def last4(attempt: strawberry.Parent[PaymentAttempt]) -> str | None:
        """No more is ever known."""
        return attempt.card_last4

    @strawberry.field(description="How much of it has been given back.", graphql_type=Money)
    async def refunded(attempt: strawberry.Parent[PaymentAttempt], info: Info) -> MoneyRecord:
        """Batched; what is on its way does not count."""
        return await info.context.loaders.given_back.load(attempt.id) or MoneyRecord.zero(attempt.amount.currency)

    @strawberry.field(description="What became of it.", graphql_type=records.PaymentStatus)
    async def status(attempt: strawberry.Parent[PaymentAttempt], info: Info) -> records.PaymentStatus:
        """From the attempt's state, and what has been given back of it."""
        given_back = await info.context.loaders.given_back.load(attempt.id)
        if given_back is None:
            return _PAYMENT_STATUS[attempt.state]
        return records.status_of_paid(attempt.amount, given_back)


@strawberry.type(description="What was bought, for how much, and what became of it.")
@backed_by(records.Order, kind=Kind.ORDER)
class Order(Node):
    """Declared over its record."""

    number: str = strawberry.field(description="What people call it.")
    placed_at: datetime = strawberry.field(description="When it was placed.")
    status: records.OrderStatus = strawberry.field(description="Where it is in its life.")
    payment_status: records.PaymentStatus = strawberry.field(description="Whether it has been paid.")
    fulfillment_status: records.FulfillmentStatus = strawberry.field(description="Whether it has been sent.")
    email: str = strawberry.field(description="Where its confirmation goes.")
    cost: CartCost = strawberry.field(description="What it costs.")
    shipping_address: Address | None = strawberry.field(description="Where it is delivered to.")
    billing_address: Address | None = strawberry.field(description="Where it is billed.")
    delivery: DeliveryOption | None = strawberry.field(description="How it is delivered.")
    note: str | None = strawberry.field(description="What the buyer wanted to say.")

    @strawberry.field(description="Its lines, in the cart's order.", graphql_type=Connection[OrderLine])
    def lines(
        order: strawberry.Parent[records.Order], first: First = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> Listing[records.OrderLine]:
        """At most 100."""
        page = slice_page(order.lines, asked_page(first, after), lambda line: line.position, f"order:{order.id}")
        return listing(page, page.items)

    @strawberry.field(
        directives=at_most(MAX_PAYMENTS),
        description="The latest attempts to pay for it, oldest first.",
        graphql_type=list[Payment],
    )
    async def payments(order: strawberry.Parent[records.Order], info: Info) -> Sequence[PaymentAttempt]:
        """Batched; an order has one attempt that lives."""
        attempts = await info.context.loaders.attempts_of_order.load(order.id) or ()
        return attempts[-MAX_PAYMENTS:]

    @strawberry.field(
        description="Whether `orderCancel` would cancel it now: while nothing of it has been sent, paid or not."
    )
    async def can_cancel(order: strawberry.Parent[records.Order], info: Info) -> bool:
        """Batched."""
        attempts = await info.context.loaders.attempts_of_order.load(order.id) or ()
        return may_cancel(order, attempts[-1] if attempts else None)

    @strawberry.field(
        directives=at_most(MAX_EVENTS),
        description="What happened to it lately, oldest first.",
        graphql_type=list[OrderEvent],
    )
    async def timeline(order: strawberry.Parent[records.Order], info: Info) -> Sequence[records.OrderEvent]:
        """Batched."""
        events = await info.context.loaders.events_of_order.load(order.id) or ()
        return events[-MAX_EVENTS:]
