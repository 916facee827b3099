"""The explorer in a real browser: every example tab, from the first search to the paid order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Page

EXAMPLES = sorted(path.stem for path in (Path(__file__).parents[2] / "docs" / "examples").glob("*.graphql"))
EDITOR_SECONDS = 20  # 1.5 MB of editor on a machine with two busy cores


async def open_explorer(page: Page, explorer_url: str) -> None:
    await page.goto(explorer_url)
    await page.wait_for_selector(".graphiql-query-editor .view-line", timeout=EDITOR_SECONDS * 1000)


async def open_tab(page: Page, title: str) -> None:
    await page.locator(".graphiql-tab").get_by_text(title, exact=True).click()


async def run_tab(page: Page, title: str) -> Any:
    """Open the tab, press the button, return what the server answered."""
    await open_tab(page, title)
    async with page.expect_response(lambda response: response.request.method == "POST") as sent:
        await page.get_by_role("button", name="Execute").click()
    answer = await (await sent.value).json()
    assert answer.get("errors") is None, f"{title}: {answer}"
    return answer["data"]


async def shown_answer(page: Page) -> str:
    text = await page.locator(".result-window .view-lines").inner_text()
    return text.replace("\u00a0", " ")


async def test_the_tabs_buy_something_without_a_value_being_copied(
    page: Page, explorer_url: str, tmp_path: Path
) -> None:
    await open_explorer(page, explorer_url)

    found = (await run_tab(page, "Search"))["products"]
    assert found["totalCount"]["value"] > 0
    assert {facet["slug"] for facet in found["facets"]} >= {"brand", "category", "price"}

    product = (await run_tab(page, "Product"))["product"]
    assert product["name"] == "Trail Mug"

    created = (await run_tab(page, "CreateCart"))["cartCreate"]
    assert created["userErrors"] == []
    assert created["cart"]["totalQuantity"] == 2

    addressed = (await run_tab(page, "SetAddress"))["cartUpdate"]
    assert addressed["userErrors"] == []
    assert addressed["cart"]["id"] == created["cart"]["id"]
    assert addressed["cart"]["readiness"]["missing"] == ["DELIVERY_OPTION"]

    ready = (await run_tab(page, "SetDelivery"))["cartUpdate"]
    assert ready["userErrors"] == []
    assert ready["cart"]["readiness"] == {"ready": True, "missing": []}

    declined = (await run_tab(page, "CardDeclined"))["checkoutComplete"]
    assert declined["__typename"] == "CheckoutFailed"
    assert [error["code"] for error in declined["userErrors"]] == ["PAYMENT_DECLINED"]
    assert declined["cart"]["state"] == "ACTIVE"

    paid = (await run_tab(page, "Pay"))["checkoutComplete"]
    assert paid["__typename"] == "CheckoutCompleted"

    order = (await run_tab(page, "Order"))["order"]
    assert order["number"] == paid["order"]["number"]
    assert order["paymentStatus"] == "PAID"
    assert order["cost"]["total"]["formatted"] == ready["cart"]["cost"]["total"]["formatted"]
    assert "PAID" in await shown_answer(page)
    await page.screenshot(path=tmp_path / "order.png")

    again = (await run_tab(page, "BuyAgain"))["cartCreate"]
    assert again["userErrors"] == []
    assert again["cart"]["id"] != created["cart"]["id"]
    assert again["cart"]["readiness"]["missing"] == ["DELIVERY_OPTION"]

    approval = (await run_tab(page, "CardApproval"))["checkoutComplete"]
    assert approval["__typename"] == "CheckoutActionRequired"
    assert approval["attempt"]["state"] == "ACTION_REQUIRED"
    assert approval["orderAccessToken"] != paid["orderAccessToken"]


async def test_there_is_one_tab_for_each_example_in_the_order_of_the_files(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)

    titles = await page.locator(".graphiql-tab").all_inner_texts()

    as_in_files = ["".join(word.capitalize() for word in name.split("-")[1:]) for name in EXAMPLES]
    assert [title.strip() for title in titles] == as_in_files


async def test_a_tab_that_is_run_too_early_names_the_one_to_run_first(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await open_tab(page, "Pay")

    await page.get_by_role("button", name="Execute").click()

    await page.locator(".result-window").get_by_text("run the tab CreateCart first").wait_for()
    assert "<cartId> is not" in await shown_answer(page)


async def test_the_editor_completes_from_the_schema(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await page.get_by_role("button", name="New tab").click()
    await page.locator(".graphiql-query-editor .monaco-editor").click()

    await page.keyboard.type("{ produ")

    await page.locator(".suggest-widget").get_by_text("products", exact=True).wait_for()


async def test_every_panel_and_tool_works_under_the_policy(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    panels = page.locator(".graphiql-sidebar button[aria-label^='Show ']")
    names = await panels.evaluate_all("buttons => buttons.map(button => button.ariaLabel)")

    for name in names:
        await page.get_by_role("button", name=name, exact=True).click()
        await page.wait_for_timeout(300)
    await page.get_by_role("button", name="Prettify query").click()
    await page.get_by_role("button", name="Open settings dialog").click()
    await page.get_by_text("Theme").first.wait_for()

    assert len(names) == 4  # the fifth, of the examples, was open from the start
    assert await page.get_by_text("Persist headers").count() == 0


async def test_a_closed_example_opens_again_from_the_list(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await open_tab(page, "Product")
    await page.locator(".graphiql-tab-active").get_by_role("button", name="Close Tab").click()

    await page.locator(".examples").get_by_role("button", name="Open one product").click()

    await page.locator(".graphiql-tab-active").get_by_text("Product", exact=True).wait_for()
    await page.locator(".graphiql-query-editor").get_by_text("query Product").wait_for()


async def test_a_reload_keeps_the_tabs_and_restoring_brings_the_examples_back(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await open_tab(page, "Product")
    await page.locator(".graphiql-tab-active").get_by_role("button", name="Close Tab").click()
    await page.wait_for_timeout(1000)  # GraphiQL writes to its storage half a second later

    await page.reload()
    await page.wait_for_selector(".graphiql-query-editor .view-line")
    after_reload = await page.locator(".graphiql-tab").count()
    async with page.expect_navigation():
        await page.get_by_role("button", name="Restore all examples").click()
    await page.wait_for_selector(".graphiql-query-editor .view-line")

    assert after_reload == len(EXAMPLES) - 1
    assert await page.locator(".graphiql-tab").count() == len(EXAMPLES)


async def test_a_refused_sign_in_says_so_and_keeps_nothing(page: Page, explorer_url: str, faults: list[str]) -> None:
    await open_explorer(page, explorer_url)
    await page.get_by_role("button", name="Show Sign in").click()
    await page.get_by_label("E-mail").fill("nobody@example.com")
    await page.get_by_label("Password").fill("wrong, not to be kept")

    await page.locator(".sign-in").get_by_role("button", name="Sign in").click()

    await page.locator(".sign-in .fault:not(:empty)").wait_for()
    stored = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "not to be kept" not in stored
    assert all("Failed to load resource" in fault for fault in faults), faults  # the browser's own note of the 4xx
    faults.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_explorer_follows_the_colours_of_the_system(page: Page, explorer_url: str, scheme: str) -> None:
    await page.emulate_media(color_scheme=scheme)
    await open_explorer(page, explorer_url)

    colour = await page.evaluate("getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor")

    lightness = max(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(","))
    assert lightness > 200 if scheme == "light" else lightness < 100
