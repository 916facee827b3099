"""Cancel an attempt to pay: the buyer does not want it any more.

surely never sent to the provider      -> canceled at once, in this transaction
waits at the provider, by its name     -> the wish is noted; the provider is asked to cancel; its answer is settled
perhaps on its way to the provider     -> the wish is noted; whoever asks the provider next ends it (`check_payments`)

A payment that goes through all the same is recorded and given back (`settle_payment`). See ADR-0030.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from app.cart.turns import CartTurns
from app.checkout.domain import CheckoutTransaction, CheckoutTransactions, check_job
from app.checkout.settle_payment import SettlePayment, locked_attempt
from app.core.changes import attempt_changed, order_changed
from app.core.clock import Clock
from app.core.errors import ErrorCode, InvalidInput, NotFound, PaymentsUnavailable
from app.core.fault_points import FaultPoint, reached
from app.core.ids import AttemptId, CustomerId
from app.idempotency.domain import KeyedCall
from app.orders.domain import OrderEvent
from app.payments.domain import AttemptState, PaymentAttempt, PaymentGateway, PaymentOutcome

OWN_TIME = timedelta(seconds=10)  # for this call to ask the provider, before the worker does


@dataclass(frozen=True, slots=True)
class CancelAttempt:
    """Give up a payment that has not ended yet."""

    transactions: CheckoutTransactions
    gateway: PaymentGateway
    settle: SettlePayment
    clock: Clock
    turns: CartTurns

    async def __call__(
        self, attempt_id: AttemptId, *, caller: CustomerId | None = None, keyed: KeyedCall | None = None
    ) -> PaymentAttempt:
        """The attempt, as far as its end has come: one that is open ends without the buyer.

        One that came to nothing before stays as it is. Raises NotFound, also where it is another customer's, and
        InvalidInput (NOT_CANCELABLE) when it has been paid. Concurrency: any number at once, with the buyer's bank and
        the worker too; it ends once.
        """
        async with self.transactions.read() as tx:
            found = await tx.attempts.find(attempt_id)
        if found is None or not found.is_open_to(caller):
            raise NotFound("There is no such attempt to pay.", field=("attemptId",))
        async with self.turns.of(found.cart_id), self.transactions.begin() as tx:
            is_repeated = keyed is not None and await tx.keys.claim(keyed, now=self.clock.now()) is not None
            attempt = await locked_attempt(tx, attempt_id)
            if is_repeated:
                return attempt
            if attempt.state is AttemptState.SUCCEEDED and attempt.cancel_requested_at is None:
                message = "It has been paid: cancel the order instead."
                raise InvalidInput(message, code=ErrorCode.NOT_CANCELABLE, field=("attemptId",))
            attempt = await self.within(tx, attempt)
        return await self.ask_provider(attempt)

    async def within(
        self, tx: CheckoutTransaction, attempt: PaymentAttempt, reason: str | None = None
    ) -> PaymentAttempt:
        """Note in an open transaction that the buyer gave up; the attempt ends here where surely nothing was sent.

        reason: the buyer's, told in the order's timeline. The caller holds the cart's lock, and calls `ask_provider`
        once the transaction has been committed.
        """
        if attempt.state.is_final:
            return attempt
        now = self.clock.now()
        if attempt.cancel_requested_at is None:
            attempt = replace(attempt, cancel_requested_at=now)
            message = f"It is to be canceled (“{reason}”)." if reason else "It is to be canceled."
            await tx.orders.tell(OrderEvent(attempt.order_id, now, "cancel_requested", message))
        if attempt.intent_id is not None:
            attempt = replace(attempt, check_at=now + OWN_TIME)
        elif attempt.state is AttemptState.QUEUED:
            attempt = replace(attempt, check_at=now)
        await tx.attempts.save(attempt)
        await tx.jobs.enqueue(check_job(attempt.id, attempt.check_at))
        tx.announce_after_commit(attempt_changed(attempt.id), order_changed(attempt.order_id))
        if attempt.intent_id is None and attempt.sent_at is None:
            nothing = PaymentOutcome(AttemptState.CANCELED, None, attempt.amount)
            return await self.settle.within(tx, attempt.id, nothing)
        return attempt

    async def ask_provider(self, attempt: PaymentAttempt) -> PaymentAttempt:
        """Have the provider cancel what waits there, outside any transaction; the attempt after its answer."""
        if attempt.state.is_final or attempt.intent_id is None:
            return attempt
        reached(FaultPoint.CANCEL_COMMITTED)
        try:
            outcome = await self.gateway.cancel(attempt.intent_id)
        except PaymentsUnavailable:  # counted and logged by the gateway; the worker goes on
            return attempt
        return await self.settle(attempt.id, outcome)
