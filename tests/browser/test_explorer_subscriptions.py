"""Subscriptions in the explorer: each state as it comes, until the button or the server ends it."""

from __future__ import annotations

import json

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.explorer_page import (
    execute_button,
    open_explorer,
    run_tab,
    shown_answer,
    stop_button,
    watch_tab,
    write,
)

# Where the page asks for a stream, it gets one that the test writes.
STAND_IN = """
    const fetchFromServer = globalThis.fetch;
    globalThis.fetch = async (address, options = {}) => {
      if (options.headers?.accept !== 'text/event-stream') return fetchFromServer(address, options);
      const encoder = new TextEncoder();
      const body = new ReadableStream({
        start(controller) {
          globalThis.write = (text) => controller.enqueue(encoder.encode(text));
          globalThis.close = () => controller.close();
        },
      });
      globalThis.asked = options;
      return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
    };
"""
BEAT = ":\n\n"
COMPLETE = "event: complete\ndata: \n\n"


def event(state: str, **extensions: object) -> str:
    """One answer, as a server writes it."""
    answer = {"data": {"checkoutAttemptUpdated": {"state": state}}, "extensions": extensions}
    return f"event: next\ndata: {json.dumps(answer)}\n\n"


async def start_watching(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await page.get_by_role("button", name="New tab").click()
    await write(page, ".graphiql-query-editor", 'subscription { checkoutAttemptUpdated(id: "a") { state } }')
    await execute_button(page).click()


async def start_watching_stand_in(page: Page, explorer_url: str) -> None:
    await page.add_init_script(STAND_IN)
    await start_watching(page, explorer_url)
    await page.wait_for_function("'asked' in globalThis")


async def send(page: Page, *texts: str) -> None:
    """Each text is a chunk of its own, and has been read before the next."""
    for text in texts:
        await page.evaluate("text => globalThis.write(text)", text)


async def test_the_banks_answer_shows_without_being_asked_for(page: Page, explorer_url: str, bank_url: str) -> None:
    await open_explorer(page, explorer_url)
    for title in ("Product", "CreateCart", "SetAddress", "SetDelivery", "BuyAgain"):
        await run_tab(page, title)
    approval = (await run_tab(page, "CardApproval"))["checkoutComplete"]
    await watch_tab(page, "WaitForApproval")
    await expect(shown_answer(page)).to_contain_text('"state": "ACTION_REQUIRED"')

    payment, _, _ = approval["clientSecret"].partition("_secret_")
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{bank_url}/{payment}", params={"outcome": "succeed"})

    assert answer.status_code == 200
    await expect(shown_answer(page)).to_contain_text('"state": "SUCCEEDED"')
    await expect(shown_answer(page)).to_contain_text('"paymentStatus": "PAID"')
    await stop_button(page).click()
    await expect(execute_button(page)).to_be_visible()


async def test_each_state_shows_as_it_comes_until_the_server_is_done(page: Page, explorer_url: str) -> None:
    await start_watching_stand_in(page, explorer_url)

    await send(page, event("PENDING")[:30], event("PENDING")[30:])
    await expect(shown_answer(page)).to_contain_text("PENDING")
    await send(page, BEAT, event("ACTION_REQUIRED"))
    await expect(shown_answer(page)).to_contain_text("ACTION_REQUIRED")
    await expect(stop_button(page)).to_be_visible()
    await send(page, event("SUCCEEDED") + COMPLETE)

    await expect(execute_button(page)).to_be_visible()
    await expect(shown_answer(page)).to_contain_text("SUCCEEDED")


async def test_each_answer_shows_what_it_cost(page: Page, explorer_url: str) -> None:
    await start_watching_stand_in(page, explorer_url)

    for used in (2, 1):
        await send(page, event("PENDING", cost={"requestedQueryCost": 3, "actualQueryCost": used}))
        await expect(page.get_by_label("Last request")).to_contain_text(f"{used} of 3 estimated")

    await expect(shown_answer(page)).not_to_contain_text("requestedQueryCost")
    assert await page.evaluate("asked.headers['x-debug']") == "cost, cache"


async def test_the_button_ends_the_request_and_keeps_the_state(page: Page, explorer_url: str) -> None:
    await start_watching_stand_in(page, explorer_url)
    await send(page, event("PENDING"))
    await expect(shown_answer(page)).to_contain_text("PENDING")

    await stop_button(page).click()

    await expect(execute_button(page)).to_be_visible()
    await expect(shown_answer(page)).to_contain_text("PENDING")
    assert await page.evaluate("asked.signal.aborted")


async def test_opening_another_tab_ends_the_request(page: Page, explorer_url: str) -> None:
    await start_watching_stand_in(page, explorer_url)
    await send(page, event("PENDING"))
    await expect(shown_answer(page)).to_contain_text("PENDING")

    await page.get_by_role("button", name="New tab").click()

    await expect(execute_button(page)).to_be_visible()
    assert await page.evaluate("asked.signal.aborted")


async def test_a_stream_that_breaks_off_says_so(page: Page, explorer_url: str) -> None:
    await start_watching_stand_in(page, explorer_url)
    await send(page, event("PENDING"))
    await expect(shown_answer(page)).to_contain_text("PENDING")

    await page.evaluate("globalThis.close()")

    await expect(shown_answer(page)).to_contain_text("Connection closed")
    await expect(execute_button(page)).to_be_visible()


@pytest.mark.parametrize(
    ("status", "media_type", "body", "shown"),
    [
        (429, "application/json", '{"errors": [{"message": "Too much at once."}]}', "Too much at once."),
        (502, "text/html", "<h1>Bad gateway</h1>", "The server answered HTTP 502 without JSON."),
    ],
)
async def test_a_refusal_shows_what_the_server_says(
    page: Page, explorer_url: str, faults: list[str], status: int, media_type: str, body: str, shown: str
) -> None:
    async def refuse(route: Route) -> None:
        if route.request.headers["accept"] == "text/event-stream":
            await route.fulfill(status=status, content_type=media_type, body=body)
        else:
            await route.continue_()

    await page.route(explorer_url, refuse)

    await start_watching(page, explorer_url)

    await expect(shown_answer(page)).to_contain_text(shown)
    await expect(execute_button(page)).to_be_visible()
    assert all("Failed to load resource" in fault for fault in faults), faults  # the browser's own note of the status
    faults.clear()
