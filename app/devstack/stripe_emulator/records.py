"""What the emulator keeps: one frozen record per Stripe object.

A record holds what cannot be computed; `render` gives it Stripe's shape. A record is changed by replacing it, so a
request that fails halfway leaves nothing behind. No record holds a card number: a card is its last four digits and the
name of the published test card, which decides what the bank says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Json = Mapping[str, object]
PaymentIntentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
]
ChargeStatus = Literal["pending", "succeeded", "failed"]
RefundStatus = Literal["pending", "succeeded", "failed"]
DisputeStatus = Literal["warning_needs_response", "warning_closed", "needs_response", "won", "lost"]


@dataclass(frozen=True, slots=True)
class Card:
    """A card as a shop may know it."""

    test_card: str  # its name in `cards`; never answered to a client
    brand: str
    last4: str
    funding: str
    country: str
    fingerprint: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A card that can be charged, with whose it is."""

    id: str
    created: int
    card: Card
    billing_details: Json
    customer: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfirmationToken:
    """A card collected in the browser, good for one confirmation within twelve hours.

    saved_payment_method: the existing PaymentMethod that it stands for; None where confirming creates a new one.
    """

    id: str
    created: int
    expires_at: int
    card: Card
    billing_details: Json
    saved_payment_method: str | None = None
    return_url: str | None = None
    setup_future_usage: str | None = None
    shipping: Json | None = None
    payment_intent: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """A buyer that the shop made known."""

    id: str
    created: int
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    description: str | None = None
    address: Json | None = None
    shipping: Json | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaymentIntent:
    """One payment from its first attempt to its end.

    allow_redirects: None where the allowed types are listed instead of chosen automatically.
    authenticated: the buyer passed 3-D Secure for the PaymentMethod that is set now.
    off_session: the buyer is not there to authenticate, so that needing it is a decline.
    """

    id: str
    created: int
    amount: int
    currency: str
    client_secret: str
    status: PaymentIntentStatus = "requires_payment_method"
    capture_method: str = "automatic_async"
    confirmation_method: str = "automatic"
    allow_redirects: str | None = "always"
    allowed_payment_method_types: tuple[str, ...] | None = None
    excluded_payment_method_types: tuple[str, ...] | None = None
    customer: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    payment_method: str | None = None
    receipt_email: str | None = None
    setup_future_usage: str | None = None
    shipping: Json | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    return_url: str | None = None
    authenticated: bool = False
    next_action: Json | None = None
    latest_charge: str | None = None
    last_payment_error: Json | None = None
    amount_received: int = 0
    amount_capturable: int = 0
    canceled_at: int | None = None
    cancellation_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """One attempt to move a PaymentIntent's money, with the bank's answer."""

    id: str
    created: int
    amount: int
    currency: str
    payment_intent: str
    payment_method: str
    card: Card
    billing_details: Json
    status: ChargeStatus
    customer: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    receipt_email: str | None = None
    shipping: Json | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    captured: bool = False
    amount_captured: int = 0
    amount_refunded: int = 0
    capture_before: int | None = None
    authenticated: bool = False
    failure_code: str | None = None
    failure_message: str | None = None
    decline_code: str | None = None
    blocked: bool = False
    disputed: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back from one charge."""

    id: str
    created: int
    amount: int
    currency: str
    charge: str
    payment_intent: str
    reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    status: RefundStatus = "succeeded"
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Dispute:
    """A buyer's complaint at the bank about one charge."""

    id: str
    created: int
    amount: int
    currency: str
    charge: str
    payment_intent: str
    reason: str
    status: DisputeStatus
    due_by: int
    brand: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank has only asked, and taken nothing."""
        return self.status.startswith("warning_")

    @property
    def holds_money(self) -> bool:
        """Whether the bank has the charge's money, so that it cannot be refunded too."""
        return self.status in ("needs_response", "lost")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with the object as it then was.

    pending_webhooks: how many endpoints have not accepted it yet.
    """

    id: str
    created: int
    type: str
    data_object: Json
    request_id: str | None = None
    idempotency_key: str | None = None
    pending_webhooks: int = 0


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """A URL that wants events."""

    id: str
    created: int
    url: str
    secret: str
    enabled_events: tuple[str, ...] = ("*",)
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def wants(self, event_type: str) -> bool:
        """Whether events of this type are sent to the endpoint."""
        return "*" in self.enabled_events or event_type in self.enabled_events


Record = (
    PaymentMethod | ConfirmationToken | Customer | PaymentIntent | Charge | Refund | Dispute | Event | WebhookEndpoint
)
