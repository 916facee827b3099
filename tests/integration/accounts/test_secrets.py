"""What is kept of passwords and tokens, what is written to the log, and what happens when too many sign in at once."""

from __future__ import annotations

import httpx
import pytest
import structlog
from sqlalchemy import text

from app.accounts.passwords import AT_ONCE, WAITING, Argon2Passwords
from app.core.ids import decode
from tests.accountholders import PASSWORD, Accounts

TABLES = ("customer", "session", "email_request", "sign_in_try", "audit_entry", "signing_key")


async def stored_hash(accounts: Accounts, email: str) -> str:
    async with accounts.shop.accounts_database.read_fresh() as connection:
        query = text("SELECT password_hash FROM accounts.customer WHERE email = :email")
        return str(await connection.scalar(query, {"email": email}))


async def test_a_hash_of_less_work_is_replaced_when_its_owner_signs_in(together: Accounts) -> None:
    await together.forgive()
    holder = await together.registered()
    weak = await Argon2Passwords(time_cost=1, memory_kib=8 * 1024).hash(PASSWORD)
    async with together.shop.accounts.transactions.begin() as tx:
        await tx.accounts.set_password(decode(holder.id)[1], weak)

    refused = await together.codes("login", email=holder.email, password="wrong")
    unchanged = await stored_hash(together, holder.email)
    await together.sign_in(holder)
    strong = await stored_hash(together, holder.email)
    await together.sign_in(holder)

    assert (refused, unchanged) == (["CREDENTIALS_INVALID"], weak)
    assert strong.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await stored_hash(together, holder.email) == strong


async def test_a_password_counts_as_its_normal_form(together: Accounts) -> None:
    await together.forgive()
    holder = together.somebody()
    holder.password = "cafe\u0301-au-lait"
    await together.call("customerRegister", email=holder.email, password=holder.password)
    await together.work()
    await together.call("emailVerify", token=await together.link_token(holder.email))

    holder.password = "caf\u00e9-au-lait"

    await together.sign_in(holder)


async def test_who_comes_when_too_many_wait_is_told_when_to_come_again(
    together: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await together.forgive()
    passwords = together.shop.accounts.passwords
    monkeypatch.setattr(passwords, "_asked", AT_ONCE + WAITING)

    rest = await together.auth.post("/api/auth/login", json={"email": "a@example.com", "password": "x"})
    graphql = await together.api(
        'mutation { login(input: {email: "a@example.com", password: "x"}) { userErrors { code } } }'
    )

    assert (rest.status_code, rest.headers["retry-after"]) == (503, "1")
    assert rest.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert graphql.codes() == ["SERVICE_UNAVAILABLE"]
    assert graphql.errors[0]["extensions"]["retryAfterMs"] == 1_000


async def test_no_table_holds_a_password_or_a_token_that_could_be_used(together: Accounts) -> None:
    await together.forgive()
    holder = await together.signed_in()
    refreshed = await together.call("tokenRefresh", refreshToken=holder.refresh_token)
    await together.call("passwordResetRequest", email=holder.email)
    await together.work()
    secrets = [PASSWORD, holder.token, holder.refresh_token, refreshed["refreshToken"], refreshed["accessToken"]]
    secrets.append(await together.link_token(holder.email))

    kept = ""
    async with together.shop.accounts_database.read_fresh() as connection:
        for table in TABLES:
            rows = await connection.execute(text(f"SELECT {table}::text FROM accounts.{table}"))
            kept += "\n".join(rows.scalars())

    assert holder.email in kept
    assert [secret for secret in secrets if secret in kept] == []


async def test_an_idempotency_key_keeps_no_tokens(together: Accounts) -> None:
    await together.forgive()
    holder = await together.registered()
    header = {"idempotency-key": f"a key of {holder.email}"}
    given = {"email": holder.email, "password": PASSWORD}

    first = await together.call("login", header, **given)
    second = await together.call("login", header, **given)

    assert first["accessToken"] != second["accessToken"]
    async with together.shop.database.read_fresh() as connection:
        query = text("SELECT count(*) FROM idempotency_key WHERE key = :key")
        assert await connection.scalar(query, {"key": header["idempotency-key"]}) == 0


async def test_nothing_of_them_is_logged(together: Accounts, http: httpx.AsyncClient) -> None:
    await together.forgive()
    with structlog.testing.capture_logs() as logs:
        holder = await together.signed_in()
        await together.call("tokenRefresh", refreshToken=holder.refresh_token)
        await together.codes("login", email=holder.email, password="wrong")
        await together.codes("tokenRefresh", refreshToken="made up")
        await http.get("/api/auth/me", headers=holder.headers)
        await http.post("/api/auth/login", content=b'{"email": "' + holder.email.encode())

    assert len(logs) >= 5
    told = repr(logs)
    for secret in (PASSWORD, holder.email, holder.token, holder.refresh_token, "made up"):
        assert secret not in told
