"""Orders whose books are damaged behind the shop's back, in ways that each have an end of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import stamina

from app.core.ids import decode
from app.payments.findings import FindingKind
from tests.provider_stand import ProviderStand
from tests.shopkeeping import Stocked

NEVER = "'2200-01-01'"
PAID = ("confirmed", "paid", "succeeded")
FAILED = ("canceled", "failed", "failed")
WAITING = ("pending", "action_required", "action_required")


@dataclass(frozen=True, slots=True)
class Placed:
    """An order of the test: what it was paid with, and its keys."""

    how: str
    attempt_id: UUID
    order_id: UUID
    cart_id: UUID


async def place(stand: ProviderStand, mug: Stocked, how: str) -> Placed:
    """An order, paid as `how` says; what the provider knows of it may not be known here."""
    if how in ("processing", "lost"):
        await stand.provider.fault(how, when="during" if how == "processing" else "after", times=None)
    cards = {"declined": "pm_card_chargeDeclined", "failing": "pm_card_threeDSecureRequiredChargeDeclined"}
    if how in ("approved", "waiting"):
        cards[how] = "pm_card_threeDSecure2Required"
    cart = await stand.api.ready_cart((mug.variant_id, 1))
    with stamina.set_testing(True, attempts=1):
        outcome = await stand.api.checkout(cart, pay=cards.get(how, "pm_card_visa"))
    if how in ("processing", "lost"):
        await stand.provider.http.delete("/_emulator/faults")
        stand.shop.gateway.breaker.reset()
    attempt = outcome.get("attempt") or outcome["failed"]
    if how in ("approved", "failing"):
        await stand.provider.answer_bank(outcome["clientSecret"], "succeed")
    if how == "processing":
        await stand.provider.settle(attempt["id"], "succeed")
    key = decode(attempt["id"])[1]
    [(order_id, cart_id)] = await stand.rows("SELECT order_id, cart_id FROM payment_attempt WHERE id = :id", id=key)
    return Placed(how, UUID(str(key)), UUID(str(order_id)), UUID(str(cart_id)))


async def states(stand: ProviderStand, placed: Placed) -> tuple[str | None, ...]:
    """Status, payment status and attempt of an order; None for what is not there."""
    query = """
        SELECT orders.status, orders.payment_status, attempt.state FROM (SELECT 1) AS one
        LEFT JOIN orders ON orders.id = :order_id LEFT JOIN payment_attempt AS attempt ON attempt.id = :attempt_id"""
    [row] = await stand.rows(query, order_id=placed.order_id, attempt_id=placed.attempt_id)
    return row


# ------------------------------------------------------------------------------------------------ damage


@dataclass(frozen=True, slots=True)
class Damage:
    """A way in which books are damaged behind the shop's back.

    of: the kind of orders it is done to; becomes: what the order is in the end, None for whatever it was damaged to;
    told: what a person is told.
    """

    name: str
    of: str
    statements: tuple[str, ...]
    becomes: tuple[str | None, ...] | None = PAID
    told: frozenset[str] = field(default_factory=frozenset)


def told(*kinds: FindingKind) -> frozenset[str]:
    return frozenset(kind.value for kind in kinds)


DAMAGES = (
    Damage(
        "an attempt is pending though it was paid",
        "paid",
        ("UPDATE payment_attempt SET state = 'pending', check_at = now() + interval '1 hour' WHERE id = :attempt_id",),
    ),
    Damage(
        "an attempt has forgotten its payment and when to look at it",
        "paid",
        (
            "UPDATE payment_attempt SET state = 'queued', intent_id = NULL, sent_at = now(),"
            f" check_at = {NEVER} WHERE id = :attempt_id",
        ),
    ),
    Damage(
        "an order is unpaid though its attempt succeeded",
        "paid",
        ("UPDATE orders SET status = 'pending', payment_status = 'pending' WHERE id = :order_id",),
    ),
    Damage(
        "an order waits for the bank though its attempt succeeded",
        "approved",
        ("UPDATE orders SET payment_status = 'action_required' WHERE id = :order_id",),
    ),
    Damage(
        "the units of a paid order are still held",
        "paid",
        (
            "UPDATE reservation SET state = 'held', ended_at = NULL WHERE order_id = :order_id",
            "UPDATE stock SET on_hand = on_hand + 1, reserved = reserved + 1 WHERE variant_id = :variant_id",
        ),
    ),
    Damage(
        "the cart of a paid order is still in checkout",
        "paid",
        ("UPDATE cart SET state = 'in_checkout' WHERE id = :cart_id",),
    ),
    Damage(
        "the order of a refused payment still waits for it",
        "declined",
        (
            "UPDATE orders SET status = 'pending', payment_status = 'pending' WHERE id = :order_id",
            "UPDATE reservation SET state = 'held', ended_at = NULL WHERE order_id = :order_id",
            "UPDATE stock SET reserved = reserved + 1 WHERE variant_id = :variant_id",
            "UPDATE cart SET state = 'in_checkout' WHERE id = :cart_id",
        ),
        becomes=FAILED,
    ),
    Damage(
        "an open attempt has lost its job and its time",
        "waiting",
        (
            "DELETE FROM jobs.job WHERE dedupe_key = 'settle_payment:' || CAST(CAST(:attempt_id AS uuid) AS text)",
            f"UPDATE payment_attempt SET check_at = {NEVER} WHERE id = :attempt_id",
        ),
        becomes=WAITING,
    ),
    Damage(
        "an attempt is for another amount than was paid",
        "paid",
        ("UPDATE payment_attempt SET amount_minor = amount_minor + 100 WHERE id = :attempt_id",),
        told=told(FindingKind.AMOUNT_DIFFERS),
        becomes=None,
    ),
    Damage(
        "an order has another total than was paid",
        "paid",
        (
            "UPDATE orders SET subtotal_minor = subtotal_minor + 100, total_minor = total_minor + 100"
            " WHERE id = :order_id",
        ),
        told=told(FindingKind.TOTAL_DIFFERS),
        becomes=None,
    ),
    Damage(
        "an attempt is gone",
        "paid",
        ("DELETE FROM payment_attempt WHERE id = :attempt_id",),
        told=told(FindingKind.PAID_WITHOUT_ATTEMPT, FindingKind.NOT_PAID),
        becomes=None,
    ),
    Damage(
        "an order is gone",
        "paid",
        ("DELETE FROM orders WHERE id = :order_id",),
        told=told(FindingKind.ORDER_MISSING),
        becomes=None,
    ),
    Damage(
        "a paid order is canceled",
        "paid",
        ("UPDATE orders SET status = 'canceled', payment_status = 'failed' WHERE id = :order_id",),
        told=told(FindingKind.CANCELED_BUT_PAID),
        becomes=None,
    ),
    Damage(
        "the attempt of a paid order is canceled",
        "paid",
        ("UPDATE payment_attempt SET state = 'canceled', check_at = NULL WHERE id = :attempt_id",),
        told=told(FindingKind.ORDER_STATE),
        becomes=None,
    ),
    Damage(
        "an order is paid though its payment was refused",
        "declined",
        ("UPDATE orders SET status = 'confirmed', payment_status = 'paid' WHERE id = :order_id",),
        told=told(FindingKind.NOT_PAID),
        becomes=None,
    ),
    Damage(
        "an attempt has succeeded though its payment was refused",
        "declined",
        ("UPDATE payment_attempt SET state = 'succeeded' WHERE id = :attempt_id",),
        told=told(FindingKind.NOT_PAID),
        becomes=None,
    ),
    Damage(
        "the units of a paid order are on sale again",
        "paid",
        ("UPDATE reservation SET state = 'released' WHERE order_id = :order_id",),
        told=told(FindingKind.STOCK_DIFFERS),
        becomes=None,
    ),
)


async def damage(stand: ProviderStand, mug: Stocked, placed: Placed, how: Damage) -> None:
    keys = {"attempt_id": placed.attempt_id, "order_id": placed.order_id, "cart_id": placed.cart_id}
    values = {**keys, "variant_id": mug.variant_id}
    for statement in how.statements:
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        await stand.execute(statement, **used)
