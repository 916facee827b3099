"""Customers' data in one process, and where accounts are in a process and a database of their own."""

from __future__ import annotations

from typing import Any

from app.bootstrap import build_shop
from app.settings import load_settings
from tests.accountholders import PASSWORD, Accounts, Holder
from tests.conftest import Servers
from tests.shopkeeping import ADDRESS

CREATE = """mutation ($i: AddressCreateInput!) { addressCreate(input: $i) {
  savedAddress { id isDefaultShipping address { line1 region } } customer { addresses { id } }
  userErrors { code field } } }"""
UPDATE = """mutation ($i: AddressUpdateInput!) { addressUpdate(input: $i) {
  savedAddress { id isDefaultBilling address { line1 } } userErrors { code field } } }"""
REMOVE = """mutation ($i: AddressDeleteInput!) { addressDelete(input: $i) {
  customer { addresses { id isDefaultShipping } } userErrors { code field } } }"""
RENAME = (
    "mutation ($i: CustomerUpdateInput!) { customerUpdate(input: $i) { customer { name } userErrors { code field } } }"
)
CART = "mutation ($i: CartCreateInput!) { cartCreate(input: $i) { cart { id } userErrors { code } } }"
CLAIM = "mutation ($i: GuestOrdersClaimInput!) { guestOrdersClaim(input: $i) { carts userErrors { code field } } }"
DELETE = "mutation ($i: CustomerDeleteInput!) { customerDelete(input: $i) { deletedId userErrors { code field } } }"


async def call(accounts: Accounts, holder: Holder, query: str, **given: Any) -> Any:
    answer = await accounts.api(query, holder.headers, i=given)
    assert answer.errors == [], answer.errors
    (payload,) = answer.data.values()
    return payload


async def test_an_address_book_is_kept_wherever_accounts_are(accounts: Accounts) -> None:
    holder = await accounts.signed_in()
    first = await call(accounts, holder, CREATE, address=ADDRESS, idempotencyKey="one")
    again = await call(accounts, holder, CREATE, address=ADDRESS, idempotencyKey="one")
    second = await call(accounts, holder, CREATE, address={**ADDRESS, "region": "Oregon"}, isDefaultShipping=True)
    keys = [payload["savedAddress"]["id"] for payload in (first, second)]
    moved = {**ADDRESS, "line1": "2 Ridge Way"}

    changed = await call(accounts, holder, UPDATE, id=keys[0], address=moved)
    refused = await call(accounts, holder, UPDATE, id=keys[0], isDefaultBilling=False)
    removed = await call(accounts, holder, REMOVE, id=keys[1])
    gone = await call(accounts, holder, REMOVE, id=keys[1])

    assert again["savedAddress"]["id"] == keys[0]
    assert second["savedAddress"]["address"] == {"line1": "1 Contour Road", "region": "OR"}
    assert changed["savedAddress"] == {"id": keys[0], "isDefaultBilling": True, "address": {"line1": "2 Ridge Way"}}
    assert refused["userErrors"] == [{"code": "INVALID", "field": ["isDefaultBilling"]}]
    assert removed["customer"]["addresses"] == [{"id": keys[0], "isDefaultShipping": True}]
    assert gone["userErrors"][0]["code"] == "NOT_FOUND"


async def test_every_fault_of_an_address_is_named_wherever_accounts_are(accounts: Accounts) -> None:
    holder = await accounts.signed_in()

    payload = await call(accounts, holder, CREATE, address={**ADDRESS, "postalCode": "x", "city": " "})

    assert sorted(error["field"] for error in payload["userErrors"]) == [["address", "city"], ["address", "postalCode"]]


async def test_a_name_is_changed_wherever_accounts_are(accounts: Accounts) -> None:
    holder = await accounts.signed_in()

    assert (await call(accounts, holder, RENAME, name=" Ada M. "))["customer"] == {"name": "Ada M."}
    assert (await accounts.me(holder)).data["me"]["name"] == "Ada M."
    assert (await call(accounts, holder, RENAME, name="a\nb"))["userErrors"] == [{"code": "INVALID", "field": ["name"]}]


async def test_a_guests_cart_is_claimed_by_the_address_that_accounts_have_verified(accounts: Accounts) -> None:
    holder = await accounts.signed_in()
    await call(accounts, Holder(holder.email), CART, email=holder.email)

    assert (await call(accounts, holder, CLAIM))["carts"] == 1
    assert (await call(accounts, holder, CLAIM))["carts"] == 0


async def test_an_export_has_what_accounts_and_the_shop_have(accounts: Accounts) -> None:
    holder = await accounts.signed_in()
    await call(accounts, holder, CREATE, address=ADDRESS)
    cart = (await call(accounts, holder, CART, note="gift"))["cart"]

    told = (await accounts.core.get("/api/account/export", headers=holder.headers)).json()

    assert told["account"]["email"] == holder.email
    assert told["addresses"][0]["address"]["line1"] == ADDRESS["line1"]
    assert [(each["id"], each["note"]) for each in told["carts"]] == [(cart["id"], "gift")]


async def test_a_deleted_account_is_gone_in_both_databases(accounts: Accounts, servers: Servers) -> None:
    holder = await accounts.signed_in()
    await call(accounts, holder, CREATE, address=ADDRESS)
    cart = (await call(accounts, holder, CART, note="gift"))["cart"]

    wrong = await call(accounts, holder, DELETE, password="not-my-password")
    deleted = await call(accounts, holder, DELETE, password=PASSWORD)

    assert wrong["userErrors"] == [{"code": "CREDENTIALS_INVALID", "field": ["password"]}]
    assert deleted["userErrors"] == []
    assert (await accounts.me(holder)).status == 401
    assert await accounts.codes("login", email=holder.email, password=PASSWORD) == ["CREDENTIALS_INVALID"]
    answer = await accounts.core.post("/graphql", json={"query": f'{{ cart(id: "{cart["id"]}") {{ note }} }}'})
    assert answer.json()["data"] == {"cart": None}


async def test_a_core_learns_from_accounts_elsewhere_whom_it_has_to_forget(apart: Accounts, servers: Servers) -> None:
    await apart.forgive()
    holder = await apart.signed_in()
    await call(apart, holder, CART, note="gift")
    core = build_shop(
        load_settings({**servers.environment("split_core"), "CARTOGRAPH_ACCOUNTS_URL": str(apart.auth.base_url)})
    )

    deleted = await apart.auth.post("/api/auth/me/delete", json={"password": PASSWORD}, headers=holder.headers)
    async with core.database.read_fresh() as connection:
        before = (await connection.exec_driver_sql("SELECT count(*) FROM cart WHERE note = 'gift'")).scalar_one()
    await core.forget_customers()
    async with core.database.read_fresh() as connection:
        after = (await connection.exec_driver_sql("SELECT count(*) FROM cart WHERE note = 'gift'")).scalar_one()
    await core.close()

    assert deleted.status_code == 200
    assert after < before
