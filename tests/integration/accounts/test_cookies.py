"""Tokens in cookies, and pages of other sites: nothing of theirs is carried out, and nothing shown to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import httpx
import pytest

from app.bootstrap import build_shop
from app.http.auth_cookies import ACCESS, CSRF, REFRESH
from app.settings import load_settings
from app.web import build_app
from tests.accountholders import ME, PASSWORD, Accounts
from tests.conftest import PATIENCE_SECONDS, Servers
from tests.shopkeeping import ManualClock

STOREFRONT, EVIL = "https://store.example", "https://evil.example"
GRAPHQL = {"query": "{ me { email } }"}
RENAME = {"query": "mutation { logout(input: {}) { deletedId } }"}


@pytest.fixture
async def site(servers: Servers, together: Accounts, clock: ManualClock) -> AsyncIterator[Accounts]:
    """A shop that allows cookies and one storefront on another host."""
    settings = {
        **servers.environment(),
        "CARTOGRAPH_AUTH_COOKIES": "true",
        "CARTOGRAPH_ALLOWED_ORIGINS": STOREFRONT,
    }
    shop = build_shop(load_settings(settings), redis_timeout_seconds=PATIENCE_SECONDS, clock=clock)
    transport = httpx.ASGITransport(app=build_app(shop))
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.test") as client:
        yield Accounts(client, client, shop)
    await shop.close()


@pytest.fixture
async def browser(site: Accounts, together: Accounts) -> Accounts:
    """A browser that is signed in by cookies."""
    await together.forgive()
    holder = await together.registered()
    answer = await site.auth.post(
        "/api/auth/login", json={"email": holder.email, "password": PASSWORD, "cookies": True}
    )
    assert answer.status_code == 200
    assert answer.json().keys() == {"expiresAt", "user", "csrfToken"}
    return site


def csrf(browser: Accounts) -> dict[str, str]:
    return {"x-csrf-token": browser.core.cookies[CSRF]}


async def test_cookies_are_sent_to_this_host_alone_and_no_script_reads_the_tokens(site: Accounts) -> None:
    await site.forgive()
    holder = await site.registered()

    answer = await site.auth.post(
        "/api/auth/login", json={"email": holder.email, "password": PASSWORD, "cookies": True}
    )

    cookies = {
        name: each for text in answer.headers.get_list("set-cookie") for name, each in SimpleCookie(text).items()
    }
    assert cookies.keys() == {ACCESS, REFRESH, CSRF}
    for name, cookie in cookies.items():
        assert (cookie["secure"], cookie["samesite"], cookie["domain"]) == (True, "lax", "")
        assert bool(cookie["httponly"]) is (name != CSRF)
    assert (cookies[ACCESS]["path"], cookies[REFRESH]["path"], cookies[CSRF]["path"]) == ("/", "/api/auth", "/")
    assert cookies[CSRF].value == answer.json()["csrfToken"]
    assert cookies[ACCESS].value not in answer.text


async def test_with_the_csrf_token_a_browser_is_signed_in(browser: Accounts) -> None:
    answer = await browser.core.post("/graphql", json=GRAPHQL, headers=csrf(browser))

    assert answer.json()["data"]["me"]["email"].startswith("walker-")


@pytest.mark.parametrize("headers", [{}, {"x-csrf-token": ""}, {"x-csrf-token": "x" * 43}, {"origin": EVIL}])
async def test_without_it_nothing_is_carried_out(browser: Accounts, headers: dict[str, str]) -> None:
    answer = await browser.core.post("/graphql", json=RENAME, headers=headers)
    rest = await browser.auth.post("/api/auth/logout", json={}, headers=headers)
    refresh = await browser.auth.post("/api/auth/refresh", json={}, headers=headers)

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (rest.status_code, refresh.status_code) == (403, 403)
    assert (await browser.core.post("/graphql", json=GRAPHQL, headers=csrf(browser))).json()["data"]["me"]


async def test_a_csrf_token_of_another_session_is_none(browser: Accounts, together: Accounts) -> None:
    other = await together.registered()
    first = browser.core.cookies[ACCESS]
    login = {"email": other.email, "password": PASSWORD, "cookies": True}
    of_other = (await browser.auth.post("/api/auth/login", json=login)).json()["csrfToken"]
    browser.core.cookies.clear()

    refused = await browser.core.post(
        "/graphql", json=GRAPHQL, headers={"cookie": f"{ACCESS}={first}; {CSRF}={of_other}", "x-csrf-token": of_other}
    )

    assert refused.status_code == 403


async def test_a_link_by_get_is_a_guests_and_a_read_with_a_preflight_is_not(browser: Accounts) -> None:
    link = await browser.core.get("/graphql", params=GRAPHQL)
    asked = await browser.core.get("/graphql", params=GRAPHQL, headers={"graphql-require-preflight": "1"})

    assert link.json()["data"] == {"me": None}
    assert asked.json()["data"]["me"] is not None


async def test_cookies_are_refreshed_and_cleared(browser: Accounts) -> None:
    before = dict(browser.auth.cookies)

    refreshed = await browser.auth.post("/api/auth/refresh", json={}, headers=csrf(browser))
    after = dict(browser.auth.cookies)
    out = await browser.auth.post("/api/auth/logout", json={}, headers=csrf(browser))

    assert refreshed.status_code == 200
    assert after[REFRESH] != before[REFRESH]
    assert "refreshToken" not in refreshed.json()
    assert out.status_code == 200
    assert all('=""' in text and "Max-Age=0" in text for text in out.headers.get_list("set-cookie"))


async def test_a_header_is_as_good_as_ever(browser: Accounts, together: Accounts) -> None:
    holder = await together.signed_in()

    answer = await browser.core.post("/graphql", json=GRAPHQL, headers=holder.headers)

    assert answer.json()["data"]["me"]["email"] == holder.email


async def test_a_shop_that_keeps_no_cookies_says_so_and_believes_none(together: Accounts, browser: Accounts) -> None:
    asked = await together.auth.post(
        "/api/auth/login", json={"email": "a@example.com", "password": "x", "cookies": True}
    )
    shown = await together.core.post(
        "/graphql", json=GRAPHQL, headers={"cookie": f"{ACCESS}={browser.core.cookies[ACCESS]}"}
    )

    assert (asked.status_code, asked.json()["error"]["field"]) == (400, "cookies")
    assert shown.json()["data"] == {"me": None}


# ------------------------------------------------------------------------------------------------ other origins


async def test_a_storefront_that_is_named_may_call_the_api(site: Accounts) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,x-csrf-token"}

    preflight = await site.core.options("/graphql", headers={"origin": STOREFRONT, **asked})
    answer = await site.core.post("/graphql", json={"query": "{ shop { name } }"}, headers={"origin": STOREFRONT})

    assert preflight.status_code == 200
    for each in (preflight, answer):
        assert each.headers["access-control-allow-origin"] == STOREFRONT
        assert each.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in each.headers["vary"]


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "https://store.example.evil.example", "http://store.example", "https://STORE.example", "*"]
)
@pytest.mark.parametrize("path", ["/graphql", "/api/auth/login"])
async def test_no_other_origin_is_reflected(site: Accounts, origin: str, path: str) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}

    preflight = await site.core.options(path, headers={"origin": origin, **asked})
    answer = await site.core.post(path, json={"query": ME}, headers={"origin": origin})

    assert preflight.status_code == 400
    for each in (preflight, answer):
        assert "access-control-allow-origin" not in each.headers


async def test_a_shop_that_names_no_origin_answers_no_preflight(together: Accounts) -> None:
    answer = await together.core.options(
        "/api/auth/login", headers={"origin": STOREFRONT, "access-control-request-method": "POST"}
    )

    assert not [name for name in answer.headers if name.startswith("access-control")]
