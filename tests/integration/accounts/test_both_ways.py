"""The life of an account, in one process and in two: registered, verified, signed in, refreshed, ended."""

from __future__ import annotations

import base64
import json

import pytest
from sqlalchemy import text

from app.core.ids import Kind, decode
from app.database.engine import Database
from tests.accountholders import PASSWORD, Accounts, Holder, bearer
from tests.conftest import Servers
from tests.integration.accounts.conftest import SPLIT
from tests.waiting import until


async def is_dead(accounts: Accounts, holder: Holder) -> bool:
    return (await accounts.me(holder)).status == 401


async def test_who_registers_gets_no_tokens_but_an_email_whose_link_makes_the_account(accounts: Accounts) -> None:
    holder = accounts.somebody()

    payload = await accounts.call("customerRegister", email=holder.email.upper(), password=PASSWORD, name=" Ada ")
    before = await accounts.codes("login", email=holder.email, password=PASSWORD)
    await accounts.work()
    [(template, data)] = await accounts.mails(holder.email)
    verified = await accounts.call("emailVerify", token=await accounts.link_token(holder.email))
    again = await accounts.codes("emailVerify", token=await accounts.link_token(holder.email))

    assert payload == dict.fromkeys(["accessToken", "refreshToken", "expiresAt", "customer"]) | {"userErrors": []}
    assert before == ["CREDENTIALS_INVALID"]
    assert template == "email_verification"
    assert "/verify-email" in data["link"]
    assert (verified["customer"]["email"], verified["customer"]["name"]) == (holder.email, "Ada")
    assert verified["customer"]["emailVerified"] is True
    assert again == ["TOKEN_INVALID"]
    assert (await accounts.call("login", email=holder.email, password=PASSWORD))["userErrors"] == []


async def test_a_session_is_listed_refreshed_and_ended(accounts: Accounts) -> None:
    holder = await accounts.registered()

    payload = await accounts.call("login", {"user-agent": "a test"}, email=holder.email, password=PASSWORD)
    holder.took(payload)
    me = (await accounts.me(holder)).data["me"]
    refreshed = await accounts.call("tokenRefresh", refreshToken=holder.refresh_token)
    other = Holder(holder.email)
    other.took(refreshed)
    ended = await accounts.call("logout", other.headers)

    assert payload["customer"]["id"] == me["id"] == holder.id
    assert payload["customer"]["sessions"] == [{"id": me["sessions"][0]["id"], "current": True}]
    assert [(each["current"], each["userAgent"]) for each in me["sessions"]] == [(True, "a test")]
    assert refreshed["refreshToken"] != payload["refreshToken"]
    assert ended == {"deletedId": me["sessions"][0]["id"], "userErrors": []}
    await until(lambda: is_dead(accounts, holder))
    await until(lambda: is_dead(accounts, other))
    assert await accounts.codes("tokenRefresh", refreshToken=other.refresh_token) == ["TOKEN_INVALID"]


async def test_over_rest_it_is_the_same(accounts: Accounts) -> None:
    holder = await accounts.registered()
    auth = accounts.auth

    signed_in = (await auth.post("/api/auth/login", json={"email": holder.email, "password": PASSWORD})).json()
    refreshed = (await auth.post("/api/auth/refresh", json={"refreshToken": signed_in["refreshToken"]})).json()
    headers = bearer(refreshed["token"])
    me = (await auth.get("/api/auth/me", headers=headers)).json()
    [session] = (await auth.get("/api/auth/sessions", headers=headers)).json()["sessions"]
    out = await auth.post("/api/auth/logout", json={}, headers=headers)

    assert signed_in.keys() == refreshed.keys() == {"token", "refreshToken", "expiresAt", "user"}
    assert signed_in["user"] == {"id": holder.id, "email": holder.email, "name": "A. Walker"}
    assert (me["id"], me["role"], me["emailVerified"]) == (holder.id, "customer", True)
    assert session["current"] is True
    assert (out.status_code, out.json()) == (200, {"signedOut": True})
    holder.headers = headers
    await until(lambda: is_dead(accounts, holder))
    assert (await auth.get("/api/auth/me", headers=headers)).status_code == 401


async def test_one_session_is_ended_from_another(accounts: Accounts) -> None:
    lost = await accounts.signed_in()
    holder = await accounts.sign_in(lost)
    stranger = await accounts.signed_in()
    sessions = (await accounts.me(holder)).data["me"]["sessions"]
    [of_lost] = [each["id"] for each in sessions if not each["current"]]

    not_theirs = await accounts.codes("sessionRevoke", stranger.headers, sessionId=of_lost)
    ended = await accounts.call("sessionRevoke", holder.headers, sessionId=of_lost)

    assert not_theirs == ["NOT_FOUND"]
    assert ended["deletedId"] == of_lost
    await until(lambda: is_dead(accounts, lost))
    assert not await is_dead(accounts, holder)
    assert len((await accounts.me(holder)).data["me"]["sessions"]) == 1


async def test_a_new_password_ends_every_other_session_and_is_told_by_email(accounts: Accounts) -> None:
    first = await accounts.signed_in()
    second = await accounts.sign_in(first)
    wanted = "another-walk-over-the-fells"

    wrong = await accounts.codes("passwordChange", second.headers, currentPassword="wrong", newPassword=wanted)
    payload = await accounts.call("passwordChange", second.headers, currentPassword=PASSWORD, newPassword=wanted)
    changed = Holder(first.email, wanted)
    changed.took(payload)

    assert wrong == ["CREDENTIALS_INVALID"]
    assert (await accounts.mails(first.email))[-1][0] == "password_changed"
    for ended in (first, second):
        await until(lambda: is_dead(accounts, ended))  # noqa: B023  awaited at once
        assert await accounts.codes("tokenRefresh", refreshToken=ended.refresh_token) == ["TOKEN_INVALID"]
    assert (await accounts.me(changed)).data["me"]["email"] == first.email
    assert await accounts.codes("login", email=first.email, password=PASSWORD) == ["CREDENTIALS_INVALID"]
    await accounts.sign_in(changed)


async def test_a_forgotten_password_is_replaced_with_the_link_of_an_email(accounts: Accounts) -> None:
    before = await accounts.signed_in()
    wanted = "another-walk-over-the-fells"

    asked = await accounts.call("passwordResetRequest", email=before.email)
    await accounts.work()
    token = await accounts.link_token(before.email)
    weak = await accounts.codes("passwordReset", token=token, newPassword="password")
    payload = await accounts.call("passwordReset", token=token, newPassword=wanted)
    again = await accounts.codes("passwordReset", token=token, newPassword=wanted)
    after = Holder(before.email, wanted)
    after.took(payload)

    assert asked == {"accepted": True, "userErrors": []}
    assert (weak, again) == (["PASSWORD_WEAK"], ["TOKEN_INVALID"])
    await until(lambda: is_dead(accounts, before))
    assert (await accounts.me(after)).data["me"]["id"] == before.id


async def test_what_needs_somebody_who_is_signed_in_says_so(accounts: Accounts) -> None:
    session = "sess_1111111111111111111111"

    assert await accounts.codes("logout") == ["UNAUTHENTICATED"]
    assert await accounts.codes("sessionRevoke", sessionId=session) == ["UNAUTHENTICATED"]
    assert await accounts.codes("passwordChange", currentPassword="a", newPassword=PASSWORD) == ["UNAUTHENTICATED"]
    for method, path in (("GET", "me"), ("GET", "sessions"), ("DELETE", f"sessions/{session}"), ("POST", "logout")):
        answer = await accounts.auth.request(method, f"/api/auth/{path}", json={} if method == "POST" else None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHENTICATED"), path


async def test_the_same_registration_sent_again_is_one(accounts: Accounts) -> None:
    holder = accounts.somebody()
    given = {"email": holder.email, "password": PASSWORD, "idempotencyKey": f"a key for {holder.email}"}

    first = await accounts.call("customerRegister", **given)
    again = await accounts.call("customerRegister", **given)
    other = await accounts.codes("customerRegister", **given | {"email": f"other-{holder.email}"})
    await accounts.work()

    assert first == again
    assert other == ["IDEMPOTENCY_KEY_REUSED"]
    assert len(await accounts.mails(holder.email)) == 1


async def test_a_locked_account_says_for_how_long(accounts: Accounts) -> None:
    holder = await accounts.registered()
    credentials = {"email": holder.email, "password": "wrong"}

    codes = [await accounts.codes("login", **credentials) for _ in range(6)]
    answer = await accounts.auth.post("/api/auth/login", json={"email": holder.email, "password": PASSWORD})

    assert codes == [["CREDENTIALS_INVALID"]] * 5 + [["RATE_LIMITED"]]
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert 800 < int(answer.headers["retry-after"]) <= 900


async def test_tokens_are_verified_with_what_is_published(accounts: Accounts) -> None:
    holder = await accounts.signed_in()
    answer = await accounts.auth.get("/.well-known/jwks.json")
    header, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in holder.token.split("."))

    assert answer.headers["cache-control"] == "public, max-age=30"
    keys = answer.json()["keys"]
    assert json.loads(header)["kid"] in [key["kid"] for key in keys]
    assert all(key.keys() == {"kty", "crv", "alg", "use", "kid", "x"} for key in keys)
    assert json.loads(claims)["sub"] == str(decode(holder.id)[1])
    assert decode(holder.id)[0] is Kind.CUSTOMER


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/refresh", "/api/auth/register"])
async def test_malformed_requests_are_refused_in_json(accounts: Accounts, path: str) -> None:
    for body in (b"", b"[]", b"{}x", b'{"email": 1}', b"[" * 5_000):
        answer = await accounts.auth.post(path, content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_REQUEST")


# ------------------------------------------------------------------------------------------- what being apart means


async def test_a_core_keeps_nothing_of_accounts_and_accounts_keep_nothing_of_the_shop(
    apart: Accounts, servers: Servers
) -> None:
    await apart.signed_in()
    counts = {}
    for name in SPLIT:
        database = Database.connect(servers.postgres.url(name), pool_size=1, statement_timeout_seconds=5)
        async with database.read_fresh() as connection:
            for table in ("accounts.customer", "accounts.session", "accounts.signing_key", "accounts.audit_entry"):
                counts[name, table] = await connection.scalar(text(f"SELECT count(*) > 0 FROM {table}"))
        await database.close()

    assert {found for (name, _), found in counts.items() if name == SPLIT[0]} == {False}
    assert {found for (name, _), found in counts.items() if name == SPLIT[1]} == {True}


async def test_no_foreign_key_leads_into_the_schema_of_accounts_or_out_of_it(together: Accounts) -> None:
    query = text("""
        SELECT conname FROM pg_constraint c JOIN pg_class a ON a.oid = c.conrelid JOIN pg_class b ON b.oid = c.confrelid
        WHERE c.contype = 'f'
          AND (a.relnamespace = 'accounts'::regnamespace) <> (b.relnamespace = 'accounts'::regnamespace)
    """)
    async with together.shop.accounts_database.read_fresh() as connection:
        assert list((await connection.execute(query)).scalars()) == []


async def test_a_core_without_accounts_serves_none_of_their_endpoints(apart: Accounts) -> None:
    for path in ("/api/auth/login", "/.well-known/jwks.json"):
        assert (await apart.core.post(path, json={})).status_code == 404
    assert (await apart.auth.post("/graphql", json={"query": "{ shop { name } }"})).status_code == 404
    assert (await apart.auth.get("/readyz")).status_code == 200
