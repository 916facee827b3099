"""The last line: what the database itself refuses, whatever the code above believes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.bootstrap import Shop
from app.core.ids import decode
from app.core.stock import StockPolicy
from tests.shopkeeping import Api, Shopkeeper, Stocked


async def refused(shop: Shop, constraint: str, statement: str, **parameters: object) -> None:
    """The statement breaks this constraint."""
    with pytest.raises(IntegrityError) as caught:
        async with shop.database.write() as connection:
            await connection.execute(text(statement), parameters)
    assert f'"{constraint}"' in str(caught.value.orig)


@pytest.fixture
async def mug(keeper: Shopkeeper) -> Stocked:
    return await keeper.stock("Mug", on_hand=5)


@pytest.fixture
async def paid(api: Api, shop: Shop, mug: Stocked) -> dict[str, Any]:
    """The keys of a paid order of two mugs."""
    cart = await api.ready_cart((mug.variant_id, 2))
    outcome = await api.checkout(cart)
    cart_id = decode(cart["id"])[1]
    async with shop.database.read_fresh() as connection:
        row = (await connection.execute(text("SELECT id FROM orders WHERE cart_id = :c"), {"c": cart_id})).one()
    return {"cart": cart_id, "order": row.id, "attempt": decode(outcome["attempt"]["id"])[1]}


@pytest.mark.parametrize("change", ["reserved = 6", "on_hand = -1", "on_hand = 2, reserved = 3"])
async def test_stock_is_never_oversold(shop: Shop, keeper: Shopkeeper, mug: Stocked, change: str) -> None:
    await refused(
        shop, "stock_never_oversold_check", f"UPDATE stock SET {change} WHERE variant_id = :id", id=mug.variant_id
    )

    assert await keeper.level(mug.variant_id) == (5, 0)


async def test_reserved_units_are_never_negative(shop: Shop, keeper: Shopkeeper, mug: Stocked) -> None:
    statement = "UPDATE stock SET reserved = -1 WHERE variant_id = :id"

    await refused(shop, "stock_reserved_not_negative_check", statement, id=mug.variant_id)

    assert await keeper.level(mug.variant_id) == (5, 0)


async def test_only_counted_stock_ends_at_zero(shop: Shop, keeper: Shopkeeper) -> None:
    later = await keeper.stock("Later", on_hand=0, policy=StockPolicy.BACKORDER)

    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE stock SET reserved = 4 WHERE variant_id = :id"), {"id": later.variant_id})

    assert await keeper.level(later.variant_id) == (0, 4)
    back_to_counted = "UPDATE stock SET policy = 'deny' WHERE variant_id = :id"
    await refused(shop, "stock_never_oversold_check", back_to_counted, id=later.variant_id)
    await refused(
        shop,
        "stock_policy_known_check",
        "UPDATE stock SET policy = 'maybe' WHERE variant_id = :id",
        id=later.variant_id,
    )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("total_minor = total_minor - 1", "orders_adds_up_check"),
        ("total_minor = 0", "orders_adds_up_check"),
        ("shipping_minor = 0", "orders_adds_up_check"),
        ("discount_minor = 100", "orders_adds_up_check"),
        ("tax_minor = 1", "orders_adds_up_check"),
        ("discount_minor = -1, total_minor = total_minor + 1", "orders_not_negative_check"),
        ("subtotal_minor = -1000, total_minor = -510", "orders_not_negative_check"),
        ("status = 'lost'", "orders_status_known_check"),
    ],
)
async def test_an_order_adds_up(shop: Shop, paid: dict[str, Any], change: str, constraint: str) -> None:
    await refused(shop, constraint, f"UPDATE orders SET {change} WHERE id = :id", id=paid["order"])


@pytest.mark.parametrize(
    "change", ["quantity = 0", "quantity = 3", "total_minor = 0", "unit_price_minor = 1", "discount_minor = 1"]
)
async def test_a_line_of_an_order_adds_up(shop: Shop, paid: dict[str, Any], change: str) -> None:
    statement = f"UPDATE order_line SET {change} WHERE order_id = :id"

    await refused(shop, "order_line_adds_up_check", statement, id=paid["order"])


async def test_a_cart_becomes_one_order_that_is_not_canceled(shop: Shop, paid: dict[str, Any]) -> None:
    copy = """INSERT INTO orders (id, cart_id, status, payment_status, fulfillment_status, email, currency,
        subtotal_minor, discount_minor, shipping_minor, tax_minor, total_minor, placed_at)
        SELECT :new, cart_id, :status, 'pending', fulfillment_status, email, currency,
        subtotal_minor, discount_minor, shipping_minor, tax_minor, total_minor, placed_at FROM orders WHERE id = :id"""

    for status in ("pending", "confirmed", "completed"):
        await refused(shop, "orders_one_per_cart_idx", copy, new=uuid.uuid4(), status=status, id=paid["order"])
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE orders SET status = 'canceled' WHERE id = :id"), {"id": paid["order"]})
        await connection.execute(text(copy), {"new": uuid.uuid4(), "status": "pending", "id": paid["order"]})
        await connection.rollback()


_COPY_ATTEMPT = """INSERT INTO payment_attempt
    SELECT (jsonb_populate_record(a, to_jsonb(a) || CAST(:changes AS jsonb))).* FROM payment_attempt a WHERE id = :id"""


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ('{"idempotency_key": "another", "intent_id": null}', "payment_attempt_one_live_idx"),
        ('{"order_id": "%s", "intent_id": null}', "payment_attempt_cart_id_idempotency_key_key"),
        ('{"order_id": "%s", "idempotency_key": "another"}', "payment_attempt_intent_id_key"),
    ],
)
async def test_an_order_has_one_live_attempt_and_a_key_and_a_payment_belong_to_one(
    shop: Shop, paid: dict[str, Any], changes: str, constraint: str
) -> None:
    filled = changes.replace("%s", str(uuid.uuid4())).replace("{", f'{{"id": "{uuid.uuid4()}", ')

    await refused(shop, constraint, _COPY_ATTEMPT, changes=filled, id=paid["attempt"])


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("amount_minor = -1", "payment_attempt_amount_not_negative_check"),
        ("state = 'lost', check_at = now()", "payment_attempt_state_known_check"),
        ("state = 'pending'", "payment_attempt_open_ones_are_checked_check"),
        ("check_at = now()", "payment_attempt_open_ones_are_checked_check"),
    ],
)
async def test_an_attempt_is_open_exactly_while_it_is_checked(
    shop: Shop, paid: dict[str, Any], change: str, constraint: str
) -> None:
    statement = f"UPDATE payment_attempt SET {change} WHERE id = :id"

    await refused(shop, constraint, statement, id=paid["attempt"])


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE reservation SET quantity = 0 WHERE order_id = :order", "reservation_quantity_positive_check"),
        ("UPDATE reservation SET state = 'lost' WHERE order_id = :order", "reservation_state_known_check"),
        ("UPDATE cart SET state = 'lost' WHERE id = :cart", "cart_state_known_check"),
        ("UPDATE cart_line SET quantity = 0 WHERE cart_id = :cart", "cart_line_quantity_positive_check"),
        ("UPDATE cart_line SET variant_id = 2147483647 WHERE cart_id = :cart", "cart_line_variant_id_fkey"),
        ("UPDATE order_line SET variant_id = 2147483647 WHERE order_id = :order", "order_line_variant_id_fkey"),
    ],
)
async def test_states_are_known_and_quantities_positive(
    shop: Shop, paid: dict[str, Any], statement: str, constraint: str
) -> None:
    used = {name: paid[name] for name in ("order", "cart") if f":{name}" in statement}

    await refused(shop, constraint, statement, **used)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            "UPDATE variant_price SET amount_minor = -1 WHERE variant_id = :id",
            "variant_price_amount_not_negative_check",
        ),
        ("DELETE FROM variant WHERE id = :id", "stock_variant_id_fkey"),
        (
            "INSERT INTO variant (product_id, sku, name, position, selected_options, requires_shipping)"
            " SELECT product_id, sku, name, position, selected_options, true FROM variant WHERE id = :id",
            "variant_sku_key",
        ),
    ],
)
async def test_the_catalogue_keeps_its_names_and_prices(
    shop: Shop, mug: Stocked, statement: str, constraint: str
) -> None:
    await refused(shop, constraint, statement, id=mug.variant_id)


async def test_a_customer_has_an_address_of_their_own(shop: Shop) -> None:
    taken = await shop.accounts.add_customer("ADA@example.com", "another password", "Another Ada")

    assert taken is False
    statement = """INSERT INTO accounts.customer (id, email, password_hash, created_at)
        VALUES (:id, 'ada@example.com', 'x', now())"""
    await refused(shop, "customer_email_key", statement, id=uuid.uuid4())
