"""What tests of accounts do again and again: register, read the mail, sign in."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import text

from app.bootstrap import Shop
from tests.shopkeeping import Answer, Api

PASSWORD = "a-long-walk-over-the-fells"
SELECTIONS = {
    "customerRegister": "accessToken refreshToken expiresAt customer { id }",
    "login": "accessToken refreshToken expiresAt customer { id email name emailVerified sessions { id current } }",
    "tokenRefresh": "accessToken refreshToken expiresAt customer { id email }",
    "passwordReset": "accessToken refreshToken expiresAt customer { id email }",
    "passwordChange": "accessToken refreshToken expiresAt customer { id email }",
    "passwordResetRequest": "accepted",
    "emailVerify": "customer { id email name emailVerified }",
    "logout": "deletedId",
    "sessionRevoke": "deletedId",
}
ME = "{ me { id email name emailVerified sessions { id createdAt lastUsedAt expiresAt userAgent current } } }"
_numbers = itertools.count(1)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@dataclass
class Holder:
    """Somebody with an account, or about to have one."""

    email: str
    password: str = PASSWORD
    token: str = ""
    refresh_token: str = ""
    id: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def took(self, payload: dict[str, Any]) -> None:
        """Take the tokens of a payload or of a REST answer."""
        self.token = payload.get("accessToken") or payload["token"]
        self.refresh_token = payload["refreshToken"]
        self.headers = bearer(self.token)


@dataclass(frozen=True)
class Accounts:
    """A shop's accounts, as clients and the worker meet them. core: GraphQL; auth: REST; shop: on their database."""

    core: httpx.AsyncClient
    auth: httpx.AsyncClient
    shop: Shop

    @property
    def api(self) -> Api:
        """GraphQL."""
        return Api(self.core)

    async def call(self, name: str, headers: dict[str, str] | None = None, /, **given: Any) -> dict[str, Any]:
        """A mutation's payload."""
        kind = name[0].upper() + name[1:] + "Input"
        selected = f"{SELECTIONS[name]} userErrors {{ code message field }}"
        query = f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ {selected} }} }}"
        answer = await self.api(query, headers, i=given)
        assert answer.errors == [], answer.errors
        payload: dict[str, Any] = answer.data[name]
        return payload

    async def codes(self, name: str, headers: dict[str, str] | None = None, /, **given: Any) -> list[str]:
        """Why a mutation did nothing."""
        return [error["code"] for error in (await self.call(name, headers, **given))["userErrors"]]

    async def me(self, holder: Holder) -> Answer:
        """Who the holder's token says they are."""
        return await self.api(ME, holder.headers)

    async def work(self) -> None:
        """Answer every request that waits, as the worker does."""
        query = text("SELECT id FROM accounts.email_request WHERE token_digest IS NULL ORDER BY asked_at")
        async with self.shop.accounts_database.read_fresh() as connection:
            waiting = list((await connection.execute(query)).scalars())
        for request in waiting:
            await self.shop.accounts.answer_requests({"request": str(request)})

    async def mails(self, email: str) -> list[tuple[str, dict[str, Any]]]:
        """The templates and data of what was posted to an address, the oldest first."""
        query = text("SELECT template, data FROM mail_message WHERE recipient = :email ORDER BY posted_at, template")
        async with self.shop.accounts_database.read_fresh() as connection:
            return [tuple(row) for row in await connection.execute(query, {"email": email})]

    async def link_token(self, email: str) -> str:
        """The token of the link that was posted last."""
        _, data = (await self.mails(email))[-1]
        return str(data["link"].rpartition("token=")[2])

    def somebody(self) -> Holder:
        """Somebody whom nobody knows yet."""
        return Holder(f"walker-{next(_numbers)}@example.com")

    async def registered(self) -> Holder:
        """Somebody with an account."""
        holder = self.somebody()
        await self.call("customerRegister", email=holder.email, password=holder.password, name="A. Walker")
        await self.work()
        payload = await self.call("emailVerify", token=await self.link_token(holder.email))
        holder.id = payload["customer"]["id"]
        return holder

    async def sign_in(self, holder: Holder) -> Holder:
        """The same account with the tokens of a new session."""
        answer = await self.auth.post("/api/auth/login", json={"email": holder.email, "password": holder.password})
        assert answer.status_code == 200, answer.text
        signed_in = Holder(holder.email, holder.password, id=holder.id)
        signed_in.took(answer.json())
        return signed_in

    async def signed_in(self) -> Holder:
        """Somebody with an account and a session."""
        return await self.sign_in(await self.registered())

    async def forgive(self) -> None:
        """Forget every try to sign in, and every request: all tests come from one address."""
        async with self.shop.accounts_database.write() as connection:
            await connection.execute(text("DELETE FROM accounts.sign_in_try"))
            await connection.execute(text("DELETE FROM accounts.email_request"))
