"""Everything of a customer can be exported by them; once they delete their account, it stands in no table any more."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import BYTEA

from app.bootstrap import Shop
from app.core.errors import NotFound
from app.core.ids import decode
from app.customer_commands import export_customer
from app.customers.domain import KEPT_FOR_DELIVERY
from app.database.tables import metadata
from tests.graphql.canaries import (
    PASSWORD,
    Somebody,
    a_customer,
    client_of,
    forgive_tries,
    signed_in_customer,
    staff_without_rights,
)
from tests.shopkeeping import USER_ERRORS, ManualClock, Provider, Shopkeeper

DELETE = f"mutation ($i: CustomerDeleteInput!) {{ customerDelete(input: $i) {{ deletedId {USER_ERRORS} }} }}"
CANCEL = """mutation ($i: OrderCancelInput!) { orderCancel(input: $i) { order { status } userErrors { code } } }"""
INVOICE = {f"order-billing-{part}" for part in ("fullName", "company", "line1", "line2", "city")}
# what was not delivered yet is kept for its delivery: for 90 days, in these places
FOR_DELIVERY = {"orders", "order_line", "payment_attempt", "cart", "cart_line", "promotion_use"}


@pytest.fixture
async def ada(shop: Shop, http: httpx.AsyncClient, keeper: Shopkeeper, provider: Provider) -> Somebody:
    return await a_customer(shop, http, keeper)


async def delete(who: Somebody, password: str = PASSWORD) -> Any:
    return (await who.api.data(DELETE, i={"password": password}))["customerDelete"]


async def kept(shop: Shop, who: Somebody) -> dict[str, set[str]]:
    """Which canaries stand in which tables, with what is stored as bytes among them."""
    found: dict[str, set[str]] = {}
    async with shop.database.read_fresh() as connection:
        for table in metadata.tables.values():
            parts = [f"encode({each.name}, 'escape')" for each in table.c if isinstance(each.type, BYTEA)]
            whole = " || ".join(f"coalesce(({part})::text, '')" for part in [f'"{table.name}"', *parts])
            name = f'"{table.schema}"."{table.name}"' if table.schema else f'"{table.name}"'
            query = f"SELECT {whole} FROM {name} WHERE {whole} LIKE :wanted OR {whole} LIKE :mail"
            marks = {"wanted": f"%-of-{who.name}%", "mail": f"%.{who.name}@example.com%"}
            for row in await connection.execute(text(query), marks):
                found.setdefault(table.name, set()).update(name for name, word in who.words.items() if word in row[0])
    return {table: words for table, words in found.items() if words}


# ------------------------------------------------------------------------------------------------ exporting


async def test_an_export_holds_every_value_of_a_customer_and_nobody_elses(
    shop: Shop, http: httpx.AsyncClient, ada: Somebody, keeper: Shopkeeper
) -> None:
    ben = await a_customer(shop, http, keeper)

    answer = await ada.api.http.get("/api/account/export")
    told = answer.json()

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert set(told) == {"exportedAt", "account", "addresses", "sessions", "orders", "carts"}
    assert set(ada.words) - set(ada.found_in(json.dumps(told, ensure_ascii=False))) == set()
    assert ben.found_in(answer.text) == []
    assert (len(told["orders"]), len(told["carts"]), len(told["addresses"])) == (3, 4, 2)
    assert {order["id"] for order in told["orders"]} == {
        ada.keys[name] for name in ("order", "waiting order", "failed order")
    }


async def test_an_export_holds_no_secret(ada: Somebody) -> None:
    text = (await ada.api.http.get("/api/account/export")).text.lower()

    for secret in ("argon2", "digest", "clientsecret", "passwordhash", ada.keys["waiting client secret token"].lower()):
        assert secret not in text


async def test_a_command_exports_the_same(shop: Shop, ada: Somebody, capsys: pytest.CaptureFixture[str]) -> None:
    by_api = (await ada.api.http.get("/api/account/export")).json()
    capsys.readouterr()

    assert await export_customer(shop, f" {ada.words['email'].upper()}") == 0
    by_command = json.loads(capsys.readouterr().out)
    with pytest.raises(NotFound, match="there is no account"):
        await export_customer(shop, "nobody@example.com")

    assert {**by_command, "exportedAt": None} == {**by_api, "exportedAt": None}


async def test_a_guest_is_given_no_export(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/account/export")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHENTICATED")


# ------------------------------------------------------------------------------------------------ deleting


async def test_a_deleted_customer_stands_in_no_table_but_for_what_has_to_be_delivered(
    shop: Shop, http: httpx.AsyncClient, clock: ManualClock, ada: Somebody
) -> None:
    before = await kept(shop, ada)
    assert {"customer", "session", "saved_address", "cart", "cart_line", "orders", "order_line"} <= set(before)

    assert await delete(ada) == {"deletedId": ada.keys["customer"], "userErrors": []}

    # answers to keyed calls are kept for a day, e-mails that wait until they are sent
    after = await kept(shop, ada)
    assert set(after) - {"idempotency_key", "mail_message"} <= FOR_DELIVERY
    gone = {
        name
        for name in ada.words
        if name.startswith(("cart-", "home-", "work-", "failed-")) or name in ("name", "agent")
    }
    for table, words in after.items():
        assert table == "idempotency_key" or words & gone <= set(), table

    with clock.turned(timedelta(days=1, minutes=1)):
        await shop.forget_keyed_calls()
    await send_all_mail(shop)
    assert set(await kept(shop, ada)) <= FOR_DELIVERY
    with clock.turned(KEPT_FOR_DELIVERY + timedelta(minutes=1)):
        await end_payments(shop)
        await send_all_mail(shop)
        await shop.forget_customers()
        await shop.forget_customers()

    left = await kept(shop, ada)
    assert left == {"orders": {name for name in left["orders"] if "billing" in name}}
    assert left["orders"] >= INVOICE
    assert not any("phone" in name for name in left["orders"])
    assert ada.words["email"] not in left["orders"]


async def send_all_mail(shop: Shop) -> None:
    async with shop.database.read_fresh() as connection:
        waiting = list(
            (await connection.execute(text("SELECT key FROM mail_message WHERE state = 'waiting'"))).scalars()
        )
    for key in waiting:
        await shop.send_mail({"message": key})


async def end_payments(shop: Shop) -> None:
    """What the worker does with a payment that nobody confirmed."""
    while await shop.check_payments():
        pass


async def test_a_canceled_order_is_reduced_at_once_with_the_reason_that_was_given(
    shop: Shop, ada: Somebody, keeper: Shopkeeper
) -> None:
    reason = ada.word("reason")
    await ada.api.data(CANCEL, i={"orderId": ada.keys["order"], "reason": reason})
    await keeper.make_refunds(ada.keys["order attempt"])
    assert {"order_event", "refund"} <= set(await kept(shop, ada))

    await delete(ada)
    await send_all_mail(shop)

    left = await kept(shop, ada)
    assert "reason" not in {word for table, words in left.items() if table != "idempotency_key" for word in words}
    assert {name for name in left["orders"] if name.startswith("order-")} == INVOICE


async def test_the_books_stay_as_they_were(shop: Shop, clock: ManualClock, ada: Somebody) -> None:
    """Numbers, amounts, taxes, lines and states of every order."""
    query = text("""
        SELECT orders.id, number, status, payment_status, currency, subtotal_minor, orders.discount_minor,
               shipping_minor, tax_minor, orders.total_minor, tax_lines, placed_at, line.sku,
               line.quantity, line.total_minor
        FROM orders JOIN order_line line ON line.order_id = orders.id WHERE orders.id = ANY(:ids) ORDER BY number""")
    ids = {"ids": [decode(ada.keys[name])[1] for name in ("order", "failed order")]}

    async def books() -> list[Any]:
        async with shop.database.read_fresh() as connection:
            return [tuple(row) for row in await connection.execute(query, ids)]

    before = await books()
    await delete(ada)
    with clock.turned(KEPT_FOR_DELIVERY + timedelta(minutes=1)):
        await shop.forget_customers()

    assert len(before) == 2
    assert await books() == before


async def test_every_token_is_dead_and_the_address_is_free_again(
    shop: Shop, http: httpx.AsyncClient, ada: Somebody
) -> None:
    token = ada.keys["access token"]
    await delete(ada)
    await forgive_tries(shop)
    credentials = {"email": ada.words["email"], "password": PASSWORD}

    assert (await ada.api("{ me { id } }")).status == 401
    assert (await http.post("/api/auth/refresh", json={"refreshToken": ada.keys["refresh token"]})).status_code == 401
    assert (await http.post("/api/auth/login", json=credentials)).status_code == 401
    assert (await http.get("/api/account/export", headers={"authorization": f"Bearer {token}"})).status_code == 401

    await shop.accounts.add_customer(ada.words["email"], PASSWORD, "Another")
    await forgive_tries(shop)
    answer = await http.post("/api/auth/login", json=credentials)
    again = client_of(http, {"authorization": f"Bearer {answer.json()['token']}"})
    claim = "mutation { guestOrdersClaim(input: {}) { orders carts } }"
    assert (await again.data(claim))["guestOrdersClaim"] == {"orders": 0, "carts": 0}
    assert (await again.data("{ me { orders { totalCount { value } } } }"))["me"]["orders"]["totalCount"] == {
        "value": 0
    }


async def test_a_wrong_password_deletes_nothing(shop: Shop, ada: Somebody) -> None:
    before = await kept(shop, ada)

    payload = await delete(ada, "not-my-password")

    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
        ("CREDENTIALS_INVALID", ["password"])
    ]
    assert await kept(shop, ada) == before


async def test_the_worker_forgets_whom_the_request_could_not(
    shop: Shop, http: httpx.AsyncClient, keeper: Shopkeeper
) -> None:
    ada = await a_customer(shop, http, keeper)
    async with shop.accounts.transactions.read() as tx:
        stored = await tx.accounts.find_by_email(ada.words["email"])
    assert stored is not None
    async with shop.accounts.transactions.begin() as tx:  # all that happened before a process was killed
        await tx.accounts.delete(stored.customer.id, now=shop.clock.now())

    await shop.forget_customers()

    assert not any(name.startswith("cart-") for words in [(await kept(shop, ada)).get("cart", set())] for name in words)


async def test_others_keep_what_is_theirs(
    shop: Shop, http: httpx.AsyncClient, keeper: Shopkeeper, ada: Somebody
) -> None:
    ben = await a_customer(shop, http, keeper)
    before = await kept(shop, ben)

    await delete(ada)

    assert await kept(shop, ben) == before


async def test_an_account_of_staff_is_not_deleted_over_the_api(shop: Shop, http: httpx.AsyncClient) -> None:
    staff = await staff_without_rights(shop, http)

    assert [error["code"] for error in (await delete(staff))["userErrors"]] == ["FORBIDDEN"]


async def test_two_deletions_at_once_are_one(shop: Shop, http: httpx.AsyncClient) -> None:
    ada = await signed_in_customer(shop, http)

    payloads = await asyncio.gather(*(ada.api(DELETE, i={"password": PASSWORD}) for _ in range(3)))

    assert sum(bool(each.data and each.data["customerDelete"]["deletedId"]) for each in payloads) == 1
