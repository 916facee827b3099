"""The shop of one simulated process: the real use cases over the simulated database and provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from app.cart.edit_cart import CartDesk, ReadCart
from app.checkout.cancel_attempt import CancelAttempt
from app.checkout.cancel_order import CancelOrder
from app.checkout.check_payments import CheckPayments
from app.checkout.notices import Notices
from app.checkout.place_order import PlaceOrder
from app.checkout.receive_event import ReceiveEvent, RetryEvent
from app.checkout.reconcile import Reconcile
from app.checkout.refund_order import RefundOrder
from app.checkout.refund_payment import RefundPayment
from app.checkout.settle_payment import SettlePayment
from app.checkout.settle_refund import SettleRefund
from app.core.breaker import Breaker
from app.core.clock import Clock
from app.http.stripe_webhooks import stripe_webhook
from app.jobs.claims import OpenQueue
from app.mail.send_mail import SendMail
from app.mail.storefront import Storefront
from app.orders.access_token import OrderAccessTokens
from app.payments.guarded_gateway import GuardedGateway
from app.payments.stripe_events import StripeEvents
from app.server import DRAIN_SECONDS
from app.worker.kinds import job_kinds
from app.worker.recurring import Scheduled
from app.worker.runner import JobRunner
from app.worker.schedule import OVERDUE
from tests.resilience.simulation.database import SimulatedDatabase
from tests.resilience.simulation.postman import Postman
from tests.resilience.simulation.provider import WEBHOOK_SECRET, SimulatedProvider
from tests.resilience.simulation.transactions import SimulatedTransactions

LEASE = timedelta(seconds=30)
RECONCILE = "reconcile"
SWEEP = "check_payments"  # the entry of the schedule for payments whose job was lost


class SeededIds:
    """`IdSource` of the run."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def new_uuid(self) -> UUID:
        """A UUID that the seed decides."""
        return UUID(int=self._random.getrandbits(128), version=4)


@dataclass(frozen=True, slots=True)
class SimulatedShop:
    """The use cases that take part."""

    transactions: SimulatedTransactions
    clock: Clock
    read_cart: ReadCart
    place_order: PlaceOrder
    cancel_attempt: CancelAttempt
    cancel_order: CancelOrder
    refund_order: RefundOrder
    check_payments: CheckPayments
    refund_payment: RefundPayment
    send_mail: SendMail
    webhook: Callable[[Request], Awaitable[Response]]
    retry_event: RetryEvent
    reconcile: Reconcile

    @classmethod
    def wire(
        cls,
        database: SimulatedDatabase,
        provider: SimulatedProvider,
        postman: Postman,
        clock: Clock,
        ids: SeededIds,
    ) -> SimulatedShop:
        """A shop as `app.bootstrap` would wire it in a process of its own."""
        transactions = SimulatedTransactions(database)
        desk = CartDesk(
            transactions=transactions, default_country="US", clock=clock, ids=ids, lifetime=timedelta(days=30)
        )
        gateway = GuardedGateway(provider.gateway(), Breaker(clock))
        notices = Notices(Storefront("https://shop.example"), OrderAccessTokens(b"simulated", clock), "en")
        settle = SettlePayment(transactions, notices, clock)
        settle_refund = SettleRefund(transactions, notices, clock)
        receive = ReceiveEvent(transactions, settle, settle_refund, clock)
        events = StripeEvents([WEBHOOK_SECRET], clock, is_live=False)
        cancel_attempt = CancelAttempt(transactions, gateway, settle, clock, desk.turns)
        return cls(
            transactions=transactions,
            clock=clock,
            read_cart=ReadCart(desk),
            place_order=PlaceOrder(desk, transactions, gateway, settle),
            cancel_attempt=cancel_attempt,
            cancel_order=CancelOrder(transactions, cancel_attempt, notices, clock, desk.turns),
            refund_order=RefundOrder(transactions, clock, ids),
            check_payments=CheckPayments(transactions, gateway, settle, clock),
            refund_payment=RefundPayment(transactions, gateway, settle_refund, clock),
            send_mail=SendMail(transactions, postman, postman, clock),
            webhook=stripe_webhook(events, receive),
            retry_event=RetryEvent(transactions, receive, gateway, clock),
            reconcile=Reconcile(transactions, gateway, receive, clock),
        )

    def worker(self, open_queue: OpenQueue, random: Random) -> JobRunner:
        """The worker of a process, as `app.server.work` would wire it."""
        return JobRunner(
            open_queue,
            job_kinds(self.check_payments, self.refund_payment, self.retry_event, self.send_mail),
            [
                Scheduled(SWEEP, 30.0, partial(self.check_payments, overdue=OVERDUE)),
                Scheduled("overdue_refunds", 600.0, self.refund_payment.overdue),
                Scheduled(RECONCILE, 900.0, self.reconcile.run),
            ],
            lease=LEASE,
            drain_seconds=DRAIN_SECONDS,
            clock=self.clock,
            chance=random.random,
        )
