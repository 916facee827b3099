"""What the explorer sends beside the document, and what it shows of a request: cost, cache state, who is signed in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Page, Route, expect

from app.seed.logins import DEMO_CUSTOMERS
from tests.browser.explorer_page import answers, execute, loaded, open_explorer, run_tab, shown_answer, write

COST = {
    "requestedQueryCost": 101,
    "actualQueryCost": 46,
    "throttleStatus": {"maximumAvailable": 1000, "currentlyAvailable": 954, "restoreRate": 50},
}
CACHE = {"hits": 3, "misses": 1, "stale": 0}


def answering(extensions: dict[str, Any]) -> Callable[[Route], Awaitable[None]]:
    """Lets the server answer, and puts these extensions in the place of its own."""

    async def answer(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(response=response, json={**await response.json(), "extensions": extensions})

    return answer


async def test_the_last_request_shows_its_cost_and_what_the_cache_did(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await page.route(explorer_url, answering({"cost": COST, "cache": CACHE, "other": "stays"}))

    async with page.expect_request(lambda request: request.headers.get("x-debug") == "cost, cache"):
        await run_tab(page, "Product")

    shown = page.get_by_label("Last request")
    for text in ("Product", "46 of 101 estimated", "954 of 1000", "3 hits, 1 miss, 0 stale"):
        await expect(shown).to_contain_text(text)
    await page.locator(".result-window .view-lines").click()
    await page.keyboard.press("Control+End")
    await expect(shown_answer(page)).to_contain_text('"other": "stays"')
    await expect(shown_answer(page)).not_to_contain_text("requestedQueryCost")


async def test_the_server_tells_what_a_search_cost_and_what_the_cache_did(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)

    await run_tab(page, "Search")

    shown = page.get_by_label("Last request")
    await expect(shown).to_contain_text(re.compile(r"Cost[1-9]\d* of [1-9]\d* estimated"))
    await expect(shown).to_contain_text(re.compile(r"Left\d+ of [1-9]\d+"))
    await expect(shown).to_contain_text(re.compile(r"Cache\d+ hits?, \d+ miss"))


async def test_a_refused_request_shows_that_it_cost_nothing(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await page.route(
        explorer_url, answering({"cost": {**COST, "actualQueryCost": None}, "cache": dict.fromkeys(CACHE, 0)})
    )

    await run_tab(page, "Search")

    await expect(page.get_by_label("Last request")).to_contain_text("not run of 101 estimated")
    await expect(page.get_by_label("Last request")).to_contain_text("not used")


async def test_nothing_is_shown_where_the_server_tells_nothing(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await page.route(explorer_url, answering({"cost": COST}))
    await run_tab(page, "Search")
    await expect(page.get_by_label("Last request")).to_be_visible()
    await page.unroute(explorer_url)
    await page.route(explorer_url, answering({}))

    await run_tab(page, "Product")

    await expect(page.get_by_label("Last request")).to_have_count(0)


async def test_a_header_of_the_editor_replaces_the_pages_own(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await page.route(explorer_url, answering({"cost": COST}))
    await page.get_by_role("button", name="Headers").click()
    await write(page, ".graphiql-editor-tool .graphiql-editor:not(.hidden)", '{"X-Debug": "cost"}')

    async with page.expect_request(lambda request: request.headers.get("x-debug") == "cost"):
        await execute(page, "Search")

    await page.locator(".result-window .view-lines").click()
    await page.keyboard.press("Control+End")
    await expect(shown_answer(page)).to_contain_text('"requestedQueryCost": 101')


async def test_who_is_signed_in_sends_a_token_that_is_nowhere_in_storage(page: Page, explorer_url: str) -> None:
    email, password, _ = DEMO_CUSTOMERS[0]
    await open_explorer(page, explorer_url)
    await sign_in(page, email, password)
    await expect(page.locator(".panel")).to_contain_text(f"Signed in as {email}")

    async with page.expect_response(answers("Search")) as sent:
        await run_tab(page, "Search")
    scheme, _, token = (await (await sent.value).request.all_headers())["authorization"].partition(" ")

    assert scheme == "Bearer"
    assert len(token) > 100
    kept = await everything_kept(page)
    assert "graphiql:tabState" in kept
    assert token not in kept
    assert password not in kept
    async with loaded(page):
        await page.reload()
    async with page.expect_response(answers("Search")) as sent:
        await run_tab(page, "Search")
    assert "authorization" not in await (await sent.value).request.all_headers()


async def test_who_signs_out_sends_no_token_any_more(page: Page, explorer_url: str) -> None:
    email, password, _ = DEMO_CUSTOMERS[0]
    await open_explorer(page, explorer_url)
    await sign_in(page, email, password)

    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_label("Password")).to_have_value("")
    async with page.expect_response(answers("Search")) as sent:
        await run_tab(page, "Search")
    assert "authorization" not in await (await sent.value).request.all_headers()


async def test_a_refused_sign_in_says_so_and_keeps_nothing(page: Page, explorer_url: str, faults: list[str]) -> None:
    await open_explorer(page, explorer_url)

    await sign_in(page, "nobody@example.com", "wrong, not to be kept")

    await expect(page.locator(".sign-in .fault")).not_to_be_empty()
    assert "not to be kept" not in await everything_kept(page)
    assert all("Failed to load resource" in fault for fault in faults), faults  # the browser's own note of the 4xx
    faults.clear()


async def sign_in(page: Page, email: str, password: str) -> None:
    await page.get_by_role("button", name="Show Sign in").click()
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.locator(".sign-in").get_by_role("button", name="Sign in").click()


async def everything_kept(page: Page) -> str:
    """All that the page has in the browser's storages."""
    return str(
        await page.evaluate(
            "async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie,"
            " await indexedDB.databases(), await caches.keys()])"
        )
    )
