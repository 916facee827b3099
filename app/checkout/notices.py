"""What buyers are written about their orders: from an order and what happened to it to the message, if there is one.

Nobody is written to about what they see on their screen: a card that is refused at once. Whoever has gone since (the
payment was queued, or took longer than anybody looks at a page) is told how it ended, and no longer that it is delayed:
a mail server may be away meanwhile. Keys name what happened, so each e-mail is sent once, however often it is settled.
See ADR-0027.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.checkout.domain import PAYMENT_LIFETIME
from app.core.ids import Kind, encode
from app.core.money import Money
from app.mail.contents import (
    Content,
    OrderCanceled,
    OrderConfirmed,
    OrderSummary,
    PaymentActionRequired,
    PaymentDelayed,
    PaymentFailed,
    PaymentSucceeded,
    Refunded,
    SummaryLine,
    SummaryTax,
    message_of,
)
from app.mail.domain import Message
from app.mail.storefront import Storefront
from app.orders.access_token import OrderAccessTokens
from app.orders.domain import Order
from app.payments.domain import AttemptState, PaymentAttempt

_INTERIM = (PaymentDelayed, PaymentActionRequired)  # of a payment that goes on


@dataclass(frozen=True, slots=True)
class Notices:
    """The messages of one shop. language: in which its buyers are written to."""

    storefront: Storefront
    order_tokens: OrderAccessTokens
    language: str

    def of_payment(self, order: Order, attempt: PaymentAttempt) -> Message | None:
        """What the buyer is written now that the attempt is in its state; None where nothing is to be said."""
        content = self._of_payment(order, attempt)
        if content is None:
            return None
        earlier = [each for each in _INTERIM if attempt.queued_at and each is not type(content)]
        return self._message(order, content, str(attempt.id), earlier)

    def of_cancellation(self, order: Order, *, refund: Money | None) -> Message:
        """That the order is canceled. refund: what is given back, None where nothing had been paid."""
        return self._message(order, OrderCanceled(self._summary(order), refund), str(order.id))

    def of_refund(self, order: Order, refund_id: object, amount: Money) -> Message:
        """That money was given back. refund_id: whatever names this refund."""
        return self._message(order, Refunded(self._summary(order), amount), str(refund_id))

    def _of_payment(self, order: Order, attempt: PaymentAttempt) -> Content | None:
        was_queued = attempt.queued_at is not None
        match attempt.state:
            case AttemptState.QUEUED:
                return PaymentDelayed(self._summary(order))
            case AttemptState.ACTION_REQUIRED if was_queued and attempt.cancel_requested_at is None:
                link = self.storefront.payment(encode(Kind.ATTEMPT, attempt.id))
                return PaymentActionRequired(self._summary(order), link, attempt.expires_at)
            case AttemptState.SUCCEEDED if attempt.cancel_requested_at is not None:
                return OrderCanceled(self._summary(order), refund=attempt.amount)
            case AttemptState.SUCCEEDED:
                return (PaymentSucceeded if was_queued else OrderConfirmed)(self._summary(order))
            case AttemptState.FAILED | AttemptState.CANCELED if attempt.cancel_requested_at is not None:
                return OrderCanceled(self._summary(order), refund=None)
            case AttemptState.FAILED | AttemptState.CANCELED if was_queued or _buyer_has_gone(attempt):
                return PaymentFailed(self._summary(order), self.storefront.cart)
        return None

    def _message(self, order: Order, content: Content, about: str, supersedes: Sequence[type[Content]] = ()) -> Message:
        return message_of(content, about=about, recipient=order.email, language=self.language, supersedes=supersedes)

    def _summary(self, order: Order) -> OrderSummary:
        cost = order.cost
        return OrderSummary(
            number=order.number,
            link=self.storefront.order(self.order_tokens.issue(order.id)),
            lines=tuple(
                SummaryLine(line.product_name, line.variant_name, line.quantity, line.unit_price * line.quantity)
                for line in order.lines
            ),
            subtotal=cost.subtotal,
            discount=cost.discount,
            shipping=cost.shipping if order.delivery else None,
            shipping_name=order.delivery.name if order.delivery else "",
            taxes=tuple(SummaryTax(tax.name, tax.amount, tax.is_included) for tax in cost.tax_lines),
            total=cost.total,
        )


def _buyer_has_gone(attempt: PaymentAttempt) -> bool:
    return attempt.updated_at - attempt.created_at >= PAYMENT_LIFETIME
