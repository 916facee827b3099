"""Reconcile: compare the provider's payments with the shop's books, repair what follows from its word, report the rest.

list the provider's payments  ─┐
attempts that contradict theirs ├─► judge ─► look again, both sides ─► repair through settling, or a finding
orders that nobody has paid    ─┘
attempts that are open ──► have the job that looks at them

Webhooks are lost, workers die, databases are restored: this is what makes it good. The provider is asked while no
transaction is open, so the books may move on in between: what it says counts only where they are, under the lock of the
cart, as they were before it was asked. Money is never moved here, except that what was paid for an order that has ended
is given back, as everywhere. See ADR-0029.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app import telemetry
from app.checkout.books import BookedPayment
from app.checkout.compare_payment import as_settled
from app.checkout.domain import CheckoutTransaction, CheckoutTransactions, check_job
from app.checkout.judge_payment import Repair, judge, refunds_differ
from app.checkout.receive_event import ReceiveEvent, record_finding
from app.checkout.reconcile_report import ReconcileReport
from app.checkout.settle_payment import locked_attempt
from app.checkout.settle_refund import RefundTooEarly
from app.core.clock import Clock
from app.core.errors import Bug, OperationalError
from app.core.fault_points import FaultPoint, reached
from app.core.ids import AttemptId
from app.payments.domain import AttemptState, PaymentAttempt
from app.payments.findings import Finding, FindingKind
from app.payments.records import PaymentPage, PaymentProvider, RecordedPayment
from app.payments.refunds import RefundOutcome

WINDOW = timedelta(hours=26)  # a payment is compared again and again for a day, however often this runs
OVERDUE = timedelta(minutes=10)  # the worker is later than it ever should be
LATEST_CHECK = timedelta(hours=26)  # no attempt waits longer for its next look, nor for the buyer
_BATCH = 200
_FINDINGS = 10_000

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Compare everything once."""

    transactions: CheckoutTransactions
    provider: PaymentProvider
    receive: ReceiveEvent
    clock: Clock

    async def __call__(self, *, window: timedelta = WINDOW) -> ReconcileReport:
        """One run over the payments of this time, and over all of the shop's own books.

        Raises PaymentsUnavailable when the provider does not answer: what was repaired by then stays.
        Concurrency: any number of workers; a repair is done once.
        """
        run = _Run(self, ReconcileReport(), await self._open_findings())
        now = self.clock.now()
        after = None
        while True:
            page = await self.provider.list_payments(since=now - window, until=now + timedelta(hours=1), after=after)
            await run.compare(page)
            after = page.after
            if after is None:
                break
        await run.mend_contradictions()
        await run.report_orders_without_attempt()
        await run.remind_of_open_attempts()
        if not run.report.is_clean:
            _log.warning(
                "payments_reconciled",
                repaired=dict(run.report.repaired),
                found=len(run.report.found),
                failed=run.report.failed,
            )
        return run.report

    async def run(self) -> int:
        """One run of the schedule; there is never more to do at once."""
        await self()
        return 0

    async def _open_findings(self) -> set[tuple[FindingKind, str]]:
        async with self.transactions.read() as tx:
            return {(each.finding.kind, each.finding.subject) for each in await tx.findings.open(limit=_FINDINGS)}


@dataclass(frozen=True, slots=True)
class _Run:
    """One run. known: the findings that are open already: they are not looked at again and again."""

    use: Reconcile
    report: ReconcileReport
    known: set[tuple[FindingKind, str]]

    async def compare(self, page: PaymentPage) -> None:
        """Compare a page of the provider's payments."""
        self.report.payments += len(page.payments)
        booked = await self._booked_by_payment(page.payments)
        for payment in page.payments:
            ours = booked.get(payment.outcome.intent_id or "")
            if ours is None:
                await self._unknown(payment)
            elif not self._is_known(judge(ours, payment)):
                await self._guarded(ours.attempt.id, payment.outcome.intent_id)

    async def mend_contradictions(self) -> None:
        """Look at every attempt whose order, stock or cart says something else."""
        after: AttemptId | None = None
        while True:
            async with self.use.transactions.read() as tx:
                ids = await tx.books.contradictory(after=after, limit=_BATCH)
            for attempt_id in ids:
                await self._guarded(attempt_id, None)
            if len(ids) < _BATCH:
                return
            after = ids[-1]

    async def report_orders_without_attempt(self) -> None:
        """Orders that say they are paid, and nobody has tried to pay them."""
        after = None
        while True:
            async with self.use.transactions.read() as tx:
                orders = await tx.books.paid_without_attempt(after=after, limit=_BATCH)
            for order_id, number in orders:
                detail = f"order {number} says that it is paid, and has no attempt to pay it"
                await self._tell(Finding(FindingKind.NOT_PAID, str(order_id), detail, order_id))
            if len(orders) < _BATCH:
                return
            after = orders[-1][0]

    async def remind_of_open_attempts(self) -> None:
        """Make sure that each attempt that has not ended has its job, and is not put off for ever."""
        after: AttemptId | None = None
        while True:
            async with self.use.transactions.begin() as tx:
                attempts = await tx.books.open_attempts(after=after, limit=_BATCH)
                await tx.jobs.enqueue(*(check_job(attempt_id, at) for attempt_id, at in attempts))
            now = self.use.clock.now()
            self.report.open_attempts += len(attempts)
            self.report.overdue += sum(at < now - OVERDUE for _, at in attempts)
            for attempt_id, at in attempts:
                if at > now + LATEST_CHECK:
                    await self._hasten(attempt_id)
            if len(attempts) < _BATCH:
                return
            after = attempts[-1][0]

    async def _hasten(self, attempt_id: AttemptId) -> None:
        async with self.use.transactions.begin() as tx:
            attempt, now = await locked_attempt(tx, attempt_id), self.use.clock.now()
            if attempt.check_at is not None and attempt.check_at > now + LATEST_CHECK:
                await tx.attempts.save(replace(attempt, check_at=now))
                await tx.jobs.enqueue(check_job(attempt_id, now))
                self._repaired(Repair.ASK, attempt)

    async def _unknown(self, payment: RecordedPayment) -> None:
        outcome = payment.outcome
        if outcome.state is AttemptState.SUCCEEDED and payment.refunded != outcome.amount:
            detail = f"{outcome.amount} were taken at {payment.created:%Y-%m-%d %H:%M}Z"
            subject = str(outcome.intent_id)
            await self._tell(Finding(FindingKind.PAID_WITHOUT_ATTEMPT, subject, detail, intent_id=outcome.intent_id))

    async def _guarded(self, attempt_id: AttemptId, intent_id: str | None) -> None:
        """Look at one attempt; a fault of one must not keep the others from being looked at."""
        try:
            await self._look_again(attempt_id, intent_id)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001
            self.report.failed += 1
            _log.error("payment_not_reconciled", attempt=str(attempt_id), exc_info=error)

    async def _look_again(self, attempt_id: AttemptId, intent_id: str | None) -> None:
        async with self.use.transactions.read() as tx:
            before = await _booked(tx, attempt_id)
        payment = await self._recorded(before.attempt, intent_id or before.attempt.intent_id)
        verdict = judge(before, payment)
        if self._is_known(verdict):
            return
        if verdict is Repair.END and payment is not None and payment.outcome.intent_id is not None:
            payment = replace(payment, outcome=await self.use.provider.cancel(payment.outcome.intent_id))
            self._repaired(Repair.END, before.attempt)
        refunds: Sequence[RefundOutcome] = ()
        if verdict is Repair.READ_REFUNDS and payment is not None:
            refunds = await self.use.provider.refunds_of(payment.outcome.intent_id or "")
        reached(FaultPoint.RECONCILING)
        async with self.use.transactions.begin() as tx:
            await locked_attempt(tx, attempt_id)
            if await _booked(tx, attempt_id) != before:
                self.report.moved_on += 1
            elif verdict is Repair.READ_REFUNDS and payment is not None:
                await self._read_refunds(tx, before, payment, refunds)
            else:
                await self._apply(tx, before, payment)

    async def _read_refunds(
        self, tx: CheckoutTransaction, booked: BookedPayment, payment: RecordedPayment, refunds: Sequence[RefundOutcome]
    ) -> None:
        finding = None
        for outcome in refunds:
            try:
                await self.use.receive.settle_refund.of_provider(tx, outcome)
            except (RefundTooEarly, Bug) as error:  # nothing of it was written
                finding = refunds_differ(booked, payment, because=str(error))
        finding = refunds_differ(await _booked(tx, booked.attempt.id), payment) or finding
        if finding is None:
            self._repaired(Repair.READ_REFUNDS, booked.attempt)
        else:
            await self._record(tx, finding)

    async def _apply(self, tx: CheckoutTransaction, booked: BookedPayment, payment: RecordedPayment | None) -> None:
        verdict = judge(booked, payment)
        match verdict:
            case Finding():
                await self._record(tx, verdict)
                return
            case Repair.SETTLE if payment is not None:
                await self.use.receive.settle.within(tx, booked.attempt.id, as_settled(payment.outcome))
            case Repair.ASK if payment is not None:
                await self.use.receive.hear(tx, booked.attempt, payment.outcome)
            case Repair.FOLLOW:
                await self.use.receive.settle.follow(tx, booked.attempt, has_cart=booked.around.holds_cart, again=True)
            case _:
                return
        self._repaired(verdict, booked.attempt)

    async def _recorded(self, attempt: PaymentAttempt, intent_id: str | None) -> RecordedPayment | None:
        """The payment as the provider has it now. No transaction is open."""
        if intent_id is None and attempt.amount.minor:
            found = await self.use.provider.find(attempt)
            intent_id = None if found is None else found.intent_id
        return None if intent_id is None else await self.use.provider.payment(intent_id)

    async def _booked_by_payment(self, payments: Sequence[RecordedPayment]) -> dict[str, BookedPayment]:
        intents = {payment.outcome.intent_id: payment.attempt_id for payment in payments if payment.outcome.intent_id}
        async with self.use.transactions.read() as tx:
            attempts = await tx.attempts.of_payments(list(intents), [key for key in intents.values() if key])
            around = await tx.books.around([attempt.id for attempt in attempts])
        booked = {attempt.id: BookedPayment(attempt, around[attempt.id]) for attempt in attempts}
        by_intent = {each.attempt.intent_id: each for each in booked.values()}
        found = {intent_id: by_intent.get(intent_id) or booked.get(key) for intent_id, key in intents.items()}  # type: ignore[arg-type]
        return {intent_id: each for intent_id, each in found.items() if each is not None}

    async def _tell(self, finding: Finding) -> None:
        if not self._is_known(finding):
            async with self.use.transactions.begin() as tx:
                await self._record(tx, finding)

    async def _record(self, tx: CheckoutTransaction, finding: Finding) -> None:
        if await record_finding(tx, finding, self.use.clock):
            self.report.found.append(finding)
        else:
            self.report.known += 1
        self.known.add((finding.kind, finding.subject))

    def _is_known(self, verdict: Repair | Finding | None) -> bool:
        """Whether nothing is to be done: nothing is wrong, or it is told of already."""
        if not isinstance(verdict, Finding):
            return verdict is None
        is_known = (verdict.kind, verdict.subject) in self.known
        self.report.known += is_known
        return is_known

    def _repaired(self, repair: Repair, attempt: PaymentAttempt) -> None:
        self.report.repaired[repair.value] += 1
        _log.warning("payment_repaired", order=str(attempt.order_id), attempt=str(attempt.id), how=repair.value)


async def _booked(tx: CheckoutTransaction, attempt_id: AttemptId) -> BookedPayment:
    attempt = await tx.attempts.find(attempt_id)
    if attempt is None:
        raise Bug(f"there is no attempt {attempt_id}")
    return BookedPayment(attempt, (await tx.books.around([attempt_id]))[attempt_id])
