"""What `cartograph payments queue`, `retry` and `abandon` do, given a shop."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

from app.bootstrap import Shop
from app.core.errors import InvalidInput
from app.payments.domain import PaymentAttempt

OK, FAILED = 0, 1
MAX_SHOWN = 1_000


async def queue(shop: Shop) -> int:
    """A line for each queued payment, the oldest first; then how many there are."""
    waiting = await shop.payment_queue(limit=MAX_SHOWN)
    numbers = await _numbers(shop, waiting)
    for attempt in waiting:
        since, due = attempt.queued_at or attempt.created_at, attempt.check_at or attempt.updated_at
        sent = "may have been charged" if attempt.sent_at else "never sent"
        wanted = ", canceled by the buyer" if attempt.cancel_requested_at else ""
        print(
            f"{numbers[attempt]}  {attempt.amount}  since {since:%Y-%m-%d %H:%M}Z  asked {attempt.tries} times  "
            f"next {due:%H:%M:%S}Z  {sent}{wanted}"
        )
    length = await shop.payment_queue.length()
    print(f"{length.payments:,} queued" if length.payments else "No payment is queued.")
    return OK


async def retry(shop: Shop, numbers: Sequence[str], *, every: bool) -> int:
    """Have the worker try payments at once; all that are named must be queued."""
    by_number = await _queued(shop)
    if not _are_queued(numbers, by_number):
        return FAILED
    chosen = [by_number[number].id for number in (by_number if every else numbers)]
    print(f"{await shop.payment_queue.retry(chosen):,} are tried now")
    return OK


async def abandon(shop: Shop, numbers: Sequence[str]) -> int:
    """Give payments up as if their buyers had, who are written to; all that are named must be queued.

    A payment that has gone through meanwhile is left alone.
    """
    by_number = await _queued(shop)
    if not _are_queued(numbers, by_number):
        return FAILED
    has_failed = False
    for number in dict.fromkeys(numbers):
        attempt = by_number[number]
        try:
            left = await shop.services.cancel_attempt(attempt.id, caller=attempt.customer_id)
        except InvalidInput as error:
            print(f"cartograph: order {number}: {error.message}", file=sys.stderr)
            has_failed = True
            continue
        ended = "canceled" if left.state.is_final else "is canceled once the provider says that nothing was charged"
        print(f"{number}  {ended}")
    return FAILED if has_failed else OK


async def _queued(shop: Shop) -> dict[str, PaymentAttempt]:
    """What waits, by the orders' numbers, the oldest first."""
    waiting = await shop.payment_queue(limit=MAX_SHOWN)
    return {number: attempt for attempt, number in (await _numbers(shop, waiting)).items()}


def _are_queued(numbers: Sequence[str], queued: Collection[str]) -> bool:
    """Whether all of these are; says which are not."""
    unknown = [number for number in numbers if number not in queued]
    if unknown:
        print(
            f"cartograph: no payment of order {', '.join(unknown)} is queued: see `cartograph payments queue`",
            file=sys.stderr,
        )
    return not unknown


async def _numbers(shop: Shop, attempts: Sequence[PaymentAttempt]) -> dict[PaymentAttempt, str]:
    orders = await shop.services.readers.orders.orders_by_ids([attempt.order_id for attempt in attempts])
    return {attempt: orders[attempt.order_id].number for attempt in attempts}
