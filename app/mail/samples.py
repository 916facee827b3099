"""One content for each template, of an order that never was: for looking at e-mails while they are written."""

from __future__ import annotations

from datetime import UTC, datetime

from app.core.money import Currency, Money
from app.mail.contents import (
    AccountExists,
    Content,
    EmailVerification,
    OrderCanceled,
    OrderConfirmed,
    OrderSummary,
    PasswordChanged,
    PasswordReset,
    PaymentActionRequired,
    PaymentDelayed,
    PaymentFailed,
    PaymentSucceeded,
    Refunded,
    SummaryLine,
    SummaryTax,
)
from app.mail.storefront import Storefront

_NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
_TOKEN = "b3JkZXItYWNjZXNzLXRva2Vu"  # noqa: S105  a sample


def sample_contents(storefront: Storefront, currency: Currency) -> list[Content]:
    """The contents, in the order of CONTENTS."""
    order = _order(storefront, currency)
    return [
        OrderConfirmed(order),
        PaymentDelayed(order),
        PaymentActionRequired(order, storefront.payment(_TOKEN), _NOON),
        PaymentSucceeded(order),
        PaymentFailed(order, storefront.cart),
        OrderCanceled(order, order.total),
        Refunded(order, order.lines[0].total),
        EmailVerification(storefront.email_verification(_TOKEN), _NOON),
        PasswordReset(storefront.password_reset(_TOKEN), _NOON),
        AccountExists(storefront.sign_in, storefront.forgot_password),
        PasswordChanged(_NOON, storefront.forgot_password),
    ]


def _order(storefront: Storefront, currency: Currency) -> OrderSummary:
    def money(hundreds: int) -> Money:
        return Money(hundreds * 100, currency)

    return OrderSummary(
        number="C-1042",
        link=storefront.order(_TOKEN),
        lines=(
            SummaryLine("Trail Mug", "Blue", 2, money(36)),
            SummaryLine("Ridge Runner Waterproof Walking Jacket with Detachable Hood", "XL / Lichen", 1, money(129)),
        ),
        subtotal=money(165),
        discount=money(15),
        shipping=money(5),
        shipping_name="Standard delivery",
        taxes=(SummaryTax("Sales tax", money(12), is_included=False),),
        total=money(167),
    )
