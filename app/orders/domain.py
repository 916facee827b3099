"""Orders as records: a copy of what the buyer accepted, that later catalogue changes never touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from app.core.contact import Address
from app.core.ids import CartId, CustomerId, OrderId, OrderLineId, VariantId
from app.core.money import Currency, Money
from app.core.pagination import Page, PageRequest
from app.core.state_machine import StateMachine
from app.taxes.domain import TaxLine


class OrderStatus(Enum):
    """Where an order is in its life."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CANCELED = "CANCELED"
    COMPLETED = "COMPLETED"


class PaymentStatus(Enum):
    """Whether an order has been paid."""

    PENDING = "PENDING"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    DELAYED = "DELAYED"
    PAID = "PAID"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    FAILED = "FAILED"


ORDER_LIFE = StateMachine(
    "order",
    frozenset({OrderStatus.PENDING}),
    {
        OrderStatus.PENDING: frozenset({OrderStatus.CONFIRMED, OrderStatus.CANCELED}),
        OrderStatus.CONFIRMED: frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELED}),
    },
)
ORDER_PAYMENT = StateMachine(
    "order_payment",
    frozenset({PaymentStatus.PENDING}),
    {
        PaymentStatus.PENDING: frozenset(
            {PaymentStatus.ACTION_REQUIRED, PaymentStatus.DELAYED, PaymentStatus.PAID, PaymentStatus.FAILED}
        ),
        PaymentStatus.ACTION_REQUIRED: frozenset({PaymentStatus.PENDING, PaymentStatus.PAID, PaymentStatus.FAILED}),
        PaymentStatus.DELAYED: frozenset(
            {PaymentStatus.PENDING, PaymentStatus.ACTION_REQUIRED, PaymentStatus.PAID, PaymentStatus.FAILED}
        ),
        # a refund may fail days after it was made: then the money is here again
        PaymentStatus.PAID: frozenset({PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED}),
        PaymentStatus.PARTIALLY_REFUNDED: frozenset({PaymentStatus.PAID, PaymentStatus.REFUNDED}),
        PaymentStatus.REFUNDED: frozenset({PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED}),
    },
)


class FulfillmentStatus(Enum):
    """Whether an order has been sent."""

    UNFULFILLED = "UNFULFILLED"
    PARTIALLY_FULFILLED = "PARTIALLY_FULFILLED"
    FULFILLED = "FULFILLED"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Some units of one variant, named and priced as they were when the order was placed."""

    id: OrderLineId
    variant_id: VariantId
    product_name: str
    variant_name: str
    sku: str
    quantity: int
    unit_price: Money
    discount: Money
    total: Money
    attributes: tuple[tuple[str, str], ...]
    position: int


@dataclass(frozen=True, slots=True)
class OrderCost:
    """subtotal − discount + shipping + tax = total, exactly; a CHECK in the database says so too.

    tax_lines: the cart's when the order was placed.
    """

    subtotal: Money
    discount: Money
    shipping: Money
    tax: Money
    total: Money
    is_estimated: bool = False
    tax_lines: tuple[TaxLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery that was chosen. id: of the option at that time."""

    id: int
    name: str
    price: Money
    estimated_days: int | None
    is_pick_up: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """An order. number: what people call it; the store gives it, so it is empty before.

    customer_id: whose it is alone; None for a guest's, which its token opens.
    """

    id: OrderId
    cart_id: CartId
    status: OrderStatus
    payment_status: PaymentStatus
    fulfillment_status: FulfillmentStatus
    email: str
    currency: Currency
    lines: tuple[OrderLine, ...]
    cost: OrderCost
    shipping_address: Address | None
    billing_address: Address | None
    delivery: Delivery | None
    note: str | None
    placed_at: datetime
    number: str = ""
    customer_id: CustomerId | None = None

    def is_open_to(self, caller: CustomerId | None) -> bool:
        """Whether whoever was led to it by another object of theirs may see it."""
        return self.customer_id is None or self.customer_id == caller


def status_of_paid(total: Money, given_back: Money) -> PaymentStatus:
    """The payment status of an order that was paid in full, once so much of it has reached the buyer again."""
    if given_back.minor == 0:
        return PaymentStatus.PAID
    return PaymentStatus.REFUNDED if given_back == total else PaymentStatus.PARTIALLY_REFUNDED


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order. kind: a stable word for programs; message: for the buyer."""

    order_id: OrderId
    at: datetime
    kind: str
    message: str


class OrderReader(Protocol):
    """Orders, from the primary. Unknown ids are absent."""

    async def orders_by_ids(self, ids: Sequence[OrderId]) -> dict[OrderId, Order]:
        """The orders with these ids."""
        ...

    async def page_of_customer(self, customer_id: CustomerId, request: PageRequest) -> Page[Order]:
        """A page of a customer's orders, the newest first, without those that came to nothing.

        Raises InvalidInput for a cursor of another list.
        """
        ...

    async def counts_by_customer_ids(self, ids: Sequence[CustomerId]) -> dict[CustomerId, int]:
        """How many orders `page_of_customer` has in all; customers without any are absent."""
        ...

    async def order_ids_by_cart_ids(self, ids: Sequence[CartId]) -> dict[CartId, OrderId]:
        """The order that each cart became; a cart whose payments all failed has none."""
        ...

    async def events_by_order_ids(self, ids: Sequence[OrderId]) -> dict[OrderId, tuple[OrderEvent, ...]]:
        """What happened to these orders, oldest first."""
        ...


class OrderStore(Protocol):
    """Orders inside one transaction."""

    async def find(self, order_id: OrderId) -> Order | None:
        """The order, None where there is none."""
        ...

    async def find_by_number(self, number: int) -> Order | None:
        """The order that people call so, None where there is none."""
        ...

    async def insert(self, order: Order, event: OrderEvent) -> None:
        """Store a new order with its lines and its first event."""
        ...

    async def advance(
        self, order_id: OrderId, status: OrderStatus, payment_status: PaymentStatus, event: OrderEvent
    ) -> None:
        """Move an order on, and say why. The caller holds the lock of its cart."""
        ...

    async def tell(self, event: OrderEvent) -> None:
        """Say what happened to an order that stays as it is. The caller holds the lock of its cart."""
        ...
