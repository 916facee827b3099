"""The overview page in a real browser, and the command that it shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.async_api import Page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
async def test_the_overview_shows_itself_and_fits(page: Page, shop_url: str, scheme: str, width: int) -> None:
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": width, "height": 800})

    await page.goto(shop_url)

    assert await page.get_by_role("heading", level=1).inner_text()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_every_link_of_the_overview_leads_somewhere(page: Page, shop_url: str) -> None:
    await page.goto(shop_url)
    addresses = await page.locator("nav a").evaluate_all("links => links.map(link => link.href)")

    async with httpx.AsyncClient() as client:
        found = {
            address: (await client.get(address)).status_code for address in addresses if "/graphql" not in address[-8:]
        }

    assert len(addresses) >= 3
    assert set(found.values()) == {200}, found


async def test_the_command_on_the_overview_finds_mugs(page: Page, shop_url: str) -> None:
    await page.goto(shop_url)
    words = shlex.split(await page.locator("pre").inner_text())
    name, _, query = words[-1].partition("=")

    async with httpx.AsyncClient() as client:
        answer = await client.get(words[2], params={name: query}, headers={"accept": "*/*"})

    assert answer.status_code == 200
    assert answer.json()["data"]["products"]["nodes"]
