"""The log of states: written by the database itself, which refuses what the state machines do not draw."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.bootstrap import Shop
from app.core.ids import decode
from app.core.state_machine import StateMachine
from app.inventory.domain import RESERVATION_LIFE
from app.orders.domain import ORDER_LIFE, ORDER_PAYMENT
from app.payments.domain import ATTEMPT_LIFE
from app.payments.refunds import REFUND_LIFE
from tests.shopkeeping import Api, Shopkeeper, Stocked

MACHINES: tuple[StateMachine[Any], ...] = (ATTEMPT_LIFE, ORDER_LIFE, ORDER_PAYMENT, RESERVATION_LIFE, REFUND_LIFE)


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=5)


@pytest.fixture
async def attempt_id(api: Api, mug: Stocked) -> uuid.UUID:
    """A paid attempt."""
    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 2)))
    return decode(outcome["attempt"]["id"])[1]


async def logged(shop: Shop, machine: str, subject: str) -> list[tuple[str, str]]:
    async with shop.database.read_fresh() as connection:
        query = text(
            "SELECT before, after FROM state_change WHERE machine = :machine AND subject = :subject ORDER BY id"
        )
        return [tuple(row) for row in await connection.execute(query, {"machine": machine, "subject": subject})]


async def test_the_database_has_the_edges_that_the_code_has(shop: Shop) -> None:
    async with shop.database.read_fresh() as connection:
        rows = await connection.execute(text("SELECT machine, before, after FROM state_edge"))
        stored = {tuple(row) for row in rows}

    assert stored == {(machine.name, *edge) for machine in MACHINES for edge in machine.drawn()}


async def test_every_transition_of_a_checkout_is_logged(shop: Shop, mug: Stocked, attempt_id: uuid.UUID) -> None:
    async with shop.database.read_fresh() as connection:
        query = text("SELECT order_id FROM payment_attempt WHERE id = :id")
        order_id = (await connection.execute(query, {"id": attempt_id})).scalar_one()

    assert await logged(shop, "attempt", str(attempt_id)) == [("", "pending"), ("pending", "succeeded")]
    assert await logged(shop, "order", str(order_id)) == [("", "pending"), ("pending", "confirmed")]
    assert await logged(shop, "order_payment", str(order_id)) == [("", "pending"), ("pending", "paid")]
    assert await logged(shop, "reservation", f"{order_id}/{mug.variant_id}") == [("", "held"), ("held", "sold")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payment_attempt SET state = 'queued', check_at = now() WHERE id = :id",
        "UPDATE payment_attempt SET state = 'failed' WHERE id = :id",
        "UPDATE orders SET status = 'pending' WHERE id = (SELECT order_id FROM payment_attempt WHERE id = :id)",
        "UPDATE orders SET payment_status = 'failed' WHERE id = (SELECT order_id FROM payment_attempt WHERE id = :id)",
        "UPDATE reservation SET state = 'held' WHERE order_id = (SELECT order_id FROM payment_attempt WHERE id = :id)",
    ],
)
async def test_a_transition_that_is_not_drawn_is_refused_whoever_attempts_it(
    shop: Shop, attempt_id: uuid.UUID, statement: str
) -> None:
    with pytest.raises(IntegrityError, match="state_change_machine_fkey"):
        async with shop.database.write() as connection:
            await connection.execute(text(statement), {"id": attempt_id})


async def test_a_change_of_something_else_is_no_transition(shop: Shop, attempt_id: uuid.UUID) -> None:
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE payment_attempt SET state = state WHERE id = :id"), {"id": attempt_id})

    assert len(await logged(shop, "attempt", str(attempt_id))) == 2
