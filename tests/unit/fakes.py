"""In-memory adapters of the shop's ports, and a small shop made of them.

A transaction works on a copy of the books that takes their place on normal exit only, and one runs at a time. What a
port asks of its callers is held here (a cart is saved under its lock, a key begins one attempt, the provider is asked
outside any transaction, what has changed is announced), so a use case that breaks it fails its tests.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.cart.domain import Cart, CartLine, CartState, KeyValue, MergeReport
from app.cart.edit_cart import CartDesk
from app.catalog.domain import Offer
from app.checkout.cancel_attempt import CancelAttempt
from app.checkout.cancel_order import CancelOrder
from app.checkout.check_payments import CheckPayments
from app.checkout.domain import CHECK_PAYMENT, CheckoutRequest
from app.checkout.notices import Notices
from app.checkout.place_order import PlaceOrder
from app.checkout.refund_order import RefundOrder
from app.checkout.refund_payment import RefundPayment
from app.checkout.settle_payment import SettlePayment
from app.checkout.settle_refund import SettleRefund
from app.core.changes import Change, attempt_changed, cart_changed, order_changed
from app.core.contact import Address
from app.core.errors import ClientError, OutOfStock, Rejected
from app.core.ids import AttemptId, CartId, CartLineId, OrderId, PromotionId, RefundId, VariantId
from app.core.money import Currency, Money
from app.core.place import Place
from app.core.stock import StockPolicy
from app.idempotency.domain import Effect, KeyedCall, key_reused
from app.inventory.domain import ReservationState, StockLevel
from app.jobs.domain import Job, merged
from app.mail.domain import MESSAGE, SEND_MAIL, MailState, Message, PostedMessage
from app.mail.storefront import Storefront
from app.orders.access_token import OrderAccessTokens
from app.orders.domain import Order, OrderEvent, OrderStatus, PaymentStatus
from app.payments.disputes import Dispute
from app.payments.domain import AttemptState, PaymentAttempt, PaymentMethod, PaymentOutcome
from app.payments.events import StoredEvent
from app.payments.findings import Finding, FindingKind
from app.payments.refunds import Refund, RefundOutcome, RefundState
from app.promotions.domain import AppliedPromotion, CartPromotion, Offered
from app.shipping.domain import DeliveryOptions, FlatRate
from app.taxes.domain import NoTaxes, Taxes

USD = Currency("USD")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADDRESS = Address(
    full_name="Ada Marsh",
    line1="1 Contour Road",
    city="Portland",
    country_code="US",
    region="OR",
    postal_code="97205",
)


def usd(minor: int) -> Money:
    """So many cents."""
    return Money(minor, USD)


# ------------------------------------------------------------------------------------------------ time and identities


class FixedClock:
    """Stands still until it is turned."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._start = now

    def now(self) -> datetime:
        """The time it stands at."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that it has been turned by."""
        return (self._now - self._start).total_seconds()

    def turn(self, **by: float) -> None:
        """Move it: `clock.turn(minutes=30)`."""
        self._now += timedelta(**by)


class CountingIds:
    """1, 2, 3 as UUIDs."""

    def __init__(self) -> None:
        self._last = 0

    def new_uuid(self) -> UUID:
        """The next one."""
        self._last += 1
        return UUID(int=self._last)


class LogBook:
    """What a module has logged: level, event and facts."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **facts: self.lines.append((level, event, facts))

    def events(self, level: str) -> list[str]:
        """The events of one level."""
        return [event for logged, event, _ in self.lines if logged == level]


# ------------------------------------------------------------------------------------------------ stores


@dataclass
class Books:
    """Everything that is stored. Records are frozen, so a copy of the containers is a copy of it all."""

    carts: dict[CartId, Cart] = field(default_factory=dict)
    offers: dict[VariantId, Offer] = field(default_factory=dict)
    levels: dict[VariantId, StockLevel] = field(default_factory=dict)
    reservations: dict[tuple[OrderId, VariantId], tuple[int, ReservationState]] = field(default_factory=dict)
    orders: dict[OrderId, Order] = field(default_factory=dict)
    events: list[OrderEvent] = field(default_factory=list)
    attempts: dict[AttemptId, PaymentAttempt] = field(default_factory=dict)
    refunds: dict[RefundId, Refund] = field(default_factory=dict)
    promotions: dict[PromotionId, CartPromotion] = field(default_factory=dict)
    uses: list[tuple[OrderId, PromotionId]] = field(default_factory=list)
    taxes: list[Taxes] = field(default_factory=lambda: [NoTaxes()])
    reports: dict[CartId, MergeReport] = field(default_factory=dict)
    claims: dict[tuple[bytes, str], tuple[KeyedCall, Effect]] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    mail: dict[str, KeptMessage] = field(default_factory=dict)
    payment_events: dict[str, StoredEvent] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    findings: dict[tuple[FindingKind, str], Finding] = field(default_factory=dict)

    def take_due_jobs(self, now: datetime) -> list[Job]:
        """Take the jobs that are to be run by now, as the worker does: whatever is written from here on waits anew."""
        due = [job for job in self.jobs if job.not_before is None or job.not_before <= now]
        self.jobs = [job for job in self.jobs if job not in due]
        return due

    def copied(self) -> Books:
        """The same books, for somebody else to write in."""
        return Books(**{each.name: copy.copy(getattr(self, each.name)) for each in fields(self)})


class MemoryCarts:
    """`CartStore`."""

    def __init__(self, books: Books, locked: set[CartId]) -> None:
        self._books = books
        self._locked = locked

    async def find(self, cart_id: CartId) -> Cart | None:
        return self._books.carts.get(cart_id)

    async def lock(self, cart_id: CartId) -> Cart | None:
        await self.hold(cart_id)
        return self._books.carts.get(cart_id)

    async def lock_all(self, ids: Sequence[CartId]) -> dict[CartId, Cart]:
        self._locked |= set(ids)
        return {each: self._books.carts[each] for each in ids if each in self._books.carts}

    async def close_merged(self, cart_id: CartId, into: CartId, report: MergeReport, *, now: datetime) -> None:
        await self.move(cart_id, CartState.MERGED, now=now)
        self._books.carts[cart_id] = replace(self._books.carts[cart_id], merged_into=into)
        self._books.reports[cart_id] = report

    async def merge_report(self, cart_id: CartId) -> MergeReport:
        return self._books.reports[cart_id]

    async def delete(self, cart_id: CartId) -> None:
        assert cart_id in self._locked, "a cart is deleted under its lock"
        del self._books.carts[cart_id]

    async def hold(self, cart_id: CartId) -> None:
        self._locked.add(cart_id)

    async def move(self, cart_id: CartId, state: CartState, *, now: datetime) -> None:
        assert cart_id in self._locked, "a cart is moved under its lock"
        cart = self._books.carts[cart_id]
        self._books.carts[cart_id] = replace(cart, state=state, version=cart.version + 1, updated_at=now)

    async def insert(self, cart: Cart) -> None:
        assert cart.id not in self._books.carts
        self._books.carts[cart.id] = cart

    async def delete_expired(self, before: datetime, *, limit: int) -> int:
        ended = [
            cart for cart in self._books.carts.values() if cart.state is CartState.ACTIVE and cart.expires_at < before
        ]
        for cart in ended[:limit]:
            del self._books.carts[cart.id]
        return len(ended[:limit])

    async def save(self, cart: Cart) -> None:
        assert cart.id in self._locked, "a cart is saved under its lock"
        self._books.carts[cart.id] = cart


class MemoryOffers:
    """`OfferReader`. asked: the ids of every call."""

    def __init__(self, books: Books, asked: list[list[VariantId]]) -> None:
        self._books = books
        self._asked = asked

    async def offers_by_variant_ids(self, ids: Sequence[VariantId], currency: Currency) -> dict[VariantId, Offer]:
        self._asked.append(list(ids))
        offers = {each: self._books.offers[each] for each in ids if each in self._books.offers}
        return {
            each: offer if offer.price is None or offer.price.currency == currency else replace(offer, price=None)
            for each, offer in offers.items()
        }


class MemoryStock:
    """`StockStore`. before_hold: what a rival does between the reading of the levels and the hold."""

    def __init__(self, books: Books, before_hold: Callable[[Books], None]) -> None:
        self._books = books
        self._before_hold = before_hold

    async def levels_by_variant_ids(self, ids: Sequence[VariantId]) -> dict[VariantId, StockLevel]:
        return {each: self._books.levels[each] for each in ids if each in self._books.levels}

    async def hold(self, order_id: OrderId, demand: Mapping[VariantId, int], *, now: datetime) -> None:
        self._before_hold(self._books)
        levels = self._books.levels
        short = [
            OutOfStock(variant_id=each, requested=units, available=levels[each].sellable if each in levels else 0)
            for each, units in demand.items()
            if each not in levels or units > levels[each].sellable
        ]
        if short:
            raise Rejected(short)
        for each, units in sorted(demand.items()):  # two orders lock their rows in the same order
            levels[each] = replace(levels[each], reserved=levels[each].reserved + units)
            self._books.reservations[order_id, each] = units, ReservationState.HELD

    async def sell(self, order_id: OrderId, *, now: datetime) -> None:
        self._end(order_id, ReservationState.SOLD)

    async def release(self, order_id: OrderId, *, now: datetime) -> None:
        self._end(order_id, ReservationState.RELEASED)

    async def take_back(self, order_id: OrderId, *, now: datetime) -> None:
        for (holder, each), (units, before) in list(self._books.reservations.items()):
            if holder == order_id and before is ReservationState.SOLD:
                level = self._books.levels[each]
                self._books.levels[each] = replace(level, on_hand=level.on_hand + units)
                self._books.reservations[holder, each] = units, ReservationState.RETURNED

    def _end(self, order_id: OrderId, state: ReservationState) -> None:
        for (holder, each), (units, before) in list(self._books.reservations.items()):
            if holder != order_id or before is not ReservationState.HELD:
                continue
            level = self._books.levels[each]
            sold = units if state is ReservationState.SOLD else 0
            self._books.levels[each] = replace(level, reserved=level.reserved - units, on_hand=level.on_hand - sold)
            self._books.reservations[holder, each] = units, state


class MemoryOrders:
    """`OrderStore`."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def find(self, order_id: OrderId) -> Order | None:
        return self._books.orders.get(order_id)

    async def insert(self, order: Order, event: OrderEvent) -> None:
        assert order.id not in self._books.orders
        self._books.orders[order.id] = order
        self._books.events.append(event)

    async def find_by_number(self, number: int) -> Order | None:
        return next((each for each in self._books.orders.values() if each.number == str(number)), None)

    async def tell(self, event: OrderEvent) -> None:
        self._books.events.append(event)

    async def advance(
        self, order_id: OrderId, status: OrderStatus, payment_status: PaymentStatus, event: OrderEvent
    ) -> None:
        order = self._books.orders[order_id]
        self._books.orders[order_id] = replace(order, status=status, payment_status=payment_status)
        self._books.events.append(event)


class MemoryAttempts:
    """`AttemptStore`. Like the tables, it takes a key of a cart once, and one open attempt of a cart."""

    def __init__(self, books: Books, locked: set[CartId]) -> None:
        self._books = books
        self._locked = locked

    async def find(self, attempt_id: AttemptId) -> PaymentAttempt | None:
        return self._books.attempts.get(attempt_id)

    async def find_by_key(self, cart_id: CartId, idempotency_key: str) -> PaymentAttempt | None:
        same = (
            a for a in self._books.attempts.values() if (a.cart_id, a.idempotency_key) == (cart_id, idempotency_key)
        )
        return next(same, None)

    async def insert(self, attempt: PaymentAttempt) -> None:
        assert attempt.cart_id in self._locked, "an attempt begins under its cart's lock"
        assert attempt.id not in self._books.attempts
        assert await self.find_by_key(attempt.cart_id, attempt.idempotency_key) is None
        for other in self._books.attempts.values():
            assert other.cart_id != attempt.cart_id or other.state.is_final, "a cart has one open attempt"
        self._books.attempts[attempt.id] = attempt

    async def save(self, attempt: PaymentAttempt) -> None:
        assert attempt.cart_id in self._locked, "an attempt is saved under its cart's lock"
        assert attempt.id in self._books.attempts
        self._books.attempts[attempt.id] = attempt

    async def find_by_intent(self, intent_id: str) -> PaymentAttempt | None:
        return next((each for each in self._books.attempts.values() if each.intent_id == intent_id), None)

    async def of_payments(
        self, intent_ids: Sequence[str], attempt_ids: Sequence[AttemptId]
    ) -> Sequence[PaymentAttempt]:
        return [
            each for each in self._books.attempts.values() if each.intent_id in intent_ids or each.id in attempt_ids
        ]

    async def of_order(self, order_id: OrderId) -> list[PaymentAttempt]:
        return [each for each in self._books.attempts.values() if each.order_id == order_id]

    async def due(self, *, before: datetime, limit: int) -> list[AttemptId]:
        due = sorted((a.check_at, a.id) for a in self._books.attempts.values() if a.check_at and a.check_at <= before)
        return [each for _, each in due[:limit]]

    async def hasten_queued(self, *, now: datetime, later_than: datetime, limit: int) -> list[AttemptId]:
        later = [a for a in await self.queue(limit=limit) if a.check_at and a.check_at > later_than]
        self._books.attempts |= {a.id: replace(a, check_at=now) for a in later}
        return [a.id for a in later]

    async def queue(self, *, limit: int) -> list[PaymentAttempt]:
        queued = (a for a in self._books.attempts.values() if a.state is AttemptState.QUEUED)
        return sorted(queued, key=lambda attempt: attempt.created_at)[:limit]

    async def queue_length(self) -> tuple[int, datetime | None]:
        queued = await self.queue(limit=len(self._books.attempts))
        return len(queued), min((attempt.queued_at for attempt in queued if attempt.queued_at), default=None)


class MemoryRefunds:
    """`RefundStore`. Like the table, it takes no more than was paid."""

    def __init__(self, books: Books, locked: set[CartId]) -> None:
        self._books = books
        self._locked = locked

    async def find(self, refund_id: RefundId) -> Refund | None:
        return self._books.refunds.get(refund_id)

    async def find_by_provider_id(self, provider_id: str) -> Refund | None:
        return next((each for each in self._books.refunds.values() if each.provider_id == provider_id), None)

    async def of_attempt(self, attempt_id: AttemptId) -> list[Refund]:
        return [each for each in self._books.refunds.values() if each.attempt_id == attempt_id]

    async def insert(self, refund: Refund) -> None:
        assert refund.id not in self._books.refunds
        await self._store(refund)

    async def save(self, refund: Refund) -> None:
        assert refund.id in self._books.refunds
        await self._store(refund)

    async def waiting(self, *, before: datetime, limit: int) -> list[RefundId]:
        waiting = [each for each in self._books.refunds.values() if each.state is RefundState.PENDING]
        return [each.id for each in waiting if each.updated_at <= before][:limit]

    async def _store(self, refund: Refund) -> None:
        attempt = self._books.attempts[refund.attempt_id]
        assert attempt.cart_id in self._locked, "a refund is stored under its cart's lock"
        self._books.refunds[refund.id] = refund
        others = await self.of_attempt(attempt.id)
        taken = sum(each.amount.minor for each in others if each.state is not RefundState.FAILED)
        assert taken <= attempt.amount.minor, "no more is given back than was paid"


def what_changed(before: Books, after: Books) -> set[Change]:
    """What somebody may be watching and is not what it was."""
    return {
        *(cart_changed(each) for each, cart in before.carts.items() if after.carts.get(each, cart) != cart),
        *(order_changed(each) for each, order in before.orders.items() if after.orders[each] != order),
        *(
            attempt_changed(each)
            for each, attempt in before.attempts.items()
            if after.attempts[each].state is not attempt.state
        ),
    }


def unwatched(before: Books, after: Books) -> set[AttemptId]:
    """Open attempts that have changed and that no job looks at by the time that they are due."""
    times = {job.key: job.not_before for job in after.jobs if job.kind == CHECK_PAYMENT}
    changed = [each for each in after.attempts.values() if before.attempts.get(each.id) != each and each.check_at]
    return {
        each.id
        for each in changed
        if str(each.id) not in times or (times[str(each.id)] or NOON) > (each.check_at or NOON)
    }


class MemoryKeys:
    """The part of `KeyStore` that use cases of carts and the checkout call."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def claim(self, call: KeyedCall, *, now: datetime, subject: UUID | None = None) -> Effect | None:
        earlier, effect = self._books.claims.get((call.scope, call.key), (call, None))
        if earlier.input_digest != call.input_digest:
            raise key_reused()
        if effect is None:
            self._books.claims[call.scope, call.key] = call, Effect(subject)
        return effect

    async def note(self, call: KeyedCall, faults: Sequence[ClientError]) -> None:
        claimed, effect = self._books.claims[call.scope, call.key]
        self._books.claims[call.scope, call.key] = claimed, replace(effect, faults=tuple(faults))


class MemoryJobs:
    """`JobStore`, of which nothing runs by itself: see `Books.take_due_jobs`."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def enqueue(self, *jobs: Job) -> None:
        self._books.jobs = merged(self._books.jobs, jobs)


@dataclass(frozen=True)
class KeptMessage:
    """A posted message, and what became of it."""

    message: Message
    state: MailState = MailState.WAITING
    reason: str | None = None
    ended_at: datetime | None = None


class MemoryMail:
    """`MailStore`, without times of its own: every message was posted at noon."""

    def __init__(self, books: Books, jobs: MemoryJobs) -> None:
        self._books = books
        self._jobs = jobs

    async def post(self, message: Message) -> None:
        if message.key not in self._books.mail:
            self._books.mail[message.key] = KeptMessage(message)
            await self._jobs.enqueue(Job(SEND_MAIL, {MESSAGE: message.key}, key=message.key))
            for key in message.supersedes:
                if key in self._books.mail:
                    self._end(key, MailState.SUPERSEDED, None, NOON)

    async def find_waiting(self, key: str) -> PostedMessage | None:
        kept = self._books.mail.get(key)
        return PostedMessage(kept.message, NOON) if kept and kept.state is MailState.WAITING else None

    async def mark_sent(self, key: str, *, now: datetime) -> None:
        self._end(key, MailState.SENT, None, now)

    async def mark_failed(self, key: str, reason: str, *, now: datetime) -> None:
        self._end(key, MailState.FAILED, reason, now)

    async def forget_ended(self, before: datetime, *, limit: int) -> int:
        old = [key for key, kept in self._books.mail.items() if kept.ended_at and kept.ended_at < before][:limit]
        for key in old:
            del self._books.mail[key]
        return len(old)

    def _end(self, key: str, state: MailState, reason: str | None, now: datetime) -> None:
        if self._books.mail[key].state is MailState.WAITING:
            self._books.mail[key] = replace(self._books.mail[key], state=state, reason=reason, ended_at=now)


class MemoryTransaction:
    """Every store on one copy of the books."""

    def __init__(
        self,
        books: Books,
        asked: list[list[VariantId]],
        before_hold: Callable[[Books], None],
        *,
        locked: set[CartId] | None = None,
    ) -> None:
        locked = set() if locked is None else locked
        self.carts = MemoryCarts(books, locked)
        self.offers = MemoryOffers(books, asked)
        self.stock = MemoryStock(books, before_hold)
        self.orders = MemoryOrders(books)
        self.attempts = MemoryAttempts(books, locked)
        self.refunds = MemoryRefunds(books, locked)
        self.keys = MemoryKeys(books)
        self.jobs = MemoryJobs(books)
        self.mail = MemoryMail(books, self.jobs)
        self.delivery = MemoryDelivery()
        self.taxes = MemoryTaxes(books)
        self.promotions = MemoryPromotions(books)
        self.changes: set[Change] = set()

    def announce_after_commit(self, *changes: Change) -> None:
        self.changes.update(changes)


class MemoryDelivery:
    """`DeliveryReader` at a flat rate."""

    async def options_to(self, place: Place) -> DeliveryOptions:
        return FlatRate(usd(490), 3, frozenset({"US", "CA"})).to(place)


class MemoryTaxes:
    """`TaxReader` with the same taxes everywhere."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def taxes_at(self, place: Place) -> Taxes:
        return self._books.taxes[-1]


class MemoryPromotions:
    """`PromotionStore`, where every promotion is counted."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._locked = False

    async def offered_to(self, cart_id: CartId, codes: Sequence[str], email: str | None, *, now: datetime) -> Offered:
        promotions = [each for each in self._books.promotions.values() if each.code is None or each.code in codes]
        return Offered(tuple(promotions))

    async def lock_limited(self, codes: Sequence[str], *, now: datetime) -> None:
        self._locked = True

    async def use(self, order_id: OrderId, email: str, applied: Sequence[AppliedPromotion]) -> None:
        assert self._locked, "a promotion is used under its lock"
        for each in applied:
            promotion = self._books.promotions[each.promotion.id]
            self._books.promotions[promotion.id] = replace(promotion, used=promotion.used + 1)
            self._books.uses.append((order_id, promotion.id))

    async def release(self, order_id: OrderId) -> None:
        for used_by, promotion_id in list(self._books.uses):
            if used_by == order_id:
                promotion = self._books.promotions[promotion_id]
                self._books.promotions[promotion_id] = replace(promotion, used=promotion.used - 1)
                self._books.uses.remove((used_by, promotion_id))


class MemoryTransactions:
    """Opens transactions.

    open_now: how many are under way; offers_asked: the ids of every reading of prices; announced: the changes of every
    commit that had some.
    """

    def __init__(self) -> None:
        self.books = Books()
        self.open_now = 0
        self.offers_asked: list[list[VariantId]] = []
        self.announced: list[set[Change]] = []
        self.before_hold: Callable[[Books], None] = lambda _: None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryTransaction]:
        async with self._turn:
            books = self.books.copied()
            self.open_now += 1
            try:
                transaction = MemoryTransaction(books, self.offers_asked, self.before_hold)
                yield transaction
                assert what_changed(self.books, books) <= transaction.changes, "what has changed is announced"
                assert unwatched(self.books, books) == set(), "an open attempt has a job"
                self.books = books
                if transaction.changes:
                    self.announced.append(transaction.changes)
            finally:
                self.open_now -= 1

    @asynccontextmanager
    async def read(self) -> AsyncIterator[MemoryTransaction]:
        yield MemoryTransaction(self.books.copied(), self.offers_asked, self.before_hold)


# ------------------------------------------------------------------------------------------------ provider and cache


class ScriptedGateway:
    """`PaymentGateway` that gives one answer after the other. calls: what it was asked, with the id it was asked by.

    An answer is an outcome, an exception to raise, or a function of what it was asked with.
    """

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._transactions = transactions
        self.answers: list[Any] = []
        self.calls: list[tuple[str, object]] = []

    async def charge(self, attempt: PaymentAttempt) -> PaymentOutcome:
        return await self._answer("charge", attempt.id, attempt)

    async def find(self, attempt: PaymentAttempt) -> PaymentOutcome | None:
        return await self._answer("find", attempt.id, attempt)

    async def look_up(self, intent_id: str) -> PaymentOutcome:
        return await self._answer("look_up", intent_id, intent_id)

    async def cancel(self, intent_id: str) -> PaymentOutcome:
        return await self._answer("cancel", intent_id, intent_id)

    async def refund(self, refund: Refund) -> RefundOutcome:
        return await self._answer("refund", refund.id, refund)

    async def find_refund(self, refund: Refund) -> RefundOutcome | None:
        return await self._answer("find_refund", refund.id, refund)

    async def close(self) -> None:
        """Nothing to end."""

    async def _answer(self, name: str, by: object, argument: object) -> Any:
        assert self._transactions.open_now == 0, "the provider is asked outside any transaction"
        self.calls.append((name, by))
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer(argument) if callable(answer) else answer


class MemoryCache:
    """`CacheStore` that forgets in time. gets, puts: how often it was asked."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self._drops = 0
        self.entries: dict[str, tuple[bytes, datetime]] = {}
        self.gets = 0
        self.puts = 0

    async def get_many(self, names: Sequence[str]) -> list[bytes | None]:
        self.gets += 1
        await asyncio.sleep(0)
        held = {key: value for key, (value, until) in self.entries.items() if self._clock.now() < until}
        return [held.get(key) for key in names]

    def put_many(self, entries: Mapping[str, bytes], *, seconds: int) -> None:
        self.puts += 1
        until = self._clock.now() + timedelta(seconds=seconds)
        self.entries |= {key: (value, until) for key, value in entries.items()}

    async def ping(self) -> bool:
        return True

    async def drop_tags(self, tags: Iterable[str]) -> None:
        self._drops += 1
        until = self._clock.now() + timedelta(hours=1)
        self.entries |= {f"cg:tag:{tag}": (b"drop %d" % self._drops, until) for tag in tags}


# ------------------------------------------------------------------------------------------------ a small shop


@dataclass
class MemoryShop:
    """Carts, stock and payments of a shop that delivers to the US and Canada for 4.90."""

    clock: FixedClock = field(default_factory=FixedClock)
    ids: CountingIds = field(default_factory=CountingIds)
    transactions: MemoryTransactions = field(default_factory=MemoryTransactions)

    def __post_init__(self) -> None:
        self.gateway = ScriptedGateway(self.transactions)
        self.desk = CartDesk(
            transactions=self.transactions,
            default_country="US",
            clock=self.clock,
            ids=self.ids,
            lifetime=timedelta(days=30),
        )
        notices = Notices(Storefront("https://shop.example"), OrderAccessTokens(b"secret", self.clock), "en")
        self.settle = SettlePayment(self.transactions, notices, self.clock)
        self.place_order = PlaceOrder(self.desk, self.transactions, self.gateway, self.settle, self._sleep)
        self.check_payments = CheckPayments(self.transactions, self.gateway, self.settle, self.clock)
        turns = self.desk.turns
        self.cancel_attempt = CancelAttempt(self.transactions, self.gateway, self.settle, self.clock, turns)
        self.cancel_order = CancelOrder(self.transactions, self.cancel_attempt, notices, self.clock, turns)
        self.settle_refund = SettleRefund(self.transactions, notices, self.clock)
        self.refund_order = RefundOrder(self.transactions, self.clock, self.ids)
        self.refund_payment = RefundPayment(self.transactions, self.gateway, self.settle_refund, self.clock)

    async def _sleep(self, seconds: float) -> None:
        self.clock.turn(seconds=seconds)
        await asyncio.sleep(0)

    @property
    def books(self) -> Books:
        """What is stored now."""
        return self.transactions.books

    def stock(
        self,
        number: int,
        *,
        on_hand: int = 10,
        price: int | None = 1_800,
        policy: StockPolicy = StockPolicy.DENY,
        requires_shipping: bool = True,
    ) -> VariantId:
        """Put a variant on the shelf. price: cents, None for one that is not sold."""
        variant_id = VariantId(number)
        self.books.offers[variant_id] = offer(number, price=price, requires_shipping=requires_shipping)
        self.books.levels[variant_id] = StockLevel(variant_id, policy, on_hand, 0)
        return variant_id

    def put_cart(self, *lines: CartLine, **values: Any) -> Cart:
        """Store a cart that an order may be placed with, unless the values say otherwise."""
        ready = {"email": "ada@example.com", "shipping_address": ADDRESS, "delivery_option_id": 1}
        stored = cart(*lines, now=self.clock.now(), **(ready | values))
        self.books.carts[stored.id] = stored
        return stored

    def level(self, variant_id: VariantId) -> tuple[int, int]:
        """On hand and reserved."""
        level = self.books.levels[variant_id]
        return level.on_hand, level.reserved


def offer(number: int, *, price: int | None = 1_800, requires_shipping: bool = True) -> Offer:
    """An offer. price: cents, None for a variant that is not sold."""
    return Offer(
        variant_id=VariantId(number),
        product_name=f"Product {number}",
        variant_name="Blue",
        sku=f"SKU-{number}",
        price=None if price is None else usd(price),
        requires_shipping=requires_shipping,
    )


def line(number: int, variant_id: int, quantity: int = 1, *, price: int = 1_800, **attributes: str) -> CartLine:
    """A cart line. price: cents, when it was added."""
    pairs = tuple(KeyValue(key, attributes[key]) for key in sorted(attributes))
    return CartLine(CartLineId(UUID(int=1_000_000 + number)), VariantId(variant_id), quantity, usd(price), pairs)


def cart(*lines: CartLine, now: datetime = NOON, **values: Any) -> Cart:
    """An open cart with these lines."""
    plain = {
        "id": CartId(UUID(int=7_000_000)),
        "version": 1,
        "state": CartState.ACTIVE,
        "currency": USD,
        "created_at": now,
        "updated_at": now,
        "expires_at": now + timedelta(days=30),
    }
    return Cart(lines=lines, **(plain | values))


def request(of: Cart, total: int, *, key: str = "key-1", **values: Any) -> CheckoutRequest:
    """What a buyer sends who accepts so many cents."""
    plain = {"method": PaymentMethod(confirmation_token="ctoken_1"), "expected_total": usd(total)}
    return CheckoutRequest(cart_id=of.id, idempotency_key=key, **(plain | values))


def outcome(state: AttemptState, amount: Money, **values: Any) -> PaymentOutcome:
    """What the provider says of a payment."""
    return PaymentOutcome(state, values.pop("intent_id", "pi_1"), amount, **values)
