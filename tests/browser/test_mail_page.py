"""From the overview to an e-mail that a paid order caused, and along its link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import expect

from tests.examples import DOCUMENTS, remember, variables_of

if TYPE_CHECKING:
    from playwright.async_api import Page


PAID = "08-order"


async def buy(shop_url: str) -> str:
    """Go from a search to a paid order, as the examples do; returns its number."""
    memory: dict[str, str] = {}
    async with httpx.AsyncClient(headers={"accept": "application/json"}, timeout=30) as client:
        for path in DOCUMENTS:
            body = {"query": path.read_text(), "variables": variables_of(path, memory)}
            answer = (await client.post(f"{shop_url}/graphql", json=body)).json()
            remember(answer["data"], memory)
            if path.stem == PAID:
                return str(answer["data"]["order"]["number"])
    raise AssertionError(f"there is no example {PAID}")


async def test_a_buyer_is_written_to_and_the_overview_leads_there(page: Page, shop_url: str) -> None:
    number = await buy(shop_url)

    await page.goto(shop_url)
    await page.get_by_role("link", name="E-mails").click()
    email = page.get_by_role("link", name=f"Order {number} is confirmed")
    for _ in range(100):  # the worker writes as soon as it can; the page is as of its last loading
        if await email.count():
            break
        await page.wait_for_timeout(100)
        await page.reload()
    await expect(email).to_have_count(1)
    await expect(page.locator("article").first).to_contain_text(number)  # the newest
    await page.get_by_text("Text", exact=True).first.click()
    await expect(page.locator("article pre").first).to_contain_text("Total: $")
    await email.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Order {number} is confirmed")
    await page.get_by_role("link", name="See the order").click()

    await expect(page.get_by_role("heading", level=1)).to_contain_text("order")
    document = await page.locator("pre").inner_text()
    async with httpx.AsyncClient(headers={"accept": "application/json"}) as client:
        answer = (await client.post(f"{shop_url}/graphql", json={"query": document})).json()
    assert answer["data"]["order"] == {"number": number, "status": "CONFIRMED", "paymentStatus": "PAID"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
async def test_the_page_of_e_mails_fits(page: Page, shop_url: str, scheme: str, width: int) -> None:
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": width, "height": 800})

    await page.goto(f"{shop_url}/mail")

    assert await page.get_by_role("heading", level=1).inner_text() == "E-mails"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
