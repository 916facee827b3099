"""What the tables themselves refuse: unique indexes and CHECKs, as `app.database.tables` has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from app.core.stock import StockPolicy
from app.orders.domain import OrderStatus
from app.payments.domain import AttemptState
from tests.unit.fakes import Books


def broken_constraints(books: Books) -> list[str]:
    """The constraints that these books break."""
    return [*_unique(books), *_checks(books)]


def _unique(books: Books) -> Iterator[str]:
    attempts = list(books.attempts.values())
    live = [each for each in attempts if each.state not in (AttemptState.FAILED, AttemptState.CANCELED)]
    yield from _twice("orders_one_per_cart_idx", _carts_of_orders(books))
    yield from _twice("payment_attempt_cart_id_idempotency_key", ((a.cart_id, a.idempotency_key) for a in attempts))
    yield from _twice("payment_attempt_one_live_idx", (a.order_id for a in live))
    yield from _twice("payment_attempt_intent_id", (a.intent_id for a in attempts if a.intent_id))


def _carts_of_orders(books: Books) -> Iterator[object]:
    return (order.cart_id for order in books.orders.values() if order.status is not OrderStatus.CANCELED)


def _twice(name: str, keys: Iterable[object]) -> Iterator[str]:
    return (f"{name}: {key} is there {count} times" for key, count in Counter(keys).items() if count > 1)


def _checks(books: Books) -> Iterator[str]:
    for level in books.levels.values():
        if level.reserved < 0 or (level.policy is StockPolicy.DENY and level.reserved > level.on_hand):
            yield f"stock: {level.reserved} of {level.on_hand} reserved"
    for attempt in books.attempts.values():
        if (attempt.check_at is None) != attempt.state.is_final:
            yield f"open_ones_are_checked: {attempt.state} and {attempt.check_at}"
