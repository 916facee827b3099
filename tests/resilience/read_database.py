"""The facts of a run against real servers: rows of PostgreSQL, values of Redis, logs, the emulator's ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.bootstrap import Shop
from tests.resilience.card_witness import card_numbers_anywhere
from tests.resilience.facts import (
    AttemptFact,
    Edge,
    EventFact,
    Facts,
    MailFact,
    MoneyFact,
    OrderFact,
    OrderLineFact,
    RefundFact,
    ReservationFact,
    StockFact,
    Transition,
)


async def database_facts(
    shop: Shop,
    emulator: httpx.AsyncClient,
    *,
    accepted: Mapping[str, frozenset[int]],
    initial: Mapping[int, int],
    alerted: int,
    logs: Iterable[Path],
) -> Facts:
    """Everything that is to be judged. The shop's database and the emulator are the run's own."""
    async with shop.database.read_fresh() as connection:
        rows = _Rows(connection)
        return Facts(
            orders=await _orders(rows),
            attempts=tuple(
                AttemptFact(
                    str(row.id),
                    str(row.order_id),
                    str(row.cart_id),
                    row.state,
                    row.amount_minor,
                    row.currency,
                    row.intent_id,
                )
                for row in await rows.of("SELECT * FROM payment_attempt")
            ),
            reservations=tuple(
                ReservationFact(str(row.order_id), row.variant_id, row.quantity, row.state)
                for row in await rows.of("SELECT * FROM reservation")
            ),
            stock=tuple(
                StockFact(row.variant_id, row.on_hand, row.reserved, row.policy == "deny", initial.get(row.variant_id))
                for row in await rows.of("SELECT * FROM stock WHERE policy <> 'untracked'")
            ),
            refunds=tuple(
                RefundFact(str(row.id), str(row.order_id), row.amount_minor, row.state)
                for row in await rows.of("SELECT * FROM refund")
            ),
            log=tuple(
                Transition(row.machine, row.subject, row.before, row.after)
                for row in await rows.of("SELECT * FROM state_change ORDER BY id")
            ),
            events=tuple(
                EventFact(str(row.order_id), row.kind) for row in await rows.of("SELECT * FROM order_event ORDER BY id")
            ),
            mails=await _mails(rows),
            ledger=await _ledger(emulator),
            accepted=accepted,
            edges=frozenset(
                Edge(row.machine, row.before, row.after) for row in await rows.of("SELECT * FROM state_edge")
            ),
            alerted=alerted,
            card_places=tuple(
                await card_numbers_anywhere(
                    database_url=shop.settings.database_url.get_secret_value(),
                    redis_url=shop.settings.redis_url.get_secret_value(),
                    logs=logs,
                )
            ),
        )


class _Rows:
    """Rows of statements on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, statement: str) -> list[Any]:
        return list(await self._connection.execute(text(statement)))


async def _orders(rows: _Rows) -> tuple[OrderFact, ...]:
    lines: defaultdict[Any, list[OrderLineFact]] = defaultdict(list)
    for row in await rows.of("SELECT * FROM order_line ORDER BY order_id, position"):
        fact = OrderLineFact(row.variant_id, row.quantity, row.unit_price_minor, row.discount_minor, row.total_minor)
        lines[row.order_id].append(fact)
    return tuple(
        OrderFact(
            id=str(row.id),
            cart_id=str(row.cart_id),
            status=row.status,
            payment_status=row.payment_status,
            currency=row.currency,
            subtotal=row.subtotal_minor,
            discount=row.discount_minor,
            shipping=row.shipping_minor,
            tax=row.tax_minor,
            total=row.total_minor,
            lines=tuple(lines[row.id]),
        )
        for row in await rows.of("SELECT * FROM orders")
    )


async def _mails(rows: _Rows) -> tuple[MailFact, ...]:
    """The messages, each with the order that it is about, or whose attempt or refund it is about."""
    about = """SELECT id, order_id FROM payment_attempt UNION ALL SELECT id, order_id FROM refund
               UNION ALL SELECT id, id FROM orders"""
    orders = {str(row.id): str(row.order_id) for row in await rows.of(about)}
    return tuple(
        MailFact(row.key, row.template, orders.get(row.key.partition(":")[2], ""))
        for row in await rows.of("SELECT key, template FROM mail_message")
    )


async def _ledger(emulator: httpx.AsyncClient) -> tuple[MoneyFact, ...]:
    entries = (await emulator.get("/_emulator/ledger")).json()["entries"]
    return tuple(
        MoneyFact(
            movement=entry["movement"],
            amount=entry["amount"],
            currency=entry["currency"],
            intent_id=entry["payment_intent"],
            attempt_id=entry["metadata"].get("attempt_id"),
            order_id=entry["metadata"].get("order_id"),
            refund_id=entry["refund"],
        )
        for entry in entries
    )
