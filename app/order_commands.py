"""What `cartograph orders show` and `refund` do, given a shop: for its people, until there is an API for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from app.bootstrap import Shop
from app.checkout.refund_order import MAX_REASON_LENGTH
from app.core.card_data import has_card_number
from app.core.errors import InvalidInput, NotFound, PaymentsUnavailable
from app.core.money import Money
from app.core.printable import printable
from app.orders.domain import Order, OrderEvent
from app.payments.domain import PaymentAttempt
from app.payments.refunds import Refund, RefundState, left_of

OK, FAILED = 0, 1
_LARGEST_NUMBER = 2**31 - 1  # that the database counts to


async def show(shop: Shop, number: str) -> int:
    """An order: its lines, its payments with their refunds, and what happened to it."""
    order = await _order(shop, number)
    async with shop.transactions.read() as tx:
        attempts = await tx.attempts.of_order(order.id)
        refunds = {attempt.id: await tx.refunds.of_attempt(attempt.id) for attempt in attempts}
    events = (await shop.services.readers.orders.events_by_order_ids([order.id])).get(order.id, ())
    for line in _heading(order):
        print(printable(line))
    for attempt in attempts:
        for line in _payment(attempt, refunds[attempt.id]):
            print(printable(line))
    for event in events:
        print(printable(_event(event)))
    return OK


async def refund(shop: Shop, number: str, *, amount: str | None, reason: str, restock: bool) -> int:
    """Give money back for an order and tell how that went; what the provider does not answer is left to the worker."""
    if not 0 < len(reason) <= MAX_REASON_LENGTH:
        raise InvalidInput(f"--reason: 1 to {MAX_REASON_LENGTH} characters")
    if has_card_number(reason):
        raise InvalidInput("--reason: it has a card number, which must not be kept")
    order = await _order(shop, number)
    wanted = None if amount is None else _money(amount, order)
    begun = await shop.refund_order(order.id, wanted, reason=reason, restock=restock)
    if restock:
        print("the units are on the shelf again")
    try:
        ended = await shop.refund_payment(begun.id)
    except PaymentsUnavailable:
        print(f"{begun.amount} will be given back: the payment provider does not answer, the worker goes on trying")
        return OK
    if ended.state is RefundState.FAILED:
        cause = printable(ended.failure or "it gave no reason")
        print(f"cartograph: nothing was given back, the payment provider refused it: {cause}", file=sys.stderr)
        return FAILED
    done = "were given back" if ended.state is RefundState.SUCCEEDED else "are on their way: the bank takes its time"
    print(f"{ended.amount} {done}; {await _left(shop, ended)} of the payment are left")
    return OK


async def _order(shop: Shop, number: str) -> Order:
    digits = number.removeprefix("#")
    found = None
    if digits.isascii() and digits.isdecimal() and int(digits) <= _LARGEST_NUMBER:
        async with shop.transactions.read() as tx:
            found = await tx.orders.find_by_number(int(digits))
    if found is None:
        raise NotFound(f"there is no order {printable(number)}")
    return found


def _money(amount: str, order: Order) -> Money:
    try:
        return Money.parse(amount, order.currency)
    except ValueError as error:
        raise InvalidInput(f"--amount: {error}") from None


async def _left(shop: Shop, ended: Refund) -> Money:
    async with shop.transactions.read() as tx:
        attempt = await tx.attempts.find(ended.attempt_id)
        refunds = await tx.refunds.of_attempt(ended.attempt_id)
    return left_of(attempt.amount if attempt else ended.amount, refunds)


def _heading(order: Order) -> Iterator[str]:
    states = ", ".join(
        each.value.lower().replace("_", " ") for each in (order.status, order.payment_status, order.fulfillment_status)
    )
    yield f"order {order.number}: {states}"
    yield f"  placed {order.placed_at:%Y-%m-%d %H:%M}Z by {order.email}, {order.cost.total} in all"
    for line in order.lines:
        yield f"  {line.quantity} × {line.product_name} ({line.sku})  {line.total}"


def _payment(attempt: PaymentAttempt, refunds: list[Refund]) -> Iterator[str]:
    card = f", {attempt.card_brand} {attempt.card_last4}" if attempt.card_last4 else ""
    wanted = ", canceled by the buyer" if attempt.cancel_requested_at else ""
    state = attempt.state.value.lower().replace("_", " ")
    yield f"payment of {attempt.amount}: {state}{card}{wanted}  {attempt.intent_id or ''}".rstrip()
    for each in refunds:
        cause = f": {each.failure}" if each.failure else ""
        yield (
            f"  refund of {each.amount}: {each.state.value}{cause}  {each.created_at:%Y-%m-%d %H:%M}Z"
            f"  “{each.reason}”  {each.provider_id or ''}"
        ).rstrip()


def _event(event: OrderEvent) -> str:
    return f"{event.at:%Y-%m-%d %H:%M:%S}Z  {event.kind}  {event.message}"
