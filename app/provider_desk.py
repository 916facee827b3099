"""Wires what the shop does with the payment provider's own words: its events, and its records. See ADR-0029."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app import telemetry
from app.checkout.receive_event import ForgetEvents, ReceiveEvent, RetryEvent
from app.checkout.reconcile import Reconcile
from app.checkout.settle_payment import SettlePayment
from app.checkout.settle_refund import SettleRefund
from app.core.clock import Clock
from app.payments.events import EventReader
from app.payments.records import PaymentProvider
from app.payments.stripe_events import StripeEvents
from app.transactions import Transactions


@dataclass(frozen=True, slots=True)
class ProviderDesk:
    """The use cases, and who reads what the provider sends."""

    events: EventReader
    receive_event: ReceiveEvent
    retry_event: RetryEvent
    forget_events: ForgetEvents
    reconcile: Reconcile
    transactions: Transactions

    async def look_around(self) -> None:
        """Bring up to date what the metrics say of events, disputes and findings. Raises DatabaseUnavailable."""
        async with self.transactions.read() as tx:
            waiting = await tx.payment_events.count_waiting()
            found = await tx.findings.count_open()
            telemetry.PAYMENT_DISPUTES_OPEN.set(await tx.disputes.count_open())
        for state, number in waiting.items():
            telemetry.PAYMENT_EVENTS_WAITING.labels(state.value).set(number)
        for kind, number in found.items():
            telemetry.PAYMENT_FINDINGS_OPEN.labels(kind.value).set(number)


def provider_desk(
    transactions: Transactions,
    provider: PaymentProvider,
    settle: SettlePayment,
    settle_refund: SettleRefund,
    clock: Clock,
    *,
    webhook_secrets: Sequence[str],
    is_live: bool,
) -> ProviderDesk:
    """The desk of a shop. webhook_secrets: one or two; is_live: whether it takes real payments."""
    receive_event = ReceiveEvent(transactions, settle, settle_refund, clock)
    return ProviderDesk(
        events=StripeEvents(webhook_secrets, clock, is_live=is_live),
        receive_event=receive_event,
        retry_event=RetryEvent(transactions, receive_event, provider, clock),
        forget_events=ForgetEvents(transactions, clock),
        reconcile=Reconcile(transactions, provider, receive_event, clock),
        transactions=transactions,
    )
