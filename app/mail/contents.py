"""What each template is given: one frozen record for each, so that nobody can forget a value.

`message_of` turns a record into a message; `content_of` gives it back when the e-mail is written. Names of buyers are
in none: whoever registers or orders with somebody else's address must not be able to have us send them a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from app.core.money import Money
from app.mail.domain import Message


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One line of an order. variant_name: empty where it has none; total: before the order's discounts."""

    product_name: str
    variant_name: str
    quantity: int
    total: Money


@dataclass(frozen=True, slots=True)
class SummaryTax:
    """A tax of an order. is_included: whether the prices contain it already."""

    name: str
    amount: Money
    is_included: bool


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order as its e-mails show it. link: opens it; shipping: None where nothing is delivered."""

    number: str
    link: str
    lines: tuple[SummaryLine, ...]
    subtotal: Money
    discount: Money
    shipping: Money | None
    shipping_name: str
    taxes: tuple[SummaryTax, ...]
    total: Money


@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    """The order is paid and will be sent."""

    order: OrderSummary


@dataclass(frozen=True, slots=True)
class PaymentDelayed:
    """The order stands, its payment takes longer; there is nothing for the buyer to do."""

    order: OrderSummary


@dataclass(frozen=True, slots=True)
class PaymentActionRequired:
    """A payment that took longer waits for the buyer's bank. payment_link: where the buyer confirms it, in time."""

    order: OrderSummary
    payment_link: str
    until: datetime


@dataclass(frozen=True, slots=True)
class PaymentSucceeded:
    """A payment that took longer went through."""

    order: OrderSummary


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """A payment that took longer did not go through; nothing was charged. cart_link: where the buyer may try again."""

    order: OrderSummary
    cart_link: str


@dataclass(frozen=True, slots=True)
class OrderCanceled:
    """The order was canceled. refund: what is given back, None where nothing had been paid."""

    order: OrderSummary
    refund: Money | None


@dataclass(frozen=True, slots=True)
class Refunded:
    """Money was given back. amount: this time."""

    order: OrderSummary
    amount: Money


@dataclass(frozen=True, slots=True)
class EmailVerification:
    """Somebody registered with this address. link: carries a token that works once, until expires_at."""

    link: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """Somebody asked for a new password. link: carries a token that works once, until expires_at."""

    link: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccountExists:
    """Somebody registered with the address of an account. The links carry no token."""

    sign_in_link: str
    forgot_password_link: str


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """The account's password was changed."""

    changed_at: datetime
    forgot_password_link: str


Content = (
    OrderConfirmed
    | PaymentDelayed
    | PaymentActionRequired
    | PaymentSucceeded
    | PaymentFailed
    | OrderCanceled
    | Refunded
    | EmailVerification
    | PasswordReset
    | AccountExists
    | PasswordChanged
)

CONTENTS: dict[str, type[Content]] = {
    "order_confirmed": OrderConfirmed,
    "payment_delayed": PaymentDelayed,
    "payment_action_required": PaymentActionRequired,
    "payment_succeeded": PaymentSucceeded,
    "payment_failed": PaymentFailed,
    "order_canceled": OrderCanceled,
    "refunded": Refunded,
    "email_verification": EmailVerification,
    "password_reset": PasswordReset,
    "account_exists": AccountExists,
    "password_changed": PasswordChanged,
}
_TEMPLATES = {content: template for template, content in CONTENTS.items()}


def message_of(
    content: Content, *, about: str, recipient: str, language: str, supersedes: Sequence[type[Content]] = ()
) -> Message:
    """The message that says this.

    about: the id of what it tells of; one e-mail of each template is sent about it. supersedes: what need not be said
    about it any more.
    """
    template = _TEMPLATES[type(content)]
    data: dict[str, Any] = msgspec.to_builtins(content)
    obsolete = tuple(f"{_TEMPLATES[each]}:{about}" for each in supersedes)
    return Message(f"{template}:{about}", template, recipient, language, data, obsolete)


def content_of(message: Message) -> Content:
    """What the message is to say.

    Raises msgspec.ValidationError when its data is not what the template is given.
    """
    content: Content = msgspec.convert(message.data, CONTENTS[message.template])
    return content


def expiry_of(content: Content) -> datetime | None:
    """When what the content asks for is no longer possible; None where it asks for nothing, or has no end."""
    if isinstance(content, PaymentActionRequired):
        return content.until
    return content.expires_at if isinstance(content, EmailVerification | PasswordReset) else None
