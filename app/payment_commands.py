"""What `cartograph payments queue` and `retry` do, given a shop."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from app.bootstrap import Shop
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
    waiting = await shop.payment_queue(limit=MAX_SHOWN)
    by_number = {number: attempt for attempt, number in (await _numbers(shop, waiting)).items()}
    unknown = [number for number in numbers if number not in by_number]
    if unknown:
        print(
            f"cartograph: no payment of order {', '.join(unknown)} is queued: see `cartograph payments queue`",
            file=sys.stderr,
        )
        return FAILED
    chosen = waiting if every else [by_number[number] for number in numbers]
    print(f"{await shop.payment_queue.retry([attempt.id for attempt in chosen]):,} are tried now")
    return OK


async def _numbers(shop: Shop, attempts: Sequence[PaymentAttempt]) -> dict[PaymentAttempt, str]:
    orders = await shop.services.readers.orders.orders_by_ids([attempt.order_id for attempt in attempts])
    return {attempt: orders[attempt.order_id].number for attempt in attempts}
