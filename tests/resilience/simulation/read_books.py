"""The facts of a simulated run, out of its books and the provider's ledger."""

from __future__ import annotations

from app.core.stock import StockPolicy
from app.orders.domain import Order
from tests.resilience.facts import (
    AttemptFact,
    EventFact,
    Facts,
    MailFact,
    MoneyFact,
    OrderFact,
    OrderLineFact,
    RefundFact,
    ReservationFact,
    StockFact,
)
from tests.resilience.simulation.buyers import Crowd
from tests.resilience.simulation.state_log import EDGES
from tests.resilience.simulation.world import World


def facts_of(world: World, crowd: Crowd) -> Facts:
    """Everything that is to be judged."""
    books = world.database.books
    orders = {str(each.id): str(each.order_id) for each in (*books.attempts.values(), *books.refunds.values())}
    orders |= {str(order_id): str(order_id) for order_id in books.orders}
    return Facts(
        orders=tuple(_order(order) for order in books.orders.values()),
        attempts=tuple(
            AttemptFact(
                id=str(each.id),
                order_id=str(each.order_id),
                cart_id=str(each.cart_id),
                state=each.state.value.lower(),
                amount=each.amount.minor,
                currency=each.amount.currency,
                intent_id=each.intent_id,
            )
            for each in books.attempts.values()
        ),
        reservations=tuple(
            ReservationFact(str(order_id), variant_id, units, state.value)
            for (order_id, variant_id), (units, state) in books.reservations.items()
        ),
        stock=tuple(
            StockFact(
                level.variant_id,
                level.on_hand,
                level.reserved,
                denies=level.policy is StockPolicy.DENY,
                initial=crowd.initial[level.variant_id],
            )
            for level in books.levels.values()
        ),
        refunds=tuple(
            RefundFact(str(each.id), str(each.order_id), each.amount.minor, each.state.value)
            for each in books.refunds.values()
        ),
        log=tuple(world.database.log),
        events=tuple(EventFact(str(event.order_id), event.kind) for event in books.events),
        ledger=tuple(
            MoneyFact(
                movement=entry.movement,
                amount=entry.amount,
                currency=entry.currency,
                intent_id=entry.payment_intent,
                attempt_id=entry.metadata.get("attempt_id"),
                order_id=entry.metadata.get("order_id"),
                refund_id=entry.refund,
            )
            for entry in world.provider.store.ledger
        ),
        mails=tuple(
            MailFact(key, kept.message.template, orders.get(key.partition(":")[2], ""))
            for key, kept in books.mail.items()
        ),
        accepted={str(cart_id): frozenset(totals) for cart_id, totals in crowd.accepted.items()},
        edges=EDGES,
        alerted=world.hit["alert"],
        texts={"logs": "\n".join(world.logs)},
    )


def _order(order: Order) -> OrderFact:
    return OrderFact(
        id=str(order.id),
        cart_id=str(order.cart_id),
        status=order.status.value.lower(),
        payment_status=order.payment_status.value.lower(),
        currency=order.currency,
        subtotal=order.cost.subtotal.minor,
        discount=order.cost.discount.minor,
        shipping=order.cost.shipping.minor,
        tax=order.cost.tax.minor,
        total=order.cost.total.minor,
        lines=tuple(
            OrderLineFact(each.variant_id, each.quantity, each.unit_price.minor, each.discount.minor, each.total.minor)
            for each in order.lines
        ),
    )
