"""What a checkout asks for, and the pure steps from a cart to an order. See ADR-0005."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from app.cart.domain import (
    CheckoutRequirement,
    LineInsufficientStock,
    LineQuantityNotAllowed,
    LineUnavailable,
    PricedCart,
)
from app.cart.ports import CartTransaction
from app.checkout.books import Books
from app.core.errors import (
    ClientError,
    DiscountNotApplicable,
    ErrorCode,
    InvalidInput,
    OutOfStock,
    PriceChange,
    PriceChanged,
    QuantityOutOfRange,
    Rejected,
)
from app.core.ids import AttemptId, CartId, CustomerId, OrderId, OrderLineId
from app.core.money import Money
from app.jobs.domain import Job, JobStore
from app.mail.domain import MailStore
from app.orders.domain import (
    Delivery,
    FulfillmentStatus,
    Order,
    OrderCost,
    OrderLine,
    OrderStatus,
    OrderStore,
    PaymentStatus,
)
from app.payments.disputes import DisputeStore
from app.payments.domain import AttemptState, AttemptStore, PaymentAttempt, PaymentMethod
from app.payments.events import EventStore
from app.payments.findings import FindingStore
from app.payments.refunds import RefundStore
from app.shipping.domain import DeliveryOption

PAYMENT_LIFETIME = timedelta(minutes=30)  # how long a buyer may take over 3-D Secure while units are held
KEY_LIFETIME = timedelta(hours=23)  # the provider forgets idempotency keys after 24: repeating would charge again
CHECK_PAYMENT = "settle_payment"  # the kind of jobs that do
QUEUED_LIFETIME = timedelta(hours=24)  # the same for a payment that was queued, whose buyer is written to
_SHORTEST_CHECK = timedelta(seconds=2)
_LONGEST_CHECK = timedelta(hours=1)
_FIRST_RETRY = timedelta(seconds=15)  # of a queued payment; each next one waits twice as long
_CANCEL_PAUSE = timedelta(seconds=20)  # the shortest between calls that end what the buyer gave up
_DOUBLINGS = 8  # beyond _LONGEST_CHECK


class CheckoutTransaction(CartTransaction, Protocol):
    """What the checkout needs of a transaction."""

    @property
    def orders(self) -> OrderStore:
        """Orders."""
        ...

    @property
    def attempts(self) -> AttemptStore:
        """Payment attempts."""
        ...

    @property
    def refunds(self) -> RefundStore:
        """Refunds."""
        ...

    @property
    def payment_events(self) -> EventStore:
        """What the payment provider has told by itself."""
        ...

    @property
    def disputes(self) -> DisputeStore:
        """Disputes."""
        ...

    @property
    def findings(self) -> FindingStore:
        """Where shop and provider disagree."""
        ...

    @property
    def books(self) -> Books:
        """What the reconciler reads."""
        ...

    @property
    def jobs(self) -> JobStore:
        """Work for the worker."""
        ...

    @property
    def mail(self) -> MailStore:
        """E-mails to buyers."""
        ...


class CheckoutTransactions(Protocol):
    """Opens transactions for the checkout."""

    def begin(self) -> AbstractAsyncContextManager[CheckoutTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...

    def read(self) -> AbstractAsyncContextManager[CheckoutTransaction]:
        """Reads from the primary, each statement for itself; nothing is locked."""
        ...


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What the buyer accepted and how they pay.

    idempotency_key: the client's, 1 to 255 characters; the same key and request are one checkout however often sent.
    method: None for an order that costs nothing.
    """

    cart_id: CartId
    idempotency_key: str
    expected_total: Money
    method: PaymentMethod | None
    delivery_option_id: int | None = None
    expected_version: int | None = None

    @property
    def digest(self) -> bytes:
        """A hash of everything but the key."""
        return hashlib.sha256(msgspec.msgpack.encode(replace(self, idempotency_key=""))).digest()


def check_payable(cart: PricedCart, request: CheckoutRequest) -> None:
    """Make sure that the cart can be paid as it is and costs what the buyer accepted.

    Raises Rejected with everything that is missing or short, or PriceChanged with every change, in Rejected beside the
    codes that do not apply.
    """
    faults: list[ClientError] = [_MISSING[need]() for need in cart.readiness.missing if need in _MISSING]
    for problem in cart.problems:
        if isinstance(problem, LineInsufficientStock):
            line = problem.line
            faults.append(
                OutOfStock(
                    variant_id=line.variant_id,
                    requested=line.quantity,
                    available=problem.available,
                    line_id=line.id,
                    field=("cartId",),
                )
            )
        elif isinstance(problem, LineQuantityNotAllowed):
            line = problem.line
            faults.append(
                QuantityOutOfRange(
                    variant_id=line.variant_id, requested=line.quantity, rule=problem.rule, field=("cartId",)
                )
            )
    unsold = any(isinstance(problem, LineUnavailable) for problem in cart.problems)
    if unsold or (not faults and not cart.readiness.ready):
        faults.append(
            InvalidInput("Some lines cannot be bought.", code=ErrorCode.VARIANT_UNAVAILABLE, field=("cartId",))
        )
    if faults:
        raise Rejected(faults)
    total, expected = cart.cost.total, request.expected_total
    if expected.currency != total.currency:
        message = f"The cart is in {total.currency}, not {expected.currency}."
        raise InvalidInput(message, code=ErrorCode.CURRENCY_MISMATCH, field=("expectedTotal", "currencyCode"))
    if expected != total:
        raise _price_changed(cart, expected)
    if request.method is None and total.minor > 0:
        message = f"The order costs {total}: give a payment method."
        raise InvalidInput(message, code=ErrorCode.INVALID, field=("payment", "free"))


def _price_changed(cart: PricedCart, expected: Money) -> ClientError:
    """That the total has changed, and which codes do not apply (any more): they may be why."""
    changes = [
        PriceChange(line.variant_id, line.unit_price_when_added, line.unit_price)
        for line in cart.lines
        if line.unit_price != line.unit_price_when_added
    ]
    idle = [
        DiscountNotApplicable(each.code, each.reason, missing=each.missing, field=("cartId",))
        for each in cart.discount_codes
        if each.reason is not None
    ]
    changed = PriceChanged(expected=expected, actual=cart.cost.total, changes=changes)
    return Rejected([*idle, changed]) if idle else changed


def order_of(
    cart: PricedCart,
    order_id: OrderId,
    new_uuid: Callable[[], UUID],
    now: datetime,
    *,
    customer_id: CustomerId | None = None,
) -> Order:
    """The order that a payable cart becomes: a copy of its lines and cost. customer_id: None for a guest's."""
    nothing = Money.zero(cart.currency)
    chosen = cart.selected_delivery_option
    shipping = cart.cost.shipping or nothing
    return Order(
        id=order_id,
        cart_id=cart.id,
        status=OrderStatus.PENDING,
        payment_status=PaymentStatus.PENDING,
        fulfillment_status=FulfillmentStatus.UNFULFILLED,
        email=cart.email or "",
        currency=cart.currency,
        lines=tuple(_order_line(cart, place, OrderLineId(new_uuid())) for place in range(len(cart.lines))),
        cost=OrderCost(
            subtotal=cart.cost.subtotal,
            discount=cart.cost.discount,
            shipping=shipping,
            tax=cart.cost.tax or nothing,
            total=cart.cost.total,
            tax_lines=cart.cost.tax_lines,
        ),
        shipping_address=cart.shipping_address,
        billing_address=cart.billing_address or cart.shipping_address,
        delivery=_delivery(chosen, shipping) if chosen else None,
        note=cart.note,
        placed_at=now,
        customer_id=customer_id,
    )


def next_check(attempt: PaymentAttempt, now: datetime) -> datetime:
    """When to look at an open attempt again.

    A queued one with exponential back-off, up to an hour, spread so that a queue does not come back at once;
    another one soon while it is young, then at a tenth of its age, and when its time is up. One that the buyer gave
    up counts from then.
    """
    if attempt.cancel_requested_at is not None:
        return now + min(max((now - attempt.cancel_requested_at) / 10, _CANCEL_PAUSE), _LONGEST_CHECK)
    if attempt.state is AttemptState.QUEUED:
        pause = min(_FIRST_RETRY * (1 << min(max(attempt.tries - 1, 0), _DOUBLINGS)), _LONGEST_CHECK)
        return now + pause * (0.8 + attempt.id.int % 1000 / 2500)  # 0.8 to 1.2
    check_at = now + min(max((now - attempt.created_at) / 10, _SHORTEST_CHECK), _LONGEST_CHECK)
    return min(check_at, attempt.expires_at) if now < attempt.expires_at else check_at


def check_job(attempt_id: AttemptId, at: datetime | None) -> Job:
    """Have the worker look at the attempt at this time."""
    return Job(CHECK_PAYMENT, {"attempt": str(attempt_id)}, not_before=at, key=str(attempt_id))


def _delivery(chosen: DeliveryOption, paid: Money) -> Delivery:
    return Delivery(chosen.id, chosen.name, paid, chosen.estimated_days, chosen.is_pick_up)


def _order_line(cart: PricedCart, place: int, line_id: OrderLineId) -> OrderLine:
    line = cart.lines[place]
    offer = cart.shelf.offers[line.variant_id]
    return OrderLine(
        id=line_id,
        variant_id=line.variant_id,
        product_name=offer.product_name,
        variant_name=offer.variant_name,
        sku=offer.sku,
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount=line.discount,
        total=line.total,
        attributes=tuple((pair.key, pair.value) for pair in line.attributes),
        position=place,
    )


def _lacks(message: str, code: ErrorCode, *field: str) -> Callable[[], ClientError]:
    return lambda: InvalidInput(message, code=code, field=field)


_MISSING: dict[CheckoutRequirement, Callable[[], ClientError]] = {
    CheckoutRequirement.LINES: _lacks("The cart is empty.", ErrorCode.REQUIRED, "cartId"),
    CheckoutRequirement.EMAIL: _lacks("The cart has no e-mail address.", ErrorCode.REQUIRED, "cartId"),
    CheckoutRequirement.SHIPPING_ADDRESS: _lacks("The cart has no shipping address.", ErrorCode.REQUIRED, "cartId"),
    CheckoutRequirement.DELIVERY_OPTION: _lacks(
        "No delivery option is chosen.", ErrorCode.DELIVERY_OPTION_UNAVAILABLE, "deliveryOptionId"
    ),
}
