"""The guide to accounts, run from top to bottom: each request is answered as it says."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from app.accounts import lockout, password_rules, refresh_tokens, signing_keys
from app.accounts.domain import SESSION_LIFE, Role
from app.accounts.email_requests import LINK_LIFETIME, RequestKind
from app.accounts.ended_sessions import FRESH_SECONDS
from app.http.auth_api import AuthApi
from app.shop import Shop
from tests.accountholders import Accounts, bearer
from tests.conftest import REPOSITORY

GUIDE = (REPOSITORY / "docs" / "guides" / "accounts.md").read_text()
EMAIL = "wren@example.com"
STEPS = re.findall(r"```(graphql|http)( bearer)?\n(.*?)```\n\n```json\n(.*?)```", GUIDE, re.DOTALL)


class Reader:
    """Somebody who types what the guide says. known: what answers before gave."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.known: dict[str, str] = {}

    async def ask(self, kind: str, text: str, *, signed_in: bool) -> Any:
        await self.accounts.work()
        if "<linkToken>" in text:
            self.known["linkToken"] = await self.accounts.link_token(EMAIL)
        filled = re.sub(r"<(\w+)>", lambda match: self.known[match[1]], text)
        headers = bearer(self.known["token"]) if signed_in else {}
        if kind == "graphql":
            answer = await self.accounts.core.post("/graphql", json={"query": filled}, headers=headers)
        else:
            line, body = filled.split("\n", 1)
            method, path = line.split()
            answer = await self.accounts.auth.request(method, path, json=json.loads(body), headers=headers)
        assert answer.status_code in (200, 202), answer.text
        self._remember(answer.json())
        return answer.json()

    def _remember(self, value: Any) -> None:
        if isinstance(value, dict):
            for name, each in value.items():
                if isinstance(each, str):
                    self.known["token" if name == "accessToken" else name] = each
                self._remember(each)


def fits(shown: Any, actual: Any) -> bool:
    """Whether an answer is what the guide shows, where `…` and tokens and times stand for any text."""
    if isinstance(shown, dict):
        return shown.keys() == actual.keys() and all(fits(shown[name], actual[name]) for name in shown)
    if isinstance(shown, list):
        return len(shown) == len(actual) and all(map(fits, shown, actual))
    if isinstance(shown, str) and (shown.endswith("…") or re.match(r"\d{4}-", shown)):
        return isinstance(actual, str) and bool(actual)
    return bool(shown == actual)


async def test_every_example_is_answered_as_shown(http: httpx.AsyncClient, shop: Shop) -> None:
    accounts = Accounts(http, http, shop)
    await accounts.forgive()
    reader = Reader(accounts)

    assert len(STEPS) == 9
    for kind, with_token, text, shown in STEPS:
        actual = await reader.ask(kind, text, signed_in=bool(with_token))
        assert fits(json.loads(shown), actual), (text, actual)

    me = await accounts.api("{ me { id } }", bearer(reader.known["token"]))
    assert me.status == 401  # signed out


def test_every_endpoint_is_listed_and_no_other() -> None:
    listed = set(re.findall(r"^\| `([A-Z]+ /\S+)` \|", GUIDE, re.MULTILINE))
    api = AuthApi(*[None] * 9)  # type: ignore[arg-type]  # nothing of it is asked

    served = {
        f"{method} {route.path}" for route in api.routes() for method in (route.methods or ()) if method != "HEAD"
    }
    assert listed == served


def test_its_numbers_are_the_codes() -> None:
    customer = SESSION_LIFE[Role.CUSTOMER]
    for told in (
        f"{password_rules.MIN_PASSWORD_LENGTH} to {password_rules.MAX_PASSWORD_LENGTH:,} characters",
        f"within {refresh_tokens.GRACE.total_seconds():.0f} seconds",
        f"ends after {signing_keys.TOKEN_LIFETIME.total_seconds() / 60:.0f} minutes",
        f"after {customer.idle.days} days without a refresh, and {customer.whole.days} in all",
        f"works once, for {LINK_LIFETIME[RequestKind.REGISTRATION].total_seconds() / 3600:.0f} hours",
        f"in {lockout.WINDOW.total_seconds() / 60:.0f} minutes",
        f"refused within {signing_keys.KEPT_SECONDS:.0f} s",
    ):
        assert told in GUIDE, told
    assert (lockout.TRIES, FRESH_SECONDS) == (5, 2.0)
    assert "five wrong tries" in GUIDE
    assert "within two seconds" in GUIDE
    assert LINK_LIFETIME[RequestKind.RESET].total_seconds() == 3_600


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", GUIDE))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (REPOSITORY / "docs" / "guides" / target).exists()
